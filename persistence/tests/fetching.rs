//! Which epochs a start fetches before it opens them, and what becomes of one that can't be.
#![allow(clippy::unwrap_used)] // also in helpers outside a test function

mod common;

use std::sync::{Arc, Mutex};

use common::{SEED, Shop, hashes, sell_epochs, small, start};
use tidegate_persistence::{
    Epoch, EpochNumber, Journal, JournalError, Mark, MemoryJournal, Options, Recovered, RecoveryError,
    SnapshotDir, SnapshotStore, recover_from,
};

/// A journal that notes which epochs are fetched, and can't fetch one of them.
#[derive(Debug)]
struct Watched {
    memory: MemoryJournal,
    fetched: Mutex<Vec<EpochNumber>>,
    lost: Option<EpochNumber>,
}

impl Journal for Watched {
    fn epochs(&self) -> Result<Vec<EpochNumber>, JournalError> {
        self.memory.epochs()
    }

    fn create(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        self.memory.create(epoch)
    }

    fn open(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        self.memory.open(epoch)
    }

    fn fetch(&self, epoch: EpochNumber) -> Result<(), JournalError> {
        self.fetched.lock().unwrap().push(epoch);
        if self.lost == Some(epoch) { Err(JournalError::Full("cannot fetch".to_owned())) } else { Ok(()) }
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

type Snapshots = Option<Arc<dyn SnapshotStore>>;

/// A start, and what was fetched for it.
fn recover(
    memory: &MemoryJournal,
    snapshots: Snapshots,
    lost: Option<EpochNumber>,
) -> (Result<Recovered, RecoveryError>, Vec<EpochNumber>) {
    let journal = Arc::new(Watched { memory: memory.clone(), fetched: Mutex::default(), lost });
    let recovered = recover_from(Arc::clone(&journal) as Arc<dyn Journal>, snapshots, 2, SEED, &|_| {});
    let fetched = journal.fetched.lock().unwrap().clone();
    (recovered, fetched)
}

#[test]
fn every_epoch_is_fetched_while_something_else_is_replayed() {
    let (memory, dir) = (MemoryJournal::new(), tempfile::tempdir().unwrap());
    let options = Options { retention_epochs: 1_000, ..small() };
    let snapshots = || -> Snapshots { Some(Arc::new(SnapshotDir::new(dir.path().to_owned()))) };
    let mut shop = Shop::default();
    let (first, _) = recover(&memory, snapshots(), None);
    let (writer, lane, wakes) = start(first.unwrap().journal, &options);
    sell_epochs(&mut shop, &writer, &lane, &wakes, 2);
    writer.stop().unwrap();
    let epochs = memory.epochs().unwrap();
    assert!(epochs.len() > 2, "{epochs:?}");

    // Beside the first epoch there is nothing that it could be fetched beside.
    let (recovered, fetched) = recover(&memory, None, None);
    assert_eq!(hashes(&recovered.unwrap()), shop.hashes());
    assert_eq!(fetched, epochs[1..]);

    let (recovered, fetched) = recover(&memory, snapshots(), None);
    let recovered = recovered.unwrap();
    let covers = recovered.report.snapshot.as_ref().unwrap().covers;
    assert_eq!(hashes(&recovered), shop.hashes());
    let behind: Vec<_> = epochs.iter().copied().filter(|epoch| *epoch > covers).collect();
    assert_eq!(fetched, behind);

    // What can't be fetched may have been lost: nobody goes on without it.
    for lost in &epochs[1..] {
        let error = recover(&memory, None, Some(*lost)).0.unwrap_err();
        assert!(error.to_string().contains("cannot fetch"), "{lost}: {error}");
    }
}
