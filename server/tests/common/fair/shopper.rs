//! One who shops: what it thinks of, and what it was told.

use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::StdRng;
use tidegate_protocol::resp::{Value, encode_command};

use crate::common::{Client, show};

/// Buyers of one shopper in one rush.
const BUYERS: u64 = 12;
/// Commands in one write.
const TOGETHER: usize = 8;

/// One command that was accepted, and the answer.
pub(super) type Promise = (String, String);

/// One shopper, and what it knows of.
#[derive(Default)]
pub(super) struct Shopper {
    number: u64,
    coupons: BTreeMap<String, String>,
    /// Orders and what is due for them.
    orders: Vec<(String, i64)>,
    rooms: Vec<String>,
    /// Carts and what is due for them.
    carts: Vec<(String, i64)>,
    /// Payments that paid something.
    payments: Vec<String>,
    /// Paid orders that nobody shares a room or a cart with.
    paid: Vec<String>,
    pub(super) promises: Vec<Promise>,
}

impl Shopper {
    pub(super) fn new(number: u64) -> Self {
        Self { number, ..Self::default() }
    }

    /// Shops until the server is gone, and says when it heard an answer.
    pub(super) fn shop(&mut self, mut client: Client, rush: u64, random: &mut StdRng, heard: impl Fn()) {
        for first in (0..).step_by(TOGETHER) {
            let lines: Vec<_> = (first..first + TOGETHER).map(|n| self.think(random, rush, n)).collect();
            // A server that dies breaks the connection here or below; what it answered before it died still counts.
            let _ = client.write(&encoded(&lines));
            for line in &lines {
                let Ok(Some(reply)) = client.next() else { return };
                let told = show(&reply);
                let is_reused = self.payments.iter().any(|payment| line.ends_with(payment));
                assert!(
                    !told.starts_with('-') || is_reused && told.starts_with("-IDEMPREUSE"),
                    "{line}: {told}"
                );
                self.hear(line, &reply);
                heard();
            }
        }
    }

    /// A payment: now and then one that paid something before.
    fn payment(&self, random: &mut StdRng, req: &str) -> String {
        match self.payments.last().filter(|_| random.random_range(0..8) == 0) {
            Some(old) => old.clone(),
            None => format!("pay-{req}"),
        }
    }

    /// Something that a shopper could do now.
    fn think(&self, random: &mut StdRng, rush: u64, n: usize) -> String {
        let name = format!("r{rush}w{}", self.number);
        // Now and then somebody comes back who was there before the last kill.
        let came = rush.saturating_sub(u64::from(random.random_range(0..3) == 0));
        let buyer = format!("r{came}w{}b{}", self.number, random.random_range(0..BUYERS));
        let req = format!("{name}-{n}");
        match random.random_range(0..15) {
            0 => format!("COUPON.TRIGGER fair {req} {buyer} try_on"),
            1 | 2 => match self.coupons.get(&buyer) {
                Some(coupon) => format!("ORDER.RESERVE coat {req} {buyer} 1 COUPON {coupon}"),
                None => format!("ORDER.RESERVE coat {req} {buyer} 1"),
            },
            3 => format!("ROOM.OPEN kettle {req} {buyer} 1"),
            4 | 5 if !self.rooms.is_empty() => {
                let room = one_of_the_last(4, &self.rooms, random);
                format!("ROOM.JOIN {room} {req} {buyer} 1")
            }
            10 | 11 => {
                let coupon = self.coupons.get(&buyer).filter(|_| random.random_range(0..2) == 0);
                let coupon = coupon.map_or_else(String::new, |coupon| format!(" COUPON {coupon}"));
                format!("CART.RESERVE fair {req} {buyer} kettle 1 coat 1{coupon}")
            }
            12 | 13 if !self.carts.is_empty() => {
                let (cart, due) = one_of_the_last(20, &self.carts, random);
                if random.random_range(0..4) == 0 {
                    format!("CART.CANCEL {cart} {req}")
                } else {
                    format!("CART.PAY {cart} {req} {due} {}", self.payment(random, &req))
                }
            }
            6..=8 if !self.orders.is_empty() => {
                let (order, due) = &self.orders[random.random_range(0..self.orders.len())];
                format!("ORDER.PAY {order} {req} {due} {}", self.payment(random, &req))
            }
            14 if !self.paid.is_empty() => {
                let order = one_of_the_last(20, &self.paid, random);
                let restock = if comes_back(order) { " RESTOCK" } else { "" };
                format!("ORDER.REFUND {order} {req}{restock}")
            }
            _ if !self.orders.is_empty() => {
                let (order, _) = &self.orders[random.random_range(0..self.orders.len())];
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
            Some("PAID") => {
                self.payments.extend(line.rsplit(' ').next().map(str::to_owned));
                if text(1).starts_with("{coat}") {
                    self.paid.push(text(1));
                }
            }
            Some("CANCELLED" | "REFUND_DUE" | "REFUNDED") => {}
            // A rejection promises nothing.
            _ => return,
        }
        self.promises.push((line.to_owned(), show(reply)));
    }
}

/// Whether the unit of an order is on sale again when it is refunded.
pub(super) fn comes_back(order: &str) -> bool {
    order.ends_with(['0', '2', '4', '6', '8'])
}

fn one_of_the_last<'a, T>(last: usize, all: &'a [T], random: &mut StdRng) -> &'a T {
    &all[random.random_range(all.len().saturating_sub(last)..all.len())]
}

pub(super) fn encoded(lines: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        encode_command(&mut bytes, &line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
    }
    bytes
}
