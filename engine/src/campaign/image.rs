//! A campaign's state as a list of parts, for snapshots.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::{Campaign, CampaignCart, CampaignState, CampaignTerms, CouponWindow, Grant, Threshold};
use crate::hashing::Hashing;
use crate::{Answer, CartNumber, Contradiction, DiscountOrder, Millis, Request};

/// One part of a campaign's state. A whole state is one [`CampaignPart::Head`], then the grants, then the accepted
/// requests, then carts, their payments and their requests, each in the order they came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CampaignPart<'a> {
    /// The campaign itself.
    Head {
        /// The terms.
        terms: Arc<CampaignTerms>,
        /// How many events made this state.
        changes: u64,
        /// When the last of them happened.
        last_event_at: Millis,
    },
    /// A coupon.
    Grant {
        /// Whose.
        buyer: &'a str,
        /// What was granted.
        grant: Grant,
    },
    /// An accepted request.
    Trigger {
        /// The position of the grant that it was answered with, from 0.
        grant: u32,
        /// The request id.
        req: &'a str,
    },
    /// A cart.
    Cart(Box<CampaignCart<'a>>),
    /// A payment that came in for a cart.
    CartPayment {
        /// The cart.
        cart: CartNumber,
        /// The payment's id.
        id: &'a str,
        /// What was paid, in minor units.
        amount: u64,
        /// When.
        at: Millis,
        /// The answer it got.
        answer: Answer,
    },
    /// An accepted request about a cart.
    CartRequest {
        /// The cart.
        cart: CartNumber,
        /// The request.
        request: Request<'a>,
        /// The answer it got.
        answer: Answer,
    },
}

impl Campaign {
    /// The state as parts, in the order in which [`CampaignRestorer::push`] takes them.
    pub fn parts(&self) -> impl Iterator<Item = CampaignPart<'_>> {
        let head = CampaignPart::Head {
            terms: Arc::clone(&self.terms),
            changes: self.changes,
            last_event_at: self.last_event_at,
        };
        let grants = self.grants().map(|(buyer, grant)| CampaignPart::Grant { buyer, grant });
        let texts = self.grants.texts();
        let triggers = self.grants.triggers();
        let triggers =
            triggers.map(|row| CampaignPart::Trigger { grant: row.grant, req: row.request(texts) });
        std::iter::once(head).chain(grants).chain(triggers).chain(self.carts.parts())
    }

    /// XXH3 over everything that the journal decides, as [`crate::Sku::state_hash`].
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut digest = Digest(Xxh3::new());
        for part in self.parts() {
            digest.part(&part);
        }
        digest.0.digest()
    }
}

struct Digest(Xxh3);

impl Digest {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn optional(&mut self, number: Option<u64>) {
        self.number(u64::from(number.is_some()));
        self.number(number.unwrap_or(0));
    }

    fn texts(&mut self, texts: &[Box<str>]) {
        self.number(texts.len() as u64);
        texts.iter().for_each(|text| self.text(text));
    }

    fn part(&mut self, part: &CampaignPart<'_>) {
        match part {
            CampaignPart::Head { terms, changes, last_event_at } => {
                self.number(1);
                self.terms(terms);
                self.number(*changes);
                self.number(last_event_at.0);
            }
            CampaignPart::Grant { buyer, grant: Grant { code, event, percent_off, expires_at } } => {
                self.number(2);
                self.text(buyer);
                self.0.update(&code.number().to_le_bytes());
                self.text(event);
                self.number(u64::from(*percent_off));
                self.number(expires_at.0);
            }
            CampaignPart::Trigger { grant, req } => {
                self.number(3);
                self.number(u64::from(*grant));
                self.text(req);
            }
            CampaignPart::Cart(cart) => self.cart(cart),
            CampaignPart::CartPayment { cart, id, amount, at, answer } => {
                self.number(5);
                self.number(u64::from(cart.0));
                self.text(id);
                self.number(*amount);
                self.number(at.0);
                self.answer(answer);
            }
            CampaignPart::CartRequest { cart, request, answer } => {
                self.number(6);
                self.number(u64::from(cart.0) | u64::from(request.fingerprint.0) << 32);
                self.text(request.id);
                self.answer(answer);
            }
        }
    }

