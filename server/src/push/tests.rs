//! The hub by itself: no actors, no sockets, no clock.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use tidegate_actors::{Interest, News, NewsSink, RoomNews};
use tidegate_engine::{
    Currency, Event, Ladder, Millis, Price, RoomNumber, RoomState, RoomView, SkuState, SkuTerms, SkuView,
    Step, Tier,
};

use super::inbox::{Counters, Inbox};
use super::message::{Delivery, Message};
use super::{Channel, Cut, Hub, SubscribeError, Subscriber};
use crate::config::{Config, Push};

const NOW: Millis = Millis(1_700_000_000_000);
const ROOM: RoomNumber = RoomNumber(1);

fn channel(text: &str) -> Arc<Channel> {
    Arc::new(Channel::parse(text).unwrap())
}

fn message(change: u64, says: &str) -> Arc<Message> {
    let fields = [("says".to_owned(), json!(says))].into_iter().collect();
    Arc::new(Message::new((change, NOW), fields))
}

/// All that waits, as lines of `channel seq says`.
fn read(inbox: &Inbox) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(delivery) = inbox.take().unwrap() {
        let data: serde_json::Value = serde_json::from_str(&delivery.data_with_seq()).unwrap();
        assert_eq!(data["seq"], delivery.seq());
        assert_eq!(data["server_time"], "2023-11-14T22:13:20.000Z");
        lines.push(format!("{} {} {}", delivery.channel(), delivery.seq(), data["says"].as_str().unwrap()));
    }
    lines
}

#[test]
fn of_a_state_only_the_latest_waits() {
    let counters = Arc::new(Counters::default());
    let inbox = Inbox::new(1, Arc::clone(&counters));
    inbox.open(1, &channel("stock:{lamp}"));
    inbox.open(2, &channel("price:{lamp}"));
    inbox.begin(1, message(1, "ten left"), true);
    inbox.begin(2, message(1, "1.00"), true);
    assert_eq!(read(&inbox), ["stock:{lamp} 1 ten left", "price:{lamp} 1 1.00"]);
    inbox.offer_state(1, &message(2, "nine left"));
    inbox.offer_state(2, &message(2, "0.90"));
    for (change, left) in [(3, "eight left"), (4, "seven left")] {
        inbox.offer_state(1, &message(change, left));
    }
    // What was coalesced is no gap in the numbers.
    assert_eq!(read(&inbox), ["stock:{lamp} 2 seven left", "price:{lamp} 2 0.90"]);
    assert_eq!(counters.coalesced.load(Ordering::Relaxed), 2);
    inbox.offer_state(1, &message(5, "seven left"));
    inbox.offer_state(1, &message(3, "eight left"));
    assert_eq!(read(&inbox), [""; 0], "neither news nor newer");
}

#[test]
fn a_story_is_told_whole_and_a_slow_reader_is_cut_off() {
    let counters = Arc::new(Counters::default());
    let inbox = Inbox::new(3, Arc::clone(&counters));
    let room = channel("room:{lamp}:r:1");
    inbox.open(1, &room);
    inbox.open(2, &channel("stock:{lamp}"));
    inbox.begin(2, message(1, "ten left"), true);
    // While the snapshot is on its way: what it shows already, and what comes after it.
    inbox.offer(1, &message(4, "bob joined"));
    inbox.offer(1, &message(6, "cyd joined"));
    inbox.begin(1, message(5, "two in"), true);
    let expected = ["stock:{lamp} 1 ten left", "room:{lamp}:r:1 1 two in", "room:{lamp}:r:1 2 cyd joined"];
    assert_eq!(read(&inbox), expected);
    for change in 7..10 {
        inbox.offer(1, &message(change, "more"));
    }
    inbox.offer_state(2, &message(9, "nine left"));
    assert_eq!(read(&inbox).len(), 4, "as many as may wait, and the state beside them");
    for change in 10..14 {
        inbox.offer(1, &message(change, "too many"));
    }
    assert_eq!(inbox.take().unwrap_err(), Cut::Slow { channel: room, most: 3 });
    assert_eq!(counters.cut.load(Ordering::Relaxed), 1);
    inbox.offer(1, &message(15, "for nobody"));
    assert!(inbox.take().is_err(), "it stays cut off");
    assert_eq!(counters.cut.load(Ordering::Relaxed), 1, "and is counted once");
}

