//! Replies by name: every field and its place stand here once.
//!
//! Money is integer minor units, times are epoch milliseconds, `None` is nil.

use crate::resp::Writer;
use crate::status::{OrderState, RoomState, SkuState, Status};

/// What came of a write. On the wire an array: the status word, then what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// `[CREATED]`
    Created,
    /// `[UPDATED]`
    Updated,
    /// `[UNCHANGED]`
    Unchanged,
    /// `[RESTOCKED, available]`
    Restocked {
        /// Units available afterwards.
        available: u64,
    },
    /// `[INSUFFICIENT, available]`
    Insufficient {
        /// Units available, fewer than were to be taken away.
        available: u64,
    },
    /// `[PAUSED]`
    Paused,
    /// `[RESUMED]`
    Resumed,
    /// `[RESERVED, order, amount, expires_at]`
    Reserved {
        /// The new order's id.
        order: &'a str,
        /// What is due.
        amount: u64,
        /// When the hold runs out.
        expires_at: u64,
    },
    /// `[SOLD_OUT]`
    SoldOut,
    /// `[LIMIT, left]`
    Limit {
        /// Units the buyer may still reserve.
        left: u64,
    },
    /// `[NOT_OPEN, starts_at]`
    NotOpen {
        /// When the sale begins.
        starts_at: u64,
    },
    /// `[ENDED]`
    Ended,
    /// `[PRICE_CHANGED, price]`
    PriceChanged {
        /// The unit price now.
        price: u64,
    },
    /// `[BLOCKED]`
    Blocked,
    /// `[UNBLOCKED]`
    Unblocked,
    /// `[NOT_ELIGIBLE]`
    NotEligible,
    /// `[NOT_FOUND]`
    NotFound,
    /// `[PAID, order]`
    Paid {
        /// The order's id.
        order: &'a str,
    },
    /// `[PAID, order, code or serial, ...]`
    PaidWith {
        /// The order's id.
        order: &'a str,
        /// The code or serial of each unit.
        goods: &'a [Box<str>],
    },
    /// `[AMOUNT_MISMATCH, due]`
    AmountMismatch {
        /// What is due.
        due: u64,
    },
    /// `[REFUND_DUE, order]`
    RefundDue {
        /// The order's id.
        order: &'a str,
    },
    /// `[CANCELLED]`
    Cancelled,
    /// `[ALREADY_PAID]`
    AlreadyPaid,
    /// `[EXPIRED]`
    Expired,
    /// `[REFUNDED]`
    Refunded,
    /// `[NOT_PAID]`
    NotPaid,
    /// `[OPENED, room, order, amount, expires_at]`
    Opened {
        /// The new room's id.
        room: &'a str,
        /// The leader's order.
        order: &'a str,
        /// What is due.
        amount: u64,
        /// When the hold runs out.
        expires_at: u64,
    },
    /// `[JOINED, order, amount, members, expires_at]`
    Joined {
        /// The new order's id.
        order: &'a str,
        /// What is due.
        amount: u64,
        /// Members of the room, this one included.
        members: u64,
        /// When the hold runs out.
        expires_at: u64,
    },
    /// `[REPRICED, price]`
    Repriced {
        /// The unit price from now on.
        price: u64,
    },
    /// `[OUT_OF_BOUNDS, floor, ceiling]`
    OutOfBounds {
        /// The lowest price that can be moved to.
        floor: u64,
        /// The highest.
        ceiling: u64,
    },
    /// `[FULL]`
    Full,
    /// `[CLOSED]`
    Closed,
    /// `[ALREADY_MEMBER]`
    AlreadyMember,
}

