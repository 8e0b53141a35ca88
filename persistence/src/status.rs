//! How the journal is doing, in numbers.

use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use crate::{EpochNumber, SnapshotInfo};

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
}

/// One commit's figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    pub(crate) bytes: usize,
    pub(crate) took: Duration,
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

fn micros(time: Duration) -> u64 {
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
