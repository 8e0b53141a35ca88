//! A disk in memory that can do everything a disk can do wrong: the journal and the snapshots of tests and simulations.

mod journal;
mod snapshots;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::{EpochNumber, JournalError, Mark};

pub use snapshots::MemorySnapshots;

/// A journal in memory. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    epochs: BTreeMap<EpochNumber, Blocks>,
    mark: Option<Mark>,
    /// Finished snapshots: these survive.
    snapshots: BTreeMap<EpochNumber, Arc<Vec<u8>>>,
    /// Those that are being made.
    unfinished: BTreeMap<EpochNumber, Unfinished>,
    /// It says that it has synced, and has not.
    lies: bool,
    /// Counts crashes: handles from before one are dead.
    life: u64,
    bytes: u64,
    faults: Faults,
}

#[derive(Debug, Default)]
struct Blocks {
    durable: BTreeMap<u64, Vec<u8>>,
    unsynced: BTreeMap<u64, Vec<u8>>,
}

#[derive(Debug, Default)]
struct Unfinished {
    bytes: Vec<u8>,
    /// So many of them survive a crash.
    synced: usize,
}

#[derive(Debug, Default)]
struct Faults {
    appends_left: Option<u64>,
    syncs_left: Option<u64>,
    capacity: Option<u64>,
    broken: bool,
    /// Operations until something happens.
    operations: Option<(u64, Mishap)>,
    /// The power is gone: nothing works until the crash is over.
    dead: bool,
    /// Anything that was told to fail has failed since the start.
    fired: bool,
    count: u64,
}

/// What happens to an operation of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// It fails and changes nothing. The next one works again.
    Error,
    /// The power goes before it: it fails, and so does everything until [`MemoryJournal::crash`].
    PowerCutBefore,
    /// The power goes just after it has done its work, before anybody is told.
    PowerCutAfter,
}

/// What a crash leaves of blocks that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Nothing.
    LoseUnsynced,
    /// All of it: the disk was faster than asked.
    KeepUnsynced,
    /// The first bytes of the last block, all of those before it.
    Tear {
        /// How many bytes.
        keep: usize,
    },
    /// The same, but that zeros stand in place of the rest.
    Blank {
        /// How many bytes.
        keep: usize,
    },
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The snapshots on the same disk.
    #[must_use]
    pub fn snapshots(&self) -> MemorySnapshots {
        MemorySnapshots { state: Arc::clone(&self.state) }
    }

    /// The append after the next `count` ones fails, and everything after it.
    pub fn fail_append_after(&self, count: u64) {
        self.state.lock().faults.appends_left = Some(count);
    }

    /// The sync after the next `count` ones fails, and everything after it.
    pub fn fail_sync_after(&self, count: u64) {
        self.state.lock().faults.syncs_left = Some(count);
    }

    /// From now on it says that it has synced blocks, and has not: as a disk does whose cache forgets.
    pub fn lie(&self) {
        self.state.lock().lies = true;
    }

    /// Something happens to the operation after the next `count` ones, of whatever kind: reading, writing, deleting.
    pub fn mishap_after(&self, count: u64, mishap: Mishap) {
        self.state.lock().faults.operations = Some((count, mishap));
    }

    /// Writing fails once everything together would have more than `bytes`.
    pub fn set_capacity(&self, bytes: u64) {
        self.state.lock().faults.capacity = Some(bytes);
    }

    /// How many bytes there are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.state.lock().bytes
    }

    /// Whether anything has failed since the last crash, as it was told to.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state.lock().faults.fired
    }

    /// Whether the power is gone: nothing works until [`Self::crash`].
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state.lock().faults.dead
    }

    /// How many operations there were.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().faults.count
    }

    /// The machine stops and starts: faults are over, open handles are dead.
    pub fn crash(&self, crash: Crash) {
        let mut state = self.state.lock();
        state.life += 1;
        state.faults = Faults { count: state.faults.count, ..Faults::default() };
        for blocks in state.epochs.values_mut() {
            let mut unsynced = std::mem::take(&mut blocks.unsynced);
            match crash {
                Crash::LoseUnsynced => unsynced.clear(),
                Crash::KeepUnsynced => {}
                Crash::Tear { keep } => {
                    if let Some(mut last) = unsynced.last_entry() {
                        last.get_mut().truncate(keep);
                    }
                }
                Crash::Blank { keep } => {
                    if let Some(mut last) = unsynced.last_entry() {
                        last.get_mut().iter_mut().skip(keep).for_each(|byte| *byte = 0);
                    }
                }
            }
            blocks.durable.append(&mut unsynced);
        }
        if crash == Crash::LoseUnsynced {
            state.unfinished.values_mut().for_each(|unfinished| unfinished.bytes.truncate(unfinished.synced));
        }
        state.count_bytes();
    }

    /// Changes the bytes of a durable block behind the journal's back: `None` if there is no such block.
    pub fn tamper<T>(
        &self,
        epoch: EpochNumber,
        first_sequence: u64,
        change: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> Option<T> {
        self.state.lock().epochs.get_mut(&epoch)?.durable.get_mut(&first_sequence).map(change)
    }

    /// Flips a bit of the newest snapshot behind everybody's back. False if there is none.
    pub fn tamper_snapshot(&self, at: usize) -> bool {
        let mut state = self.state.lock();
        let Some(mut newest) = state.snapshots.last_entry() else { return false };
        let bytes = Arc::make_mut(newest.get_mut());
        let Some(at) = at.checked_rem(bytes.len()) else { return false };
        bytes[at] ^= 1;
        true
    }

    /// Takes a durable block away behind the journal's back.
    pub fn lose(&self, epoch: EpochNumber, first_sequence: u64) -> Option<Vec<u8>> {
        self.state.lock().epochs.get_mut(&epoch)?.durable.remove(&first_sequence)
    }

    /// The first sequences of the durable blocks of an epoch.
    #[must_use]
    pub fn durable_blocks(&self, epoch: EpochNumber) -> Vec<u64> {
        let state = self.state.lock();
        state.epochs.get(&epoch).map(|blocks| blocks.durable.keys().copied().collect()).unwrap_or_default()
    }
}

