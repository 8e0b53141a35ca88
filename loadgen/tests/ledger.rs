//! Each kind of lie, as a table: an honest account and report, and one thing changed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use tidegate_loadgen::ledger::{FindingKind, Ledger, OrderState, Report, Step, Tally, check};

const PRICE: u64 = 100;
const BUYER: u32 = 7;

/// Ten units; four orders of two units: one paid, one cancelled, two open.
fn books() -> Ledger {
    let mut ledger = Ledger::new([("tea".to_owned(), 10, PRICE)], true);
    for number in 1..=4 {
        ledger.reserved(0, format!("{{tea}}:o:{number}").as_bytes(), BUYER + number, 2, 2 * PRICE);
    }
    ledger.paid(0, 2, 2 * PRICE);
    ledger.cancelled(0, BUYER + 2, 2, 2 * PRICE);
    ledger
}

fn tally(orders: u64) -> Tally {
    Tally { orders, units: orders * 2, money: orders * 2 * PRICE }
}

fn report() -> Report {
    let mut report =
        Report { total: 10, available: 4, reserved: 4, sold: 2, balanced: true, ..Report::default() };
    report.states[OrderState::Reserved as usize] = tally(2);
    report.states[OrderState::Paid as usize] = tally(1);
    report.states[OrderState::Cancelled as usize] = tally(1);
    report
}

fn kinds(ledger: &Ledger, report: &Report, limit: u64) -> Vec<FindingKind> {
    let mut kinds: Vec<_> =
        check(&ledger.accounts()[0], report, limit).into_iter().map(|finding| finding.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[test]
fn what_is_true_has_no_findings() {
    assert_eq!(check(&books().accounts()[0], &report(), 2), []);
}

#[test]
fn every_lie_of_a_report_is_caught() {
    type Lie = fn(&mut Report);
    let lies: [(&str, Lie, FindingKind); 14] = [
        ("an open order is gone", |r| r.states[0] = tally(1), FindingKind::LostOrder),
        ("a paid order is gone", |r| r.states[1] = tally(0), FindingKind::LostOrder),
        ("an order has lost a unit", |r| r.states[0].units -= 1, FindingKind::LostOrder),
        ("an order has lost money", |r| r.states[1].money -= 1, FindingKind::LostOrder),
        ("an order too many", |r| r.states[0] = tally(3), FindingKind::ExtraOrder),
        (
            "a payment is not noted",
            |r| (r.states[0], r.states[1]) = (tally(3), tally(0)),
            FindingKind::WrongState,
        ),
        (
            "a cancelled order is open",
            |r| (r.states[0], r.states[2]) = (tally(3), tally(0)),
            FindingKind::WrongState,
        ),
        (
            "an open order has expired",
            |r| (r.states[0], r.states[3]) = (tally(1), tally(1)),
            FindingKind::WrongState,
        ),
        (
            "a paid order is refunded",
            |r| (r.states[1], r.states[5]) = (tally(0), tally(1)),
            FindingKind::WrongState,
        ),
        ("the stock has grown", |r| (r.total, r.available) = (12, 6), FindingKind::WrongStock),
        ("a unit too many is free", |r| r.available += 1, FindingKind::Unbalanced),
        ("cancelled units came back twice", |r| (r.available, r.reserved) = (6, 2), FindingKind::Unbalanced),
        ("it admits it", |r| r.balanced = false, FindingKind::Unbalanced),
        ("more is held than exists", |r| (r.reserved, r.available) = (9, 0), FindingKind::Oversold),
    ];
    for (name, lie, kind) in lies {
        let mut report = report();
        lie(&mut report);
        let found = kinds(&books(), &report, 0);
        assert!(found.contains(&kind), "{name}: {found:?}");
    }
}

#[test]
fn every_lie_of_an_answer_is_caught() {
    type Lie = fn(&mut Ledger);
    let lies: [(&str, Lie, FindingKind); 5] = [
        ("an id twice", |l| l.reserved(0, b"{tea}:o:4", 1, 2, 2 * PRICE), FindingKind::DoubledOrder),
        ("a wrong amount", |l| l.reserved(0, b"{tea}:o:5", 1, 2, 2 * PRICE + 1), FindingKind::WrongAmount),
        ("more than there is", |l| l.reserved(0, b"{tea}:o:6", 1, 5, 5 * PRICE), FindingKind::Oversold),
        (
            "a denied order",
            |l| l.contradicted(0, || "NOT_FOUND on pay".to_owned()),
            FindingKind::Contradiction,
        ),
        ("two for one buyer", |l| l.reserved(0, b"{tea}:o:7", BUYER + 1, 1, PRICE), FindingKind::LimitBroken),
    ];
    for (name, lie, kind) in lies {
        let mut ledger = books();
        lie(&mut ledger);
        let found = kinds(&ledger, &report(), 2);
        assert!(found.contains(&kind), "{name}: {found:?}");
    }
}

#[test]
fn an_unanswered_write_may_have_happened_or_not_but_nothing_else() {
    let mut ledger = books();
    ledger.unknown(0, Step::Reserve, BUYER, 2, 2 * PRICE);
    ledger.unknown(0, Step::Pay, BUYER + 3, 2, 2 * PRICE);
    let with = |reserved: u64, paid: u64| {
        let mut report = report();
        report.states[0] = tally(reserved);
        report.states[1] = tally(paid);
        (report.reserved, report.sold) = (reserved * 2, paid * 2);
        report.available = 10 - report.reserved - report.sold;
        report
    };
    for (reserved, paid) in [(2, 1), (3, 1), (1, 2), (2, 2)] {
        assert_eq!(kinds(&ledger, &with(reserved, paid), 0), [], "{reserved} open, {paid} paid");
    }
    for (reserved, paid) in [(1, 1), (4, 1), (1, 3), (3, 0)] {
        assert_ne!(kinds(&ledger, &with(reserved, paid), 0), [], "{reserved} open, {paid} paid");
    }
}

#[test]
fn an_unanswered_cancellation_may_have_given_the_units_back() {
    let mut ledger = books();
    ledger.unknown(0, Step::Cancel, BUYER + 3, 2, 2 * PRICE);
    assert_eq!(kinds(&ledger, &report(), 2), []);
    let mut given_back = report();
    given_back.states[0] = tally(1);
    given_back.states[2] = tally(2);
    (given_back.available, given_back.reserved) = (6, 2);
    assert_eq!(kinds(&ledger, &given_back, 2), []);
}

#[test]
fn the_books_of_two_workers_are_one() {
    let mut one = books();
    let mut other = Ledger::new([("tea".to_owned(), 10, PRICE)], true);
    other.reserved(0, b"{tea}:o:5", BUYER, 1, PRICE);
    one.merge(other.clone());
    assert_eq!(one.accounts()[0].accepted, Tally { orders: 5, units: 9, money: 900 });
    assert_eq!(one.accounts()[0].doubled.count, 0);
    one.merge(other);
    assert_eq!(one.accounts()[0].doubled.count, 1, "the same id from two workers");
}
