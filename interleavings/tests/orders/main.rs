//! What one thread publishes and another reads without a lock: the way from the actors to the journal and back, under
//! every order of the threads' steps and every value that a read may find by the memory model.
//!
//! `LOOM_MAX_PREEMPTIONS` says how often a thread may be interrupted where it need not be (3); `LOOM_LOG=1` shows the
//! orders.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod group {
    pub(crate) use tidegate_persistence::EncodedGroups;
}
#[allow(dead_code, unreachable_pub, reason = "what the models don't touch")]
#[path = "../../../persistence/src/lane.rs"]
mod lane;
mod sync;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::sync::atomic::AtomicU64;
use loom::sync::mpsc::{Receiver, channel};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use tidegate_engine::{Event, Millis};
use tidegate_persistence::{ActorId, EncodedGroup, GroupEncoder};

use lane::{Committed, Lane, Message, Shared, Ticket, Wake};

/// Room in the journal for all that a model submits.
const ROOM: usize = 1 << 20;

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(model);
}

/// A group of one event.
fn group() -> EncodedGroup {
    let mut group = GroupEncoder::new(ActorId(1), Millis(1), None);
    group.push(&Event::Paused);
    group.finish().unwrap()
}

/// What an arbiter sleeps on: it remembers one wake.
#[derive(Default)]
struct Bed {
    woken: Mutex<bool>,
    bell: Condvar,
}

impl Bed {
    fn wake(self: &Arc<Self>) -> Wake {
        let bed = Arc::clone(self);
        Arc::new(move || {
            *bed.woken.lock().unwrap() = true;
            bed.bell.notify_one();
        })
    }

    fn sleep(&self) {
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.bell.wait(woken).unwrap();
        }
        *woken = false;
    }
}

/// The journal's thread, and a disk that shows what order alone makes visible.
struct Writer {
    shared: Arc<Shared>,
    inbox: Receiver<Message>,
    disk: Arc<AtomicU64>,
}

impl Writer {
    /// Commits one after the other as many groups as are to come.
    fn commit(&self, commits: u64) {
        for sequence in 1..=commits {
            let Message::Groups { lane, groups } = self.inbox.recv().unwrap() else { return };
            self.disk.store(sequence, Relaxed);
            let bytes = groups.bytes().len() as u64;
            let groups = &BTreeMap::from([(lane, groups.len())]);
            self.shared.acknowledge(&Committed { groups, bytes, sequence, sync_us: sequence });
        }
    }
}

fn open(beds: &[&Arc<Bed>]) -> (Writer, Vec<Lane>) {
    let (messages, inbox) = channel();
    let shared = Arc::new(Shared::new(beds.iter().map(|bed| bed.wake()).collect(), 0, ROOM));
    let lanes = Shared::open_lanes(&shared, &messages);
    (Writer { shared, inbox, disk: Arc::new(AtomicU64::new(0)) }, lanes)
}

#[test]
fn whoever_sees_that_something_is_durable_sees_what_was_written() {
    explore(|| {
        let bed = Arc::<Bed>::default();
        let (writer, lanes) = open(&[&bed]);
        let disk = Arc::clone(&writer.disk);
        lanes[0].submit(group());
        lanes[0].submit(group());
        let writer = thread::spawn(move || writer.commit(2));
        // A reader, who was not woken but looks.
        let sequence = lanes[0].durable_sequence();
        assert!(disk.load(Relaxed) >= sequence, "a block that is durable is not there to be read");
        let ticket = lanes[0].durable();
        assert!(disk.load(Relaxed) >= ticket.0);
        assert!(lanes[0].durable_sequence() >= ticket.0, "a ticket is durable, its events are not");
        assert!(lanes[0].last_sync().as_micros() >= u128::from(ticket.0), "a sync before that of the ticket");
        writer.join().unwrap();
    });
}

#[test]
fn each_lane_is_woken_for_what_became_durable_of_it() {
    explore(|| {
        let (one, two) = (Arc::<Bed>::default(), Arc::<Bed>::default());
        let (writer, mut lanes) = open(&[&one, &two]);
        let shared = Arc::clone(&writer.shared);
        let writer = thread::spawn(move || writer.commit(2));
        let arbiter = |lane: Lane, bed: Arc<Bed>| {
            let ticket = lane.submit(group());
            // A wake that came too early would leave this asleep: then no thread can go on, and that is reported.
            while lane.durable() < ticket {
                bed.sleep();
            }
        };
        let second = lanes.pop().unwrap();
        let other = thread::spawn(move || arbiter(second, two));
        arbiter(lanes.pop().unwrap(), one);
        other.join().unwrap();
        writer.join().unwrap();
        assert_eq!((shared.in_flight(), shared.durable_sequence()), ((0, 0), 2), "all is accounted for");
    });
}

#[test]
fn after_a_failure_everybody_is_woken_and_told_why() {
    explore(|| {
        let (bed, feed) = (Arc::<Bed>::default(), Arc::<Bed>::default());
        let (writer, lanes) = open(&[&bed]);
        writer.shared.watch(feed.wake());
        let ticket = lanes[0].submit(group());
        let shared = Arc::clone(&writer.shared);
        let writer = thread::spawn(move || writer.shared.fail("disk full".to_owned()));
        let watcher = thread::spawn(move || {
            while shared.failed().is_none() {
                feed.sleep();
            }
        });
        if !lanes[0].has_room() {
            assert_eq!(lanes[0].failed(), Some("disk full"), "refused, and nobody can say why");
        }
        while lanes[0].failed().is_none() {
            bed.sleep();
        }
        assert!(lanes[0].durable() < ticket);
        assert_eq!(lanes[0].failed(), Some("disk full"));
        watcher.join().unwrap();
        writer.join().unwrap();
    });
}

#[test]
fn what_was_durable_before_a_failure_is_seen_with_it() {
    explore(|| {
        let bed = Arc::<Bed>::default();
        let (writer, lanes) = open(&[&bed]);
        lanes[0].submit(group());
        lanes[0].submit(group());
        let writer = thread::spawn(move || {
            writer.commit(1);
            writer.shared.fail("disk full".to_owned());
        });
        while lanes[0].failed().is_none() {
            bed.sleep();
        }
        // Its reply is to be sent, that of the second never.
        assert_eq!(lanes[0].durable(), Ticket(1));
        writer.join().unwrap();
    });
}
