//! `kill -9` at random moments of group-buys, coupons and carts under load: no seat, unit, coupon or cent is lost or
//! doubled, and no cart holds half of what it is about.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use common::{Client, Process, show};
use tidegate_protocol::resp::{Value, encode_command};

/// The SKU that is sold in rooms, and the one that coupons are for, whose holds run out all the time. Both are part of
/// the campaign.
const SKUS: [&str; 2] = ["kettle", "coat"];
/// Buyers of one worker in one round.
const BUYERS: u64 = 12;
const WORKERS: u64 = 4;
/// Units a buyer may have in the campaign.
const LIMIT: i64 = 4;
const SEATS: usize = 3;

/// Numbers that look random and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// One command that was accepted, and the answer.
type Promise = (String, String);

fn put_all(client: &mut Client) {
    let kettle = r#""group_buy":{"tiers":[{"members":2,"percent_off":10},{"members":3,"percent_off":25}]}"#;
    for (sku, more) in
        [("kettle", kettle), ("coat", r#""carbon_g":400,"hold_s":1,"fulfilment":{"numbered":true}"#)]
    {
        let document = format!(
            r#"{{"title":"T","stock":1000000,"currency":"CNY","price":{{"fixed":9999}},"campaign":"fair",{more}}}"#
        );
        client.says(&format!("SKU.PUT {sku} {document}"), "[CREATED]");
    }
    let fair = format!(
        r#"{{"title":"F","per_buyer_limit":{LIMIT},"thresholds":[{{"spend":15000,"off":1001}}],"green":{{"max_carbon_g":500,"percent_off":3}},"coupon_windows":[{{"event":"try_on","percent_off":20,"window_s":86400}}]}}"#
    );
    client.says(&format!("CAMPAIGN.PUT fair {fair}"), "[CREATED]");
}

/// What one worker knows of.
#[derive(Default)]
struct Known {
    coupons: BTreeMap<String, String>,
    /// Orders and what is due for them.
    orders: Vec<(String, i64)>,
    rooms: Vec<String>,
    /// Carts and what is due for them.
    carts: Vec<(String, i64)>,
    /// Payments that paid something.
    payments: Vec<String>,
    promises: Vec<Promise>,
}

impl Known {
    /// A payment: now and then one that paid something before.
    fn payment(&self, dice: &mut Dice, req: &str) -> String {
        match self.payments.last().filter(|_| dice.roll(8) == 0) {
            Some(old) => old.clone(),
            None => format!("pay-{req}"),
        }
    }

    /// Something that a shopper could do now.
    fn think(&self, dice: &mut Dice, round: u64, worker: u64, n: usize) -> String {
        let name = format!("r{round}w{worker}");
        // Now and then somebody comes back who was there before the last kill.
        let came = round.saturating_sub(u64::from(dice.roll(3) == 0));
        let buyer = format!("r{came}w{worker}b{}", dice.roll(BUYERS));
        let req = format!("{name}-{n}");
        match dice.roll(14) {
            0 => format!("COUPON.TRIGGER fair {req} {buyer} try_on"),
            1 | 2 => match self.coupons.get(&buyer) {
                Some(coupon) => format!("ORDER.RESERVE coat {req} {buyer} 1 COUPON {coupon}"),
                None => format!("ORDER.RESERVE coat {req} {buyer} 1"),
            },
            3 => format!("ROOM.OPEN kettle {req} {buyer} 1"),
            4 | 5 if !self.rooms.is_empty() => {
                let room =
                    &self.rooms[self.rooms.len() - 1 - dice.roll(self.rooms.len().min(4) as u64) as usize];
                format!("ROOM.JOIN {room} {req} {buyer} 1")
            }
            10 | 11 => {
                let coupon = self.coupons.get(&buyer).filter(|_| dice.roll(2) == 0);
                let coupon = coupon.map_or_else(String::new, |coupon| format!(" COUPON {coupon}"));
                format!("CART.RESERVE fair {req} {buyer} kettle 1 coat 1{coupon}")
            }
            12 | 13 if !self.carts.is_empty() => {
                let last = self.carts.len() - 1 - dice.roll(self.carts.len().min(20) as u64) as usize;
                let (cart, due) = &self.carts[last];
                if dice.roll(4) == 0 {
                    format!("CART.CANCEL {cart} {req}")
                } else {
                    format!("CART.PAY {cart} {req} {due} {}", self.payment(dice, &req))
                }
            }
            6..=8 if !self.orders.is_empty() => {
                let (order, due) = &self.orders[dice.roll(self.orders.len() as u64) as usize];
                format!("ORDER.PAY {order} {req} {due} {}", self.payment(dice, &req))
            }
            _ if !self.orders.is_empty() => {
                let (order, _) = &self.orders[dice.roll(self.orders.len() as u64) as usize];
                format!("ORDER.CANCEL {order} {req}")
            }
            _ => format!("COUPON.TRIGGER fair {req} {buyer} try_on"),
        }
    }

    /// Takes note of an answer.
    fn hear(&mut self, line: &str, reply: &Value) {
        let text = |at: usize| reply.items()[at].as_str().unwrap().to_owned();
        let amount = |at: usize| reply.items()[at].as_int().unwrap();
        match reply.items().first().and_then(Value::as_str) {
            Some("GRANTED") => drop(self.coupons.insert(line.split(' ').nth(3).unwrap().to_owned(), text(1))),
            Some("RESERVED") if line.starts_with("CART") => self.carts.push((text(1), amount(2))),
            Some("RESERVED") | Some("JOINED") => self.orders.push((text(1), amount(2))),
            Some("OPENED") => {
                self.rooms.push(text(1));
                self.orders.push((text(2), amount(3)));
            }
            Some("PAID") => self.payments.extend(line.rsplit(' ').next().map(str::to_owned)),
            Some("CANCELLED" | "REFUND_DUE") => {}
            // A rejection promises nothing.
            _ => return,
        }
        self.promises.push((line.to_owned(), show(reply)));
    }
}

/// Shops eight commands at a time until the server is gone.
fn shop(
    address: SocketAddr,
    (round, worker): (u64, u64),
    mut known: Known,
    seed: u64,
    heard: &AtomicUsize,
) -> Known {
    let mut client = Client::connect(address);
    let mut dice = Dice(seed);
    for first in (0..).step_by(8) {
        let lines: Vec<_> = (first..first + 8).map(|n| known.think(&mut dice, round, worker, n)).collect();
        // A server that dies breaks the connection here or below; what it answered before it died still counts.
        let _ = client.write(&encoded(&lines));
        for line in &lines {
            let Ok(Some(reply)) = client.next() else { return known };
            let is_reused = known.payments.iter().any(|payment| line.ends_with(payment));
            let is_told = is_reused && show(&reply).starts_with("-IDEMPREUSE");
            assert!(is_told || !show(&reply).starts_with('-'), "{line}: {}", show(&reply));
            known.hear(line, &reply);
            heard.fetch_add(1, Ordering::Relaxed);
        }
    }
    known
}

/// All workers shop at once; the server is killed when so many commands were answered.
fn rush(process: Process, round: u64, known: Vec<Known>, seed: u64, answers: usize) -> Vec<Known> {
    let heard = Arc::new(AtomicUsize::new(0));
    let (done, ended) = mpsc::channel();
    let address = process.tcp();
    let workers: Vec<_> = (0..)
        .zip(known)
        .map(|(worker, known)| {
            let (heard, done) = (Arc::clone(&heard), done.clone());
            std::thread::spawn(move || {
                let known = shop(address, (round, worker), known, seed ^ (worker + 1) << 32, &heard);
                let _ = done.send(());
                known
            })
        })
        .collect();
    common::until("enough answers", || heard.load(Ordering::Relaxed), |heard| *heard >= answers);
    process.kill();
    drop(done);
    while ended.recv().is_ok() {}
    workers.into_iter().map(|worker| worker.join().unwrap()).collect()
}

/// Every promise is kept: the same request has the same answer.
fn keeps(client: &mut Client, promises: &[Promise]) {
    for part in promises.chunks(200) {
        let lines: Vec<_> = part.iter().map(|(line, _)| line).collect();
        for ((line, told), again) in part.iter().zip(client.pipeline(&lines)) {
            assert_eq!(&again, told, "{line}");
        }
    }
}

/// No serial was given twice, and no payment paid two orders of a SKU, be they lines of carts or not.
fn nothing_is_paid_or_given_twice<'a>(promises: impl Iterator<Item = &'a Promise>) {
    let (mut serials, mut payments) = (BTreeMap::new(), BTreeMap::new());
    for (line, told) in promises.filter(|(_, told)| told.starts_with("[PAID")) {
        let words: Vec<&str> = told.trim_matches(['[', ']']).split(' ').collect();
        let (paid, payment) = (words[1], line.rsplit(' ').next().unwrap());
        for serial in &words[2..] {
            assert_eq!(*serials.entry(serial.to_owned()).or_insert(paid), paid, "serial {serial}: {line}");
        }
        // A cart of this sale has a line of each SKU.
        for sku in SKUS.into_iter().filter(|sku| paid.starts_with("{fair}") || paid.contains(sku)) {
            assert_eq!(*payments.entry((payment, sku)).or_insert(paid), paid, "payment {payment}: {line}");
        }
    }
}

/// Every order there is, by id.
fn orders(client: &mut Client) -> BTreeMap<String, Value> {
    let mut orders = BTreeMap::new();
    for sku in SKUS {
        for first in (1..).step_by(500) {
            let ids: Vec<_> = (first..first + 500).map(|number| format!("{{{sku}}}:o:{number}")).collect();
            client
                .write(&encoded(&ids.iter().map(|id| format!("ORDER.GET {id}")).collect::<Vec<_>>()))
                .unwrap();
            let found: Vec<_> = ids.into_iter().map(|id| (id, client.reply())).collect();
            let is_last = found.last().is_some_and(|(_, order)| *order == Value::Null);
            orders.extend(found.into_iter().filter(|(_, order)| *order != Value::Null));
            if is_last {
                break;
            }
        }
    }
    orders
}

fn encoded(lines: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        encode_command(&mut bytes, &line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
    }
    bytes
}

/// Nothing is there twice, no limit is exceeded, and every book balances.
fn adds_up(client: &mut Client) {
    let orders = orders(client);
    let text = |order: &Value, field: &str| order.get(field).and_then(Value::as_str).unwrap_or("").to_owned();
    let int = |order: &Value, field: &str| order.get(field).and_then(Value::as_int).unwrap();
    let is_held = |order: &Value| matches!(&*text(order, "state"), "RESERVED" | "PAID");
    let (mut units, mut coupons) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, usize>::new());
    let mut rooms = BTreeMap::<String, BTreeSet<String>>::new();
    let mut carts = BTreeMap::<String, Vec<&str>>::new();
    for (id, order) in &orders {
        let off: i64 =
            order.get("discounts").unwrap().items().iter().map(|one| one.items()[1].as_int().unwrap()).sum();
        assert_eq!(int(order, "amount") + off, int(order, "unit_price") * int(order, "qty"), "{id}");
        if !text(order, "cart").is_empty() {
            carts.entry(text(order, "cart")).or_default().push(id);
        }
        if is_held(order) {
            *units.entry(text(order, "buyer")).or_default() += int(order, "qty");
            let used = show(order).contains("[coupon ");
            // A coupon is good for both lines of a cart: those count as one use.
            let is_second = text(order, "sku") == "kettle" && !text(order, "cart").is_empty();
            *coupons.entry(text(order, "buyer")).or_default() += usize::from(used && !is_second);
            if !text(order, "room").is_empty() {
                rooms.entry(text(order, "room")).or_default().insert(id.clone());
            }
        }
    }
    assert!(units.values().all(|units| *units <= LIMIT), "{units:?}");
    assert!(coupons.values().all(|used| *used <= 1), "{coupons:?}");
    for (id, sitting) in rooms {
        let room = client.value(&format!("ROOM.GET {id}"));
        let members: Vec<_> = room.get("members").unwrap().items().to_vec();
        let seats: BTreeSet<_> =
            members.iter().map(|member| member.items()[1].as_str().unwrap().to_owned()).collect();
        assert_eq!((seats.len(), seats.len() <= SEATS), (members.len(), true), "{id}: {room:?}");
        // Who is held has a seat, and in a room that has closed only who paid.
        assert_eq!(seats, sitting, "{id}: {room:?}");
        let paid = sitting.iter().filter(|order| text(&orders[*order], "state") == "PAID").count();
        assert_eq!(room.get("paid_members").unwrap().as_int(), i64::try_from(paid).ok(), "{id}");
    }
    for (id, lines) in carts {
        is_whole(client, &id, &lines);
    }
    for key in SKUS.into_iter().chain(["fair"]) {
        client.books(key);
    }
}

