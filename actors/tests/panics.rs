//! A turn that panics: nothing of it happened, nobody else notices, and the SKU comes back as it was.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::sync::Arc;

use common::{
    Gate, GatedJournal, HOLD_MS, Plan, SEED, accepted, ask, body, is_by, outcome, pay, report, reserve, send,
    shown, story, until,
};
use parking_lot::Mutex;
use tidegate_actors::{Clerk, Condition, DeskOptions, Draft, Fault, Rebuild, RebuildError};
use tidegate_engine::{Answer, Command, Limits, Millis, OrderNumber, OrderState, SkuState};
use tidegate_persistence::{ActorId, MemoryJournal, Reader, State};

/// Waits at a gate, then rebuilds, and notes the hash of what it made.
struct Watched {
    reader: Reader,
    gate: Gate,
    hashes: Arc<Mutex<Vec<u64>>>,
}

impl Rebuild for Watched {
    fn rebuild(&self, id: ActorId, seed: u64) -> Result<Option<State>, RebuildError> {
        self.gate.pass();
        let state = Rebuild::rebuild(&self.reader, id, seed)?;
        self.hashes.lock().push(state.as_ref().map_or(0, State::hash));
        Ok(state)
    }
}

/// A plan in which a reservation by `boom` panics.
fn plan() -> Plan {
    Plan::on(MemoryJournal::new()).probe(|body| assert!(!is_by(body, "boom"), "boom was here"))
}

#[test]
fn a_turn_that_panics_is_undone_whole_and_the_sku_comes_back_as_it_was() {
    let (gate, hashes) = (Gate::default(), Arc::new(Mutex::new(Vec::new())));
    let (watch, noted) = (gate.clone(), Arc::clone(&hashes));
    let plan = plan().rebuild(move |reader| Watched { reader, gate: watch, hashes: noted });
    story(plan, async move |shop| {
        let (iphone, other) = (shop.put("iphone", 10).await, shop.put("other", 10).await);
        let first = [reserve("r1", "u1", 1), reserve("r2", "u2", 1), pay(1, "p1", "pay-1")];
        accepted(&ask(&iphone, &first).await);
        gate.close();
        let bad =
            [pay(2, "p2", "pay-2"), reserve("r3", "u3", 2), reserve("r4", "boom", 1), reserve("r5", "u5", 1)];
        assert_eq!(ask(&iphone, &bad).await.unwrap_err(), Fault::Panicked);

        // Until it is rebuilt, it says so, and others go on.
        until("it is being rebuilt", || gate.is_awaited()).await;
        assert_eq!(iphone.shown().condition(), Condition::Rebuilding);
        assert_eq!(shop.house.status().rebuilding, ["iphone"]);
        assert_eq!(ask(&iphone, &[reserve("r6", "u6", 1)]).await.unwrap_err(), Fault::Rebuilding);
        accepted(&ask(&other, &[reserve("r1", "u1", 3)]).await);
        assert_eq!(shown(&other), (7, 3, 0));

        gate.open();
        until("it is back", || iphone.shown().condition() == Condition::Live).await;
        assert_eq!(shop.house.status().rebuilt, 1);
        assert_eq!(shown(&iphone), (8, 1, 1));
        let books = report(&iphone).await;
        assert_eq!((books.tally.orders(OrderState::Paid), books.tally.orders(OrderState::Reserved)), (1, 1));
        assert_eq!(hashes.lock()[..], [hash_after(&first)]);
        // The request ids of the turn are free, those before it are known.
        let again = ask(&iphone, &[first[0].clone(), bad[0].clone(), bad[1].clone()]).await;
        let expires_at = Millis(1_000_000 + u64::from(HOLD_MS));
        assert_eq!(
            accepted(&again),
            [
                Answer::Reserved { order: OrderNumber(1), amount: 500, expires_at },
                Answer::Paid,
                Answer::Reserved { order: OrderNumber(3), amount: 1_000, expires_at },
            ]
        );
        shop.close();
    });
}

/// The state's hash after these commands, had nothing else ever happened.
fn hash_after(commands: &[Command<&str>]) -> u64 {
    let limits = Limits { max_orders: 1_000, max_requests: 1_000, max_buyers: 1_000, ..Limits::default() };
    let options = DeskOptions { limits, expiries_per_turn: 1_000, ..DeskOptions::default() };
    let mut clerk = Clerk::new(ActorId(0), "iphone", SkuState::new(SEED), Arc::default());
    let put = Command::Put { terms: Arc::new(common::terms()), stock: 10 };
    for commands in [&[put][..], commands] {
        let (mut replies, mut draft) = (Vec::new(), Draft::default());
        clerk.turn(Millis(1_000_000), &body(commands), &options, &mut replies, &mut draft);
        assert_eq!(replies.len(), commands.len());
    }
    clerk.state().sku().unwrap().state_hash()
}

#[test]
fn what_was_acknowledged_before_a_panic_is_there_after_the_next_start() {
    let journal = MemoryJournal::new();
    let plan = |probe: bool| {
        let plan = Plan::on(journal.clone());
        if probe { plan.probe(|body| assert!(!is_by(body, "boom"))) } else { plan }
    };
    story(plan(true), async |shop| {
        let iphone = shop.put("iphone", 10).await;
        for round in 0..5 {
            let req = format!("r{round}");
            accepted(&ask(&iphone, &[reserve(&req, "u1", 1)]).await);
            assert_eq!(ask(&iphone, &[reserve(&req, "boom", 1)]).await.unwrap_err(), Fault::Panicked);
            until("it is back", || iphone.shown().condition() == Condition::Live).await;
        }
        assert_eq!(shop.house.status().rebuilt, 5);
        shop.close();
    });
    story(plan(false), async |shop| {
        let iphone = shop.house.find("iphone").unwrap();
        assert_eq!(shown(&iphone), (5, 5, 0));
        accepted(&ask(&iphone, &[reserve("r0", "boom", 1)]).await);
        assert_eq!(report(&iphone).await.stock.reserved(), 6);
        shop.close();
    });
}

