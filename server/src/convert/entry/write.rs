//! Writes entries of the feed: a CloudEvent in JSON, and around it the entry of a Redis stream.

use std::sync::Arc;

use tidegate_actors::Reply;
use tidegate_engine::{Millis, OrderNumber, SkuView};
use tidegate_protocol::resp::{Protocol, Writer};

use super::data::{cart_id, order_id, put_data, room_id};
use super::json::Object;
use super::{Draft, Entry, Reserved};

/// Who it happened to.
#[derive(Clone, Copy)]
pub(crate) struct Who<'w> {
    /// The SKU or the campaign.
    pub(crate) name: &'w str,
    /// The SKU as it stands: of that only is told what never changes.
    pub(crate) view: Option<&'w SkuView>,
}

/// Writes entries, in buffers that are used again.
pub(crate) struct EntryWriter {
    /// Who tells of them.
    source: Arc<str>,
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
    pub(crate) fn new(source: &Arc<str>) -> Self {
        Self { source: Arc::clone(source), data: Vec::new(), time: (None, String::new()) }
    }

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
        event.text("source", &self.source);
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
    let of = |key, subject| Head { kind: entry.kind(), key, subject };
    let of_order = |order| of(who.name, order_id(who.name, order));
    let of_room = |room| of(who.name, room_id(who.name, room));
    let of_cart = |cart| of(who.name, cart_id(who.name, cart));
    match entry {
        Entry::Reserved(Reserved { by, .. }) | Entry::CouponUsed { by, .. } => of_order(by.order),
        Entry::Paid { order, .. }
        | Entry::RefundDue { order, .. }
        | Entry::Cancelled { order, .. }
        | Entry::Expired { order, .. }
        | Entry::Refunded { order, .. }
        | Entry::CouponMoved { order, .. } => of_order(*order),
        Entry::RoomOpened { room, .. } | Entry::RoomJoined { room, .. } | Entry::RoomSettled { room, .. } => {
            of_room(*room)
        }
        Entry::LineReserved { cart, line } => {
            let line = cart.items.get(*line);
            let (sku, order) = line.map_or((who.name, OrderNumber(0)), |line| (line.sku, line.order));
            of(sku, order_id(sku, order))
        }
        Entry::CartReserved(new) | Entry::CartCoupon { cart: new, .. } => of_cart(new.cart),
        Entry::CartPaid(payment) | Entry::CartOverpaid(payment) => of_cart(payment.cart),
        Entry::CartCancelled(cart) | Entry::CartExpired(cart) => of_cart(*cart),
        Entry::BuyerBlocked(_)
        | Entry::BuyerLapsedOut(_)
        | Entry::SkuCreated { .. }
        | Entry::Restocked { .. }
        | Entry::Repriced(_)
        | Entry::Paused
        | Entry::Resumed
        | Entry::CampaignPut
        | Entry::Granted(_) => of(who.name, who.name.to_owned()),
    }
}
