//! What is damaged while the journal is written to: nothing is deleted because of it, and nobody is told that it never was.

use std::sync::Arc;

use tidegate_persistence::{
    ActorId, ChainError, Crash, EpochNumber, Journal, MemoryJournal, Mishap, Options, Reader, SnapshotStore,
    recover_from,
};

use crate::common::SEED;
use crate::sale::{Sale, short_epochs};

/// A sale on this disk, from what is there on.
fn begin(disk: &MemoryJournal, retention_epochs: u32) -> Sale {
    let options = Options { retention_epochs, ..short_epochs() };
    let recovered =
        recover_from(Arc::new(disk.clone()), Some(Arc::new(disk.snapshots())), 1, SEED, &|_| {}).unwrap();
    Sale::go_on(recovered, &options)
}

/// Sells without snapshots until this epoch is there and has something.
fn sell_into(sale: &mut Sale, disk: &MemoryJournal, epoch: EpochNumber) {
    while disk.durable_blocks(epoch).is_empty() {
        sale.sell_without_snapshot();
    }
}

fn covered(disk: &MemoryJournal) -> Vec<EpochNumber> {
    disk.snapshots().list().unwrap()
}

fn lose_the_last_block(disk: &MemoryJournal, epoch: EpochNumber) {
    let last = *disk.durable_blocks(epoch).last().unwrap();
    disk.lose(epoch, last).unwrap();
}

#[test]
fn no_snapshot_is_made_of_an_epoch_that_reads_too_short() {
    let disk = MemoryJournal::new();
    let mut sale = begin(&disk, 0);
    sell_into(&mut sale, &disk, EpochNumber(2));
    lose_the_last_block(&disk, EpochNumber::FIRST);
    // Nothing behind it tells, but the writer knows how it ended.
    lose_the_last_block(&disk, EpochNumber(2));
    sale.writer.make_snapshot();
    assert_eq!(covered(&disk), []);
    let trouble = sale.writer.trouble().unwrap();
    assert!(
        trouble.contains("no snapshot of epoch 1: the journal can't be read: the journal ends with block "),
        "{trouble}"
    );
}

#[test]
fn nor_is_one_made_after_a_start_that_still_found_its_end() {
    let disk = MemoryJournal::new();
    let mut sale = begin(&disk, 0);
    sell_into(&mut sale, &disk, EpochNumber(2));
    drop(sale);
    // The next epoch's first block says what came before it.
    let sale = begin(&disk, 0);
    lose_the_last_block(&disk, EpochNumber::FIRST);
    sale.writer.make_snapshot();
    assert_eq!(covered(&disk), []);
    let trouble = sale.writer.trouble().unwrap();
    assert!(
        trouble.contains("no snapshot of epoch 1: the journal can't be read: epoch 2, block "),
        "{trouble}"
    );
}

#[test]
fn a_damaged_snapshot_is_made_anew_and_no_good_one_is_deleted_for_it() {
    let disk = MemoryJournal::new();
    let mut sale = begin(&disk, 0);
    while covered(&disk).len() < 2 || disk.epochs().unwrap().first() == Some(&EpochNumber::FIRST) {
        assert!(sale.sell());
    }
    for _ in 0..3 {
        let newest = covered(&disk)[0];
        // In the middle: its footer is good.
        assert!(disk.tamper_snapshot(100));
        sale = begin(&disk, 0);
        sale.writer.make_snapshot();
        let other = covered(&disk)[1];
        assert_eq!(covered(&disk)[0], newest);
        // It is good again: that which stood in for it can go.
        disk.snapshots().remove(other).unwrap();
        let hashes = sale.shop.hashes();
        sale = begin(&disk, 0);
        assert_eq!(sale.shop.hashes(), hashes);
        while covered(&disk).len() < 2 {
            assert!(sale.sell());
        }
    }
    // Or it is not made anew, because the sale goes on before anybody has looked at it.
    assert!(disk.tamper_snapshot(100));
    let newest = covered(&disk)[0];
    while covered(&disk)[0] == newest {
        assert!(sale.sell());
    }
    assert!(!covered(&disk).contains(&newest), "a damaged one stays for a good one");
    assert!(disk.tamper_snapshot(100));
    let hashes = sale.shop.hashes();
    assert_eq!(begin(&disk, 0).shop.hashes(), hashes);
}

/// What reads along finds of this event.
fn hole(reader: &Reader, sequence: u64) -> bool {
    matches!(reader.block_at(sequence), Err(ChainError::Hole { .. }))
}

