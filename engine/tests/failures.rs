//! What went wrong in other flash sales, and does not here.

mod common;

use common::{HOLD, START, Shop, cancel, held, pay, refund, rejected, reserve, terms};
use tidegate_engine::{Answer, NoChange, Rejection, SkuTerms};

#[test]
fn a_payment_after_the_timeout_does_not_sell_the_unit_twice() {
    let mut shop = Shop::open(terms(), 1);
    assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, START));
    shop.wait(HOLD);
    shop.run_timers();
    assert_eq!(reserve(&mut shop, "bob", "b", 1), held(2, 500, shop.now));
    assert_eq!(pay(&mut shop, 1, "p", 500, "p1"), Ok(Answer::RefundDue));
    assert_eq!(pay(&mut shop, 2, "p", 500, "p2"), Ok(Answer::Paid));
    assert_eq!(shop.counts(), [0, 0, 1]);
}

#[test]
fn a_repeated_click_burns_no_stock() {
    let mut shop = Shop::open(terms(), 10);
    assert_eq!(reserve(&mut shop, "ann", "click", 1), held(1, 500, START));
    for _ in 0..100 {
        assert!(matches!(reserve(&mut shop, "ann", "click", 1), Err(NoChange::Repeated(_))));
    }
    assert_eq!(shop.counts(), [9, 1, 0]);
}

#[test]
fn a_call_before_the_start_reduces_no_stock() {
    let starts_at = START.plus(1);
    let mut shop = Shop::open(SkuTerms { starts_at: Some(starts_at), ..terms() }, 10);
    assert_eq!(reserve(&mut shop, "ann", "a", 1), rejected(Rejection::NotOpen { starts_at }));
    assert_eq!(shop.counts(), [10, 0, 0]);
    shop.wait(1);
    assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, shop.now), "and uses no request id up");
}

#[test]
fn units_and_order_are_one_event_so_no_crash_parts_them() {
    let mut shop = Shop::open(terms(), 10);
    assert_eq!(reserve(&mut shop, "ann", "a", 3), held(1, 1500, START));
    assert_eq!(shop.journal.len(), 2, "the creation and the reservation");
}

#[test]
fn a_cancelled_order_restocks_once() {
    let mut shop = Shop::open(terms(), 10);
    assert_eq!(reserve(&mut shop, "ann", "a", 3), held(1, 1500, START));
    for req in ["x", "y", "z"] {
        assert_eq!(cancel(&mut shop, 1, req), Ok(Answer::Cancelled));
    }
    shop.wait(HOLD);
    shop.run_timers();
    assert_eq!(shop.counts(), [10, 0, 0]);
}

#[test]
fn a_timer_does_not_end_a_paid_order() {
    let mut shop = Shop::open(terms(), 10);
    assert_eq!(reserve(&mut shop, "ann", "a", 3), held(1, 1500, START));
    shop.wait(HOLD - 1);
    assert_eq!(pay(&mut shop, 1, "p", 1500, "p1"), Ok(Answer::Paid));
    shop.wait(HOLD);
    shop.run_timers();
    assert_eq!(shop.counts(), [7, 0, 3]);
}

#[test]
fn a_refund_with_restock_returns_the_units_once() {
    let mut shop = Shop::open(terms(), 10);
    assert_eq!(reserve(&mut shop, "ann", "a", 3), held(1, 1500, START));
    assert_eq!(pay(&mut shop, 1, "p", 1500, "p1"), Ok(Answer::Paid));
    for req in ["x", "y", "z"] {
        assert_eq!(refund(&mut shop, 1, req, true), Ok(Answer::Refunded));
    }
    assert_eq!(shop.counts(), [10, 0, 0]);
}

#[test]
fn bots_that_only_hold_are_shut_out() {
    let mut shop = Shop::open(SkuTerms { max_lapses: Some(3), ..terms() }, 1);
    let mut holds = 0;
    for req in ["1", "2", "3", "4", "5", "6"] {
        holds += u32::from(reserve(&mut shop, "bot", req, 1).is_ok());
        shop.wait(HOLD);
        shop.run_timers();
    }
    assert_eq!(holds, 3);
    assert_eq!(reserve(&mut shop, "ann", "a", 1), held(4, 500, shop.now));
}

#[test]
fn the_end_of_a_sale_cuts_no_hold_short_and_opens_none_late() {
    let ends_at = START.plus(1);
    let terms = SkuTerms { ends_at: Some(ends_at), ..terms() };
    let mut shop = Shop::open(terms, 10);
    assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, START));
    assert_eq!(reserve(&mut shop, "ann", "b", 1), held(2, 500, START));
    shop.wait(HOLD - 1);
    assert_eq!(pay(&mut shop, 1, "p", 500, "p1"), Ok(Answer::Paid));
    shop.wait(1);
    assert_eq!(
        pay(&mut shop, 2, "p", 500, "p2"),
        Ok(Answer::RefundDue),
        "after the end nothing is claimed again"
    );
}
