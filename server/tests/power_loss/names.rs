//! Names in directories, each in the state in which it was lost once. Random cuts seldom come to most of these.

use std::fs::{self, File};
use std::path::Path;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tidegate_persistence::{EpochNumber, Journal, SledJournal, SnapshotDir, SnapshotStore};

use super::disk::Disk;
use super::{DELETING, machine};
use crate::common::fair::Operator;
use crate::common::{fair, until};

#[test]
fn a_data_directory_is_there_after_a_power_cut() {
    let Some(mut machine) = machine(Disk::new(), fair::CONFIG) else { return };
    let process = machine.start().unwrap();
    process.kill();
    machine.lose_power(Disk::lose_unsynced);
    assert!(machine.data().join("journal/0000000001/db").exists());
}

#[test]
fn the_snapshots_of_a_first_run_are_there_as_long_as_epochs_are_deleted_for_them() {
    let Some(mut machine) = machine(Disk::new(), DELETING) else { return };
    let process = machine.start().unwrap();
    let (client, first) = (process.client(), machine.data().join("journal/0000000001"));
    let mut operator = Operator::default();
    std::thread::scope(|scope| {
        scope.spawn(|| operator.work(client, &mut StdRng::seed_from_u64(1)));
        until("the end of the first epoch", || first.exists(), |exists| !exists);
        process.kill();
    });
    machine.lose_power(Disk::lose_unsynced);
    operator.check(&mut machine.start().unwrap().client());
}

#[test]
fn an_epoch_that_a_killed_server_has_just_named_is_there_after_the_next_one_has_sold_in_it() {
    let Some(mut machine) = machine(Disk::new(), fair::CONFIG) else { return };
    let (dir, epoch) = (machine.data(), EpochNumber(1));
    let journal = || {
        let journal = SledJournal::new(&dir, 1 << 20).unwrap();
        journal.tidy().unwrap();
        journal
    };
    drop(journal().create(epoch).unwrap());
    forget_to_sync_the_name(&dir.join("0000000001"));
    let opened = journal().open(epoch).unwrap();
    opened.append(1, b"an order").unwrap();
    opened.sync().unwrap();
    drop(opened);
    machine.lose_power(Disk::lose_unsynced);
    let found = journal().open(epoch).unwrap().block_from(0).unwrap();
    assert_eq!(found.map(|block| block.bytes), Some(b"an order".to_vec()));
}

#[test]
fn a_snapshot_that_a_killed_server_has_just_named_is_there_after_the_next_one_has_begun() {
    let Some(mut machine) = machine(Disk::new(), fair::CONFIG) else { return };
    let (dir, epoch) = (machine.data(), EpochNumber(1));
    let snapshots = SnapshotDir::new(dir.clone());
    snapshots.tidy().unwrap();
    snapshots.begin(epoch).unwrap().sync().unwrap();
    snapshots.finish(epoch).unwrap();
    forget_to_sync_the_name(&dir.join("0000000001.snap"));
    snapshots.tidy().unwrap();
    machine.lose_power(Disk::lose_unsynced);
    assert_eq!(snapshots.list().unwrap(), [epoch]);
}

#[test]
fn an_epoch_that_is_deleted_is_whole_or_gone() {
    let epoch = EpochNumber(1);
    for seed in 0..20 {
        let Some(mut machine) = machine(Disk::new(), fair::CONFIG) else { return };
        let dir = machine.data();
        let journal = SledJournal::new(&dir, 1 << 20).unwrap();
        let opened = journal.create(epoch).unwrap();
        opened.append(1, b"an order").unwrap();
        opened.sync().unwrap();
        drop(opened);
        journal.remove(epoch).unwrap();
        machine.lose_power(|disk| disk.lose_power(&mut StdRng::seed_from_u64(seed)));
        let journal = SledJournal::new(&dir, 1 << 20).unwrap();
        journal.tidy().unwrap();
        for epoch in journal.epochs().unwrap() {
            assert_ne!(journal.open(epoch).unwrap().block_from(0), Ok(None), "seed {seed}");
        }
    }
}

/// Leaves something as a server does that is killed after it has named it, and before it has synced the name.
fn forget_to_sync_the_name(path: &Path) {
    let unnamed = path.with_file_name("unnamed");
    fs::rename(path, &unnamed).unwrap();
    File::open(path.parent().unwrap()).unwrap().sync_all().unwrap();
    fs::rename(&unnamed, path).unwrap();
}
