//! The campaign document.

use super::DocumentError;
use super::node::Node;
use super::object::{Field, Object};
use super::sku::{MAX_LIMIT, title, window};
use crate::command::{MAX_SAFE_INTEGER, is_id, is_name};
use crate::status::words;

/// The most SKUs that a campaign or a coupon window may name, and all of these together.
pub(super) const MAX_SKUS: usize = 100_000;

/// The most thresholds, and the most coupon windows.
pub(super) const MAX_THRESHOLDS: usize = 20;
pub(super) const MAX_COUPON_WINDOWS: usize = 50;

/// The longest coupon window: 30 days, in seconds.
pub(super) const MAX_WINDOW_S: u32 = 30 * 86_400;

/// The largest footprint of a unit, in grams: a thousand tonnes.
pub(super) const MAX_CARBON_G: u32 = 1_000_000_000;

/// A timed sale: its SKUs, and what buyers get off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignDocument {
    /// What people see: 1 to 200 characters.
    pub title: String,
    /// When it begins, in epoch milliseconds; none is at once.
    pub starts_at: Option<u64>,
    /// When it ends, in epoch milliseconds; none is never. After `starts_at`.
    pub ends_at: Option<u64>,
    /// The SKUs it names, each once; none if left out. A SKU may also say itself that it is part of a campaign.
    pub skus: Option<Vec<String>>,
    /// Units one buyer may hold in reserved and paid orders of all its SKUs, 1 to 1,000,000; none is any number.
    pub per_buyer_limit: Option<u32>,
    /// Discounts of carts: from which sum on, and how much, both in minor units. Sums ascend. At most 20.
    pub thresholds: Vec<(u64, u64)>,
    /// Coupons that a behaviour opens, each event once. At most 50.
    pub coupon_windows: Vec<CouponWindow>,
    /// A discount for a small carbon footprint: the largest that counts, in grams a unit, and percent.
    pub green: Option<(u32, u8)>,
    /// In which order discounts are taken, as far as it is said. A threshold is always the last.
    pub order_of_discounts: Vec<Discount>,
}

/// A coupon that a behaviour opens for a limited time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponWindow {
    /// What the buyer does: an id such as `try_on`.
    pub event: String,
    /// What the coupon takes off, 1 to 100 percent.
    pub percent_off: u8,
    /// How long it can be used, in seconds: 1 to 2,592,000 (30 days).
    pub window_s: u32,
    /// The SKUs it can be used on; none is every one of the campaign.
    pub skus: Option<Vec<String>>,
}

words! {
    /// What a discount is given for. They stand in the usual order.
    Discount {
        /// The tier of a group-buy room.
        Tier = "tier",
        /// A coupon.
        Coupon = "coupon",
        /// A small carbon footprint.
        Green = "green",
        /// The sum of a cart.
        Threshold = "threshold",
    }
}

impl CampaignDocument {
    /// Reads a JSON text.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        let node: Node =
            serde_json::from_str(text).map_err(|error| DocumentError::unreadable("JSON", error))?;
        let mut object = Object::root(node)?;
        let document = CampaignDocument::read(&mut object)?;
        object.finish()?;
        Ok(document)
    }

    /// Takes the document's fields; what else there is, is the caller's.
    pub(super) fn read(object: &mut Object) -> Result<Self, DocumentError> {
        let (starts_at, ends_at) = window(object)?;
        let document = CampaignDocument {
            title: title(object.required("title")?)?,
            starts_at,
            ends_at,
            skus: object.optional("skus").map(skus).transpose()?,
            per_buyer_limit: object
                .optional("per_buyer_limit")
                .map(|field| field.whole_u32(1, MAX_LIMIT, " of units"))
                .transpose()?,
            thresholds: object.optional("thresholds").map_or(Ok(Vec::new()), thresholds)?,
            coupon_windows: object.optional("coupon_windows").map_or(Ok(Vec::new()), coupon_windows)?,
            green: object.optional("green").map(green).transpose()?,
            order_of_discounts: object.optional("order_of_discounts").map_or(Ok(Vec::new()), order)?,
        };
        let windows = document.coupon_windows.iter().map(|window| &window.skus);
        let named: usize = windows.chain([&document.skus]).flatten().map(Vec::len).sum();
        if named > MAX_SKUS {
            let what = format!("together with those of coupon_windows are more than {MAX_SKUS}");
            return Err(DocumentError::new(object.path_of("skus"), what));
        }
        Ok(document)
    }
}

