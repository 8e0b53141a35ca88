//! The books of a SKU or a campaign.

use super::{number, text};
use crate::resp::Writer;
use crate::status::{OrderState, Status};

/// One number for each order state, in the order of [`OrderState::ALL`].
pub type ByOrderState = [u64; OrderState::ALL.len()];

/// What a report is about: the first field of its map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportOf<'a> {
    /// A SKU, by name.
    Sku(&'a str),
    /// A campaign, by name: the sums over its SKUs.
    Campaign(&'a str),
}

/// The answer to `REPORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportMap<'a> {
    /// What it is about.
    pub of: ReportOf<'a>,
    /// All units: available, reserved and sold.
    pub total: u64,
    /// Units that can be reserved.
    pub available: u64,
    /// Units held by orders that are not paid yet.
    pub reserved: u64,
    /// Units paid for.
    pub sold: u64,
    /// Orders in each state.
    pub orders: ByOrderState,
    /// Units of the orders in each state.
    pub units: ByOrderState,
    /// Money of the orders in each state.
    pub money: ByOrderState,
    /// ISO 4217 code; none for a campaign without SKUs.
    pub currency: Option<&'a str>,
    /// How often each status was the answer to a command that changed nothing, since the server started.
    pub rejections: &'a [(Status, u64)],
    /// When the first order was paid.
    pub first_sale_at: Option<u64>,
    /// When the last order was paid.
    pub last_sale_at: Option<u64>,
    /// Buyers who ever paid for an order of it.
    pub first_time_buyers: u64,
    /// Whether the counts agree with the orders.
    pub balanced: bool,
    /// Ids of its stores, and the total, available, reserved and sold units of each; only for a SKU with stores.
    pub stores: &'a [(&'a str, [u64; 4])],
}

impl ReportMap<'_> {
    /// Writes it as a map of 14 fields, or 15 with stores.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.map(14 + usize::from(!self.stores.is_empty()));
        match self.of {
            ReportOf::Sku(sku) => text(writer, "sku", Some(sku)),
            ReportOf::Campaign(campaign) => text(writer, "campaign", Some(campaign)),
        }
        number(writer, "total", Some(self.total));
        number(writer, "available", Some(self.available));
        number(writer, "reserved", Some(self.reserved));
        number(writer, "sold", Some(self.sold));
        by_state(writer, "orders", &self.orders);
        by_state(writer, "units", &self.units);
        by_state(writer, "money", &self.money);
        text(writer, "currency", self.currency);
        writer.bulk("rejections");
        writer.map(self.rejections.len());
        for (status, count) in self.rejections {
            number(writer, status.word(), Some(*count));
        }
        number(writer, "first_sale_at", self.first_sale_at);
        number(writer, "last_sale_at", self.last_sale_at);
        number(writer, "first_time_buyers", Some(self.first_time_buyers));
        number(writer, "balanced", Some(self.balanced.into()));
        if !self.stores.is_empty() {
            writer.bulk("stores");
            writer.array(self.stores.len());
            for (id, counts) in self.stores {
                writer.array(1 + counts.len());
                writer.bulk(id);
                counts.iter().for_each(|count| writer.uint(*count));
            }
        }
    }
}

fn by_state(writer: &mut Writer<'_>, name: &str, values: &ByOrderState) {
    writer.bulk(name);
    writer.map(values.len());
    for (state, value) in OrderState::ALL.iter().zip(values) {
        number(writer, state.word(), Some(*value));
    }
}
