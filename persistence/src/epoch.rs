//! The epochs of a journal, opened once however many read them.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::{Epoch, EpochNumber, Journal, JournalError};

/// Hands out the epochs of one journal. An epoch stays open as long as somebody holds it.
#[derive(Debug)]
pub(crate) struct Epochs {
    journal: Arc<dyn Journal>,
    open: Mutex<BTreeMap<EpochNumber, Weak<dyn Epoch>>>,
    /// Held for reading by whoever needs the epochs to stay, for writing while one is deleted.
    kept: RwLock<()>,
}

impl Epochs {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal, open: Mutex::default(), kept: RwLock::default() }
    }

    pub(crate) fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// The epochs that exist, ascending.
    pub(crate) fn list(&self) -> Result<Vec<EpochNumber>, JournalError> {
        self.journal.epochs()
    }

    /// As long as the guard lives, no epoch is deleted.
    pub(crate) fn keep(&self) -> RwLockReadGuard<'_, ()> {
        self.kept.read()
    }

    /// The epoch, opened if it is not.
    pub(crate) fn get(&self, number: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        let mut open = self.open.lock();
        if let Some(epoch) = open.get(&number).and_then(Weak::upgrade) {
            return Ok(epoch);
        }
        let epoch = self.journal.open(number)?;
        open.insert(number, Arc::downgrade(&epoch));
        Ok(epoch)
    }

    /// A new epoch.
    pub(crate) fn create(&self, number: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        let epoch = self.journal.create(number)?;
        self.open.lock().insert(number, Arc::downgrade(&epoch));
        Ok(epoch)
    }

    /// Deletes an epoch that nobody keeps.
    pub(crate) fn remove(&self, number: EpochNumber) -> Result<(), JournalError> {
        let _nobody_reads = self.kept.write();
        self.open.lock().remove(&number);
        self.journal.remove(number)
    }
}
