//! Prices that step down by the clock, and prices that are moved.

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::for_all;
use common::{START, Shop, Told, held, pay, put, refused, rejected, repeated, reserve, terms};
use proptest::prelude::*;
use tidegate_engine::{
    Answer, Command, Dynamic, Ladder, Millis, Price, Refusal, Rejection, SkuTerms, SkuView, Step,
};

const HOUR: u64 = 3_600_000;
const YEAR: u64 = 365 * 24 * HOUR;

/// Market 100.00 x 120 %, minus 5 % of that each hour, not below cost 80.00 x 110 %.
const LADDER: Ladder = Ladder { start: 12_000, floor: 8_800, step: Step::Percent(5), every_ms: HOUR };

const DYNAMIC: Dynamic = Dynamic { initial: 9900, floor: 8000, ceiling: 12_000, max_step_percent: 10 };

fn view(shop: &Shop) -> SkuView {
    shop.state.sku().map(|sku| sku.view()).unwrap_or_else(|| panic!("the SKU exists"))
}

fn reprice(shop: &mut Shop, req: &'static str, price: u64) -> Told {
    shop.ask(&Command::Reprice { req, price })
}

fn out_of_bounds(floor: u64, ceiling: u64) -> Told {
    rejected(Rejection::OutOfBounds { floor, ceiling })
}

#[test]
fn who_waits_pays_less_and_may_find_nothing_left() {
    let starts_at = START.plus(HOUR);
    let terms = SkuTerms { price: Price::Ladder(LADDER), starts_at: Some(starts_at), ..terms() };
    let mut shop = Shop::open(terms, 2);
    assert_eq!(view(&shop).unit_price(shop.now), 12_000, "before the start");
    assert_eq!(view(&shop).next_price(shop.now), Some((11_400, starts_at.plus(HOUR))));
    shop.wait(2 * HOUR - 1);
    let now = shop.now;
    assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 12_000, now), "the last millisecond of a price");
    shop.wait(1);
    let now = shop.now;
    assert_eq!(reserve(&mut shop, "bob", "b", 1), held(2, 11_400, now));
    shop.wait(HOUR);
    assert_eq!(view(&shop).unit_price(shop.now), 10_800, "computed when it is read: nothing happened");
    assert_eq!(shop.journal.len(), 3);
    assert_eq!(reserve(&mut shop, "cyd", "c", 1), rejected(Rejection::SoldOut));
    shop.wait(100 * HOUR);
    assert_eq!((view(&shop).unit_price(shop.now), view(&shop).next_price(shop.now)), (8_800, None));
}

#[test]
fn a_price_is_locked_when_the_units_are_reserved() {
    let mut shop = Shop::open(SkuTerms { price: Price::Ladder(LADDER), hold_ms: 7_200_000, ..terms() }, 2);
    let told = reserve(&mut shop, "ann", "a", 1);
    assert!(matches!(told, Ok(Answer::Reserved { amount: 12_000, .. })), "{told:?}");
    shop.wait(HOUR);
    assert_eq!(pay(&mut shop, 1, "p", 11_400, "p1"), rejected(Rejection::AmountMismatch { due: 12_000 }));
    assert_eq!(pay(&mut shop, 1, "p", 12_000, "p1"), Ok(Answer::Paid));
    let most =
        Command::Reserve { req: "b", buyer: "bob", qty: 1, max_price: Some(11_399), coupon: None, at: None };
    assert_eq!(shop.ask(&most), rejected(Rejection::PriceChanged { price: 11_400 }));
}

#[test]
fn without_a_start_a_ladder_begins_when_the_sku_is_created() {
    let mut shop = Shop::empty();
    shop.wait(HOUR / 2);
    let terms = Command::Put { terms: SkuTerms { price: Price::Ladder(LADDER), ..terms() }.into(), stock: 1 };
    assert_eq!(shop.ask(&terms), Ok(Answer::Created));
    assert_eq!(view(&shop).next_price(shop.now), Some((11_400, shop.now.plus(HOUR))));
}

#[test]
fn a_dynamic_price_moves_inside_its_bounds_step_by_step() {
    let mut shop = Shop::open(SkuTerms { price: Price::Dynamic(DYNAMIC), ..terms() }, 9);
    assert_eq!(view(&shop).unit_price(shop.now), 9900);
    assert_eq!(reprice(&mut shop, "a", 10_890), Ok(Answer::Repriced { price: 10_890 }));
    assert_eq!(reprice(&mut shop, "a", 10_890), repeated(Answer::Repriced { price: 10_890 }));
    assert_eq!(reprice(&mut shop, "a", 10_900), refused(Refusal::RequestReused));
    assert_eq!(reprice(&mut shop, "b", 12_001), out_of_bounds(8000, 12_000), "the document's bounds");
    assert_eq!(reprice(&mut shop, "b", 7999), out_of_bounds(8000, 12_000));
    assert_eq!(reprice(&mut shop, "b", 9800), out_of_bounds(9801, 11_979), "too large a step from 10890");
    assert_eq!(reprice(&mut shop, "b", 9801), Ok(Answer::Repriced { price: 9801 }));
    let now = shop.now;
    assert_eq!(reserve(&mut shop, "ann", "a", 2), held(1, 19_602, now));
    assert_eq!(view(&shop).next_price(shop.now), None, "nobody knows");
}