/// A cart and its lines are one, or there is no cart and the lines hold nothing.
fn is_whole(client: &mut Client, cart: &str, lines: &[&str]) {
    // One that runs out at this moment is told to its lines a moment later.
    let look = || {
        let states = lines.iter().map(|line| client.value(&format!("ORDER.GET {line}")));
        let lines: Vec<_> = states
            .map(|order| (order.get("state").map(show), order.get("amount").and_then(Value::as_int)))
            .collect();
        (client.value(&format!("CART.GET {cart}")), lines)
    };
    common::until(cart, look, |(cart, found)| {
        let Some(state) = cart.get("state").map(show) else {
            return found.iter().all(|(state, _)| state.as_deref() == Some("CANCELLED"));
        };
        let due: i64 = found.iter().filter_map(|(_, amount)| *amount).sum();
        lines.len() == SKUS.len()
            && found.iter().all(|(line, _)| *line == Some(state.clone()))
            && cart.get("amount").and_then(Value::as_int) == Some(due)
    });
}

#[test]
fn a_server_killed_in_the_middle_of_promotions_has_lost_and_doubled_nothing() {
    let kills: u64 = std::env::var("TIDEGATE_KILLS").map_or(8, |kills| kills.parse().unwrap());
    let seed: u64 = std::env::var("TIDEGATE_SEED").map_or(0x5EED_0FC0_FFEE, |seed| seed.parse().unwrap());
    let mut dice = Dice(seed);
    let mut promised = 0;
    // A journal that grows for ten kills, then another one.
    for series in 0..kills.div_ceil(10) {
        let dir = tempfile::tempdir().unwrap();
        let mut known: Vec<Known> = (0..WORKERS).map(|_| Known::default()).collect();
        // Short epochs: some of the kills are while a snapshot is made, and some starts begin with one.
        let config = dir.path().join("tidegate.toml");
        std::fs::write(&config, "[journal]\nepoch_bytes = 1048576\n").unwrap();
        let data = dir.path().join("data");
        let start = || {
            let mut process = Process::start_listening(&data, &["--config", config.to_str().unwrap()]);
            process.wait_for("ready");
            process
        };
        let mut process = start();
        put_all(&mut process.client());
        for round in series * 10..kills.min(series * 10 + 10) {
            println!("kill {round}, seed {seed}: set TIDEGATE_SEED to go the same way");
            let answers = 100 + usize::try_from(dice.roll(9_000)).unwrap();
            known = rush(process, round, known, dice.roll(u64::MAX) | 1, answers);
            process = start();
            let mut client = process.client();
            adds_up(&mut client);
            known.iter().for_each(|known| keeps(&mut client, &known.promises));
            nothing_is_paid_or_given_twice(known.iter().flat_map(|known| &known.promises));
            adds_up(&mut client);
        }
        let snapshots = std::fs::read_dir(data.join("snapshots")).map_or(0, Iterator::count);
        println!("{snapshots} snapshots");
        promised += known.iter().map(|known| known.promises.len()).sum::<usize>();
    }
    println!("{kills} kills, {promised} promises kept");
}