/// A rebuild that panics, or fails.
struct Hopeless {
    panics: bool,
}

impl Rebuild for Hopeless {
    fn rebuild(&self, _: ActorId, _: u64) -> Result<Option<State>, RebuildError> {
        assert!(!self.panics, "again");
        Err(RebuildError::Damage("nothing makes sense".to_owned()))
    }
}

#[test]
fn a_sku_that_cannot_be_rebuilt_is_quarantined_and_others_go_on() {
    for panics in [true, false] {
        story(plan().rebuild(move |_| Hopeless { panics }), async |shop| {
            let (iphone, other) = (shop.put("iphone", 10).await, shop.put("other", 10).await);
            accepted(&ask(&iphone, &[reserve("r1", "u1", 1)]).await);
            assert_eq!(ask(&iphone, &[reserve("r2", "boom", 1)]).await.unwrap_err(), Fault::Panicked);
            until("it is given up", || iphone.shown().condition() == Condition::Quarantined).await;
            let status = shop.house.status();
            assert_eq!(
                (status.quarantined, status.rebuilding, status.rebuilt),
                (vec!["iphone".to_owned()], vec![], 0)
            );
            assert_eq!(ask(&iphone, &[reserve("r1", "u1", 1)]).await.unwrap_err(), Fault::Quarantined);
            accepted(&ask(&other, &[reserve("r1", "u1", 3)]).await);
            assert_eq!(report(&other).await.stock.reserved(), 3);
            shop.close();
        });
    }
}

#[test]
fn a_sku_whose_clock_panics_again_after_a_rebuild_is_quarantined() {
    let plan = Plan::on(MemoryJournal::new()).probe(|body| assert!(!body.is_empty(), "ending a hold fails"));
    story(plan, async |shop| {
        let iphone = shop.put_with("iphone", 10, |terms| terms.hold_ms = 20).await;
        let other = shop.put("other", 10).await;
        accepted(&ask(&iphone, &[reserve("r1", "u1", 1)]).await);
        until("it is given up", || iphone.shown().condition() == Condition::Quarantined).await;
        assert_eq!(shop.house.status().rebuilt, 1, "it was tried once");
        accepted(&ask(&other, &[reserve("r1", "u1", 3)]).await);
        shop.close();
    });
}

#[test]
fn bodies_that_wait_behind_a_panic_are_told_and_lose_nothing() {
    let gate = Gate::default();
    let turns = gate.clone();
    let plan = Plan::on(MemoryJournal::new()).probe(move |body| {
        turns.pass();
        assert!(!is_by(body, "boom"), "boom was here");
    });
    story(plan, async move |shop| {
        let iphone = shop.put("iphone", 10).await;
        gate.close();
        let first = send(&iphone, body(&[reserve("r1", "u1", 1)]));
        let second = send(&iphone, body(&[reserve("r2", "boom", 1)]));
        let third = send(&iphone, body(&[reserve("r3", "u3", 1)]));
        gate.open();
        accepted(&outcome(first).await);
        assert_eq!(outcome(second).await.unwrap_err(), Fault::Panicked);
        let third = outcome(third).await;
        assert!(matches!(third, Ok(_) | Err(Fault::Rebuilding)), "{third:?}");
        until("it is back", || iphone.shown().condition() == Condition::Live).await;
        accepted(&ask(&iphone, &[reserve("r3", "u3", 1)]).await);
        assert_eq!(report(&iphone).await.stock.reserved(), 2);
        shop.close();
    });
}

#[test]
fn a_rebuild_waits_for_what_is_not_durable_yet() {
    let journal = GatedJournal::default();
    let disk = journal.sync.clone();
    let plan = Plan::on(journal).probe(|body| assert!(!is_by(body, "boom"), "boom was here"));
    story(plan, async move |shop| {
        let (iphone, other) = (shop.put("iphone", 10).await, shop.put("other", 1_000).await);
        disk.close();
        let held = send(&iphone, body(&[reserve("r1", "u1", 1)]));
        until("the disk is asked", || disk.is_awaited()).await;
        assert_eq!(ask(&iphone, &[reserve("r2", "boom", 1)]).await.unwrap_err(), Fault::Panicked);
        // Time enough for a rebuild that does not wait: others' turns go on meanwhile.
        let mut waiting = Vec::new();
        for n in 1..=500 {
            waiting.push(send(&other, body(&[reserve(&format!("r{n}"), "u1", 1)])));
            until("the other SKU's turn is over", || shown(&other).1 == n).await;
        }
        assert_eq!(iphone.shown().condition(), Condition::Rebuilding);
        disk.open();
        accepted(&outcome(held).await);
        until("it is back", || iphone.shown().condition() == Condition::Live).await;
        assert_eq!(report(&iphone).await.stock.reserved(), 1);
        for sent in waiting {
            accepted(&outcome(sent).await);
        }
        shop.close();
    });
}
