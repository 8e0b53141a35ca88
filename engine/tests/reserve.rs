//! Who may buy, what a request id is good for, what terms and stock may change, and where it all ends. As stories.

mod common;

use std::sync::Arc;

use common::{
    HOLD, START, Shop, allow, cancel, held, limit, pay, put, refund, refused, rejected, repeated, reserve,
    restock, terms,
};
use tidegate_engine::{
    Answer, Command, Currency, NoChange, OrderNumber, OrderState, Price, Refusal, Rejection, SaleState,
    SkuTerms,
};

mod rejections {
    use super::*;

    /// Everything is wrong with Ann's wish for 3 units; then one thing after the other is put right.
    #[test]
    fn of_two_reasons_the_earlier_one_in_the_protocol_is_given() {
        let mut shop = Shop::empty();
        let ask = |shop: &mut Shop| {
            shop.ask(&Command::Reserve {
                req: "r",
                buyer: "ann",
                qty: 3,
                max_price: Some(499),
                coupon: None,
                at: None,
            })
        };
        assert_eq!(ask(&mut shop), rejected(Rejection::NotFound));

        let (later, past) = (START.plus(1000), START);
        let mut wrong = SkuTerms {
            allow: allow(&["bob", "zoe"]),
            starts_at: Some(later),
            ends_at: Some(past),
            per_buyer_limit: Some(1),
            ..terms()
        };
        assert_eq!(shop.ask(&Command::Put { terms: Arc::new(wrong.clone()), stock: 2 }), Ok(Answer::Created));
        assert_eq!(shop.ask(&Command::Pause), Ok(Answer::Paused));
        assert_eq!(shop.ask(&Command::Block { buyer: "ann" }), Ok(Answer::Blocked));

        assert_eq!(ask(&mut shop), rejected(Rejection::Blocked));
        assert_eq!(shop.ask(&Command::Unblock { buyer: "ann" }), Ok(Answer::Unblocked));
        assert_eq!(ask(&mut shop), rejected(Rejection::NotEligible));
        wrong.allow = allow(&["zoe", "ann", "bob"]);
        assert_eq!(put(&mut shop, wrong.clone()), Ok(Answer::Updated));
        assert_eq!(ask(&mut shop), rejected(Rejection::NotOpen { starts_at: later }));
        wrong.starts_at = None;
        assert_eq!(put(&mut shop, wrong.clone()), Ok(Answer::Updated));
        assert_eq!(ask(&mut shop), rejected(Rejection::Ended));
        wrong.ends_at = None;
        assert_eq!(put(&mut shop, wrong.clone()), Ok(Answer::Updated));
        assert_eq!(ask(&mut shop), rejected(Rejection::Paused));
        assert_eq!(shop.ask(&Command::Resume), Ok(Answer::Resumed));
        assert_eq!(ask(&mut shop), rejected(Rejection::SoldOut));
        assert_eq!(restock(&mut shop, "more", 1), Ok(Answer::Restocked { available: 3 }));
        assert_eq!(ask(&mut shop), limit(1));
        wrong.per_buyer_limit = Some(3);
        assert_eq!(put(&mut shop, wrong.clone()), Ok(Answer::Updated));
        assert_eq!(ask(&mut shop), rejected(Rejection::PriceChanged { price: 500 }));
        assert_eq!(shop.state.sku().map(|sku| sku.order_count()), Some(0), "no rejection left a trace");
        let willing =
            Command::Reserve { req: "r", buyer: "ann", qty: 3, max_price: Some(500), coupon: None, at: None };
        assert_eq!(shop.ask(&willing), held(1, 1500, START));
    }

