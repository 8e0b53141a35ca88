//! How a campaign stands.

use super::{number, text};
use crate::document::Discount;
use crate::resp::Writer;
use crate::status::CampaignState;

/// The answer to `CAMPAIGN.GET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignMap<'a> {
    /// The campaign's name.
    pub campaign: &'a str,
    /// What people see.
    pub title: &'a str,
    /// What it is doing now.
    pub state: CampaignState,
    /// ISO 4217 code of its SKUs; none if it has none yet.
    pub currency: Option<&'a str>,
    /// When it begins.
    pub starts_at: Option<u64>,
    /// When it ends.
    pub ends_at: Option<u64>,
    /// The SKUs it names and those that say they are part of it.
    pub skus: &'a [&'a str],
    /// Units one buyer may have of all its SKUs.
    pub per_buyer_limit: Option<u64>,
    /// Sums and what is taken off from there on.
    pub thresholds: &'a [(u64, u64)],
    /// What opens coupons.
    pub coupon_windows: &'a [CouponWindowEntry<'a>],
    /// The largest footprint that counts, and the discount in percent.
    pub green: Option<(u64, u64)>,
    /// In which order discounts are taken.
    pub order_of_discounts: &'a [Discount],
    /// The number of the campaign's last change, counted from 1.
    pub seq: u64,
}

/// What opens a coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponWindowEntry<'a> {
    /// What the buyer does.
    pub event: &'a str,
    /// What the coupon takes off, in percent.
    pub percent_off: u64,
    /// How long it can be used, in seconds.
    pub window_s: u64,
    /// The SKUs it can be used on; none is all.
    pub skus: Option<Vec<&'a str>>,
}

impl CampaignMap<'_> {
    /// Writes it as a map of 13 fields.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.map(13);
        text(writer, "campaign", Some(self.campaign));
        text(writer, "title", Some(self.title));
        text(writer, "state", Some(self.state.word()));
        text(writer, "currency", self.currency);
        number(writer, "starts_at", self.starts_at);
        number(writer, "ends_at", self.ends_at);
        writer.bulk("skus");
        texts(writer, self.skus);
        number(writer, "per_buyer_limit", self.per_buyer_limit);
        writer.bulk("thresholds");
        writer.array(self.thresholds.len());
        self.thresholds.iter().for_each(|(spend, off)| pair(writer, *spend, *off));
        writer.bulk("coupon_windows");
        writer.array(self.coupon_windows.len());
        for CouponWindowEntry { event, percent_off, window_s, skus } in self.coupon_windows {
            writer.array(4);
            writer.bulk(event);
            writer.uint(*percent_off);
            writer.uint(*window_s);
            match skus {
                Some(skus) => texts(writer, skus),
                None => writer.null(),
            }
        }
        writer.bulk("green");
        match self.green {
            Some((max_carbon_g, percent_off)) => pair(writer, max_carbon_g, percent_off),
            None => writer.null(),
        }
        writer.bulk("order_of_discounts");
        writer.array(self.order_of_discounts.len());
        self.order_of_discounts.iter().for_each(|discount| writer.bulk(discount.word()));
        number(writer, "seq", Some(self.seq));
    }
}

fn texts(writer: &mut Writer<'_>, texts: &[&str]) {
    writer.array(texts.len());
    texts.iter().for_each(|text| writer.bulk(text));
}

fn pair(writer: &mut Writer<'_>, first: u64, second: u64) {
    writer.array(2);
    writer.uint(first);
    writer.uint(second);
}