impl Outcome<'_> {
    /// Its status word.
    pub fn status(&self) -> Status {
        match self {
            Outcome::Created => Status::Created,
            Outcome::Updated => Status::Updated,
            Outcome::Unchanged => Status::Unchanged,
            Outcome::Restocked { .. } => Status::Restocked,
            Outcome::Insufficient { .. } => Status::Insufficient,
            Outcome::Paused => Status::Paused,
            Outcome::Resumed => Status::Resumed,
            Outcome::Reserved { .. } => Status::Reserved,
            Outcome::SoldOut => Status::SoldOut,
            Outcome::Limit { .. } => Status::Limit,
            Outcome::NotOpen { .. } => Status::NotOpen,
            Outcome::Ended => Status::Ended,
            Outcome::PriceChanged { .. } => Status::PriceChanged,
            Outcome::Blocked => Status::Blocked,
            Outcome::Unblocked => Status::Unblocked,
            Outcome::NotEligible => Status::NotEligible,
            Outcome::NotFound => Status::NotFound,
            Outcome::Paid { .. } | Outcome::PaidWith { .. } => Status::Paid,
            Outcome::AmountMismatch { .. } => Status::AmountMismatch,
            Outcome::RefundDue { .. } => Status::RefundDue,
            Outcome::Cancelled => Status::Cancelled,
            Outcome::AlreadyPaid => Status::AlreadyPaid,
            Outcome::Expired => Status::Expired,
            Outcome::Refunded => Status::Refunded,
            Outcome::NotPaid => Status::NotPaid,
            Outcome::Opened { .. } => Status::Opened,
            Outcome::Joined { .. } => Status::Joined,
            Outcome::Repriced { .. } => Status::Repriced,
            Outcome::OutOfBounds { .. } => Status::OutOfBounds,
            Outcome::Full => Status::Full,
            Outcome::Closed => Status::Closed,
            Outcome::AlreadyMember => Status::AlreadyMember,
        }
    }

    /// Writes it.
    pub fn write(&self, writer: &mut Writer<'_>) {
        let word = self.status().word();
        let number = match *self {
            Outcome::Reserved { order, amount, expires_at } => {
                writer.array(4);
                writer.bulk(word);
                writer.bulk(order);
                writer.uint(amount);
                return writer.uint(expires_at);
            }
            Outcome::Opened { room, order, amount, expires_at } => {
                writer.array(5);
                writer.bulk(word);
                writer.bulk(room);
                writer.bulk(order);
                writer.uint(amount);
                return writer.uint(expires_at);
            }
            Outcome::Joined { order, amount, members, expires_at } => {
                writer.array(5);
                writer.bulk(word);
                writer.bulk(order);
                writer.uint(amount);
                writer.uint(members);
                return writer.uint(expires_at);
            }
            Outcome::OutOfBounds { floor, ceiling } => {
                writer.array(3);
                writer.bulk(word);
                writer.uint(floor);
                return writer.uint(ceiling);
            }
            Outcome::PaidWith { order, goods } => {
                writer.array(2 + goods.len());
                writer.bulk(word);
                writer.bulk(order);
                return goods.iter().for_each(|unit| writer.bulk(&**unit));
            }
            Outcome::Paid { order } | Outcome::RefundDue { order } => {
                writer.array(2);
                writer.bulk(word);
                return writer.bulk(order);
            }
            Outcome::Restocked { available } | Outcome::Insufficient { available } => available,
            Outcome::Limit { left } => left,
            Outcome::NotOpen { starts_at } => starts_at,
            Outcome::PriceChanged { price } | Outcome::Repriced { price } => price,
            Outcome::AmountMismatch { due } => due,
            _ => {
                writer.array(1);
                return writer.bulk(word);
            }
        };
        writer.array(2);
        writer.bulk(word);
        writer.uint(number);
    }
}

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
}

impl SkuMap<'_> {
    /// Writes it as a map of 14 fields.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.map(14);
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

/// One number for each order state, in the order of [`OrderState::ALL`].
pub type ByOrderState = [u64; OrderState::ALL.len()];

/// The answer to `REPORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportMap<'a> {
    /// The SKU's name.
    pub sku: &'a str,
    /// All units: available, reserved and sold.
    pub total: u64,
    /// Units that can be reserved.
    pub available: u64,
    /// Units held by orders that are not paid yet.
    pub reserved: u64,
    /// Units paid for.
    pub sold: u64,
    /// Orders in each state.
    pub orders: ByOrderState,
    /// Units of the orders in each state.
    pub units: ByOrderState,
    /// Money of the orders in each state.
    pub money: ByOrderState,
    /// ISO 4217 code.
    pub currency: &'a str,
    /// How often each status was the answer to a command that changed nothing, since the server started.
    pub rejections: &'a [(Status, u64)],
    /// When the first order was paid.
    pub first_sale_at: Option<u64>,
    /// When the last order was paid.
    pub last_sale_at: Option<u64>,
    /// Buyers who paid for this SKU for the first time.
    pub first_time_buyers: u64,
    /// Whether the counts agree with the orders.
    pub balanced: bool,
}

impl ReportMap<'_> {
    /// Writes it as a map of 14 fields.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.map(14);
        text(writer, "sku", Some(self.sku));
        number(writer, "total", Some(self.total));
        number(writer, "available", Some(self.available));
        number(writer, "reserved", Some(self.reserved));
        number(writer, "sold", Some(self.sold));
        by_state(writer, "orders", &self.orders);
        by_state(writer, "units", &self.units);
        by_state(writer, "money", &self.money);
        text(writer, "currency", Some(self.currency));
        writer.bulk("rejections");
        writer.map(self.rejections.len());
        for (status, count) in self.rejections {
            number(writer, status.word(), Some(*count));
        }
        number(writer, "first_sale_at", self.first_sale_at);
        number(writer, "last_sale_at", self.last_sale_at);
        number(writer, "first_time_buyers", Some(self.first_time_buyers));
        number(writer, "balanced", Some(self.balanced.into()));
    }
}

fn text(writer: &mut Writer<'_>, name: &str, value: Option<&str>) {
    writer.bulk(name);
    writer.bulk_or_null(value);
}

fn number(writer: &mut Writer<'_>, name: &str, value: Option<u64>) {
    writer.bulk(name);
    writer.uint_or_null(value);
}

fn by_state(writer: &mut Writer<'_>, name: &str, values: &ByOrderState) {
    writer.bulk(name);
    writer.map(values.len());
    for (state, value) in OrderState::ALL.iter().zip(values) {
        number(writer, state.word(), Some(*value));
    }
}