    #[test]
    fn nothing_can_be_asked_of_a_sku_that_is_not_there() {
        let mut shop = Shop::empty();
        let order = OrderNumber(1);
        let commands = [
            Command::Restock { req: "r", delta: 1, store: None },
            Command::Pause,
            Command::Resume,
            Command::Reserve { req: "r", buyer: "ann", qty: 1, max_price: None, coupon: None, at: None },
            Command::Pay { order, req: "r", amount: 1, payment: "p" },
            Command::Cancel { order, req: "r", reason: None },
            Command::Refund { order, req: "r", restock: false },
            Command::Block { buyer: "ann" },
            Command::Unblock { buyer: "ann" },
        ];
        for command in commands {
            assert_eq!(shop.ask(&command), rejected(Rejection::NotFound), "{command:?}");
        }
        assert!(shop.journal.is_empty());
        assert_eq!(shop.state.next_expiry(), None);
        assert!(shop.state.decide_expiry(order, START).is_empty());
    }

    #[test]
    fn a_sale_is_open_from_its_first_millisecond_until_just_before_its_end() {
        let (starts_at, ends_at) = (START.plus(1000), START.plus(2000));
        let terms = SkuTerms { starts_at: Some(starts_at), ends_at: Some(ends_at), ..terms() };
        let mut shop = Shop::open(terms, 10);
        let not_open = rejected(Rejection::NotOpen { starts_at });
        let story = [
            (999, not_open, SaleState::Scheduled),
            (1000, held(1, 500, START.plus(1000)), SaleState::Open),
            (1999, held(2, 500, START.plus(1999)), SaleState::Open),
            (2000, rejected(Rejection::Ended), SaleState::Ended),
            (99_000, rejected(Rejection::Ended), SaleState::Ended),
        ];
        for ((at, told, state), req) in story.into_iter().zip(["a", "b", "c", "d", "e"]) {
            shop.now = START.plus(at);
            assert_eq!(shop.state.sku().map(|sku| sku.view().sale_state(shop.now)), Some(state), "{at}");
            assert_eq!(reserve(&mut shop, "ann", req, 1), told, "{at} ms after");
        }
        assert_eq!(
            pay(&mut shop, 2, "p", 500, "p2"),
            Ok(Answer::Paid),
            "what was held in time may be paid after"
        );
    }

    #[test]
    fn a_pause_stops_reservations_and_not_payments() {
        let mut shop = Shop::open(terms(), 10);
        assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, START));
        assert_eq!(shop.ask(&Command::Pause), Ok(Answer::Paused));
        let events = shop.journal.len();
        assert_eq!(shop.ask(&Command::Pause), Ok(Answer::Paused), "twice is once");
        assert_eq!(shop.journal.len(), events);
        assert_eq!(reserve(&mut shop, "ann", "b", 1), rejected(Rejection::Paused));
        assert_eq!(pay(&mut shop, 1, "p", 500, "p1"), Ok(Answer::Paid));
        assert_eq!(shop.ask(&Command::Resume), Ok(Answer::Resumed));
        assert_eq!(shop.ask(&Command::Resume), Ok(Answer::Resumed));
        assert_eq!(shop.journal.len(), events + 2, "one payment, one resumption");
        assert_eq!(reserve(&mut shop, "ann", "b", 1), held(2, 500, START));
    }

    #[test]
    fn the_highest_price_agreed_to_is_a_unit_price_and_may_be_met() {
        let mut shop = Shop::open(terms(), 10);
        let mut ask = |req, max| {
            shop.ask(&Command::Reserve {
                req,
                buyer: "ann",
                qty: 2,
                max_price: Some(max),
                coupon: None,
                at: None,
            })
        };
        assert_eq!(ask("a", 499), rejected(Rejection::PriceChanged { price: 500 }));
        assert_eq!(ask("b", 500), held(1, 1000, START));
    }
}

mod limits {
    use super::*;

