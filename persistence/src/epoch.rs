//! The epochs of a journal, opened once however many read them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use crate::sync::{Mutex, RwLock, RwLockReadGuard};
use crate::{Epoch, EpochNumber, Journal, JournalError};

/// Hands out the epochs of one journal. An epoch stays open as long as somebody holds it. One thread makes
/// them, one deletes them, any number read them.
#[derive(Debug)]
pub(crate) struct Epochs {
    journal: Arc<dyn Journal>,
    open: Mutex<BTreeMap<EpochNumber, Weak<dyn Epoch>>>,
    there: Mutex<There>,
    /// Held for reading by whoever needs the epochs to stay, for writing while one is deleted.
    kept: RwLock<()>,
    /// Epochs that readers used last, so that they stay open from one step to the next.
    read_last: Mutex<Vec<(EpochNumber, Arc<dyn Epoch>)>>,
    /// The first sequence of epochs that were looked at. An epoch begins where it begins for good.
    firsts: Mutex<BTreeMap<EpochNumber, u64>>,
}

/// The epochs that exist. Whoever reads the journal along asks at each block, and to ask a directory takes longer than to read
/// a block.
#[derive(Debug, Default)]
struct There {
    /// Once somebody has looked.
    known: Option<BTreeSet<EpochNumber>>,
    /// May be in the directory already, and must not be opened a second time: it does not exist before it is made.
    making: Option<EpochNumber>,
}

/// How many epochs stay open for readers: one that begins, and one that goes on from elsewhere.
const KEPT_OPEN: usize = 2;

impl Epochs {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> Self {
        Self {
            journal,
            open: Mutex::default(),
            there: Mutex::default(),
            kept: RwLock::default(),
            read_last: Mutex::default(),
            firsts: Mutex::default(),
        }
    }

    pub(crate) fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// The epochs that exist, ascending.
    pub(crate) fn list(&self) -> Result<Vec<EpochNumber>, JournalError> {
        let mut there = self.there.lock();
        if there.known.is_none() {
            let made = |number: &EpochNumber| there.making != Some(*number);
            there.known = Some(self.journal.epochs()?.into_iter().filter(made).collect());
        }
        Ok(there.known.iter().flatten().copied().collect())
    }

    /// As long as the guard lives, no epoch is deleted.
    pub(crate) fn keep(&self) -> RwLockReadGuard<'_, ()> {
        self.kept.read()
    }

    /// The epoch, opened if it is not.
    pub(crate) fn get(&self, number: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        self.let_go_of_doubtful(number);
        let mut open = self.open.lock();
        if let Some(epoch) = open.get(&number).and_then(Weak::upgrade) {
            return Ok(epoch);
        }
        let epoch = self.journal.open(number)?;
        open.insert(number, Arc::downgrade(&epoch));
        Ok(epoch)
    }

    /// The epoch for somebody who reads it along, and is likely to come back.
    pub(crate) fn reading(&self, number: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        self.let_go_of_doubtful(number);
        let known =
            self.read_last.lock().iter().find(|(epoch, _)| *epoch == number).map(|(_, e)| Arc::clone(e));
        // Opening one takes a while, and so may closing one: nobody waits for either here.
        let epoch = known.map_or_else(|| self.get(number), Ok)?;
        let mut last = self.read_last.lock();
        last.retain(|(other, _)| *other != number);
        last.insert(0, (number, Arc::clone(&epoch)));
        let _closed = (last.len() > KEPT_OPEN).then(|| last.pop());
        drop(last);
        Ok(epoch)
    }

    /// What failed once is not kept for readers: as soon as nobody uses it any more, the epoch is opened anew. The writer
    /// goes on with its own, which readers then have to do with: an epoch can be open once.
    fn let_go_of_doubtful(&self, number: EpochNumber) {
        let mut last = self.read_last.lock();
        let at = last.iter().position(|(epoch, handle)| *epoch == number && handle.is_doubtful());
        let _closed = at.map(|at| last.remove(at));
        drop(last);
    }

    /// The first sequence of an epoch; `None` if it is empty.
    pub(crate) fn first_sequence(&self, number: EpochNumber) -> Result<Option<u64>, JournalError> {
        if let Some(known) = self.firsts.lock().get(&number) {
            return Ok(Some(*known));
        }
        let first = self.reading(number)?.block_from(0)?.map(|block| block.first_sequence);
        if let Some(first) = first {
            self.firsts.lock().insert(number, first);
        }
        Ok(first)
    }

    /// A new epoch.
    pub(crate) fn create(&self, number: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        self.there.lock().making = Some(number);
        let made = self.journal.create(number);
        if let Ok(epoch) = &made {
            self.open.lock().insert(number, Arc::downgrade(epoch));
        }
        let mut there = self.there.lock();
        there.making = None;
        if let (Ok(_), Some(known)) = (&made, &mut there.known) {
            known.insert(number);
        }
        made
    }

    /// Deletes an epoch that nobody keeps.
    pub(crate) fn remove(&self, number: EpochNumber) -> Result<(), JournalError> {
        let _nobody_reads = self.kept.write();
        self.open.lock().remove(&number);
        self.read_last.lock().retain(|(epoch, _)| *epoch != number);
        self.firsts.lock().remove(&number);
        let removed = self.journal.remove(number);
        let mut there = self.there.lock();
        match (&removed, &mut there.known) {
            (Ok(()), Some(known)) => drop(known.remove(&number)),
            // Of one that could not be deleted as a whole, the name may be gone nevertheless: whoever asks next looks.
            _ => there.known = None,
        }
        removed
    }
}
