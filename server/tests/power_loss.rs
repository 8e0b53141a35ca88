//! The power goes at random moments of a sale, and the disk forgets what was not synced: everything that a client was told
//! is still so. `kill -9` alone shows less, for the kernel keeps what a killed process has written.
//!
//! The disk is a file system of this test ([`disk`], mounted by FUSE), so that it can be as forgetful as a disk may be. What
//! it forgets is decided by the seed; at which moment of the sale it does is not only, for threads take turns as they like.

#![cfg(target_os = "linux")] // FUSE as it is there
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

#[path = "power_loss/content.rs"]
mod content;
#[path = "power_loss/disk.rs"]
mod disk;
#[path = "power_loss/disk_tests.rs"]
mod disk_tests;
#[path = "power_loss/failing.rs"]
mod failing;
#[path = "power_loss/fuse.rs"]
mod fuse;
#[path = "power_loss/machine.rs"]
mod machine;
#[path = "power_loss/names.rs"]
mod names;
#[path = "power_loss/power.rs"]
mod power;
#[path = "power_loss/stored.rs"]
mod stored;

use common::fair::{self, Fair};
use common::{Client, Process, not_checked, seed, times, until};
use disk::Disk;
use machine::Machine;
use power::Moment;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use stored::Losses;
use tidegate_protocol::resp::Value;

/// Cuts of one disk; then another one, or the checks take too long.
const CUTS_OF_A_DISK: u64 = 10;

/// Epochs are deleted as soon as they may be.
const DELETING: &str = "[journal]\nepoch_bytes = 1048576\nretention_epochs = 1\n";

/// A machine, if file systems can be mounted here: containers and other users than root often may not.
fn machine(disk: Disk, settings: &str) -> Option<Machine> {
    let machine = Machine::new(disk, settings);
    if let Err(error) = &machine {
        let why = format!("no file system can be mounted by FUSE: {error}");
        not_checked("power cuts", &why, "TIDEGATE_REQUIRE_FUSE");
    }
    machine.ok()
}

/// A moment under load: at once, soon, later, or while names change because of a new epoch, a snapshot or a deletion.
fn under_load(random: &mut StdRng) -> Moment {
    let (requests, namings) = match random.random_range(0..6) {
        0 => (random.random_range(0..10), None),
        1 | 2 => (random.random_range(10..1_000), None),
        3 => (random.random_range(1_000..4_000), None),
        _ => (random.random_range(1_000..4_000), Some(random.random_range(0..80))),
    };
    Moment { requests, namings }
}

/// A moment of a start.
fn at_start(random: &mut StdRng) -> Moment {
    Moment { requests: random.random_range(0..50), namings: None }
}

/// A sale on one disk.
struct Sale<'a> {
    machine: Machine,
    fair: Fair,
    random: &'a mut StdRng,
    tally: &'a mut Tally,
}

#[derive(Default)]
struct Tally {
    cuts: u64,
    /// Those of them during a start.
    at_starts: u64,
    /// Those of them that found something unsynced and took it.
    with_losses: u64,
    losses: Losses,
    promises: usize,
}

impl Sale<'_> {
    /// Starts until it sells. Now and then the power goes meanwhile.
    fn start(&mut self) -> Process {
        loop {
            let started = if self.random.random_ratio(1, 3) {
                self.machine.start_until(at_start(self.random))
            } else {
                self.machine.start().map(Some)
            };
            match started {
                Ok(Some(process)) => return process,
                Ok(None) => {
                    self.tally.at_starts += 1;
                    self.cut();
                }
                Err(said) => panic!("the server does not start:\n{said}"),
            }
        }
    }

    /// The power was cut.
    fn cut(&mut self) {
        let random = &mut StdRng::seed_from_u64(self.random.random());
        let losses = self.machine.lose_power(|disk| disk.lose_power(random));
        self.tally.cuts += 1;
        self.tally.with_losses += u64::from(losses.lost > 0);
        self.tally.losses += losses;
    }

    fn rush(&mut self, process: Process) {
        let (moment, seed) = (under_load(self.random), self.random.random());
        println!("cut {}: {moment:?}", self.tally.cuts);
        self.fair.rush(process.tcp(), seed, |_| {
            self.machine.power_goes(moment, &process);
            self.machine.ended(process);
        });
    }

    /// Everything that was told is still so.
    fn check(&mut self, client: &mut Client, is_whole: bool) {
        if is_whole {
            self.fair.check(client);
        } else {
            self.fair.check_books(client);
            // The feed begins somewhere, and can be read from there; not while that is being deleted.
            let first = || client.value("XREAD COUNT 1 STREAMS orders 0");
            until("the feed", first, |read| !matches!(read, Value::Error(_)));
        }
    }
}

#[test]
fn a_power_cut_takes_nothing_back_that_a_client_was_told() {
    let cuts = times("TIDEGATE_CUTS", 15);
    let random = &mut StdRng::seed_from_u64(seed());
    let tally = &mut Tally::default();
    for settings in [fair::CONFIG, DELETING].into_iter().cycle() {
        let Some(machine) = machine(Disk::new(), settings) else { return };
        let enough = cuts.min(tally.cuts + CUTS_OF_A_DISK);
        let mut sale = Sale { machine, fair: Fair::new(), random, tally };
        let mut process = sale.start();
        sale.fair.put(&mut process.client());
        while sale.tally.cuts < enough {
            sale.rush(process);
            if sale.random.random_ratio(1, 6) {
                // What a killed server has written is there for the next one, who must not rely on that.
                sale.machine.keep_power();
            } else {
                sale.cut();
            }
            process = sale.start();
            sale.check(&mut process.client(), settings != DELETING);
        }
        let promises = sale.fair.promises();
        tally.promises += promises;
        if tally.cuts >= cuts {
            break;
        }
    }
    let Tally { cuts, at_starts, with_losses, losses, promises } = tally;
    println!("{cuts} cuts, {at_starts} of them during a start; {promises} promises kept");
    println!(
        "{} changes were not synced; {} of them were lost or torn, in {with_losses} cuts",
        losses.unsynced, losses.lost
    );
    assert_ne!(*with_losses, 0, "nothing was forgotten, so nothing was tried");
}

#[test]
fn without_fdatasync_a_power_cut_takes_back_what_clients_were_told() {
    let random = &mut StdRng::seed_from_u64(seed());
    let Some(mut machine) = machine(Disk::without_fdatasync(), fair::CONFIG) else { return };
    let mut fair = Fair::new();
    let mut process = machine.start().unwrap();
    fair.put(&mut process.client());
    for cut in 1..=10 {
        let moment = Moment { requests: random.random_range(100..1_000), namings: None };
        fair.rush(process.tcp(), random.random(), |_| {
            machine.power_goes(moment, &process);
            machine.ended(process);
        });
        machine.lose_power(|disk| disk.lose_power(random));
        process = match machine.start() {
            Ok(process) => process,
            Err(said) => {
                let reason = said.lines().last().unwrap_or_default();
                let is_loss = ["was acknowledged", "is missing", "no interrupted write"];
                assert!(is_loss.iter().any(|words| reason.contains(words)), "{said}");
                return println!("after cut {cut} the server does not start: {reason}");
            }
        };
        let broken = fair.broken_promises(&mut process.client());
        if let Some(one) = broken.first() {
            let (count, promises) = (broken.len(), fair.promises());
            return println!("after cut {cut}, {count} of {promises} promises are broken, as {one}");
        }
    }
    panic!("no promise was broken without fdatasync");
}
