//! The hub as other doors than TCP use it: snapshots are given back, and what follows is delivered.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::sync::Arc;
use std::time::Duration;

use actix::Arbiter;
use tidegate_actors::{Body, DeskOptions, House, HouseOptions, ManualClock, Rebuild, RebuildError, Seat};
use tidegate_engine::{Command, Currency, Limits, Millis, OrderNumber, Price, SkuTerms};
use tidegate_persistence::{ActorId, MemoryJournal, Options, Recovered, State, Wake, Writer, recover_from};
use tidegate_server::config::{Config, Push};
use tidegate_server::push::{Channel, Delivery, Hub, SubscribeError, Subscriber};
use tokio::sync::Notify;

const PATIENCE: Duration = Duration::from_secs(60);

struct NoRebuild;

impl Rebuild for NoRebuild {
    fn rebuild(&self, _: ActorId, _: u64) -> Result<Option<State>, RebuildError> {
        Err(RebuildError::Damage("this test has no journal to read".to_owned()))
    }
}

/// A house on a journal in memory, and its hub.
struct Shop {
    house: Arc<House>,
    hub: Arc<Hub>,
    arbiter: Arbiter,
    _writer: Writer,
}

/// Tells a story of a shop.
fn story<F: Future<Output = ()>>(adjust: impl FnOnce(&mut Push), tell: impl FnOnce(Shop) -> F) {
    let mut push = Config::default().push;
    adjust(&mut push);
    actix::System::new().block_on(async { tell(Shop::open(push)).await });
}

impl Shop {
    fn open(push: Push) -> Self {
        let arbiter = Arbiter::new();
        let Recovered { next_actor, journal, .. } =
            recover_from(Arc::new(MemoryJournal::new()), None, 1, 7, &|_| {}).unwrap();
        let notify = Arc::new(Notify::new());
        let woken = Arc::clone(&notify);
        let wake: Wake = Arc::new(move || woken.notify_one());
        let (writer, mut lanes) = journal.start(&Options::default(), vec![wake]).unwrap();
        let hub = Hub::new(push);
        let options = HouseOptions {
            mailbox_capacity: 64,
            max_skus: 100,
            max_campaigns: 1,
            max_consumer_groups: 8,
            desk: DeskOptions {
                limits: Limits {
                    max_orders: 1_000,
                    max_requests: 1_000,
                    max_buyers: 1_000,
                    ..Limits::default()
                },
                expiries_per_turn: 100,
                ..DeskOptions::default()
            },
            look_at_clock: Duration::from_secs(3_600),
            seed: 7,
            probe: None,
            news: Some(Arc::clone(&hub) as _),
        };
        let seats = vec![(arbiter.handle(), lanes.remove(0), notify)];
        let clock = ManualClock::new(Millis(1_700_000_000_000));
        let house = Arc::new(House::open(seats, [], next_actor, clock, NoRebuild, options));
        hub.open(&house);
        actix_rt::spawn(Arc::clone(&hub).run());
        Self { house, hub, arbiter, _writer: writer }
    }

    async fn put(&self, sku: &str, stock: u32) -> Arc<Seat> {
        let seat = self.house.find_or_create(sku).unwrap();
        let terms = SkuTerms::new("Lamp", Currency::new("GBP").unwrap(), Price::Fixed(500));
        ask(&seat, &[Command::Put { terms: Arc::new(terms), stock }]).await;
        seat
    }

    fn close(self) {
        self.arbiter.stop();
        self.arbiter.join().unwrap();
    }
}

async fn ask(seat: &Seat, commands: &[Command<&str>]) {
    let mut body = Body::default();
    commands.iter().for_each(|command| body.push_command(command));
    let sent = seat.send(body).map_err(|(_, fault)| fault).unwrap();
    tokio::time::timeout(PATIENCE, sent).await.unwrap().unwrap().replies.unwrap();
}

fn reserve<'a>(req: &'a str, buyer: &'a str) -> Command<&'a str> {
    Command::Reserve { req, buyer, qty: 1, max_price: None, coupon: None, at: None }
}

fn channels(names: &[&str]) -> Vec<Channel> {
    names.iter().map(|name| Channel::parse(name).unwrap()).collect()
}

/// `channel seq field`, the field being what the channel is about.
fn line(delivery: &Delivery) -> String {
    let data: serde_json::Value = serde_json::from_str(delivery.data()).unwrap();
    let what = ["type", "available", "price", "state", "buyer"].iter().find_map(|name| data.get(name));
    let what = what.map(ToString::to_string).unwrap_or_default();
    format!("{} {} {}", delivery.channel(), delivery.seq(), what.trim_matches('"'))
}

async fn next(subscriber: &Subscriber) -> String {
    line(&tokio::time::timeout(PATIENCE, subscriber.next()).await.unwrap().unwrap())
}

#[test]
fn snapshots_are_given_back_in_order_and_what_follows_is_delivered() {
    story(
        |_| {},
        async |shop| {
            let lamp = shop.put("lamp", 3).await;
            let subscriber = shop.hub.subscriber();
            let names = ["stock:{lamp}", "buyer:ann", "price:{lamp}", "room:{lamp}:r:1", "stock:{lamp}"];
            let snapshots = subscriber.subscribe_with_snapshots(channels(&names)).await.unwrap();
            let lines: Vec<String> = snapshots.iter().map(line).collect();
            // Who names a channel twice gets it once.
            let expected =
                ["buyer:ann 1 ann", "price:{lamp} 1 500", "room:{lamp}:r:1 1 null", "stock:{lamp} 1 3"];
            assert_eq!(lines, expected);
            assert_eq!(subscriber.count(), 4);

            ask(&lamp, &[reserve("r1", "ann"), reserve("r1", "bob")]).await;
            let mut told = [next(&subscriber).await, next(&subscriber).await];
            told.sort();
            assert_eq!(told, ["buyer:ann 2 order.reserved", "stock:{lamp} 2 1"]);
            subscriber.unsubscribe(&channels(&["stock:{lamp}"])[0]);
            ask(&lamp, &[Command::Cancel { order: OrderNumber(1), req: "c", reason: None }]).await;
            assert_eq!(next(&subscriber).await, "buyer:ann 3 order.cancelled");
            assert!(subscriber.try_next().unwrap().is_none());

            assert_eq!(shop.hub.status().channels, 3);
            drop(subscriber);
            assert_eq!(shop.hub.status().channels, 0, "nothing stays behind");
            shop.close();
        },
    );
}

#[test]
fn all_of_several_subscriptions_are_made_or_none() {
    story(
        |push| push.max_channels_per_connection = 2,
        async |shop| {
            let subscriber = shop.hub.subscriber();
            let names = ["buyer:ann", "buyer:bob", "buyer:cyd"];
            let refused = subscriber.subscribe_with_snapshots(channels(&names)).await.unwrap_err();
            assert_eq!(refused, SubscribeError::TooManyHere { limit: 2 });
            assert_eq!((subscriber.count(), shop.hub.status().channels), (0, 0));
            assert_eq!(subscriber.subscribe_with_snapshots(channels(&names[..2])).await.unwrap().len(), 2);
            shop.close();
        },
    );
}

#[test]
fn there_is_nothing_to_subscribe_to_before_the_house_is_open() {
    actix::System::new().block_on(async {
        let subscriber = Hub::new(Config::default().push).subscriber();
        let refused = subscriber.subscribe_with_snapshots(channels(&["buyer:ann"])).await.unwrap_err();
        assert_eq!(refused, SubscribeError::Loading);
    });
}
