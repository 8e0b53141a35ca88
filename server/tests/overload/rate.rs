//! More requests than the server can answer, all of them proper ones.

use std::time::{Duration, Instant};

use tidegate_loadgen::choice::Mix;
use tidegate_loadgen::run::{Pace, Progress, RequestCounts, RunConfig, run};

use super::crowd::{Member, command};
use super::siege::{PER_CONNECTION, Siege, Size};

/// Connections that want the same, in a test.
const WANTING: usize = 64;
/// Reservations that one connection sends at once.
const TOGETHER: usize = 1_000;

#[test]
fn a_crowd_that_wants_one_sku_is_put_off_and_the_seller_gets_its_turn() {
    let mut siege =
        Siege::begin("everybody wants one SKU, which takes few", "[limits]\nmailbox_capacity = 16");
    everybody_reserves(&mut siege, &["-OVERLOADED retry_ms="]);
    siege.lift(WANTING as u64 * PER_CONNECTION * Size::of_this_run().times as u64);
}

#[test]
fn a_crowd_that_wants_one_sku_waits_its_turn_as_the_seller_does() {
    let mut siege = Siege::begin("everybody wants one SKU", "[limits]\nmax_batch_commands = 1024");
    everybody_reserves(&mut siege, &[]);
    siege.lift(WANTING as u64 * PER_CONNECTION * Size::of_this_run().times as u64);
}

/// Everybody reserves what the seller sells, as much at once as the server takes.
fn everybody_reserves(siege: &mut Siege, expected: &'static [&'static str]) {
    siege.storm(WANTING * Size::of_this_run().times, expected, async |member: Member| {
        let Some(stream) = member.connect(member.tcp).await else { return };
        let number = member.next_number();
        let reserve = |at: usize| command(&format!("ORDER.RESERVE lamp c-{number}-{at} b-{number} 1"));
        member.ask_all(stream, &(0..TOGETHER).flat_map(reserve).collect::<Vec<u8>>(), TOGETHER).await;
    });
}

#[test]
fn ten_times_the_rate_that_can_be_sustained_harms_no_order() {
    let size = Size::of_this_run();
    let mut siege = Siege::begin("ten times the sustainable rate", "");
    let load = |pace, duration| RunConfig {
        pace,
        duration,
        connections: 50,
        pipeline: 1_000,
        mix: Mix::parse("reserve=50,get=50").unwrap(),
        skus: 10,
        stock: 1_000_000_000,
        ..RunConfig::new(siege.doors().0.to_string()).unwrap()
    };
    let a_moment = (size.duration / 10).max(Duration::from_secs(1));
    let measured = run(&load(Pace::Closed, a_moment), |_| {}).unwrap();
    let rate = measured.throughput.achieved_per_s as u64;
    let tenfold = load(Pace::Open { rate: 10 * rate }, size.duration);
    // What is offered beyond does not come to be sent. Nor does all that a moment promises come to be answered in a minute:
    // every order makes the books larger.
    let tenfold = RunConfig { requests: Some(rate * size.duration.as_secs().max(1) * 3 / 4), ..tenfold };
    let mut load = None;
    siege.weather(|| {
        let mut ended = Instant::now();
        let answered_all = |progress: &Progress| progress.sent > 0 && progress.in_flight == 0;
        load = run(&tenfold, |progress| {
            if !answered_all(progress) {
                ended = Instant::now();
            }
        })
        .ok();
        ended
    });
    let load = load.unwrap();
    assert!(load.verdict.ok, "{:?}", load.verdict);
    let RequestCounts { unanswered, lost_connections, errors, .. } = load.requests;
    assert_eq!((lost_connections, unanswered), (0, 0));
    for (what, count) in [
        ("sustained, requests a second", rate),
        ("offered, requests a second", 10 * rate),
        ("answered, requests a second", load.throughput.achieved_per_s as u64),
        ("refused", errors),
    ] {
        siege.note(what, count);
    }
    siege.lift(50 * PER_CONNECTION);
}
