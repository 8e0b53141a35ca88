//! What an event does to a state. Nothing is judged here: it happened.

mod room;

use std::sync::Arc;

use crate::buyers::{Block, Buyer, BuyerNumber};
use crate::orders::{NewOrder, OrderState};
use crate::payments::PaymentAnswer;
use crate::rooms::Room;
use crate::sku::{Sku, SkuState};
use crate::stock::Stock;
use crate::{
    Answer, Contradiction, Event, LineEnd, Millis, OrderNumber, Payment, Pricing, Request, RoomNumber,
    Settlement, SkuTerms, StoreNumber,
};

impl SkuState {
    /// Makes an event so, live and in replay alike (invariant 6).
    ///
    /// # Errors
    /// A [`Contradiction`] if the event can't have happened to this state, which is then not to be used further.
    pub fn apply(&mut self, event: &Event<'_>, at: Millis) -> Result<(), Contradiction> {
        match (&mut self.sku, event) {
            (empty @ None, Event::Created { terms, stock }) => {
                let stores = terms.stores.as_ref();
                let in_stores = stores.map(|stores| stores.iter().map(|store| u64::from(store.stock)).sum());
                if in_stores.is_some_and(|sum: u64| sum != u64::from(*stock)) {
                    return Err(Contradiction::Stock);
                }
                *empty = Some(Sku::new(self.hashing, terms.clone(), *stock, at));
            }
            (None, _) | (Some(_), Event::Created { .. }) => return Err(Contradiction::Creation),
            (Some(sku), event) => sku.apply(event, at)?,
        }
        if let Some(sku) = &mut self.sku {
            sku.changes += 1;
            sku.last_event_at = sku.last_event_at.max(at);
            debug_assert!(sku.tally.balances(&sku.stock), "invariant 2: {:?} {:?}", sku.stock, sku.tally);
        }
        Ok(())
    }
}

