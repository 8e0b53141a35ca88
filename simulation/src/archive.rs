//! A disk that keeps a copy of the epochs that are deleted from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tidegate_persistence::{Epoch, EpochNumber, Journal, JournalError, Mark, MemoryJournal};

/// The journal of a [`MemoryJournal`], and what was deleted of it.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    disk: MemoryJournal,
    deleted: Arc<Mutex<BTreeMap<EpochNumber, Blocks>>>,
}

/// By their first sequences.
type Blocks = Vec<(u64, Vec<u8>)>;

impl Archive {
    pub(crate) fn new(disk: MemoryJournal) -> Self {
        Self { disk, deleted: Arc::default() }
    }

    /// How many epochs were deleted.
    pub(crate) fn deleted(&self) -> usize {
        self.deleted.lock().len()
    }

    /// The whole journal, on a disk to which nothing happens: what is durable, and what was before it was deleted.
    pub(crate) fn whole(&self) -> Result<MemoryJournal, JournalError> {
        let mut epochs = self.deleted.lock().clone();
        epochs.extend(self.disk.epochs()?.into_iter().map(|epoch| (epoch, self.blocks(epoch))));
        let whole = MemoryJournal::new();
        for (epoch, blocks) in epochs {
            let made = whole.create(epoch)?;
            blocks.iter().try_for_each(|(first_sequence, block)| made.append(*first_sequence, block))?;
            made.sync()?;
        }
        Ok(whole)
    }

    fn blocks(&self, epoch: EpochNumber) -> Blocks {
        let sequences = self.disk.durable_blocks(epoch).into_iter();
        // Read behind everybody's back: this is no operation of the disk to which something could happen.
        sequences.filter_map(|at| Some((at, self.disk.tamper(epoch, at, |block| block.clone())?))).collect()
    }
}

impl Journal for Archive {
    fn epochs(&self) -> Result<Vec<EpochNumber>, JournalError> {
        self.disk.epochs()
    }

    fn create(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        self.disk.create(epoch)
    }

    fn open(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        self.disk.open(epoch)
    }

    fn remove(&self, epoch: EpochNumber) -> Result<(), JournalError> {
        // The power may go before it, or after it before anybody is told: a copy of what is there all the same does no harm.
        self.deleted.lock().insert(epoch, self.blocks(epoch));
        self.disk.remove(epoch)
    }

    fn mark(&self) -> Result<Option<Mark>, JournalError> {
        self.disk.mark()
    }

    fn set_mark(&self, mark: Mark) -> Result<(), JournalError> {
        self.disk.set_mark(mark)
    }
}
