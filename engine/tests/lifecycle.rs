//! What every command does to an order in every state: the protocol's state x command table, as a table.
//!
//! Each block begins with how the order came into its state. A row is a command, what the caller is told, what
//! happens, the order's state after it, and the units available, reserved and sold after it.
//!
//! The SKU has ten units at 500, at most four to a buyer. Order 1 is Ann's, for two units (1000 is due); order 2 is
//! Bob's, who paid one unit with the payment `bobs`. The commands are about order 1.

mod common;

use std::sync::Arc;

use common::{HOLD_MS, START, Shop, terms};
use tidegate_engine::{
    Answer, Command, Event, LatePayment, Millis, NoChange, OrderNumber, Refusal, Rejection, SkuTerms,
};

const TABLE: &str = include_str!("lifecycle.table");

/// The commands that every block must have a row for.
const EVERY_STATE: [&str; 7] = [
    "PAY new 1000 p9",
    "PAY new 999 p9",
    "PAY new 1000 bobs",
    "CANCEL new",
    "CANCEL new because",
    "REFUND new",
    "REFUND new RESTOCK",
];

/// A block of the table.
struct Block {
    state: &'static str,
    way: Vec<&'static str>,
    rows: Vec<[&'static str; 5]>,
}

fn blocks() -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in TABLE.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if let Some(heading) = line.strip_prefix("== ") {
            let (state, way) = heading.split_once(':').unwrap_or((heading, ""));
            let way = way.split(';').map(str::trim).filter(|step| !step.is_empty()).collect();
            blocks.push(Block { state, way, rows: Vec::new() });
        } else {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let row = cells.try_into().unwrap_or_else(|_| panic!("five cells: {line}"));
            blocks.last_mut().unwrap_or_else(|| panic!("a heading first")).rows.push(row);
        }
    }
    blocks
}

fn lamp() -> SkuTerms {
    SkuTerms { per_buyer_limit: Some(4), ends_at: Some(START.plus(u64::from(HOLD_MS) * 3)), ..terms() }
}

