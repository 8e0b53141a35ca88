//! From an actor's turn to its reply: the arbiter, the journal's thread, the feed's readers and the clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use shuttle::future::{block_on, yield_now};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicBool, AtomicU64};
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::thread;
use tidegate_engine::{Event, Millis, OrderNumber, RoomNumber};
use tidegate_persistence::{ActorId, EncodedGroup, GroupEncoder};
use tokio::sync::{Notify, oneshot};

use crate::ask::{Body, Fault, Outcome};
use crate::explore;
use crate::lane::{Committed, Lane, Message, Shared, Ticket, Wake};
use crate::news::{Interest, News, NewsSink};
use crate::release::{Parcel, Release};
use crate::sync::Mutex;
use crate::waiters::Waiters;

/// Room in the journal for all that a test submits.
const ROOM: usize = 1 << 20;

/// A group of one event.
fn group() -> EncodedGroup {
    let mut group = GroupEncoder::new(ActorId(1), Millis(1), None);
    group.push(&Event::Expired { order: OrderNumber(1) });
    group.finish().unwrap()
}

fn waker(notify: &Arc<Notify>) -> Wake {
    let notify = Arc::clone(notify);
    Arc::new(move || notify.notify_one())
}

/// The journal's thread: what waits is the next commit, until it is told to stop or the disk fails.
struct Writer {
    shared: Arc<Shared>,
    inbox: Receiver<Message>,
    /// The sequence of the last event that the disk has.
    disk: Arc<AtomicU64>,
    /// The disk fails at this commit.
    fails_at: Option<u64>,
}

impl Writer {
    fn run(self) {
        for commit in 1.. {
            let (mut groups, mut bytes, mut stopping) = (BTreeMap::new(), 0, false);
            let mut next = self.inbox.recv().ok();
            while let Some(message) = next {
                match message {
                    Message::Stop => stopping = true,
                    Message::Groups { lane, groups: more } => {
                        *groups.entry(lane).or_default() += more.len();
                        bytes += more.bytes().len() as u64;
                    }
                }
                next = if stopping { None } else { self.inbox.try_recv().ok() };
            }
            if self.fails_at == Some(commit) {
                self.shared.fail("disk full".to_owned());
                return;
            }
            let sequence = self.disk.load(SeqCst) + groups.values().sum::<u64>();
            self.disk.store(sequence, SeqCst);
            if !groups.is_empty() {
                let groups = &groups;
                self.shared.acknowledge(&Committed { groups, bytes, sequence, sync_us: commit });
            }
            if stopping {
                return;
            }
        }
    }
}

/// The journal, and what happens to it.
struct House {
    writer: Writer,
    messages: Sender<Message>,
    lanes: Vec<Lane>,
    disk: Arc<AtomicU64>,
    shared: Arc<Shared>,
}

fn open(wakes: Vec<Wake>, fails_at: Option<u64>) -> House {
    let (messages, inbox) = channel();
    let shared = Arc::new(Shared::new(wakes, 0, ROOM));
    let lanes = Shared::open_lanes(&shared, &messages);
    let disk = Arc::new(AtomicU64::new(0));
    let writer = Writer { shared: Arc::clone(&shared), inbox, disk: Arc::clone(&disk), fails_at };
    House { writer, messages, lanes, disk, shared }
}

/// Whoever is told news: what is told must be on the disk.
struct Ear {
    disk: Arc<AtomicU64>,
    /// The news of the turn of this number are called by it.
    told: Mutex<Vec<u64>>,
    ended: AtomicU64,
}

impl std::fmt::Debug for Ear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ear")
    }
}

impl NewsSink for Ear {
    fn interest(&self, _: &str) -> Interest {
        Interest::NONE
    }

    fn wants_room(&self, _: &str, _: RoomNumber) -> bool {
        false
    }

    fn wants_buyer(&self, _: &str) -> bool {
        false
    }

    fn publish(&self, name: &str, _: Vec<News>) {
        let turn = name.parse().unwrap();
        assert!(self.disk.load(SeqCst) >= turn, "news of what a crash could undo");
        self.told.lock().push(turn);
    }

    fn end(&self, _: Option<&str>, _: Fault) {
        self.ended.fetch_add(1, SeqCst);
    }
}

fn done() -> Outcome {
    Outcome { body: Body::default(), replies: Ok(Vec::new()) }
}

type Ends = ([oneshot::Sender<Outcome>; 2], [oneshot::Receiver<Outcome>; 2]);

fn two_channels() -> Ends {
    let ((to_writer, writer), (to_reader, reader)) = (oneshot::channel(), oneshot::channel());
    ([to_writer, to_reader], [writer, reader])
}

