//! What the events of a group-buy room do.

use crate::orders::OrderState;
use crate::sku::Sku;
use crate::{Contradiction, Discounts, Millis, OrderNumber, Seat};

impl Sku {
    /// An order that was just entered with its whole price takes a seat, which lowers the price.
    pub(crate) fn take_seat(&mut self, number: OrderNumber, seat: &Seat) -> Result<(), Contradiction> {
        let order = self.orders.get(number).ok_or(Contradiction::Order(number))?;
        let (state, qty, line) = (order.state, order.qty, order.line_amount());
        if seat.off > line {
            return Err(Contradiction::State(number));
        }
        self.seats.add(number, *seat).ok_or(Contradiction::Order(number))?;
        self.tally.leave(state, qty, line);
        self.tally.enter(state, qty, line - seat.off);
        Ok(())
    }

    pub(super) fn leave_room(&mut self, number: OrderNumber, was_paid: bool) -> Result<(), Contradiction> {
        match self.seats.get(number) {
            Some(seat) => self.rooms.leave(seat.room, number, was_paid),
            None => Ok(()),
        }
    }

    /// An order that was just entered with a higher price gets its discounts.
    pub(crate) fn discount(
        &mut self,
        number: OrderNumber,
        discounts: &Discounts,
    ) -> Result<(), Contradiction> {
        let order = self.orders.get(number).ok_or(Contradiction::Order(number))?;
        let (state, qty, before) = (order.state, order.qty, self.due(number, order));
        let due = before.checked_sub(discounts.total()).ok_or(Contradiction::State(number))?;
        self.discounts.add(number, *discounts).ok_or(Contradiction::Order(number))?;
        self.tally.leave(state, qty, before);
        self.tally.enter(state, qty, due);
        Ok(())
    }

    /// The order stays paid and costs less.
    pub(super) fn better_tier(
        &mut self,
        number: OrderNumber,
        amount: u64,
        green: u64,
    ) -> Result<(), Contradiction> {
        let order = self.orders.get(number).ok_or(Contradiction::Order(number))?;
        let (state, qty, due) = (order.state, order.qty, self.due(number, order));
        let seat = self.seats.get_mut(number).ok_or(Contradiction::Order(number))?;
        if state != OrderState::Paid || amount > due {
            return Err(Contradiction::State(number));
        }
        let discount = self.discounts.get_mut(number).and_then(|discounts| discounts.green.as_mut());
        let green_before = discount.map_or(0, |discount| std::mem::replace(&mut discount.amount, green));
        seat.off = (seat.off + amount + green_before).saturating_sub(green);
        self.tally.leave(state, qty, due);
        self.tally.enter(state, qty, due - amount);
        Ok(())
    }

    /// The order's money is due back, and its units return.
    pub(super) fn room_failed(&mut self, number: OrderNumber, at: Millis) -> Result<(), Contradiction> {
        let qty = self.turn(number, &[OrderState::Paid], OrderState::RefundDue)?;
        self.refunds.add(number, at);
        self.move_units(number, |stock| stock.take_back(qty))?;
        self.order_mut(number)?.holds_units = false;
        let buyer = self.buyer_of(number)?;
        buyer.held = buyer.held.saturating_sub(qty);
        Ok(())
    }
}