    #[test]
    fn a_buyers_limit_counts_what_is_held_and_paid_and_nothing_else() {
        let mut shop = Shop::open(SkuTerms { per_buyer_limit: Some(5), ..terms() }, 100);
        assert_eq!(reserve(&mut shop, "ann", "a", 6), limit(5));
        assert_eq!(reserve(&mut shop, "ann", "b", 3), held(1, 1500, START));
        assert_eq!(reserve(&mut shop, "ann", "c", 3), limit(2));
        assert_eq!(reserve(&mut shop, "bob", "c", 5), held(2, 2500, START), "another buyer has his own");
        assert_eq!(pay(&mut shop, 1, "p", 1500, "p1"), Ok(Answer::Paid));
        assert_eq!(reserve(&mut shop, "ann", "d", 3), limit(2), "paid units count");
        assert_eq!(reserve(&mut shop, "ann", "e", 2), held(3, 1000, START));
        assert_eq!(reserve(&mut shop, "ann", "f", 1), limit(0));
        assert_eq!(cancel(&mut shop, 3, "x"), Ok(Answer::Cancelled));
        assert_eq!(reserve(&mut shop, "ann", "g", 3), limit(2), "cancelled units don't");
        assert_eq!(refund(&mut shop, 1, "r", false), Ok(Answer::Refunded));
        assert_eq!(reserve(&mut shop, "ann", "h", 6), limit(5), "nor refunded ones");
        assert_eq!(reserve(&mut shop, "ann", "i", 5), held(4, 2500, START));
        shop.wait(HOLD);
        shop.run_timers();
        assert_eq!(reserve(&mut shop, "ann", "j", 5), held(5, 2500, shop.now), "nor expired ones");
    }

    #[test]
    fn what_is_left_is_the_smaller_of_the_orders_and_the_buyers_limit() {
        let limits =
            |per_buyer_limit, per_order_limit| SkuTerms { per_buyer_limit, per_order_limit, ..terms() };
        let mut shop = Shop::open(limits(None, Some(2)), 100);
        assert_eq!(reserve(&mut shop, "ann", "a", 3), limit(2));
        assert_eq!(reserve(&mut shop, "ann", "b", 2), held(1, 1000, START));
        assert_eq!(
            reserve(&mut shop, "ann", "c", 2),
            held(2, 1000, START),
            "an order's limit is not a buyer's"
        );
        assert_eq!(put(&mut shop, limits(Some(5), Some(2))), Ok(Answer::Updated));
        assert_eq!(reserve(&mut shop, "ann", "d", 2), limit(1));
        assert_eq!(put(&mut shop, limits(Some(3), Some(2))), Ok(Answer::Updated));
        assert_eq!(reserve(&mut shop, "ann", "e", 1), limit(0), "a limit below what is held leaves nothing");
        assert_eq!(pay(&mut shop, 1, "p", 1000, "p1"), Ok(Answer::Paid), "and takes nothing back");
    }

