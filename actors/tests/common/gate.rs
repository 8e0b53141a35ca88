//! A gate in the way of something, and a disk with one.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use tidegate_persistence::{Epoch, EpochNumber, Journal, JournalError, Mark, MemoryJournal, StoredBlock};

/// Open at first. Who comes to it while it is closed waits until it is opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    closed: bool,
    waiting: usize,
    passed: usize,
}

impl Gate {
    pub(crate) fn close(&self) {
        self.0.0.lock().closed = true;
    }

    pub(crate) fn open(&self) {
        self.0.0.lock().closed = false;
        self.0.1.notify_all();
    }

    /// Goes through, now or later.
    pub(crate) fn pass(&self) {
        let mut state = self.0.0.lock();
        state.waiting += 1;
        self.0.1.wait_while(&mut state, |state| state.closed);
        state.waiting -= 1;
        state.passed += 1;
    }

    /// Whether anybody stands before it.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.0.lock().waiting > 0
    }

    /// How many went through.
    pub(crate) fn passed(&self) -> usize {
        self.0.0.lock().passed
    }
}

/// A journal in memory whose disk confirms nothing while a gate is closed.
#[derive(Clone, Debug, Default)]
pub(crate) struct GatedJournal {
    pub(crate) memory: MemoryJournal,
    pub(crate) sync: Gate,
}

impl GatedJournal {
    fn gated(&self, epoch: Arc<dyn Epoch>) -> Arc<dyn Epoch> {
        Arc::new(GatedEpoch { epoch, sync: self.sync.clone() })
    }
}

impl Journal for GatedJournal {
    fn epochs(&self) -> Result<Vec<EpochNumber>, JournalError> {
        self.memory.epochs()
    }

    fn create(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        Ok(self.gated(self.memory.create(epoch)?))
    }

    fn open(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        Ok(self.gated(self.memory.open(epoch)?))
    }

    fn remove(&self, epoch: EpochNumber) -> Result<(), JournalError> {
        self.memory.remove(epoch)
    }

    fn mark(&self) -> Result<Option<Mark>, JournalError> {
        self.memory.mark()
    }

    fn set_mark(&self, mark: Mark) -> Result<(), JournalError> {
        self.memory.set_mark(mark)
    }
}

#[derive(Debug)]
struct GatedEpoch {
    epoch: Arc<dyn Epoch>,
    sync: Gate,
}

impl Epoch for GatedEpoch {
    fn append(&self, first_sequence: u64, block: &[u8]) -> Result<(), JournalError> {
        self.epoch.append(first_sequence, block)
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.sync.pass();
        self.epoch.sync()
    }

    fn block_from(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError> {
        self.epoch.block_from(sequence)
    }

    fn block_of(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError> {
        self.epoch.block_of(sequence)
    }

    fn cut(&self, sequence: u64) -> Result<(), JournalError> {
        self.epoch.cut(sequence)
    }
}
