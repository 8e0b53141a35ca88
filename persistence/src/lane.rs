//! The way from one arbiter's actors to the journal and back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam::channel::Sender;
use crossbeam::utils::CachePadded;

use crate::group::EncodedGroup;
use crate::walk::Watcher;

/// Called by the writer's thread, once a commit, for each lane that had something in it, and for every lane when
/// the journal fails. It must return quickly.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A place in a lane: groups of one lane are numbered from 1 in the order they were submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What reaches the writer's thread.
#[derive(Debug)]
pub(crate) enum Message {
    Group { lane: u32, group: EncodedGroup },
    Stop,
}

/// What lanes and the writer share. No lock.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The last durable ticket of each lane.
    pub(crate) durable: Box<[CachePadded<AtomicU64>]>,
    pub(crate) durable_sequence: AtomicU64,
    pub(crate) bytes_in_flight: CachePadded<AtomicU64>,
    pub(crate) groups_in_flight: CachePadded<AtomicU64>,
    pub(crate) max_inflight_bytes: u64,
    /// Who else is told of each commit.
    pub(crate) watcher: OnceLock<Watcher>,
    /// How long the last commit took to be made durable, in microseconds.
    pub(crate) sync_us: AtomicU64,
    has_failed: AtomicBool,
    failure: OnceLock<String>,
}

impl Shared {
    pub(crate) fn new(lanes: usize, durable_sequence: u64, max_inflight_bytes: usize) -> Self {
        Self {
            durable: (0..lanes).map(|_| CachePadded::default()).collect(),
            durable_sequence: AtomicU64::new(durable_sequence),
            bytes_in_flight: CachePadded::default(),
            groups_in_flight: CachePadded::default(),
            max_inflight_bytes: max_inflight_bytes as u64,
            watcher: OnceLock::new(),
            sync_us: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
            failure: OnceLock::new(),
        }
    }

    /// Nothing is acknowledged from now on. The first reason stays.
    pub(crate) fn fail(&self, reason: String) {
        self.failure.get_or_init(|| reason);
        self.has_failed.store(true, Ordering::Release);
    }

    /// Tells the watcher, if there is one.
    pub(crate) fn moved(&self) {
        if let Some(Watcher(wake)) = self.watcher.get() {
            wake();
        }
    }

    pub(crate) fn failed(&self) -> Option<&str> {
        if self.has_failed.load(Ordering::Acquire) { self.failure.get().map(String::as_str) } else { None }
    }
}

/// One arbiter's lane. All actors of one thread share it; it can be sent to that thread, not used by two.
#[derive(Debug)]
pub struct Lane {
    pub(crate) index: u32,
    pub(crate) submitted: AtomicU64,
    pub(crate) messages: Sender<Message>,
    pub(crate) shared: Arc<Shared>,
}

impl Lane {
    /// Hands a group to the writer. Never blocks and never fails; whether the group became durable is told by
    /// [`Self::durable`] alone.
    pub fn submit(&self, group: EncodedGroup) -> Ticket {
        // One thread submits; the atomic is there so that others may look.
        let ticket = Ticket(self.submitted.load(Ordering::Relaxed) + 1);
        self.submitted.store(ticket.0, Ordering::Relaxed);
        self.shared.bytes_in_flight.fetch_add(group.bytes().len() as u64, Ordering::Relaxed);
        self.shared.groups_in_flight.fetch_add(1, Ordering::Relaxed);
        // The writer is gone only after a failure or a stop: then this group is simply never durable.
        let _ = self.messages.send(Message::Group { lane: self.index, group });
        ticket
    }

    /// The last ticket of this lane that is durable, and with it every one before. Zero before the first.
    #[must_use]
    pub fn durable(&self) -> Ticket {
        Ticket(self.shared.durable[self.index as usize].load(Ordering::Acquire))
    }

    /// The last ticket that was given out. Zero before the first.
    #[must_use]
    pub fn submitted(&self) -> Ticket {
        Ticket(self.submitted.load(Ordering::Relaxed))
    }

    /// Whether a new turn may begin. If not, the actor refuses commands before it decides them.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.shared.bytes_in_flight.load(Ordering::Relaxed) <= self.shared.max_inflight_bytes
            && !self.shared.has_failed.load(Ordering::Relaxed)
    }

    /// How long the last commit took to be made durable.
    #[must_use]
    pub fn last_sync(&self) -> Duration {
        Duration::from_micros(self.shared.sync_us.load(Ordering::Relaxed))
    }

    /// Why nothing will be acknowledged any more, if so.
    #[must_use]
    pub fn failed(&self) -> Option<&str> {
        self.shared.failed()
    }

    /// The sequence of the last durable event of all lanes; 0 before the first.
    #[must_use]
    pub fn durable_sequence(&self) -> u64 {
        self.shared.durable_sequence.load(Ordering::Acquire)
    }
}
