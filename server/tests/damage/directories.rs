//! Data directories that are not what they were.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::common::promises::{Promises, inspect};
use crate::common::{Ask, Process};

/// Does something to a data directory.
type Harm = fn(&Path);

/// What the program has to say of it.
enum Told {
    /// It ends with 1 and this.
    Refuses(&'static str),
    /// It starts, with this as a warning, or without one.
    Starts(Option<&'static str>),
}

const EPOCH: &str = "journal/0000000001";

/// What is done, what the server says, what inspection says (nothing: that all is well).
const CASES: [(&str, Harm, Told, &str); 16] = [
    (
        "a byte in the first block",
        |dir| flip(&dir.join(EPOCH).join("db"), first_block(dir) + 70),
        Told::Refuses("the storage of epoch 1 in "),
        "a start refuses: its storage is damaged",
    ),
    (
        "the second half of the storage",
        |dir| cut(dir),
        Told::Refuses("the storage of epoch 1 in "),
        "a start refuses: its storage is damaged",
    ),
    (
        "the second half of the storage and its index",
        |dir| {
            let names = fs::read_dir(dir.join(EPOCH)).unwrap().map(|entry| entry.unwrap().path());
            let is_index = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("snap.");
            names.filter(is_index).for_each(|index| fs::remove_file(index).unwrap());
            cut(dir);
        },
        Told::Refuses("acknowledged orders are missing; restore the data directory from a backup"),
        "but block ",
    ),
    (
        "the storage",
        |dir| fs::remove_file(dir.join(EPOCH).join("db")).unwrap(),
        Told::Refuses("its file db is missing"),
        "a start refuses: its storage is damaged: its file db is missing",
    ),
    (
        "the settings of the storage",
        |dir| flip(&dir.join(EPOCH).join("conf"), 3),
        Told::Refuses("restore it from a backup, or run `tidegate inspect`"),
        "a start refuses: its storage is damaged",
    ),
    (
        "the epoch",
        |dir| fs::remove_dir_all(dir.join(EPOCH)).unwrap(),
        Told::Refuses("the journal ends with block 0, but block "),
        "a start refuses: the journal ends with block 0",
    ),
    (
        "what was in the folder of the journal",
        |dir| {
            fs::remove_dir_all(dir.join("journal")).unwrap();
            fs::create_dir(dir.join("journal")).unwrap();
        },
        Told::Refuses("the journal holds nothing, but the data directory's identity is there"),
        "a start refuses: the journal holds nothing, but there was one before",
    ),
    (
        "the folder of the journal",
        |dir| fs::remove_dir_all(dir.join("journal")).unwrap(),
        Told::Refuses("mount it, or restore the data directory from a backup"),
        "its journal is gone",
    ),
    (
        "the identity",
        |dir| fs::write(dir.join("identity"), "none").unwrap(),
        Told::Refuses("put back what it held, or delete it"),
        "a start refuses: ",
    ),
    (
        "the identity: it is not there",
        |dir| fs::remove_file(dir.join("identity")).unwrap(),
        Told::Starts(Some("receivers of webhooks may be sent again")),
        "the data directory has no identity, though its journal holds something",
    ),
    (
        "both places of the mark",
        |dir| [10, 4106].into_iter().for_each(|at| flip(&dir.join("journal/mark"), at)),
        Told::Refuses("restore it from a backup, or delete it to accept the journal as it is"),
        "a start refuses: the high-water mark",
    ),
    (
        "the mark",
        |dir| fs::remove_file(dir.join("journal/mark")).unwrap(),
        Told::Starts(Some("there is no high-water mark: the journal is taken as it is")),
        "there is no high-water mark",
    ),
    (
        "the end of the mark",
        |dir| drop(File::options().write(true).open(dir.join("journal/mark")).map(|mark| mark.set_len(4096))),
        Told::Starts(Some("has only 4096 of its 8192 bytes")),
        "has only 4096 of its 8192 bytes",
    ),
    (
        "a snapshot: half of one is there",
        |dir| fs::write(dir.join("snapshots/0000000001.snap"), b"TGSS\x01\0\0\0\x01").unwrap(),
        Told::Starts(Some("the snapshot of epoch 1 was passed over")),
        "a start passes the snapshot of epoch 1 over",
    ),
    (
        "nothing: an index that a kill left half made",
        |dir| fs::write(dir.join(EPOCH).join("snap.0000000000000FFF.generating"), b"half").unwrap(),
        Told::Starts(None),
        "",
    ),
    (
        "nothing: an epoch and a snapshot that a kill left half made",
        |dir| {
            fs::create_dir(dir.join("journal/0000000002.new")).unwrap();
            fs::write(dir.join("journal/0000000002.new/db"), b"half").unwrap();
            fs::write(dir.join("snapshots/0000000001.snap.tmp"), b"half").unwrap();
        },
        Told::Starts(None),
        "",
    ),
];

fn flip(file: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

/// Cuts the storage off before the last copy of the first block.
fn cut(dir: &Path) {
    let file = File::options().write(true).open(dir.join(EPOCH).join("db")).unwrap();
    file.set_len(first_block(dir)).unwrap();
}

/// Where the last copy of the first block begins: the storage writes it again with what comes later.
fn first_block(dir: &Path) -> u64 {
    let bytes = fs::read(dir.join(EPOCH).join("db")).unwrap();
    let begin = b"TGBK\x01\0\0\0\x01\0\0\0";
    let is_first = |at: &usize| bytes[*at..].starts_with(begin) && bytes[at + 16] == 1;
    (0..bytes.len() - 48).rev().find(is_first).unwrap() as u64
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_data_directory_that_is_not_what_it_was() {
    let home = tempfile::tempdir().unwrap();
    let good = home.path().join("good");
    let mut promises = Promises::default();
    // Two marks: the sale, and its end.
    for count in [21, 20] {
        let process = Process::start(&good);
        assert!(promises.make(&mut process.client(), count));
        process.terminate();
        assert_eq!(process.end().code(), Some(0));
    }
    assert!(inspect(&good).0);
    for (what, harm, told, inspected) in CASES {
        let dir = home.path().join("harmed");
        copy(&good, &dir);
        harm(&dir);
        let (is_sound, found) = inspect(&dir);
        assert_eq!(is_sound, inspected.is_empty(), "{what}: {found}");
        assert!(found.contains(inspected), "{what}: {found}\nshould say: {inspected}");
        match told {
            Told::Refuses(words) => {
                let (code, said) = refused(&dir);
                assert_eq!(code, Some(1), "{what}: {said}");
                assert!(said.contains(words), "{what}: {said}\nshould say: {words}");
            }
            Told::Starts(warning) => {
                let mut process = Process::start_listening(&dir, &[]);
                if let Some(words) = warning {
                    process.wait_for_that(words, |message| message.contains(words));
                }
                process.wait_for("ready");
                let told = Ask::new(process.http(), "GET", "/status").send().json();
                let warnings = told["recovery"]["warnings"].as_array().unwrap();
                assert_eq!(warnings.len(), usize::from(warning.is_some()), "{what}: {warnings:?}");
                promises.hold(&mut process.client());
                process.terminate();
                assert_eq!(process.end().code(), Some(0), "{what}");
            }
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}

/// Starts a server that refuses: its exit code and what it says.
fn refused(dir: &Path) -> (Option<i32>, String) {
    Process::try_start(dir, &[], &[]).err().unwrap_or_else(|| panic!("{} is served", dir.display()))
}

/// What is deleted because the message says so lets the server start.
#[test]
fn a_refused_start_changes_nothing_and_what_its_message_says_helps() {
    let home = tempfile::tempdir().unwrap();
    let mut promises = Promises::default();
    let process = Process::start(home.path());
    assert!(promises.make(&mut process.client(), 11));
    process.terminate();
    assert_eq!(process.end().code(), Some(0));
    let mark = home.path().join("journal/mark");
    let file = File::options().write(true).open(&mark).unwrap();
    [0, 4096].into_iter().for_each(|place| file.write_all_at(&[1; 48], place).unwrap());
    let before = fs::read(&mark).unwrap();
    assert_eq!(refused(home.path()).0, Some(1));
    assert_eq!(fs::read(&mark).unwrap(), before);
    fs::remove_file(&mark).unwrap();
    let process = Process::start(home.path());
    promises.hold(&mut process.client());
    assert!(promises.make(&mut process.client(), 1));
    process.terminate();
    assert_eq!(process.end().code(), Some(0));
    let (is_sound, found) = inspect(home.path());
    assert!(is_sound, "there is a mark again: {found}");
}