fn skus(field: Field) -> Result<Vec<String>, DocumentError> {
    let mut skus: Vec<String> = Vec::new();
    let mut paths: Vec<String> = Vec::new();
    for entry in field.list_of_any(MAX_SKUS)? {
        paths.push(entry.path.clone());
        skus.push(entry.text("must be a SKU: 1 to 64 characters of A-Z a-z 0-9 . _ -", is_name)?);
    }
    let mut sorted: Vec<(&String, &String)> = skus.iter().zip(&paths).collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(DocumentError::new(pair[1].1.as_str(), "is named twice")),
        None => Ok(skus),
    }
}

fn thresholds(field: Field) -> Result<Vec<(u64, u64)>, DocumentError> {
    let mut thresholds: Vec<(u64, u64)> = Vec::new();
    for entry in field.list_of_any(MAX_THRESHOLDS)? {
        let mut threshold = entry.object()?;
        let (spend, off) = (threshold.required("spend")?, threshold.required("off")?);
        let (path_of_spend, path_of_off) = (spend.path.clone(), off.path.clone());
        let spend = spend.whole(1, MAX_SAFE_INTEGER, " of minor units")?;
        let off = off.whole(1, MAX_SAFE_INTEGER, " of minor units")?;
        threshold.finish()?;
        if off > spend {
            return Err(DocumentError::new(path_of_off, "must be at most spend"));
        }
        if thresholds.last().is_some_and(|(before, _)| spend <= *before) {
            return Err(DocumentError::new(path_of_spend, "must be above that of the threshold before"));
        }
        thresholds.push((spend, off));
    }
    Ok(thresholds)
}

fn coupon_windows(field: Field) -> Result<Vec<CouponWindow>, DocumentError> {
    let mut windows: Vec<CouponWindow> = Vec::new();
    for entry in field.list_of_any(MAX_COUPON_WINDOWS)? {
        let mut window = entry.object()?;
        let event = window.required("event")?;
        let path = event.path.clone();
        let event = event.text("must be 1 to 64 printable ASCII characters without spaces", is_id)?;
        if windows.iter().any(|other| other.event == event) {
            return Err(DocumentError::new(path, "has a window already"));
        }
        let percent_off = percent(window.required("percent_off")?)?;
        let window_s = window.required("window_s")?.whole_u32(1, MAX_WINDOW_S, " of seconds")?;
        let skus = window.optional("skus").map(skus).transpose()?;
        window.finish()?;
        windows.push(CouponWindow { event, percent_off, window_s, skus });
    }
    Ok(windows)
}

fn green(field: Field) -> Result<(u32, u8), DocumentError> {
    let mut green = field.object()?;
    let max_carbon_g = green.required("max_carbon_g")?.whole_u32(0, MAX_CARBON_G, " of grams")?;
    let percent_off = percent(green.required("percent_off")?)?;
    green.finish()?;
    Ok((max_carbon_g, percent_off))
}

fn percent(field: Field) -> Result<u8, DocumentError> {
    field.whole_u32(1, 100, " of percent").map(|percent| u8::try_from(percent).unwrap_or(100))
}

fn order(field: Field) -> Result<Vec<Discount>, DocumentError> {
    let path = field.path.clone();
    let mut order = Vec::new();
    for entry in field.list_of_any(Discount::ALL.len())? {
        let path = entry.path.clone();
        let named = |text: &str| Discount::from_word(text.as_bytes());
        let rule = "must be \"tier\", \"coupon\", \"green\" or \"threshold\"";
        let name = entry.text(rule, |text| named(text).is_some())?;
        let discount = named(&name).filter(|discount| !order.contains(discount));
        order.push(discount.ok_or_else(|| DocumentError::new(path, "is named twice"))?);
    }
    match order.iter().position(|discount| *discount == Discount::Threshold) {
        Some(at) if at + 1 < order.len() => Err(DocumentError::new(
            path,
            "threshold must be the last: what counts is the sum that the others leave",
        )),
        _ => Ok(order),
    }
}
