//! The limits and sizes of a journal.

use std::time::Duration;

/// What can be set. Everything has a default that was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// A commit takes what is waiting until it has this many bytes. What one arbiter hands over at once may go beyond it.
    pub max_commit_bytes: usize,
    /// [`crate::Lane::has_room`] is false while more than this is waiting or being made durable.
    pub max_inflight_bytes: usize,
    /// An epoch of more bytes is closed and a new one begun.
    pub epoch_bytes: u64,
    /// How many closed epochs stay readable after a snapshot covers them, at least 1 (so that the snapshot before
    /// the newest one can stand in for it).
    pub retention_epochs: u32,
    /// A snapshot is made in passes, each over the actors of about this many events.
    pub snapshot_pass_events: u64,
    /// The high-water mark is written at most once in this time.
    pub mark_interval: Duration,
    /// What the storage may cache, for each open epoch.
    pub cache_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_commit_bytes: 1 << 20,
            max_inflight_bytes: 64 << 20,
            epoch_bytes: 512 << 20,
            retention_epochs: 2,
            snapshot_pass_events: 4_000_000,
            mark_interval: Duration::from_millis(20),
            cache_bytes: 32 << 20,
        }
    }
}

impl Options {
    /// Says what is wrong with these options, naming the field.
    ///
    /// # Errors
    /// The field and its bound.
    pub fn validate(&self) -> Result<(), OptionsError> {
        let checks = [
            ("max_commit_bytes", (4 << 10..=64 << 20).contains(&self.max_commit_bytes), "4 KiB to 64 MiB"),
            (
                "max_inflight_bytes",
                self.max_inflight_bytes >= self.max_commit_bytes,
                "at least max_commit_bytes",
            ),
            ("epoch_bytes", self.epoch_bytes >= 4 << 10, "at least 4 KiB"),
            ("retention_epochs", self.retention_epochs >= 1, "at least 1"),
            ("snapshot_pass_events", self.snapshot_pass_events >= 1, "at least 1"),
            ("cache_bytes", (1 << 20..=1 << 30).contains(&self.cache_bytes), "1 MiB to 1 GiB"),
        ];
        match checks.into_iter().find(|(_, holds, _)| !holds) {
            Some((field, _, bounds)) => Err(OptionsError { field, bounds }),
            None => Ok(()),
        }
    }
}

/// An option out of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: must be {bounds}")]
pub struct OptionsError {
    /// The option.
    pub field: &'static str,
    /// What it may be.
    pub bounds: &'static str,
}