impl Sku {
    fn apply(&mut self, event: &Event<'_>, at: Millis) -> Result<(), Contradiction> {
        match *event {
            Event::Created { .. } => return Err(Contradiction::Creation),
            Event::Updated { ref terms } => self.update(terms, at)?,
            Event::Remade { ref terms } => self.remake(terms, at)?,
            Event::Enrolled { ref enrolment } => self.enrolment.clone_from(enrolment),
            Event::Restocked { ref request, delta } => self.restocked(request, delta, None)?,
            Event::StoreRestocked { ref request, delta, store } => {
                self.restocked(request, delta, Some(store))?
            }
            Event::Repriced { ref request, price } => {
                self.pricing.moved_to = price;
                self.keep_request(None, request, Answer::Repriced { price })?;
            }
            Event::Paused => self.paused = true,
            Event::Resumed => self.paused = false,
            Event::Reserved { order, ref request, buyer, qty, unit_price, hold_ms } => {
                let buyer = self.find_or_add_buyer(buyer)?;
                let (request, fingerprint) = (request.id, request.fingerprint);
                let (state, holds_units) = (OrderState::Reserved, true);
                let new = NewOrder {
                    buyer,
                    request,
                    fingerprint,
                    qty,
                    unit_price,
                    reserved_at: at,
                    hold_ms,
                    state,
                    holds_units,
                };
                self.reserved(order, &new)?;
            }
            Event::Paid(ref payment) => {
                let qty = self.turn(payment.order, &[OrderState::Reserved], OrderState::Paid)?;
                self.move_units(payment.order, |stock| stock.sell(qty))?;
                self.paid(payment, at)?;
                match self.seats.get(payment.order) {
                    Some(seat) => self.rooms.paid(seat.room)?,
                    None => self.give(payment.order)?,
                }
            }
            Event::Reacquired(ref payment) => {
                // Invariant 3: the reservation has ended; this is a purchase of its own, from available to sold.
                let qty = self.turn(payment.order, &[OrderState::Expired], OrderState::Paid)?;
                self.move_units(payment.order, |stock| stock.reacquire(qty))?;
                self.order_mut(payment.order)?.holds_units = true;
                let buyer = self.buyer_of(payment.order)?;
                buyer.held = buyer.held.saturating_add(qty);
                self.made_good(payment.order)?;
                self.paid(payment, at)?;
                self.give(payment.order)?;
            }
            Event::RefundDue(ref payment) => self.refund_due(payment, at)?,
            Event::Cancelled { order, ref request, .. } => {
                self.ended_unpaid_as(order, OrderState::Cancelled)?;
                self.keep_request(Some(order), request, Answer::Cancelled)?;
            }
            Event::Expired { order } => self.ended_unpaid_as(order, OrderState::Expired)?,
            Event::Dismissed { order } => self.released_as(order, OrderState::Expired)?,
            Event::RoomOpened { room, deadline } => {
                let (members, paid, settlement) = (Vec::new(), 0, None);
                self.rooms.add(room, Room { deadline, members, paid, settlement })?;
            }
            Event::SeatTaken { order, ref seat } => {
                self.take_seat(order, seat)?;
                self.rooms.join(seat.room, order)?;
            }
            Event::LineHeld { order, ref line } => {
                // A line takes its place with the order that was just reserved.
                self.order_mut(order)?;
                self.lines.add(order, line).ok_or(Contradiction::Order(order))?;
            }
            Event::LineDiscounted { order, off } => self.set_line_off(order, off)?,
            // What an order takes up follows from its state; these say when that changes.
            Event::CouponTaken { order } | Event::CouponReturned { order } => {
                self.discounts.get(order).ok_or(Contradiction::Order(order))?;
            }
            Event::LinePaid { order, payment, amount } => {
                let qty = self.turn(order, &[OrderState::Reserved], OrderState::Paid)?;
                self.move_units(order, |stock| stock.sell(qty))?;
                let position = self.keep_payment_row((payment, order, amount), at, PaymentAnswer::Paid)?;
                self.sold(order, position, at)?;
                self.give(order)?;
            }
            Event::LineEnded { order, end: LineEnd::Withdrawn } => {
                self.released_as(order, LineEnd::Withdrawn.state())?;
            }
            Event::LineEnded { order, end } => self.ended_unpaid_as(order, end.state())?,
            Event::LineRefundDue { order, payment, amount } => {
                self.turn(order, &[OrderState::Expired], OrderState::RefundDue)?;
                self.refunds.add(order, at);
                self.keep_payment_row((payment, order, amount), at, PaymentAnswer::RefundDue)?;
            }
            Event::Stored { order, store } => self.store(order, store)?,
            Event::Discounted { order, ref discounts } => self.discount(order, discounts)?,
            Event::TierRefundDue { order, amount, green } => self.better_tier(order, amount, green)?,
            Event::RoomRefundDue { order } => self.room_failed(order, at)?,
            Event::RoomSettled { room, tier, unit_price } => {
                self.rooms.settle(room, Settlement { at, tier, unit_price })?;
                if tier.is_some() {
                    self.give_members(room)?;
                }
            }
            Event::Refunded { order, ref request, restock } => {
                self.refunded(order, restock)?;
                self.keep_request(Some(order), request, Answer::Refunded)?;
            }
            Event::Noted { order, ref request, answer } => {
                self.order_mut(order)?;
                self.keep_request(Some(order), request, answer)?;
            }
            Event::BuyerBlocked { buyer } => {
                let number = self.find_or_add_buyer(buyer)?;
                self.set_block(number, Block::ByAdmin)?;
            }
            Event::BuyerLapsedOut { order } => {
                if !self.buyer_of(order)?.is_blocked() {
                    let number = self.order_mut(order)?.buyer;
                    self.set_block(number, Block::ByLapses)?;
                }
            }
            Event::BuyerUnblocked { buyer } => {
                let known = self.buyers.find(buyer, &self.texts, self.hashing);
                let number = known.ok_or(Contradiction::Buyer)?;
                self.set_block(number, Block::None)?;
                self.buyer_mut(number)?.lapses = 0;
            }
        }
        Ok(())
    }

