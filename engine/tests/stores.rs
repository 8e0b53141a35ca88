//! Stores, told as stories: where units come from, and where they go back to.

mod common;

use std::sync::Arc;

use common::{
    HOLD, START, Shop, Told, cancel, held, open, pay, put, refund, refused, rejected, reserve, terms,
};
use tidegate_engine::{
    Answer, At, Command, GroupBuy, Place, Refusal, Rejection, SkuTerms, Standing, Store, StoreNumber, Tier,
};

fn store(id: &str, stock: u32) -> Store {
    Store { id: id.into(), place: Place { lat_e6: 0, lon_e6: 0 }, stock }
}

/// Two lamps in the north, three in the south.
fn two_stores() -> SkuTerms {
    SkuTerms { stores: Some([store("north", 2), store("south", 3)].into()), ..terms() }
}

/// What each store has.
fn stock(shop: &Shop) -> Vec<u32> {
    let view = shop.state.sku().map(tidegate_engine::Sku::view);
    view.and_then(|view| view.stores).map(|stores| stores.to_vec()).unwrap_or_default()
}

/// Reserves for a buyer to whom these stores are near, the nearest first.
fn nearby(shop: &mut Shop, buyer: &'static str, qty: u32, stores: &[u16]) -> Told {
    let nearby: Arc<[StoreNumber]> = stores.iter().copied().map(StoreNumber).collect();
    shop.standing = Standing { nearby: Some(nearby), ..Standing::FREE };
    let at = Some(Box::new(At { place: Place { lat_e6: 1, lon_e6: 1 }, within_m: Some(5_000) }));
    let told = shop.ask(&Command::Reserve { req: "r", buyer, qty, max_price: None, coupon: None, at });
    shop.standing = Standing::FREE;
    told
}

#[test]
fn the_nearest_store_that_has_enough_hands_out() {
    let mut shop = Shop::open(two_stores(), 5);
    assert_eq!(nearby(&mut shop, "ann", 1, &[0, 1]), held(1, 500, START));
    assert_eq!((shop.order(1).store.as_deref(), stock(&shop)), (Some("north"), vec![1, 3]));
    assert_eq!(nearby(&mut shop, "bob", 2, &[0, 1]), held(2, 1000, START));
    assert_eq!((shop.order(2).store.as_deref(), stock(&shop)), (Some("south"), vec![1, 1]));
    // Two are left, but in no one store.
    assert_eq!(nearby(&mut shop, "cyd", 2, &[0, 1]), rejected(Rejection::NoStore));
    assert_eq!(nearby(&mut shop, "cyd", 3, &[0, 1]), rejected(Rejection::SoldOut));
    assert_eq!(nearby(&mut shop, "cyd", 1, &[]), rejected(Rejection::NoStore), "none is near enough");
    assert_eq!(stock(&shop), [1, 1]);
}

#[test]
fn without_a_place_the_store_with_most_hands_out() {
    let mut shop = Shop::open(two_stores(), 5);
    for (order, req, expected) in [(1, "a", "south"), (2, "b", "north"), (3, "c", "south"), (4, "d", "north")]
    {
        assert_eq!(reserve(&mut shop, "ann", req, 1), held(order, 500, START));
        assert_eq!(shop.order(order).store.as_deref(), Some(expected), "order {order}");
    }
    assert_eq!(stock(&shop), [0, 1]);
}

#[test]
fn units_go_back_to_their_store() {
    let mut shop = Shop::open(two_stores(), 5);
    for (order, buyer) in [(1, "ann"), (2, "bob")] {
        assert_eq!(nearby(&mut shop, buyer, 1, &[0]), held(order, 500, START));
    }
    assert_eq!(cancel(&mut shop, 1, "c"), Ok(Answer::Cancelled));
    assert_eq!(stock(&shop), [1, 3]);
    assert_eq!(pay(&mut shop, 2, "p", 500, "p2"), Ok(Answer::Paid));
    assert_eq!(refund(&mut shop, 2, "f", true), Ok(Answer::Refunded));
    assert_eq!(stock(&shop), [2, 3]);
}

