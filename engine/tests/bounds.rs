//! What one SKU may remember, and how large its numbers may get.

mod common;

use std::sync::Arc;

use common::{
    HOLD, START, Shop, Told, cancel, held, pay, put, refund, refused, rejected, repeated, reserve, restock,
    terms,
};
use tidegate_engine::{
    Answer, Command, Fulfilment, Limits, MAX_GIVEN, MAX_ID, MAX_MINOR, MAX_STOCK, NoChange, Price, Refusal,
    Rejection, SkuTerms,
};

fn full(limit: &'static str) -> Told {
    refused(Refusal::Full { limit })
}

#[test]
fn orders_are_counted_whatever_became_of_them() {
    let mut shop = Shop::open(terms(), 10);
    shop.limits = Limits { max_orders: 2, ..Limits::default() };
    assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, START));
    assert_eq!(reserve(&mut shop, "ann", "b", 1), held(2, 500, START));
    assert_eq!(reserve(&mut shop, "ann", "c", 1), full("orders"));
    assert!(matches!(reserve(&mut shop, "ann", "b", 1), Err(NoChange::Repeated(_))));
    assert_eq!(cancel(&mut shop, 1, "x"), Ok(Answer::Cancelled));
    assert_eq!(reserve(&mut shop, "ann", "c", 1), full("orders"), "an ended order is still remembered");
}

#[test]
fn buyers_are_counted() {
    let mut shop = Shop::open(terms(), 10);
    shop.limits = Limits { max_buyers: 1, ..Limits::default() };
    assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, START));
    assert_eq!(reserve(&mut shop, "bob", "a", 1), full("buyers"));
    assert_eq!(shop.ask(&Command::Block { buyer: "bob" }), full("buyers"));
    assert_eq!(reserve(&mut shop, "ann", "b", 1), held(2, 500, START));
    assert_eq!(shop.ask(&Command::Block { buyer: "ann" }), Ok(Answer::Blocked));
}

#[test]
fn requests_are_counted_but_an_accepted_order_can_always_be_paid_cancelled_and_refunded() {
    let mut shop = Shop::open(terms(), 10);
    for (order, req) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
        assert_eq!(reserve(&mut shop, "ann", req, 1), held(order, 500, START));
    }
    assert_eq!(cancel(&mut shop, 1, "x"), Ok(Answer::Cancelled));
    shop.limits = Limits { max_requests: 2, ..Limits::default() };
    assert_eq!(
        cancel(&mut shop, 1, "y"),
        Ok(Answer::Cancelled),
        "one that changes nothing, and the table is full"
    );
    assert_eq!(cancel(&mut shop, 1, "z"), full("accepted requests"));
    assert_eq!(restock(&mut shop, "m", 1), full("accepted requests"));
    assert_eq!(pay(&mut shop, 1, "p", 500, "late"), full("accepted requests"));

    assert_eq!(pay(&mut shop, 2, "p", 500, "p2"), Ok(Answer::Paid));
    assert_eq!(pay(&mut shop, 2, "q", 500, "p2"), full("accepted requests"));
    assert_eq!(pay(&mut shop, 2, "q", 500, "again"), full("accepted requests"));
    assert_eq!(pay(&mut shop, 2, "p", 500, "p2"), repeated(Answer::Paid));
    assert_eq!(refund(&mut shop, 2, "r", false), Ok(Answer::Refunded));
    assert_eq!(refund(&mut shop, 2, "s", false), full("accepted requests"));
    assert_eq!(refund(&mut shop, 2, "s", true), Ok(Answer::Refunded), "the goods come back");
    assert_eq!(cancel(&mut shop, 3, "x"), Ok(Answer::Cancelled));
    shop.wait(HOLD);
    shop.run_timers();
    assert_eq!(pay(&mut shop, 4, "p", 500, "p4"), Ok(Answer::Paid));
    assert_eq!(shop.counts(), [9, 0, 1]);
}

#[test]
fn lengths_of_hold_are_counted() {
    let mut shop = Shop::open(terms(), 2000);
    let ids: Vec<&'static str> = (0..1025).map(|i| &*format!("r{i}").leak()).collect();
    for (hold_ms, req) in (1..=1024).zip(&ids) {
        assert_eq!(put(&mut shop, SkuTerms { hold_ms: hold_ms * 1000, ..terms() }), Ok(Answer::Updated));
        assert!(reserve(&mut shop, "ann", req, 1).is_ok());
    }
    assert_eq!(put(&mut shop, terms()), Ok(Answer::Updated));
    assert!(reserve(&mut shop, "ann", "known length", 1).is_ok());
    assert_eq!(put(&mut shop, SkuTerms { hold_ms: 7, ..terms() }), Ok(Answer::Updated));
    assert_eq!(reserve(&mut shop, "ann", ids[1024], 1), full("different hold lengths"));
    shop.wait(2_000_000);
    shop.run_timers();
    assert_eq!(shop.counts(), [2000, 0, 0], "every queue has its timer");
}