#[test]
fn only_a_dynamic_price_can_be_moved() {
    for price in [Price::Fixed(500), Price::Ladder(LADDER)] {
        let mut shop = Shop::open(SkuTerms { price, ..terms() }, 9);
        assert_eq!(reprice(&mut shop, "a", 9000), refused(Refusal::NotDynamic));
    }
    assert_eq!(reprice(&mut Shop::empty(), "a", 9000), rejected(Rejection::NotFound));
}

#[test]
fn a_document_resets_no_price_nor_changes_its_kind_after_the_first_order() {
    let dynamic = SkuTerms { price: Price::Dynamic(DYNAMIC), ..terms() };
    let mut shop = Shop::open(dynamic.clone(), 9);
    assert_eq!(reprice(&mut shop, "a", 9500), Ok(Answer::Repriced { price: 9500 }));
    assert_eq!(put(&mut shop, dynamic), Ok(Answer::Unchanged));
    let other = Dynamic { initial: 8_500, ..DYNAMIC };
    let other_title = SkuTerms { title: "Big lamp".into(), price: Price::Dynamic(other), ..terms() };
    assert_eq!(put(&mut shop, other_title.clone()), Ok(Answer::Updated), "all of it but the price");
    assert_eq!(view(&shop).unit_price(shop.now), 9500);
    let now = shop.now;
    assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 9500, now));
    let fixed = SkuTerms { price: Price::Fixed(500), ..other_title.clone() };
    assert_eq!(put(&mut shop, fixed), refused(Refusal::Fixed { field: "price" }));
    let other = Dynamic { ceiling: 99_999, ..DYNAMIC };
    assert_eq!(
        put(&mut shop, SkuTerms { price: Price::Dynamic(other), ..other_title }),
        Ok(Answer::Unchanged)
    );
}

fn ladders() -> impl Strategy<Value = Ladder> {
    let step = prop_oneof![
        (1u8..=100).prop_map(Step::Percent),
        prop_oneof![1u64..1000, any::<u64>().prop_map(|amount| amount.max(1))].prop_map(Step::Amount),
    ];
    let every = prop_oneof![Just(1), Just(1000), Just(HOUR), Just(YEAR)];
    (any::<u64>(), any::<u64>(), step, every).prop_map(|(a, b, step, every_ms)| Ladder {
        start: a.max(b),
        floor: a.min(b),
        step,
        every_ms,
    })
}

#[test]
fn a_ladder_never_rises_and_never_leaves_its_bounds() {
    for_all(3000, &(ladders(), any::<u64>(), any::<u64>()), |(ladder, one, other)| {
        let (early, late) = (one.min(other), one.max(other));
        prop_assert!(ladder.at(late) <= ladder.at(early));
        prop_assert!((ladder.floor..=ladder.start).contains(&ladder.at(late)));
        prop_assert_eq!(ladder.at(0), ladder.start);
        Ok(())
    });
}

#[test]
fn a_ladder_keeps_its_price_until_the_time_of_the_next_one() {
    for_all(3000, &(ladders(), 0..100 * YEAR), |(ladder, elapsed)| {
        match ladder.next(elapsed) {
            Some((price, at)) => {
                prop_assert!(at > elapsed && price < ladder.at(elapsed));
                prop_assert_eq!(ladder.at(at), price);
                prop_assert_eq!(ladder.at(at - 1), ladder.at(elapsed));
            }
            None => prop_assert_eq!(ladder.at(elapsed), ladder.floor),
        }
        Ok(())
    });
}

#[test]
fn a_clock_at_the_end_of_time_is_no_trouble() {
    let mut shop = Shop::open(SkuTerms { price: Price::Ladder(LADDER), ..terms() }, 9);
    shop.now = Millis(u64::MAX);
    assert_eq!((view(&shop).unit_price(shop.now), view(&shop).next_price(shop.now)), (8_800, None));
    let endless = Ladder { floor: 0, step: Step::Amount(1), every_ms: u64::MAX, ..LADDER };
    assert_eq!(endless.next(u64::MAX), None, "a time that can't be told");
}

#[test]
fn before_the_first_order_a_document_may_bring_another_kind_of_price() {
    let ladder = Ladder { start: 1_000, floor: 100, step: Step::Amount(100), every_ms: HOUR };
    let mut shop = Shop::open(SkuTerms { price: Price::Fixed(100), ..terms() }, 10);
    shop.wait(5 * HOUR);
    assert_eq!(put(&mut shop, SkuTerms { price: Price::Ladder(ladder), ..terms() }), Ok(Answer::Updated));
    shop.wait(HOUR);
    let now = shop.now;
    assert_eq!(reserve(&mut shop, "ann", "r1", 1), held(1, 900, now), "it begins when it is put");
    let fixed = put(&mut shop, SkuTerms { price: Price::Fixed(100), ..terms() });
    assert_eq!(fixed, refused(Refusal::Fixed { field: "price" }));
}
