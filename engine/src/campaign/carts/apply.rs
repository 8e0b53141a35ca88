//! What has become of a cart.

use super::{CartItem, CartPayment, CartRow, Carts, ItemRow, NewCart};
use crate::hashing::Hashing;
use crate::payments::PaymentAnswer;
use crate::tables::TextRef;
use crate::{Answer, CartNumber, Contradiction, Millis, OrderNumber, OrderState, Request};

impl Carts {
    pub(in crate::campaign) fn reserved(
        &mut self,
        new: &NewCart<&str>,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        let full = Contradiction::Full;
        if self.position(new.cart, hashing).is_some() {
            return Err(Contradiction::Order(OrderNumber(new.cart.0)));
        }
        let first_item = u32::try_from(self.items.len()).map_err(|_| full)?;
        let (mut amount, mut off) = (0u64, 0u64);
        for item in &new.items {
            let sku = self.name(item.sku, hashing).ok_or(full)?;
            let CartItem { order, qty, amount: line, off: line_off, .. } = *item;
            self.items.push(ItemRow { sku, order, qty, amount: line, off: line_off });
            amount = amount.saturating_add(line).saturating_sub(line_off);
            off = off.saturating_add(line_off);
        }
        let position = u32::try_from(self.rows.len()).map_err(|_| full)?;
        let buyer = self.texts.push(new.buyer).ok_or(full)?;
        let request = self.texts.push(new.req).ok_or(full)?;
        self.rows.push(CartRow {
            number: new.cart,
            buyer,
            request,
            fingerprint: new.fingerprint,
            state: OrderState::Reserved,
            currency: new.currency,
            reserved_at: new.reserved_at,
            expires_at: new.expires_at,
            amount,
            off,
            first_item,
            items: u32::try_from(new.items.len()).map_err(|_| full)?,
            payment: None,
        });
        self.by_number.insert(hashing.by_order(Some(OrderNumber(new.cart.0)), ""), position);
        self.by_request.insert(hashing.pair(new.buyer, new.req), position);
        self.waiting.insert((new.expires_at, new.cart));
        self.states[OrderState::Reserved as usize] += 1;
        self.last = self.last.max(new.cart.0);
        Ok(())
    }

    /// The place of a SKU's name, each kept once.
    fn name(&mut self, sku: &str, hashing: Hashing) -> Option<TextRef> {
        let is_it = |at: u32| self.names.get(at as usize).is_some_and(|name| self.texts.get(*name) == sku);
        if let Some(known) = self.by_name.find(hashing.text(sku), is_it) {
            return self.names.get(known as usize).copied();
        }
        let name = self.texts.push(sku)?;
        self.by_name.insert(hashing.text(sku), u32::try_from(self.names.len()).ok()?);
        self.names.push(name);
        Some(name)
    }

    /// Moves a cart on from `Reserved`.
    pub(in crate::campaign) fn ended(
        &mut self,
        cart: CartNumber,
        state: OrderState,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        let row = self.row_mut(cart, hashing)?;
        if row.state != OrderState::Reserved {
            return Err(Contradiction::State(OrderNumber(cart.0)));
        }
        row.state = state;
        let waited = (row.expires_at, cart);
        self.waiting.remove(&waited);
        self.moved(OrderState::Reserved, state);
        Ok(())
    }

    pub(in crate::campaign) fn paid(
        &mut self,
        payment: &CartPayment<'_>,
        at: Millis,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        self.ended(payment.cart, OrderState::Paid, hashing)?;
        self.keep_payment(payment, at, PaymentAnswer::Paid, hashing)?;
        self.keep_request(payment.cart, &payment.request, Answer::Paid, hashing)
    }

    pub(in crate::campaign) fn refund_due(
        &mut self,
        payment: &CartPayment<'_>,
        at: Millis,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        let row = self.row_mut(payment.cart, hashing)?;
        let before = row.state;
        let answer = match before {
            OrderState::Reserved => return Err(Contradiction::State(OrderNumber(payment.cart.0))),
            OrderState::Cancelled => PaymentAnswer::Cancelled,
            OrderState::Expired => {
                row.state = OrderState::RefundDue;
                PaymentAnswer::RefundDue
            }
            OrderState::Paid | OrderState::RefundDue | OrderState::Refunded => PaymentAnswer::RefundDue,
        };
        if before == OrderState::Expired {
            self.moved(before, OrderState::RefundDue);
        }
        self.keep_payment(payment, at, answer, hashing)?;
        self.keep_request(payment.cart, &payment.request, answer.into(), hashing)
    }

    /// The first payment of a cart that is not cancelled is the one that its lines are told.
    pub(super) fn keep_payment(
        &mut self,
        payment: &CartPayment<'_>,
        at: Millis,
        answer: PaymentAnswer,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        let row = (OrderNumber(payment.cart.0), payment.amount, at);
        let position = self.payments.add(payment.id, row, answer, &mut self.texts, hashing);
        let position = position.ok_or(Contradiction::Full)?;
        let row = self.row_mut(payment.cart, hashing)?;
        if row.state != OrderState::Cancelled {
            row.payment = row.payment.or(Some(position));
        }
        Ok(())
    }

    pub(in crate::campaign) fn keep_request(
        &mut self,
        cart: CartNumber,
        request: &Request<'_>,
        answer: Answer,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        self.row_mut(cart, hashing)?;
        let order = Some(OrderNumber(cart.0));
        self.requests.add(order, request, answer, &mut self.texts, hashing).ok_or(Contradiction::Full)
    }

    fn moved(&mut self, from: OrderState, to: OrderState) {
        let from = &mut self.states[from as usize];
        *from = from.saturating_sub(1);
        self.states[to as usize] += 1;
    }
}
