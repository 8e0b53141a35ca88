//! A journal on a real disk: written, closed, opened again, rotated, inspected.
#![allow(clippy::unwrap_used)] // also in helpers outside a test function

mod common;

use common::{Shop, hashes, open, sell_epochs, small, start, wait};
use tidegate_persistence::{ActorId, DirLock, LockError, Options, RebuildError, Ticket, inspect, recover};

#[test]
fn what_was_sold_is_there_after_a_restart_and_the_sale_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::default();
    let mut shop = Shop::default();
    for round in 0..3u64 {
        let mut recovered = open(dir.path(), &options);
        assert_eq!(recovered.next_actor, ActorId(if round == 0 { 0 } else { 3 }));
        assert_eq!(hashes(&recovered), shop.hashes());
        assert!(recovered.report.warnings.is_empty(), "{:?}", recovered.report.warnings);
        shop = Shop::recovered(&mut recovered);
        let before = recovered.next_sequence;
        let (writer, lane, wakes) = start(recovered.journal, &options);
        let (mut last, mut events) = (Ticket(0), 0);
        for turn in 0..50 {
            let group = shop.sell(turn % 3, 1 + turn % 4).finish().unwrap();
            events += u64::from(group.events());
            last = lane.submit(group);
        }
        wait(&lane, &wakes, last);
        let status = writer.status();
        assert_eq!(status.durable_sequence, before + events - 1);
        assert_eq!((status.groups_in_flight, status.bytes_in_flight), (0, 0));
        writer.stop().unwrap();
    }
}

#[test]
fn no_block_however_large_leaves_the_log_of_the_storage() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::default();
    let mut shop = Shop::default();
    let (writer, lane, wakes) = start(open(dir.path(), &options).journal, &options);
    for turn in 0..40 {
        let ticket = lane.submit(shop.sell(turn % 2, 1 + turn * 400).finish().unwrap());
        wait(&lane, &wakes, ticket);
    }
    assert!(writer.status().commit_bytes.max > 400 << 10, "{:?}", writer.status());
    writer.stop().unwrap();
    drop(lane);
    let blobs = dir.path().join("journal/0000000001/blobs");
    assert_eq!(std::fs::read_dir(blobs).unwrap().count(), 0);
    assert_eq!(hashes(&open(dir.path(), &options)), shop.hashes());
}

#[test]
fn a_data_directory_belongs_to_one_process_until_the_last_reader_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (writer, _lane, _) = start(open(dir.path(), &small()).journal, &small());
    let reader = writer.reader();
    let refused = |what: &str| match DirLock::take(dir.path()) {
        Err(error @ LockError::Held { .. }) => {
            assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
        }
        other => panic!("{what}: {other:?}"),
    };
    refused("running");
    assert!(inspect(dir.path()).unwrap_err().to_string().contains("in use by process"));
    writer.stop().unwrap();
    refused("still read");
    drop(reader);
    open(dir.path(), &small());
}

#[test]
fn an_actor_whose_beginning_can_not_be_read_is_not_taken_for_one_that_never_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut shop = Shop::default();
    let (writer, lane, wakes) = start(open(dir.path(), &small()).journal, &small());
    while dir.path().join("journal/0000000001").exists() {
        sell_epochs(&mut shop, &writer, &lane, &wakes, 3);
    }
    let snapshots =
        || std::fs::read_dir(dir.path().join("snapshots")).unwrap().map(|entry| entry.unwrap().path());
    snapshots().for_each(|snapshot| std::fs::write(snapshot, "damaged").unwrap());
    let error = writer.reader().rebuild(ActorId(0), 3).unwrap_err();
    assert!(matches!(error, RebuildError::Snapshot(_)) && !error.may_pass(), "{error}");
    // A snapshot that can't be read now may be good.
    let newest = snapshots().max().unwrap();
    assert!(snapshots().count() > 1);
    std::fs::remove_file(&newest).unwrap();
    std::fs::create_dir(&newest).unwrap();
    let error = writer.reader().rebuild(ActorId(0), 3).unwrap_err();
    assert!(matches!(error, RebuildError::Snapshot(_)) && error.may_pass(), "{error}");
    std::fs::remove_dir(&newest).unwrap();
    snapshots().for_each(|snapshot| std::fs::remove_file(snapshot).unwrap());
    let error = writer.reader().rebuild(ActorId(0), 3).unwrap_err();
    assert!(matches!(error, RebuildError::NoBeginning(_)) && !error.may_pass(), "{error}");
    writer.stop().unwrap();
}

