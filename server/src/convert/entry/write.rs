//! Writes entries of the feed: a CloudEvent in JSON, and around it the entry of a Redis stream.

use tidegate_actors::Reply;
use tidegate_engine::{
    CartId, CartNumber, CartView, DiscountKind, Discounts, Millis, OrderId, OrderNumber, OrderView, RoomId,
    RoomNumber, SkuView, less_percent,
};
use tidegate_protocol::document::Discount;
use tidegate_protocol::resp::{Protocol, Writer};

use super::json::{Object, put_text};
use super::{Buyer, Draft, Entry, Reserved};
use crate::convert::campaign::discount;

/// Who it happened to.
#[derive(Clone, Copy)]
pub(crate) struct Who<'w> {
    /// The SKU or the campaign.
    pub(crate) name: &'w str,
    /// The SKU as it stands: of that only is told what never changes.
    pub(crate) view: Option<&'w SkuView>,
}

/// Writes entries, in buffers that are used again.
#[derive(Default)]
pub(crate) struct EntryWriter {
    data: Vec<u8>,
    /// The text of a time, which the entries of one turn share.
    time: (Option<Millis>, String),
}

/// The head of an entry: its type, its key, and what it is about.
struct Head<'h> {
    kind: &'static str,
    key: &'h str,
    subject: String,
}

impl EntryWriter {
    /// Appends an entry as it stands in the reply to a client. False, and nothing, if the answer to what was asked is
    /// none: then the SKU does not know what happened to it, which is a defect.
    pub(crate) fn write(
        &mut self,
        draft: &Draft<'_>,
        who: Who<'_>,
        known: Option<&Reply>,
        out: &mut Vec<u8>,
    ) -> bool {
        let order = match known {
            Some(Reply::Order(Some(order))) => Some(&**order),
            _ => None,
        };
        let cart = match known {
            Some(Reply::Cart(Some(cart))) => Some(&**cart),
            _ => None,
        };
        if draft.entry.fact().is_some() && order.is_none() && cart.is_none() {
            return false;
        }
        let head = head(&draft.entry, who);
        let mut id = itoa::Buffer::new();
        let id = id.format(draft.sequence);
        if self.time.0 != Some(draft.at) {
            let millis = i64::try_from(draft.at.0).unwrap_or(i64::MAX);
            let text = jiff::Timestamp::from_millisecond(millis).map(|time| format!("{time:.3}"));
            self.time = (Some(draft.at), text.unwrap_or_default());
        }
        self.data.clear();
        let mut event = Object::begin(&mut self.data);
        event.text("specversion", "1.0");
        event.with("id", |out| {
            out.push(b'"');
            out.extend_from_slice(id.as_bytes());
            out.extend_from_slice(b"-0\"");
        });
        event.text("source", "/tidegate");
        event.text("type", head.kind);
        event.text("time", &self.time.1);
        event.text("subject", &head.subject);
        event.text("datacontenttype", "application/json");
        event.with("data", |out| {
            let mut data = Object::begin(out);
            put_data(&mut data, &draft.entry, who, order, cart);
            data.end();
        });
        event.end();
        // An entry looks the same in both versions of the protocol.
        let mut writer = Writer::new(out, Protocol::Resp2);
        writer.array(2);
        let mut text = [0; 22];
        text[..id.len()].copy_from_slice(id.as_bytes());
        text[id.len()..id.len() + 2].copy_from_slice(b"-0");
        writer.bulk(&text[..id.len() + 2]);
        writer.array(6);
        for (name, value) in
            [("type", head.kind.as_bytes()), ("key", head.key.as_bytes()), ("data", &self.data)]
        {
            writer.bulk(name);
            writer.bulk(value);
        }
        true
    }
}

