//! One step of an order, done so many times: for a tool that counts instructions, which `benches/instructions` runs.
//!
//! `steps WORK COUNT`, WORK as in `benches/instructions`. What is set up takes as many instructions whatever COUNT is, so what a
//! step takes is the difference of two runs.

use std::hint::black_box;

use anyhow::{Context, Result, bail, ensure};
use mimalloc::MiMalloc;
use tidegate_benches::{Id, Sale};
use tidegate_engine::{Event, Fingerprint, Millis, OrderNumber, Request};
use tidegate_persistence::{ActorId, GroupEncoder};
use tidegate_protocol::command;
use tidegate_protocol::reply::Outcome;
use tidegate_protocol::resp::{Limits, Protocol, RequestDecoder, Writer};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Orders that there are before, and the most steps of a work that needs them.
const ORDERS: u32 = 100_000;
/// Orders of one group, as a pipeline of 64 makes them.
const GROUP: u32 = 64;
const NOW: Millis = Millis(1_700_000_000_000);

fn main() -> Result<()> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [work, count] = &words[..] else { bail!("usage: steps WORK COUNT") };
    let count: u32 = count.parse().context("COUNT: a whole number")?;
    ensure!(count <= ORDERS, "COUNT: at most {ORDERS}");
    match work.as_str() {
        "decode" => decode(count),
        "reserve" => {
            turns(Sale::endless(ORDERS)?, ORDERS + 1, count, |sale, buyer| sale.reserve(buyer).is_ok())
        }
        "repeat" => turns(Sale::endless(ORDERS)?, 1, count, |sale, buyer| sale.reserve(buyer).is_err()),
        "sold-out" => {
            let sale = Sale::with_orders(ORDERS, ORDERS)?;
            turns(sale, ORDERS + 1, count, |sale, buyer| sale.reserve(buyer).is_err())
        }
        "pay" => turns(Sale::endless(ORDERS)?, 1, count, |sale, order| sale.pay(order).is_ok()),
        "encode" => encode(count),
        "reply" => reply(count),
        _ => bail!("WORK: {work} is none"),
    }
}

/// Bytes to a command whose arguments are checked.
fn decode(count: u32) -> Result<()> {
    let words = ["ORDER.RESERVE", "lamp", "r-000000000001", "u-000000000001", "1"];
    let mut bytes = format!("*{}\r\n", words.len());
    words.iter().for_each(|word| bytes += &format!("${}\r\n{word}\r\n", word.len()));
    let mut decoder = RequestDecoder::new(Limits::default());
    for _ in 0..count {
        let request = decoder.decode(black_box(bytes.as_bytes()))?.context("it is whole")?;
        ensure!(black_box(command::parse(request.args)).is_ok());
    }
    Ok(())
}

/// Decided, and applied if it was accepted. `is_it`: whether the answer is the one that is to be counted.
fn turns(mut sale: Sale, first: u32, count: u32, is_it: impl Fn(&mut Sale, u32) -> bool) -> Result<()> {
    for number in first..first + count {
        ensure!(is_it(&mut sale, number), "number {number}: another answer");
    }
    Ok(())
}

/// Events to groups for the journal.
fn encode(count: u32) -> Result<()> {
    let mut group = GroupEncoder::new(ActorId(1), NOW, None);
    for number in 0..count {
        let (request, buyer) = (Id::new(1, u64::from(number)), Id::new(0, u64::from(number)));
        group.push(&Event::Reserved {
            order: OrderNumber(number + 1),
            request: Request { id: request.text(), fingerprint: Fingerprint(number) },
            buyer: buyer.text(),
            qty: 1,
            unit_price: 599_900,
            hold_ms: 900_000,
        });
        if group.events() == GROUP {
            let full = std::mem::replace(&mut group, GroupEncoder::new(ActorId(1), NOW, None));
            black_box(full.finish().context("it has events")?);
        }
    }
    Ok(())
}

/// The answer to bytes.
fn reply(count: u32) -> Result<()> {
    let mut bytes = Vec::new();
    for _ in 0..count {
        bytes.clear();
        let reserved =
            Outcome::Reserved { order: "{lamp}:o:1000000", amount: 599_900, expires_at: 1_700_000_900_000 };
        black_box(reserved).write(&mut Writer::new(&mut bytes, Protocol::Resp2));
        black_box(&bytes);
    }
    Ok(())
}