#[test]
fn ids_have_a_longest() {
    let longest: &'static str = "x".repeat(MAX_ID).leak();
    let longer: &'static str = "x".repeat(MAX_ID + 1).leak();
    let mut shop = Shop::open(terms(), 10);
    assert_eq!(reserve(&mut shop, longer, "a", 1), refused(Refusal::IdTooLong));
    assert_eq!(reserve(&mut shop, "ann", longer, 1), refused(Refusal::IdTooLong));
    assert_eq!(shop.ask(&Command::Block { buyer: longer }), refused(Refusal::IdTooLong));
    assert_eq!(restock(&mut shop, longer, 1), refused(Refusal::IdTooLong));
    assert_eq!(reserve(&mut shop, longest, longest, 1), held(1, 500, START));
    assert_eq!(&*shop.order(1).buyer, longest);
    assert_eq!(pay(&mut shop, 1, longer, 500, "p"), refused(Refusal::IdTooLong));
    assert_eq!(pay(&mut shop, 1, "p", 500, longer), refused(Refusal::IdTooLong));
    assert_eq!(cancel(&mut shop, 1, longer), refused(Refusal::IdTooLong));
    assert_eq!(pay(&mut shop, 1, longest, 500, longest), Ok(Answer::Paid));
    assert_eq!(refund(&mut shop, 1, longer, true), refused(Refusal::IdTooLong));
}

#[test]
fn the_stock_has_a_top_and_a_bottom() {
    let too_large = || refused(Refusal::StockTooLarge);
    let mut shop = Shop::empty();
    let create = |stock| Command::Put { terms: Arc::new(terms()), stock };
    assert_eq!(shop.ask(&create(MAX_STOCK + 1)), too_large());
    assert_eq!(shop.ask(&create(u32::MAX)), too_large());
    assert_eq!(shop.ask(&create(MAX_STOCK)), Ok(Answer::Created));
    assert_eq!(restock(&mut shop, "1", 1), too_large());
    assert_eq!(restock(&mut shop, "2", i64::MAX), too_large());
    let available = u64::from(MAX_STOCK);
    assert_eq!(restock(&mut shop, "3", i64::MIN), rejected(Rejection::Insufficient { available }));
    assert_eq!(restock(&mut shop, "4", -i64::from(MAX_STOCK)), Ok(Answer::Restocked { available: 0 }));
    assert_eq!(restock(&mut shop, "5", i64::from(MAX_STOCK)), Ok(Answer::Restocked { available }));
    assert_eq!(
        shop.ask(&Command::Reserve {
            req: "a",
            buyer: "ann",
            qty: u32::MAX,
            max_price: None,
            coupon: None,
            at: None
        }),
        rejected(Rejection::SoldOut)
    );
}

#[test]
fn an_amount_that_no_reader_keeps_exact_is_refused() {
    let mut shop = Shop::open(SkuTerms { price: Price::Fixed(MAX_MINOR), ..terms() }, MAX_STOCK);
    assert_eq!(reserve(&mut shop, "ann", "a", 2), refused(Refusal::AmountTooLarge));
    assert_eq!(reserve(&mut shop, "ann", "b", MAX_STOCK), refused(Refusal::AmountTooLarge));
    assert_eq!(reserve(&mut shop, "ann", "c", 1), held(1, MAX_MINOR, START));
    assert_eq!(
        pay(&mut shop, 1, "p", u64::MAX, "p1"),
        rejected(Rejection::AmountMismatch { due: MAX_MINOR })
    );
    assert_eq!(pay(&mut shop, 1, "p", MAX_MINOR, "p1"), Ok(Answer::Paid));
}

#[test]
fn an_order_whose_units_have_names_has_only_so_many() {
    for (fulfilment, left) in [(Some(Fulfilment::Numbered), Some(MAX_GIVEN)), (None, None)] {
        let mut shop = Shop::open(SkuTerms { fulfilment, ..terms() }, 5_000);
        match left {
            Some(left) => {
                assert_eq!(reserve(&mut shop, "ann", "a", left + 1), rejected(Rejection::Limit { left }));
                assert!(reserve(&mut shop, "ann", "a", left).is_ok());
            }
            None => assert!(reserve(&mut shop, "ann", "a", MAX_GIVEN + 1).is_ok()),
        }
    }
}

#[test]
fn before_the_first_order_units_may_come_with_something_else() {
    let with = |fulfilment| SkuTerms { fulfilment, ..terms() };
    let codes =
        |count: u32| Some(Fulfilment::Codes((0..count).map(|n| format!("code-{n}").into()).collect()));
    let mut shop = Shop::open(terms(), 3);
    assert_eq!(put(&mut shop, with(codes(2))), refused(Refusal::CodesNotStock { stock: 3 }));
    assert_eq!(put(&mut shop, with(codes(3))), Ok(Answer::Updated));
    assert_eq!(put(&mut shop, with(codes(3))), Ok(Answer::Unchanged));
    assert_eq!(put(&mut shop, with(None)), Ok(Answer::Updated));
    assert_eq!(put(&mut shop, with(Some(Fulfilment::Numbered))), Ok(Answer::Updated));
    assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, START));
    assert_eq!(put(&mut shop, with(None)), refused(Refusal::Fixed { field: "fulfilment" }));
    assert_eq!(pay(&mut shop, 1, "p", 500, "p1"), Ok(Answer::Paid));
    let given = shop.state.sku().and_then(|sku| sku.goods(tidegate_engine::OrderNumber(1)));
    assert_eq!(given.map(|given| given.names().map(String::from).collect()), Some(vec!["1".to_owned()]));
}
