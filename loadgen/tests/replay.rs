//! Whole replays over real TCP.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{Flaw, start};
use tidegate_loadgen::replay::{ReplayConfig, ReplayPace, ReplayResult, replay};
use tidegate_loadgen::trace::Trace;

/// Four teapots for ten wanted; a cancellation that makes room; a cancellation of what was refused.
const TRACE: &str = "\
tidegate-trace,1
source,A shop,CC0-1.0
stock,60,GBP
day,2011-12-05,1323073080000,0
sku,20111205-POT,0,4,255,TEAPOT
sku,20111205-CUP,0,100,99,CUP
reserve,0,1,0,c1,3,255
reserve,60000,2,0,c2,2,255
reserve,61000,3,0,c3,1,255
reserve,62000,4,1,c3,5,95
cancel,120000,C5,0
reserve,180000,6,0,c6,3,255
cancel,240000,C7,1
reserve,300000,8,0,c8,1,255
";

fn play(flaw: Flaw, change: impl FnOnce(&mut ReplayConfig)) -> ReplayResult {
    let trace = Arc::new(Trace::read_from(TRACE.as_bytes(), Path::new("trace")).unwrap());
    let mut config = ReplayConfig { connections: 2, ..ReplayConfig::new(start(flaw).to_string()) };
    change(&mut config);
    let mut last = None;
    let result = replay(&config, &trace, |progress| last = Some(*progress)).unwrap();
    let last = last.unwrap();
    assert_eq!(last.answered, result.requests.answered, "the last progress is the whole replay");
    assert_eq!(last.accepted, result.verdict.accepted.orders);
    result
}

#[test]
fn the_purchases_end_as_they_did_in_the_shop() {
    for pace in [ReplayPace::Closed, ReplayPace::Speed(1_000.0)] {
        let result = play(Flaw::None, |config| config.pace = pace);
        assert!(result.verdict.ok, "{:?}", result.verdict.findings);
        assert_eq!(result.purchases, 6);
        // c1 takes three, c2 finds one left of two, c3 takes the last, c1 gives back, c6 takes three, c8 comes late.
        assert_eq!(result.verdict.accepted.orders, 4);
        assert_eq!(result.answers("SOLD_OUT"), 2);
        assert_eq!(result.verdict.cancelled.orders, 1);
        assert_eq!(result.nothing_to_cancel, 1);
        assert_eq!(result.verdict.paid.orders, 3, "everything that is not cancelled is paid");
        assert_eq!(result.verdict.read_back, 4);

        let [pot, cup] = &result.skus[..] else { panic!("two SKUs") };
        assert_eq!((pot.total, pot.available, pot.reserved, pot.sold), (4, 0, 0, 4));
        assert_eq!((pot.asked_units, pot.sold_units, pot.refused_lines, pot.refused_units), (10, 4, 2, 3));
        assert_eq!(pot.sold_money, 4 * 255);
        assert_eq!(pot.first_refused_at_ms, Some(60_000));
        assert_eq!(pot.sold_out_at_ms, Some(61_000));
        assert_eq!(pot.sold_out_at.as_deref(), Some("2011-12-05T08:19:01Z"));
        assert!(pot.balanced && cup.balanced);
        assert_eq!((cup.sold_units, cup.sold_money), (5, 5 * 99), "the fixed price, not the line's");
        assert_eq!(cup.sold_out_at, None);

        assert_eq!(result.best_by_units(1)[0].title, "CUP");
        assert_eq!(result.best_by_money(1)[0].title, "TEAPOT");
        assert_eq!(result.sold_out().len(), 1);
    }
}

#[test]
fn what_comes_back_is_there_for_the_next_even_when_everything_could_be_sent_at_once() {
    let result = play(Flaw::None, |config| (config.connections, config.pipeline) = (1, 1_000));
    assert!(result.verdict.ok, "{:?}", result.verdict.findings);
    assert_eq!(result.verdict.cancelled.orders, 1);
    assert_eq!(result.skus[0].sold_units, 4, "c6 bought what c1 gave back");
}

#[test]
fn lies_are_found() {
    for flaw in
        [Flaw::Oversells, Flaw::Miscounts, Flaw::Overcharges, Flaw::ForgetsPayments, Flaw::MixesUpBuyers]
    {
        let result = play(flaw, |_| {});
        assert!(!result.verdict.ok, "{flaw:?} was not noticed");
        if flaw != Flaw::Overcharges {
            assert!(result.skus.iter().any(|sku| !sku.balanced), "{flaw:?}: no SKU is marked");
        }
    }
}

#[test]
fn a_broken_connection_costs_nothing_because_requests_are_repeated() {
    let mut trace = Trace::read_from(TRACE.as_bytes(), Path::new("trace")).unwrap();
    let cup = trace.events[3].clone();
    trace.events.extend(std::iter::repeat_n(cup, 600));
    for (event, at_ms) in trace.events.iter_mut().skip(8).zip(300_000..) {
        event.at_ms = at_ms;
    }
    trace.skus[1].stock = 10_000;
    let config = ReplayConfig { connections: 2, ..ReplayConfig::new(start(Flaw::HangsUp).to_string()) };
    let result = replay(&config, &Arc::new(trace), |_| {}).unwrap();
    assert!(result.requests.lost_connections > 0);
    assert_eq!(result.verdict.unknown.orders, 0);
    assert!(result.verdict.ok, "{:?}", result.verdict.findings);
    assert_eq!(result.skus[1].sold_units, 601 * 5);
}

#[test]
fn the_sample_trace_sells_and_balances() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/trace/online-retail-two-days.csv.gz");
    let trace = Trace::read(&path).unwrap();
    assert_eq!(trace.days.len(), 2);
    assert_eq!(trace.reservations(), 10_140);
    assert_eq!(trace.events.len() - trace.reservations(), 6);
    let config = ReplayConfig::new(start(Flaw::None).to_string());
    let result = replay(&config, &Arc::new(trace), |_| {}).unwrap();
    assert!(result.verdict.ok, "{:?}", result.verdict.findings);
    assert_eq!(result.balanced(), 3_425);
    assert_eq!(result.answers("RESERVED") + result.answers("SOLD_OUT"), 10_140);
    assert!(result.sold_out().len() > 500);
}
