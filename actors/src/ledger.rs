//! The accounts of a campaign's buyers: units over all its SKUs, and coupons.
//!
//! The actors of many SKUs, on several threads, claim from one account. They do it inside their turn, between looking
//! at a command and deciding it, so an account is behind a lock that is held for a look-up. Nothing here is journaled:
//! grants are the campaign's events, and everything else follows from the SKUs' events.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use tidegate_engine::{Account, CampaignTerms, Claim, CouponCode, Grant, Millis, Standing};

use crate::sync::{AtomicU64, DashMap, Mutex};

/// Locks of one ledger. A table behind one is small, so that none takes long to grow.
const SHARDS: usize = 64;

/// All ledgers by campaign.
#[derive(Debug, Default)]
pub struct Ledgers {
    by_campaign: DashMap<Box<str>, Arc<Ledger>>,
}

impl Ledgers {
    /// The ledger of this campaign, a new one if need be.
    pub(crate) fn of(&self, campaign: &str) -> Arc<Ledger> {
        if let Some(ledger) = self.by_campaign.get(campaign) {
            return Arc::clone(&ledger);
        }
        Arc::clone(&self.by_campaign.entry(campaign.into()).or_default())
    }
}

impl Ledgers {
    /// Notes whether an order uses a coupon, in the account of whichever campaign granted it: `own` is the one that the
    /// order's SKU is part of now, which may be another than when the order was made.
    pub(crate) fn set_used(&self, own: Option<&Ledger>, buyer: &str, code: CouponCode, used: bool) {
        let is_noted = own.is_some_and(|own| own.set_used(buyer, code, used))
            || self.by_campaign.iter().any(|ledger| ledger.set_used(buyer, code, used));
        if let Some(own) = own.filter(|_| used && !is_noted) {
            // Its grant is still to come.
            own.with(buyer, |account| account.set_used(Some(code), true));
        }
    }
}

/// The accounts of one campaign.
#[derive(Debug)]
pub struct Ledger {
    terms: ArcSwap<CampaignTerms>,
    shards: Box<[Mutex<Accounts>]>,
    hashing: foldhash::fast::RandomState,
    buyers: AtomicU64,
}

type Accounts = HashMap<Box<str>, Account, foldhash::fast::RandomState>;

impl Default for Ledger {
    fn default() -> Self {
        Self {
            terms: ArcSwap::from_pointee(CampaignTerms::new("")),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hashing: foldhash::fast::RandomState::default(),
            buyers: AtomicU64::new(0),
        }
    }
}

impl Ledger {
    /// How many buyers ever paid for an order of one of the campaign's SKUs.
    #[must_use]
    pub fn buyers(&self) -> u64 {
        self.buyers.load(Ordering::Relaxed)
    }

    /// How many units this buyer may still have of all SKUs.
    pub(crate) fn left(&self, buyer: &str) -> u32 {
        let nothing = Claim { sku: "", qty: 0, coupon: None, returning: 0, coupon_returns: false };
        self.standing(buyer, &nothing, Millis(0)).left
    }

    pub(crate) fn set_terms(&self, terms: Arc<CampaignTerms>) {
        self.terms.store(terms);
    }

    /// See [`Account::standing`].
    pub(crate) fn standing(&self, buyer: &str, claim: &Claim<'_>, now: Millis) -> Standing {
        let terms = self.terms.load();
        self.with(buyer, |account| account.standing(claim, &terms, now))
    }

    /// See [`Account::claim`].
    pub(crate) fn claim(&self, buyer: &str, claim: &Claim<'_>, now: Millis) -> bool {
        let terms = self.terms.load();
        self.with(buyer, |account| account.claim(claim, &terms, now).1)
    }

    /// See [`Account::standing_with`].
    pub(crate) fn standing_with(&self, buyer: &str, claim: &Claim<'_>, now: Millis) -> Standing {
        let terms = self.terms.load();
        self.with(buyer, |account| account.standing_with(claim, &terms, now))
    }

    /// See [`Account::free`].
    pub(crate) fn free(&self, buyer: &str, qty: u32, coupon: Option<CouponCode>) {
        self.with(buyer, |account| account.free(qty, coupon));
    }

    /// Takes up what a SKU's orders are known to hold.
    pub(crate) fn hold(&self, buyer: &str, qty: u32) {
        self.with(buyer, |account| account.hold(qty));
    }

    /// Notes whether an order uses a coupon, if it was granted from here.
    fn set_used(&self, buyer: &str, code: CouponCode, used: bool) -> bool {
        self.with(buyer, |account| {
            let is_ours = account.has_grant(code);
            if is_ours {
                account.set_used(Some(code), used);
            }
            is_ours
        })
    }

    pub(crate) fn grant(&self, buyer: &str, grant: Grant) {
        self.with(buyer, |account| account.grant(grant));
    }

    /// Notes that this buyer paid for an order.
    pub(crate) fn bought(&self, buyer: &str) {
        let first = self.with(buyer, Account::bought);
        self.buyers.fetch_add(u64::from(first), Ordering::Relaxed);
    }

    /// An account that comes to hold nothing is not kept: rejections must not fill the memory.
    fn with<T>(&self, buyer: &str, act: impl FnOnce(&mut Account) -> T) -> T {
        #[allow(clippy::cast_possible_truncation)] // any bits will do
        let shard = self.hashing.hash_one(buyer) as usize % SHARDS;
        let mut accounts = self.shards[shard].lock();
        let Some(account) = accounts.get_mut(buyer) else {
            let mut account = Account::default();
            let done = act(&mut account);
            if !account.is_empty() {
                accounts.insert(buyer.into(), account);
            }
            return done;
        };
        let done = act(account);
        if account.is_empty() {
            accounts.remove(buyer);
        }
        done
    }

    /// How many accounts there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}
