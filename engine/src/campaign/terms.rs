//! The terms of a campaign: what the admin's document says.

use crate::{DiscountOrder, Green, Window};

/// The terms of one campaign. Replaced as a whole by a later document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignTerms {
    /// What people see.
    pub title: Box<str>,
    /// When it is: its SKUs are for sale only then.
    pub window: Window,
    /// The SKUs it names, sorted. Others may say themselves that they are part of it.
    pub skus: Box<[Box<str>]>,
    /// Units that one buyer may hold or have bought, over all SKUs.
    pub per_buyer_limit: Option<u32>,
    /// Threshold discounts of carts, by ascending sums.
    pub thresholds: Box<[Threshold]>,
    /// What opens coupons, each event once.
    pub coupon_windows: Box<[CouponWindow]>,
    /// The discount for a small carbon footprint.
    pub green: Option<Green>,
    /// In which order discounts are taken.
    pub order: DiscountOrder,
}

/// A discount of carts of at least this sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The sum, in minor units.
    pub spend: u64,
    /// What is taken off, in minor units; less than the sum.
    pub off: u64,
}

/// A coupon that a buyer's behaviour opens for a limited time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponWindow {
    /// What the buyer does.
    pub event: Box<str>,
    /// What the coupon takes off, in percent.
    pub percent_off: u8,
    /// How long it can be used, in milliseconds.
    pub window_ms: u64,
    /// The SKUs it can be used on, sorted; `None`: all of the campaign's.
    pub skus: Option<Box<[Box<str>]>>,
}

impl CampaignTerms {
    /// Terms with nothing but a title.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self {
            title: title.into(),
            window: Window::default(),
            skus: Box::default(),
            per_buyer_limit: None,
            thresholds: Box::default(),
            coupon_windows: Box::default(),
            green: None,
            order: DiscountOrder::default(),
        }
    }

    /// Whether it names this SKU.
    #[must_use]
    pub fn names(&self, sku: &str) -> bool {
        is_in(&self.skus, sku)
    }

    /// The coupon window that this event opens.
    #[must_use]
    pub fn window_of(&self, event: &str) -> Option<&CouponWindow> {
        self.coupon_windows.iter().find(|window| &*window.event == event)
    }
}

impl CouponWindow {
    /// Whether its coupons can be used on this SKU.
    #[must_use]
    pub fn covers(&self, sku: &str) -> bool {
        self.skus.as_ref().is_none_or(|skus| is_in(skus, sku))
    }
}

fn is_in(sorted: &[Box<str>], name: &str) -> bool {
    sorted.binary_search_by(|other| (**other).cmp(name)).is_ok()
}