#[test]
fn epochs_follow_each_other_and_snapshots_stand_in_for_old_ones() {
    let dir = tempfile::tempdir().unwrap();
    let options = small();
    let mut shop = Shop::default();
    let (writer, lane, wakes) = start(open(dir.path(), &options).journal, &options);
    for _ in 0..2 {
        sell_epochs(&mut shop, &writer, &lane, &wakes, 3);
    }
    let trouble = writer.status().trouble;
    assert_eq!(trouble, None);
    for actor in 0..7 {
        let rebuilt = writer.reader().rebuild(ActorId(actor), 3).unwrap();
        let (state, _) = &shop.skus[&actor];
        assert_eq!(rebuilt.state.sku().unwrap().state_hash(), state.sku().unwrap().state_hash());
    }
    assert!(matches!(writer.reader().rebuild(ActorId(99), 3), Err(RebuildError::Unknown(ActorId(99)))));
    writer.stop().unwrap();
    drop(lane);
    assert!(!dir.path().join("journal/0000000001").exists(), "the first epoch is beyond retention");

    let inspection = inspect(dir.path()).unwrap();
    assert!(inspection.is_sound(), "{inspection}");
    let seen: Vec<_> = inspection.skus.iter().map(|sku| sku.state_hash).collect();
    let expected: Vec<_> = shop.hashes().into_iter().map(|(_, hash)| hash).collect();
    assert_eq!(seen, expected);

    let recovered = open(dir.path(), &options);
    assert!(recovered.report.snapshot.is_some());
    assert_eq!(recovered.report.warnings, Vec::<String>::new());
    assert_eq!(hashes(&recovered), shop.hashes());
}

#[test]
fn inspection_lists_damage_and_changes_no_byte() {
    let dir = tempfile::tempdir().unwrap();
    let mut shop = Shop::default();
    let (writer, lane, wakes) = start(open(dir.path(), &small()).journal, &small());
    for turn in 0..20 {
        let ticket = lane.submit(shop.sell(turn % 2, 2).finish().unwrap());
        wait(&lane, &wakes, ticket);
    }
    writer.stop().unwrap();
    drop(lane);
    let before = bytes_of(dir.path());
    let inspection = inspect(dir.path()).unwrap();
    assert!(inspection.is_sound(), "{inspection}");
    assert!(inspection.to_string().contains("sku-1: 999980 available"), "{inspection}");
    assert_eq!(inspection.epochs[0].blocks, 20);
    assert_eq!(bytes_of(dir.path()), before);

    // Blocks vanish behind the journal's back.
    let journal = tidegate_persistence::SledJournal::new(&dir.path().join("journal"), 4 << 20).unwrap();
    let epoch = tidegate_persistence::Journal::open(&journal, tidegate_persistence::EpochNumber(1)).unwrap();
    let third = epoch.block_from(10).unwrap().unwrap().first_sequence;
    epoch.cut(third).unwrap();
    drop(epoch);
    let before = bytes_of(dir.path());
    let inspection = inspect(dir.path()).unwrap();
    assert!(inspection.to_string().contains("but block 20 was acknowledged"), "{inspection}");
    assert!(inspection.skus.is_empty());
    assert_eq!(bytes_of(dir.path()), before);
    assert!(recover(DirLock::take(dir.path()).unwrap(), &small(), 1, 1, &|_| {}).is_err());
}

/// Every file below a directory and what is in it.
fn bytes_of(dir: &std::path::Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files.extend(bytes_of(&entry.path()));
        } else {
            files.insert(entry.path(), std::fs::read(entry.path()).unwrap());
        }
    }
    files
}
