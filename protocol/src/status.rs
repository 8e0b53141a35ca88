//! The words of business outcomes and states, in one place for everyone who writes or reads them; and how words are
//! declared.

/// Declares an enum of words: `word()`, `from_word()`, `meaning()`, `ALL`, `WORDS` and `index()`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $(#[doc = $meaning:literal] $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = $meaning] $variant,)+
        }

        impl $name {
            /// Every value, in the order of [`Self::index`].
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The words, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word,)+];

            /// The word on the wire.
            pub fn word(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }

            /// The value with this word.
            pub fn from_word(word: &[u8]) -> Option<$name> {
                match std::str::from_utf8(word).ok()? {
                    $($word => Some($name::$variant),)+
                    _ => None,
                }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $($name::$variant => $meaning.trim_ascii(),)+
                }
            }

            /// Its position in [`Self::ALL`], for counters kept in an array.
            pub fn index(self) -> usize {
                self as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The first element of every answer to a write: what came of it.
    Status {
        /// The SKU is new.
        Created = "CREATED",
        /// The SKU's document was changed.
        Updated = "UPDATED",
        /// The SKU's document was the same already.
        Unchanged = "UNCHANGED",
        /// Units were added or taken away.
        Restocked = "RESTOCKED",
        /// A negative restock exceeds what is available.
        Insufficient = "INSUFFICIENT",
        /// The sale of the SKU is paused.
        Paused = "PAUSED",
        /// The sale of the SKU goes on.
        Resumed = "RESUMED",
        /// Units are held for the buyer.
        Reserved = "RESERVED",
        /// Fewer units are available than asked for.
        SoldOut = "SOLD_OUT",
        /// The buyer's purchase limit would be exceeded.
        Limit = "LIMIT",
        /// The sale has not begun.
        NotOpen = "NOT_OPEN",
        /// The sale is over.
        Ended = "ENDED",
        /// The unit price is above what the buyer accepts.
        PriceChanged = "PRICE_CHANGED",
        /// The buyer is blocked on this SKU.
        Blocked = "BLOCKED",
        /// The buyer is not blocked any more.
        Unblocked = "UNBLOCKED",
        /// The buyer is not on the SKU's allow list, or can't get this coupon.
        NotEligible = "NOT_ELIGIBLE",
        /// There is no such SKU, order, room, campaign or cart.
        NotFound = "NOT_FOUND",
        /// The order is paid.
        Paid = "PAID",
        /// The payment is not what is due.
        AmountMismatch = "AMOUNT_MISMATCH",
        /// The payment came, but can't be applied: the money is owed back.
        RefundDue = "REFUND_DUE",
        /// The order is cancelled.
        Cancelled = "CANCELLED",
        /// A paid order can't be cancelled.
        AlreadyPaid = "ALREADY_PAID",
        /// The hold ran out before.
        Expired = "EXPIRED",
        /// The order's money is due back.
        Refunded = "REFUNDED",
        /// An order that is not paid can't be refunded.
        NotPaid = "NOT_PAID",
        /// A room is open and its leader's units are held.
        Opened = "OPENED",
        /// A seat in a room and units are held.
        Joined = "JOINED",
        /// A dynamic price was moved.
        Repriced = "REPRICED",
        /// A dynamic price can't be moved there.
        OutOfBounds = "OUT_OF_BOUNDS",
        /// All seats of the room are taken.
        Full = "FULL",
        /// The room has closed.
        Closed = "CLOSED",
        /// The buyer has a seat in the room.
        AlreadyMember = "ALREADY_MEMBER",
        /// The buyer has a coupon.
        Granted = "GRANTED",
        /// The coupon can't be used.
        CouponInvalid = "COUPON_INVALID",
        /// No store that will do has the units.
        NoStore = "NO_STORE",
    }
}

words! {
    /// What a campaign is doing at the moment.
    CampaignState {
        /// It has not begun.
        Scheduled = "SCHEDULED",
        /// Its SKUs can be on sale.
        Open = "OPEN",
        /// It is over.
        Ended = "ENDED",
    }
}

words! {
    /// What a SKU is doing at the moment.
    SkuState {
        /// The sale has not begun.
        Scheduled = "SCHEDULED",
        /// Units can be reserved.
        Open = "OPEN",
        /// An administrator paused the sale.
        Paused = "PAUSED",
        /// No unit is available. Units may come back from unpaid orders.
        SoldOut = "SOLD_OUT",
        /// The sale is over.
        Ended = "ENDED",
    }
}

words! {
    /// What became of a group-buy room.
    RoomState {
        /// Buyers may join until it is full or closes.
        Forming = "FORMING",
        /// It closed with enough paid members.
        Succeeded = "SUCCEEDED",
        /// It closed with too few: everything is given back.
        Failed = "FAILED",
    }
}

words! {
    /// What became of an order.
    OrderState {
        /// Its units are held until `expires_at`.
        Reserved = "RESERVED",
        /// It is paid.
        Paid = "PAID",
        /// It was cancelled before it was paid.
        Cancelled = "CANCELLED",
        /// Its hold ran out before it was paid.
        Expired = "EXPIRED",
        /// It was paid too late: the money is owed back.
        RefundDue = "REFUND_DUE",
        /// It was paid, and the money is due back.
        Refunded = "REFUNDED",
    }
}