    /// What units come with stays what it was.
    fn update(&mut self, terms: &Arc<SkuTerms>, at: Millis) -> Result<(), Contradiction> {
        let fulfilment = self.terms.fulfilment.clone();
        let terms = if fulfilment.is_none() {
            Arc::clone(terms)
        } else {
            Arc::new(SkuTerms { fulfilment, ..SkuTerms::clone(terms) })
        };
        self.take_over(terms, at)
    }

    /// What units come with is new too; none was given yet.
    fn remake(&mut self, terms: &Arc<SkuTerms>, at: Millis) -> Result<(), Contradiction> {
        if self.orders.len() > 0 {
            return Err(Contradiction::Creation);
        }
        self.take_over(Arc::clone(terms), at)
    }

    /// Another kind of price begins anew, and new stores have nothing yet.
    fn take_over(&mut self, terms: Arc<SkuTerms>, at: Millis) -> Result<(), Contradiction> {
        let ids = |terms: &SkuTerms| {
            terms.stores.iter().flatten().map(|store| store.id.clone()).collect::<Vec<_>>()
        };
        if terms.stores.is_some() != self.terms.stores.is_some()
            || !ids(&terms).starts_with(&ids(&self.terms))
        {
            return Err(Contradiction::Stock);
        }
        if !terms.price.is_same_kind(&self.terms.price) {
            self.pricing = Pricing::new(&terms.price, at);
        }
        self.stores.resize(terms.stores.as_ref().map_or(0, |stores| stores.len()), Stock::new(0));
        self.terms = terms;
        Ok(())
    }

    /// A paid order is given its codes or serials, if the SKU comes with any.
    fn give(&mut self, number: OrderNumber) -> Result<(), Contradiction> {
        if self.terms.fulfilment.is_some() {
            let qty = self.order_mut(number)?.qty;
            self.goods.give(number, qty);
        }
        Ok(())
    }

    /// Everybody who paid in a room that succeeded.
    fn give_members(&mut self, room: RoomNumber) -> Result<(), Contradiction> {
        if self.terms.fulfilment.is_none() {
            return Ok(());
        }
        let members = self.rooms.get(room).map(|room| room.members.clone()).unwrap_or_default();
        members.into_iter().try_for_each(|member| self.give(member))
    }

    fn restocked(
        &mut self,
        request: &Request<'_>,
        delta: i64,
        store: Option<StoreNumber>,
    ) -> Result<(), Contradiction> {
        if store.is_none() && !self.stores.is_empty() {
            return Err(Contradiction::Stock);
        }
        let restocked = |stock: &Stock| stock.restocked(delta).map_err(|_| Contradiction::Stock);
        self.stock = restocked(&self.stock)?;
        let mut available = u64::from(self.stock.available());
        if let Some(store) = store {
            let store = self.store_mut(store)?;
            *store = restocked(store)?;
            available = u64::from(store.available());
        }
        self.keep_request(None, request, Answer::Restocked { available })
    }

    /// Moves an order's units in the stock, and in that of its store.
    pub(super) fn move_units(
        &mut self,
        order: OrderNumber,
        act: impl Fn(&mut Stock) -> Result<(), Contradiction>,
    ) -> Result<(), Contradiction> {
        act(&mut self.stock)?;
        match self.at_store.get(order).copied() {
            Some(store) => act(self.store_mut(store)?),
            None if !self.stores.is_empty() => Err(Contradiction::Order(order)),
            None => Ok(()),
        }
    }

    /// The units of an order that was just reserved are those of a store.
    fn store(&mut self, order: OrderNumber, store: StoreNumber) -> Result<(), Contradiction> {
        let row = self.order_mut(order)?;
        let (state, qty) = (row.state, row.qty);
        if state != OrderState::Reserved {
            return Err(Contradiction::State(order));
        }
        self.store_mut(store)?.reserve(qty)?;
        self.at_store.add(order, store).ok_or(Contradiction::Order(order))
    }