    #[test]
    fn reservations_that_end_unpaid_add_up_to_a_block() {
        let mut shop = Shop::open(SkuTerms { max_lapses: Some(2), ..terms() }, 100);
        assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, START));
        assert_eq!(cancel(&mut shop, 1, "x"), Ok(Answer::Cancelled));
        assert_eq!(cancel(&mut shop, 1, "y"), Ok(Answer::Cancelled), "ended twice is ended once");
        assert_eq!(reserve(&mut shop, "ann", "b", 1), held(2, 500, START), "one is not yet too many");
        shop.wait(HOLD);
        shop.run_timers();
        assert_eq!(reserve(&mut shop, "ann", "c", 1), rejected(Rejection::Blocked));
        assert_eq!(reserve(&mut shop, "bob", "c", 1), held(3, 500, shop.now), "others are admitted");
        assert_eq!(shop.ask(&Command::Unblock { buyer: "ann" }), Ok(Answer::Unblocked));
        assert_eq!(reserve(&mut shop, "ann", "d", 1), held(4, 500, shop.now));
        assert_eq!(cancel(&mut shop, 4, "x"), Ok(Answer::Cancelled));
        assert_eq!(reserve(&mut shop, "ann", "e", 1), held(5, 500, shop.now), "the record began anew");
        assert_eq!(cancel(&mut shop, 5, "x"), Ok(Answer::Cancelled));
        assert_eq!(reserve(&mut shop, "ann", "f", 1), rejected(Rejection::Blocked));
    }

    #[test]
    fn a_late_payment_that_gets_its_units_again_is_no_lapse() {
        for timer_ran in [false, true] {
            let mut shop = Shop::open(SkuTerms { max_lapses: Some(2), ..terms() }, 100);
            for (order, req) in [(1, "a"), (2, "b"), (3, "c")] {
                assert_eq!(reserve(&mut shop, "ann", req, 1), held(order, 500, shop.now));
                shop.wait(HOLD);
                if timer_ran {
                    shop.run_timers();
                }
                let payment = ["p1", "p2", "p3"][order as usize - 1];
                assert_eq!(pay(&mut shop, order, "p", 500, payment), Ok(Answer::Paid));
            }
            assert_eq!(reserve(&mut shop, "ann", "d", 1), held(4, 500, shop.now), "timer ran: {timer_ran}");
        }
    }

    #[test]
    fn a_late_payment_lifts_the_block_that_its_lapse_brought() {
        let terms = SkuTerms { max_lapses: Some(2), ..terms() };
        let mut shop = Shop::open(terms.clone(), 100);
        assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, shop.now));
        assert_eq!(reserve(&mut shop, "ann", "b", 1), held(2, 500, shop.now));
        shop.wait(HOLD);
        shop.run_timers();
        assert_eq!(reserve(&mut shop, "ann", "c", 1), rejected(Rejection::Blocked));
        assert_eq!(pay(&mut shop, 1, "p", 500, "p1"), Ok(Answer::Paid));
        assert_eq!(reserve(&mut shop, "ann", "c", 1), held(3, 500, shop.now), "one lapse is left");
        assert_eq!(cancel(&mut shop, 3, "x"), Ok(Answer::Cancelled));
        assert_eq!(reserve(&mut shop, "ann", "d", 1), rejected(Rejection::Blocked));
        // An admin who blocks her means it: no payment lifts that.
        assert_eq!(shop.ask(&Command::Block { buyer: "ann" }), Ok(Answer::Blocked));
        assert_eq!(pay(&mut shop, 2, "p", 500, "p2"), Ok(Answer::Paid));
        assert_eq!(reserve(&mut shop, "ann", "d", 1), rejected(Rejection::Blocked));
        assert_eq!(shop.ask(&Command::Unblock { buyer: "ann" }), Ok(Answer::Unblocked));
        assert_eq!(reserve(&mut shop, "ann", "d", 1), held(4, 500, shop.now));
    }

    #[test]
    fn a_buyers_record_does_not_depend_on_whether_the_timer_ran_before_the_payment() {
        // The limit is set only after the first lapses, so that there are more of them than it admits.
        for (early, late_limit) in [(0, 1), (1, 1), (2, 1), (2, 2), (2, 3), (3, 2)] {
            let hashes = [false, true].map(|timer_ran| {
                let mut shop = Shop::open(SkuTerms { max_lapses: None, ..terms() }, 100);
                for order in 1..=early {
                    let (req, cancel_req) = (["a", "b", "c"][order as usize - 1], "x");
                    assert_eq!(reserve(&mut shop, "ann", req, 1), held(order, 500, shop.now));
                    assert_eq!(cancel(&mut shop, order, cancel_req), Ok(Answer::Cancelled));
                }
                let limited = SkuTerms { max_lapses: Some(late_limit), ..terms() };
                assert_eq!(reserve(&mut shop, "ann", "d", 1), held(early + 1, 500, shop.now));
                assert_eq!(put(&mut shop, limited), Ok(Answer::Updated));
                shop.wait(HOLD);
                if timer_ran {
                    shop.run_timers();
                }
                assert_eq!(pay(&mut shop, early + 1, "p", 500, "p1"), Ok(Answer::Paid));
                let again = reserve(&mut shop, "ann", "e", 1);
                let blocked = again == rejected(Rejection::Blocked);
                assert_eq!(blocked, early >= late_limit, "{early} lapses, {late_limit} admitted: {again:?}");
                shop.state.sku().map(tidegate_engine::Sku::state_hash)
            });
            assert_eq!(hashes[0], hashes[1], "{early} lapses, {late_limit} admitted");
        }
    }

    #[test]
    fn who_has_lapsed_as_often_as_a_later_document_admits_is_blocked() {
        let mut shop = Shop::open(terms(), 5);
        for (order, req) in [(1, "a"), (2, "b")] {
            assert_eq!(reserve(&mut shop, "ann", req, 1), held(order, 500, START));
            assert_eq!(cancel(&mut shop, order, "x"), Ok(Answer::Cancelled));
        }
        assert_eq!(put(&mut shop, SkuTerms { max_lapses: Some(2), ..terms() }), Ok(Answer::Updated));
        assert_eq!(reserve(&mut shop, "ann", "c", 1), rejected(Rejection::Blocked));
        assert_eq!(shop.ask(&Command::Unblock { buyer: "ann" }), Ok(Answer::Unblocked));
        assert_eq!(reserve(&mut shop, "ann", "c", 1), held(3, 500, START));
    }

    #[test]
    fn blocking_is_of_a_buyer_whom_nobody_has_to_know_yet() {
        let mut shop = Shop::open(terms(), 10);
        assert_eq!(shop.ask(&Command::Unblock { buyer: "ann" }), Ok(Answer::Unblocked));
        assert_eq!(shop.journal.len(), 1, "nothing happened but the creation");
        assert_eq!(shop.ask(&Command::Block { buyer: "ann" }), Ok(Answer::Blocked));
        assert_eq!(shop.ask(&Command::Block { buyer: "ann" }), Ok(Answer::Blocked));
        assert_eq!(shop.journal.len(), 2);
        assert_eq!(reserve(&mut shop, "ann", "a", 1), rejected(Rejection::Blocked));
    }

    #[test]
    fn a_blocked_buyer_may_pay_for_what_is_held() {
        let mut shop = Shop::open(terms(), 10);
        assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, START));
        assert_eq!(shop.ask(&Command::Block { buyer: "ann" }), Ok(Answer::Blocked));
        assert_eq!(pay(&mut shop, 1, "p", 500, "p1"), Ok(Answer::Paid));
    }
}

