//! A journal in memory that can do everything a disk can do wrong. For tests and simulations.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::{Epoch, EpochNumber, Journal, JournalError, Mark, StoredBlock};

/// A journal in memory. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    epochs: BTreeMap<EpochNumber, Blocks>,
    mark: Option<Mark>,
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
struct Faults {
    appends_left: Option<u64>,
    syncs_left: Option<u64>,
    capacity: Option<u64>,
    broken: bool,
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
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The append after the next `count` ones fails, and everything after it.
    pub fn fail_append_after(&self, count: u64) {
        self.state.lock().faults.appends_left = Some(count);
    }

    /// The sync after the next `count` ones fails, and everything after it.
    pub fn fail_sync_after(&self, count: u64) {
        self.state.lock().faults.syncs_left = Some(count);
    }

    /// Appends fail once all blocks together would have more than `bytes`.
    pub fn set_capacity(&self, bytes: u64) {
        self.state.lock().faults.capacity = Some(bytes);
    }

    /// The machine stops and starts: faults are over, open handles are dead.
    pub fn crash(&self, crash: Crash) {
        let mut state = self.state.lock();
        state.life += 1;
        state.faults = Faults::default();
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
            }
            blocks.durable.append(&mut unsynced);
        }
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

    fn handle(&self, epoch: EpochNumber) -> Arc<dyn Epoch> {
        let life = self.state.lock().life;
        Arc::new(MemoryEpoch { epoch, life, state: Arc::clone(&self.state) })
    }
}

impl Journal for MemoryJournal {
    fn epochs(&self) -> Result<Vec<EpochNumber>, JournalError> {
        Ok(self.state.lock().epochs.keys().copied().collect())
    }

    fn create(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        self.state.lock().epochs.insert(epoch, Blocks::default());
        Ok(self.handle(epoch))
    }

    fn open(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        if self.state.lock().epochs.contains_key(&epoch) {
            Ok(self.handle(epoch))
        } else {
            Err(error("there is no such epoch"))
        }
    }

    fn remove(&self, epoch: EpochNumber) -> Result<(), JournalError> {
        self.state.lock().epochs.remove(&epoch);
        Ok(())
    }

    fn mark(&self) -> Result<Option<Mark>, JournalError> {
        Ok(self.state.lock().mark)
    }

    fn set_mark(&self, mark: Mark) -> Result<(), JournalError> {
        self.state.lock().mark = Some(mark);
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryEpoch {
    epoch: EpochNumber,
    life: u64,
    state: Arc<Mutex<State>>,
}

impl MemoryEpoch {
    /// Runs something on the epoch's blocks, if this handle is alive.
    fn on<T>(
        &self,
        action: impl FnOnce(&mut Blocks, &mut Faults, &mut u64) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let mut state = self.state.lock();
        let State { epochs, life, bytes, faults, .. } = &mut *state;
        if *life != self.life {
            return Err(error("the machine was stopped"));
        }
        let blocks = epochs.get_mut(&self.epoch).ok_or_else(|| error("the epoch was removed"))?;
        action(blocks, faults, bytes)
    }
}

impl Epoch for MemoryEpoch {
    fn append(&self, first_sequence: u64, block: &[u8]) -> Result<(), JournalError> {
        self.on(|blocks, faults, bytes| {
            let size = block.len() as u64;
            if faults.capacity.is_some_and(|capacity| *bytes + size > capacity) {
                faults.broken = true;
                return Err(JournalError::Full("memory".to_owned()));
            }
            count_down(&mut faults.appends_left, &mut faults.broken, "the write failed")?;
            *bytes += size;
            blocks.unsynced.insert(first_sequence, block.to_vec());
            Ok(())
        })
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.on(|blocks, faults, _| {
            count_down(&mut faults.syncs_left, &mut faults.broken, "the sync failed")?;
            blocks.durable.append(&mut blocks.unsynced);
            Ok(())
        })
    }

    fn block_from(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError> {
        self.on(|blocks, _, _| {
            let durable = blocks.durable.range(sequence..).next();
            let unsynced = blocks.unsynced.range(sequence..).next();
            Ok(durable.into_iter().chain(unsynced).min_by_key(|(at, _)| **at).map(stored))
        })
    }

    fn block_of(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError> {
        self.on(|blocks, _, _| {
            let durable = blocks.durable.range(..=sequence).next_back();
            let unsynced = blocks.unsynced.range(..=sequence).next_back();
            Ok(durable.into_iter().chain(unsynced).max_by_key(|(at, _)| **at).map(stored))
        })
    }

    fn cut(&self, sequence: u64) -> Result<(), JournalError> {
        self.on(|blocks, _, _| {
            blocks.durable.retain(|at, _| *at < sequence);
            blocks.unsynced.retain(|at, _| *at < sequence);
            Ok(())
        })
    }
}

fn stored((first_sequence, bytes): (&u64, &Vec<u8>)) -> StoredBlock {
    StoredBlock { first_sequence: *first_sequence, bytes: bytes.clone() }
}

/// Lets an action pass, or fails it if its turn has come or something failed before.
fn count_down(left: &mut Option<u64>, broken: &mut bool, cause: &str) -> Result<(), JournalError> {
    match left {
        _ if *broken => return Err(error("an earlier error")),
        Some(0) => {
            *broken = true;
            return Err(error(cause));
        }
        Some(left) => *left -= 1,
        None => {}
    }
    Ok(())
}

fn error(cause: &str) -> JournalError {
    JournalError::Io { action: "cannot use", path: "memory".to_owned(), cause: cause.to_owned() }
}
