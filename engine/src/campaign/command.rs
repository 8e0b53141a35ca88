//! What can be asked of a campaign.

use std::sync::Arc;

use super::{CampaignTerms, CartItem, NewCart};
use crate::{CartNumber, CouponCode};

/// What can be asked of a campaign. `S` is how its texts are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CampaignCommand<S> {
    /// Create the campaign, or replace its terms.
    Put {
        /// The new terms.
        terms: Arc<CampaignTerms>,
    },
    /// A buyer did something that opens a coupon.
    Trigger(Trigger<S>),
    /// All lines of a cart are held: it is one. Nobody outside asks this.
    CommitCart {
        /// The cart.
        new: Box<NewCart<S>>,
        /// The coupon that one of its lines has taken up.
        coupon: Option<CouponCode>,
    },
    /// The buyer paid a cart.
    PayCart {
        /// The cart.
        cart: CartNumber,
        /// Request id, per cart.
        req: S,
        /// What was paid, in minor units.
        amount: u64,
        /// The payment's id at whoever took the money.
        payment: S,
    },
    /// The buyer gives a cart up.
    CancelCart {
        /// The cart.
        cart: CartNumber,
        /// Request id, per cart.
        req: S,
    },
}

/// A buyer's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger<S> {
    /// Request id, per buyer.
    pub req: S,
    /// Who.
    pub buyer: S,
    /// What the buyer did.
    pub event: S,
    /// The code of the coupon, should there be a new one: a number that nobody can guess.
    pub code: CouponCode,
}

impl<S> CampaignCommand<S> {
    /// The same command with its texts held another way.
    pub fn map<T>(&self, mut text: impl FnMut(&S) -> T) -> CampaignCommand<T> {
        match self {
            Self::Put { terms } => CampaignCommand::Put { terms: Arc::clone(terms) },
            Self::Trigger(Trigger { req, buyer, event, code }) => CampaignCommand::Trigger(Trigger {
                req: text(req),
                buyer: text(buyer),
                event: text(event),
                code: *code,
            }),
            Self::CommitCart { new, coupon } => {
                let NewCart { cart, req, fingerprint, buyer, reserved_at, expires_at, currency, items } =
                    &**new;
                let mut item = |item: &CartItem<S>| {
                    let CartItem { ref sku, order, qty, amount, off } = *item;
                    CartItem { sku: text(sku), order, qty, amount, off }
                };
                let items = items.iter().map(&mut item).collect();
                let new = Box::new(NewCart {
                    cart: *cart,
                    req: text(req),
                    fingerprint: *fingerprint,
                    buyer: text(buyer),
                    reserved_at: *reserved_at,
                    expires_at: *expires_at,
                    currency: *currency,
                    items,
                });
                CampaignCommand::CommitCart { new, coupon: *coupon }
            }
            Self::PayCart { cart, req, amount, payment } => CampaignCommand::PayCart {
                cart: *cart,
                req: text(req),
                amount: *amount,
                payment: text(payment),
            },
            Self::CancelCart { cart, req } => CampaignCommand::CancelCart { cart: *cart, req: text(req) },
        }
    }
}