    fn store_mut(&mut self, store: StoreNumber) -> Result<&mut Stock, Contradiction> {
        self.stores.get_mut(usize::from(store.0)).ok_or(Contradiction::Stock)
    }

    fn reserved(&mut self, order: OrderNumber, new: &NewOrder<'_>) -> Result<(), Contradiction> {
        if self.orders.next_number() != Some(order) || self.order_without_store().is_some() {
            return Err(Contradiction::Order(order));
        }
        self.stock.reserve(new.qty)?;
        self.add_order(new)?;
        let buyer = self.buyer_mut(new.buyer)?;
        buyer.held = buyer.held.saturating_add(new.qty);
        Ok(())
    }

    /// Adds an order in whatever state it is, and enters it in the books. Stock and buyer are the caller's.
    pub(crate) fn add_order(&mut self, new: &NewOrder<'_>) -> Result<OrderNumber, Contradiction> {
        let chain = &mut self.buyers.get_mut(new.buyer).ok_or(Contradiction::Buyer)?.chain;
        let number = self.orders.add(new, chain, &mut self.texts, self.hashing).ok_or(Contradiction::Full)?;
        self.tally.enter(new.state, new.qty, new.unit_price.saturating_mul(u64::from(new.qty)));
        Ok(number)
    }

    /// Moves an order from one of these states to another, in the books too, and says how many units it is for.
    fn turn(
        &mut self,
        number: OrderNumber,
        from: &[OrderState],
        to: OrderState,
    ) -> Result<u32, Contradiction> {
        let order = self.orders.get(number).ok_or(Contradiction::Order(number))?;
        if !from.contains(&order.state) {
            return Err(Contradiction::State(number));
        }
        let amount = self.due(number, order);
        let order = self.order_mut(number)?;
        let (before, qty) = (std::mem::replace(&mut order.state, to), order.qty);
        self.tally.leave(before, qty, amount);
        self.tally.enter(to, qty, amount);
        Ok(qty)
    }

    fn ended_unpaid_as(&mut self, number: OrderNumber, state: OrderState) -> Result<(), Contradiction> {
        self.released_as(number, state)?;
        let buyer = self.buyer_of(number)?;
        buyer.lapses = buyer.lapses.saturating_add(1);
        Ok(())
    }

    /// A reservation ends, and its units are for sale again.
    fn released_as(&mut self, number: OrderNumber, state: OrderState) -> Result<(), Contradiction> {
        let qty = self.turn(number, &[OrderState::Reserved], state)?;
        self.move_units(number, |stock| stock.release(qty))?;
        self.order_mut(number)?.holds_units = false;
        let buyer = self.buyer_of(number)?;
        buyer.held = buyer.held.saturating_sub(qty);
        self.leave_room(number, false)
    }

    fn set_block(&mut self, buyer: BuyerNumber, block: Block) -> Result<(), Contradiction> {
        self.buyers.set_block(buyer, block).ok_or(Contradiction::Buyer)
    }

    /// The reservation did not end unpaid after all.
    fn made_good(&mut self, number: OrderNumber) -> Result<(), Contradiction> {
        let max_lapses = self.terms.max_lapses;
        let buyer = self.buyer_of(number)?;
        buyer.lapses = buyer.lapses.saturating_sub(1);
        if buyer.block() == Block::ByLapses && !buyer.lapsed_too_often(max_lapses) {
            let number = self.order_mut(number)?.buyer;
            self.set_block(number, Block::None)?;
        }
        Ok(())
    }

    fn paid(&mut self, payment: &Payment<'_>, at: Millis) -> Result<(), Contradiction> {
        let position = self.keep_payment(payment, at, PaymentAnswer::Paid)?;
        self.sold(payment.order, position, at)
    }

