//! How an order ends that is not to be: given up, run out, refunded.

use smallvec::smallvec;

use super::{Change, Events, Judged, Limits, accept, reject};
use crate::orders::{Order, OrderState};
use crate::sku::Sku;
use crate::{Answer, Event, Fulfilment, Millis, OrderNumber, Refusal, Rejection, Request};

impl Sku {
    pub(super) fn cancel<'a>(
        &self,
        number: OrderNumber,
        request: Request<'a>,
        reason: Option<&'a str>,
        now: Millis,
        limits: &Limits,
    ) -> Judged<'a> {
        let order = self.orders.get(number).ok_or(Rejection::NotFound)?;
        if self.is_line(order) {
            return Err(Refusal::InCart.into());
        }
        self.judge_repeat(Some(number), request)?;
        match order.state {
            OrderState::Reserved if self.has_lapsed(order, now) => reject(Rejection::Expired),
            OrderState::Reserved => {
                self.room_for_step(&[request.id])?;
                let events =
                    self.ended_unpaid(Event::Cancelled { order: number, request, reason }, order, now);
                Ok(Change { events, answer: Answer::Cancelled })
            }
            OrderState::Cancelled => self.note(number, request, Answer::Cancelled, limits),
            OrderState::Paid | OrderState::Refunded => reject(Rejection::AlreadyPaid),
            OrderState::Expired | OrderState::RefundDue => reject(Rejection::Expired),
        }
    }

    pub(super) fn refund<'a>(
        &self,
        number: OrderNumber,
        request: Request<'a>,
        restock: bool,
        now: Millis,
        limits: &Limits,
    ) -> Judged<'a> {
        let order = self.orders.get(number).ok_or(Rejection::NotFound)?;
        self.judge_repeat(Some(number), request)?;
        self.room_for_step(&[request.id])?;
        match order.state {
            OrderState::Paid | OrderState::RefundDue => {
                // An event says what happened: an order that holds no units returns none.
                let restock = restock && order.holds_units && !self.has_revealed(number);
                let mut events: Events<'a> = smallvec![Event::Refunded { order: number, request, restock }];
                events.extend(self.left_room(number, now));
                Ok(Change { events, answer: Answer::Refunded })
            }
            // The money went back before; now the goods have come back too.
            OrderState::Refunded if restock && order.holds_units && !self.has_revealed(number) => {
                accept(Event::Refunded { order: number, request, restock }, Answer::Refunded)
            }
            OrderState::Refunded => self.note(number, request, Answer::Refunded, limits),
            OrderState::Reserved | OrderState::Cancelled | OrderState::Expired => reject(Rejection::NotPaid),
        }
    }

    /// Whether an order was given a code: somebody has seen it, and it can't be sold again.
    fn has_revealed(&self, number: OrderNumber) -> bool {
        matches!(self.terms.fulfilment, Some(Fulfilment::Codes(_))) && self.goods.of(number).is_some()
    }

    /// The event that ends a reservation unpaid, and what follows from it.
    pub(super) fn ended_unpaid<'a>(&self, end: Event<'a>, order: Order<'_>, now: Millis) -> Events<'a> {
        let number = ended(&end);
        let mut events = self.lapse(end, order);
        events.extend(number.and_then(|number| self.left_room(number, now)));
        events
    }

    /// The event that ends a reservation unpaid, the block if that was one too many, and the return of its coupon.
    pub(super) fn lapse<'a>(&self, end: Event<'a>, order: Order<'_>) -> Events<'a> {
        let number = ended(&end);
        let one_too_many = self
            .buyers
            .get(order.buyer)
            .zip(self.terms.max_lapses)
            .is_some_and(|(buyer, max)| !buyer.is_blocked() && u32::from(buyer.lapses) + 1 >= max);
        let mut events: Events<'a> = smallvec![end];
        events.extend(number.filter(|_| one_too_many).map(|order| Event::BuyerLapsedOut { order }));
        let coupon = number.filter(|order| self.coupon_of(*order).is_some());
        events.extend(coupon.map(|order| Event::CouponReturned { order }));
        events
    }
}

/// The order whose reservation this event ends.
fn ended(event: &Event<'_>) -> Option<OrderNumber> {
    match event {
        Event::Expired { order } | Event::Cancelled { order, .. } | Event::LineEnded { order, .. } => {
            Some(*order)
        }
        _ => None,
    }
}
