//! SIGKILL at any moment, on a real disk: whatever a child process was told is durable is there afterwards.
#![allow(clippy::unwrap_used)] // also in helpers outside a test function

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Shop, open, small, start};
use tidegate_persistence::Options;

const DIR: &str = "TIDEGATE_CRASH_DIR";
const KILLS: u64 = 20;

/// Small epochs, so that kills also hit rotations, snapshots and deletions.
fn options() -> Options {
    Options { epoch_bytes: 48 << 10, ..small() }
}

#[test]
#[ignore = "the child process of the test below"]
fn child() {
    let dir = std::env::var(DIR).unwrap();
    let mut recovered = open(Path::new(&dir), &options());
    let mut shop = Shop::recovered(&mut recovered);
    let (_writer, lane, wakes) = start(recovered.journal, &options());
    let mut told = std::io::stdout();
    let mut waiting = std::collections::VecDeque::new();
    for turn in 0u32.. {
        let actor = turn % 4;
        let ticket = lane.submit(shop.sell(actor, 1 + turn % 9).finish().unwrap());
        waiting.push_back((ticket, actor, shop.skus[&actor].1));
        if waiting.len() == 8 {
            wakes.recv().unwrap();
        }
        while waiting.front().is_some_and(|(ticket, ..)| *ticket <= lane.durable()) {
            let (_, actor, orders) = waiting.pop_front().unwrap();
            writeln!(told, "acknowledged {actor} {orders}").unwrap();
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_however_often_the_process_is_killed() {
    let seed = std::env::var("TIDEGATE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
    });
    println!("TIDEGATE_SEED={seed}");
    let mut random = seed | 1;
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for kill in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Now and then at the very start, while the journal is still being made or replayed.
        let lines = if kill % 5 == 0 { 0 } else { random % 600 };
        run_and_kill(dir.path(), lines, &mut acknowledged);
        let recovered = open(dir.path(), &options());
        for actor in recovered.workers.iter().flatten() {
            let sku = actor.state.sku().unwrap();
            let orders = sku.order_count() as u64;
            let promised = acknowledged.remove(&actor.id.0).unwrap_or(0);
            assert!(orders >= promised, "{}: {orders} orders, {promised} acknowledged", actor.name);
            assert!(sku.report().balanced);
            acknowledged.insert(actor.id.0, orders);
        }
        assert!(acknowledged.len() <= recovered.workers.iter().flatten().count(), "an actor is lost");
    }
    assert!(!acknowledged.is_empty());
}

/// Kills a child after it said so many lines, and notes everything that it said.
fn run_and_kill(dir: &Path, lines: u64, acknowledged: &mut BTreeMap<u32, u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    loop {
        if seen == lines {
            child.kill().unwrap();
        }
        // What was said before the kill counts, also if it is read after it.
        let Some(line) = said.next() else { break };
        let line = line.unwrap();
        let Some(rest) = line.strip_prefix("acknowledged ") else { continue };
        seen += 1;
        // The last line may be cut short by the kill.
        if let Some((actor, orders)) = rest.split_once(' ')
            && let (Ok(actor), Ok(orders)) = (actor.parse(), orders.parse::<u64>())
        {
            let known = acknowledged.entry(actor).or_default();
            *known = orders.max(*known);
        }
    }
    child.wait().unwrap();
}