    fn sold(&mut self, number: OrderNumber, payment: u32, at: Millis) -> Result<(), Contradiction> {
        self.order_mut(number)?.set_payment(payment);
        let buyer = self.buyer_of(number)?;
        let first = !std::mem::replace(&mut buyer.bought, true);
        self.buyers_who_bought += u64::from(first);
        self.first_sale_at = self.first_sale_at.or(Some(at));
        self.last_sale_at = Some(at);
        Ok(())
    }

    fn refund_due(&mut self, payment: &Payment<'_>, at: Millis) -> Result<(), Contradiction> {
        let answer = match self.order_mut(payment.order)?.state {
            OrderState::Reserved => return Err(Contradiction::State(payment.order)),
            OrderState::Cancelled => PaymentAnswer::Cancelled,
            OrderState::Expired => {
                self.turn(payment.order, &[OrderState::Expired], OrderState::RefundDue)?;
                self.refunds.add(payment.order, at);
                PaymentAnswer::RefundDue
            }
            OrderState::Paid | OrderState::RefundDue | OrderState::Refunded => PaymentAnswer::RefundDue,
        };
        self.keep_payment(payment, at, answer)?;
        Ok(())
    }

    fn refunded(&mut self, number: OrderNumber, restock: bool) -> Result<(), Contradiction> {
        let before = self.order_mut(number)?.state;
        let qty = self.turn(
            number,
            &[OrderState::Paid, OrderState::RefundDue, OrderState::Refunded],
            OrderState::Refunded,
        )?;
        if before == OrderState::RefundDue {
            self.refunds.remove(number);
        }
        if before == OrderState::Paid {
            // Limits count units of reserved and paid orders only.
            let buyer = self.buyer_of(number)?;
            buyer.held = buyer.held.saturating_sub(qty);
            self.leave_room(number, true)?;
        }
        let holds_units = self.order_mut(number)?.holds_units;
        if before == OrderState::Paid && holds_units {
            self.tally.keep_units(qty);
        }
        if restock && holds_units {
            self.move_units(number, |stock| stock.take_back(qty))?;
            self.tally.return_units(qty);
            self.order_mut(number)?.holds_units = false;
            self.goods.take_back(number);
        }
        Ok(())
    }

    fn keep_payment(
        &mut self,
        payment: &Payment<'_>,
        at: Millis,
        answer: PaymentAnswer,
    ) -> Result<u32, Contradiction> {
        self.keep_request(Some(payment.order), &payment.request, answer.into())?;
        self.keep_payment_row((payment.id, payment.order, payment.amount), at, answer)
    }

    fn keep_payment_row(
        &mut self,
        (id, order, amount): (&str, OrderNumber, u64),
        at: Millis,
        answer: PaymentAnswer,
    ) -> Result<u32, Contradiction> {
        let row = (order, amount, at);
        let position = self.payments.add(id, row, answer, &mut self.texts, self.hashing);
        position.ok_or(Contradiction::Full)
    }

    fn keep_request(
        &mut self,
        order: Option<OrderNumber>,
        request: &Request<'_>,
        answer: Answer,
    ) -> Result<(), Contradiction> {
        self.requests.add(order, request, answer, &mut self.texts, self.hashing).ok_or(Contradiction::Full)
    }

    fn find_or_add_buyer(&mut self, name: &str) -> Result<BuyerNumber, Contradiction> {
        self.buyers.find_or_add(name, &mut self.texts, self.hashing).ok_or(Contradiction::Full)
    }

    fn buyer_mut(&mut self, buyer: BuyerNumber) -> Result<&mut Buyer, Contradiction> {
        self.buyers.get_mut(buyer).ok_or(Contradiction::Buyer)
    }

    fn buyer_of(&mut self, number: OrderNumber) -> Result<&mut Buyer, Contradiction> {
        let buyer = self.order_mut(number)?.buyer;
        self.buyer_mut(buyer)
    }

    fn order_mut(&mut self, number: OrderNumber) -> Result<&mut crate::orders::OrderRow, Contradiction> {
        self.orders.get_mut(number).ok_or(Contradiction::Order(number))
    }
}
