//! Whether there is room to remember what a change would bring.

use super::reserve::Reservation;
use super::{Limits, NoChange};
use crate::orders::OrderState;
use crate::sku::Sku;
use crate::tables::MAX_TEXT;
use crate::{OrderNumber, Refusal};

/// What a reserved order may yet have to keep: the request and the payment that pay it, each with its length.
const STEP_BYTES: u64 = 2 * (MAX_TEXT as u64 + 1);

impl Sku {
    pub(super) fn room_for_order(
        &self,
        asked: &Reservation<'_, '_>,
        new_buyer: bool,
        hold_ms: u32,
        limits: &Limits,
    ) -> Result<OrderNumber, NoChange> {
        let number = self.orders.next_number().filter(|number| number.0 <= limits.max_orders);
        let number = number.ok_or(Refusal::Full { limit: "orders" })?;
        if new_buyer {
            self.room_for_buyer(asked.buyer, limits)?;
        }
        if !self.orders.has_queue_for(hold_ms) {
            return Err(Refusal::Full { limit: "different hold lengths" }.into());
        }
        // An order that was accepted can be paid: ids of those to come must not take the room of that.
        let open = self.tally.orders(OrderState::Reserved) + 1;
        self.room_for_texts_beside(open.saturating_mul(STEP_BYTES), &[asked.request.id, asked.buyer])?;
        Ok(number)
    }

    pub(super) fn room_for_buyer(&self, name: &str, limits: &Limits) -> Result<(), NoChange> {
        if self.buyers.len() >= limits.max_buyers as usize {
            return Err(Refusal::Full { limit: "buyers" }.into());
        }
        self.room_for_texts(&[name])
    }

    pub(super) fn room_for_request(&self, ids: &[&str], limits: &Limits) -> Result<(), NoChange> {
        if self.requests.len() >= limits.max_requests as usize {
            return Err(Refusal::Full { limit: "accepted requests" }.into());
        }
        self.room_for_texts(ids)
    }

    /// Room for a request that moves an order on. The orders bound these, so that a crowd of requests that change
    /// nothing can't keep anyone from paying.
    pub(super) fn room_for_step(&self, ids: &[&str]) -> Result<(), NoChange> {
        // Rows are numbered by 32 bits.
        if self.requests.len() >= u32::MAX as usize {
            return Err(Refusal::Full { limit: "accepted requests" }.into());
        }
        self.room_for_texts(ids)
    }

    pub(super) fn room_for_texts(&self, ids: &[&str]) -> Result<(), NoChange> {
        self.room_for_texts_beside(0, ids)
    }

    /// Room for these ids, and so many bytes that are kept free.
    fn room_for_texts_beside(&self, kept_free: u64, ids: &[&str]) -> Result<(), NoChange> {
        if ids.iter().any(|id| id.len() > MAX_TEXT) {
            return Err(Refusal::IdTooLong.into());
        }
        let bytes = ids.iter().map(|id| id.len() as u64 + 1).sum::<u64>().saturating_add(kept_free);
        if self.texts.room() >= bytes { Ok(()) } else { Err(Refusal::Full { limit: "ids" }.into()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Command, Currency, Event, Millis, Price, SkuState, SkuTerms};

    #[test]
    fn ids_of_orders_to_come_leave_room_for_paying_those_that_are_there() -> Result<(), crate::Contradiction>
    {
        let mut state = SkuState::new(7);
        let terms =
            SkuTerms::new("Lamp", Currency::new("GBP").ok_or(crate::Contradiction::Parts)?, Price::Fixed(5));
        state.apply(&Event::Created { terms: Arc::new(terms), stock: 100_000 }, Millis(1))?;
        if let Some(sku) = &mut state.sku {
            sku.texts.fill_up_to(2);
        }
        let (now, limits) = (Millis(1), Limits::default());
        let mut orders = 0;
        let full = loop {
            let (req, buyer) = (format!("{orders:0>60}"), format!("buyer-{orders:0>54}"));
            let reserve = Command::Reserve {
                req: &*req,
                buyer: &*buyer,
                qty: 1,
                max_price: None,
                coupon: None,
                at: None,
            };
            match state.decide(&reserve, now, &limits) {
                Ok(change) => change.events.iter().try_for_each(|event| state.apply(event, now))?,
                Err(full) => break full,
            }
            orders += 1;
        };
        assert_eq!(full, NoChange::Refused(Refusal::Full { limit: "ids" }));
        assert!(orders > 10, "{orders}");
        for order in 1..=orders {
            let (req, payment) = (format!("{order:0>127}"), format!("p{order:0>126}"));
            let pay = Command::Pay { order: OrderNumber(order), req: &*req, amount: 5, payment: &*payment };
            let paid = state.decide(&pay, now, &limits);
            let events =
                paid.map(|change| change.events).unwrap_or_else(|no| panic!("order {order}: {no:?}"));
            events.iter().try_for_each(|event| state.apply(event, now))?;
        }
        Ok(())
    }
}
