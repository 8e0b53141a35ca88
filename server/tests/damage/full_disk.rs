//! A disk that is full: a small file system in memory, filled by a file of ours but for what a case leaves, so that space
//! ends at every point of a start and a sale.
//!
//! The storage takes room for 16 MiB of its log at once: at a start, for the next epoch, and when an epoch goes beyond
//! it. Between these it writes into what it has; marks and snapshots take theirs beside it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::promises::{Promises, inspect, is_everything_tried, says_that_the_journal_failed};
use crate::common::{Ask, Process, not_checked};

const PLACE: &str = "TIDEGATE_FULL_DISK";
/// The last word of what is run there.
const DONE: &str = "every size was tried";
/// The most that a case leaves.
const MOST: u64 = 3 * LOG;
/// The size of the disk: what the most generous case leaves, and once more for each epoch that may then be there (one that a
/// snapshot has made superfluous, one that is full, the next) what it takes when it is opened.
const DISK: u64 = MOST + 3 * LOG;
/// About what the bulky SKU takes, less rather than more.
const BULK: u64 = 48 << 10;
/// What the storage takes at once.
const LOG: u64 = 16 << 20;
const PAGE: u64 = 4 << 10;
const MIB: u64 = 1 << 20;

/// A mount is seen by this test alone: it runs itself once more in a place of its own, which ends with it.
#[test]
fn a_disk_that_is_full_at_every_point_of_a_start_and_a_sale() {
    let place = tempfile::tempdir().unwrap();
    // Root, or who may be root in a place of its own.
    let own: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let script = format!("mount -t tmpfs -o size={DISK} tidegate \"${PLACE}\" && exec \"$@\"");
    let enter = |options: &[&str], program: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(options).args(["sh", "-c", &script, "sh"]).args(program).env(PLACE, place.path());
        command.env("TIDEGATE_JOURNAL_EPOCH_BYTES", MIB.to_string());
        command
    };
    let works =
        |options: &&&[&str]| enter(options, &["true"]).output().is_ok_and(|ended| ended.status.success());
    let Some(options) = own.iter().find(works) else {
        return not_checked(
            "full disks",
            "no file system can be mounted (unshare --mount)",
            "TIDEGATE_REQUIRE_MOUNT",
        );
    };
    let itself = std::env::current_exe().unwrap();
    let again = ["--exact", "full_disk::inside", "--ignored", "--nocapture", "--test-threads=1"];
    let program = [&[itself.to_str().unwrap()], &again[..]].concat();
    let ended = enter(options, &program).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success() && said.contains(DONE),
        "{said}{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    print!("{said}");
}

/// How much is left for a server, in bytes: too little to start; page by page around what a start takes; too little for
/// the next epoch; page by page around what that takes; too little for the one after it.
fn sizes() -> Vec<u64> {
    let (coarse, fine) = if is_everything_tried() { (MIB, 1) } else { (8 * MIB, 20) };
    let around = |log: u64| (0..40).step_by(fine).map(move |page| log + page * PAGE);
    let coarse = (0..MOST).step_by(coarse as usize);
    coarse.chain(around(LOG)).chain(around(2 * LOG)).collect()
}

#[test]
#[ignore = "what the test above runs where a small disk is mounted"]
fn inside() {
    let Some(disk) = std::env::var_os(PLACE).map(PathBuf::from) else { return };
    let (mut refused, mut failed, mut troubled, mut promised, mut went_on) = (0, 0, 0, 0, 0);
    for left in sizes() {
        let data = disk.join("data");
        fill(&disk, DISK - left);
        let mut promises = match sell(&data) {
            Ok((promises, is_troubled)) => {
                (failed, promised) = (failed + 1, promised + promises.count());
                troubled += u32::from(is_troubled);
                let (is_sound, found) = inspect(&data);
                assert!(is_sound || is_torn(&found), "{left} bytes: {found}");
                promises
            }
            Err(said) => {
                assert!(is_of_space(&said), "{left} bytes: {said}");
                refused += 1;
                fs::remove_file(disk.join("ballast")).unwrap();
                Promises::default()
            }
        };
        match start_on_a_full_disk(&disk, &data) {
            None => went_on += 1,
            Some(said) => assert!(is_of_space(&said), "{left} bytes: {said}"),
        }
        let process = Process::start(&data);
        promises.hold(&mut process.client());
        assert!(promises.make(&mut process.client(), 10), "{left} bytes: the sale goes on");
        process.terminate();
        assert_eq!(process.end().code(), Some(0));
        let (is_sound, found) = inspect(&data);
        assert!(is_sound, "{left} bytes: {found}");
        fs::remove_dir_all(&data).unwrap();
    }
    println!(
        "{refused} starts refused, {failed} journals failed ({troubled} of them in trouble before) after {promised} \
         promises, all kept; {went_on} servers started on a disk without any room"
    );
    assert!(refused > 0 && failed > 0 && troubled > 0);
    println!("{DONE}");
}

/// Whether the only damage is a write that the full disk interrupted, or a mark that it had no room for.
fn is_torn(found: &str) -> bool {
    let damage = found.lines().skip_while(|line| *line != "Damage").skip(1);
    let is_harmless =
        |line: &str| line.contains("a start cuts it") || line.contains("there is no high-water mark");
    damage.clone().count() > 0 && damage.clone().all(is_harmless)
}

/// Whether the server said that there is no space.
fn is_of_space(said: &str) -> bool {
    ["No space left on device", "no space is left"].iter().any(|words| said.contains(words))
}

/// What a server says that is started while nothing at all is left, if it does not start.
fn start_on_a_full_disk(disk: &Path, data: &Path) -> Option<String> {
    let room = rustix::fs::statvfs(disk).unwrap();
    fill(disk, room.f_bavail * room.f_frsize);
    let said = match Process::try_start(data, &[], &[]) {
        Ok(process) => {
            process.terminate();
            process.end();
            None
        }
        Err((_, said)) => Some(said),
    };
    fs::remove_file(disk.join("ballast")).unwrap();
    said
}

/// Takes this much of the disk.
fn fill(disk: &Path, bytes: u64) {
    let ballast = File::create(disk.join("ballast")).unwrap();
    rustix::fs::fallocate(&ballast, rustix::fs::FallocateFlags::empty(), 0, bytes).unwrap();
}

/// Sells until the disk is full: what was promised, and whether a mark, an epoch or a snapshot could not be made before,
/// so that the journal went on without. An error if the server does not even start.
fn sell(data: &Path) -> Result<(Promises, bool), String> {
    let process = Process::try_start(data, &[], &[]).map_err(|(_, said)| said)?;
    let mut promises = Promises::default();
    let mut client = process.client();
    let mut filled = 0;
    while promises.make(&mut client, 2) && promises.fill(&mut client) {
        filled += BULK;
        assert!(filled < 2 * MOST, "more was acknowledged than the disk can hold");
    }
    says_that_the_journal_failed(&process, &mut client, "no space is left for the journal");
    let told = Ask::new(process.http(), "GET", "/status").send().json();
    let is_troubled = told["journal"]["trouble"].as_str().is_some_and(|trouble| trouble.contains("space"));
    // Space alone changes nothing: what is on the disk is known only after a restart.
    fs::remove_file(data.with_file_name("ballast")).unwrap();
    says_that_the_journal_failed(&process, &mut client, "free some and restart");
    process.terminate();
    process.end();
    Ok((promises, is_troubled))
}
