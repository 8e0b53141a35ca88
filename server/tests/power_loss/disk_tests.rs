//! What the disk keeps and what it may forget.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::disk::{Disk, ROOT};

const CUTS: u64 = 300;

fn name(name: &str) -> &OsStr {
    OsStr::new(name)
}

/// The names in the uppermost directory and what the files of these names hold.
fn found(disk: &Disk) -> Vec<(String, Vec<u8>)> {
    let names = disk.names(ROOT).unwrap().into_iter();
    let read = |about: super::disk::About| disk.read(about.node, 0, 1 << 20).unwrap_or_default();
    names.map(|(name, about)| (name.into_string().unwrap(), read(about))).collect()
}

/// Everything that is found after a power cut, over many of them.
fn outcomes(build: impl Fn(&mut Disk)) -> BTreeSet<Vec<(String, Vec<u8>)>> {
    let outcome = |seed| {
        let mut disk = Disk::new();
        build(&mut disk);
        disk.lose_power(&mut StdRng::seed_from_u64(seed));
        found(&disk)
    };
    (1..=CUTS).map(outcome).collect()
}

/// A file that was synced, and its name too.
fn safe(disk: &mut Disk, file: &str, bytes: &[u8]) -> u64 {
    let node = disk.make_file(ROOT, name(file)).unwrap().node;
    disk.write(node, 0, bytes).unwrap();
    disk.sync(node).unwrap();
    disk.sync(ROOT).unwrap();
    node
}

fn just(files: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
    files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect()
}

#[test]
fn what_was_synced_survives_and_nothing_else_is_sure() {
    let outcomes = outcomes(|disk| {
        let file = safe(disk, "file", b"one");
        disk.write(file, 3, b" two").unwrap();
        disk.write(file, 7, b" three").unwrap();
    });
    // The second write may be there without the first.
    let expected: [&[u8]; 4] = [b"one", b"one two", b"one two three", b"one\0\0\0\0 three"];
    assert_eq!(outcomes, expected.map(|bytes| just(&[("file", bytes)])).into());
}

#[test]
fn a_write_may_be_there_in_part_but_no_sector_is() {
    let outcomes = outcomes(|disk| {
        let file = safe(disk, "file", &[b'.'; 1500]);
        disk.write(file, 500, &[b'x'; 1000]).unwrap();
    });
    // 12 bytes of the first sector, all of the second, 476 of the third: any of them, or none.
    assert_eq!(outcomes.len(), 8);
    for outcome in outcomes {
        let bytes = &outcome[0].1;
        assert!(bytes[..500].iter().all(|byte| *byte == b'.') && bytes.len() == 1500);
        for sector in [500..512, 512..1024, 1024..1500] {
            assert!(bytes[sector.clone()].iter().all(|byte| *byte == bytes[sector.start]));
        }
    }
}

#[test]
fn a_sync_of_a_file_does_not_keep_its_name_nor_the_other_way_round() {
    let file_only = outcomes(|disk| {
        let node = disk.make_file(ROOT, name("file")).unwrap().node;
        disk.write(node, 0, b"bytes").unwrap();
        disk.sync(node).unwrap();
    });
    assert_eq!(file_only, [just(&[]), just(&[("file", b"bytes")])].into());
    let name_only = outcomes(|disk| {
        let node = disk.make_file(ROOT, name("file")).unwrap().node;
        disk.write(node, 0, b"bytes").unwrap();
        disk.sync(ROOT).unwrap();
    });
    assert_eq!(name_only, [just(&[("file", b"")]), just(&[("file", b"bytes")])].into());
}

#[test]
fn a_renamed_file_has_its_old_name_or_its_new_one() {
    let outcomes = outcomes(|disk| {
        safe(disk, "file", b"old");
        safe(disk, "file.tmp", b"new");
        disk.rename(ROOT, name("file.tmp"), name("file")).unwrap();
        assert_eq!(found(disk), just(&[("file", b"new")]));
    });
    assert_eq!(outcomes, [just(&[("file", b"old"), ("file.tmp", b"new")]), just(&[("file", b"new")])].into());
}

#[test]
fn a_deleted_file_may_be_back_as_long_as_its_directory_was_not_synced() {
    let remove = |disk: &mut Disk| {
        safe(disk, "file", b"old");
        disk.remove(ROOT, name("file")).unwrap();
    };
    assert_eq!(outcomes(remove), [just(&[]), just(&[("file", b"old")])].into());
    let synced = outcomes(|disk| {
        remove(disk);
        disk.sync(ROOT).unwrap();
    });
    assert_eq!(synced, [just(&[])].into());
}

#[test]
fn a_directory_that_was_not_synced_takes_what_is_in_it_along() {
    let outcomes = outcomes(|disk| {
        let directory = disk.make_directory(ROOT, name("directory")).unwrap().node;
        let file = disk.make_file(directory, name("file")).unwrap().node;
        disk.sync(file).unwrap();
        disk.sync(directory).unwrap();
    });
    assert_eq!(outcomes, [just(&[]), just(&[("directory", b"")])].into());
}

#[test]
fn fdatasync_keeps_bytes_and_length_unless_the_disk_has_none() {
    let written = |mut disk: Disk, seed| {
        let file = safe(&mut disk, "file", b"one");
        disk.write(file, 3, b" two").unwrap();
        disk.sync_data(file).unwrap();
        disk.lose_power(&mut StdRng::seed_from_u64(seed));
        found(&disk)
    };
    let with: BTreeSet<_> = (1..=CUTS).map(|seed| written(Disk::new(), seed)).collect();
    assert_eq!(with, [just(&[("file", b"one two")])].into());
    let without: BTreeSet<_> = (1..=CUTS).map(|seed| written(Disk::without_fdatasync(), seed)).collect();
    assert_eq!(without, [just(&[("file", b"one")]), just(&[("file", b"one two")])].into());
}
