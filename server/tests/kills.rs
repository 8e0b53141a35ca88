//! `kill -9` at random moments of a sale of group-buys, coupons and carts: in the middle of its load, of a start, of a
//! rotation, of a snapshot. No seat, unit, coupon or cent is lost or doubled, and no cart holds half of what it is about.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::fair::{self, Fair};
use common::{Process, seed, times, until};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Epochs are deleted as soon as they may be. Then the feed can't be compared from its beginning.
const DELETING: &str = "[journal]\nepoch_bytes = 1048576\nretention_epochs = 1\n";

/// Kills in one directory; then another one, or the feed grows too long to be read each time.
const KILLS_OF_A_JOURNAL: u64 = 10;

/// When the server is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After so many answers: in the first second, or later.
    Answers(usize),
    /// So long after its process began: before it has opened anything, while it recovers, or when it sells already.
    Starting(Duration),
    /// As soon as something changes among the epochs: one is begun or deleted.
    Rotation,
    /// As soon as the oldest epoch begins to be deleted.
    Deletion,
    /// As soon as something changes among the snapshots: one is begun, finished or deleted.
    Snapshot,
}

impl Moment {
    /// `start` is how long a start takes.
    fn random(random: &mut StdRng, start: Duration, deletes: bool) -> Self {
        match random.random_range(0..20) {
            0..6 => Self::Answers(random.random_range(1..200)),
            6..9 => Self::Answers(random.random_range(200..2_000)),
            9..15 => Self::Starting(start.mul_f64(random.random_range(0.0..1.2))),
            15..17 if deletes => Self::Deletion,
            15..18 => Self::Rotation,
            _ => Self::Snapshot,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Answers(..200) => "in the first second",
            Self::Answers(_) => "under load",
            Self::Starting(_) => "at a start",
            Self::Rotation => "at a rotation",
            Self::Deletion => "at a deletion",
            Self::Snapshot => "at a snapshot",
        }
    }
}

/// A data directory and the servers that run in it, one after the other.
struct Place {
    dir: tempfile::TempDir,
    /// How long the last start took.
    start: Duration,
}

impl Place {
    fn new(settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tidegate.toml"), settings).unwrap();
        Self { dir, start: Duration::ZERO }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn spawn(&self) -> Process {
        let config = self.dir.path().join("tidegate.toml");
        Process::spawn(&self.data(), &["--config", config.to_str().unwrap()])
    }

    fn start(&mut self) -> Process {
        let began = Instant::now();
        let mut process = self.spawn();
        process.wait_for("listening");
        process.wait_for("ready");
        self.start = began.elapsed();
        process
    }

    /// Runs a server, with shoppers if it lives so long, until it is killed at this moment.
    fn kill(&self, process: Process, fair: &mut Fair, moment: Moment, seed: u64) {
        match moment {
            Moment::Answers(answers) => fair.rush(process.tcp(), seed, |heard| {
                enough(heard, answers);
                process.kill();
            }),
            Moment::Starting(after) => {
                process.kill();
                let next = self.spawn();
                // Not to wait for something: the moment is what is random here.
                std::thread::sleep(after);
                next.kill();
            }
            Moment::Rotation => self.kill_at_change(process, fair, seed, ("journal", usize::MAX)),
            Moment::Deletion => self.kill_at_change(process, fair, seed, ("journal", 1)),
            Moment::Snapshot => self.kill_at_change(process, fair, seed, ("snapshots", usize::MAX)),
        }
    }

    /// Kills when something changes among the first names of a directory.
    fn kill_at_change(&self, process: Process, fair: &mut Fair, seed: u64, (part, first): (&str, usize)) {
        let part = self.data().join(part);
        let look = || names(&part).into_iter().take(first).collect::<Vec<_>>();
        let before = look();
        fair.rush(process.tcp(), seed, |_| {
            until("a change", look, |now| *now != before);
            process.kill();
        });
    }
}

/// What is in a directory now.
fn names(dir: &Path) -> BTreeSet<OsString> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

fn enough(heard: &AtomicUsize, answers: usize) {
    until("enough answers", || heard.load(Ordering::Relaxed), |heard| *heard >= answers);
}

#[test]
fn a_server_killed_again_and_again_has_lost_and_doubled_nothing() {
    let kills = times("TIDEGATE_KILLS", 50);
    let mut random = StdRng::seed_from_u64(seed());
    let (mut promises, mut deletions, mut moments) = (0, 0, BTreeMap::<_, u64>::new());
    let journals = (0..kills).step_by(KILLS_OF_A_JOURNAL as usize);
    for (first, settings) in journals.zip([fair::CONFIG, DELETING].into_iter().cycle()) {
        let mut place = Place::new(settings);
        let mut fair = Fair::new();
        // The very first start too: nothing is there yet.
        place.spawn().kill();
        let mut process = place.start();
        fair.put(&mut process.client());
        for kill in first..kills.min(first + KILLS_OF_A_JOURNAL) {
            let moment = Moment::random(&mut random, place.start, settings == DELETING);
            println!("kill {kill}: {moment:?}");
            *moments.entry(moment.name()).or_default() += 1;
            place.kill(process, &mut fair, moment, random.random());
            process = place.start();
            if settings == DELETING {
                fair.check_books(&mut process.client());
            } else {
                fair.check(&mut process.client());
            }
        }
        // Epochs are numbered from 1.
        let oldest = names(&place.data().join("journal")).into_iter().next();
        let oldest = oldest.and_then(|name| name.to_str()?.parse::<u64>().ok());
        deletions += oldest.map_or(0, |oldest| oldest - 1);
        promises += fair.promises();
    }
    println!("{kills} kills ({moments:?}), {deletions} epochs deleted meanwhile, {promises} promises kept");
}
