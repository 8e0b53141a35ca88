//! What happened to a SKU. Events are what the journal keeps and all that ever changes a state.

use std::sync::Arc;

use crate::{
    Answer, CartLine, Discounts, Enrolment, Fingerprint, LineEnd, Millis, OrderNumber, RoomNumber, Seat,
    SkuTerms, StoreNumber, Tier,
};

/// One change of one SKU. When it happened is said once for a whole turn, beside the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The SKU came to be.
    Created {
        /// Its terms.
        terms: Arc<SkuTerms>,
        /// Units for sale.
        stock: u32,
    },
    /// The terms were replaced, but for what its units come with.
    Updated {
        /// The new terms. They say nothing of what units come with.
        terms: Arc<SkuTerms>,
    },
    /// The terms were replaced before the first order, and what its units come with too.
    Remade {
        /// The new terms.
        terms: Arc<SkuTerms>,
    },
    /// The SKU's part in a campaign changed.
    Enrolled {
        /// The part from now on; `None`: in no campaign.
        enrolment: Option<Arc<Enrolment>>,
    },
    /// Units were added to a store, or taken away from it.
    StoreRestocked {
        /// The request that asked for it.
        request: Request<'a>,
        /// Units added; negative if taken away.
        delta: i64,
        /// The store.
        store: StoreNumber,
    },
    /// Units were added or taken away.
    Restocked {
        /// The request that asked for it.
        request: Request<'a>,
        /// Units added; negative if taken away.
        delta: i64,
    },
    /// The price was moved.
    Repriced {
        /// The request that asked for it.
        request: Request<'a>,
        /// The new price of one unit, in minor units.
        price: u64,
    },
    /// Selling stopped.
    Paused,
    /// Selling goes on.
    Resumed,
    /// Units are held for a buyer.
    Reserved {
        /// The new order: one more than the last.
        order: OrderNumber,
        /// The request that asked for it.
        request: Request<'a>,
        /// Who buys.
        buyer: &'a str,
        /// Units.
        qty: u32,
        /// The price of one unit, locked from now on, in minor units.
        unit_price: u64,
        /// How long the units are held, in milliseconds.
        hold_ms: u32,
    },
    /// A held order was paid.
    Paid(Payment<'a>),
    /// An expired order was paid late and its units were still there: from available to sold.
    Reacquired(Payment<'a>),
    /// A payment could not be applied: its money is due back.
    RefundDue(Payment<'a>),
    /// A reservation was given up by its buyer.
    Cancelled {
        /// The order.
        order: OrderNumber,
        /// The request that asked for it.
        request: Request<'a>,
        /// Why.
        reason: Option<&'a str>,
    },
    /// A reservation ran out.
    Expired {
        /// The order.
        order: OrderNumber,
    },
    /// A paid order's money went back.
    Refunded {
        /// The order.
        order: OrderNumber,
        /// The request that asked for it.
        request: Request<'a>,
        /// Whether the units it held are for sale again.
        restock: bool,
    },
    /// A request was accepted that found its work already done: nothing changes but that its answer is kept.
    Noted {
        /// The order it was about.
        order: OrderNumber,
        /// The request.
        request: Request<'a>,
        /// The answer it got.
        answer: Answer,
    },
    /// An admin blocked the buyer: reservations are refused from now on.
    BuyerBlocked {
        /// The buyer.
        buyer: &'a str,
    },
    /// The buyer of this order let too many reservations end unpaid, and is blocked.
    BuyerLapsedOut {
        /// The order that was one too many.
        order: OrderNumber,
    },
    /// The buyer is admitted again.
    BuyerUnblocked {
        /// The buyer.
        buyer: &'a str,
    },
    /// A room came to be.
    RoomOpened {
        /// The room: one more than the last.
        room: RoomNumber,
        /// When it closes, unless the sale ends before.
        deadline: Millis,
    },
    /// The order that was just reserved took a seat in a room, at the price of a tier.
    SeatTaken {
        /// The order.
        order: OrderNumber,
        /// The seat.
        seat: Seat,
    },
    /// The units of the order that was just reserved are those of a store.
    Stored {
        /// The order.
        order: OrderNumber,
        /// The store.
        store: StoreNumber,
    },
    /// The order that was just reserved costs less, beside the tier of its room.
    Discounted {
        /// The order.
        order: OrderNumber,
        /// What is taken off. In a box, so that events of orders without discounts are not as large.
        discounts: Box<Discounts>,
    },
    /// The order that was just reserved is a line of a cart.
    LineHeld {
        /// The order.
        order: OrderNumber,
        /// The cart.
        line: CartLine<&'a str>,
    },
    /// An order takes up its coupon again: it was paid late.
    CouponTaken {
        /// The order.
        order: OrderNumber,
    },
    /// The order that took up a coupon ended unpaid: its buyer has the coupon again.
    CouponReturned {
        /// The order.
        order: OrderNumber,
    },
    /// A line costs less, because of the sum of its cart.
    LineDiscounted {
        /// The order.
        order: OrderNumber,
        /// Its part of the discount, in minor units.
        off: u64,
    },
    /// A line was paid with its cart.
    LinePaid {
        /// The order.
        order: OrderNumber,
        /// The payment's id.
        payment: &'a str,
        /// This line's part of it, in minor units.
        amount: u64,
    },
    /// A line ended unpaid with its cart.
    LineEnded {
        /// The order.
        order: OrderNumber,
        /// How.
        end: LineEnd,
    },
    /// Money came for an expired cart: this line's part of it is due back.
    LineRefundDue {
        /// The order.
        order: OrderNumber,
        /// The payment's id.
        payment: &'a str,
        /// This line's part of it, in minor units.
        amount: u64,
    },
    /// A reservation ended because its room closed. That is no lapse of its buyer.
    Dismissed {
        /// The order.
        order: OrderNumber,
    },
    /// A paid order's room reached a better tier than the one it was paid at: the difference is due back.
    TierRefundDue {
        /// The order, which stays paid.
        order: OrderNumber,
        /// The difference, in minor units.
        amount: u64,
        /// What the green discount takes off from now on: of a lower price, less.
        green: u64,
    },
    /// A paid order's room failed: its money is due back and its units return.
    RoomRefundDue {
        /// The order.
        order: OrderNumber,
    },
    /// A room closed, after all that this meant for its orders.
    RoomSettled {
        /// The room.
        room: RoomNumber,
        /// The tier that its paid members reached; `None`: it failed.
        tier: Option<Tier>,
        /// The price of one unit before the tier, in minor units.
        unit_price: u64,
    },
}

/// A request id with what is needed to tell whether a later use of it asks for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The caller's request id.
    pub id: &'a str,
    /// The command and its arguments.
    pub fingerprint: Fingerprint,
}

/// A payment for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment<'a> {
    /// The order.
    pub order: OrderNumber,
    /// The request that brought it.
    pub request: Request<'a>,
    /// The payment's id at whoever took the money.
    pub id: &'a str,
    /// What was paid, in minor units.
    pub amount: u64,
}
