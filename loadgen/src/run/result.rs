//! What a run found out, as it is printed and written as JSON (`schema/result.schema.json`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::config::{Pace, RunConfig};
use crate::ledger::Verdict;
use crate::outcome::CommandResult;

/// The form of the JSON: changed when a field changes its meaning or goes away.
pub(crate) const FORMAT: &str = "tidegate-loadgen.result.v1";

/// The result of [`super::run()`].
#[derive(Debug, Clone, Serialize)]
pub struct RunResult {
    /// `tidegate-loadgen.result.v1`.
    pub format: &'static str,
    /// The generator's version.
    pub version: &'static str,
    /// What was asked for.
    pub config: ConfigSummary,
    /// Rates.
    pub throughput: Throughput,
    /// Requests by what became of them, warm-up included.
    pub requests: RequestCounts,
    /// Per command: latencies and answers.
    pub commands: BTreeMap<String, CommandResult>,
    /// Whether the sale adds up.
    pub verdict: Verdict,
}

/// The options of the run.
#[derive(Debug, Clone, Serialize)]
pub struct ConfigSummary {
    /// Address.
    pub target: String,
    /// `tidegate` or `redis-lua`.
    pub target_kind: &'static str,
    /// `open` or `closed`.
    pub loop_kind: &'static str,
    /// Seconds.
    pub duration_s: f64,
    /// Seconds.
    pub warmup_s: f64,
    /// Connections over all threads.
    pub connections: u32,
    /// Most requests in flight on a connection.
    pub pipeline: u32,
    /// Shares of the actions.
    pub mix: String,
    /// SKUs.
    pub skus: u32,
    /// Zipf exponent, or null for uniform.
    pub zipf: Option<f64>,
    /// Buyers.
    pub buyers: u32,
    /// Units of each SKU.
    pub stock: u64,
    /// Units per buyer, 0 for no limit.
    pub per_buyer_limit: u32,
    /// What the SKU names begin with.
    pub prefix: String,
    /// Seed.
    pub seed: u64,
    /// Threads.
    pub threads: u32,
}

impl From<&RunConfig> for ConfigSummary {
    fn from(config: &RunConfig) -> Self {
        Self {
            target: config.target.clone(),
            target_kind: config.kind.word(),
            loop_kind: if config.pace == Pace::Closed { "closed" } else { "open" },
            duration_s: config.duration.as_secs_f64(),
            warmup_s: config.warmup.as_secs_f64(),
            connections: config.connections,
            pipeline: config.pipeline,
            mix: config.mix.to_string(),
            skus: config.skus,
            zipf: config.zipf,
            buyers: config.buyers,
            stock: config.stock,
            per_buyer_limit: config.per_buyer_limit,
            prefix: config.prefix.clone(),
            seed: config.seed,
            threads: config.threads,
        }
    }
}

/// Rates of a run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Throughput {
    /// Requests a second asked for; null in a closed loop.
    pub asked_per_s: Option<u64>,
    /// Answers a second inside the measured window.
    pub achieved_per_s: f64,
    /// Whether at least 99 % of the asked rate was achieved; null in a closed loop.
    pub held: Option<bool>,
    /// Length of the measured window in seconds.
    pub window_s: f64,
    /// Processor time of the generator divided by the time of the load: 1 is one core. Null where the system does
    /// not tell.
    pub generator_cores: Option<f64>,
}

impl Throughput {
    /// Compares what was achieved with what was asked.
    pub(crate) fn new(asked: Option<u64>, answered: u64, window_s: f64) -> Self {
        let achieved = if window_s > 0.0 { answered as f64 / window_s } else { 0.0 };
        Self {
            asked_per_s: asked,
            achieved_per_s: achieved,
            held: asked.map(|asked| achieved >= asked as f64 * 0.99),
            window_s,
            generator_cores: None,
        }
    }
}

/// Requests by what became of them.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct RequestCounts {
    /// Requests sent.
    pub sent: u64,
    /// Requests answered.
    pub answered: u64,
    /// Requests sent and never answered; writes among them are unknown to the ledger.
    pub unanswered: u64,
    /// Requests that were due and that the generator could not send, because the server left it no place.
    pub unsent: u64,
    /// Connections that broke.
    pub lost_connections: u64,
    /// RESP errors among the answers.
    pub errors: u64,
}
