//! The levels of a running server, asked for when someone looks.

use std::time::Duration;

use futures_util::future::{LocalBoxFuture, ready};

use super::{FeedReading, Percentiles, Readings};
use crate::push::HubStatus;

/// Whoever knows the levels: the composition root. Called on the HTTP thread for every health check, status
/// page and scrape, so it must answer at once from what is at hand: no waiting for an actor or the journal.
pub trait StatusSource: Send + Sync + 'static {
    /// The levels now.
    fn snapshot(&self) -> StatusSnapshot;

    /// What is read from the parts beside it, for a scrape. Whoever knows only the levels has nothing to add.
    fn readings(&self) -> Readings {
        Readings::default()
    }

    /// How the feed stands; `None` before it can be read. Its groups are asked, so this waits, but not for long.
    fn feed(&self) -> LocalBoxFuture<'static, Option<FeedReading>> {
        Box::pin(ready(None))
    }
}

/// How far the server is from selling, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Replaying the journal; commands are answered `LOADING`.
    Loading {
        /// Events replayed so far.
        replayed: u64,
    },
    /// Selling.
    Ready,
    /// Stopping: what was received is finished, new writes are answered `READONLY`.
    Draining,
    /// The journal failed: nothing is acknowledged any more, commands are answered `JOURNALFAIL`. Only a
    /// restart helps.
    JournalFailed {
        /// What the journal said.
        reason: String,
    },
}

/// The levels of a running server at one moment.
#[derive(Debug, Clone)]
pub struct StatusSnapshot {
    /// When the process started, in epoch milliseconds.
    pub started_at_ms: i64,
    /// Time since then, by a clock that doesn't jump.
    pub uptime: Duration,
    /// How far the server is from selling.
    pub readiness: Readiness,
    /// The SKUs' actors.
    pub actors: ActorsStatus,
    /// TCP connections.
    pub connections: ConnectionsStatus,
    /// The write-ahead log.
    pub journal: JournalStatus,
    /// The actors' queues.
    pub mailboxes: MailboxesStatus,
    /// What is pushed to subscribers.
    pub pushes: HubStatus,
    /// What the last start found and did; `None` until it is done.
    pub recovery: Option<Recovery>,
}

/// The SKUs' actors.
#[derive(Debug, Clone, Default)]
pub struct ActorsStatus {
    /// Threads they are spread over.
    pub arbiters: usize,
    /// SKUs that exist, each with one actor.
    pub skus: usize,
    /// Campaigns that exist, each with one actor.
    pub campaigns: usize,
    /// Names of the SKUs that are being rebuilt from snapshot and journal after a panic.
    pub rebuilding: Vec<String>,
    /// Names of the SKUs that are out of service, because the rebuild failed too; the others go on.
    pub quarantined: Vec<String>,
}

/// TCP connections.
#[derive(Debug, Clone, Default)]
pub struct ConnectionsStatus {
    /// Open now.
    pub open: usize,
    /// Accepted since the start.
    pub accepted: u64,
    /// Refused since the start, because `limits.max_connections` were open.
    pub refused: u64,
}

/// The write-ahead log.
#[derive(Debug, Clone, Default)]
pub struct JournalStatus {
    /// Sequence of the last event that is durable; 0 if there is none.
    pub durable_sequence: u64,
    /// Bytes handed over and not yet durable.
    pub lag_bytes: u64,
    /// Groups handed over and not yet durable.
    pub lag_groups: u64,
    /// The epoch being written.
    pub epoch: u64,
    /// Bytes of the epoch being written.
    pub epoch_bytes: u64,
    /// Sequence of the last event in the newest snapshot; `None` if there is no snapshot.
    pub snapshot_sequence: Option<u64>,
    /// Whether a snapshot is being made.
    pub snapshot_running: bool,
    /// Commits since the start.
    pub commits: u64,
    /// Bytes of a commit.
    pub commit_bytes: Percentiles,
    /// Microseconds from taking a commit's first group until it was durable.
    pub commit_us: Percentiles,
    /// Microseconds of that spent on making it durable.
    pub sync_us: Percentiles,
    /// The last trouble that did not stop the journal: a snapshot, a mark or a new epoch that could not be made.
    pub trouble: Option<String>,
}

/// The actors' queues, in groups of commands.
#[derive(Debug, Clone, Default)]
pub struct MailboxesStatus {
    /// Groups that fit into one mailbox.
    pub capacity: usize,
    /// Groups waiting in the fullest one.
    pub deepest: usize,
    /// Groups waiting in all of them.
    pub waiting: usize,
}

/// What a start found and did.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// The sequence of the snapshot it began with; `None` if there was none.
    pub snapshot_sequence: Option<u64>,
    /// Events replayed after it.
    pub replayed: u64,
    /// What an operator should know of it: a torn tail that was cut, a snapshot that was passed over.
    pub warnings: Vec<String>,
    /// How long it took.
    pub took: Duration,
}
