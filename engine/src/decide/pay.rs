//! What a payment comes to: in time, twice, of the wrong amount, late, or for an order that can't take it.

use smallvec::smallvec;

use super::{Change, Events, Judged, Limits, NoChange, accept};
use crate::orders::{Order, OrderState};
use crate::sku::Sku;
use crate::{Answer, Event, LatePayment, Millis, OrderNumber, Payment, Phase, Refusal, Rejection, Standing};

impl Sku {
    /// A payment is applied, found to be applied already, refused for its amount, or due back. Money that came in
    /// is never dropped without an event.
    pub(super) fn pay<'a>(
        &self,
        payment: Payment<'a>,
        standing: &Standing,
        now: Millis,
        limits: &Limits,
    ) -> Judged<'a> {
        let order = self.orders.get(payment.order).ok_or(Rejection::NotFound)?;
        if self.is_line(order) {
            return Err(Refusal::InCart.into());
        }
        self.judge_repeat(Some(payment.order), payment.request)?;
        self.room_for_step(&[payment.request.id, payment.id])?;
        if let Some(known) = self.payments.find(payment.id, &self.texts, self.hashing) {
            // Lines of one cart share theirs, and this order may have had it before them.
            let of_order = || self.payments.find_of((payment.id, payment.order), &self.texts, self.hashing);
            let own = Some(known).filter(|known| known.order == payment.order).or_else(of_order);
            let own = own.ok_or(Refusal::PaymentReused)?;
            return self.note(payment.order, payment.request, own.answer.into(), limits);
        }
        match order.state {
            OrderState::Reserved if !self.has_lapsed(order, now) => {
                self.judge_amount(order, &payment)?;
                let mut events: Events<'a> = smallvec![Event::Paid(payment)];
                events.extend(self.paid_seat(payment.order, now));
                Ok(Change { events, answer: Answer::Paid })
            }
            // The clock has ended it, though its timer has not run yet.
            OrderState::Reserved => self.pay_late(order, payment, true, standing, now),
            OrderState::Expired => self.pay_late(order, payment, false, standing, now),
            OrderState::Cancelled => {
                self.room_for_request(&[payment.request.id], limits)?;
                accept(Event::RefundDue(payment), Answer::Cancelled)
            }
            OrderState::Paid | OrderState::RefundDue | OrderState::Refunded => {
                self.room_for_request(&[payment.request.id], limits)?;
                accept(Event::RefundDue(payment), Answer::RefundDue)
            }
        }
    }

    /// `ends_now`: the reservation still stands and its end is part of this change.
    fn pay_late<'a>(
        &self,
        order: Order<'_>,
        payment: Payment<'a>,
        ends_now: bool,
        standing: &Standing,
        now: Millis,
    ) -> Judged<'a> {
        let expired = Event::Expired { order: payment.order };
        if !self.can_reacquire(payment.order, order, ends_now, standing, now) {
            let mut events = if ends_now { self.ended_unpaid(expired, order, now) } else { Events::new() };
            events.push(Event::RefundDue(payment));
            return Ok(Change { events, answer: Answer::RefundDue });
        }
        self.judge_amount(order, &payment)?;
        // The same events as if the timer had run before, so that a buyer's record does not depend on that.
        let mut events = if ends_now { self.ended_unpaid(expired, order, now) } else { Events::new() };
        events.push(Event::Reacquired(payment));
        let coupon = self.coupon_of(payment.order);
        events.extend(coupon.map(|_| Event::CouponTaken { order: payment.order }));
        Ok(Change { events, answer: Answer::Paid })
    }

    fn can_reacquire(
        &self,
        number: OrderNumber,
        order: Order<'_>,
        ends_now: bool,
        standing: &Standing,
        now: Millis,
    ) -> bool {
        // Units and limit that the order itself gives back when it ends in this same change.
        let own = if ends_now { order.qty } else { 0 };
        let held = self.buyers.get(order.buyer).map_or(0, |buyer| buyer.held).saturating_sub(own);
        self.terms.late_payment == LatePayment::Reacquire
            // A seat that was given up is another's, and its room has gone on.
            && self.seats.get(number).is_none()
            && self.window().phase(now) == Phase::Open
            && !self.paused
            && u64::from(order.qty) <= u64::from(self.stock.available()) + u64::from(own)
            && self.store_has(number, order.qty, own)
            && order.qty <= self.left_for(held).min(standing.left)
            && (standing.coupon.is_some() || self.coupon_of(number).is_none())
    }

    /// Whether the store of this order, if it has one, still has the units.
    fn store_has(&self, number: OrderNumber, qty: u32, own: u32) -> bool {
        let store = self.at_store.get(number).map(|store| self.stores.get(usize::from(store.0)));
        store.is_none_or(|stock| {
            stock.is_some_and(|stock| u64::from(qty) <= u64::from(stock.available()) + u64::from(own))
        })
    }

    fn judge_amount(&self, order: Order<'_>, payment: &Payment<'_>) -> Result<(), NoChange> {
        let due = self.due(payment.order, order);
        if payment.amount == due { Ok(()) } else { Err(Rejection::AmountMismatch { due }.into()) }
    }
}
