//! The journal read along while it is written to, as the feed reads it.
#![allow(clippy::unwrap_used)] // also in helpers outside a test function

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use common::{SEED, Shop, open, sell_epochs, small, start, wait};
use tidegate_persistence::{
    ActorId, ChainError, Epoch, EpochNumber, Journal, JournalError, Mark, MemoryJournal, Options, Reader,
    StoredBlock, WalkedBlock, recover_from,
};

/// Every block from this sequence on.
fn walk(reader: &Reader, from: u64) -> Vec<WalkedBlock> {
    let mut blocks = Vec::new();
    let mut next = reader.block_at(from).unwrap();
    while let Some(block) = next {
        next = reader.block_after(&block).unwrap();
        blocks.push(block);
    }
    blocks
}

#[test]
fn every_event_is_met_once_from_wherever_one_begins() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { retention_epochs: 1000, ..small() };
    let mut shop = Shop::default();
    let (writer, lane, wakes) = start(open(dir.path(), &options).journal, &options);
    let reader = writer.reader();
    assert_eq!((reader.oldest_sequence().unwrap(), reader.block_at(1).unwrap()), (None, None));
    let commits = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&commits);
    reader.on_durable(Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    }));
    sell_epochs(&mut shop, &writer, &lane, &wakes, 4);
    let durable = reader.durable_sequence();
    let blocks = walk(&reader, 1);
    assert_eq!(commits.load(Ordering::Relaxed), writer.status().commits);
    assert_eq!(blocks.len() as u64, writer.status().commits);
    assert_eq!(reader.oldest_sequence().unwrap(), Some(1));
    let mut next = 1;
    for block in &blocks {
        assert_eq!(block.first_sequence, next);
        let groups: Vec<_> = block.groups().map(Result::unwrap).collect();
        assert_eq!(groups.iter().map(|group| group.count).sum::<u32>(), block.events);
        next = block.last_sequence() + 1;
    }
    assert_eq!(next, durable + 1);
    let epochs: Vec<_> = blocks.iter().map(|block| block.epoch).collect();
    assert!(epochs.is_sorted() && epochs.first() < epochs.last());
    for sequence in (1..=durable).step_by(37) {
        let block = reader.block_at(sequence).unwrap().unwrap();
        assert!((block.first_sequence..=block.last_sequence()).contains(&sequence));
        assert!(blocks.contains(&block));
    }
    assert_eq!(reader.block_at(durable + 1).unwrap(), None);
    writer.stop().unwrap();
}

#[test]
fn who_reads_slowly_keeps_no_epoch_and_goes_on_with_what_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { retention_epochs: 1, ..small() };
    let mut shop = Shop::default();
    let (writer, lane, wakes) = start(open(dir.path(), &options).journal, &options);
    let reader = writer.reader();
    sell_epochs(&mut shop, &writer, &lane, &wakes, 1);
    let first = reader.block_at(1).unwrap().unwrap();
    assert_eq!(first.first_sequence, 1);
    // The snapshotter deletes what it covers a moment after it has made the snapshot.
    for _ in 0..10 {
        if reader.oldest_sequence().unwrap() > Some(1) {
            break;
        }
        sell_epochs(&mut shop, &writer, &lane, &wakes, 1);
    }
    let oldest = reader.oldest_sequence().unwrap().unwrap();
    assert!(oldest > first.last_sequence());
    assert_eq!(reader.block_after(&first).unwrap(), None);
    let next = reader.block_at(2).unwrap().unwrap();
    assert!(next.first_sequence >= oldest && next.epoch > first.epoch);
    let last = walk(&reader, 1).pop().unwrap();
    assert_eq!(last.last_sequence(), reader.durable_sequence());
    let ticket = lane.submit(shop.sell(0, 1).finish().unwrap());
    wait(&lane, &wakes, ticket);
    assert!(reader.block_after(&last).unwrap().is_some());
    writer.stop().unwrap();
}

/// A journal whose epochs are of no use any more, until they are opened anew, once a read has failed.
#[derive(Clone, Debug, Default)]
struct Brittle {
    memory: MemoryJournal,
    /// The next read fails.
    fails: Arc<AtomicBool>,
    /// Epochs that somebody has open.
    open: Arc<Mutex<BTreeSet<EpochNumber>>>,
}

