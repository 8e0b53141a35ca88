//! What a SKU's orders mean to its campaign: the units and coupons that they take up there.

use crate::orders::OrderState;
use crate::sku::Sku;
use crate::{CouponCode, Event, Millis, OrderNumber};

/// Units and a coupon that a buyer has again, because an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freed<'a> {
    /// The order.
    pub order: OrderNumber,
    /// Its buyer.
    pub buyer: &'a str,
    /// Units.
    pub qty: u32,
    /// The coupon, if the order used one and ended unpaid.
    pub coupon: Option<CouponCode>,
}

/// What a late payment needs to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reclaim<'a> {
    /// The order's buyer.
    pub buyer: &'a str,
    /// Its units.
    pub qty: u32,
    /// The coupon that it used.
    pub coupon: Option<CouponCode>,
    /// Its hold has run out, but that has not happened to it yet: units and coupon are still taken up.
    pub stands: bool,
}

impl Sku {
    /// What this event, before it is applied, gives back to a buyer.
    #[must_use]
    pub fn freed(&self, event: &Event<'_>) -> Option<Freed<'_>> {
        let (order, unpaid) = match *event {
            Event::Expired { order } | Event::Cancelled { order, .. } | Event::Dismissed { order } => {
                (order, true)
            }
            Event::LineEnded { order, .. } => (order, true),
            Event::RoomRefundDue { order } => (order, false),
            Event::Refunded { order, .. } if self.orders.get(order)?.state == OrderState::Paid => {
                (order, false)
            }
            _ => return None,
        };
        let row = self.orders.get(order)?;
        let coupon = self.coupon_of(order).filter(|_| unpaid);
        Some(Freed { order, buyer: self.buyers.name(row.buyer, &self.texts), qty: row.qty, coupon })
    }

    /// What a payment for this order needs if it comes too late; `None` if it does not.
    #[must_use]
    pub fn reclaim(&self, number: OrderNumber, now: Millis) -> Option<Reclaim<'_>> {
        let order = self.orders.get(number)?;
        let stands = self.has_lapsed(order, now);
        ((stands || order.state == OrderState::Expired) && !self.is_line(order)).then(|| Reclaim {
            buyer: self.buyers.name(order.buyer, &self.texts),
            qty: order.qty,
            coupon: self.coupon_of(number),
            stands,
        })
    }

    /// Every buyer with the units that count against limits, and whether the buyer ever bought. Walks all buyers.
    pub fn holdings(&self) -> impl Iterator<Item = (&str, u32, bool)> {
        self.buyers.iter().map(|buyer| (buyer.name(&self.texts), buyer.held, buyer.bought))
    }

    /// Whether any order ever had a discount, and so perhaps a coupon.
    #[must_use]
    pub fn has_discounts(&self) -> bool {
        !self.discounts.is_empty()
    }

    /// Whether a payment of this id came for another order, and not for this one too.
    #[must_use]
    pub fn is_payment_of_another(&self, payment: &str, order: OrderNumber) -> bool {
        self.payments.find(payment, &self.texts, self.hashing).is_some()
            && self.payments.find_of((payment, order), &self.texts, self.hashing).is_none()
    }

    /// Every coupon that is used up by an order, and whose it is.
    pub fn coupons_in_use(&self) -> impl Iterator<Item = (&str, CouponCode)> {
        self.discounts.iter().filter_map(|(number, _)| {
            let order = self.orders.get(*number)?;
            // One that was ever paid keeps it.
            let in_use = order.state == OrderState::Reserved || order.payment().is_some();
            in_use
                .then_some(())
                .and_then(|()| self.coupon_of(*number))
                .map(|code| (self.buyers.name(order.buyer, &self.texts), code))
        })
    }

    /// The coupon that this order takes up. One that a cart uses is taken up by one of its lines.
    pub(crate) fn coupon_of(&self, number: OrderNumber) -> Option<CouponCode> {
        if self.lines.get(number).is_some_and(|line| line.shares_coupon) {
            return None;
        }
        Some(self.discounts.get(number)?.coupon?.code)
    }
}
