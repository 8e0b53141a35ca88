//! A disk that fails to read, or to sync, and is well again.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, fadvise};
use tidegate_persistence::{Epoch, EpochNumber, Journal, SledJournal};
use tidegate_protocol::resp::Value;

use super::disk::Disk;
use super::machine;
use super::machine::Machine;
use crate::common::promises::{Promises, says_that_the_journal_failed};
use crate::common::{Client, Process, fair, streamed, until};

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
    for at in [written / 2, 0, written, log.len() - 1] {
        // What the kernel remembers it would not read.
        machine.forget();
        let sector = at as u64 / SECTOR * SECTOR;
        let (file, before) = (machine.file(LOG), files(&machine));
        machine.on_disk(|disk| disk.fail_reads(file, sector..sector + SECTOR));
        let started = machine.start().map(Process::kill);
        machine.on_disk(Disk::heal);
        assert!(files(&machine) == before, "byte {at}: a start that could not read it has changed something");
        let said = started.unwrap_err();
        assert!(said.contains("cannot read ") && said.contains(LOG), "byte {at}: {said}");
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

/// Makes the first epoch, whose second block is not on the disk: the sync that failed is all that tells of it. Returns its log
/// too.
fn with_a_failed_sync(machine: &Machine, journal: &SledJournal) -> (Arc<dyn Epoch>, u64) {
    let opened = journal.create(EpochNumber::FIRST).unwrap();
    opened.append(1, b"an order").unwrap();
    opened.sync().unwrap();
    let log = machine.on_disk(|disk| disk.at(Path::new("shop/data/0000000001/db")).unwrap().node);
    machine.on_disk(|disk| disk.fail_sync(log, 1));
    opened.append(2, b"an order that is lost").unwrap();
    opened.sync().unwrap_err();
    (opened, log)
}

/// Looks for what the disk has of it.
fn holds_what_the_disk_has(journal: &SledJournal) {
    let opened = journal.open(EpochNumber::FIRST).unwrap();
    assert_eq!(opened.block_from(1).unwrap().map(|block| block.bytes), Some(b"an order".to_vec()));
    assert_eq!(opened.block_from(2), Ok(None), "the disk does not have it");
}

#[test]
fn an_epoch_that_failed_to_sync_is_read_from_the_disk_when_it_is_opened_again() {
    let Some(machine) = machine(Disk::new(), fair::CONFIG) else { return };
    let journal = SledJournal::new(&machine.data(), 1 << 20).unwrap();
    let (opened, _) = with_a_failed_sync(&machine, &journal);
    opened.block_from(1).unwrap_err();
    assert!(opened.is_doubtful());
    drop(opened);
    holds_what_the_disk_has(&journal);
}

#[test]
fn an_epoch_is_fetched_as_the_disk_has_it() {
    let Some(machine) = machine(Disk::new(), fair::CONFIG) else { return };
    let journal = || SledJournal::new(&machine.data(), 1 << 20).unwrap();
    let (opened, log) = with_a_failed_sync(&machine, &journal());
    drop(opened);
    // Another start.
    let journal = journal();
    machine.on_disk(|disk| disk.fail_sync(log, 1));
    let error = journal.fetch(EpochNumber::FIRST).unwrap_err();
    assert!(error.to_string().contains("cannot sync"), "{error}");
    journal.fetch(EpochNumber::FIRST).unwrap();
    holds_what_the_disk_has(&journal);
}

#[test]
fn an_epoch_is_made_only_if_each_of_its_syncs_succeeds() {
    let Some(mut machine) = machine(Disk::new(), fair::CONFIG) else { return };
    let (dir, epoch) = (machine.data(), EpochNumber(1));
    let mut failed = 0;
    for n in 1.. {
        let journal = SledJournal::new(&dir, 1 << 20).unwrap();
        machine.on_disk(|disk| disk.fail_sync_of_next(OsStr::new("db"), n));
        let made = journal.create(epoch);
        let has_failed = machine.on_disk(Disk::heal);
        assert_eq!(
            made.is_err(),
            has_failed,
            "sync {n}: an epoch is made if all of it is on disk, and only then"
        );
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
        break;
    }
    assert_ne!(failed, 0, "no sync failed, so nothing was tried");
}

/// More than lie in one page of sled.
const BLOCKS: u64 = 200;

#[test]
fn a_reader_whose_read_fails_does_not_stop_the_writer() {
    let Some(machine) = machine(Disk::new(), fair::CONFIG) else { return };
    let (dir, epoch) = (machine.data(), EpochNumber(1));
    let journal = SledJournal::new(&dir, 1 << 20).unwrap();
    let opened = journal.create(epoch).unwrap();
    for sequence in 1..=BLOCKS {
        opened.append(sequence, &sequence.to_be_bytes()).unwrap();
    }
    opened.sync().unwrap();
    // Opened anew, sled has read no page yet, and then the last one, to write there.
    drop(opened);
    let opened = journal.open(epoch).unwrap();
    opened.append(BLOCKS + 1, b"an order").unwrap();
    opened.sync().unwrap();
    let path = dir.join("0000000001/db");
    let log = machine.on_disk(|disk| disk.at(Path::new("shop/data/0000000001/db")).unwrap().node);
    machine.on_disk(|disk| disk.fail_reads(log, 0..u64::MAX));
    forget(&path);
    assert!(!opened.is_doubtful());
    let said = opened.block_from(1).unwrap_err().to_string();
    assert!(said.contains("cannot use"), "{said}");
    assert!(opened.is_doubtful());
    opened.append(BLOCKS + 2, b"another").expect("a reader's error has stopped the writer");
    opened.sync().unwrap();
    machine.on_disk(Disk::heal);
    for sequence in 1..=BLOCKS {
        let found = opened.block_from(sequence).unwrap().map(|block| block.bytes);
        assert_eq!(found, Some(sequence.to_be_bytes().to_vec()));
    }
    drop(opened);
    let opened = journal.open(epoch).unwrap();
    assert!(!opened.is_doubtful());
    assert_eq!(opened.block_of(u64::MAX).unwrap().map(|block| block.bytes), Some(b"another".to_vec()));
}

#[test]
fn a_sale_goes_on_and_the_feed_is_read_again_after_reads_that_failed() {
    let Some(mut machine) = machine(Disk::new(), "[journal]\nepoch_bytes = 1048576\ncache_bytes = 1048576\n")
    else {
        return;
    };
    let process = machine.start().unwrap();
    let (mut client, mut promises) = (process.client(), Promises::default());
    assert!(promises.make(&mut client, 10));
    until(
        "a snapshot",
        || {
            assert!(promises.fill(&mut client));
            machine.data().join("snapshots/0000000001.snap").exists()
        },
        |exists| *exists,
    );
    stop(process);
    machine.forget();
    // A start reads the epochs behind the snapshot only.
    let process = machine.start().unwrap();
    let mut client = process.client();
    let first = read(&mut client, "0").unwrap();
    let log = machine.file(LOG);
    machine.on_disk(|disk| disk.fail_reads(log, 0..u64::MAX));
    forget(&machine.data().join(LOG));
    let mut at = first.clone();
    let said = loop {
        match read(&mut client, &at) {
            Ok(next) => at = next,
            Err(said) => break said,
        }
    };
    assert!(said.contains(LOG.trim_end_matches("/db")), "{said}");
    assert!(promises.make(&mut client, 3), "a reader's error has stopped the sale");
    machine.on_disk(Disk::heal);
    read(&mut client, &at).unwrap_or_else(|said| panic!("the feed can't be read again: {said}"));
    promises.hold(&mut client);
}

/// Reads on in the feed: the last entry that came, or what was said instead.
fn read(client: &mut Client, after: &str) -> Result<String, String> {
    match client.value(&format!("XREAD COUNT 5 STREAMS orders {after}")) {
        Value::Error(said) => Err(said),
        entries => Ok(streamed(&entries).last().unwrap().id.clone()),
    }
}

/// Has the kernel forget what is in a file.
fn forget(path: &Path) {
    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
}
