//! The way from one arbiter's actors to the journal and back.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam::utils::CachePadded;

use crate::group::EncodedGroups;
use crate::sync::{AtomicBool, AtomicU64, OnceLock, Sender};

/// Called by the writer's thread, once a commit, for each lane that had something in it, and for every lane when
/// the journal fails. It must return quickly.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A place in a lane: groups of one lane are numbered from 1 in the order they were submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What reaches the writer's thread.
#[derive(Debug)]
pub(crate) enum Message {
    Groups { lane: u32, groups: EncodedGroups },
    Stop,
}

/// Somebody who is told of commits.
struct Watcher(Wake);

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// A commit that is durable.
#[derive(Debug)]
pub(crate) struct Committed<'c> {
    /// How many groups of which lane.
    pub(crate) groups: &'c BTreeMap<u32, u64>,
    /// The bytes of all of them.
    pub(crate) bytes: u64,
    /// The sequence of its last event.
    pub(crate) sequence: u64,
    /// How long it took to be made durable, in microseconds.
    pub(crate) sync_us: u64,
}

/// What lanes and the writer share. No lock.
///
/// Whatever is published here is published before anybody is woken for it: whoever is woken and finds nothing goes back
/// to sleep, and is not woken for it again.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Told of each commit with something of their lane.
    lanes: Box<[Watcher]>,
    /// The last durable ticket of each lane.
    durable: Box<[CachePadded<AtomicU64>]>,
    durable_sequence: AtomicU64,
    bytes_in_flight: CachePadded<AtomicU64>,
    groups_in_flight: CachePadded<AtomicU64>,
    /// Those of them that are in the commit that is being made.
    groups_at_hand: AtomicU64,
    max_inflight_bytes: u64,
    /// Who else is told of each commit.
    watcher: OnceLock<Watcher>,
    /// How long the last commit took to be made durable, in microseconds.
    sync_us: AtomicU64,
    has_failed: AtomicBool,
    failure: OnceLock<String>,
}

impl Shared {
    /// One lane for each wake callback, in their order.
    pub(crate) fn new(wakes: Vec<Wake>, durable_sequence: u64, max_inflight_bytes: usize) -> Self {
        Self {
            durable: wakes.iter().map(|_| CachePadded::new(AtomicU64::new(0))).collect(),
            lanes: wakes.into_iter().map(Watcher).collect(),
            durable_sequence: AtomicU64::new(durable_sequence),
            bytes_in_flight: CachePadded::new(AtomicU64::new(0)),
            groups_in_flight: CachePadded::new(AtomicU64::new(0)),
            groups_at_hand: AtomicU64::new(0),
            max_inflight_bytes: max_inflight_bytes as u64,
            watcher: OnceLock::new(),
            sync_us: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
            failure: OnceLock::new(),
        }
    }

    /// The lanes, in order. The writer is at the other end of `messages`.
    pub(crate) fn open_lanes(shared: &Arc<Self>, messages: &Sender<Message>) -> Vec<Lane> {
        (0..shared.lanes.len())
            .map(|index| Lane {
                index: index as u32,
                submitted: AtomicU64::new(0),
                messages: messages.clone(),
                shared: Arc::clone(shared),
            })
            .collect()
    }

    /// Has this called after every commit, and when the journal fails. Only the first call counts.
    pub(crate) fn watch(&self, wake: Wake) {
        let _ = self.watcher.set(Watcher(wake));
    }

    /// Tells every lane that had something in the commit.
    pub(crate) fn acknowledge(&self, commit: &Committed<'_>) {
        let groups = commit.groups.values().sum();
        self.bytes_in_flight.fetch_sub(commit.bytes, Ordering::Relaxed);
        self.groups_in_flight.fetch_sub(groups, Ordering::Relaxed);
        self.groups_at_hand.store(0, Ordering::Relaxed);
        self.sync_us.store(commit.sync_us, Ordering::Relaxed);
        // Released: whoever sees this sees the block too.
        self.durable_sequence.store(commit.sequence, Ordering::Release);
        // All lanes first: a wake may take a while.
        for (lane, groups) in commit.groups {
            self.durable[*lane as usize].fetch_add(*groups, Ordering::Release);
        }
        for lane in commit.groups.keys() {
            (self.lanes[*lane as usize].0)();
        }
        self.tell_watcher();
    }

    /// Nothing is acknowledged from now on, and everybody is told. The first reason stays.
    pub(crate) fn fail(&self, reason: String) {
        self.failure.get_or_init(|| reason);
        self.has_failed.store(true, Ordering::Release);
        for Watcher(wake) in &self.lanes {
            wake();
        }
        self.tell_watcher();
    }

    fn tell_watcher(&self) {
        if let Some(Watcher(wake)) = self.watcher.get() {
            wake();
        }
    }

    /// Why nothing will be acknowledged any more, if so.
    pub(crate) fn failed(&self) -> Option<&str> {
        if self.has_failed.load(Ordering::Acquire) { self.failure.get().map(String::as_str) } else { None }
    }

    /// The sequence of the last durable event of all lanes; 0 before the first.
    pub(crate) fn durable_sequence(&self) -> u64 {
        self.durable_sequence.load(Ordering::Acquire)
    }

    /// The writer has taken so many groups for a commit.
    pub(crate) fn take(&self, groups: u64) {
        self.groups_at_hand.store(groups, Ordering::Relaxed);
    }

    /// Groups that were submitted and that the writer has not taken. A glance: nothing hangs on it.
    pub(crate) fn untaken(&self) -> u64 {
        let at_hand = self.groups_at_hand.load(Ordering::Relaxed);
        self.groups_in_flight.load(Ordering::Relaxed).saturating_sub(at_hand)
    }

    /// Groups that were submitted and are not durable, and their bytes.
    pub(crate) fn in_flight(&self) -> (u64, u64) {
        (self.groups_in_flight.load(Ordering::Relaxed), self.bytes_in_flight.load(Ordering::Relaxed))
    }
}

/// One arbiter's lane. All actors of one thread share it; it can be sent to that thread, not used by two.
#[derive(Debug)]
pub struct Lane {
    index: u32,
    submitted: AtomicU64,
    messages: Sender<Message>,
    shared: Arc<Shared>,
}

impl Lane {
    /// Hands groups to the writer, which puts all of them into one commit, and returns the ticket of the last. Never blocks
    /// and never fails; whether they became durable is told by [`Self::durable`] alone.
    pub fn submit(&self, groups: impl Into<EncodedGroups>) -> Ticket {
        let groups = groups.into();
        // One thread submits; the atomic is there so that others may look.
        let ticket = Ticket(self.submitted.load(Ordering::Relaxed) + groups.len());
        self.submitted.store(ticket.0, Ordering::Relaxed);
        self.shared.bytes_in_flight.fetch_add(groups.bytes().len() as u64, Ordering::Relaxed);
        self.shared.groups_in_flight.fetch_add(groups.len(), Ordering::Relaxed);
        // The writer is gone only after a failure or a stop: then these groups are simply never durable.
        let _ = self.messages.send(Message::Groups { lane: self.index, groups });
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
        self.shared.durable_sequence()
    }
}
