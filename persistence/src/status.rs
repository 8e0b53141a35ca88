//! How the journal is doing, in numbers.

use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use crate::{EpochNumber, Powers, SnapshotInfo};

/// The state of a running journal.
#[derive(Clone, Debug)]
pub struct JournalStatus {
    /// The sequence of the last durable event; 0 if there is none.
    pub durable_sequence: u64,
    /// Groups submitted and not durable yet.
    pub groups_in_flight: u64,
    /// Their bytes.
    pub bytes_in_flight: u64,
    /// Commits since the start.
    pub commits: u64,
    /// Bytes of a commit, header included.
    pub commit_bytes: Percentiles,
    /// Microseconds from taking a commit's first group to its being durable.
    pub commit_us: Percentiles,
    /// Microseconds of that spent on making it durable.
    pub sync_us: Percentiles,
    /// The epoch that is written to.
    pub epoch: EpochNumber,
    /// The bytes of its blocks.
    pub epoch_bytes: u64,
    /// The newest snapshot.
    pub snapshot: Option<SnapshotInfo>,
    /// Whether one is being made.
    pub snapshot_running: bool,
    /// Why nothing is acknowledged any more.
    pub failed: Option<String>,
    /// The last trouble that does not stop the journal: a snapshot, a mark or a new epoch that could not be made.
    pub trouble: Option<String>,
}

/// A distribution. All zero if there was nothing to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// The median.
    pub p50: u64,
    /// 90 of 100 are at most this.
    pub p90: u64,
    /// 99 of 100 are at most this.
    pub p99: u64,
    /// 999 of 1,000 are at most this.
    pub p999: u64,
    /// The largest.
    pub max: u64,
}

/// What the journal counted since the start, for a monitoring system.
#[derive(Clone, Debug, Default)]
pub struct JournalMeasures {
    /// Groups that the writer's thread has not taken yet.
    pub waiting_groups: u64,
    /// Events made durable.
    pub events: u64,
    /// Bytes of each commit, header included.
    pub commit_bytes: Powers,
    /// Groups of each commit.
    pub commit_groups: Powers,
    /// Microseconds from taking a commit's first group to its being durable.
    pub commit_us: Powers,
    /// Microseconds of that spent on writing.
    pub append_us: Powers,
    /// Microseconds of that spent on making it durable.
    pub sync_us: Powers,
    /// Size of the newest snapshot's file; 0 if there is none.
    pub snapshot_bytes: u64,
    /// Actors in the newest snapshot.
    pub snapshot_actors: u64,
    /// What went on beside the writer.
    pub keeper: KeeperCounts,
}

/// What went on beside the writer since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeeperCounts {
    /// Snapshots made.
    pub snapshots: u64,
    /// Snapshots that could not be made.
    pub failed_snapshots: u64,
    /// How long the last snapshot took.
    pub snapshot_took: Duration,
    /// When the last snapshot was finished; `None` if none was made since the start.
    pub snapshot_at: Option<SystemTime>,
    /// Epochs made.
    pub epochs: u64,
    /// Epochs that could not be made.
    pub failed_epochs: u64,
    /// Epochs deleted.
    pub removed_epochs: u64,
    /// Times that old snapshots or epochs could not be deleted.
    pub failed_removals: u64,
    /// High-water marks written.
    pub marks: u64,
    /// High-water marks that could not be written.
    pub failed_marks: u64,
}

/// What the writer measures. Its thread takes the lock once a commit; actors never do.
#[derive(Debug)]
pub(crate) struct Measured {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    commit_bytes: Option<Histogram<u64>>,
    commit_us: Option<Histogram<u64>>,
    sync_us: Option<Histogram<u64>>,
    commits: u64,
    epoch: EpochNumber,
    epoch_bytes: u64,
    measures: JournalMeasures,
}

/// One commit's figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    pub(crate) bytes: usize,
    pub(crate) groups: u64,
    pub(crate) events: u64,
    pub(crate) took: Duration,
    pub(crate) append: Duration,
    pub(crate) sync: Duration,
}

impl Measured {
    pub(crate) fn new(epoch: EpochNumber, epoch_bytes: u64) -> Self {
        // Up to an hour or 4 GiB; two digits are enough and keep each table at about 30 kilobytes.
        let histogram = || Histogram::new_with_max(1 << 32, 2).ok();
        Self {
            inner: Mutex::new(Inner {
                commit_bytes: histogram(),
                commit_us: histogram(),
                sync_us: histogram(),
                commits: 0,
                epoch,
                epoch_bytes,
                measures: JournalMeasures::default(),
            }),
        }
    }

    pub(crate) fn commit(&self, commit: Commit, epoch: EpochNumber, epoch_bytes: u64) {
        let mut inner = self.inner.lock();
        inner.commits += 1;
        inner.epoch = epoch;
        inner.epoch_bytes = epoch_bytes;
        record(&mut inner.commit_bytes, commit.bytes as u64);
        record(&mut inner.commit_us, micros(commit.took));
        record(&mut inner.sync_us, micros(commit.sync));
        let measures = &mut inner.measures;
        measures.events += commit.events;
        measures.commit_bytes.record_n(commit.bytes as u64, 1);
        measures.commit_groups.record_n(commit.groups, 1);
        measures.commit_us.record_n(micros(commit.took), 1);
        measures.append_us.record_n(micros(commit.append), 1);
        measures.sync_us.record_n(micros(commit.sync), 1);
    }

    /// What was counted here since the start.
    pub(crate) fn measures(&self) -> JournalMeasures {
        self.inner.lock().measures.clone()
    }

    /// Fills in what is measured here.
    pub(crate) fn report(&self, status: &mut JournalStatus) {
        let inner = self.inner.lock();
        status.commits = inner.commits;
        status.epoch = inner.epoch;
        status.epoch_bytes = inner.epoch_bytes;
        status.commit_bytes = percentiles(inner.commit_bytes.as_ref());
        status.commit_us = percentiles(inner.commit_us.as_ref());
        status.sync_us = percentiles(inner.sync_us.as_ref());
    }
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn record(histogram: &mut Option<Histogram<u64>>, value: u64) {
    if let Some(histogram) = histogram {
        histogram.saturating_record(value);
    }
}

fn percentiles(histogram: Option<&Histogram<u64>>) -> Percentiles {
    let Some(histogram) = histogram.filter(|histogram| !histogram.is_empty()) else {
        return Percentiles::default();
    };
    Percentiles {
        count: histogram.len(),
        p50: histogram.value_at_quantile(0.5),
        p90: histogram.value_at_quantile(0.9),
        p99: histogram.value_at_quantile(0.99),
        p999: histogram.value_at_quantile(0.999),
        max: histogram.max(),
    }
}