#[derive(Debug)]
struct BrittleEpoch {
    epoch: Arc<dyn Epoch>,
    number: EpochNumber,
    journal: Brittle,
    is_broken: AtomicBool,
}

impl Brittle {
    fn brittle(&self, number: EpochNumber, epoch: Arc<dyn Epoch>) -> Arc<dyn Epoch> {
        self.open.lock().unwrap().insert(number);
        let journal = self.clone();
        Arc::new(BrittleEpoch { epoch, number, journal, is_broken: AtomicBool::new(false) })
    }
}

impl Journal for Brittle {
    fn epochs(&self) -> Result<Vec<EpochNumber>, JournalError> {
        self.memory.epochs()
    }

    fn create(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        self.memory.create(epoch).map(|opened| self.brittle(epoch, opened))
    }

    fn open(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        self.memory.open(epoch).map(|opened| self.brittle(epoch, opened))
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

impl Drop for BrittleEpoch {
    fn drop(&mut self) {
        self.journal.open.lock().unwrap().remove(&self.number);
    }
}

impl BrittleEpoch {
    fn read<T>(&self, read: impl FnOnce() -> Result<T, JournalError>) -> Result<T, JournalError> {
        if self.journal.fails.swap(false, Ordering::Relaxed) {
            self.is_broken.store(true, Ordering::Relaxed);
        }
        if self.is_broken.load(Ordering::Relaxed) {
            let (path, cause) = ("memory".to_owned(), "an earlier error".to_owned());
            return Err(JournalError::Io { action: "no more use of", path, cause });
        }
        read()
    }
}

impl Epoch for BrittleEpoch {
    fn append(&self, first_sequence: u64, block: &[u8]) -> Result<(), JournalError> {
        self.epoch.append(first_sequence, block)
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.epoch.sync()
    }

    fn block_from(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError> {
        self.read(|| self.epoch.block_from(sequence))
    }

    fn block_of(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError> {
        self.read(|| self.epoch.block_of(sequence))
    }

    fn cut(&self, sequence: u64) -> Result<(), JournalError> {
        self.epoch.cut(sequence)
    }

    fn is_doubtful(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }
}

#[test]
fn an_epoch_that_failed_once_is_opened_anew_for_who_reads_it_next() {
    let (journal, options) = (Brittle::default(), small());
    let mut shop = Shop::default();
    let recovered = recover_from(Arc::new(journal.clone()), None, 1, SEED, &|_| {}).unwrap();
    let (writer, lane, wakes) = start(recovered.journal, &options);
    for turn in 0.. {
        let ticket = lane.submit(shop.sell(turn % 3, 2).finish().unwrap());
        wait(&lane, &wakes, ticket);
        if writer.status().epoch > EpochNumber(2) {
            break;
        }
    }
    // Whoever wrote it may be about to close it.
    while journal.open.lock().unwrap().contains(&EpochNumber::FIRST) {
        std::thread::yield_now();
    }
    let reader = writer.reader();
    let first = reader.block_at(1).unwrap().unwrap();
    journal.fails.store(true, Ordering::Relaxed);
    assert!(matches!(reader.block_at(1), Err(ChainError::Journal(_))));
    assert_eq!(reader.block_at(1).unwrap().as_ref(), Some(&first), "where one begins");
    journal.fails.store(true, Ordering::Relaxed);
    assert!(matches!(reader.block_after(&first), Err(ChainError::Journal(_))));
    assert!(reader.block_after(&first).unwrap().is_some(), "the next one");
    // Whoever makes an actor anew uses what readers of the feed have open.
    journal.fails.store(true, Ordering::Relaxed);
    let error = reader.rebuild(ActorId(0), SEED).unwrap_err();
    assert!(error.may_pass(), "{error}");
    let (state, _) = &shop.skus[&0];
    let rebuilt = reader.rebuild(ActorId(0), SEED).unwrap();
    assert_eq!(rebuilt.state.sku().unwrap().state_hash(), state.sku().unwrap().state_hash());
    writer.stop().unwrap();
}
