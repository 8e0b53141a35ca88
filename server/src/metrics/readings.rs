//! What `/metrics` tells beyond the status: asked of the parts when it is scraped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate_actors::{Census, LoadReading};
use tidegate_persistence::{JournalMeasures, Powers};

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

/// How the feed is used, and how its consumer groups stand.
#[derive(Debug, Clone, Default)]
pub struct FeedReading {
    /// Consumer groups.
    pub groups: u64,
    /// `feed.max_groups`
    pub groups_limit: u64,
    /// `feed.max_pending_per_group`
    pub pending_limit: u64,
    /// Readers that wait for an entry.
    pub waiting_readers: u64,
    /// Reads of the disk.
    pub reads: ReadsReading,
    /// Entries read from the journal for somebody.
    pub entries_read: u64,
    /// Entries delivered to consumer groups for the first time.
    pub entries_delivered: u64,
    /// The groups that are told of by name.
    pub told: Arc<[GroupReading]>,
}

/// Reads of the feed from the disk.
#[derive(Debug, Clone, Default)]
pub struct ReadsReading {
    /// `feed.reads_at_once`
    pub limit: u64,
    /// Those that run.
    pub running: u64,
    /// Those that wait for a place.
    pub waiting: u64,
    /// How long all have waited for one.
    pub waited: Duration,
    /// Those that ended with an error.
    pub failed: u64,
    /// How long they took, in nanoseconds.
    pub durations: Powers,
}

/// One consumer group.
#[derive(Debug, Clone, Default)]
pub struct GroupReading {
    /// Its name.
    pub name: Box<str>,
    /// Its consumers.
    pub consumers: u64,
    /// Entries delivered and not acknowledged.
    pub pending: u64,
    /// Time since the first of them was last delivered; 0 if there is none.
    pub oldest_idle: Duration,
    /// Entries still to be delivered; `None` if they could not be counted in time.
    pub lag: Option<u64>,
}