#[test]
fn a_late_payment_needs_the_units_of_its_own_store() {
    for (taken, expected) in [(1, Answer::Paid), (2, Answer::RefundDue)] {
        let mut shop = Shop::open(two_stores(), 5);
        assert_eq!(nearby(&mut shop, "ann", 1, &[0]), held(1, 500, START));
        shop.wait(HOLD);
        shop.run_timers();
        let now = shop.now;
        assert_eq!(nearby(&mut shop, "bob", taken, &[0]), held(2, 500 * u64::from(taken), now));
        assert_eq!(pay(&mut shop, 1, "p", 500, "p1"), Ok(expected), "{taken} taken");
    }
}

#[test]
fn a_restock_says_of_which_store() {
    let mut shop = Shop::open(two_stores(), 5);
    let mut restock = |req, delta, store| shop.ask(&Command::Restock { req, delta, store });
    assert_eq!(restock("1", 4, Some("north")), Ok(Answer::Restocked { available: 6 }));
    assert_eq!(restock("2", -4, Some("south")), rejected(Rejection::Insufficient { available: 3 }));
    let which = "say which of this SKU's stores the units are at";
    assert_eq!(restock("3", 1, None), refused(Refusal::Store { what: which }));
    assert_eq!(
        restock("3", 1, Some("east")),
        refused(Refusal::Store { what: "this SKU has no store of this name" })
    );
    assert_eq!(stock(&shop), [6, 3]);
    let plain = Shop::open(terms(), 5).ask(&Command::Restock { req: "1", delta: 1, store: Some("north") });
    assert_eq!(plain, refused(Refusal::Store { what: "this SKU has no stores; leave it out" }));
}

#[test]
fn stores_move_and_come_but_do_not_go() {
    let mut shop = Shop::open(two_stores(), 5);
    assert_eq!(nearby(&mut shop, "ann", 1, &[0]), held(1, 500, START));
    let more = [store("east", 9), store("south", 7), store("north", 7)];
    let with = |stores: &[Store]| SkuTerms { stores: Some(stores.into()), ..terms() };
    assert_eq!(put(&mut shop, with(&more)), Ok(Answer::Updated));
    assert_eq!(stock(&shop), [1, 3, 0], "a document gives nobody units");
    assert_eq!(put(&mut shop, with(&more)), Ok(Answer::Unchanged));
    assert_eq!(shop.order(1).store.as_deref(), Some("north"));
    assert_eq!(put(&mut shop, with(&more[..2])), refused(Refusal::StoresFixed));
    assert_eq!(put(&mut shop, terms()), refused(Refusal::StoresFixed));
    let mut plain = Shop::open(terms(), 5);
    assert_eq!(put(&mut plain, with(&more)), refused(Refusal::StoresFixed));
    assert_eq!(nearby(&mut plain, "ann", 1, &[]), rejected(Rejection::NoStore), "a SKU without stores");
}

#[test]
fn a_room_is_handed_out_by_the_stores_that_have_most() {
    let group_buy = GroupBuy { tiers: [Tier { members: 2, percent_off: 10 }].into(), ttl_ms: 1_000 };
    let mut shop = Shop::open(SkuTerms { group_buy: Some(group_buy), ..two_stores() }, 5);
    assert!(open(&mut shop, "ann", "r", 1).is_ok());
    assert_eq!((shop.order(1).store.as_deref(), stock(&shop)), (Some("south"), vec![2, 2]));
    assert_eq!(pay(&mut shop, 1, "p", 450, "p1"), Ok(Answer::Paid));
    shop.wait(1_000);
    shop.run_timers();
    assert_eq!(stock(&shop), [2, 3], "it failed, and the unit is back where it was");
}