#[test]
fn who_leaves_a_channel_makes_room_in_the_queue() {
    let inbox = Inbox::new(2, Arc::default());
    let (room, buyer) = (channel("room:{lamp}:r:1"), channel("buyer:ann"));
    inbox.open(1, &room);
    inbox.open(2, &buyer);
    inbox.begin(2, message(0, "ann"), false);
    for slot in [1, 2] {
        inbox.offer(slot, &message(1, "news"));
    }
    assert_eq!(inbox.close(&room), Some(1));
    assert_eq!(inbox.close(&room), None);
    inbox.offer(2, &message(1, "more"));
    assert_eq!(read(&inbox), ["buyer:ann 2 news", "buyer:ann 3 more"], "the snapshot was handed over");
    assert_eq!(inbox.close(&buyer), Some(2));
    assert_eq!(inbox.len(), 0);
}

fn hub_with(adjust: impl FnOnce(&mut Push)) -> Arc<Hub> {
    let mut push = Config::default().push;
    adjust(&mut push);
    Hub::new(push)
}

fn inbox() -> Arc<Inbox> {
    Arc::new(Inbox::new(1_000, Arc::default()))
}

#[test]
fn actors_hear_what_is_of_interest_and_nothing_else() {
    let hub = hub_with(|push| push.max_channels = 3);
    let (one, other) = (inbox(), inbox());
    assert_eq!(hub.interest("lamp"), Interest::NONE);
    let stock = hub.enter(&channel("stock:{lamp}"), &one).unwrap();
    let again = hub.enter(&channel("stock:{lamp}"), &other).unwrap();
    assert_eq!(hub.interest("lamp"), Interest { sku: true, ..Interest::NONE });
    assert_eq!(hub.interest("rug"), Interest::NONE);
    let room = hub.enter(&channel("room:{lamp}:r:1"), &one).unwrap();
    assert_eq!(hub.interest("lamp"), Interest { sku: true, rooms: true, buyers: false });
    assert!(hub.wants_room("lamp", ROOM) && !hub.wants_room("lamp", RoomNumber(2)));
    let buyer = hub.enter(&channel("buyer:ann"), &one).unwrap();
    assert_eq!(hub.interest("rug"), Interest { buyers: true, ..Interest::NONE });
    assert!(hub.wants_buyer("ann") && !hub.wants_buyer("bob"));

    let refused = hub.enter(&channel("buyer:bob"), &one).unwrap_err();
    assert_eq!(refused, SubscribeError::TooManyInAll { limit: 3 });
    assert!(!hub.wants_buyer("bob"), "nothing stays behind");
    assert!(hub.enter(&channel("buyer:ann"), &other).is_ok(), "one more of a channel that there is");

    for (name, slot) in [("stock:{lamp}", stock), ("room:{lamp}:r:1", room), ("buyer:ann", buyer)] {
        hub.leave(&channel(name), slot);
    }
    assert_eq!(
        hub.interest("lamp"),
        Interest { sku: true, rooms: false, buyers: true },
        "the other is there"
    );
    hub.leave(&channel("stock:{lamp}"), again);
    hub.leave(&channel("stock:{lamp}"), again);
    assert_eq!(hub.interest("lamp"), Interest { buyers: true, ..Interest::NONE });
    assert_eq!(hub.status().channels, 1);
}

/// How a lamp stands.
fn view(price: Price, changes: u64, left: u32) -> SkuView {
    let terms = SkuTerms {
        starts_at: Some(NOW.plus(1_000)),
        ends_at: Some(NOW.plus(9_500)),
        ..SkuTerms::new("Lamp", Currency::new("GBP").unwrap(), price)
    };
    let mut state = SkuState::new(7);
    state.apply(&Event::Created { terms: Arc::new(terms), stock: left }, NOW).unwrap();
    SkuView { changes, ..state.sku().unwrap().view() }
}

