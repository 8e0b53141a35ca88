//! Snapshots: made by replay, verified, and never trusted more than they deserve.
#![allow(clippy::unwrap_used)] // also in helpers outside a test function

mod common;

use std::sync::Arc;

use common::{SEED, Shop, hashes, open, sell_epochs, small, start};
use tidegate_persistence::{
    DirLock, Journal, MemoryJournal, Options, Recovered, RecoveryError, SnapshotDir, SnapshotStore, inspect,
    recover, recover_from,
};

/// Sells for `rounds` snapshots of two epochs each.
fn sell(mut recovered: Recovered, options: &Options, rounds: u32) -> Shop {
    let mut shop = Shop::recovered(&mut recovered);
    let (writer, lane, wakes) = start(recovered.journal, options);
    for _ in 0..rounds {
        sell_epochs(&mut shop, &writer, &lane, &wakes, 2);
    }
    writer.stop().unwrap();
    shop
}

fn store(dir: &tempfile::TempDir) -> Arc<dyn SnapshotStore> {
    Arc::new(SnapshotDir::new(dir.path().to_owned()))
}

#[test]
fn a_snapshot_and_the_rest_of_the_journal_are_as_good_as_the_whole_journal() {
    // One pass, and so many that most hold a single SKU.
    for snapshot_pass_events in [u64::MAX, 100] {
        let (journal, dir) = (MemoryJournal::new(), tempfile::tempdir().unwrap());
        let options = Options { snapshot_pass_events, retention_epochs: 1_000, ..small() };
        let open = |snapshots| recover_from(Arc::new(journal.clone()), snapshots, 3, SEED, &|_| {}).unwrap();
        let shop = sell(open(Some(store(&dir))), &options, 1);
        let (with, without) = (open(Some(store(&dir))), open(None));
        assert!(with.report.snapshot.is_some() && without.report.snapshot.is_none());
        assert!(with.report.events < without.report.events);
        assert_eq!(hashes(&with), shop.hashes());
        assert_eq!(hashes(&without), shop.hashes());
        assert_eq!((with.next_actor, with.next_sequence), (without.next_actor, without.next_sequence));
        assert_eq!(with.last_at, without.last_at);
    }
}

#[test]
fn a_damaged_snapshot_is_passed_over_as_long_as_the_journal_reaches_back_far_enough() {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = dir.path().join("snapshots");
    let shop = sell(open(dir.path(), &small()), &small(), 2);
    let mut files: Vec<_> =
        std::fs::read_dir(&snapshots).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 2, "{files:?}");
    let good = std::fs::read(&files[1]).unwrap();
    for at in (0..good.len()).step_by(good.len() / 12).chain([good.len() - 1]) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        std::fs::write(&files[1], bad).unwrap();
        let recovered = open(dir.path(), &small());
        assert_eq!(recovered.report.warnings.len(), 1, "byte {at}: {:?}", recovered.report.warnings);
        assert_eq!(hashes(&recovered), shop.hashes(), "byte {at}");
    }
    for length in [0, 8, good.len() / 2, good.len() - 1] {
        std::fs::write(&files[1], &good[..length]).unwrap();
        assert_eq!(hashes(&open(dir.path(), &small())), shop.hashes(), "length {length}");
    }
    assert!(!inspect(dir.path()).unwrap().is_sound());
    // Without the older one too, the first epochs would be needed, and they are gone.
    std::fs::write(&files[0], b"nothing").unwrap();
    match recover(DirLock::take(dir.path()).unwrap(), &small(), 2, SEED, &|_| {}) {
        Err(error @ RecoveryError::Uncovered { .. }) => {
            assert!(error.to_string().contains("no snapshot can be used"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    std::fs::write(&files[1], good).unwrap();
    assert_eq!(hashes(&open(dir.path(), &small())), shop.hashes());
}

#[test]
fn an_interrupted_snapshot_is_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    let rest = dir.path().join("0000000001.snap.tmp");
    std::fs::write(&rest, b"half").unwrap();
    let journal = MemoryJournal::new();
    let recovered = recover_from(Arc::new(journal.clone()), Some(store(&dir)), 1, SEED, &|_| {}).unwrap();
    assert!(!rest.exists());
    assert_eq!(recovered.report.warnings.len(), 0);
    assert_eq!(journal.epochs().unwrap().len(), 1);
}
