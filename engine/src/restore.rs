//! A state written down as parts, and made from parts again.

use std::borrow::Cow;
use std::sync::Arc;

use crate::hashing::Hashing;
use crate::orders::{NewOrder, OrderState};
use crate::payments::PaymentAnswer;
use crate::rooms::Room;
use crate::sku::{Sku, SkuState};
use crate::stock::Stock;
use crate::{Contradiction, Head, Millis, OrderNumber, Part, Price, Request, StoreNumber};

impl Sku {
    /// The state as parts, in the order in which [`Restorer::push`] takes them.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let head = Part::Head(Head {
            terms: Arc::clone(&self.terms),
            total: u64::from(self.stock.total()),
            paused: self.paused,
            changes: self.changes,
            last_event_at: self.last_event_at,
            first_sale_at: self.first_sale_at,
            last_sale_at: self.last_sale_at,
        });
        let buyers = self.buyers.iter().map(|buyer| Part::Buyer {
            name: buyer.name(&self.texts),
            block: buyer.block(),
            lapses: u32::from(buyer.lapses),
            bought: buyer.bought,
        });
        let orders = self.orders.iter().map(|order| Part::Order {
            buyer: order.buyer.0,
            request: order.request(&self.texts),
            fingerprint: order.fingerprint,
            qty: order.qty,
            unit_price: order.unit_price(),
            reserved_at: order.reserved_at(),
            hold_ms: order.hold_ms(),
            state: order.state,
            holds_units: order.holds_units,
        });
        let payments = self.payments.iter().map(|payment| Part::Payment {
            id: payment.id(&self.texts),
            order: payment.order,
            amount: payment.amount,
            at: payment.at,
            answer: payment.answer.into(),
        });
        let requests = self.requests.iter().map(|request| Part::Request {
            order: request.order(),
            id: request.id(&self.texts),
            fingerprint: request.fingerprint,
            answer: self.requests.answer(request),
        });
        let seats = self.seats.iter().map(|(order, seat)| Part::Seat { order: *order, seat: *seat });
        let rooms = self.rooms.iter().map(|room| Part::Room {
            deadline: room.deadline,
            members: Cow::Borrowed(&room.members),
            paid: room.paid,
            settlement: room.settlement,
        });
        // A fixed price depends on nothing else.
        let pricing = Part::Pricing(self.pricing);
        let pricing = Some(pricing).filter(|_| !matches!(self.terms.price, Price::Fixed(_)));
        let enrolment = self.enrolment.iter().map(|enrolment| Part::Enrolment(Arc::clone(enrolment)));
        let discounts = self.discounts.iter();
        let discounts = discounts.map(|(order, row)| Part::Discounts { order: *order, discounts: *row });
        let totals: Vec<u32> = self.stores.iter().map(Stock::total).collect();
        let stores = Some(Part::Stores { totals: totals.into() }).filter(|_| self.terms.stores.is_some());
        let at_store = self.at_store.iter();
        let at_store = at_store.map(|(order, store)| Part::AtStore { order: *order, store: *store });
        let lines = self.lines.iter();
        let lines = lines.map(|(order, line, off)| Part::Line { order, line, off });
        let heads = std::iter::once(head).chain(pricing).chain(enrolment).chain(stores);
        let before = heads.chain(buyers).chain(orders).chain(payments).chain(requests);
        let goods = self.goods.iter().map(|(order, units)| Part::Goods { order, units: units.into() });
        before.chain(seats).chain(discounts).chain(lines).chain(at_store).chain(rooms).chain(goods)
    }
}

/// Makes a state from its parts.
#[derive(Debug)]
pub struct Restorer {
    hashing: Hashing,
    sku: Option<Sku>,
    /// What the head says of the counts, to be compared at the end.
    total: u32,
    changes: u64,
    last_event_at: Millis,
    reserved: u32,
    sold: u32,
    /// The orders that are REFUND_DUE.
    refund_due: Vec<OrderNumber>,
}

