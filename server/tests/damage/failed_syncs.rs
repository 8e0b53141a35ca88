//! A disk that fails to sync: the kernel's answer is changed on its way to the server, by strace.

use std::process::Command;

use crate::common::{Process, not_checked};
use crate::promises::{Promises, inspect, is_everything_tried, says_that_the_journal_failed};

/// Runs a program so that this call of each of its threads fails, the first being 1. The program has the process id of
/// what is started, not strace.
fn failing(calls: &str, at: usize) -> Vec<String> {
    let inject = format!("inject={calls}:error=EIO:when={at}");
    ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e"]
        .into_iter()
        .map(str::to_owned)
        .chain([format!("trace={calls}"), "-e".to_owned(), inject])
        .collect()
}

/// One order at a time, so one commit after the other.
const COMMITS: usize = 12;

#[test]
fn every_commit_of_a_sale_is_not_synced_once() {
    let strace = failing("fdatasync", 1);
    let probe = Command::new(&strace[0]).args(&strace[1..]).arg("true").output();
    if !probe.is_ok_and(|ended| ended.status.success()) {
        return not_checked(
            "disks that do not sync",
            "strace is not here or may not trace",
            "TIDEGATE_REQUIRE_STRACE",
        );
    }
    let commits = if is_everything_tried() { 10 * COMMITS } else { COMMITS };
    let mut promised = 0;
    for at in 1..=commits {
        let dir = tempfile::tempdir().unwrap();
        let through = failing("fdatasync", at);
        let through: Vec<_> = through.iter().map(String::as_str).collect();
        let process = match Process::try_start(dir.path(), &through) {
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
