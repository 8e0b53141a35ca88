//! How a cart stands, and what its lines are to be told.

use super::{CartItem, CartRow, CartSettlement, CartView, Carts, ItemRow};
use crate::hashing::Hashing;
use crate::{CartNumber, LineState, OrderState};

impl Carts {
    pub(in crate::campaign) fn view(&self, cart: CartNumber, hashing: Hashing) -> Option<CartView> {
        let row = self.get(cart, hashing)?;
        let item = |item: &ItemRow| CartItem {
            sku: self.texts.get(item.sku).into(),
            order: item.order,
            qty: item.qty,
            amount: item.amount - item.off.min(item.amount),
            off: item.off,
        };
        let payment = row.payment.and_then(|at| self.payments.get(at));
        Some(CartView {
            number: cart,
            state: row.state,
            buyer: self.texts.get(row.buyer).into(),
            items: self.items_of(row).map(item).collect(),
            amount: row.amount,
            off: row.off,
            currency: row.currency,
            reserved_at: row.reserved_at,
            expires_at: row.expires_at,
            paid_at: payment.filter(|_| row.state == OrderState::Paid).map(|payment| payment.at),
        })
    }

    /// What the lines of a cart are to be told.
    pub(in crate::campaign) fn settlements(&self, cart: CartNumber, hashing: Hashing) -> Vec<CartSettlement> {
        let Some(row) = self.get(cart, hashing) else { return Vec::new() };
        let state = self.line_state(row);
        let settlement = |item: &ItemRow| CartSettlement {
            cart,
            sku: self.texts.get(item.sku).into(),
            order: item.order,
            off: item.off,
            state: state.clone(),
        };
        self.items_of(row).map(settlement).collect()
    }

    fn line_state(&self, row: &CartRow) -> LineState<Box<str>> {
        let payment = || {
            let payment = row.payment.and_then(|at| self.payments.get(at));
            payment.map_or("", |payment| payment.id(&self.texts)).into()
        };
        match row.state {
            OrderState::Reserved => LineState::Reserved,
            OrderState::Paid | OrderState::Refunded => LineState::Paid { payment: payment() },
            OrderState::Cancelled => LineState::Cancelled,
            OrderState::Expired => LineState::Expired,
            OrderState::RefundDue => LineState::RefundDue { payment: payment() },
        }
    }
}