impl Restorer {
    /// Begins. `seed` as in [`SkuState::new`].
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let hashing = Hashing::new(seed);
        let last_event_at = Millis::default();
        let refund_due = Vec::new();
        Self { hashing, sku: None, total: 0, changes: 0, last_event_at, reserved: 0, sold: 0, refund_due }
    }

    /// Takes the next part.
    ///
    /// # Errors
    /// A [`Contradiction`] if it can't be part of what came before.
    pub fn push(&mut self, part: Part<'_>) -> Result<(), Contradiction> {
        match (&mut self.sku, part) {
            (empty @ None, Part::Head(head)) => {
                self.total = u32::try_from(head.total).map_err(|_| Contradiction::Stock)?;
                (self.changes, self.last_event_at) = (head.changes, head.last_event_at);
                let mut sku = Sku::new(self.hashing, head.terms, self.total, Millis::default());
                sku.paused = head.paused;
                (sku.first_sale_at, sku.last_sale_at) = (head.first_sale_at, head.last_sale_at);
                *empty = Some(sku);
                Ok(())
            }
            (None, _) | (Some(_), Part::Head(_)) => Err(Contradiction::Parts),
            (Some(sku), Part::Buyer { name, block, lapses, bought }) => {
                let known = sku.buyers.len();
                let number =
                    sku.buyers.find_or_add(name, &mut sku.texts, sku.hashing).ok_or(Contradiction::Full)?;
                // Orders name buyers by position: one who stands there twice would shift all who follow.
                if sku.buyers.len() == known {
                    return Err(Contradiction::Parts);
                }
                sku.buyers.set_block(number, block).ok_or(Contradiction::Buyer)?;
                let row = sku.buyers.get_mut(number).ok_or(Contradiction::Buyer)?;
                row.bought = bought;
                row.lapses = u16::try_from(lapses).unwrap_or(u16::MAX);
                sku.buyers_who_bought += u64::from(bought);
                Ok(())
            }
            (Some(_), part @ Part::Order { .. }) => self.push_order(&part),
            (Some(sku), Part::Payment { id, order, amount, at, answer }) => {
                let answer = PaymentAnswer::from_answer(answer).ok_or(Contradiction::Parts)?;
                let row = sku.orders.get_mut(order).ok_or(Contradiction::Order(order))?;
                let (texts, hashing) = (&mut sku.texts, sku.hashing);
                let position = sku.payments.add(id, (order, amount, at), answer, texts, hashing);
                let position = position.ok_or(Contradiction::Full)?;
                if answer == PaymentAnswer::Paid {
                    row.set_payment(position);
                } else if row.state == OrderState::RefundDue && row.payment().is_none() {
                    // The first that came late; one that was paid is due since its room failed.
                    sku.refunds.add(order, at);
                }
                Ok(())
            }
            (Some(sku), Part::Request { order, id, fingerprint, answer }) => {
                let request = Request { id, fingerprint };
                let kept = sku.requests.add(order, &request, answer, &mut sku.texts, sku.hashing);
                kept.ok_or(Contradiction::Full)
            }
            (Some(sku), Part::Pricing(pricing)) => {
                sku.pricing = pricing;
                Ok(())
            }
            (Some(sku), Part::Enrolment(enrolment)) => {
                sku.enrolment = Some(enrolment);
                Ok(())
            }
            (Some(sku), Part::Stores { totals }) => {
                if totals.len() != sku.stores.len() {
                    return Err(Contradiction::Parts);
                }
                sku.stores = totals.iter().map(|total| Stock::new(*total)).collect();
                Ok(())
            }
            (Some(sku), Part::AtStore { order, store }) => sku.restore_store(order, store),
            (Some(sku), Part::Seat { order, seat }) => sku.take_seat(order, &seat),
            (Some(sku), Part::Discounts { order, discounts }) => sku.discount(order, &discounts),
            (Some(sku), Part::Line { order, line, off }) => {
                sku.lines.add(order, &line).ok_or(Contradiction::Order(order))?;
                sku.set_line_off(order, off)
            }
            (Some(sku), Part::Goods { order, units }) => {
                let holds_units = sku.orders.get(order).map(|row| row.holds_units);
                sku.goods.restore(order, &units, !holds_units.ok_or(Contradiction::Order(order))?);
                Ok(())
            }
            (Some(sku), Part::Room { deadline, members, paid, settlement }) => {
                let number = sku.rooms.next_number().ok_or(Contradiction::Full)?;
                let members = members.into_owned();
                sku.rooms.add(number, Room { deadline, members, paid, settlement })
            }
        }
    }

    fn push_order(&mut self, part: &Part<'_>) -> Result<(), Contradiction> {
        let (
            Some(sku),
            &Part::Order {
                buyer,
                request,
                fingerprint,
                qty,
                unit_price,
                reserved_at,
                hold_ms,
                state,
                holds_units,
            },
        ) = (&mut self.sku, part)
        else {
            return Err(Contradiction::Parts);
        };
        let buyer = crate::buyers::BuyerNumber(buyer);
        let row = sku.buyers.get_mut(buyer).ok_or(Contradiction::Buyer)?;
        if matches!(state, OrderState::Reserved | OrderState::Paid) {
            row.held = row.held.saturating_add(qty);
        }
        let new = NewOrder {
            buyer,
            request,
            fingerprint,
            qty,
            unit_price,
            reserved_at,
            hold_ms,
            state,
            holds_units,
        };
        let number: OrderNumber = sku.add_order(&new)?;
        if state == OrderState::RefundDue {
            self.refund_due.push(number);
        }
        match (state, holds_units) {
            (OrderState::Reserved, true) => self.reserved = add(self.reserved, qty)?,
            (OrderState::Paid, true) => self.sold = add(self.sold, qty)?,
            (OrderState::RefundDue | OrderState::Refunded, true) => {
                self.sold = add(self.sold, qty)?;
                sku.tally.keep_units(qty);
            }
            (OrderState::Reserved | OrderState::Paid, false)
            | (OrderState::Cancelled | OrderState::Expired, true) => {
                return Err(Contradiction::State(number));
            }
            (_, false) => {}
        }
        Ok(())
    }

    /// The whole state.
    ///
    /// # Errors
    /// A [`Contradiction`] if parts are missing or don't add up.
    pub fn finish(self) -> Result<SkuState, Contradiction> {
        let mut sku = self.sku.ok_or(Contradiction::Parts)?;
        let mut stock = Stock::new(self.total);
        stock.reserve(self.reserved)?;
        stock.reacquire(self.sold)?;
        sku.stock = stock;
        (sku.changes, sku.last_event_at) = (self.changes, self.last_event_at);
        sku.restore_refunds(&self.refund_due);
        if !sku.tally.balances(&sku.stock) || !sku.stores_balance() {
            return Err(Contradiction::Parts);
        }
        Ok(SkuState { hashing: self.hashing, sku: Some(sku) })
    }
}

