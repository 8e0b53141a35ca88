//! What a replay found out.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::ledger::Verdict;
use crate::outcome::CommandResult;
use crate::run::{RequestCounts, Throughput};

/// The result of [`super::replay()`].
#[derive(Debug, Clone, Serialize)]
pub struct ReplayResult {
    /// `tidegate-loadgen.replay.v1`.
    pub format: &'static str,
    /// The generator's version.
    pub version: &'static str,
    /// Where the purchases come from, and under which licence.
    pub source: String,
    /// Currency of all money.
    pub currency: String,
    /// Length of the trace in milliseconds.
    pub trace_ms: u64,
    /// Requests a second; the window is the whole replay.
    pub throughput: Throughput,
    /// Requests by what became of them.
    pub requests: RequestCounts,
    /// Per command: latencies and answers.
    pub commands: BTreeMap<String, CommandResult>,
    /// Purchases in the trace.
    pub purchases: u64,
    /// Cancellations in the trace whose purchase was not open, because it had been refused.
    pub nothing_to_cancel: u64,
    /// Per SKU, in the order of the trace.
    pub skus: Vec<SkuResult>,
    /// Whether the sale adds up.
    pub verdict: Verdict,
}

/// What became of one SKU.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SkuResult {
    /// Its name on the server.
    pub sku: String,
    /// What it is.
    pub title: String,
    /// The day it was sold on, `YYYY-MM-DD`.
    pub day: String,
    /// The price of a unit, in minor units.
    pub price: u64,
    /// Units asked for.
    pub asked_units: u64,
    /// Purchases that were answered `SOLD_OUT`, and their units.
    pub refused_lines: u64,
    /// Units of those.
    pub refused_units: u64,
    /// Units of paid orders.
    pub sold_units: u64,
    /// Money of paid orders, in minor units.
    pub sold_money: u64,
    /// When the last unit was taken first, in milliseconds on the trace's clock.
    pub sold_out_at_ms: Option<u64>,
    /// The same as a date and time (UTC).
    pub sold_out_at: Option<String>,
    /// When somebody was refused first. Often earlier than the last unit: who wants twelve of three is refused.
    pub first_refused_at_ms: Option<u64>,
    /// Units put, as the server reports them.
    pub total: u64,
    /// Units free, as the server reports them.
    pub available: u64,
    /// Units held, as the server reports them.
    pub reserved: u64,
    /// Units sold, as the server reports them.
    pub sold: u64,
    /// Whether the server's report and the generator's ledger agree in every count.
    pub balanced: bool,
}

impl ReplayResult {
    /// The SKUs that sold most units, most first.
    pub fn best_by_units(&self, count: usize) -> Vec<&SkuResult> {
        self.best(count, |sku| sku.sold_units)
    }

    /// The SKUs that sold for most money, most first.
    pub fn best_by_money(&self, count: usize) -> Vec<&SkuResult> {
        self.best(count, |sku| sku.sold_money)
    }

    /// The SKUs whose last unit was taken, first sold-out first.
    pub fn sold_out(&self) -> Vec<&SkuResult> {
        let mut skus: Vec<_> = self.skus.iter().filter(|sku| sku.sold_out_at_ms.is_some()).collect();
        skus.sort_by_key(|sku| sku.sold_out_at_ms);
        skus
    }

    /// How many SKUs balance.
    pub fn balanced(&self) -> usize {
        self.skus.iter().filter(|sku| sku.balanced).count()
    }

    /// How often a status word was the answer, over all commands.
    pub fn answers(&self, word: &str) -> u64 {
        self.commands.values().filter_map(|command| command.outcomes.get(word)).sum()
    }

    fn best(&self, count: usize, key: fn(&SkuResult) -> u64) -> Vec<&SkuResult> {
        let mut skus: Vec<_> = self.skus.iter().filter(|sku| key(sku) > 0).collect();
        skus.sort_by_key(|sku| Reverse(key(sku)));
        skus.truncate(count);
        skus
    }
}