/// A shop in which order 1 has come this way.
fn shop_after(way: &[&'static str]) -> Shop {
    let mut shop = Shop::open(lamp(), 10);
    for (req, buyer, qty) in [("a", "ann", 2), ("b", "bob", 1)] {
        let reserve = Command::Reserve { req, buyer, qty, max_price: None, coupon: None, at: None };
        assert!(matches!(shop.ask(&reserve), Ok(Answer::Reserved { .. })));
    }
    let bobs = Command::Pay { order: OrderNumber(2), req: "pay", amount: 500, payment: "bobs" };
    assert_eq!(shop.ask(&bobs), Ok(Answer::Paid));
    for step in way {
        take(&mut shop, step);
    }
    shop
}

/// One step of the way into a state.
fn take(shop: &mut Shop, step: &'static str) {
    let accepted = match step.split_once(' ').unwrap_or((step, "")) {
        ("LATER", _) => return shop.wait(u64::from(HOLD_MS)),
        ("TIMER", _) => return shop.run_timers(),
        ("ENDS", _) => return shop.now = shop.now.max(START.plus(u64::from(HOLD_MS) * 3)),
        ("PAUSE", _) => shop.ask(&Command::Pause),
        ("NO-REACQUIRE", _) => {
            let terms = Arc::new(SkuTerms { late_payment: LatePayment::Refund, ..lamp() });
            shop.ask(&Command::Put { terms, stock: 0 })
        }
        ("EVERYBODY-TAKES", qty) => (0..qty.parse().unwrap_or_else(|_| panic!("units: {step}")))
            .map(|i| {
                let buyer = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"][i];
                shop.ask(&Command::Reserve {
                    req: "c",
                    buyer,
                    qty: 1,
                    max_price: None,
                    coupon: None,
                    at: None,
                })
            })
            .fold(Ok(Answer::Paused), Result::and),
        ("ANN-TAKES", qty) => {
            let qty = qty.parse().unwrap_or_else(|_| panic!("units: {step}"));
            shop.ask(&Command::Reserve {
                req: "a2",
                buyer: "ann",
                qty,
                max_price: None,
                coupon: None,
                at: None,
            })
        }
        _ => shop.ask(&command(step)),
    };
    assert!(accepted.is_ok(), "{step}: {accepted:?}");
}

/// A command about order 1.
fn command(text: &'static str) -> Command<&'static str> {
    let order = OrderNumber(1);
    match *text.split_whitespace().collect::<Vec<_>>() {
        ["PAY", req, amount, payment] => {
            let amount = amount.parse().unwrap_or_else(|_| panic!("an amount: {text}"));
            Command::Pay { order, req, amount, payment }
        }
        ["CANCEL", req] => Command::Cancel { order, req, reason: None },
        ["CANCEL", req, reason] => Command::Cancel { order, req, reason: Some(reason) },
        ["REFUND", req] => Command::Refund { order, req, restock: false },
        ["REFUND", req, "RESTOCK"] => Command::Refund { order, req, restock: true },
        _ => panic!("no command: {text}"),
    }
}

fn word(answer: Answer) -> String {
    match answer {
        Answer::Paid => "PAID".into(),
        Answer::RefundDue => "REFUND_DUE".into(),
        Answer::Cancelled => "CANCELLED".into(),
        Answer::Refunded => "REFUNDED".into(),
        other => format!("{other:?}"),
    }
}

fn outcome(result: Result<Answer, NoChange>) -> String {
    match result {
        Ok(answer) => word(answer),
        Err(NoChange::Repeated(answer)) => format!("again {}", word(answer)),
        Err(NoChange::Rejected(Rejection::AmountMismatch { due })) => format!("no: AMOUNT_MISMATCH {due}"),
        Err(NoChange::Rejected(Rejection::AlreadyPaid)) => "no: ALREADY_PAID".into(),
        Err(NoChange::Rejected(Rejection::Expired)) => "no: EXPIRED".into(),
        Err(NoChange::Rejected(Rejection::NotPaid)) => "no: NOT_PAID".into(),
        Err(NoChange::Refused(Refusal::RequestReused)) => "error: REQUEST REUSED".into(),
        Err(NoChange::Refused(Refusal::PaymentReused)) => "error: PAYMENT REUSED".into(),
        Err(other) => format!("{other:?}"),
    }
}

fn names(events: &[(Millis, Event<'static>)]) -> String {
    let names = events.iter().map(|(_, event)| match event {
        Event::Paid(payment) => format!("paid {} {}", payment.id, payment.amount),
        Event::Reacquired(payment) => format!("reacquired {} {}", payment.id, payment.amount),
        Event::RefundDue(payment) => format!("refund_due {} {}", payment.id, payment.amount),
        Event::Cancelled { reason, .. } => format!("cancelled {}", reason.unwrap_or("")),
        Event::Expired { .. } => "expired".into(),
        Event::Refunded { restock: true, .. } => "refunded, restocked".into(),
        Event::Refunded { restock: false, .. } => "refunded".into(),
        Event::Noted { .. } => "noted".into(),
        other => format!("{other:?}"),
    });
    names.map(|name| name.trim().to_owned()).collect::<Vec<_>>().join(", ")
}

/// The row as it is, in the words of the table.
fn actual_row(way: &[&'static str], text: &'static str) -> [String; 5] {
    let mut shop = shop_after(way);
    let before = shop.journal.len();
    let told = outcome(shop.ask(&command(text)));
    let happened = names(&shop.journal[before..]);
    let counts = shop.counts().map(|count| count.to_string()).join(" ");
    [text.to_owned(), told, happened, format!("{:?}", shop.order(1).state), counts]
}

#[test]
fn every_command_does_to_an_order_in_every_state_what_the_table_says() {
    let mut wrong = Vec::new();
    for block in blocks() {
        for row in block.rows {
            let actual = actual_row(&block.way, row[0]);
            if actual != row {
                wrong.push(format!(
                    "== {}\n  said {}\n  is   {}",
                    block.state,
                    row.join(" | "),
                    actual.join(" | ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} rows differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_has_a_row_for_every_command_in_every_state() {
    let blocks = blocks();
    assert!(blocks.len() >= 18, "{} states", blocks.len());
    for block in blocks {
        for text in EVERY_STATE {
            assert!(block.rows.iter().any(|row| row[0] == text), "{}: {text}", block.state);
        }
    }
}

#[test]
fn every_accepted_command_on_the_way_gets_its_old_answer_again_and_no_other_may_use_its_request_id() {
    for block in blocks() {
        for (at, text) in block.way.iter().enumerate() {
            let Some((verb @ ("PAY" | "CANCEL" | "REFUND"), _)) = text.split_once(' ') else { continue };
            let first = shop_after(&block.way[..at]).ask(&command(text));
            let mut shop = shop_after(&block.way);
            let (events, counts) = (shop.journal.len(), shop.counts());
            assert_eq!(
                shop.ask(&command(text)).map_err(Some),
                first.map_err(Some).and_then(|answer| { Err(Some(NoChange::Repeated(answer))) }),
                "{}: {text}",
                block.state
            );

            let req = text.split_whitespace().nth(1).unwrap_or("");
            let order = OrderNumber(1);
            let others = [
                Command::Pay { order, req, amount: 1000, payment: "p8" },
                Command::Pay { order, req, amount: 1001, payment: "p1" },
                Command::Cancel { order, req, reason: Some("other") },
                Command::Refund { order, req, restock: verb != "REFUND" || !text.ends_with("RESTOCK") },
            ];
            for other in others {
                let told = outcome(shop.ask(&other));
                assert_eq!(told, "error: REQUEST REUSED", "{}: {text}, then {other:?}", block.state);
            }
            assert_eq!((shop.journal.len(), shop.counts()), (events, counts), "nothing happened");
        }
    }
}

#[test]
fn an_order_that_never_was_is_not_found() {
    let mut shop = shop_after(&[]);
    let (order, req) = (OrderNumber(3), "x");
    let commands = [
        Command::Pay { order, req, amount: 1, payment: "p" },
        Command::Cancel { order, req, reason: None },
        Command::Refund { order, req, restock: true },
        Command::Refund { order: OrderNumber(0), req, restock: true },
        Command::Pay { order: OrderNumber(u32::MAX), req, amount: 1, payment: "p" },
    ];
    for command in commands {
        assert_eq!(shop.ask(&command), common::rejected(Rejection::NotFound));
    }
}

#[test]
fn a_hold_ends_at_its_last_millisecond_and_not_before() {
    for (waited, told) in [(HOLD_MS - 1, "PAID"), (HOLD_MS, "PAID")] {
        let mut shop = shop_after(&[]);
        shop.wait(u64::from(waited));
        let before = shop.journal.len();
        assert_eq!(outcome(shop.ask(&command("PAY new 1000 p9"))), told);
        let late = shop.journal[before..].iter().any(|(_, event)| matches!(event, Event::Reacquired(_)));
        assert_eq!(late, waited == HOLD_MS);
    }
    let mut shop = shop_after(&[]);
    shop.wait(u64::from(HOLD_MS) - 1);
    assert!(!shop.run_a_timer(), "one millisecond early, no timer runs");
    assert!(shop.state.decide_expiry(OrderNumber(1), shop.now).is_empty());
    shop.wait(1);
    shop.run_timers();
    assert_eq!(shop.order(1).state, tidegate_engine::OrderState::Expired);
    assert!(shop.state.decide_expiry(OrderNumber(1), shop.now).is_empty(), "it ends once");
    assert!(
        shop.state.decide_expiry(OrderNumber(2), shop.now).is_empty(),
        "a paid order never ends by a timer"
    );
    assert!(shop.state.decide_expiry(OrderNumber(9), shop.now).is_empty(), "nor one that never was");
}
