//! What may become of a cart.

use smallvec::{SmallVec, smallvec};

use super::{CartPayment, CartRow, Carts, NewCart};
use crate::campaign::thresholds::spread;
use crate::campaign::{CampaignEvent, CampaignLimits, CampaignTerms, Judged};
use crate::hashing::{Hashing, fingerprint};
use crate::tables::MAX_TEXT;
use crate::{
    Answer, CartNumber, CouponCode, Fingerprint, Millis, NoChange, OrderNumber, OrderState, Refusal,
    Rejection, Request,
};

/// What a reserved cart may yet have to keep.
const STEP_BYTES: u64 = 2 * (MAX_TEXT as u64 + 1);

impl Carts {
    /// Whether this request may become a cart, or what it came to before.
    pub(in crate::campaign) fn begin(
        &self,
        (buyer, req, asked): (&str, &str, Fingerprint),
        limits: &CampaignLimits,
        hashing: Hashing,
    ) -> Result<(), NoChange> {
        if let Some(row) = self.find_request(buyer, req, hashing) {
            // Invariant 8: the same request gets the same answer; another one under its id is an error.
            let same = row.fingerprint == asked;
            return Err(if same { NoChange::Repeated(answer(row)) } else { Refusal::RequestReused.into() });
        }
        if self.rows.len() >= limits.max_carts as usize || self.last == u32::MAX {
            return Err(Refusal::Full { limit: "carts" }.into());
        }
        // A cart that was accepted can be paid: ids of those to come must not take the room of that.
        let kept_free = (self.waiting.len() as u64 + 1).saturating_mul(STEP_BYTES);
        self.room_for(kept_free, &[buyer, req])
    }

    fn room_for(&self, kept_free: u64, ids: &[&str]) -> Result<(), NoChange> {
        if ids.iter().any(|id| id.len() > MAX_TEXT) {
            return Err(Refusal::IdTooLong.into());
        }
        let bytes = ids.iter().map(|id| id.len() as u64 + 1).sum::<u64>().saturating_add(kept_free);
        if self.texts.room() >= bytes { Ok(()) } else { Err(Refusal::Full { limit: "ids" }.into()) }
    }

