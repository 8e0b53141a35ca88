//! Carts as they are written down in a snapshot.

use super::{CampaignCart, CartItem, CartPayment, Carts, NewCart};
use crate::campaign::CampaignPart as Part;
use crate::hashing::Hashing;
use crate::payments::PaymentAnswer;
use crate::{Answer, CartNumber, Contradiction, Fingerprint, Millis, OrderState, Request};

impl Carts {
    pub(in crate::campaign) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let text = |place| self.texts.get(place);
        let carts = self.rows.iter().map(move |row| {
            let items = self.items_of(row).map(|item| CartItem {
                sku: text(item.sku),
                order: item.order,
                qty: item.qty,
                amount: item.amount,
                off: item.off,
            });
            let new = NewCart {
                cart: row.number,
                req: text(row.request),
                fingerprint: row.fingerprint,
                buyer: text(row.buyer),
                reserved_at: row.reserved_at,
                expires_at: row.expires_at,
                currency: row.currency,
                items: items.collect(),
            };
            Part::Cart(Box::new(CampaignCart { new, state: row.state }))
        });
        let payments = self.payments.iter().map(|payment| Part::CartPayment {
            cart: CartNumber(payment.order.0),
            id: payment.id(&self.texts),
            amount: payment.amount,
            at: payment.at,
            answer: payment.answer.into(),
        });
        let requests = self.requests.iter().map(|request| Part::CartRequest {
            cart: CartNumber(request.order().map_or(0, |order| order.0)),
            request: Request { id: request.id(&self.texts), fingerprint: request.fingerprint },
            answer: self.requests.answer(request),
        });
        carts.chain(payments).chain(requests)
    }

    pub(in crate::campaign) fn restore(
        &mut self,
        cart: &CampaignCart<'_>,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        self.reserved(&cart.new, hashing)?;
        if cart.state == OrderState::Reserved {
            Ok(())
        } else {
            self.ended(cart.new.cart, cart.state, hashing)
        }
    }

    pub(in crate::campaign) fn restore_payment(
        &mut self,
        (cart, id, amount, at): (CartNumber, &str, u64, Millis),
        answer: Answer,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        let answer = PaymentAnswer::from_answer(answer).ok_or(Contradiction::Parts)?;
        let request = Request { id: "", fingerprint: Fingerprint(0) };
        self.keep_payment(&CartPayment { cart, request, id, amount }, at, answer, hashing)
    }
}
