//! How a SKU, an order and a room stand.

use super::{number, text};
use crate::resp::Writer;
use crate::status::{OrderState, RoomState, SkuState};

/// The answer to `SKU.GET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkuMap<'a> {
    /// The SKU's name.
    pub sku: &'a str,
    /// What buyers see.
    pub title: &'a str,
    /// What it is doing now.
    pub state: SkuState,
    /// The unit price now.
    pub price: u64,
    /// ISO 4217 code.
    pub currency: &'a str,
    /// The unit price after the next change that is already known.
    pub next_price: Option<u64>,
    /// When that will be.
    pub next_price_at: Option<u64>,
    /// All units: available, reserved and sold.
    pub total: u64,
    /// Units that can be reserved.
    pub available: u64,
    /// Units held by orders that are not paid yet.
    pub reserved: u64,
    /// Units paid for.
    pub sold: u64,
    /// When the sale begins.
    pub starts_at: Option<u64>,
    /// When the sale ends.
    pub ends_at: Option<u64>,
    /// The number of the SKU's last change, counted from 1 for each SKU.
    pub seq: u64,
    /// Ids of its stores and the units that each has; only for a SKU with stores.
    pub stores: Option<&'a [(&'a str, u64)]>,
}

impl SkuMap<'_> {
    /// Writes it as a map of 14 fields, or 15 with stores.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.map(14 + usize::from(self.stores.is_some()));
        text(writer, "sku", Some(self.sku));
        text(writer, "title", Some(self.title));
        text(writer, "state", Some(self.state.word()));
        number(writer, "price", Some(self.price));
        text(writer, "currency", Some(self.currency));
        number(writer, "next_price", self.next_price);
        number(writer, "next_price_at", self.next_price_at);
        number(writer, "total", Some(self.total));
        number(writer, "available", Some(self.available));
        number(writer, "reserved", Some(self.reserved));
        number(writer, "sold", Some(self.sold));
        number(writer, "starts_at", self.starts_at);
        number(writer, "ends_at", self.ends_at);
        number(writer, "seq", Some(self.seq));
        if let Some(stores) = self.stores {
            writer.bulk("stores");
            writer.array(stores.len());
            for (id, available) in stores {
                writer.array(2);
                writer.bulk(id);
                writer.uint(*available);
            }
        }
    }
}

/// The answer to `ORDER.GET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderMap<'a> {
    /// The order's id.
    pub order: &'a str,
    /// What became of it.
    pub state: OrderState,
    /// The SKU's name.
    pub sku: &'a str,
    /// Who bought.
    pub buyer: &'a str,
    /// How many units.
    pub qty: u64,
    /// The price of a unit when they were reserved.
    pub unit_price: u64,
    /// What is due.
    pub amount: u64,
    /// ISO 4217 code.
    pub currency: &'a str,
    /// Names and amounts of what was taken off, in order.
    pub discounts: &'a [(&'a str, u64)],
    /// When the units were reserved.
    pub reserved_at: u64,
    /// When the hold runs or ran out.
    pub expires_at: u64,
    /// When it was paid.
    pub paid_at: Option<u64>,
    /// The group-buy room it belongs to.
    pub room: Option<&'a str>,
    /// The cart it belongs to.
    pub cart: Option<&'a str>,
    /// The store that hands it out.
    pub store: Option<&'a str>,
}

impl OrderMap<'_> {
    /// Writes it as a map of 15 fields.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.map(15);
        text(writer, "order", Some(self.order));
        text(writer, "state", Some(self.state.word()));
        text(writer, "sku", Some(self.sku));
        text(writer, "buyer", Some(self.buyer));
        number(writer, "qty", Some(self.qty));
        number(writer, "unit_price", Some(self.unit_price));
        number(writer, "amount", Some(self.amount));
        text(writer, "currency", Some(self.currency));
        writer.bulk("discounts");
        writer.array(self.discounts.len());
        for (name, amount) in self.discounts {
            writer.array(2);
            writer.bulk(name);
            writer.uint(*amount);
        }
        number(writer, "reserved_at", Some(self.reserved_at));
        number(writer, "expires_at", Some(self.expires_at));
        number(writer, "paid_at", self.paid_at);
        text(writer, "room", self.room);
        text(writer, "cart", self.cart);
        text(writer, "store", self.store);
    }
}

/// The answer to `ROOM.GET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomMap<'a> {
    /// The room's id.
    pub room: &'a str,
    /// The SKU's name.
    pub sku: &'a str,
    /// What became of it.
    pub state: RoomState,
    /// Who leads it; none if nobody is in.
    pub leader: Option<&'a str>,
    /// Who is in, in the order in which they came.
    pub members: &'a [RoomMember<'a>],
    /// How many of them have paid.
    pub paid_members: u64,
    /// The members of the tier that they reach, at least the lowest.
    pub tier_members: u64,
    /// The price of a unit at that tier.
    pub unit_price: u64,
    /// The members of the next tier.
    pub next_tier_members: Option<u64>,
    /// The price of a unit at that tier.
    pub next_unit_price: Option<u64>,
    /// When it closes.
    pub deadline: u64,
    /// When it closed.
    pub settled_at: Option<u64>,
}

/// One buyer in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomMember<'a> {
    /// Who.
    pub buyer: &'a str,
    /// The id of the order that holds the seat.
    pub order: String,
    /// Whether it is paid.
    pub paid: bool,
}

impl RoomMap<'_> {
    /// Writes it as a map of 12 fields.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.map(12);
        text(writer, "room", Some(self.room));
        text(writer, "sku", Some(self.sku));
        text(writer, "state", Some(self.state.word()));
        text(writer, "leader", self.leader);
        writer.bulk("members");
        writer.array(self.members.len());
        for RoomMember { buyer, order, paid } in self.members {
            writer.array(3);
            writer.bulk(buyer);
            writer.bulk(order);
            writer.uint(u64::from(*paid));
        }
        number(writer, "paid_members", Some(self.paid_members));
        number(writer, "tier_members", Some(self.tier_members));
        number(writer, "unit_price", Some(self.unit_price));
        number(writer, "next_tier_members", self.next_tier_members);
        number(writer, "next_unit_price", self.next_unit_price);
        number(writer, "deadline", Some(self.deadline));
        number(writer, "settled_at", self.settled_at);
    }
}
