//! Orders from their reservation to their end.

use tidegate_engine::{
    Answer, CartLine, CartNumber, DiscountKind, LatePayment, LineState, Millis, NoChange, OrderState,
    Rejection,
};

use super::buyers::Deed;
use super::{Model, number};
use crate::common::Told;

/// An order.
#[derive(Clone, Debug)]
pub(crate) struct ModelOrder {
    pub(crate) buyer: &'static str,
    pub(crate) qty: u32,
    pub(crate) unit_price: u64,
    pub(crate) reserved_at: Millis,
    pub(crate) expires_at: Millis,
    pub(crate) state: OrderState,
    pub(crate) paid_at: Option<Millis>,
    /// Whether paid units were not given back.
    pub(crate) keeps_units: bool,
    /// The store that its units are at.
    pub(crate) store: Option<usize>,
    /// The room it has a seat in.
    pub(crate) room: Option<u32>,
    /// The percentage of the tier when it was reserved, and now.
    pub(super) tier: [Option<u8>; 2],
    /// The percentages of the coupon and for a small carbon footprint.
    coupon: Option<u8>,
    green: Option<u8>,
    /// In which order discounts are taken.
    kinds: [DiscountKind; 4],
    /// The cart that it is a line of.
    pub(crate) cart: Option<(&'static str, CartNumber)>,
    /// What it costs less because of the sum of its cart.
    off: u64,
}

impl ModelOrder {
    /// What it costs now.
    pub(crate) fn due(&self) -> u64 {
        self.price_at(self.tier[1])
    }

    /// What it cost when it was reserved.
    pub(crate) fn due_at_first(&self) -> u64 {
        self.price_at(self.tier[0])
    }

    /// What it costs at this tier: each discount off what the one before left.
    pub(super) fn price_at(&self, tier: Option<u8>) -> u64 {
        let less = |price: u64, percent: u8| (price * (100 - u64::from(percent)) + 50) / 100;
        let qty = u64::from(self.qty);
        self.kinds.iter().fold(self.unit_price * qty, |left, kind| match kind {
            DiscountKind::Tier if left == self.unit_price * qty => {
                tier.map_or(left, |percent| less(self.unit_price, percent) * qty)
            }
            DiscountKind::Tier => tier.map_or(left, |percent| less(left, percent)),
            DiscountKind::Coupon => self.coupon.map_or(left, |percent| less(left, percent)),
            DiscountKind::Green => self.green.map_or(left, |percent| less(left, percent)),
            DiscountKind::Threshold => left - self.off,
        })
    }
}

/// A payment that came in and what it was answered.
#[derive(Clone, Debug)]
pub(crate) struct ModelPayment {
    pub(crate) id: &'static str,
    pub(crate) order: usize,
    pub(crate) amount: u64,
    pub(crate) answer: Answer,
    /// Whether it paid the order, or is due back.
    pub(crate) applied: bool,
}

impl Model {
    pub(super) fn has_run_out(&self, order: usize, now: Millis) -> bool {
        let order = &self.orders[order];
        order.cart.is_none() && order.state == OrderState::Reserved && order.expires_at <= now
    }

    /// When the next reservation runs out or the next room closes.
    pub(crate) fn next_expiry(&self) -> Option<Millis> {
        // Lines are ended by their carts.
        let is_held = |order: &&ModelOrder| order.state == OrderState::Reserved && order.cart.is_none();
        let held = self.orders.iter().filter(is_held);
        let forming = (1..).zip(&self.rooms).filter(|(_, room)| room.settled.is_none());
        held.map(|order| order.expires_at).chain(forming.map(|(room, _)| self.closes_at(room))).min()
    }

    /// The timer of this order ran.
    pub(crate) fn expire(&mut self, order: usize) {
        self.orders[order].state = OrderState::Expired;
        self.lapsed(self.orders[order].buyer);
        self.left(order);
    }