fn head<'h>(entry: &Entry<'h>, who: Who<'h>) -> Head<'h> {
    let of_order = |kind, order| Head { kind, key: who.name, subject: order_id(who.name, order) };
    let of_room = |kind, room| Head { kind, key: who.name, subject: room_id(who.name, room) };
    let of_cart = |kind, cart| Head { kind, key: who.name, subject: cart_id(who.name, cart) };
    let plain = |kind| Head { kind, key: who.name, subject: who.name.to_owned() };
    match entry {
        Entry::Reserved(reserved) => of_order("order.reserved", reserved.by.order),
        Entry::Paid { order, .. } => of_order("order.paid", *order),
        Entry::RefundDue { order, .. } => of_order("order.refund_due", *order),
        Entry::Cancelled { order, .. } => of_order("order.cancelled", *order),
        Entry::Expired { order, .. } => of_order("order.expired", *order),
        Entry::Refunded { order, .. } => of_order("order.refunded", *order),
        Entry::RoomOpened { room, .. } => of_room("room.opened", *room),
        Entry::RoomJoined { room, .. } => of_room("room.joined", *room),
        Entry::RoomSettled { room, tier: Some(_), .. } => of_room("room.succeeded", *room),
        Entry::RoomSettled { room, tier: None, .. } => of_room("room.failed", *room),
        Entry::CouponUsed { by, .. } => of_order("coupon.used", by.order),
        Entry::CouponMoved { order, back: false } => of_order("coupon.used", *order),
        Entry::CouponMoved { order, back: true } => of_order("coupon.returned", *order),
        Entry::BuyerBlocked(_) | Entry::BuyerLapsedOut(_) => plain("buyer.blocked"),
        Entry::SkuCreated { .. } => plain("sku.created"),
        Entry::Restocked { .. } => plain("sku.restocked"),
        Entry::Repriced(_) => plain("sku.repriced"),
        Entry::Paused => plain("sku.paused"),
        Entry::Resumed => plain("sku.resumed"),
        Entry::CampaignPut => plain("campaign.put"),
        Entry::Granted(_) => plain("coupon.granted"),
        Entry::CartReserved(new) => of_cart("cart.reserved", new.cart),
        Entry::LineReserved { cart, line } => {
            let line = cart.items.get(*line);
            let (sku, order) = line.map_or((who.name, OrderNumber(0)), |line| (line.sku, line.order));
            Head { kind: "order.reserved", key: sku, subject: order_id(sku, order) }
        }
        Entry::CartCoupon { cart, .. } => of_cart("coupon.used", cart.cart),
        Entry::CartPaid(payment) => of_cart("cart.paid", payment.cart),
        Entry::CartOverpaid(payment) => of_cart("order.refund_due", payment.cart),
        Entry::CartCancelled(cart) => of_cart("cart.cancelled", *cart),
        Entry::CartExpired(cart) => of_cart("cart.expired", *cart),
    }
}

/// Writes what the entry says, in the words of the protocol. `order` and `cart` are what was asked for.
fn put_data(
    data: &mut Object<'_>,
    entry: &Entry<'_>,
    who: Who<'_>,
    order: Option<&OrderView>,
    cart: Option<&CartView>,
) {
    match entry {
        Entry::Reserved(reserved) => put_reserved(data, reserved, who),
        Entry::Paid { payment, amount, .. } => {
            if let Some(order) = order {
                put_order(data, order, who.name);
                data.number("amount", *amount);
                put_discounts(data, &discounts_when_paid(order, *amount));
            }
            data.text("payment", payment);
        }
        Entry::RefundDue { payment, amount, reason, .. } => {
            if let Some(order) = order {
                put_order(data, order, who.name);
                data.number("amount", amount.unwrap_or(order.amount));
                if let Some(payment) = payment.or(order.payment.as_deref()) {
                    data.text("payment", payment);
                }
            }
            data.text("reason", reason);
        }
        Entry::Cancelled { reason, .. } => {
            put_whole_order(data, order, who.name);
            reason.iter().for_each(|reason| data.text("reason", reason));
        }
        Entry::Expired { reason, .. } => {
            put_whole_order(data, order, who.name);
            reason.iter().for_each(|reason| data.text("reason", reason));
        }
        Entry::Refunded { restock, .. } => {
            put_whole_order(data, order, who.name);
            if let Some(payment) = order.and_then(|order| order.payment.as_deref()) {
                data.text("payment", payment);
            }
            data.truth("restock", *restock);
        }
        Entry::RoomOpened { room, deadline, by } => {
            data.text("room", &room_id(who.name, *room));
            data.text("sku", who.name);
            by.iter().for_each(|by| put_buyer(data, by, who.name));
            data.number("deadline", deadline.0);
        }
        Entry::RoomJoined { room, members, by } => {
            data.text("room", &room_id(who.name, *room));
            data.text("sku", who.name);
            put_buyer(data, by, who.name);
            data.number("members", *members);
        }
        Entry::RoomSettled { room, tier, unit_price } => {
            data.text("room", &room_id(who.name, *room));
            data.text("sku", who.name);
            if let Some(tier) = tier {
                data.number("tier_members", tier.members);
                data.number("unit_price", less_percent(*unit_price, tier.percent_off));
                put_currency(data, who);
            }
        }
        Entry::CouponUsed { code, by } => {
            put_buyer(data, by, who.name);
            data.text("sku", who.name);
            data.text("coupon", &code.to_string());
        }
        Entry::CouponMoved { .. } => {
            if let Some(order) = order {
                put_order(data, order, who.name);
                order.coupon.iter().for_each(|code| data.text("coupon", &code.to_string()));
            }
        }
        Entry::BuyerBlocked(buyer) => {
            data.text("sku", who.name);
            data.text("buyer", buyer);
        }
        Entry::BuyerLapsedOut(number) => {
            data.text("sku", who.name);
            order.iter().for_each(|order| data.text("buyer", &order.buyer));
            data.text("order", &order_id(who.name, *number));
            data.text("reason", "lapses");
        }
        Entry::SkuCreated { stock } => {
            data.text("sku", who.name);
            data.number("qty", *stock);
            put_currency(data, who);
        }
        Entry::Restocked { delta, store } => {
            data.text("sku", who.name);
            data.number("qty", *delta);
            let stores = who.view.and_then(|view| view.terms.stores.as_deref());
            let store = store.and_then(|store| stores?.get(usize::from(store.0)));
            store.iter().for_each(|store| data.text("store", &store.id));
        }
        Entry::Repriced(price) => {
            data.text("sku", who.name);
            data.number("unit_price", *price);
            put_currency(data, who);
        }
        Entry::Paused | Entry::Resumed => data.text("sku", who.name),
        _ => put_campaign_data(data, entry, who.name, order, cart),
    }
}

