//! What a run is asked to do.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::choice::{Action, Mix};
use crate::error::LoadError;

/// What is behind the target address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// Tidegate.
    Tidegate,
    /// A Redis, driven with the usual flash-sale script.
    RedisLua,
}

impl TargetKind {
    /// The word for it in `--target-kind`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tidegate => "tidegate",
            Self::RedisLua => "redis-lua",
        }
    }

    /// The command that an action is on this target.
    pub fn command(self, action: Action) -> &'static str {
        match (self, action) {
            (Self::Tidegate, Action::Reserve) => "ORDER.RESERVE",
            (Self::Tidegate, Action::Get) => "SKU.GET",
            (Self::RedisLua, Action::Reserve) => "EVALSHA",
            (Self::RedisLua, Action::Get) => "GET",
            (_, Action::Pay) => "ORDER.PAY",
            (_, Action::Cancel) => "ORDER.CANCEL",
        }
    }
}

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// So many a second, whether or not the server keeps up; latency counts from the scheduled time.
    Open {
        /// Requests a second.
        rate: u64,
    },
    /// The next one as soon as one is answered: connections x pipeline are always in flight.
    Closed,
}

/// A run. [`RunConfig::new`] has the defaults of the command line.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// Address of the server, `host:port`.
    pub target: String,
    /// What it is.
    pub kind: TargetKind,
    /// Open or closed loop.
    pub pace: Pace,
    /// Measured time, after the warm-up.
    pub duration: Duration,
    /// Time at the start that is loaded but not measured.
    pub warmup: Duration,
    /// End after this many requests, warm-up included, if that is before the time is over.
    pub requests: Option<u64>,
    /// Connections, over all threads.
    pub connections: u32,
    /// Most requests in flight on one connection.
    pub pipeline: u32,
    /// Shares of the actions.
    pub mix: Mix,
    /// Number of SKUs.
    pub skus: u32,
    /// Exponent of the zipf choice of SKUs; uniform if absent.
    pub zipf: Option<f64>,
    /// Number of buyers.
    pub buyers: u32,
    /// Units of each SKU.
    pub stock: u64,
    /// Units per buyer and SKU; 0 for no limit.
    pub per_buyer_limit: u32,
    /// Names of the SKUs begin with this. A run needs SKUs that nobody sold from before.
    pub prefix: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Worker threads.
    pub threads: u32,
    /// Accepted orders that are read back one by one at the end.
    pub read_back: u32,
}

/// The unit price of every SKU of a run, in minor units.
pub(crate) const UNIT_PRICE: u64 = 1_000;
/// Their currency.
pub(crate) const CURRENCY: &str = "GBP";
/// How long the answers of the last requests are waited for.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);

impl RunConfig {
    /// A closed-loop run with the defaults of the command line.
    pub fn new(target: impl Into<String>) -> Result<Self, LoadError> {
        Ok(Self {
            target: target.into(),
            kind: TargetKind::Tidegate,
            pace: Pace::Closed,
            duration: Duration::from_secs(10),
            warmup: Duration::ZERO,
            requests: None,
            connections: 50,
            pipeline: 64,
            mix: Mix::parse("reserve=20,get=80")?,
            skus: 1_000,
            zipf: None,
            buyers: 1_000_000,
            stock: 10_000,
            per_buyer_limit: 0,
            prefix: fresh_prefix(),
            seed: 1,
            threads: 1,
            read_back: 1_000,
        })
    }

    /// The name of a SKU.
    pub fn sku_name(&self, index: u32) -> String {
        format!("{}{index}", self.prefix)
    }

    pub(crate) fn validate(&self) -> Result<(), LoadError> {
        let within = |name: &str, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(LoadError::Config(format!("{name} is {value}, it must be {least} to {most}")))
            }
        };
        if let Pace::Open { rate } = self.pace {
            within("--rate", rate, 1, 100_000_000)?;
        }
        within("--duration (in milliseconds)", self.duration.as_millis() as u64, 1, 7 * 86_400_000)?;
        within("--warmup (in milliseconds)", self.warmup.as_millis() as u64, 0, 86_400_000)?;
        within("--connections", self.connections.into(), 1, 10_000)?;
        within("--pipeline", self.pipeline.into(), 1, 10_000)?;
        within("--skus", self.skus.into(), 1, 1_000_000)?;
        within("--buyers", self.buyers.into(), 1, u32::MAX.into())?;
        within("--stock", self.stock, 1, 1_000_000_000_000)?;
        within("--threads", self.threads.into(), 1, u64::from(self.connections.min(64)))?;
        within("--read-back", self.read_back.into(), 0, 1_000_000)?;
        if let Some(requests) = self.requests {
            within("--requests", requests, 1, u64::MAX)?;
        }
        if self.zipf.is_some_and(|exponent| !(0.0..=10.0).contains(&exponent)) {
            return Err(LoadError::Config("--zipf must be 0 to 10".to_owned()));
        }
        let name = self.sku_name(self.skus - 1);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.len() > 64 || !name.bytes().all(allowed) {
            return Err(LoadError::Config(format!(
                "--prefix '{}' makes the SKU name '{name}'; a name has at most 64 of the characters A-Z a-z 0-9 . _ -",
                self.prefix
            )));
        }
        if self.kind == TargetKind::RedisLua && self.mix.acts_on_orders() {
            return Err(LoadError::Config(
                "--target-kind redis-lua knows reserve and get only; leave pay and cancel out of --mix"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// A prefix that no earlier run on this server had: the milliseconds of the clock.
pub fn fresh_prefix() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("lg{:x}-", now.as_millis())
}
