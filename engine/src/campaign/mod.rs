//! A campaign: its terms, and the coupons that it granted.

mod account;
mod carts;
mod command;
mod event;
mod grants;
mod image;
mod terms;
mod thresholds;

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

pub use account::{Account, Claim};
pub use carts::{CampaignCart, CartItem, CartPayment, CartSettlement, CartView, NewCart, cart_fingerprint};
pub use command::{CampaignCommand, Trigger};
pub use event::{CampaignEvent, Grant, Granted};
pub use image::{CampaignPart, CampaignRestorer};
pub use terms::{CampaignTerms, CouponWindow, Threshold};
pub use thresholds::spread;

use self::carts::Carts;
use self::grants::{GrantRow, Grants};
use crate::hashing::Hashing;
use crate::tables::MAX_TEXT;
use crate::{
    Answer, CartNumber, Contradiction, Fingerprint, LineState, Millis, NoChange, OrderNumber, OrderState,
    Phase, Refusal, Rejection,
};

/// The place of one campaign: empty until it is created. Owned by one actor.
#[derive(Debug)]
pub struct CampaignState {
    hashing: Hashing,
    campaign: Option<Campaign>,
}

/// A campaign.
#[derive(Debug)]
pub struct Campaign {
    terms: Arc<CampaignTerms>,
    grants: Grants,
    carts: Carts,
    changes: u64,
    last_event_at: Millis,
}

/// What people are told about a campaign.
#[derive(Clone, Debug)]
pub struct CampaignView {
    /// The terms.
    pub terms: Arc<CampaignTerms>,
    /// Coupons granted.
    pub coupons: u64,
    /// Carts by state, in the order of [`OrderState::ALL`].
    pub carts: [u32; OrderState::ALL.len()],
    /// The number of the last change, counted from 1.
    pub changes: u64,
}

/// How much one campaign may remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CampaignLimits {
    /// Coupons granted.
    pub max_grants: u32,
    /// Accepted requests: triggers, and again as many for carts.
    pub max_requests: u32,
    /// Carts, whatever became of them.
    pub max_carts: u32,
}

impl Default for CampaignLimits {
    /// What fits 32-bit row numbers: in practice no limit but memory.
    fn default() -> Self {
        Self { max_grants: u32::MAX - 1, max_requests: u32::MAX - 1, max_carts: u32::MAX - 1 }
    }
}

/// The events of one decision, and the answer.
type Judged<'a> = Result<(SmallVec<[CampaignEvent<'a>; 1]>, Answer), NoChange>;