impl Sku {
    /// What is due back and came in time is due since its room failed.
    fn restore_refunds(&mut self, due: &[OrderNumber]) {
        for number in due {
            if self.refunds.contains(*number) {
                continue;
            }
            let room = self.seats.get(*number).and_then(|seat| self.rooms.get(seat.room));
            let settlement = room.and_then(|room| room.settlement);
            self.refunds.add(*number, settlement.map_or(self.last_event_at, |settlement| settlement.at));
        }
    }

    /// An order's units are those of a store, reserved or sold as the order says.
    fn restore_store(&mut self, number: OrderNumber, store: StoreNumber) -> Result<(), Contradiction> {
        let order = self.orders.get(number).ok_or(Contradiction::Order(number))?;
        let (state, holds_units, qty) = (order.state, order.holds_units, order.qty);
        let stock = self.stores.get_mut(usize::from(store.0)).ok_or(Contradiction::Stock)?;
        match (state, holds_units) {
            (OrderState::Reserved, _) => stock.reserve(qty)?,
            (_, true) => stock.reacquire(qty)?,
            (_, false) => {}
        }
        self.at_store.add(number, store).ok_or(Contradiction::Order(number))
    }
}

fn add(sum: u32, qty: u32) -> Result<u32, Contradiction> {
    sum.checked_add(qty).ok_or(Contradiction::Stock)
}
