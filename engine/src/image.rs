//! A SKU's state as a list of parts, for snapshots: what is written down and what is read back.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{
    Answer, Block, CartLine, Discounts, Enrolment, Fingerprint, Millis, OrderNumber, OrderState, Pricing,
    Seat, Settlement, SkuTerms, StoreNumber,
};

/// One part of a SKU's state. A whole state is one [`Part::Head`], then the buyers, the orders, the payments, the
/// requests, the seats, the discounts, the stores of orders, the rooms and the goods, each in the order they came to be. What can be
/// computed from these (counts by state, units held by a buyer, indexes) is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// The SKU itself.
    Head(Head),
    /// What the price depends on beside the terms.
    Pricing(Pricing),
    /// The SKU's part in a campaign.
    Enrolment(Arc<Enrolment>),
    /// Units that each store has altogether, in the order of the terms.
    Stores {
        /// The totals.
        totals: Cow<'a, [u32]>,
    },
    /// The cart of an order.
    Line {
        /// The order.
        order: OrderNumber,
        /// The cart.
        line: CartLine<&'a str>,
        /// The order's part of the threshold discount, in minor units.
        off: u64,
    },
    /// The store of an order.
    AtStore {
        /// The order.
        order: OrderNumber,
        /// Its store.
        store: StoreNumber,
    },
    /// A buyer. Orders name buyers by position in this list.
    Buyer {
        /// The buyer's id.
        name: &'a str,
        /// Whether reservations are refused, and why.
        block: Block,
        /// Reservations that ended unpaid.
        lapses: u32,
        /// Whether an order of this buyer was ever paid.
        bought: bool,
    },
    /// An order. Its number is its position in this list, from 1.
    Order {
        /// Position of the buyer, from 0.
        buyer: u32,
        /// The request id of the reservation.
        request: &'a str,
        /// What the reservation asked for.
        fingerprint: Fingerprint,
        /// Units.
        qty: u32,
        /// Price of one unit, in minor units.
        unit_price: u64,
        /// When it was reserved.
        reserved_at: Millis,
        /// How long it is held, in milliseconds.
        hold_ms: u32,
        /// What became of it.
        state: OrderState,
        /// Whether its units are reserved or sold (and not available).
        holds_units: bool,
    },
    /// A payment that came in.
    Payment {
        /// The payment's id.
        id: &'a str,
        /// The order it was for.
        order: OrderNumber,
        /// What was paid, in minor units.
        amount: u64,
        /// When.
        at: Millis,
        /// The answer it got.
        answer: Answer,
    },
    /// An accepted request other than a reservation.
    Request {
        /// The order it was about; `None`: the SKU.
        order: Option<OrderNumber>,
        /// Its id.
        id: &'a str,
        /// What it asked for.
        fingerprint: Fingerprint,
        /// The answer it got.
        answer: Answer,
    },
    /// What a paid order was given.
    Goods {
        /// The order.
        order: OrderNumber,
        /// Its units: serials, or places in the list of codes, from 1.
        units: Cow<'a, [u32]>,
    },
    /// The seat of an order in a room.
    Seat {
        /// The order.
        order: OrderNumber,
        /// The seat.
        seat: Seat,
    },
    /// The discounts of an order.
    Discounts {
        /// The order.
        order: OrderNumber,
        /// What is taken off.
        discounts: Discounts,
    },
    /// A room. Its number is its position in this list, from 1.
    Room {
        /// When it closes, unless the sale ends before.
        deadline: Millis,
        /// The orders that hold its seats, or held them when it closed.
        members: Cow<'a, [OrderNumber]>,
        /// How many of them are paid.
        paid: u32,
        /// How it ended.
        settlement: Option<Settlement>,
    },
}

/// The part of a SKU's state that there is one of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The terms.
    pub terms: Arc<SkuTerms>,
    /// Units for sale altogether.
    pub total: u64,
    /// Whether selling is paused.
    pub paused: bool,
    /// How many events made this state.
    pub changes: u64,
    /// When the last of them happened.
    pub last_event_at: Millis,
    /// When the first order was paid.
    pub first_sale_at: Option<Millis>,
    /// When the last order was paid.
    pub last_sale_at: Option<Millis>,
}
