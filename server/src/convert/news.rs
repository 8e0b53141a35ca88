//! News of the house as what is pushed: the fields that the commands show, in JSON, and what happened.

use serde_json::{Map, Value, json};
use tidegate_actors::{CartNews, OrderNews, RefundReason, RoomNews};
use tidegate_engine::{CartView, Millis, OrderView, RoomView, SkuView};
use tidegate_protocol::json::{
    CART_EVENTS, ORDER_EVENTS, PRICE_FIELDS, REFUND_REASONS, ROOM_EVENTS, STOCK_FIELDS, reply,
};
use tidegate_protocol::resp::{Protocol, Writer, decode_reply};

use super::reply::{write_cart, write_order, write_room, write_view};

/// The fields of a JSON object.
pub(crate) type Fields = Map<String, Value>;

/// What a unit of a SKU costs, and whether it is for sale.
pub(crate) fn price_news(sku: &str, view: Option<&SkuView>, now: Millis) -> Fields {
    of_sku(sku, view, now, &PRICE_FIELDS)
}

/// The four counts of a SKU.
pub(crate) fn stock_news(sku: &str, view: Option<&SkuView>, now: Millis) -> Fields {
    of_sku(sku, view, now, &STOCK_FIELDS)
}

pub(super) fn of_sku(sku: &str, view: Option<&SkuView>, now: Millis, fields: &[&str]) -> Fields {
    let Some(view) = view else { return absent_news("sku", sku) };
    let mut all = shown("SKU.GET", |writer| write_view(sku, Some(view), now, writer));
    all.retain(|name, _| fields.contains(&name.as_str()));
    all
}

/// What is said of something that is not there.
pub(crate) fn absent_news(what: &str, name: &str) -> Fields {
    [(what.to_owned(), json!(name)), ("state".to_owned(), Value::Null)].into_iter().collect()
}

/// A room, and what happened to it.
pub(crate) fn room_news(sku: &str, room: &RoomView, what: Option<RoomNews>) -> Fields {
    let mut fields = shown("ROOM.GET", |writer| write_room(sku, room, writer));
    let [opened, joined, paid, left, succeeded, failed] = ROOM_EVENTS;
    let event = what.map(|what| match what {
        RoomNews::Opened => opened,
        RoomNews::Joined => joined,
        RoomNews::Paid => paid,
        RoomNews::Left => left,
        RoomNews::Succeeded => succeeded,
        RoomNews::Failed => failed,
    });
    fields.extend(event.map(|event| ("event".to_owned(), json!(event))));
    fields
}

/// An order, and what happened to it.
pub(crate) fn order_news(sku: &str, order: &OrderView, what: OrderNews) -> Fields {
    let mut fields = shown("ORDER.GET", |writer| write_order(sku, order, writer));
    let [reserved, paid, cancelled, expired, refund_due, refunded] = ORDER_EVENTS;
    let name = match what {
        OrderNews::Reserved => reserved,
        OrderNews::Paid => paid,
        OrderNews::Cancelled => cancelled,
        OrderNews::Expired => expired,
        OrderNews::RefundDue { .. } => refund_due,
        OrderNews::Refunded => refunded,
    };
    fields.insert("type".to_owned(), json!(name));
    if let OrderNews::RefundDue { amount, why } = what {
        let [payment, tier, room] = REFUND_REASONS;
        let reason = match why {
            RefundReason::Payment => payment,
            RefundReason::Tier => tier,
            RefundReason::Room => room,
        };
        fields.insert("refund".to_owned(), json!(amount));
        fields.insert("reason".to_owned(), json!(reason));
    }
    fields
}

/// A cart, and what happened to it.
pub(crate) fn cart_news(campaign: &str, cart: &CartView, what: CartNews) -> Fields {
    let mut fields = shown("CART.GET", |writer| write_cart(campaign, cart, writer));
    let [reserved, paid, cancelled, expired] = CART_EVENTS;
    let name = match what {
        CartNews::Reserved => reserved,
        CartNews::Paid => paid,
        CartNews::Cancelled => cancelled,
        CartNews::Expired => expired,
    };
    fields.insert("type".to_owned(), json!(name));
    fields
}

/// What a command shows, as its reply in JSON has it.
pub(super) fn shown(command: &str, write: impl FnOnce(&mut Writer<'_>)) -> Fields {
    let mut bytes = Vec::new();
    write(&mut Writer::new(&mut bytes, Protocol::Resp3));
    let found = tidegate_protocol::command::find(command.as_bytes());
    let map = decode_reply(&bytes).ok().flatten().and_then(|map| map.value().ok());
    match found.zip(map).map(|(command, map)| reply(command, &map)) {
        Some(Ok(Value::Object(fields))) => fields,
        // What was just written is a map, and the commands are in the table.
        _ => Fields::new(),
    }
}
