//! What one buyer may have: so many units, and each coupon once.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_engine::{OrderState, OrderView};

use super::Audited;
use crate::photograph::Photograph;
use crate::sale::SKUS;
use crate::setup::Setup;

/// Coupons that somebody was granted.
#[derive(Debug, Default)]
pub(super) struct Coupons {
    /// Whose a coupon is, should it be granted.
    whose: BTreeMap<u128, String>,
    /// Until when it can be used.
    until: BTreeMap<u128, u64>,
}

impl Coupons {
    /// A coupon of this code is asked for.
    pub(super) fn asked(&mut self, code: u128, buyer: &str) {
        self.whose.insert(code, buyer.to_owned());
    }

    /// It was granted.
    pub(super) fn granted(&mut self, code: u128, until: u64) {
        self.until.insert(code, until);
    }

    /// Each coupon is its buyer's, used in its time and where it is good, and once: by an order, or by the lines of one cart.
    pub(super) fn audit(&self, photograph: &Photograph, setup: &Setup) -> Audited {
        let mut used: BTreeMap<u128, BTreeSet<(Option<u32>, usize, u32)>> = BTreeMap::new();
        for (sku, found) in photograph.skus.iter().enumerate() {
            for order in found.iter().flat_map(|found| &found.orders) {
                let Some(code) = order.coupon.map(|code| code.number()) else { continue };
                if self.whose.get(&code).is_none_or(|whose| *whose != *order.buyer)
                    || setup.coupon_sku.is_some_and(|only| only != sku)
                    || self.until.get(&code).is_some_and(|until| is_late(order, *until))
                {
                    return Err(format!("{} took a coupon that is not good for it: {order:?}", SKUS[sku]));
                }
                if matches!(order.state, OrderState::Reserved | OrderState::Paid) {
                    let by = match &order.cart {
                        Some((_, cart)) => (Some(cart.0), 0, 0),
                        None => (None, sku, order.number.0),
                    };
                    used.entry(code).or_default().insert(by);
                }
            }
        }
        match used.into_iter().find(|(_, by)| by.len() > 1) {
            Some((code, by)) => Err(format!("coupon {code} is used by {by:?}")),
            None => Ok(()),
        }
    }
}

/// Whether a coupon was used after its time. A late payment uses it again.
fn is_late(order: &OrderView, until: u64) -> bool {
    let late_payment = order.paid_at.filter(|paid_at| {
        order.state == OrderState::Paid && order.cart.is_none() && *paid_at >= order.expires_at
    });
    order.reserved_at.0 >= until || late_payment.is_some_and(|paid_at| paid_at.0 >= until)
}

/// Nobody has more than a buyer may have.
pub(super) fn audit(photograph: &Photograph, setup: &Setup) -> Audited {
    let mut units: BTreeMap<(&str, Option<usize>), u32> = BTreeMap::new();
    for (sku, found) in photograph.skus.iter().enumerate() {
        for order in found.iter().flat_map(|found| &found.orders) {
            if matches!(order.state, OrderState::Reserved | OrderState::Paid) {
                *units.entry((&order.buyer, Some(sku))).or_default() += order.qty;
                *units.entry((&order.buyer, None)).or_default() += order.qty;
            }
        }
    }
    for ((buyer, sku), units) in units {
        let limit = if sku.is_some() { Some(setup.buyer_limit) } else { setup.campaign_limit };
        if limit.is_some_and(|limit| units > limit) {
            let of = sku.map_or("the campaign", |sku| SKUS[sku]);
            return Err(format!("{buyer} has {units} units of {of}, and may have {limit:?}"));
        }
    }
    Ok(())
}
