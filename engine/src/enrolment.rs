//! What a campaign means to a SKU that is part of it.

use std::sync::Arc;

use crate::{CampaignTerms, CouponCode, DiscountOrder, SkuTerms, StoreNumber, Window};

/// A SKU's part in a campaign: the campaign's rules, as far as they concern one SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The campaign's name.
    pub campaign: Box<str>,
    /// When the campaign is.
    pub window: Window,
    /// The discount for a small carbon footprint.
    pub green: Option<Green>,
    /// In which order discounts are taken.
    pub order: DiscountOrder,
}

/// A discount for SKUs with a small carbon footprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Green {
    /// The largest footprint that counts, in grams of carbon dioxide a unit.
    pub max_carbon_g: u32,
    /// What is taken off, in percent.
    pub percent_off: u8,
}

impl Enrolment {
    /// The part of any SKU in a campaign with these terms.
    #[must_use]
    pub fn of(campaign: &str, terms: &CampaignTerms) -> Self {
        Self { campaign: campaign.into(), window: terms.window, green: terms.green, order: terms.order }
    }

    /// When a SKU with these terms is for sale.
    #[must_use]
    pub fn window_of(terms: &SkuTerms, enrolment: Option<&Self>) -> Window {
        let own = terms.window();
        enrolment.map_or(own, |enrolment| own.intersected(&enrolment.window))
    }
}

/// How a buyer stands when a command is judged: what the SKU can't know, with the campaign and on the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Units that the buyer may still have in the campaign.
    pub left: u32,
    /// The coupon that the command names, if the buyer may use it on this SKU now; or, for a late payment, the one
    /// that the order used, if it may be used again.
    pub coupon: Option<Coupon>,
    /// The SKU's stores that will do for a buyer who wants one nearby, nearest first; `None` if no place was named.
    pub nearby: Option<Arc<[StoreNumber]>>,
}

impl Standing {
    /// Of a buyer whom no campaign limits and who has no coupon.
    pub const FREE: Self = Self { left: u32::MAX, coupon: None, nearby: None };
}

/// A coupon as far as an order needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coupon {
    /// Its code.
    pub code: CouponCode,
    /// What it takes off, in percent.
    pub percent_off: u8,
}
