//! How much the feed is used: what readers count, for `/status` and `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tidegate_persistence::Powers;

use crate::metrics::ReadsReading;

/// What readers count. They never wait for who looks.
#[derive(Debug, Default)]
pub(super) struct Usage {
    waiting_readers: Arc<AtomicU64>,
    queued: AtomicU64,
    queued_nanos: AtomicU64,
    failed: AtomicU64,
    durations: Mutex<Powers>,
    read: AtomicU64,
    delivered: AtomicU64,
}

/// One more, for as long as it lives.
pub(super) struct Present<'a>(&'a AtomicU64);

impl<'a> Present<'a> {
    pub(super) fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Usage {
    /// The count of readers that wait for an entry.
    pub(super) fn waiting_readers(&self) -> &Arc<AtomicU64> {
        &self.waiting_readers
    }

    /// Waits for a place to read in.
    pub(super) async fn queue<T>(&self, place: impl Future<Output = T>) -> T {
        let (_present, since) = (Present::new(&self.queued), Instant::now());
        let place = place.await;
        self.queued_nanos.fetch_add(nanos(since.elapsed()), Ordering::Relaxed);
        place
    }

    /// A read ended.
    pub(super) fn done(&self, took: Duration, is_well: bool) {
        self.durations.lock().record_n(nanos(took), 1);
        self.failed.fetch_add(u64::from(!is_well), Ordering::Relaxed);
    }

    /// Entries were read from the journal for somebody.
    pub(super) fn read(&self, entries: usize) {
        self.read.fetch_add(entries as u64, Ordering::Relaxed);
    }

    /// Entries were delivered to a consumer group for the first time.
    pub(super) fn delivered(&self, entries: usize) {
        self.delivered.fetch_add(entries as u64, Ordering::Relaxed);
    }

    /// Readers that wait for an entry.
    pub(super) fn blocked(&self) -> u64 {
        self.waiting_readers.load(Ordering::Relaxed)
    }

    /// Entries that were read, and that were delivered.
    pub(super) fn entries(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.delivered.load(Ordering::Relaxed))
    }

    /// Reads, with so many places of which so many are free.
    pub(super) fn reads(&self, limit: usize, free: usize) -> ReadsReading {
        ReadsReading {
            limit: limit as u64,
            running: limit.saturating_sub(free) as u64,
            waiting: self.queued.load(Ordering::Relaxed),
            waited: Duration::from_nanos(self.queued_nanos.load(Ordering::Relaxed)),
            failed: self.failed.load(Ordering::Relaxed),
            durations: self.durations.lock().clone(),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
