//! Holds end by the clock, whether or not a timer has run; time never runs backwards; there is room for so many SKUs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{
    HOLD_MS, Plan, accepted, ask, body, outcome, pay, report, reserve, send, shown, stock, story, until,
};
use tidegate_actors::{Ask, CreateError, Reply};
use tidegate_engine::{Answer, LatePayment, Millis, OrderState};
use tidegate_persistence::MemoryJournal;

#[test]
fn a_hold_ends_by_itself() {
    story(Plan::on(MemoryJournal::new()), async |shop| {
        let iphone = shop.put_with("iphone", 2, |terms| terms.hold_ms = 20).await;
        accepted(&ask(&iphone, &[reserve("r1", "u1", 2)]).await);
        assert_eq!(shown(&iphone), (0, 2, 0));
        shop.clock.advance(20);
        until("the hold has ended", || shown(&iphone) == (2, 0, 0)).await;
        assert_eq!(report(&iphone).await.tally.orders(OrderState::Expired), 1);
        shop.close();
    });
}

#[test]
fn holds_of_an_idle_sku_end_when_the_clock_is_set_forward() {
    // A hold lasts ten minutes, and a story one at most: no timer runs out in it.
    let plan =
        Plan { look_at_clock: Duration::from_millis(1), arbiters: 2, ..Plan::on(MemoryJournal::new()) };
    story(plan, async |shop| {
        let (iphone, other) = (shop.put("iphone", 2).await, shop.put("other", 2).await);
        let long = shop.put_with("long", 2, |terms| terms.hold_ms = 3 * HOLD_MS).await;
        for sku in [&iphone, &other, &long] {
            accepted(&ask(sku, &[reserve("r1", "u1", 2)]).await);
        }
        let hold = u64::from(HOLD_MS);
        shop.clock.advance(hold);
        until("the holds have ended", || shown(&iphone) == (2, 0, 0) && shown(&other) == (2, 0, 0)).await;
        assert_eq!(shown(&long), (0, 2, 0));
        // Whom the first jump woke for nothing is woken by the next one too.
        shop.clock.advance(2 * hold);
        until("the long hold has ended", || shown(&long) == (2, 0, 0)).await;
        for sku in [&iphone, &other, &long] {
            assert_eq!(report(sku).await.tally.orders(OrderState::Expired), 1);
        }
        shop.close();
    });
}

#[test]
fn a_turn_begins_with_what_the_clock_has_ended_but_not_with_all_of_it() {
    let plan = Plan { expiries_per_turn: 10, ..Plan::on(MemoryJournal::new()) };
    story(plan, async |shop| {
        let iphone = shop.put_with("iphone", 25, |terms| terms.late_payment = LatePayment::Refund).await;
        let reqs: Vec<_> = (1..=25).map(|n| format!("r{n}")).collect();
        let all: Vec<_> = reqs.iter().map(|req| reserve(req, "u1", 1)).collect();
        accepted(&ask(&iphone, &all).await);
        shop.clock.advance(u64::from(HOLD_MS));
        let mut late = body(&[]);
        late.push(Ask::View);
        late.push_command(&pay(25, "p1", "pay-1"));
        let replies = outcome(send(&iphone, late)).await.unwrap();
        let [Reply::View(Some(view)), Reply::Accepted(paid)] = &replies[..] else { panic!("{replies:?}") };
        assert_eq!(stock(view), (10, 15, 0), "ten of them");
        assert_eq!(*paid, Answer::RefundDue, "although its hold had not been ended yet");
        until("the rest has ended", || shown(&iphone) == (25, 0, 0)).await;
        let books = report(&iphone).await;
        assert_eq!(
            (books.tally.orders(OrderState::Expired), books.tally.orders(OrderState::RefundDue)),
            (24, 1)
        );
        shop.close();
    });
}

#[test]
fn holds_that_ran_out_while_the_house_was_closed_are_ended_when_it_opens() {
    let journal = MemoryJournal::new();
    story(Plan::on(journal.clone()), async |shop| {
        let iphone = shop.put("iphone", 2).await;
        accepted(&ask(&iphone, &[reserve("r1", "u1", 2)]).await);
        shop.close();
    });
    story(Plan { now: 1_000_000 + u64::from(HOLD_MS), ..Plan::on(journal) }, async |shop| {
        let iphone = shop.house.find("iphone").unwrap();
        until("the hold has ended", || shown(&iphone) == (2, 0, 0)).await;
        shop.close();
    });
}

#[test]
fn time_never_runs_backwards() {
    let journal = MemoryJournal::new();
    let reserved_at = |replies: &Result<Vec<Reply>, _>| match accepted(replies)[..] {
        [Answer::Reserved { expires_at, .. }] => Millis(expires_at.0 - u64::from(HOLD_MS)),
        ref other => panic!("{other:?}"),
    };
    story(Plan::on(journal.clone()), async |shop| {
        let iphone = shop.put("iphone", 9).await;
        assert_eq!(reserved_at(&ask(&iphone, &[reserve("r1", "u1", 1)]).await), Millis(1_000_000));
        shop.clock.set(Millis(400_000));
        assert_eq!(reserved_at(&ask(&iphone, &[reserve("r2", "u1", 1)]).await), Millis(1_000_000));
        shop.clock.set(Millis(1_000_001));
        assert_eq!(reserved_at(&ask(&iphone, &[reserve("r3", "u1", 1)]).await), Millis(1_000_001));
        shop.close();
    });
    // Nor over a restart.
    story(Plan { now: 5, ..Plan::on(journal) }, async |shop| {
        let iphone = shop.house.find("iphone").unwrap();
        assert_eq!(reserved_at(&ask(&iphone, &[reserve("r4", "u1", 1)]).await), Millis(1_000_001));
        shop.close();
    });
}

#[test]
fn there_is_room_for_so_many_skus() {
    story(Plan { max_skus: 2, arbiters: 2, ..Plan::on(MemoryJournal::new()) }, async |shop| {
        let first = shop.put("one", 1).await;
        shop.put("two", 1).await;
        assert_eq!(
            shop.house.find_or_create("three").unwrap_err(),
            CreateError::Full { limit: "limits.max_skus" }
        );
        assert!(shop.house.find("three").is_none());
        assert!(Arc::ptr_eq(&shop.house.find_or_create("one").unwrap(), &first), "who is there stays");
        assert_eq!(shop.house.sku_count(), 2);
        shop.close();
    });
}
