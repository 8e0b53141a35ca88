//! Entries of the feed: which events are one, what each tells, and how that is written.
//!
//! An entry is an event of the journal. Not every event is one: some only complete another, and what a line of a cart
//! goes through before its cart came to be is told by nobody.

mod data;
mod json;
mod kind;
mod of_campaign;
mod of_sku;
mod write;

use std::rc::Rc;

use tidegate_engine::{
    CartNumber, CartPayment, CouponCode, Discounts, Granted, Millis, NewCart, OrderNumber, RoomNumber, Seat,
    StoreNumber, Tier,
};

pub(crate) use of_campaign::campaign_entries;
pub(crate) use of_sku::sku_entries;
pub(crate) use write::{EntryWriter, Who};

/// The types that entries have.
pub(crate) const TYPES: [&str; 24] = [
    "order.reserved",
    "order.paid",
    "order.cancelled",
    "order.expired",
    "order.refund_due",
    "order.refunded",
    "room.opened",
    "room.joined",
    "room.succeeded",
    "room.failed",
    "cart.reserved",
    "cart.paid",
    "cart.cancelled",
    "cart.expired",
    "coupon.granted",
    "coupon.used",
    "coupon.returned",
    "campaign.put",
    "buyer.blocked",
    "sku.created",
    "sku.restocked",
    "sku.repriced",
    "sku.paused",
    "sku.resumed",
];

/// An entry as its event tells it.
#[derive(Debug)]
pub(crate) struct Draft<'b> {
    /// The sequence of the event.
    pub(crate) sequence: u64,
    /// When it happened.
    pub(crate) at: Millis,
    /// What happened.
    pub(crate) entry: Entry<'b>,
}

/// What happened, and what the event says of it.
#[derive(Debug)]
pub(crate) enum Entry<'b> {
    Reserved(Reserved<'b>),
    Paid {
        order: OrderNumber,
        payment: &'b str,
        amount: u64,
    },
    /// Without a payment it is the one that paid the order, and without an amount all of it.
    RefundDue {
        order: OrderNumber,
        payment: Option<&'b str>,
        amount: Option<u64>,
        reason: &'static str,
    },
    Cancelled {
        order: OrderNumber,
        reason: Option<&'b str>,
    },
    Expired {
        order: OrderNumber,
        reason: Option<&'static str>,
    },
    Refunded {
        order: OrderNumber,
        restock: bool,
    },
    RoomOpened {
        room: RoomNumber,
        deadline: Millis,
        by: Option<Buyer<'b>>,
    },
    RoomJoined {
        room: RoomNumber,
        members: u32,
        by: Buyer<'b>,
    },
    RoomSettled {
        room: RoomNumber,
        tier: Option<Tier>,
        unit_price: u64,
    },
    CouponUsed {
        code: CouponCode,
        by: Buyer<'b>,
    },
    /// A coupon was taken up again, or came back.
    CouponMoved {
        order: OrderNumber,
        back: bool,
    },
    BuyerBlocked(&'b str),
    /// The buyer of this order let too many reservations end unpaid.
    BuyerLapsedOut(OrderNumber),
    SkuCreated {
        stock: u32,
    },
    Restocked {
        delta: i64,
        store: Option<StoreNumber>,
    },
    Repriced(u64),
    Paused,
    Resumed,
    CampaignPut,
    Granted(Granted<'b>),
    CartReserved(Rc<NewCart<&'b str>>),
    /// A line of a cart that just came to be: the reservation of its order.
    LineReserved {
        cart: Rc<NewCart<&'b str>>,
        line: usize,
    },
    CartCoupon {
        cart: Rc<NewCart<&'b str>>,
        code: CouponCode,
    },
    CartPaid(CartPayment<'b>),
    CartOverpaid(CartPayment<'b>),
    CartCancelled(CartNumber),
    CartExpired(CartNumber),
}

/// A reservation with what the events behind it add.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reserved<'b> {
    by: Buyer<'b>,
    unit_price: u64,
    seat: Option<Seat>,
    discounts: Option<Discounts>,
    store: Option<StoreNumber>,
}

/// Who bought how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buyer<'b> {
    order: OrderNumber,
    name: &'b str,
    qty: u32,
}

/// What the event does not say, and whoever it happened to has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact<'b> {
    /// About an order of the same SKU.
    Order(OrderNumber),
    /// About an order of this SKU.
    OrderOf(&'b str, OrderNumber),
    /// About a cart of the same campaign.
    Cart(CartNumber),
}

impl<'b> Entry<'b> {
    /// What has to be asked before it can be written.
    pub(crate) fn fact(&self) -> Option<Fact<'b>> {
        match self {
            Self::Paid { order, .. }
            | Self::RefundDue { order, .. }
            | Self::Cancelled { order, .. }
            | Self::Expired { order, .. }
            | Self::Refunded { order, .. }
            | Self::CouponMoved { order, .. }
            | Self::BuyerLapsedOut(order) => Some(Fact::Order(*order)),
            Self::LineReserved { cart, line } => {
                cart.items.get(*line).map(|item| Fact::OrderOf(item.sku, item.order))
            }
            Self::CartPaid(payment) | Self::CartOverpaid(payment) => Some(Fact::Cart(payment.cart)),
            Self::CartCancelled(cart) | Self::CartExpired(cart) => Some(Fact::Cart(*cart)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn the_types_are_those_that_are_written() {
        let is_type = |text: &&str| {
            let word = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            text.split_once('.').is_some_and(|(of, what)| !of.is_empty() && word(of) && word(what))
        };
        let written: BTreeSet<&str> = include_str!("kind.rs").split('"').filter(is_type).collect();
        let written: Vec<_> = written.into_iter().collect();
        let mut listed = super::TYPES.to_vec();
        listed.sort_unstable();
        assert_eq!(listed, written);
    }
}
