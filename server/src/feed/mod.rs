//! The feed: every event that matters downstream, read as a Redis stream.
//!
//! Nothing is stored for it: entries are written from the journal's events when they are read, on threads that may wait
//! for the disk. What an event does not say is asked of whoever it happened to, once for many entries.

mod answer;
mod budget;
mod call;
mod count;
mod deliver;
mod groups;
mod info;
mod look;
mod page;
mod place;
mod reply;
mod scene;
mod seats;
mod tail;
mod usage;
mod waiters;
mod wanted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use parking_lot::Mutex;
use tidegate_actors::{Fault, House};
use tidegate_persistence::{ChainError, CodecError, Reader};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

pub(crate) use call::FeedCall;
pub(crate) use reply::id;

use crate::config;
use crate::metrics::GroupReading;
use crate::pool::{Loan, OWN_BYTES};
use budget::Budget;
use count::Count;
use deliver::Turn;
use seats::Seats;
use tail::Tail;
use usage::Usage;
use waiters::Waiters;

/// The one stream there is.
pub(crate) const STREAM: &str = "orders";

/// Everything that reads the feed.
pub(crate) struct Feed {
    reader: Arc<Reader>,
    house: Arc<House>,
    seats: Seats,
    limits: config::Feed,
    /// What entries name as their source: with an entry's id its name wherever it goes.
    source: Arc<str>,
    /// The most bytes of entries in one reply; the first may go beyond it.
    max_page_bytes: usize,
    /// Notified after every commit.
    moved: Arc<Notify>,
    waiters: Arc<Waiters>,
    tail: Tail,
    permits: Arc<Semaphore>,
    count: Arc<tokio::sync::Mutex<Count>>,
    /// One for each consumer group that was read for.
    turns: DashMap<Box<str>, Arc<Turn>>,
    /// What a client is told to wait when it has to come again.
    retry: Duration,
    usage: Usage,
    /// When groups were last looked at for the status. Locked while somebody looks.
    looked_at: Arc<tokio::sync::Mutex<Option<Instant>>>,
    /// What was seen then.
    told: Mutex<Arc<[GroupReading]>>,
}

impl Feed {
    pub(crate) fn new(
        reader: Reader,
        house: Arc<House>,
        limits: config::Feed,
        source: Arc<str>,
        (max_page_bytes, retry): (usize, Duration),
    ) -> Arc<Self> {
        let (moved, waiters) = (Arc::<Notify>::default(), Arc::<Waiters>::default());
        let reader = Arc::new(reader);
        let (wake, wake_waiters) = (Arc::clone(&moved), Arc::clone(&waiters));
        // What the journal calls must not keep the journal.
        let durable = Arc::downgrade(&reader);
        reader.on_durable(Arc::new(move || {
            wake.notify_waiters();
            if let Some(reader) = durable.upgrade() {
                // When the journal has failed, nobody waits for anything.
                wake_waiters.wake(reader.failed().map_or(reader.durable_sequence(), |_| u64::MAX));
            }
        }));
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(limits.reads_at_once)),
            reader,
            house,
            seats: Seats::default(),
            limits,
            source,
            max_page_bytes,
            moved,
            waiters,
            tail: Tail::default(),
            count: Arc::default(),
            turns: DashMap::default(),
            retry,
            usage: Usage::default(),
            looked_at: Arc::default(),
            told: Mutex::default(),
        })
    }

    /// What entries name as their source.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// How much fits into one page.
    fn budget(&self) -> Budget {
        Budget::new(self.limits.max_entries_per_read, self.max_page_bytes)
    }

    /// How much fits into one reply to a client: a little, and more if it is lent for that.
    fn budget_with(&self, loan: &Arc<Loan>) -> Budget {
        let bytes = self.max_page_bytes.min(OWN_BYTES);
        Budget::new(self.limits.max_entries_per_read, bytes).or_more(Arc::clone(loan))
    }

    /// Runs something that reads the disk, on a thread that may wait for it. As many at once as the configuration says.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, FeedError> + Send + 'static,
    ) -> Result<T, FeedError> {
        let permit = self.permit().await;
        self.read_with(permit, work).await
    }

    /// Waits until one more may read the disk.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes it.
        self.usage.queue(Arc::clone(&self.permits).acquire_owned()).await.ok()
    }

    async fn read_with<T: Send + 'static>(
        self: &Arc<Self>,
        permit: Option<OwnedSemaphorePermit>,
        work: impl FnOnce(&Self) -> Result<T, FeedError> + Send + 'static,
    ) -> Result<T, FeedError> {
        let feed = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let (_permit, since) = (permit, Instant::now());
            let done = work(&feed);
            feed.usage.done(since.elapsed(), done.is_ok());
            done
        });
        done.await.unwrap_or(Err(FeedError::Panicked))
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

/// Why the feed can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// What was asked for is not kept any more.
    #[error(
        "the entries from {asked}-0 up to {oldest}-0 are not kept any more: read on from 0 or {oldest}-0, and compare with the orders themselves what happened before; journal.retention_epochs says how much is kept"
    )]
    Trimmed {
        /// The first entry that would have been read.
        asked: u64,
        /// The first that is kept.
        oldest: u64,
    },
    /// What a group would be delivered next is not kept any more.
    #[error(
        "group {group} fell behind: the entries from {asked}-0 up to {oldest}-0 are not kept any more; XGROUP SETID {STREAM} {group} 0 lets it go on with {oldest}-0, and journal.retention_epochs says how much is kept"
    )]
    GroupTrimmed {
        /// The group.
        group: Box<str>,
        /// The first entry that would have been delivered.
        asked: u64,
        /// The first that is kept.
        oldest: u64,
    },
    /// The journal can't be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// An event can't be read.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Whoever has to be asked about an entry can't be.
    #[error(
        "entry {sequence}-0 needs {name}, which can't be asked: {fault}; entries behind it can be read from {sequence}-0 on"
    )]
    Unasked {
        /// The entry.
        sequence: u64,
        /// The SKU or campaign.
        name: Box<str>,
        /// Why not.
        fault: Fault,
    },
    /// The journal speaks of somebody nobody knows.
    #[error("entry {0}-0 is of nobody that is known here; please report this as a defect")]
    Unknown(u64),
    /// Reading panicked.
    #[error("the feed could not be read because of a defect; the log says more, please report it")]
    Panicked,
}