    /// The lines are held: the cart is, at the price of its sum.
    pub(in crate::campaign) fn commit<'a>(
        &self,
        (mut new, coupon): (Box<NewCart<&'a str>>, Option<CouponCode>),
        (terms, limits): (&CampaignTerms, &CampaignLimits),
        hashing: Hashing,
    ) -> Judged<'a> {
        self.begin((new.buyer, new.req, new.fingerprint), limits, hashing)?;
        let amounts: Vec<u64> = new.items.iter().map(|item| item.amount).collect();
        let sum = amounts.iter().copied().fold(0, u64::saturating_add);
        if sum > crate::MAX_MINOR {
            return Err(Refusal::AmountTooLarge.into());
        }
        let off = terms.threshold_off(sum);
        for (item, off) in new.items.iter_mut().zip(spread(off, &amounts)) {
            item.off = off;
        }
        let answer =
            Answer::CartReserved { cart: new.cart, amount: sum - off, expires_at: new.expires_at, off };
        let (cart, lines) = (new.cart, u32::try_from(new.items.len()).unwrap_or(u32::MAX));
        let mut events: SmallVec<_> = smallvec![CampaignEvent::CartReserved(new)];
        events.extend((0..lines).map(|line| CampaignEvent::LineStands { cart, line }));
        events.extend(coupon.map(|code| CampaignEvent::CartCoupon { cart, code }));
        Ok((events, answer))
    }

    fn judge_repeat(&self, cart: CartNumber, request: Request<'_>, hashing: Hashing) -> Result<(), NoChange> {
        let kept = self.requests.find(Some(OrderNumber(cart.0)), request.id, &self.texts, hashing);
        kept.map_or(Ok(()), |kept| {
            let same = kept.fingerprint == request.fingerprint;
            Err(if same {
                NoChange::Repeated(self.requests.answer(kept))
            } else {
                Refusal::RequestReused.into()
            })
        })
    }

    fn note<'a>(
        &self,
        (cart, request): (CartNumber, Request<'a>),
        answer: Answer,
        limits: &CampaignLimits,
    ) -> Judged<'a> {
        self.room_for_request(limits)?;
        Ok((smallvec![CampaignEvent::CartNoted { cart, request, answer }], answer))
    }

    fn room_for_request(&self, limits: &CampaignLimits) -> Result<(), NoChange> {
        if self.requests.len() >= limits.max_requests as usize {
            return Err(Refusal::Full { limit: "accepted requests" }.into());
        }
        Ok(())
    }

    /// As of an order, but that a cart is never reacquired.
    pub(in crate::campaign) fn pay<'a>(
        &self,
        (cart, req, amount, id): (CartNumber, &'a str, u64, &'a str),
        now: Millis,
        limits: &CampaignLimits,
        hashing: Hashing,
    ) -> Judged<'a> {
        let request = Request { id: req, fingerprint: fingerprint(3, [amount, 0], id) };
        let row = self.get(cart, hashing).ok_or(Rejection::NotFound)?;
        self.judge_repeat(cart, request, hashing)?;
        self.room_for(0, &[req, id])?;
        if let Some(known) = self.payments.find(id, &self.texts, hashing) {
            if known.order.0 != cart.0 {
                return Err(Refusal::PaymentReused.into());
            }
            return self.note((cart, request), known.answer.into(), limits);
        }
        let payment = CartPayment { cart, request, id, amount };
        let refund_due = CampaignEvent::CartRefundDue(payment);
        match row.state {
            OrderState::Reserved if now < row.expires_at => {
                if amount != row.amount {
                    return Err(Rejection::AmountMismatch { due: row.amount }.into());
                }
                Ok((smallvec![CampaignEvent::CartPaid(payment)], Answer::Paid))
            }
            // The clock has ended it, though its timer has not run yet.
            OrderState::Reserved => {
                let events: SmallVec<_> = smallvec![CampaignEvent::CartExpired { cart }, refund_due];
                Ok((events, Answer::RefundDue))
            }
            OrderState::Expired => Ok((smallvec![refund_due], Answer::RefundDue)),
            OrderState::Cancelled => {
                self.room_for_request(limits)?;
                Ok((smallvec![CampaignEvent::CartOverpaid(payment)], Answer::Cancelled))
            }
            OrderState::Paid | OrderState::RefundDue | OrderState::Refunded => {
                self.room_for_request(limits)?;
                Ok((smallvec![CampaignEvent::CartOverpaid(payment)], Answer::RefundDue))
            }
        }
    }

    pub(in crate::campaign) fn cancel<'a>(
        &self,
        (cart, req): (CartNumber, &'a str),
        now: Millis,
        limits: &CampaignLimits,
        hashing: Hashing,
    ) -> Judged<'a> {
        let request = Request { id: req, fingerprint: fingerprint(4, [0, 0], "") };
        let row = self.get(cart, hashing).ok_or(Rejection::NotFound)?;
        self.judge_repeat(cart, request, hashing)?;
        self.room_for(0, &[req])?;
        match row.state {
            OrderState::Reserved if now < row.expires_at => {
                Ok((smallvec![CampaignEvent::CartCancelled { cart, request }], Answer::Cancelled))
            }
            OrderState::Cancelled => self.note((cart, request), Answer::Cancelled, limits),
            OrderState::Paid => Err(Rejection::AlreadyPaid.into()),
            OrderState::Reserved | OrderState::Expired | OrderState::RefundDue | OrderState::Refunded => {
                Err(Rejection::Expired.into())
            }
        }
    }
}

fn answer(row: &CartRow) -> Answer {
    Answer::CartReserved { cart: row.number, amount: row.amount, expires_at: row.expires_at, off: row.off }
}
