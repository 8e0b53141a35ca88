//! Every target over its seeds and over random changes to them, on any toolchain: what libFuzzer does with coverage to guide
//! it, done blindly. `TIDEGATE_FUZZ_CASES` says how many, and `TIDEGATE_SEED` has those of a failure run again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use tidegate_fuzz_targets::TARGETS;

/// Random inputs for each target, if nothing else is said.
const CASES: u32 = 256;

/// Most inputs that are made up have so many bytes.
const MADE_UP: usize = 128;

/// Memory is counted over all threads, so targets run one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A change to an input, at places that fit any length.
#[derive(Clone, Debug)]
enum Change {
    Flip {
        at: Index,
        bit: u8,
    },
    Set {
        at: Index,
        byte: u8,
    },
    Insert {
        at: Index,
        bytes: Vec<u8>,
    },
    Remove {
        from: Index,
        to: Index,
    },
    Repeat {
        from: Index,
        to: Index,
        at: Index,
    },
    /// Goes on as another seed does from there.
    Splice {
        at: Index,
        other: Index,
        from: Index,
    },
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let index = any::<Index>;
    let change = prop_oneof![
        (index(), 0..8_u8).prop_map(|(at, bit)| Change::Flip { at, bit }),
        (index(), any::<u8>()).prop_map(|(at, byte)| Change::Set { at, byte }),
        (index(), prop_oneof![vec(any::<u8>(), 1..8), told()])
            .prop_map(|(at, bytes)| Change::Insert { at, bytes }),
        (index(), index()).prop_map(|(from, to)| Change::Remove { from, to }),
        (index(), index(), index()).prop_map(|(from, to, at)| Change::Repeat { from, to, at }),
        (index(), index(), index()).prop_map(|(at, other, from)| Change::Splice { at, other, from }),
    ];
    vec(change, 1..6)
}

/// What parsers trip over.
fn told() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "-1",
        "0",
        "18446744073709551616",
        "9007199254740992",
        "1e99",
        "$999999999\r\n",
        "*1000000000\r\n",
        "\r\n",
        "\"",
        "\\u0000",
        "null",
        "[[[[",
        "{\"a\":",
        "\u{fffd}",
        "#crash\n",
        "#pass 600001\n",
        "#settle\n",
        "#kill\n",
    ];
    proptest::sample::select(words.map(|word| word.as_bytes().to_vec()).to_vec())
}

fn changed(mut input: Vec<u8>, changes: Vec<Change>, seeds: &[Vec<u8>]) -> Vec<u8> {
    let span = |from: Index, to: Index, length: usize| {
        let (from, to) = (from.index(length + 1), to.index(length + 1));
        from.min(to)..from.max(to)
    };
    for change in changes {
        let length = input.len();
        match change {
            Change::Flip { at, bit } if length > 0 => input[at.index(length)] ^= 1 << bit,
            Change::Set { at, byte } if length > 0 => input[at.index(length)] = byte,
            Change::Flip { .. } | Change::Set { .. } => {}
            Change::Insert { at, bytes } => {
                let at = at.index(length + 1);
                input.splice(at..at, bytes);
            }
            Change::Remove { from, to } => drop(input.drain(span(from, to, length))),
            Change::Repeat { from, to, at } => {
                let again = input[span(from, to, length)].to_vec();
                let at = at.index(length + 1);
                input.splice(at..at, again);
            }
            Change::Splice { at, other, from } => {
                let other = &seeds[other.index(seeds.len())];
                input.truncate(at.index(length + 1));
                input.extend_from_slice(&other[from.index(other.len() + 1)..]);
            }
        }
    }
    input
}

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds").join(target);
    let entries =
        std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no seeds");
    files.into_iter().map(|file| (file.clone(), std::fs::read(&file).unwrap())).collect()
}

/// Runs a target over its seeds, then over random inputs.
fn try_target(name: &str) {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let files = seeds(name);
    for (file, bytes) in &files {
        let run = catch_unwind(|| target(bytes));
        assert!(run.is_ok(), "{} shows a defect, see above", file.display());
    }
    let seeds: Vec<Vec<u8>> = files.into_iter().map(|(_, bytes)| bytes).collect();
    let number = |variable: &str| std::env::var(variable).ok().map(|number| number.parse().unwrap());
    let seed: u64 = number("TIDEGATE_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    // At once, for a target may take its process with it.
    let _ = writeln!(std::io::stderr(), "{name}: TIDEGATE_SEED={seed}");
    let cases = number("TIDEGATE_FUZZ_CASES").map_or(CASES, |cases| u32::try_from(cases).unwrap());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let input = prop_oneof![
        1 => vec(any::<u8>(), 0..MADE_UP),
        9 => (any::<Index>(), changes()).prop_map({
            let seeds = seeds.clone();
            move |(at, changes)| changed(seeds[at.index(seeds.len())].clone(), changes, &seeds)
        }),
    ];
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let run = runner.run(&input, |bytes| {
        catch_unwind(AssertUnwindSafe(|| target(&bytes))).map_err(|_| TestCaseError::fail("see above"))
    });
    match run {
        Ok(()) => {}
        Err(TestError::Fail(_, bytes)) => panic!(
            "{name} has a defect; the shortest input that shows it has {} bytes: b\"{}\"\nto run these cases again: TIDEGATE_SEED={seed}",
            bytes.len(),
            bytes.escape_ascii()
        ),
        Err(TestError::Abort(why)) => panic!("{name} was not tried to the end: {why}; TIDEGATE_SEED={seed}"),
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            try_target(stringify!($name));
        })*

        #[test]
        fn every_target_is_tried() {
            let mut tried = [$(stringify!($name)),*];
            let mut all = TARGETS.map(|(name, _)| name);
            tried.sort_unstable();
            all.sort_unstable();
            assert_eq!(tried, all);
        }
    };
}

targets!(resp_requests resp_replies commands documents campaign_files json_rpc ws_frames blocks snapshots sessions);