fn put_campaign_data(
    data: &mut Object<'_>,
    entry: &Entry<'_>,
    campaign: &str,
    order: Option<&OrderView>,
    cart: Option<&CartView>,
) {
    match entry {
        Entry::LineReserved { cart, line } => {
            if let (Some(order), Some(line)) = (order, cart.items.get(*line)) {
                put_order(data, order, line.sku);
                data.number("amount", line.amount.saturating_sub(line.off));
                // The line may not have heard of its part of the threshold yet.
                let others = order.discounts.iter().filter(|(kind, _)| *kind != DiscountKind::Threshold);
                let threshold = (line.off > 0).then_some((DiscountKind::Threshold, line.off));
                put_discounts(data, &others.copied().chain(threshold).collect::<Vec<_>>());
            }
        }
        Entry::CampaignPut => data.text("campaign", campaign),
        Entry::Granted(granted) => {
            data.text("campaign", campaign);
            data.text("buyer", granted.buyer);
            data.text("coupon", &granted.grant.code.to_string());
            data.number("percent_off", granted.grant.percent_off);
            data.number("expires_at", granted.grant.expires_at.0);
            data.text("reason", &granted.grant.event);
        }
        Entry::CartReserved(new) => {
            data.text("cart", &cart_id(campaign, new.cart));
            data.text("campaign", campaign);
            data.text("buyer", new.buyer);
            let sum = |of: fn(&tidegate_engine::CartItem<&str>) -> u64| new.items.iter().map(of).sum::<u64>();
            let (amount, off) = (sum(|item| item.amount), sum(|item| item.off));
            data.number("amount", amount.saturating_sub(off));
            data.text("currency", new.currency.code());
            put_discounts(data, &[(DiscountKind::Threshold, off)]);
            data.list("lines", &new.items, |line, item| {
                line.text("order", &order_id(item.sku, item.order));
                line.text("sku", item.sku);
                line.number("qty", item.qty);
                line.number("amount", item.amount.saturating_sub(item.off));
            });
        }
        Entry::CartCoupon { cart, code } => {
            data.text("cart", &cart_id(campaign, cart.cart));
            data.text("campaign", campaign);
            data.text("buyer", cart.buyer);
            data.text("coupon", &code.to_string());
        }
        Entry::CartPaid(payment) => {
            cart.iter().for_each(|cart| put_cart(data, cart, campaign));
            data.number("amount", payment.amount);
            data.text("payment", payment.id);
        }
        Entry::CartOverpaid(payment) => {
            cart.iter().for_each(|cart| put_cart(data, cart, campaign));
            data.number("amount", payment.amount);
            data.text("payment", payment.id);
            data.text("reason", "payment");
        }
        Entry::CartCancelled(_) | Entry::CartExpired(_) => {
            if let Some(cart) = cart {
                put_cart(data, cart, campaign);
                data.number("amount", cart.amount);
            }
        }
        _ => {}
    }
}