#[test]
fn what_the_clock_changes_is_told_when_it_does() {
    let hub = hub_with(|_| {});
    let (inbox, price) = (inbox(), channel("price:{lamp}"));
    let slot = hub.enter(&price, &inbox).unwrap();
    let ladder = Price::Ladder(Ladder { start: 100, floor: 80, step: Step::Amount(15), every_ms: 4_000 });
    let first = Message::new((1, NOW), crate::convert::price_news("lamp", None, NOW));
    inbox.begin(slot, Arc::new(first), false);
    hub.begun(&price, Some(view(ladder, 1, 10)));
    let mut told = Vec::new();
    for ms in 1..12_000 {
        hub.round(NOW.plus(ms));
        if let Some(delivery) = inbox.take().unwrap() {
            let data: serde_json::Value = serde_json::from_str(delivery.data()).unwrap();
            let state = data["state"].as_str().unwrap();
            told.push(format!("{ms} {state} {} {}", data["price"], data["next_price"]));
        }
    }
    let expected = [
        "1 SCHEDULED 100 85",
        "1000 OPEN 100 85",
        "5000 OPEN 85 80",
        "9000 OPEN 80 null",
        "9500 ENDED 80 null",
    ];
    assert_eq!(told, expected);
    hub.leave(&price, slot);
    assert_eq!(hub.interest("lamp"), Interest::NONE);
}

/// A subscription of the simulation, with what was read of it.
struct Reading {
    channel: Arc<Channel>,
    slot: u64,
    read: Vec<Delivery>,
}

/// What is on its way from the actor, in the order of its turns: news and snapshots.
enum Parcel {
    News(Vec<News>),
    Snapshot(Snapshot),
}

/// A snapshot for the subscription of this number.
#[derive(Clone)]
struct Snapshot {
    slot: u64,
    change: u64,
    left: u32,
}

