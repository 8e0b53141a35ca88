//! What a cart does to one of its lines.

use smallvec::smallvec;

use super::reserve::Reservation;
use super::{Change, Events, Judged, Limits, as_it_is};
use crate::orders::OrderState;
use crate::sku::Sku;
use crate::{Answer, CartLine, CartNumber, Event, LineEnd, LineState, Millis, OrderNumber, Rejection};

impl Sku {
    /// Holds units as a line of a cart. Who may buy, and at what price, is as for any order.
    pub(super) fn hold_line<'a>(
        &self,
        line: CartLine<&'a str>,
        asked: &Reservation<'a, '_>,
        now: Millis,
        limits: &Limits,
    ) -> Judged<'a> {
        if self.enrolment.as_ref().is_none_or(|part| &*part.campaign != line.campaign) {
            return Err(Rejection::NotFound.into());
        }
        let Change { mut events, answer } = self.reserve_new(asked, now, limits)?;
        let Answer::Reserved { order, amount, .. } = answer else { return Ok(Change { events, answer }) };
        events.push(Event::LineHeld { order, line });
        Ok(Change { events, answer: Answer::Reserved { order, amount, expires_at: line.expires_at } })
    }

    /// Makes of a line what became of its cart.
    pub(super) fn settle_line<'a>(
        &self,
        (order, campaign, cart): (OrderNumber, &str, CartNumber),
        off: u64,
        state: &LineState<&'a str>,
    ) -> Judged<'a> {
        let is_it =
            |line: &&crate::lines::LineRow| line.cart == cart && self.lines.campaign(line) == campaign;
        let line = self.lines.get(order).filter(is_it).ok_or(Rejection::NotFound)?;
        let row = self.orders.get(order).ok_or(Rejection::NotFound)?;
        let mut events = Events::new();
        if row.state == OrderState::Reserved && line.off != off {
            events.push(Event::LineDiscounted { order, off });
        }
        let amount = self.due(order, row).saturating_add(line.off).saturating_sub(off);
        let ended = |end| Event::LineEnded { order, end };
        match (row.state, *state) {
            (OrderState::Reserved, LineState::Paid { payment }) => {
                self.room_for_step(&[payment])?;
                events.push(Event::LinePaid { order, payment, amount });
            }
            (OrderState::Reserved, LineState::Withdrawn) => events = smallvec![ended(LineEnd::Withdrawn)],
            (OrderState::Reserved, LineState::Cancelled) => {
                events.extend(self.lapse(ended(LineEnd::Cancelled), row));
            }
            (OrderState::Reserved, LineState::Expired) => {
                events.extend(self.lapse(ended(LineEnd::Expired), row));
            }
            (OrderState::Reserved, LineState::RefundDue { payment }) => {
                self.room_for_step(&[payment])?;
                events.extend(self.lapse(ended(LineEnd::Expired), row));
                events.push(Event::LineRefundDue { order, payment, amount });
            }
            (OrderState::Expired, LineState::RefundDue { payment }) => {
                self.room_for_step(&[payment])?;
                let amount = self.due(order, row);
                events.push(Event::LineRefundDue { order, payment, amount });
            }
            _ => {}
        }
        let answer = if matches!(state, LineState::Paid { .. }) { Answer::Paid } else { Answer::Updated };
        if events.is_empty() { as_it_is(answer) } else { Ok(Change { events, answer }) }
    }
}
