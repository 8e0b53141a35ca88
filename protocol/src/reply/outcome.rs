//! What came of a write.

use crate::resp::Writer;
use crate::status::Status;

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
    /// `[GRANTED, coupon, percent_off, expires_at]`
    Granted {
        /// The coupon's code.
        coupon: &'a str,
        /// What it takes off.
        percent_off: u64,
        /// It can be used until just before this.
        expires_at: u64,
    },
    /// `[COUPON_INVALID]`
    CouponInvalid,
    /// `[RESERVED, order, amount, expires_at, store]`
    ReservedAt {
        /// The new order's id.
        order: &'a str,
        /// What is due.
        amount: u64,
        /// When the hold runs out.
        expires_at: u64,
        /// The store that hands it out.
        store: &'a str,
    },
    /// `[NO_STORE]`
    NoStore,
    /// `[RESERVED, cart, amount, expires_at, threshold_discount]`
    CartReserved {
        /// The new cart's id.
        cart: &'a str,
        /// What is due.
        amount: u64,
        /// When the hold runs out.
        expires_at: u64,
        /// What is taken off because of the sum, which `amount` is without.
        threshold_discount: u64,
    },
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
            Outcome::Reserved { .. } | Outcome::ReservedAt { .. } | Outcome::CartReserved { .. } => {
                Status::Reserved
            }
            Outcome::SoldOut => Status::SoldOut,
            Outcome::Limit { .. } => Status::Limit,
            Outcome::NotOpen { .. } => Status::NotOpen,
            Outcome::Ended => Status::Ended,
            Outcome::PriceChanged { .. } => Status::PriceChanged,
            Outcome::Blocked => Status::Blocked,
            Outcome::Unblocked => Status::Unblocked,
            Outcome::NotEligible => Status::NotEligible,
            Outcome::NotFound => Status::NotFound,
            Outcome::Paid { .. } => Status::Paid,
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
            Outcome::Granted { .. } => Status::Granted,
            Outcome::CouponInvalid => Status::CouponInvalid,
            Outcome::NoStore => Status::NoStore,
        }
    }

    /// Writes it.
    pub fn write(&self, writer: &mut Writer<'_>) {
        let word = self.status().word();
        match *self {
            Outcome::Reserved { order, amount, expires_at } => {
                writer.array(4);
                writer.bulk(word);
                writer.bulk(order);
                writer.uint(amount);
                return writer.uint(expires_at);
            }
            Outcome::CartReserved { cart, amount, expires_at, threshold_discount } => {
                writer.array(5);
                writer.bulk(word);
                writer.bulk(cart);
                writer.uint(amount);
                writer.uint(expires_at);
                return writer.uint(threshold_discount);
            }
            Outcome::ReservedAt { order, amount, expires_at, store } => {
                writer.array(5);
                writer.bulk(word);
                writer.bulk(order);
                writer.uint(amount);
                writer.uint(expires_at);
                return writer.bulk(store);
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
            Outcome::Granted { coupon, percent_off, expires_at } => {
                writer.array(4);
                writer.bulk(word);
                writer.bulk(coupon);
                writer.uint(percent_off);
                return writer.uint(expires_at);
            }
            Outcome::OutOfBounds { floor, ceiling } => {
                writer.array(3);
                writer.bulk(word);
                writer.uint(floor);
                return writer.uint(ceiling);
            }
            Outcome::Paid { order } | Outcome::RefundDue { order } => {
                writer.array(2);
                writer.bulk(word);
                return writer.bulk(order);
            }
            _ => {}
        }
        let number = self.number();
        writer.array(1 + usize::from(number.is_some()));
        writer.bulk(word);
        if let Some(number) = number {
            writer.uint(number);
        }
    }

    /// Writes why a cart was rejected, followed by the SKU whose line it is: `[SOLD_OUT, sku]`, `[LIMIT, left, sku]`.
    pub fn write_line(&self, sku: &str, writer: &mut Writer<'_>) {
        let number = self.number();
        writer.array(2 + usize::from(number.is_some()));
        writer.bulk(self.status().word());
        if let Some(number) = number {
            writer.uint(number);
        }
        writer.bulk(sku);
    }

    /// The one number behind the word, if that is all there is.
    fn number(&self) -> Option<u64> {
        match *self {
            Outcome::Restocked { available } | Outcome::Insufficient { available } => Some(available),
            Outcome::Limit { left } => Some(left),
            Outcome::NotOpen { starts_at } => Some(starts_at),
            Outcome::PriceChanged { price } | Outcome::Repriced { price } => Some(price),
            Outcome::AmountMismatch { due } => Some(due),
            _ => None,
        }
    }
}

/// Writes `[PAID, order, code or serial, ...]`: the name of each unit after the order.
pub fn write_paid_with<U: AsRef<[u8]>>(
    order: &str,
    units: impl ExactSizeIterator<Item = U>,
    writer: &mut Writer<'_>,
) {
    writer.array(2 + units.len());
    writer.bulk(Status::Paid.word());
    writer.bulk(order);
    units.for_each(|unit| writer.bulk(unit));
}
