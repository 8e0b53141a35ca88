//! What is sold in a simulated sale.

use std::sync::Arc;

use tidegate_actors::Document;
use tidegate_engine::{
    CampaignTerms, CouponWindow, Currency, GroupBuy, LatePayment, Price, SkuTerms, Threshold, Tier,
};

use crate::plan::Setup;

/// The campaign that the SKUs are part of.
pub(crate) const CAMPAIGN: &str = "fair";

/// The price of every unit, in minor units.
pub(crate) const PRICE: u64 = 1_000;

/// How long units are held.
pub(crate) const HOLD_MS: u32 = 60_000;

/// How long a room waits for members.
pub(crate) const ROOM_MS: u64 = 20_000;

/// What opens a coupon.
pub(crate) const BEHAVIOUR: &str = "looked";

/// The SKUs by their numbers in a plan.
pub(crate) const SKUS: [&str; 3] = ["coat", "hat", "scarf"];

/// The documents of the sale, the campaign first.
pub(crate) fn documents(setup: &Setup) -> Option<Vec<(Box<str>, Document)>> {
    let currency = Currency::new("EUR")?;
    let campaign = CampaignTerms {
        skus: SKUS.map(Into::into).into(),
        per_buyer_limit: setup.campaign_limit,
        thresholds: [Threshold { spend: 2 * PRICE, off: 301 }].into(),
        coupon_windows: [CouponWindow {
            event: BEHAVIOUR.into(),
            percent_off: 10,
            window_ms: 30_000,
            skus: None,
        }]
        .into(),
        ..CampaignTerms::new("The fair")
    };
    let mut documents = vec![(CAMPAIGN.into(), Document::Campaign(Arc::new(campaign)))];
    for (name, stock) in SKUS.iter().zip(setup.stock) {
        let tiers = [Tier { members: 2, percent_off: 10 }, Tier { members: 3, percent_off: 20 }];
        let terms = SkuTerms {
            hold_ms: HOLD_MS,
            per_buyer_limit: Some(setup.buyer_limit),
            late_payment: if setup.late_refund { LatePayment::Refund } else { LatePayment::Reacquire },
            group_buy: Some(GroupBuy { tiers: tiers.into(), ttl_ms: ROOM_MS }),
            ..SkuTerms::new(name, currency, Price::Fixed(PRICE))
        };
        documents.push(((*name).into(), Document::Sku { terms: Arc::new(terms), stock }));
    }
    Some(documents)
}