mod request_ids {
    use super::*;

    #[test]
    fn a_repeat_gets_the_old_answer_when_all_is_sold_out_and_over() {
        let terms = SkuTerms { ends_at: Some(START.plus(HOLD * 2)), ..terms() };
        let mut shop = Shop::open(terms, 2);
        assert_eq!(reserve(&mut shop, "ann", "a", 2), held(1, 1000, START));
        let first =
            repeated(Answer::Reserved { order: OrderNumber(1), amount: 1000, expires_at: START.plus(HOLD) });
        shop.wait(10);
        assert_eq!(reserve(&mut shop, "ann", "a", 2), first, "sold out");
        assert_eq!(shop.ask(&Command::Pause), Ok(Answer::Paused));
        assert_eq!(reserve(&mut shop, "ann", "a", 2), first, "paused");
        assert_eq!(shop.ask(&Command::Block { buyer: "ann" }), Ok(Answer::Blocked));
        assert_eq!(reserve(&mut shop, "ann", "a", 2), first, "blocked");
        shop.wait(HOLD * 3);
        shop.run_timers();
        assert_eq!(reserve(&mut shop, "ann", "a", 2), first, "expired, and the sale is over");
        assert_eq!(shop.order(1).state, OrderState::Expired);
    }

    #[test]
    fn a_buyer_of_many_orders_gets_the_old_answer_for_each_of_them() {
        let mut shop = Shop::open(terms(), 1000);
        let ids = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        let asks: Vec<_> = ids.into_iter().flat_map(|id| [("ann", id), ("bob", id)]).collect();
        let ask = |shop: &mut Shop, (buyer, id)| reserve(shop, buyer, id, 1);
        for (made, order) in asks.iter().zip(1u32..) {
            assert_eq!(ask(&mut shop, *made), held(order, 500, START));
            for (known, order) in asks.iter().zip(1..=order) {
                let answer =
                    Answer::Reserved { order: OrderNumber(order), amount: 500, expires_at: START.plus(HOLD) };
                assert_eq!(ask(&mut shop, *known), repeated(answer), "{known:?}");
            }
        }
        assert_eq!(shop.counts(), [976, 24, 0]);
    }