    fn cart(&mut self, cart: &CampaignCart<'_>) {
        let CampaignCart { new, state } = cart;
        self.number(4);
        self.number(u64::from(new.cart.0) | u64::from(new.fingerprint.0) << 32);
        self.text(new.req);
        self.text(new.buyer);
        self.number(new.expires_at.0);
        self.text(new.currency.code());
        self.number(new.reserved_at.0);
        self.number(*state as u64 | (new.items.len() as u64) << 8);
        for item in &new.items {
            self.text(item.sku);
            self.number(u64::from(item.order.0) | u64::from(item.qty) << 32);
            self.number(item.amount);
            self.number(item.off);
        }
    }

    /// Requests about carts are answered with nothing but a word.
    fn answer(&mut self, answer: &Answer) {
        self.number(match answer {
            Answer::Paid => 1,
            Answer::RefundDue => 2,
            Answer::Cancelled => 3,
            _ => 0,
        });
    }

    fn terms(&mut self, terms: &CampaignTerms) {
        let CampaignTerms { title, window, skus, per_buyer_limit, thresholds, coupon_windows, green, order } =
            terms;
        self.text(title);
        self.optional(window.starts_at.map(|at| at.0));
        self.optional(window.ends_at.map(|at| at.0));
        self.texts(skus);
        self.optional(per_buyer_limit.map(u64::from));
        self.number(thresholds.len() as u64);
        for Threshold { spend, off } in thresholds {
            self.number(*spend);
            self.number(*off);
        }
        self.number(coupon_windows.len() as u64);
        for CouponWindow { event, percent_off, window_ms, skus } in coupon_windows {
            self.text(event);
            self.number(u64::from(*percent_off));
            self.number(*window_ms);
            self.texts(skus.as_deref().unwrap_or_default());
            self.number(u64::from(skus.is_some()));
        }
        self.optional(green.map(|green| u64::from(green.max_carbon_g) | u64::from(green.percent_off) << 32));
        self.number(DiscountOrder::ALL.iter().position(|other| other == order).unwrap_or(0) as u64);
    }
}

/// Makes a campaign's state from its parts.
#[derive(Debug)]
pub struct CampaignRestorer {
    hashing: Hashing,
    campaign: Option<Campaign>,
}

impl CampaignRestorer {
    /// Begins. `seed` as in [`CampaignState::new`].
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { hashing: Hashing::new(seed), campaign: None }
    }

    /// Takes the next part.
    ///
    /// # Errors
    /// A [`Contradiction`] if it can't be part of what came before.
    pub fn push(&mut self, part: CampaignPart<'_>) -> Result<(), Contradiction> {
        match (&mut self.campaign, part) {
            (empty @ None, CampaignPart::Head { terms, changes, last_event_at }) => {
                *empty = Some(Campaign { changes, last_event_at, ..Campaign::new(terms) });
                Ok(())
            }
            (None, _) | (Some(_), CampaignPart::Head { .. }) => Err(Contradiction::Parts),
            (Some(campaign), CampaignPart::Grant { buyer, grant }) => {
                campaign.grants.add(buyer, &grant, self.hashing).map(|_| ()).ok_or(Contradiction::Full)
            }
            (Some(campaign), CampaignPart::Trigger { grant, req }) => {
                campaign.grants.keep_request(grant, req, self.hashing).ok_or(Contradiction::Full)
            }
            (Some(campaign), CampaignPart::Cart(cart)) => campaign.carts.restore(&cart, self.hashing),
            (Some(campaign), CampaignPart::CartPayment { cart, id, amount, at, answer }) => {
                campaign.carts.restore_payment((cart, id, amount, at), answer, self.hashing)
            }
            (Some(campaign), CampaignPart::CartRequest { cart, request, answer }) => {
                campaign.carts.keep_request(cart, &request, answer, self.hashing)
            }
        }
    }

    /// The whole state.
    ///
    /// # Errors
    /// A [`Contradiction`] if there was no head.
    pub fn finish(self) -> Result<CampaignState, Contradiction> {
        let campaign = self.campaign.ok_or(Contradiction::Parts)?;
        Ok(CampaignState { hashing: self.hashing, campaign: Some(campaign) })
    }
}