/// One arbiter whose actor has this many turns that change something, each with a reply and news, and after each one that
/// changes nothing but has seen what the last one did. The disk may fail at a commit.
fn sale(turns: u64, fails_at: Option<u64>) {
    let wake = Arc::<Notify>::default();
    let House { writer, messages, mut lanes, disk, shared } = open(vec![waker(&wake)], fails_at);
    let ear = Arc::new(Ear { disk: Arc::clone(&disk), told: Mutex::default(), ended: AtomicU64::new(0) });
    let release =
        Arc::new(Release::new(lanes.pop().unwrap(), wake, Some(Arc::clone(&ear) as Arc<dyn NewsSink>)));
    let writer = thread::spawn(move || writer.run());
    let (closing, closed) = oneshot::channel::<()>();
    let (tos, clients): (Vec<_>, Vec<_>) = (0..turns).map(|_| two_channels()).unzip();
    let arbiter = thread::spawn(move || {
        let actor = async {
            for (turn, [to_writer, to_reader]) in (1..).zip(tos) {
                let ticket = release.lane().submit(group());
                assert_eq!(ticket, Ticket(turn));
                release.hold(ticket, Parcel::News { of: turn.to_string().into(), news: Vec::new() });
                release.hold(ticket, Parcel::Reply { outcome: done(), to: to_writer });
                // The arbiter does something else, or sleeps.
                yield_now().await;
                release.hold(ticket, Parcel::Reply { outcome: done(), to: to_reader });
            }
            let _ = closed.await;
        };
        let run = Arc::clone(&release).run();
        block_on(async {
            tokio::select! { biased; () = run => {}, () = actor => {} }
        });
    });
    let mut answered = 0;
    for (turn, clients) in (1..).zip(clients) {
        let is_answered = clients.map(|client| {
            // One who is not answered waits for ever, and that is reported.
            let answer = block_on(client).unwrap().replies.map(drop);
            match answer {
                Ok(()) => assert!(disk.load(SeqCst) >= turn, "a reply of what a crash could undo"),
                Err(fault) => {
                    assert_eq!((fault, shared.failed()), (Fault::JournalFailed, Some("disk full")));
                }
            }
            answer.is_ok()
        });
        if is_answered == [true; 2] {
            assert_eq!(answered + 1, turn, "a reply after the failure");
            answered = turn;
        }
    }
    // What is durable is answered, and nothing else.
    assert_eq!(answered, disk.load(SeqCst), "turns answered, and on the disk");
    drop(closing);
    let _ = messages.send(Message::Stop);
    arbiter.join().unwrap();
    writer.join().unwrap();
    assert_eq!(*ear.told.lock(), (1..=answered).collect::<Vec<_>>(), "news of each turn, in order");
    // A disk that fails when all is answered already may be told or not: the house is closing.
    let ended = ear.ended.load(SeqCst);
    assert!(ended > 0 || answered == turns, "subscribers are told of a failure");
    assert!(ended <= 1, "subscribers are told {ended} times of a failure");
}

#[test]
fn every_reply_comes_and_none_before_the_disk_has_what_it_tells() {
    explore(|| sale(4, None));
}

#[test]
fn when_the_disk_fails_everybody_is_answered_and_nothing_more_is_told() {
    explore(|| sale(4, Some(thread_rng().gen_range(1..4))));
}

/// A reader of the feed, who waits until this place is durable. Says whether it is.
fn read(waiters: &Waiters, shared: &Shared, place: u64) -> bool {
    let is_due = || shared.durable_sequence() >= place || shared.failed().is_some();
    while !is_due() {
        block_on(waiters.wait(place, is_due));
    }
    shared.durable_sequence() >= place
}

/// Wakes the feed's readers as the feed does.
fn watch(shared: &Arc<Shared>, waiters: &Arc<Waiters>) {
    let (watched, waiters) = (Arc::downgrade(shared), Arc::clone(waiters));
    shared.watch(Arc::new(move || {
        if let Some(shared) = watched.upgrade() {
            waiters.wake(shared.failed().map_or(shared.durable_sequence(), |_| u64::MAX));
        }
    }));
}

#[test]
fn a_reader_of_the_feed_is_woken_for_what_it_waits_for() {
    explore(|| {
        let House { writer, messages, lanes, shared, disk } = open(vec![Arc::new(|| ())], None);
        let waiters = Arc::<Waiters>::default();
        watch(&shared, &waiters);
        let writer = thread::spawn(move || writer.run());
        let readers = [1, 2, 2].map(|place| {
            let (waiters, shared, disk) = (Arc::clone(&waiters), Arc::clone(&shared), Arc::clone(&disk));
            thread::spawn(move || {
                assert!(read(&waiters, &shared, place));
                assert!(disk.load(SeqCst) >= place, "woken before there is something");
            })
        });
        lanes[0].submit(group());
        lanes[0].submit(group());
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        let _ = messages.send(Message::Stop);
        writer.join().unwrap();
    });
}

#[test]
fn when_the_disk_fails_no_reader_of_the_feed_goes_on_waiting() {
    explore(|| {
        let fails_at = thread_rng().gen_range(1..3);
        let House { writer, lanes, shared, .. } = open(vec![Arc::new(|| ())], Some(fails_at));
        let waiters = Arc::<Waiters>::default();
        watch(&shared, &waiters);
        let writer = thread::spawn(move || writer.run());
        let readers = [1, 9].map(|place| {
            let (waiters, shared) = (Arc::clone(&waiters), Arc::clone(&shared));
            thread::spawn(move || read(&waiters, &shared, place))
        });
        lanes[0].submit(group());
        if fails_at == 2 {
            // A commit of its own.
            assert!(read(&waiters, &shared, 1));
            lanes[0].submit(group());
        }
        let [near, far] = readers.map(|reader| reader.join().unwrap());
        assert_eq!((near, far), (fails_at == 2, false));
        writer.join().unwrap();
    });
}

#[test]
fn a_commit_wakes_those_that_it_reaches_and_no_others() {
    explore(|| {
        let waiters = Arc::<Waiters>::default();
        let [near, far] = [5, 9].map(|place| {
            let (waiters, (to, entered)) = (Arc::clone(&waiters), oneshot::channel());
            let is_awake = Arc::new(AtomicBool::new(false));
            let awakes = Arc::clone(&is_awake);
            let waiter = thread::spawn(move || {
                block_on(waiters.wait(place, || to.send(()).is_err()));
                awakes.store(true, SeqCst);
            });
            // It is known who waits when it is asked whether that is over.
            block_on(entered).unwrap();
            (waiter, is_awake)
        });
        waiters.wake(8);
        near.0.join().unwrap();
        assert!(!far.1.load(SeqCst), "woken for nothing");
        waiters.wake(9);
        far.0.join().unwrap();
    });
}
