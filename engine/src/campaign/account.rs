//! A buyer's account with a campaign: units over all its SKUs, and coupons.
//!
//! It is no record of its own. Grants are the campaign's events and everything else follows from the SKUs' events,
//! so that an account can always be made anew.

use smallvec::SmallVec;

use super::CampaignTerms;
use crate::{Coupon, CouponCode, Grant, Millis, Standing};

/// What one buyer has of one campaign.
#[derive(Clone, Debug, Default)]
pub struct Account {
    held: u32,
    bought: bool,
    coupons: SmallVec<[Held; 1]>,
}

/// A coupon of this buyer.
#[derive(Clone, Debug)]
struct Held {
    code: CouponCode,
    /// What it was granted for; not known while an order is known to use it and its grant is still to come.
    grant: Option<Grant>,
    used: bool,
}

/// What an order is to take up.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The SKU.
    pub sku: &'a str,
    /// Units.
    pub qty: u32,
    /// The coupon.
    pub coupon: Option<CouponCode>,
    /// Units that the buyer has given up, which are still held here: whoever claims gave them up just before, and may
    /// have them again.
    pub returning: u32,
    /// Whether the coupon was given up in the same way.
    pub coupon_returns: bool,
}

impl Account {
    /// How the buyer stands who would claim this.
    #[must_use]
    pub fn standing(&self, claim: &Claim<'_>, terms: &CampaignTerms, now: Millis) -> Standing {
        let held = self.held.saturating_sub(claim.returning);
        let left = terms.per_buyer_limit.map_or(u32::MAX, |limit| limit.saturating_sub(held));
        let free = |(used, _): &(bool, Coupon)| !used || claim.coupon_returns;
        let coupon = self.usable(claim, terms, now).filter(free).map(|(_, coupon)| coupon);
        Standing { left, coupon, nearby: None }
    }

    /// Takes up what is claimed, if all of it can be had; says how the buyer stood before, and whether it was taken.
    /// Of what was given up just before, nothing is taken up twice.
    pub fn claim(&mut self, claim: &Claim<'_>, terms: &CampaignTerms, now: Millis) -> (Standing, bool) {
        let standing = self.standing(claim, terms, now);
        let taken = claim.qty <= standing.left && standing.coupon.is_some() == claim.coupon.is_some();
        if taken {
            self.hold(claim.qty.saturating_sub(claim.returning));
            self.set_used(claim.coupon, true);
        }
        (standing, taken)
    }

    /// How the buyer stands who has taken up this claim already: units don't count twice, and the coupon is good if
    /// its window is still open.
    #[must_use]
    pub fn standing_with(&self, claim: &Claim<'_>, terms: &CampaignTerms, now: Millis) -> Standing {
        let coupon = self.usable(claim, terms, now).map(|(_, coupon)| coupon);
        Standing { coupon, ..Standing::FREE }
    }

    /// Whether the coupon of this claim is in use, and what it gives, if it can be used on its SKU at this time.
    fn usable(&self, claim: &Claim<'_>, terms: &CampaignTerms, now: Millis) -> Option<(bool, Coupon)> {
        let held = self.coupons.iter().find(|held| Some(held.code) == claim.coupon)?;
        let grant = held.grant.as_ref().filter(|grant| now < grant.expires_at)?;
        let window = terms.window_of(&grant.event).filter(|window| window.covers(claim.sku));
        window.map(|_| (held.used, Coupon { code: held.code, percent_off: grant.percent_off }))
    }