#[test]
fn what_is_missing_among_what_is_kept_is_not_told_as_what_is_not_kept_any_more() {
    let disk = MemoryJournal::new();
    let mut sale = begin(&disk, 1_000);
    sell_into(&mut sale, &disk, EpochNumber(4));
    let reader = sale.writer.reader();
    // A block in the middle, the end of an epoch, and the end of the journal.
    let second = disk.durable_blocks(EpochNumber(2));
    let last = *disk.durable_blocks(EpochNumber(4)).last().unwrap();
    for (epoch, sequence) in
        [(EpochNumber(2), second[1]), (EpochNumber(2), second[second.len() - 1]), (EpochNumber(4), last)]
    {
        assert!(!hole(&reader, sequence));
        disk.lose(epoch, sequence).unwrap();
        assert!(hole(&reader, sequence), "{sequence}");
    }
    // All of an epoch.
    let third = disk.durable_blocks(EpochNumber(3));
    third.iter().for_each(|sequence| drop(disk.lose(EpochNumber(3), *sequence)));
    assert!(hole(&reader, third[0]));
}

#[test]
fn an_epoch_of_which_nothing_is_left_is_not_passed_over_for_the_next() {
    let disk = MemoryJournal::new();
    let mut sale = begin(&disk, 1_000);
    while disk.durable_blocks(EpochNumber(3)).is_empty() {
        assert!(sale.sell());
    }
    let reader = begin(&disk, 1_000).writer.reader();
    let first = disk.durable_blocks(EpochNumber::FIRST);
    first.iter().for_each(|sequence| drop(disk.lose(EpochNumber::FIRST, *sequence)));
    assert_eq!(reader.oldest_sequence(), Err(ChainError::Missing(EpochNumber::FIRST)));
}

/// A sale whose first epoch is deleted, so that all of it hangs on snapshots.
fn trimmed() -> MemoryJournal {
    let disk = MemoryJournal::new();
    let mut sale = begin(&disk, 0);
    while disk.epochs().unwrap().first() == Some(&EpochNumber::FIRST) {
        assert!(sale.sell());
    }
    sell_into(&mut sale, &disk, disk.epochs().unwrap().last().unwrap().next());
    disk
}

/// What is asked, and what is said.
type Question = fn(&Reader) -> Result<String, String>;

/// Whether this operation of the disk was reached. Then it has failed.
fn reached(disk: &MemoryJournal, at: u64, work: impl FnOnce()) -> bool {
    let before = disk.operations();
    disk.mishap_after(at, Mishap::Error);
    work();
    // If not, nothing is to happen later.
    disk.mishap_after(u64::MAX, Mishap::Error);
    disk.operations() - before > at
}

#[test]
fn every_read_of_who_reads_along_fails_once_and_is_not_taken_for_nothing() {
    let disk = trimmed();
    let asks: [Question; 4] = [
        |reader| match reader.rebuild(ActorId(0), SEED) {
            Ok(actor) => Ok(actor.state.hash().to_string()),
            Err(error) => Err(error.to_string()),
        },
        |reader| {
            reader.oldest_sequence().map(|oldest| format!("{oldest:?}")).map_err(|error| error.to_string())
        },
        |reader| {
            let last = reader.block_at(reader.durable_sequence());
            last.map(|block| format!("{block:?}")).map_err(|error| error.to_string())
        },
        |reader| {
            let first = reader.block_at(1).map_err(|error| error.to_string())?.ok_or("nothing")?;
            let next = reader.block_after(&first).map_err(|error| error.to_string())?;
            Ok(format!("{first:?} {next:?}"))
        },
    ];
    for (number, ask) in asks.into_iter().enumerate() {
        let right = ask(&begin(&disk, 0).writer.reader()).unwrap();
        let mut failed = 0;
        for at in 0.. {
            let sale = begin(&disk, 0);
            let reader = sale.writer.reader();
            let mut said = Ok(String::new());
            if !reached(&disk, at, || said = ask(&reader)) {
                break;
            }
            failed += 1;
            // What can be read elsewhere, as an older snapshot, is read there.
            match said {
                Ok(said) => assert_eq!(said, right, "question {number}, operation {at}"),
                Err(said) => {
                    let is_of_the_disk = said.contains("cannot use memory");
                    assert!(is_of_the_disk, "question {number}, operation {at}: {said}");
                }
            }
            assert_eq!(ask(&reader).as_ref(), Ok(&right), "question {number}, after operation {at}");
        }
        println!("question {number}: {failed} reads");
        assert!(failed > 0);
    }
}

#[test]
fn every_operation_of_a_snapshot_and_of_what_is_deleted_for_it_fails_once() {
    let mut failed = 0;
    for at in 0.. {
        let disk = trimmed();
        let sale = begin(&disk, 0);
        let hashes = sale.shop.hashes();
        if !reached(&disk, at, || sale.writer.make_snapshot()) {
            break;
        }
        failed += 1;
        drop(sale);
        disk.crash(Crash::LoseUnsynced);
        assert_eq!(begin(&disk, 0).shop.hashes(), hashes, "operation {at}");
        // Whatever came of it, another snapshot stands in for the newest one.
        assert!(disk.tamper_snapshot(100));
        assert_eq!(
            begin(&disk, 0).shop.hashes(),
            hashes,
            "operation {at}, and the newest snapshot is damaged"
        );
    }
    println!("{failed} operations");
    assert!(failed > 20);
}
