//! What the actors of one arbiter count.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::ask::{Fault, Reply};
use crate::sync::AtomicU64;

/// Counters of one arbiter since the start. Its thread alone writes them, so they are no shared cache line that cores
/// fight for; anybody reads them. Only `full` is written by whoever was refused.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Load {
    turns: AtomicU64,
    asks: AtomicU64,
    timer_turns: AtomicU64,
    turn_ns: AtomicU64,
    journal_full: AtomicU64,
    panics: AtomicU64,
    groups: AtomicU64,
    group_bytes: AtomicU64,
    held: AtomicU64,
    wakes: AtomicU64,
    full: AtomicU64,
}

/// What the actors of one arbiter have counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadReading {
    /// Turns that somebody asked for.
    pub turns: u64,
    /// What was asked in them.
    pub asks: u64,
    /// Turns that the clock asked for.
    pub timer_turns: u64,
    /// Time spent in turns, and on handing over what they did.
    pub turn_time: Duration,
    /// Bodies refused because the journal takes no more at the moment.
    pub journal_full: u64,
    /// Bodies refused because too many waited for their actor.
    pub mailbox_full: u64,
    /// Turns that panicked and were discarded.
    pub panics: u64,
    /// Groups handed to the journal.
    pub groups: u64,
    /// Their bytes.
    pub group_bytes: u64,
    /// Replies to bodies that wait for the journal at this moment.
    pub held: u64,
    /// Times that the journal said that something became durable.
    pub wakes: u64,
}

/// Adds to a counter that only this thread writes: cheaper than an atomic addition.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

impl Load {
    /// A turn in which so much was asked ended, one way or the other.
    pub(crate) fn turned(&self, asks: usize, took: Duration, replies: &Result<Vec<Reply>, Fault>) {
        add(if asks == 0 { &self.timer_turns } else { &self.turns }, 1);
        add(&self.asks, asks as u64);
        add(&self.turn_ns, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        match replies {
            Err(Fault::Overloaded) => add(&self.journal_full, 1),
            Err(Fault::Panicked) => add(&self.panics, 1),
            Ok(_) | Err(_) => {}
        }
    }

    /// So long went by for turns beside what [`Self::turned`] was told of: handing over what they did, and publishing.
    pub(crate) fn spent(&self, took: Duration) {
        add(&self.turn_ns, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn journaled(&self, bytes: usize) {
        add(&self.groups, 1);
        add(&self.group_bytes, bytes as u64);
    }

    pub(crate) fn holds(&self, replies: usize) {
        self.held.store(replies as u64, Ordering::Relaxed);
    }

    pub(crate) fn woken(&self) {
        add(&self.wakes, 1);
    }

    /// Too many bodies wait for an actor. Called on any thread.
    pub(crate) fn full(&self) {
        self.full.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> LoadReading {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LoadReading {
            turns: read(&self.turns),
            asks: read(&self.asks),
            timer_turns: read(&self.timer_turns),
            turn_time: Duration::from_nanos(read(&self.turn_ns)),
            journal_full: read(&self.journal_full),
            mailbox_full: read(&self.full),
            panics: read(&self.panics),
            groups: read(&self.groups),
            group_bytes: read(&self.group_bytes),
            held: read(&self.held),
            wakes: read(&self.wakes),
        }
    }
}