    /// The position of the new order.
    pub(super) fn reserve(
        &mut self,
        buyer: &'static str,
        qty: u32,
        (max_price, coupon, at): (Option<u64>, Option<&'static str>, bool),
        now: Millis,
    ) -> Result<usize, NoChange> {
        let unit_price = self.unit_price(now);
        let left = self.left_for(buyer, None).min(i64::from(self.standing.left));
        let starts_at = self.starts_at().unwrap_or_default();
        let allow = self.terms.allow.as_deref();
        let reasons = [
            (self.is_blocked(buyer), Rejection::Blocked),
            (allow.is_some_and(|list| !list.iter().any(|b| **b == *buyer)), Rejection::NotEligible),
            (now < starts_at, Rejection::NotOpen { starts_at }),
            (self.ends_at().is_some_and(|end| end <= now), Rejection::Ended),
            (self.paused, Rejection::Paused),
            (i64::from(qty) > self.available(), Rejection::SoldOut),
            (i64::from(qty) > left, Rejection::Limit { left: u32::try_from(left).unwrap_or(u32::MAX) }),
            (max_price.is_some_and(|max| max < unit_price), Rejection::PriceChanged { price: unit_price }),
            (
                coupon.is_some() && (self.enrolment.is_none() || self.standing.coupon.is_none()),
                Rejection::CouponInvalid,
            ),
            ((at || !self.stores.is_empty()) && self.store_for(qty, at).is_none(), Rejection::NoStore),
        ];
        if let Some((_, reason)) = reasons.into_iter().find(|(holds, _)| *holds) {
            return Err(NoChange::Rejected(reason));
        }
        let expires_at = now.plus(u64::from(self.terms.hold_ms));
        let green = self.enrolment.as_ref().and_then(|part| part.green);
        let green = green.filter(|green| self.terms.carbon_g.is_some_and(|own| own <= green.max_carbon_g));
        self.orders.push(ModelOrder {
            buyer,
            qty,
            unit_price,
            reserved_at: now,
            expires_at,
            state: OrderState::Reserved,
            paid_at: None,
            keeps_units: false,
            store: self.store_for(qty, at),
            room: None,
            tier: [None, None],
            coupon: coupon.and(self.standing.coupon).map(|coupon| coupon.percent_off),
            green: green.map(|green| green.percent_off),
            kinds: self.enrolment.as_ref().map(|part| part.order).unwrap_or_default().kinds(),
            cart: None,
            off: 0,
        });
        Ok(self.orders.len() - 1)
    }

    /// Holds a line of a cart, for as long as the cart is held.
    pub(super) fn hold_line(
        &mut self,
        line: &CartLine<&'static str>,
        buyer: &'static str,
        qty: u32,
        coupon: Option<&'static str>,
        now: Millis,
    ) -> Told {
        if self.enrolment.as_ref().is_none_or(|part| &*part.campaign != line.campaign) {
            return Err(NoChange::Rejected(Rejection::NotFound));
        }
        let at = self.reserve(buyer, qty, (None, coupon, false), now)?;
        self.orders[at].cart = Some((line.campaign, line.cart));
        self.orders[at].expires_at = line.expires_at;
        let (amount, expires_at) = (self.orders[at].due(), line.expires_at);
        Ok(Answer::Reserved { order: number(at), amount, expires_at })
    }

    /// `Err(Some(due))`: another amount is due; `Err(None)`: the payment belongs to another order.
    pub(super) fn pay(
        &mut self,
        at: usize,
        amount: u64,
        id: &'static str,
        now: Millis,
    ) -> Result<Answer, Option<u64>> {
        let mut known = self.payments.iter().filter(|payment| payment.id == id).peekable();
        if known.peek().is_some() {
            return known.find(|payment| payment.order == at).map_or(Err(None), |own| Ok(own.answer));
        }
        let order = self.orders[at].clone();
        let run_out = self.has_run_out(at, now);
        let in_time = order.state == OrderState::Reserved && !run_out;
        let late = run_out || order.state == OrderState::Expired;
        let own = if run_out { i64::from(order.qty) } else { 0 };
        let open = !self.paused
            && self.starts_at().is_none_or(|start| start <= now)
            && self.ends_at().is_none_or(|end| now < end);
        let again = late
            && order.room.is_none()
            && self.terms.late_payment == LatePayment::Reacquire
            && open
            && i64::from(order.qty) <= self.available() + own
            && order.store.is_none_or(|store| i64::from(order.qty) <= self.available_at(store) + own)
            && i64::from(order.qty) <= self.left_for(order.buyer, Some(at))
            && order.qty <= self.standing.left
            && (order.coupon.is_none() || self.standing.coupon.is_some());
        let applied = in_time || again;
        if applied && amount != order.due() {
            return Err(Some(order.due()));
        }
        let answer = match order.state {
            _ if applied => Answer::Paid,
            OrderState::Cancelled => Answer::Cancelled,
            _ => Answer::RefundDue,
        };
        if applied {
            self.orders[at].state = OrderState::Paid;
            self.orders[at].paid_at = Some(now);
            self.orders[at].keeps_units = true;
            if late {
                if run_out {
                    self.lapsed(order.buyer);
                }
                self.deeds.push((order.buyer, Deed::MadeGood { max_lapses: self.terms.max_lapses }));
            }
            if order.room.is_none() {
                self.give(at);
            }
            if let Some(room) = order.room {
                let seats = self.terms.group_buy.as_ref().map_or(0, |group_buy| group_buy.seats());
                if self.paid_members(room) >= seats as usize {
                    self.settle(room, now);
                }
            }
        } else if late {
            self.orders[at].state = OrderState::RefundDue;
            if run_out {
                self.lapsed(order.buyer);
                self.left(at);
            }
        }
        self.payments.push(ModelPayment { id, order: at, amount, answer, applied });
        Ok(answer)
    }

    /// A line becomes what became of its cart; only once, and never less than it is.
    pub(super) fn settle_line(
        &mut self,
        at: usize,
        cart: (&'static str, CartNumber),
        off: u64,
        state: &LineState<&'static str>,
        now: Millis,
    ) -> Told {
        if self.orders[at].cart != Some(cart) {
            return Err(NoChange::Rejected(Rejection::NotFound));
        }
        let was = self.orders[at].state;
        if was == OrderState::Reserved && *state != LineState::Withdrawn {
            self.orders[at].off = off;
        }
        let money = |model: &Self, id, answer, applied| ModelPayment {
            id,
            order: at,
            amount: model.orders[at].due(),
            answer,
            applied,
        };
        match (was, *state) {
            (OrderState::Reserved, LineState::Paid { payment }) => {
                self.orders[at].state = OrderState::Paid;
                self.orders[at].paid_at = Some(now);
                self.orders[at].keeps_units = true;
                self.payments.push(money(self, payment, Answer::Paid, true));
                self.give(at);
            }
            (OrderState::Reserved, LineState::Withdrawn) => self.orders[at].state = OrderState::Cancelled,
            (OrderState::Reserved, LineState::Cancelled) => {
                self.orders[at].state = OrderState::Cancelled;
                self.lapsed(self.orders[at].buyer);
            }
            (OrderState::Reserved, LineState::Expired) => {
                self.orders[at].state = OrderState::Expired;
                self.lapsed(self.orders[at].buyer);
            }
            (OrderState::Reserved | OrderState::Expired, LineState::RefundDue { payment }) => {
                if was == OrderState::Reserved {
                    self.lapsed(self.orders[at].buyer);
                }
                self.orders[at].state = OrderState::RefundDue;
                self.payments.push(money(self, payment, Answer::RefundDue, false));
            }
            _ => {}
        }
        Ok(if matches!(state, LineState::Paid { .. }) { Answer::Paid } else { Answer::Updated })
    }

    pub(super) fn cancel(&mut self, at: usize, now: Millis) -> Result<Answer, Rejection> {
        match self.orders[at].state {
            OrderState::Reserved if !self.has_run_out(at, now) => {
                self.orders[at].state = OrderState::Cancelled;
                self.lapsed(self.orders[at].buyer);
                self.left(at);
                Ok(Answer::Cancelled)
            }
            OrderState::Cancelled => Ok(Answer::Cancelled),
            OrderState::Paid | OrderState::Refunded => Err(Rejection::AlreadyPaid),
            OrderState::Reserved | OrderState::Expired | OrderState::RefundDue => Err(Rejection::Expired),
        }
    }

    pub(super) fn refund(&mut self, at: usize, restock: bool) -> Result<Answer, Rejection> {
        let revealed = self.has_revealed(at);
        let order = &mut self.orders[at];
        if !matches!(order.state, OrderState::Paid | OrderState::RefundDue | OrderState::Refunded) {
            return Err(Rejection::NotPaid);
        }
        order.state = OrderState::Refunded;
        order.keeps_units &= !restock || revealed;
        self.left(at);
        Ok(Answer::Refunded)
    }
}