    #[test]
    fn a_reservation_with_other_arguments_under_the_same_id_is_an_error() {
        let mut shop = Shop::open(terms(), 10);
        let ask = |shop: &mut Shop, qty, max_price| {
            shop.ask(&Command::Reserve { req: "a", buyer: "ann", qty, max_price, coupon: None, at: None })
        };
        assert_eq!(ask(&mut shop, 2, Some(600)), held(1, 1000, START));
        for (qty, max_price) in [(1, Some(600)), (2, Some(601)), (2, None)] {
            assert_eq!(ask(&mut shop, qty, max_price), refused(Refusal::RequestReused));
        }
        assert!(matches!(ask(&mut shop, 2, Some(600)), Err(NoChange::Repeated(_))));
        assert_eq!(shop.counts(), [8, 2, 0]);
    }

    #[test]
    fn a_rejection_is_not_remembered() {
        let mut shop = Shop::open(terms(), 0);
        assert_eq!(reserve(&mut shop, "ann", "a", 1), rejected(Rejection::SoldOut));
        assert_eq!(restock(&mut shop, "m", -1), rejected(Rejection::Insufficient { available: 0 }));
        assert_eq!(restock(&mut shop, "m", 5), Ok(Answer::Restocked { available: 5 }));
        assert_eq!(reserve(&mut shop, "ann", "a", 2), held(1, 1000, START), "even with other arguments");
        assert_eq!(pay(&mut shop, 1, "p", 1, "p1"), rejected(Rejection::AmountMismatch { due: 1000 }));
        assert_eq!(pay(&mut shop, 1, "p", 1000, "p1"), Ok(Answer::Paid));
    }

    #[test]
    fn an_id_is_good_once_per_buyer_and_once_per_order() {
        let mut shop = Shop::open(terms(), 10);
        assert_eq!(reserve(&mut shop, "ann", "x", 1), held(1, 500, START));
        assert_eq!(reserve(&mut shop, "bob", "x", 2), held(2, 1000, START), "another buyer");
        assert_eq!(restock(&mut shop, "x", 1), Ok(Answer::Restocked { available: 8 }), "the SKU's own");
        assert_eq!(pay(&mut shop, 1, "x", 500, "p1"), Ok(Answer::Paid), "an order's own");
        assert_eq!(pay(&mut shop, 2, "x", 1000, "p2"), Ok(Answer::Paid), "another order's");
        assert_eq!(
            refund(&mut shop, 2, "x", true),
            refused(Refusal::RequestReused),
            "one order, two commands"
        );
        assert_eq!(restock(&mut shop, "x", 2), refused(Refusal::RequestReused));
        assert_eq!(restock(&mut shop, "x", 1), repeated(Answer::Restocked { available: 8 }));
    }

    #[test]
    fn a_payment_id_is_good_for_one_order() {
        let mut shop = Shop::open(terms(), 10);
        assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, START));
        assert_eq!(reserve(&mut shop, "ann", "b", 1), held(2, 500, START));
        assert_eq!(pay(&mut shop, 1, "p", 500, "visa-1"), Ok(Answer::Paid));
        assert_eq!(pay(&mut shop, 2, "p", 500, "visa-1"), refused(Refusal::PaymentReused));
        assert_eq!(shop.order(2).state, OrderState::Reserved);
        assert_eq!(pay(&mut shop, 2, "p", 500, "visa-2"), Ok(Answer::Paid), "the mistake used nothing up");
    }
}

mod terms_and_stock {
    use super::*;

    #[test]
    fn a_document_replaces_the_terms_and_leaves_the_stock() {
        let mut shop = Shop::open(terms(), 5);
        assert_eq!(put(&mut shop, terms()), Ok(Answer::Unchanged), "the stock of a PUT says nothing now");
        assert_eq!(shop.journal.len(), 1);
        assert_eq!(put(&mut shop, SkuTerms { title: "Big lamp".into(), ..terms() }), Ok(Answer::Updated));
        assert_eq!(shop.counts(), [5, 0, 0]);
    }

