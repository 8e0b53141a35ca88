//! A disk that fails to sync: the kernel's answer is changed on its way to the server, by strace.

use std::process::Command;

use crate::common::promises::{Promises, inspect, is_everything_tried, says_that_the_journal_failed};
use crate::common::{Ask, Exposition, Process, not_checked, until};

/// Runs a program so that these calls of each of its threads fail, the first being 1. The program has the process id of
/// what is started, not strace.
fn failing(calls: &str, at: &str) -> Vec<String> {
    let inject = format!("inject={calls}:error=EIO:when={at}");
    ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e"]
        .into_iter()
        .map(str::to_owned)
        .chain([format!("trace={calls}"), "-e".to_owned(), inject])
        .collect()
}

/// Whether calls can be made to fail here.
fn can_fail() -> bool {
    let strace = failing("fdatasync", "1");
    let probe = Command::new(&strace[0]).args(&strace[1..]).arg("true").output();
    let can = probe.is_ok_and(|ended| ended.status.success());
    if !can {
        let why = "strace is not here or may not trace";
        not_checked("disks that do not sync", why, "TIDEGATE_REQUIRE_STRACE");
    }
    can
}

/// One order at a time, so one commit after the other.
const COMMITS: usize = 12;

#[test]
fn every_commit_of_a_sale_is_not_synced_once() {
    if !can_fail() {
        return;
    }
    let commits = if is_everything_tried() { 10 * COMMITS } else { COMMITS };
    let mut promised = 0;
    for at in 1..=commits {
        let dir = tempfile::tempdir().unwrap();
        let through = failing("fdatasync", &at.to_string());
        let through: Vec<_> = through.iter().map(String::as_str).collect();
        let process = match Process::try_start(dir.path(), &through, &[]) {
            Ok(process) => process,
            // Whoever opens the journal syncs it once.
            Err((code, said)) => {
                assert!(at == 1 && code == Some(1) && said.contains("cannot sync"), "{at}: {code:?}, {said}");
                continue;
            }
        };
        let mut promises = Promises::default();
        let mut client = process.client();
        while promises.make(&mut client, 1) {
            assert!(promises.count() <= commits, "nothing failed");
        }
        assert_eq!(promises.count(), at - 1, "each commit before was acknowledged");
        promised += promises.count();
        // The call after it would do well; nobody asks.
        says_that_the_journal_failed(&process, &mut client, "cannot sync");
        process.terminate();
        let ended = process.end();
        assert_eq!(ended.code(), Some(1), "it did not end with everything on disk: {ended}");
        let (_, found) = inspect(dir.path());
        assert!(!found.contains("a start refuses"), "commit {at}: {found}");
        let process = Process::start(dir.path());
        promises.hold(&mut process.client());
        assert!(promises.make(&mut process.client(), 3), "commit {at}: the sale goes on");
        process.terminate();
        assert_eq!(process.end().code(), Some(0));
        let (is_sound, found) = inspect(dir.path());
        assert!(is_sound, "commit {at}: {found}");
    }
    println!("{commits} commits were not synced; all {promised} promises before are kept");
}

#[test]
fn an_epoch_whose_name_is_not_synced_is_made_again() {
    if can_fail() {
        // Once; and so that what it leaves can't be cleared away at first either.
        ["2", "2..4"].into_iter().for_each(an_epoch_is_made_although_syncs_fail);
    }
}

fn an_epoch_is_made_although_syncs_fail(at: &str) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tidegate.toml");
    std::fs::write(&config, "[journal]\nepoch_bytes = 1048576\n").unwrap();
    let data = dir.path().join("data");
    let start = |through: &[&str]| {
        Process::try_start(&data, through, &["--config", config.to_str().unwrap()]).unwrap()
    };
    let process = start(&[]);
    process.terminate();
    assert_eq!(process.end().code(), Some(0));
    // Only what is done to the journal's own directory. A start syncs it once, in another thread than the one that makes
    // epochs, whose first call does well too.
    let journal = data.join("journal");
    let mut through = failing("fsync", at);
    through.extend(["-P".to_owned(), journal.to_str().unwrap().to_owned()]);
    let through: Vec<_> = through.iter().map(String::as_str).collect();
    let process = start(&through);
    let (mut client, mut promises) = (process.client(), Promises::default());
    let metrics = || Exposition::parse(&Ask::new(process.http(), "GET", "/metrics").send().body);
    // Three epochs are filled: the second of those that are made for that can't be finished at first.
    until(
        "epochs to be made",
        || {
            assert!(promises.fill(&mut client), "the journal failed");
            metrics().sample("tidegate_journal_epoch")
        },
        |epoch| *epoch >= 4.0,
    );
    assert!(metrics().sample(r#"tidegate_journal_troubles_total{what="epoch"}"#) >= 1.0);
    process.terminate();
    assert_eq!(process.end().code(), Some(0));
    let (is_sound, found) = inspect(&data);
    assert!(is_sound, "{found}");
}