/// An actor, its journal and a subscriber, each of which goes on when chance says so.
struct Simulation {
    chance: u64,
    hub: Arc<Hub>,
    subscriber: Subscriber,
    inbox: Arc<Inbox>,
    readings: Vec<Reading>,
    /// The actor: its last change, and what it has left. Every change is one of the room too.
    change: u64,
    left: u32,
    /// Subscriptions that wait for the actor.
    asked: Vec<u64>,
    /// What is not durable yet.
    held: Vec<Parcel>,
    /// Snapshots that have come and were not looked at.
    come: Vec<Snapshot>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let hub = hub_with(|_| {});
        let inbox = inbox();
        Self {
            chance: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            subscriber: Subscriber::new(Arc::clone(&hub), Arc::clone(&inbox)),
            hub,
            inbox,
            readings: Vec::new(),
            change: 1,
            left: 2,
            asked: Vec::new(),
            held: Vec::new(),
            come: Vec::new(),
        }
    }

    /// A random number below `most`.
    fn random(&mut self, most: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 33) % most
    }

    fn step(&mut self) {
        match self.random(12) {
            0..3 => self.turn(),
            3..5 => self.commit(),
            5 => self.look(),
            6 => self.begin(),
            7 => drop(self.hub.round(NOW)),
            8..10 => self.read(),
            10 => self.subscribe(),
            _ if self.random(3) == 0 => self.unsubscribe(),
            _ => {}
        }
    }

    fn subscribe(&mut self) {
        let name = ["stock:{lamp}", "room:{lamp}:r:1"][usize::try_from(self.random(2)).unwrap()];
        let channel = channel(name);
        self.end(&channel);
        let slot = self.hub.enter(&channel, &self.inbox).unwrap();
        self.asked.push(slot);
        self.readings.push(Reading { channel, slot, read: Vec::new() });
    }

    fn unsubscribe(&mut self) {
        if let Some(reading) = self.readings.first() {
            let channel = Arc::clone(&reading.channel);
            self.end(&channel);
        }
    }

    fn end(&mut self, channel: &Channel) {
        self.subscriber.unsubscribe(channel);
        self.readings.retain(|reading| *reading.channel != *channel);
    }

    fn turn(&mut self) {
        self.change += 1;
        // Often the same as before the last change: what was told may be true again.
        self.left = u32::try_from(self.random(3)).unwrap();
        let Interest { sku, rooms, .. } = self.hub.interest("lamp");
        let mut news = Vec::new();
        if rooms && self.hub.wants_room("lamp", ROOM) {
            news.push(News::Room { what: RoomNews::Joined, room: room(), change: self.change });
        }
        if sku {
            news.push(News::Sku(self.view()));
        }
        if !news.is_empty() {
            self.held.push(Parcel::News(news));
        }
    }

    fn view(&self) -> SkuView {
        view(Price::Fixed(100), self.change, self.left)
    }

    /// The actor answers the first that asks.
    fn look(&mut self) {
        if !self.asked.is_empty() {
            let slot = self.asked.remove(0);
            self.held.push(Parcel::Snapshot(Snapshot { slot, change: self.change, left: self.left }));
        }
    }

    /// Some of what the actor did becomes durable.
    fn commit(&mut self) {
        let many = usize::try_from(self.random(4)).unwrap().min(self.held.len());
        for parcel in self.held.drain(..many) {
            match parcel {
                Parcel::News(news) => self.hub.publish("lamp", news),
                Parcel::Snapshot(snapshot) => self.come.push(snapshot),
            }
        }
    }

    /// Somebody notices that a snapshot has come.
    fn begin(&mut self) {
        if self.come.is_empty() {
            return;
        }
        let at = self.random(self.come.len() as u64);
        let Snapshot { slot, change, left } = self.come.remove(usize::try_from(at).unwrap());
        let Some(reading) = self.readings.iter_mut().find(|reading| reading.slot == slot) else { return };
        let view = view(Price::Fixed(100), change, left);
        let fields = crate::convert::stock_news("lamp", Some(&view), NOW);
        let queued = change % 2 == 0;
        let first = self.inbox.begin(slot, Arc::new(Message::new((change, NOW), fields)), queued);
        reading.read.extend(first);
        self.hub.begun(&reading.channel, Some(view));
    }

    fn read(&mut self) {
        if let Some(delivery) = self.inbox.take().unwrap() {
            let of = |reading: &&mut Reading| *reading.channel == *delivery.channel;
            self.readings.iter_mut().find(of).unwrap().read.push(delivery);
        }
    }

    /// Everything comes to rest.
    fn rest(&mut self) {
        while !(self.asked.is_empty() && self.held.is_empty() && self.come.is_empty()) {
            self.look();
            self.commit();
            self.begin();
        }
        self.hub.round(NOW);
        for _ in 0..1_000 {
            self.read();
        }
    }

    /// Nothing is missing, and nothing was told twice.
    fn check(&self) {
        for Reading { channel, read, .. } in &self.readings {
            let seqs: Vec<u64> = read.iter().map(Delivery::seq).collect();
            assert_eq!(seqs, (1..=read.len() as u64).collect::<Vec<_>>(), "{channel}");
            let changes: Vec<u64> = read.iter().map(|delivery| delivery.message.version.0).collect();
            if channel.is_state() {
                let left: Vec<u64> = read.iter().map(left).collect();
                assert_eq!(left.last(), Some(&u64::from(self.left)), "{channel}: {left:?}");
                assert!(left.windows(2).all(|pair| pair[0] != pair[1]), "{channel}: {left:?}");
                assert!(changes.is_sorted_by(|a, b| a < b), "{channel}: {changes:?}");
            } else {
                assert_eq!(changes, (changes[0]..=self.change).collect::<Vec<_>>(), "{channel}");
            }
        }
    }
}

fn left(delivery: &Delivery) -> u64 {
    let data: serde_json::Value = serde_json::from_str(delivery.data()).unwrap();
    data["available"].as_u64().unwrap()
}

fn room() -> RoomView {
    RoomView {
        number: ROOM,
        state: RoomState::Forming,
        members: Vec::new(),
        paid_members: 0,
        tier: Tier { members: 2, percent_off: 10 },
        unit_price: 90,
        next: None,
        deadline: NOW,
        settled_at: None,
    }
}

#[test]
fn a_snapshot_and_what_follows_it_leave_nothing_out() {
    for seed in 1..=1_500 {
        let ran = std::panic::catch_unwind(|| {
            let mut simulation = Simulation::new(seed);
            for _ in 0..120 {
                simulation.step();
            }
            simulation.rest();
            simulation.check();
        });
        assert!(ran.is_ok(), "the run of seed {seed} failed; what failed is above");
    }
}
