//! Blocks in memory.

use std::sync::Arc;

use super::{Blocks, MemoryJournal, State, error};
use crate::{Epoch, EpochNumber, Journal, JournalError, Mark, StoredBlock};
use parking_lot::Mutex;

impl MemoryJournal {
    fn handle(&self, epoch: EpochNumber, life: u64) -> Arc<dyn Epoch> {
        Arc::new(MemoryEpoch { epoch, life, state: Arc::clone(&self.state) })
    }
}

impl Journal for MemoryJournal {
    fn epochs(&self) -> Result<Vec<EpochNumber>, JournalError> {
        self.state.lock().operate(|disk| Ok(disk.epochs.keys().copied().collect()))
    }

    fn create(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        let life = self.state.lock().operate(|disk| {
            disk.epochs.insert(epoch, Blocks::default());
            Ok(disk.life)
        })?;
        Ok(self.handle(epoch, life))
    }

    fn open(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        let life = self.state.lock().operate(|disk| {
            let is_there = disk.epochs.contains_key(&epoch);
            is_there.then_some(disk.life).ok_or_else(|| error("there is no such epoch"))
        })?;
        Ok(self.handle(epoch, life))
    }

    fn remove(&self, epoch: EpochNumber) -> Result<(), JournalError> {
        self.state.lock().operate(|disk| {
            disk.epochs.remove(&epoch);
            disk.count_bytes();
            Ok(())
        })
    }

    fn mark(&self) -> Result<Option<Mark>, JournalError> {
        self.state.lock().operate(|disk| Ok(disk.mark))
    }

    fn set_mark(&self, mark: Mark) -> Result<(), JournalError> {
        self.state.lock().operate(|disk| {
            disk.mark = Some(mark);
            Ok(())
        })
    }
}

#[derive(Debug)]
struct MemoryEpoch {
    epoch: EpochNumber,
    life: u64,
    state: Arc<Mutex<State>>,
}

impl MemoryEpoch {
    /// Runs something on the disk, if this handle is alive.
    fn on<T>(&self, work: impl FnOnce(&mut State) -> Result<T, JournalError>) -> Result<T, JournalError> {
        let mut state = self.state.lock();
        if state.life != self.life {
            return Err(error("the machine was stopped"));
        }
        state.operate(work)
    }

    /// The same on the epoch's blocks.
    fn on_blocks<T>(&self, work: impl FnOnce(&mut Blocks) -> T) -> Result<T, JournalError> {
        self.on(|disk| {
            disk.epochs.get_mut(&self.epoch).map(work).ok_or_else(|| error("the epoch was removed"))
        })
    }
}

impl Epoch for MemoryEpoch {
    fn append(&self, first_sequence: u64, block: &[u8]) -> Result<(), JournalError> {
        self.on(|disk| {
            if let Err(full) = disk.grow(block.len()) {
                disk.faults.broken = true;
                return Err(full);
            }
            disk.faults.count_appends()?;
            let blocks = disk.epochs.get_mut(&self.epoch).ok_or_else(|| error("the epoch was removed"))?;
            blocks.unsynced.insert(first_sequence, block.to_vec());
            Ok(())
        })
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.on(|disk| {
            disk.faults.count_syncs()?;
            let blocks = disk.epochs.get_mut(&self.epoch).ok_or_else(|| error("the epoch was removed"))?;
            if !disk.lies {
                blocks.durable.append(&mut blocks.unsynced);
            }
            Ok(())
        })
    }

    fn block_from(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError> {
        self.on_blocks(|blocks| {
            let durable = blocks.durable.range(sequence..).next();
            let unsynced = blocks.unsynced.range(sequence..).next();
            durable.into_iter().chain(unsynced).min_by_key(|(at, _)| **at).map(stored)
        })
    }

    fn block_of(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError> {
        self.on_blocks(|blocks| {
            let durable = blocks.durable.range(..=sequence).next_back();
            let unsynced = blocks.unsynced.range(..=sequence).next_back();
            durable.into_iter().chain(unsynced).max_by_key(|(at, _)| **at).map(stored)
        })
    }

    fn cut(&self, sequence: u64) -> Result<(), JournalError> {
        self.on_blocks(|blocks| {
            blocks.durable.retain(|at, _| *at < sequence);
            blocks.unsynced.retain(|at, _| *at < sequence);
        })
    }
}

fn stored((first_sequence, bytes): (&u64, &Vec<u8>)) -> StoredBlock {
    StoredBlock { first_sequence: *first_sequence, bytes: bytes.clone() }
}