impl CampaignState {
    /// An empty place. `seed` is the key of its hash tables: any number that callers can't guess.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { hashing: Hashing::new(seed), campaign: None }
    }

    /// The campaign, if it was created.
    #[must_use]
    pub fn campaign(&self) -> Option<&Campaign> {
        self.campaign.as_ref()
    }

    /// What `command` comes to at `now`.
    ///
    /// # Errors
    /// A [`NoChange`] when nothing is to be applied or journaled.
    pub fn decide<'a>(
        &self,
        command: &CampaignCommand<&'a str>,
        now: Millis,
        limits: &CampaignLimits,
    ) -> Judged<'a> {
        match (&self.campaign, command) {
            (None, CampaignCommand::Put { terms }) => {
                Ok((smallvec![CampaignEvent::Put { terms: Arc::clone(terms) }], Answer::Created))
            }
            (None, _) => Err(Rejection::NotFound.into()),
            (Some(campaign), CampaignCommand::Put { terms }) if campaign.terms == *terms => {
                Ok((SmallVec::new(), Answer::Unchanged))
            }
            (Some(_), CampaignCommand::Put { terms }) => {
                Ok((smallvec![CampaignEvent::Put { terms: Arc::clone(terms) }], Answer::Updated))
            }
            (Some(campaign), CampaignCommand::Trigger(trigger)) => {
                campaign.trigger(*trigger, self.hashing, now, limits)
            }
            (Some(campaign), CampaignCommand::CommitCart { new, coupon }) => {
                campaign.carts.commit((new.clone(), *coupon), (&campaign.terms, limits), self.hashing)
            }
            (Some(campaign), &CampaignCommand::PayCart { cart, req, amount, payment }) => {
                campaign.carts.pay((cart, req, amount, payment), now, limits, self.hashing)
            }
            (Some(campaign), &CampaignCommand::CancelCart { cart, req }) => {
                campaign.carts.cancel((cart, req), now, limits, self.hashing)
            }
        }
    }

    /// Whether this buyer's request may become a cart, before any line of it is held.
    ///
    /// # Errors
    /// A [`NoChange`] if it can't, or came to something before.
    pub fn begin_cart(
        &self,
        asked: (&str, &str, Fingerprint),
        limits: &CampaignLimits,
    ) -> Result<(), NoChange> {
        let campaign = self.campaign.as_ref().ok_or(Rejection::NotFound)?;
        let (buyer, req, _) = asked;
        // A buyer's request ids are for coupons and carts alike.
        if campaign.grants.find_request(buyer, req, self.hashing).is_some() {
            return Err(Refusal::RequestReused.into());
        }
        campaign.carts.begin(asked, limits, self.hashing)
    }

    /// The cart whose hold ends first, and when.
    #[must_use]
    pub fn next_cart_expiry(&self) -> Option<(Millis, CartNumber)> {
        self.campaign.as_ref()?.carts.next_expiry()
    }

    /// What is known of a cart.
    #[must_use]
    pub fn cart(&self, cart: CartNumber) -> Option<CartView> {
        self.campaign.as_ref()?.carts.view(cart, self.hashing)
    }

    /// The highest number of a cart; zero without one.
    #[must_use]
    pub fn last_cart(&self) -> CartNumber {
        self.campaign.as_ref().map_or(CartNumber(0), |campaign| campaign.carts.last())
    }

    /// What the lines of a cart are to be told, as it stands now.
    #[must_use]
    pub fn settlements(&self, cart: CartNumber) -> Vec<CartSettlement> {
        self.campaign
            .as_ref()
            .map_or_else(Vec::new, |campaign| campaign.carts.settlements(cart, self.hashing))
    }

    /// What a line is to be told that says it is of this cart: if there is no such cart with it, that it is withdrawn.
    #[must_use]
    pub fn settlement_of(&self, cart: CartNumber, sku: &str, order: OrderNumber) -> CartSettlement {
        let found = self.settlements(cart).into_iter().find(|told| &*told.sku == sku && told.order == order);
        found.unwrap_or_else(|| CartSettlement {
            cart,
            sku: sku.into(),
            order,
            off: 0,
            state: LineState::Withdrawn,
        })
    }

    /// Makes an event so, live and in replay alike (invariant 6).
    ///
    /// # Errors
    /// A [`Contradiction`] if the event can't have happened to this state, which is then not to be used further.
    pub fn apply(&mut self, event: &CampaignEvent<'_>, at: Millis) -> Result<(), Contradiction> {
        let hashing = self.hashing;
        match (&mut self.campaign, event) {
            (Some(campaign), CampaignEvent::Put { terms }) => campaign.terms = Arc::clone(terms),
            (empty @ None, CampaignEvent::Put { terms }) => *empty = Some(Campaign::new(Arc::clone(terms))),
            (None, _) => return Err(Contradiction::Creation),
            (Some(campaign), CampaignEvent::Granted(Granted { req, buyer, grant })) => {
                let at = campaign.grants.add(buyer, grant, hashing).ok_or(Contradiction::Full)?;
                campaign.grants.keep_request(at, req, hashing).ok_or(Contradiction::Full)?;
            }
            (Some(campaign), CampaignEvent::Noted { req, buyer, event }) => {
                let at = campaign.grants.find(buyer, event, hashing).ok_or(Contradiction::Buyer)?;
                campaign.grants.keep_request(at, req, hashing).ok_or(Contradiction::Full)?;
            }
            (Some(campaign), CampaignEvent::CartReserved(new)) => campaign.carts.reserved(new, hashing)?,
            (Some(campaign), CampaignEvent::CartPaid(payment)) => {
                campaign.carts.paid(payment, at, hashing)?
            }
            (Some(_), CampaignEvent::LineStands { .. } | CampaignEvent::CartCoupon { .. }) => {}
            (
                Some(campaign),
                CampaignEvent::CartRefundDue(payment) | CampaignEvent::CartOverpaid(payment),
            ) => {
                campaign.carts.refund_due(payment, at, hashing)?;
            }
            (Some(campaign), CampaignEvent::CartCancelled { cart, request }) => {
                campaign.carts.ended(*cart, OrderState::Cancelled, hashing)?;
                campaign.carts.keep_request(*cart, request, Answer::Cancelled, hashing)?;
            }
            (Some(campaign), CampaignEvent::CartExpired { cart }) => {
                campaign.carts.ended(*cart, OrderState::Expired, hashing)?;
            }
            (Some(campaign), CampaignEvent::CartNoted { cart, request, answer }) => {
                campaign.carts.keep_request(*cart, request, *answer, hashing)?;
            }
        }
        if let Some(campaign) = &mut self.campaign {
            campaign.changes += 1;
            campaign.last_event_at = campaign.last_event_at.max(at);
        }
        Ok(())
    }
}

