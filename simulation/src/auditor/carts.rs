//! Holds what was told of carts against how they and their lines stand.

use tidegate_engine::OrderState;

use super::{Audited, Auditor, Deed};
use crate::photograph::Photograph;
use crate::sale::SKUS;

impl Auditor {
    pub(super) fn audit_carts(&self, photograph: &Photograph, latest: u64) -> Audited {
        for (number, known) in &self.carts {
            let cart =
                photograph.carts.get(number).ok_or_else(|| format!("cart {number} of {known:?} is lost"))?;
            let done = |deed| self.done_carts.contains(&(deed, *number));
            let tried = |deed| self.tried_carts.contains(&(deed, *number));
            let is_right = match cart.state {
                OrderState::Reserved => !done(Deed::Pay) && !done(Deed::Cancel),
                OrderState::Paid => tried(Deed::Pay) && !done(Deed::Cancel),
                OrderState::Cancelled => tried(Deed::Cancel) && !done(Deed::Pay),
                OrderState::Expired => !done(Deed::Pay) && !done(Deed::Cancel) && latest >= known.expires_at,
                OrderState::RefundDue => tried(Deed::Pay) && !done(Deed::Pay),
                OrderState::Refunded => false,
            };
            if !is_right || *cart.buyer != *known.buyer || cart.amount != known.amount {
                return Err(format!("cart {number} was {known:?}, and is {cart:?}"));
            }
        }
        for (sku, found) in photograph.skus.iter().enumerate() {
            for order in found.iter().flat_map(|found| &found.orders) {
                let Some((_, cart)) = &order.cart else { continue };
                let cart = photograph.carts.get(&cart.0);
                let is_in_it = cart.is_some_and(|cart| {
                    cart.items.iter().any(|item| *item.sku == *SKUS[sku] && item.order == order.number)
                });
                if !is_in_it && matches!(order.state, OrderState::Reserved | OrderState::Paid) {
                    return Err(format!("{} holds units for a cart that there is not: {order:?}", SKUS[sku]));
                }
            }
        }
        photograph.carts.values().try_for_each(|cart| {
            cart.items.iter().try_for_each(|item| {
                let sku = SKUS.iter().position(|name| **name == *item.sku).unwrap_or_default();
                let orders = photograph.skus.get(sku).and_then(Option::as_ref).map(|found| &found.orders);
                let line = orders.and_then(|orders| orders.get(item.order.0 as usize - 1));
                let line = line.ok_or_else(|| format!("a line is lost of {cart:?}"))?;
                let is_alike = match cart.state {
                    // A line may be refunded alone.
                    OrderState::Paid => matches!(line.state, OrderState::Paid | OrderState::Refunded),
                    OrderState::RefundDue => {
                        matches!(line.state, OrderState::RefundDue | OrderState::Refunded)
                    }
                    state => line.state == state,
                };
                if is_alike { Ok(()) } else { Err(format!("{line:?} is a line of {cart:?}")) }
            })
        })
    }
}
