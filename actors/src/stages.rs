//! Where a body's time went, on its way from the edge through an actor and the journal.

use std::time::{Duration, Instant};

/// How long a body was where, in nanoseconds: small, because it travels with every body. The clock is read once for each
/// turn's beginning and end and once for each commit, never for each command.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stages {
    /// When it was sent; after its turn, when that ended.
    since: Option<Instant>,
    mailbox: u64,
    /// 0: it had none.
    turn: u64,
    journal: u64,
    sync: u64,
}

impl Stages {
    pub(crate) fn sent(at: Instant) -> Self {
        Self { since: Some(at), ..Self::default() }
    }

    /// Its turn began and ended.
    pub(crate) fn turned(&mut self, began: Instant, ended: Instant) {
        // Who did not say when it was sent is not asked how long it waited.
        self.mailbox = self.since.map_or(0, |sent| nanos(sent, began));
        self.turn = nanos(began, ended).max(1);
        self.since = Some(ended);
    }

    /// Everything that it waited for is durable; the last sync took so long.
    pub(crate) fn durable(&mut self, now: Instant, sync: Duration) {
        self.journal = self.since.map_or(0, |turned| nanos(turned, now));
        self.sync = u64::try_from(sync.as_nanos()).unwrap_or(u64::MAX).min(self.journal);
    }

    /// From being sent until its turn; `None` if it had none.
    #[must_use]
    pub fn mailbox(&self) -> Option<Duration> {
        (self.turn > 0).then(|| Duration::from_nanos(self.mailbox))
    }

    /// Its turn: all its commands judged and applied.
    #[must_use]
    pub fn turn(&self) -> Duration {
        Duration::from_nanos(self.turn)
    }

    /// From the end of its turn until everything that its replies reflect was durable. Zero if it was by then.
    #[must_use]
    pub fn journal(&self) -> Duration {
        Duration::from_nanos(self.journal)
    }

    /// What of that the disk took, in the commit that it waited for last.
    #[must_use]
    pub fn sync(&self) -> Duration {
        Duration::from_nanos(self.sync)
    }
}

fn nanos(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}