    #[test]
    fn the_currency_is_fixed_by_the_first_order() {
        let euros = || SkuTerms { currency: Currency::new("EUR").unwrap(), ..terms() };
        let mut shop = Shop::open(terms(), 5);
        assert_eq!(put(&mut shop, euros()), Ok(Answer::Updated));
        assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 500, START));
        assert_eq!(put(&mut shop, terms()), refused(Refusal::Fixed { field: "currency" }));
        assert_eq!(cancel(&mut shop, 1, "x"), Ok(Answer::Cancelled));
        assert_eq!(
            put(&mut shop, terms()),
            refused(Refusal::Fixed { field: "currency" }),
            "even if it came to nothing"
        );
        assert_eq!(shop.order(1).currency.code(), "EUR");
    }

    #[test]
    fn a_document_never_resets_the_price() {
        let mut shop = Shop::open(terms(), 5);
        let dearer = || SkuTerms { price: Price::Fixed(900), ..terms() };
        assert_eq!(put(&mut shop, dearer()), Ok(Answer::Unchanged), "before the first order");
        assert_eq!(reserve(&mut shop, "ann", "a", 2), held(1, 1000, START));
        assert_eq!(put(&mut shop, SkuTerms { title: "Big lamp".into(), ..dearer() }), Ok(Answer::Updated));
        assert_eq!(reserve(&mut shop, "bob", "b", 2), held(2, 1000, START), "and after it");
    }

    #[test]
    fn the_hold_is_locked_when_units_are_reserved() {
        let mut shop = Shop::open(terms(), 5);
        assert_eq!(reserve(&mut shop, "ann", "a", 2), held(1, 1000, START));
        assert_eq!(put(&mut shop, SkuTerms { hold_ms: 1000, ..terms() }), Ok(Answer::Updated));
        let expires_at = START.plus(1000);
        let new = Ok(Answer::Reserved { order: OrderNumber(2), amount: 500, expires_at });
        assert_eq!(reserve(&mut shop, "bob", "b", 1), new);
        shop.wait(1000);
        shop.run_timers();
        assert_eq!(shop.order(2).state, OrderState::Expired, "the short hold ran out first");
        assert_eq!(shop.order(1).state, OrderState::Reserved);
        assert_eq!(pay(&mut shop, 1, "p", 1800, "p1"), rejected(Rejection::AmountMismatch { due: 1000 }));
        assert_eq!(pay(&mut shop, 1, "p", 1000, "p1"), Ok(Answer::Paid));
        assert_eq!(pay(&mut shop, 2, "p", 500, "p2"), Ok(Answer::Paid), "and late");
    }

    #[test]
    fn units_come_and_go_but_not_those_that_are_held() {
        let mut shop = Shop::open(terms(), 5);
        assert_eq!(reserve(&mut shop, "ann", "a", 2), held(1, 1000, START));
        assert_eq!(restock(&mut shop, "1", -4), rejected(Rejection::Insufficient { available: 3 }));
        assert_eq!(restock(&mut shop, "2", -3), Ok(Answer::Restocked { available: 0 }));
        assert_eq!(shop.counts(), [0, 2, 0]);
        assert_eq!(cancel(&mut shop, 1, "x"), Ok(Answer::Cancelled));
        assert_eq!(restock(&mut shop, "3", 0), Ok(Answer::Restocked { available: 2 }));
        assert_eq!(shop.state.sku().map(|sku| sku.stock().total()), Some(2));
    }

    #[test]
    fn a_free_unit_is_paid_with_nothing() {
        let mut shop = Shop::open(SkuTerms { price: Price::Fixed(0), ..terms() }, 1);
        assert_eq!(reserve(&mut shop, "ann", "a", 1), held(1, 0, START));
        assert_eq!(pay(&mut shop, 1, "p", 0, "p1"), Ok(Answer::Paid));
    }
}