impl Campaign {
    fn new(terms: Arc<CampaignTerms>) -> Self {
        Self {
            terms,
            grants: Grants::default(),
            carts: Carts::default(),
            changes: 0,
            last_event_at: Millis::default(),
        }
    }

    /// What people are told.
    #[must_use]
    pub fn view(&self) -> CampaignView {
        CampaignView {
            terms: Arc::clone(&self.terms),
            coupons: self.grants.len() as u64,
            carts: self.carts.by_state(),
            changes: self.changes,
        }
    }

    /// When the last event happened. The next turn's time must not be before it (invariant 7).
    #[must_use]
    pub fn last_event_at(&self) -> Millis {
        self.last_event_at
    }

    /// Every coupon that was granted, and to whom.
    pub fn grants(&self) -> impl Iterator<Item = (&str, Grant)> {
        let texts = self.grants.texts();
        self.grants.iter().map(move |row| (row.buyer(texts), row.grant(texts)))
    }

    /// One grant for each buyer and event, ever. While its window is open, every request gets the same coupon.
    fn trigger<'a>(
        &self,
        trigger: Trigger<&'a str>,
        hashing: Hashing,
        now: Millis,
        limits: &CampaignLimits,
    ) -> Judged<'a> {
        let Trigger { req, buyer, event, code } = trigger;
        let granted = self.grants.find(buyer, event, hashing);
        // Invariant 8: the same request gets the same answer; another one under its id is an error.
        if let Some(kept) = self.grants.find_request(buyer, req, hashing) {
            return Err(match self.grants.get(kept.grant) {
                Some(row) if granted == Some(kept.grant) => NoChange::Repeated(self.answer(row)),
                _ => Refusal::RequestReused.into(),
            });
        }
        if self.carts.has_request(buyer, req, hashing) {
            return Err(Refusal::RequestReused.into());
        }
        if self.terms.window.phase(now) != Phase::Open {
            return Err(Rejection::NotEligible.into());
        }
        let window = self.terms.window_of(event).ok_or(Rejection::NotEligible)?;
        self.room_for(&[req, buyer, event], limits)?;
        let Some(row) = granted.and_then(|at| self.grants.get(at)) else {
            if self.grants.len() >= limits.max_grants as usize {
                return Err(Refusal::Full { limit: "coupons" }.into());
            }
            let (percent_off, expires_at) = (window.percent_off, now.plus(window.window_ms));
            let grant = Grant { code, event: event.into(), percent_off, expires_at };
            let event = CampaignEvent::Granted(Granted { req, buyer, grant });
            return Ok((smallvec![event], Answer::Granted { code, percent_off, expires_at }));
        };
        if now >= row.expires_at() {
            return Err(Rejection::NotEligible.into());
        }
        Ok((smallvec![CampaignEvent::Noted { req, buyer, event }], self.answer(row)))
    }

    fn answer(&self, row: &GrantRow) -> Answer {
        let Grant { code, percent_off, expires_at, .. } = row.grant(self.grants.texts());
        Answer::Granted { code, percent_off, expires_at }
    }

    fn room_for(&self, ids: &[&str], limits: &CampaignLimits) -> Result<(), NoChange> {
        if ids.iter().any(|id| id.len() > MAX_TEXT) {
            return Err(Refusal::IdTooLong.into());
        }
        if self.grants.trigger_count() >= limits.max_requests as usize {
            return Err(Refusal::Full { limit: "accepted requests" }.into());
        }
        let bytes = ids.iter().map(|id| id.len() as u64 + 1).sum::<u64>();
        if self.grants.texts().room() >= bytes { Ok(()) } else { Err(Refusal::Full { limit: "ids" }.into()) }
    }
}