    /// Whether there is nothing in it that would have to be kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held == 0 && !self.bought && self.coupons.iter().all(|held| held.grant.is_none() && !held.used)
    }

    /// Takes up units that are known to be held.
    pub fn hold(&mut self, qty: u32) {
        self.held = self.held.saturating_add(qty);
    }

    /// Gives units and a coupon back.
    pub fn free(&mut self, qty: u32, coupon: Option<CouponCode>) {
        self.held = self.held.saturating_sub(qty);
        self.set_used(coupon, false);
    }

    /// Notes whether an order uses a coupon.
    pub fn set_used(&mut self, code: Option<CouponCode>, used: bool) {
        let Some(code) = code else { return };
        match self.coupons.iter_mut().find(|held| held.code == code) {
            Some(held) => held.used = used,
            None => self.coupons.push(Held { code, grant: None, used }),
        }
    }

    /// Whether this coupon was granted from here.
    #[must_use]
    pub fn has_grant(&self, code: CouponCode) -> bool {
        self.coupons.iter().any(|held| held.code == code && held.grant.is_some())
    }

    /// Notes a coupon that the buyer was granted.
    pub fn grant(&mut self, grant: Grant) {
        match self.coupons.iter_mut().find(|held| held.code == grant.code) {
            Some(held) => held.grant = Some(grant),
            None => self.coupons.push(Held { code: grant.code, grant: Some(grant), used: false }),
        }
    }

    /// Notes that an order was paid, and says whether it was the first.
    pub fn bought(&mut self) -> bool {
        !std::mem::replace(&mut self.bought, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CouponWindow;

    fn terms() -> CampaignTerms {
        let window = CouponWindow {
            event: "try_on".into(),
            percent_off: 20,
            window_ms: 1000,
            skus: Some(["coat".into(), "hat".into()].into()),
        };
        CampaignTerms {
            per_buyer_limit: Some(3),
            coupon_windows: [window].into(),
            ..CampaignTerms::new("11.11")
        }
    }

    fn granted(code: u128) -> Grant {
        Grant {
            code: CouponCode::new(code),
            event: "try_on".into(),
            percent_off: 20,
            expires_at: Millis(1000),
        }
    }

    fn claim(sku: &str, qty: u32, coupon: Option<u128>) -> Claim<'_> {
        Claim { sku, qty, coupon: coupon.map(CouponCode::new), returning: 0, coupon_returns: false }
    }

    #[test]
    fn a_limit_counts_units_over_all_skus_until_they_are_free_again() {
        let (terms, mut account, now) = (terms(), Account::default(), Millis(5));
        let ask = |account: &mut Account, sku, qty| {
            let (standing, taken) = account.claim(&claim(sku, qty, None), &terms, now);
            (standing.left, taken)
        };
        assert_eq!(ask(&mut account, "hat", 2), (3, true));
        assert_eq!(ask(&mut account, "coat", 2), (1, false));
        assert_eq!(ask(&mut account, "coat", 1), (1, true));
        assert_eq!(ask(&mut account, "hat", 1), (0, false));
        account.free(2, None);
        assert_eq!(ask(&mut account, "hat", 2), (2, true));
    }

    #[test]
    fn a_coupon_works_once_in_its_window_on_its_skus_for_its_code() {
        let (terms, mut account) = (terms(), Account::default());
        account.grant(granted(7));
        let ask = |account: &mut Account, sku, code, now| {
            let (standing, taken) = account.claim(&claim(sku, 1, Some(code)), &terms, Millis(now));
            (standing.coupon.map(|coupon| coupon.percent_off), taken)
        };
        assert_eq!(ask(&mut account, "coat", 8, 5), (None, false), "forged");
        assert_eq!(ask(&mut account, "sock", 7, 5), (None, false), "not for this SKU");
        assert_eq!(
            ask(&mut account, "coat", 7, 1000),
            (None, false),
            "out of its window, which is half-open"
        );
        assert_eq!(ask(&mut account, "coat", 7, 999), (Some(20), true));
        assert_eq!(ask(&mut account, "hat", 7, 999), (None, false), "used, over all SKUs together");
        let own = account.standing_with(&claim("coat", 1, Some(7)), &terms, Millis(999));
        assert!(own.coupon.is_some(), "good for the order that uses it");
        account.free(1, Some(CouponCode::new(7)));
        assert_eq!(ask(&mut account, "hat", 7, 999), (Some(20), true), "back again");
    }

    #[test]
    fn a_claim_that_can_only_be_had_in_part_takes_nothing() {
        let (terms, mut account) = (terms(), Account::default());
        account.grant(granted(7));
        let (standing, taken) = account.claim(&claim("hat", 4, Some(7)), &terms, Millis(5));
        assert_eq!((standing.left, standing.coupon.is_some(), taken), (3, true, false));
        let (_, taken) = account.claim(&claim("hat", 3, Some(7)), &terms, Millis(5));
        assert!(taken, "neither units nor coupon were taken before");
    }

    #[test]
    fn what_was_given_up_just_before_can_be_had_again_and_counts_once() {
        let (terms, mut account, now) = (terms(), Account::default(), Millis(5));
        account.grant(granted(7));
        assert!(account.claim(&claim("hat", 3, Some(7)), &terms, now).1);
        assert!(!account.claim(&claim("coat", 2, Some(7)), &terms, now).1);
        let again = Claim { returning: 3, coupon_returns: true, ..claim("coat", 2, Some(7)) };
        let (standing, taken) = account.claim(&again, &terms, now);
        assert_eq!((standing.left, standing.coupon.is_some(), taken), (3, true, true));
        // One of the three is left to be given back.
        account.free(1, None);
        assert_eq!(account.claim(&claim("hat", 2, None), &terms, now).0.left, 1);
    }

    #[test]
    fn a_use_may_be_known_before_its_grant() {
        let (terms, mut account) = (terms(), Account::default());
        account.set_used(Some(CouponCode::new(7)), true);
        account.grant(granted(7));
        assert!(!account.claim(&claim("hat", 1, Some(7)), &terms, Millis(5)).1);
        assert_eq!([account.bought(), account.bought()], [true, false]);
    }
}
