//! A disk that fails to read, or to sync, and is well again.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tidegate_persistence::{EpochNumber, Journal, SledJournal};

use super::disk::Disk;
use super::machine;
use super::machine::Machine;
use crate::common::promises::{Promises, says_that_the_journal_failed};
use crate::common::{Process, fair};

/// The log of the first epoch.
const LOG: &str = "journal/0000000001/db";
const SECTOR: u64 = 512;

fn stop(process: Process) {
    process.terminate();
    assert_eq!(process.end().code(), Some(0));
}

/// A file of the data directory, as the disk has it.
fn on_disk(machine: &Machine, name: &str) -> Vec<u8> {
    let node = machine.file(name);
    machine.on_disk(|disk| disk.read(node, 0, 1 << 30).unwrap())
}

/// Every file of the journal and of the snapshots, as the disk has it.
fn files(machine: &Machine) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut ahead) = (BTreeMap::new(), vec![PathBuf::from("shop/data")]);
    machine.on_disk(|disk| {
        while let Some(path) = ahead.pop() {
            let about = disk.at(&path).unwrap();
            if about.is_directory {
                ahead.extend(disk.names(about.node).unwrap().into_iter().map(|(name, _)| path.join(name)));
            } else if !path.ends_with("tidegate.lock") {
                let bytes = disk.read(about.node, 0, about.length as usize).unwrap();
                files.insert(path, bytes);
            }
        }
    });
    files
}

#[test]
fn a_sector_that_can_not_be_read_for_a_while_takes_no_order_with_it() {
    let Some(mut machine) = machine(Disk::new(), fair::CONFIG) else { return };
    let process = machine.start().unwrap();
    let mut promises = Promises::default();
    for _ in 0..20 {
        assert!(promises.make(&mut process.client(), 10));
    }
    // sled has to look for the end of its log.
    process.kill();
    let log = fs::read(machine.data().join(LOG)).unwrap();
    let written = log.iter().rposition(|byte| *byte != 0).unwrap();
    for at in [0, written / 2, written, log.len() - 1] {
        // What the kernel remembers it would not read.
        machine.forget();
        let sector = at as u64 / SECTOR * SECTOR;
        let (file, before) = (machine.file(LOG), files(&machine));
        machine.on_disk(|disk| disk.fail_reads(file, sector..sector + SECTOR));
        let said = machine.start().map(drop).unwrap_err();
        assert!(said.contains("cannot read ") && said.contains(LOG), "{at}: {said}");
        machine.on_disk(Disk::heal);
        assert!(files(&machine) == before, "byte {at}: a start that was refused has changed something");
        let process = machine.start().unwrap();
        promises.hold(&mut process.client());
        process.kill();
    }
}

#[test]
fn what_a_failed_sync_has_lost_is_not_built_on_after_a_restart() {
    for n in 1..=3 {
        let Some(mut machine) = machine(Disk::new(), fair::CONFIG) else { return };
        stop(machine.start().unwrap());
        // The second one has read the whole log, so the kernel remembers every page of it.
        let process = machine.start().unwrap();
        let (mut client, mut promises) = (process.client(), Promises::default());
        assert!(promises.make(&mut client, 3));
        let log = machine.file(LOG);
        machine.on_disk(|disk| disk.fail_sync(log, n));
        while promises.make(&mut client, 1) {}
        says_that_the_journal_failed(&process, &mut client, "cannot sync");
        process.kill();
        let remembered = fs::read(machine.data().join(LOG)).unwrap();
        assert!(
            remembered != on_disk(&machine, LOG),
            "sync {n}: the kernel has forgotten it, so nothing is tried"
        );
        let process = machine.start().unwrap();
        promises.hold(&mut process.client());
        assert!(promises.make(&mut process.client(), 3), "the sale goes on");
        process.kill();
        machine.lose_power(Disk::lose_unsynced);
        let process = machine.start().unwrap_or_else(|said| panic!("sync {n}: orders are lost: {said}"));
        promises.hold(&mut process.client());
    }
}

#[test]
fn an_epoch_that_failed_to_sync_is_read_from_the_disk_when_it_is_opened_again() {
    let Some(machine) = machine(Disk::new(), fair::CONFIG) else { return };
    let (dir, epoch) = (machine.data(), EpochNumber(1));
    let journal = SledJournal::new(&dir, 1 << 20).unwrap();
    let opened = journal.create(epoch).unwrap();
    opened.append(1, b"an order").unwrap();
    opened.sync().unwrap();
    let log = machine.on_disk(|disk| disk.at(Path::new("shop/data/0000000001/db")).unwrap().node);
    machine.on_disk(|disk| disk.fail_sync(log, 1));
    opened.append(2, b"an order that is lost").unwrap();
    opened.sync().unwrap_err();
    drop(opened);
    let opened = journal.open(epoch).unwrap();
    assert_eq!(opened.block_from(1).unwrap().map(|block| block.bytes), Some(b"an order".to_vec()));
    assert_eq!(opened.block_from(2), Ok(None), "the disk does not have it");
}

#[test]
fn an_epoch_whose_first_bytes_were_not_synced_is_not_sold_in() {
    let Some(mut machine) = machine(Disk::new(), fair::CONFIG) else { return };
    let (dir, epoch) = (machine.data(), EpochNumber(1));
    let mut failed = 0;
    for n in 1.. {
        let journal = SledJournal::new(&dir, 1 << 20).unwrap();
        machine.on_disk(|disk| disk.fail_sync_of_next(OsStr::new("db"), n));
        let made = journal.create(epoch);
        let has_failed = machine.on_disk(Disk::heal);
        let Ok(made) = made else {
            failed += 1;
            continue;
        };
        made.append(1, b"an order").unwrap();
        made.sync().unwrap();
        drop(made);
        machine.lose_power(Disk::lose_unsynced);
        let journal = SledJournal::new(&dir, 1 << 20).unwrap();
        let found = journal.open(epoch).unwrap().block_from(0).unwrap();
        assert_eq!(found.map(|block| block.bytes), Some(b"an order".to_vec()), "sync {n}");
        journal.remove(epoch).unwrap();
        if !has_failed {
            break;
        }
    }
    assert_ne!(failed, 0, "no sync failed, so nothing was tried");
}
