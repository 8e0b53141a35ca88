//! What a command comes to: an answer that stands, or a rejection that may be another one next time.

use crate::{CartNumber, CouponCode, Millis, OrderNumber, RoomNumber};

/// The answer of an accepted command. The same request gets the same answer again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The SKU is new.
    Created,
    /// The SKU has new terms.
    Updated,
    /// The SKU had these terms already.
    Unchanged,
    /// Units were added or taken away.
    Restocked {
        /// Units available after it.
        available: u64,
    },
    /// The price was moved.
    Repriced {
        /// The new price of one unit, in minor units.
        price: u64,
    },
    /// Selling stopped.
    Paused,
    /// Selling goes on.
    Resumed,
    /// Units are held.
    Reserved {
        /// The order.
        order: OrderNumber,
        /// What is due, in minor units.
        amount: u64,
        /// When the hold ends.
        expires_at: Millis,
    },
    /// Units are held and a room is open.
    Opened {
        /// The room.
        room: RoomNumber,
        /// The order.
        order: OrderNumber,
        /// What is due, in minor units.
        amount: u64,
        /// When the hold ends.
        expires_at: Millis,
    },
    /// Units and a seat in a room are held.
    Joined {
        /// The order.
        order: OrderNumber,
        /// What is due, in minor units.
        amount: u64,
        /// Members of the room, this one included.
        members: u32,
        /// When the hold ends.
        expires_at: Millis,
    },
    /// All lines of a cart are held.
    CartReserved {
        /// The cart.
        cart: CartNumber,
        /// What is due, in minor units.
        amount: u64,
        /// When the hold ends.
        expires_at: Millis,
        /// What the threshold takes off, in minor units.
        off: u64,
    },
    /// The order is paid.
    Paid,
    /// The payment can't be applied; its money is due back.
    RefundDue,
    /// The reservation is given up (or was before).
    Cancelled,
    /// The money went back.
    Refunded,
    /// The buyer is blocked.
    Blocked,
    /// The buyer is admitted.
    Unblocked,
    /// The buyer has a coupon.
    Granted {
        /// Its code.
        code: CouponCode,
        /// What it takes off, in percent.
        percent_off: u8,
        /// It can be used until just before this.
        expires_at: Millis,
    },
}

/// Why a command was refused by the rules of the sale. Nothing changed; a retry is judged anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// No such SKU or order.
    NotFound,
    /// The buyer is blocked on this SKU.
    Blocked,
    /// The buyer is not on the allow list.
    NotEligible,
    /// The sale has not started.
    NotOpen {
        /// When it starts.
        starts_at: Millis,
    },
    /// The sale is over.
    Ended,
    /// The sale is paused.
    Paused,
    /// Fewer units are available than asked for.
    SoldOut,
    /// More units than one buyer or one order may have.
    Limit {
        /// Units that this buyer could still ask for in one order.
        left: u32,
    },
    /// The unit price is above what the buyer agreed to.
    PriceChanged {
        /// The unit price, in minor units.
        price: u64,
    },
    /// The coupon is none, another's, used, not for this SKU or out of its window.
    CouponInvalid,
    /// No store that will do has so many units.
    NoStore,
    /// The payment is not what the order costs.
    AmountMismatch {
        /// What the order costs, in minor units.
        due: u64,
    },
    /// The order was paid; it can be refunded, not cancelled.
    AlreadyPaid,
    /// The reservation ran out.
    Expired,
    /// The order was not paid.
    NotPaid,
    /// The price is outside the bounds.
    OutOfBounds {
        /// The lowest price that would have been accepted; of the document, if the price was outside its bounds.
        floor: u64,
        /// The highest, in the same way.
        ceiling: u64,
    },
    /// All seats of the room are taken.
    RoomFull,
    /// The room has closed.
    RoomClosed,
    /// The buyer has a seat in the room.
    AlreadyMember,
    /// More units to take away than are available.
    Insufficient {
        /// Units available.
        available: u64,
    },
}

/// A command that is the caller's fault, or beyond a limit. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request id was used before for something else.
    #[error("this request id was used before with other arguments; use a new one")]
    RequestReused,
    /// An order that belongs to a cart.
    #[error("this order is a line of a cart: use CART.PAY or CART.CANCEL with the cart's id")]
    InCart,
    /// The same request came again while it was being carried out.
    #[error("the same request is being carried out; retry it to get its answer")]
    InProgress,
    /// The payment id was used before for another order.
    #[error("this payment id was used before for another order; check which order it belongs to")]
    PaymentReused,
    /// A restock that does not say of which store, or says so of a SKU without, or names one that is not there.
    #[error("STORE: {what}")]
    Store {
        /// What would be right.
        what: &'static str,
    },
    /// Stores that are taken away, or given to a SKU that has none.
    #[error("stores: fixed when the SKU was created; they may be moved and others added, none taken away")]
    StoresFixed,
    /// Codes for a SKU that has another number of units.
    #[error(
        "fulfilment.codes: must be as many as the SKU's units, {stock}; stock is not changed by a document"
    )]
    CodesNotStock {
        /// How many units there are.
        stock: u32,
    },
    /// A restock of a SKU whose stock is a list of codes.
    #[error("fulfilment: the stock of a SKU with codes is their number and can't be changed")]
    CodesAreStock,
    /// A move of a price that is none to be moved.
    #[error("price: this SKU has no dynamic price to be moved; put a new SKU with one")]
    NotDynamic,
    /// A room of a SKU that is not sold to groups.
    #[error("this SKU has no group_buy: put one, or use ORDER.RESERVE")]
    NoGroupBuy,
    /// The tiers of rooms that are forming.
    #[error("group_buy: fixed while rooms are forming; try again when they have closed")]
    RoomsForming,
    /// A value that was fixed by the first order.
    #[error("{field}: fixed after the first order")]
    Fixed {
        /// The document's field.
        field: &'static str,
    },
    /// Price times units is more than an amount can be.
    #[error("qty: the amount would be above {max} minor units", max = crate::MAX_MINOR)]
    AmountTooLarge,
    /// The stock would be more than can be counted.
    #[error("the stock would be above {max} units", max = crate::MAX_STOCK)]
    StockTooLarge,
    /// An id that is too long to keep.
    #[error("an id is longer than {max} bytes; use a shorter one", max = crate::MAX_ID)]
    IdTooLong,
    /// A table of this SKU is at its configured limit.
    #[error("this SKU is at its limit of {limit}")]
    Full {
        /// The name of the limit.
        limit: &'static str,
    },
}
