//! Whole runs over real TCP, against a server that is honest and against servers that are not.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{Flaw, start};
use tidegate_loadgen::choice::Mix;
use tidegate_loadgen::ledger::FindingKind;
use tidegate_loadgen::run::{Pace, RunConfig, RunResult, run};

/// A closed loop of a fixed number of requests, so that nothing depends on how fast the machine is.
fn small(flaw: Flaw) -> RunConfig {
    RunConfig {
        duration: Duration::from_secs(60),
        requests: Some(4_000),
        connections: 4,
        pipeline: 8,
        mix: Mix::parse("reserve=60,get=20,pay=10,cancel=10").unwrap(),
        skus: 5,
        stock: 200,
        buyers: 1_000,
        ..RunConfig::new(start(flaw).to_string()).unwrap()
    }
}

fn kinds(result: &RunResult) -> Vec<FindingKind> {
    let mut kinds: Vec<_> = result.verdict.findings.iter().map(|finding| finding.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[test]
fn an_honest_sale_adds_up() {
    let mut seen = Vec::new();
    let result = run(&small(Flaw::None), |progress| seen.push(progress.answered)).unwrap();
    assert_eq!(result.verdict.findings, [], "{:?}", result.verdict.words);
    assert!(result.verdict.ok);
    assert_eq!(result.requests.sent, 4_000);
    assert_eq!(result.requests.answered, 4_000);
    assert_eq!(result.requests.unanswered, 0);
    let reserve = &result.commands["ORDER.RESERVE"].outcomes;
    assert_eq!(reserve["RESERVED"], result.verdict.accepted.orders);
    assert!(reserve["SOLD_OUT"] > 0, "5 x 200 units for 2,400 reservations: {reserve:?}");
    let answers: u64 = result.commands.values().flat_map(|command| command.outcomes.values()).sum();
    assert_eq!(answers, 4_000);
    assert_eq!(result.commands["ORDER.PAY"].outcomes["PAID"], result.verdict.paid.orders);
    assert!(result.verdict.read_back > 0);
    assert!(!seen.is_empty());
}

#[test]
fn several_threads_keep_one_ledger() {
    let config = RunConfig { threads: 3, ..small(Flaw::None) };
    let result = run(&config, |_| {}).unwrap();
    assert!(result.verdict.ok, "{:?}", result.verdict.findings);
    assert_eq!(result.requests.answered, 4_000);
}

#[test]
fn every_lie_is_found() {
    for (flaw, kind) in [
        (Flaw::LosesOrders, FindingKind::LostOrder),
        (Flaw::DoublesIds, FindingKind::DoubledOrder),
        (Flaw::Oversells, FindingKind::Oversold),
        (Flaw::Miscounts, FindingKind::Unbalanced),
        (Flaw::Overcharges, FindingKind::WrongAmount),
        (Flaw::ForgetsPayments, FindingKind::WrongState),
        (Flaw::MixesUpBuyers, FindingKind::WrongOrder),
    ] {
        let mix = match flaw {
            Flaw::ForgetsPayments => "reserve=80,pay=20",
            _ => "reserve=80,get=20",
        };
        let config = RunConfig { mix: Mix::parse(mix).unwrap(), ..small(flaw) };
        let result = run(&config, |_| {}).unwrap();
        assert!(!result.verdict.ok, "{flaw:?} was not noticed");
        assert!(kinds(&result).contains(&kind), "{flaw:?}: {:?}", result.verdict.findings);
        assert!(result.verdict.words.last().unwrap().contains("DOES NOT ADD UP"));
    }
}

#[test]
fn an_open_loop_sends_the_whole_schedule() {
    let config = RunConfig {
        pace: Pace::Open { rate: 2_000 },
        warmup: Duration::from_millis(100),
        duration: Duration::from_millis(400),
        requests: None,
        ..small(Flaw::None)
    };
    let result = run(&config, |_| {}).unwrap();
    assert_eq!(result.requests.sent, 1_000, "2,000 a second for half a second, however late");
    assert_eq!(result.requests.answered, 1_000);
    let measured: u64 = result.commands.values().map(|command| command.latency.count).sum();
    assert_eq!(measured, 800, "the warm-up is not measured");
    assert_eq!(result.throughput.asked_per_s, Some(2_000));
    assert!(result.verdict.ok, "{:?}", result.verdict.findings);
}

#[test]
fn a_broken_connection_leaves_unknown_orders_and_no_false_alarm() {
    let result = run(&small(Flaw::HangsUp), |_| {}).unwrap();
    assert_eq!(result.requests.lost_connections, 3);
    assert!(result.requests.unanswered >= 3);
    assert!(result.verdict.unknown.orders >= 3);
    assert!(result.verdict.ok, "{:?}", result.verdict.findings);
    assert!(result.verdict.words.iter().any(|words| words.contains("never answered")));
}

#[test]
fn a_server_that_is_loading_is_waited_for() {
    let result = run(&small(Flaw::Loads), |_| {}).unwrap();
    assert!(result.verdict.ok);
    assert_eq!(result.requests.errors, 0);
}

#[test]
fn a_used_prefix_is_refused() {
    let config = small(Flaw::None);
    run(&config, |_| {}).unwrap();
    let error = run(&config, |_| {}).unwrap_err().to_string();
    assert!(error.contains("--prefix"), "{error}");
}

#[test]
fn nobody_there_and_nonsense_are_errors() {
    let nobody = RunConfig::new("127.0.0.1:1").unwrap();
    assert!(run(&nobody, |_| {}).unwrap_err().to_string().contains("127.0.0.1:1"));
    for (config, part) in [
        (RunConfig { connections: 0, ..nobody.clone() }, "--connections"),
        (RunConfig { threads: 9, connections: 8, ..nobody.clone() }, "--threads"),
        (RunConfig { prefix: "a b".to_owned(), ..nobody.clone() }, "--prefix"),
        (RunConfig { pace: Pace::Open { rate: 0 }, ..nobody.clone() }, "--rate"),
        (RunConfig { zipf: Some(f64::NAN), ..nobody.clone() }, "--zipf"),
    ] {
        let error = run(&config, |_| {}).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