impl Faults {
    fn count_appends(&mut self) -> Result<(), JournalError> {
        self.count_down(|faults| &mut faults.appends_left, "the write failed")
    }

    fn count_syncs(&mut self) -> Result<(), JournalError> {
        self.count_down(|faults| &mut faults.syncs_left, "the sync failed")
    }

    /// Lets an action pass, or fails it if its turn has come or something failed before.
    fn count_down(
        &mut self,
        left: impl FnOnce(&mut Self) -> &mut Option<u64>,
        cause: &str,
    ) -> Result<(), JournalError> {
        if self.broken {
            return Err(error("an earlier error"));
        }
        match left(self) {
            Some(0) => {
                (self.broken, self.fired) = (true, true);
                Err(error(cause))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl State {
    /// One operation of the disk: does it, unless something happens to it.
    fn operate<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let faults = &mut self.faults;
        faults.count += 1;
        if faults.dead {
            return Err(error("the power is gone"));
        }
        match &mut faults.operations {
            Some((0, mishap)) => {
                let mishap = *mishap;
                faults.operations = None;
                faults.fired = true;
                faults.dead = mishap != Mishap::Error;
                if mishap == Mishap::PowerCutAfter {
                    // Nobody hears of it.
                    let _ = work(self);
                }
                Err(error("the disk failed"))
            }
            Some((left, _)) => {
                *left -= 1;
                work(self)
            }
            None => work(self),
        }
    }

    /// Takes this much more room.
    fn grow(&mut self, bytes: usize) -> Result<(), JournalError> {
        let grown = self.bytes + bytes as u64;
        if self.faults.capacity.is_some_and(|capacity| grown > capacity) {
            self.faults.fired = true;
            return Err(JournalError::Full("memory".to_owned()));
        }
        self.bytes = grown;
        Ok(())
    }

    fn count_bytes(&mut self) {
        let blocks =
            self.epochs.values().flat_map(|epoch| epoch.durable.values().chain(epoch.unsynced.values()));
        let unfinished = self.unfinished.values().map(|unfinished| unfinished.bytes.len());
        let snapshots = self.snapshots.values().map(|snapshot| snapshot.len());
        self.bytes = blocks.map(Vec::len).chain(unfinished).chain(snapshots).sum::<usize>() as u64;
    }
}

fn error(cause: &str) -> JournalError {
    JournalError::Io { action: "cannot use", path: "memory".to_owned(), cause: cause.to_owned() }
}