fn put_reserved(data: &mut Object<'_>, reserved: &Reserved<'_>, who: Who<'_>) {
    let Reserved { ref by, unit_price, seat, discounts, store } = *reserved;
    put_buyer(data, by, who.name);
    data.text("sku", who.name);
    data.number("unit_price", unit_price);
    let tier = seat.map_or(0, |seat| seat.off_at_first);
    let off = tier.saturating_add(discounts.as_ref().map_or(0, Discounts::total));
    data.number("amount", unit_price.saturating_mul(u64::from(by.qty)).saturating_sub(off));
    put_currency(data, who);
    if off > 0 {
        let kinds = discounts.map(|discounts| discounts.order).unwrap_or_default().kinds();
        let amount = |kind| match kind {
            DiscountKind::Tier => tier,
            DiscountKind::Coupon => {
                discounts.and_then(|all| all.coupon).map_or(0, |coupon| coupon.off.amount)
            }
            DiscountKind::Green => discounts.and_then(|all| all.green).map_or(0, |green| green.amount),
            DiscountKind::Threshold => 0,
        };
        put_discounts(data, &kinds.map(|kind| (kind, amount(kind))));
    }
    if let Some(seat) = seat {
        data.text("room", &room_id(who.name, seat.room));
    }
    let stores = who.view.and_then(|view| view.terms.stores.as_deref());
    if let Some(store) = store.and_then(|store| stores?.get(usize::from(store.0))) {
        data.text("store", &store.id);
    }
}

fn put_buyer(data: &mut Object<'_>, by: &Buyer<'_>, sku: &str) {
    data.text("order", &order_id(sku, by.order));
    data.text("buyer", by.name);
    data.number("qty", by.qty);
}

/// What never changes about an order.
fn put_order(data: &mut Object<'_>, order: &OrderView, sku: &str) {
    data.text("order", &order_id(sku, order.number));
    data.text("buyer", &order.buyer);
    data.number("qty", order.qty);
    data.text("sku", sku);
    data.number("unit_price", order.unit_price);
    data.text("currency", order.currency.code());
    order.room.iter().for_each(|room| data.text("room", &room_id(sku, *room)));
    if let Some((campaign, cart)) = &order.cart {
        data.text("cart", &cart_id(campaign, *cart));
    }
    order.store.iter().for_each(|store| data.text("store", store));
}

/// An order whose price can't change any more.
fn put_whole_order(data: &mut Object<'_>, order: Option<&OrderView>, sku: &str) {
    if let Some(order) = order {
        put_order(data, order, sku);
        data.number("amount", order.amount);
        put_discounts(data, &order.discounts);
    }
}

fn put_cart(data: &mut Object<'_>, cart: &CartView, campaign: &str) {
    data.text("cart", &cart_id(campaign, cart.number));
    data.text("campaign", campaign);
    data.text("buyer", &cart.buyer);
    data.text("currency", cart.currency.code());
}

/// The discounts of an order when this was paid for it. Since then its room may have come to a better tier, once; with
/// that its green discount changed too, to what makes up the difference.
fn discounts_when_paid(order: &OrderView, paid: u64) -> Vec<(DiscountKind, u64)> {
    let now = &order.discounts;
    let of = |kind| now.iter().find(|(other, _)| *other == kind).map_or(0, |(_, off)| *off);
    let tier = order.tier_off_at_first;
    if of(DiscountKind::Tier) == tier {
        return now.clone();
    }
    let line = order.unit_price.saturating_mul(u64::from(order.qty));
    let green = line.saturating_sub(tier).saturating_sub(of(DiscountKind::Coupon)).saturating_sub(paid);
    let before = now.iter().map(|(kind, off)| match kind {
        DiscountKind::Tier => (*kind, tier),
        DiscountKind::Green => (*kind, green),
        _ => (*kind, *off),
    });
    before.collect()
}

fn put_discounts(data: &mut Object<'_>, discounts: &[(DiscountKind, u64)]) {
    let mut some = discounts.iter().filter(|(_, off)| *off > 0).peekable();
    if some.peek().is_some() {
        data.list("discounts", some, |item, (kind, off)| {
            item.with("name", |out| put_text(out, Discount::name(discount(*kind))));
            item.number("amount", *off);
        });
    }
}

fn put_currency(data: &mut Object<'_>, who: Who<'_>) {
    who.view.iter().for_each(|view| data.text("currency", view.terms.currency.code()));
}

fn order_id(sku: &str, number: OrderNumber) -> String {
    OrderId { sku, number }.to_string()
}

fn room_id(sku: &str, number: RoomNumber) -> String {
    RoomId { sku, number }.to_string()
}

fn cart_id(campaign: &str, number: CartNumber) -> String {
    CartId { campaign, number }.to_string()
}
