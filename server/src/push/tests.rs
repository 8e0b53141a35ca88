//! The hub by itself: no actors, no sockets, no clock.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use tidegate_actors::{Interest, NewsSink};
use tidegate_engine::{
    Currency, Event, Ladder, Millis, Price, RoomNumber, SkuState, SkuTerms, SkuView, Step,
};

use super::inbox::{Counters, Inbox};
use super::message::Message;
use super::{Channel, Cut, Hub, SubscribeError};
use crate::config::{Config, Push};

pub(super) const NOW: Millis = Millis(1_700_000_000_000);
pub(super) const ROOM: RoomNumber = RoomNumber(1);

pub(super) fn channel(text: &str) -> Arc<Channel> {
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

pub(super) fn hub_with(adjust: impl FnOnce(&mut Push)) -> Arc<Hub> {
    let mut push = Config::default().push;
    adjust(&mut push);
    Hub::new(push)
}

pub(super) fn inbox() -> Arc<Inbox> {
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
pub(super) fn view(price: Price, changes: u64, left: u32) -> SkuView {
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
