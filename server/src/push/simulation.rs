//! A random simulation of an actor, its journal and a subscriber: whatever overtakes what, nothing is missing and nothing
//! is told twice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::sync::Arc;

use tidegate_actors::{Interest, News, NewsSink, RoomNews};
use tidegate_engine::{Price, RoomState, RoomView, SkuView, Tier};

use super::inbox::Inbox;
use super::message::{Delivery, Message};
use super::tests::{NOW, ROOM, channel, hub_with, inbox, view};
use super::{Channel, Hub, Subscriber};

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
    for seed in 1..=400 {
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
