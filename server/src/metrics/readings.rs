//! What `/metrics` tells beyond the status: asked of the parts when it is scraped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate_actors::{Census, LoadReading};
use tidegate_persistence::JournalMeasures;

use super::process::{ThreadGroup, ThreadReading};

/// Readings of a running server's parts, as far as they are there.
#[derive(Debug, Clone, Default)]
pub struct Readings {
    /// What is configured as the most of something.
    pub limits: LimitReadings,
    /// Each arbiter.
    pub arbiters: Vec<ArbiterReading>,
    /// All threads by kind.
    pub threads: BTreeMap<&'static str, ThreadGroup>,
    /// The sale in numbers; `None` before the server sells.
    pub census: Option<CensusReading>,
    /// The journal; `None` before it is replayed.
    pub journal: Option<JournalMeasures>,
    /// What the start replayed; `None` until it is done.
    pub replay: Option<ReplayReading>,
    /// Connections that ended, by reason.
    pub closed: Vec<(&'static str, u64)>,
    /// Times that a connection could not be accepted.
    pub accept_errors: u64,
    /// Actors rebuilt after a panic and back in service.
    pub rebuilt: u64,
    /// Times that the clock was set forward.
    pub clock_leaps: u64,
    /// Free bytes of the data directory's disk, and its size.
    pub disk: Option<(u64, u64)>,
}

/// What is configured as the most of something.
#[derive(Debug, Clone, Copy, Default)]
pub struct LimitReadings {
    /// `limits.max_connections`
    pub connections: u64,
    /// `limits.max_skus`
    pub skus: u64,
    /// `journal.max_inflight_bytes`
    pub inflight_bytes: u64,
    /// `journal.epoch_bytes`
    pub epoch_bytes: u64,
}

/// One arbiter.
#[derive(Debug, Clone, Copy, Default)]
pub struct ArbiterReading {
    /// What its actors counted.
    pub load: LoadReading,
    /// Its thread; `None` where the system doesn't tell.
    pub thread: Option<ThreadReading>,
}

/// The sale in numbers, as it was a moment ago.
#[derive(Debug, Clone)]
pub struct CensusReading {
    /// The numbers.
    pub census: Arc<Census>,
    /// How long ago they were taken.
    pub age: Duration,
    /// How long that took.
    pub took: Duration,
}

/// What a start replayed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplayReading {
    /// Blocks of the journal after the snapshot.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}
