//! The same events give the same state, and so do its parts; what can't have happened is said to be a contradiction.

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/random.rs"]
mod random;

use std::sync::Arc;

use cases::for_all;
use common::{START, Shop, terms};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use random::{Step, any_run, documents, shops_and, small_shop, take};
use tidegate_engine::{
    Answer, Block, Contradiction, Event, Fingerprint, Head, Limits, Millis, OrderNumber, OrderState, Part,
    Payment, Request, Restorer, SkuState, SkuTerms,
};

/// Two processes key their tables differently; nothing that is stored may depend on it.
const OTHER_SEED: u64 = 0xDEAD_BEEF;

fn after((terms, steps): &(SkuTerms, Vec<Step>)) -> Shop {
    let mut shop = small_shop(terms.clone());
    for step in steps {
        take(&mut shop, step);
    }
    shop
}

fn hash(state: &SkuState) -> Option<u64> {
    state.sku().map(|sku| sku.state_hash())
}

fn parts(state: &SkuState) -> Vec<Part<'_>> {
    state.sku().into_iter().flat_map(|sku| sku.parts()).collect()
}

fn restored(state: &SkuState) -> Result<SkuState, Contradiction> {
    let mut restorer = Restorer::new(OTHER_SEED);
    for part in parts(state) {
        restorer.push(part)?;
    }
    restorer.finish()
}

fn replayed(journal: &[(Millis, Event<'static>)]) -> Result<SkuState, Contradiction> {
    let mut state = SkuState::new(OTHER_SEED);
    for (at, event) in journal {
        state.apply(event, *at)?;
    }
    Ok(state)
}

fn fail(contradiction: Contradiction) -> TestCaseError {
    TestCaseError::fail(contradiction.to_string())
}

/// Lets both go through the same steps, and compares all that can be seen.
fn go_on_alike(one: &mut Shop, other: &mut Shop, steps: &[Step]) -> Result<(), TestCaseError> {
    for step in steps {
        prop_assert_eq!(one.state.next_expiry(), other.state.next_expiry());
        let (from_one, from_other) = (one.journal.len(), other.journal.len());
        prop_assert_eq!(take(one, step), take(other, step), "{:?}", step);
        prop_assert_eq!(&one.journal[from_one..], &other.journal[from_other..], "{:?}", step);
    }
    let books = |shop: &Shop| shop.state.sku().map(|sku| format!("{:?}", sku.report()));
    prop_assert_eq!(books(one), books(other));
    let due = |shop: &Shop| shop.state.sku().and_then(|sku| sku.view().oldest_refund_due);
    prop_assert_eq!(due(one), due(other));
    let orders = one.state.sku().map_or(0, |sku| sku.order_count());
    for number in (1..).take(orders) {
        prop_assert_eq!(one.order(number), other.order(number));
    }
    prop_assert_eq!(hash(&one.state), hash(&other.state));
    Ok(())
}

fn continued(shop: &Shop, state: SkuState) -> Shop {
    Shop {
        state,
        journal: Vec::new(),
        now: shop.now,
        limits: Limits::default(),
        standing: shop.standing.clone(),
    }
}

#[test]
fn a_replay_gives_the_same_state_and_goes_on_the_same_way() {
    for_all(300, &(shops_and(any_run(120)), any_run(60)), |(steps, more)| {
        let mut shop = after(&steps);
        let state = replayed(&shop.journal).map_err(fail)?;
        prop_assert_eq!(hash(&state), hash(&shop.state));
        let mut other = continued(&shop, state);
        go_on_alike(&mut shop, &mut other, &more)
    });
}

#[test]
fn a_state_cut_into_parts_and_restored_goes_on_the_same_way() {
    for_all(300, &(shops_and(any_run(120)), any_run(60)), |(steps, more)| {
        let mut shop = after(&steps);
        let state = restored(&shop.state).map_err(fail)?;
        prop_assert_eq!(hash(&state), hash(&shop.state));
        prop_assert_eq!(parts(&state), parts(&shop.state));
        let mut other = continued(&shop, state);
        go_on_alike(&mut shop, &mut other, &more)
    });
}

#[test]
fn a_snapshot_with_the_rest_of_the_journal_is_as_good_as_the_whole_journal() {
    for_all(200, &(shops_and(any_run(120)), any::<prop::sample::Index>()), |(steps, cut)| {
        let shop = after(&steps);
        let cut = cut.index(shop.journal.len()) + 1;
        let (before, rest) = shop.journal.split_at(cut);
        let mut state = restored(&replayed(before).map_err(fail)?).map_err(fail)?;
        for (at, event) in rest {
            state.apply(event, *at).map_err(fail)?;
        }
        prop_assert_eq!(hash(&state), hash(&shop.state));
        Ok(())
    });
}

#[test]
fn the_hash_tells_any_two_states_of_a_run_apart() {
    for_all(100, &shops_and(any_run(80)), |steps| {
        let shop = after(&steps);
        let mut hashes: Vec<_> = (1..=shop.journal.len())
            .map(|n| replayed(&shop.journal[..n]).map(|state| hash(&state)))
            .collect::<Result<_, _>>()
            .map_err(fail)?;
        let all = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        prop_assert_eq!(hashes.len(), all);
        Ok(())
    });
}

/// What one release wrote down, the next compares: another hash of the same state would call it damaged.
#[test]
fn the_hash_of_a_certain_state_is_the_same_in_every_release() {
    let mut shop = Shop::open(terms(), 10);
    assert!(common::reserve(&mut shop, "ann", "a", 2).is_ok());
    assert!(common::reserve(&mut shop, "bob", "b", 1).is_ok());
    assert!(common::pay(&mut shop, 1, "p", 1000, "visa-1").is_ok());
    assert!(common::refund(&mut shop, 1, "r", true).is_ok());
    assert!(common::restock(&mut shop, "m", 5).is_ok());
    assert_eq!(hash(&shop.state), Some(15_566_423_239_397_600_545));
}

/// Events that may or may not be able to happen: some from far outside of what is ever decided.
fn any_event() -> impl Strategy<Value = Event<'static>> {
    let text = || prop::sample::select(vec!["ann", "bob", "zoe", "r1", "r2", "p1", "p2", "", LONG]);
    let order = || prop_oneof![6 => 0u32..9, 1 => any::<u32>()].prop_map(OrderNumber);
    let fingerprint = || prop_oneof![Just(Fingerprint(1)), any::<u32>().prop_map(Fingerprint)];
    let request = move || (text(), fingerprint()).prop_map(|(id, fingerprint)| Request { id, fingerprint });
    let units = || prop_oneof![6 => 0u32..5, 1 => any::<u32>()];
    let money = || prop_oneof![6 => 0u64..3000, 1 => any::<u64>()];
    let payment = move || {
        (order(), request(), text(), money()).prop_map(|(order, request, id, amount)| Payment {
            order,
            request,
            id,
            amount,
        })
    };
    let document = || prop::sample::select(documents()).prop_map(Arc::new);
    let answer = || {
        let kept = [Answer::Paid, Answer::RefundDue, Answer::Cancelled, Answer::Refunded];
        let others = [Answer::Created, Answer::Blocked, Answer::Restocked { available: u64::MAX }];
        prop::sample::select([kept.as_slice(), others.as_slice()].concat())
    };
    prop_oneof![
        1 => (document(), units()).prop_map(|(terms, stock)| Event::Created { terms, stock }),
        1 => document().prop_map(|terms| Event::Updated { terms }),
        1 => (request(), prop_oneof![-9i64..9, any::<i64>()])
            .prop_map(|(request, delta)| Event::Restocked { request, delta }),
        1 => prop_oneof![Just(Event::Paused), Just(Event::Resumed)],
        6 => (order(), request(), text(), units(), money(), units()).prop_map(
            |(order, request, buyer, qty, unit_price, hold_ms)| Event::Reserved {
                order, request, buyer, qty, unit_price, hold_ms,
            },
        ),
        3 => payment().prop_map(Event::Paid),
        2 => payment().prop_map(Event::Reacquired),
        2 => payment().prop_map(Event::RefundDue),
        2 => (order(), request()).prop_map(|(order, request)| Event::Cancelled { order, request, reason: None }),
        2 => order().prop_map(|order| Event::Expired { order }),
        2 => (order(), request(), any::<bool>())
            .prop_map(|(order, request, restock)| Event::Refunded { order, request, restock }),
        1 => (order(), request(), answer())
            .prop_map(|(order, request, answer)| Event::Noted { order, request, answer }),
        1 => text().prop_map(|buyer| Event::BuyerBlocked { buyer }),
        1 => order().prop_map(|order| Event::BuyerLapsedOut { order }),
        1 => text().prop_map(|buyer| Event::BuyerUnblocked { buyer }),
    ]
}

const LONG: &str = "an id that is longer than any id may be, because somebody wrote it to a journal in a way that no \
                    engine ever would, so that it can't be kept at all";

#[test]
fn any_event_on_any_state_is_applied_in_balance_or_is_a_contradiction_and_never_a_panic() {
    let events = prop::collection::vec((any_event(), 0u64..5000), 1..40);
    for_all(500, &(shops_and(any_run(40)), events), |(steps, events)| {
        let mut shop = after(&steps);
        let mut now = shop.now;
        for (event, later) in events {
            now = now.plus(later);
            let mut state = restored(&shop.state).map_err(fail)?;
            // After a contradiction a state is not to be used: the next event is tried on the one before it.
            if state.apply(&event, now).is_ok() {
                prop_assert!(state.sku().is_some_and(|sku| sku.report().balanced), "{:?}", event);
                state.next_expiry();
                shop.state = state;
            }
        }
        Ok(())
    });
}

#[test]
fn events_of_one_run_on_the_state_of_another_never_panic() {
    for_all(500, &(shops_and(any_run(60)), shops_and(any_run(60))), |(steps, others)| {
        let mut state = after(&steps).state;
        for (at, event) in after(&others).journal {
            if state.apply(&event, at).is_err() {
                break;
            }
        }
        Ok(())
    });
}

#[test]
fn what_can_not_have_happened_is_named() {
    let at = START;
    let document = || Arc::new(terms());
    let created = || Event::Created { terms: document(), stock: 2 };
    let request = Request { id: "r", fingerprint: Fingerprint(1) };
    let reserved = |order, qty| Event::Reserved {
        order: OrderNumber(order),
        request,
        buyer: "ann",
        qty,
        unit_price: 500,
        hold_ms: 1000,
    };
    let order = OrderNumber(1);
    let payment = Payment { order, request, id: "p", amount: 500 };
    let noted = Event::Noted { order, request, answer: Answer::Created };
    let stories: Vec<(Vec<Event<'static>>, Contradiction)> = vec![
        (vec![Event::Paused], Contradiction::Creation),
        (vec![created(), created()], Contradiction::Creation),
        (vec![created(), reserved(2, 1)], Contradiction::Order(OrderNumber(2))),
        (vec![created(), reserved(1, 3)], Contradiction::Stock),
        (vec![created(), Event::Paid(payment)], Contradiction::Order(order)),
        (vec![created(), reserved(1, 1), Event::Reacquired(payment)], Contradiction::State(order)),
        (vec![created(), reserved(1, 1), Event::RefundDue(payment)], Contradiction::State(order)),
        (
            vec![created(), reserved(1, 1), Event::Paid(payment), Event::Expired { order }],
            Contradiction::State(order),
        ),
        (
            vec![created(), reserved(1, 1), Event::Paid(payment), Event::Paid(payment)],
            Contradiction::State(order),
        ),
        (vec![created(), Event::Restocked { request, delta: -3 }], Contradiction::Stock),
        (vec![created(), Event::BuyerUnblocked { buyer: "zoe" }], Contradiction::Buyer),
        (vec![created(), Event::BuyerBlocked { buyer: LONG }], Contradiction::Full),
        (vec![created(), reserved(1, 1), noted], Contradiction::Full),
    ];
    for (events, contradiction) in stories {
        let mut state = SkuState::new(1);
        let told = events.iter().try_for_each(|event| state.apply(event, at));
        assert_eq!(told, Err(contradiction), "{events:?}");
    }
}

fn head(total: u64) -> Part<'static> {
    Part::Head(Head {
        terms: Arc::new(terms()),
        total,
        paused: false,
        changes: 3,
        last_event_at: START,
        first_sale_at: None,
        last_sale_at: None,
    })
}

fn order_part(buyer: u32, qty: u32, state: OrderState, holds_units: bool) -> Part<'static> {
    Part::Order {
        buyer,
        request: "r",
        fingerprint: Fingerprint(1),
        qty,
        unit_price: 500,
        reserved_at: START,
        hold_ms: 1000,
        state,
        holds_units,
    }
}

#[test]
fn parts_that_make_no_whole_are_refused() {
    let ann = || Part::Buyer { name: "ann", block: Block::None, lapses: 0, bought: false };
    let held = |qty| order_part(0, qty, OrderState::Reserved, true);
    let first = OrderNumber(1);
    let payment = |order, answer| Part::Payment { id: "p", order, amount: 1, at: START, answer };
    let stories: Vec<(Vec<Part<'static>>, Contradiction)> = vec![
        (vec![], Contradiction::Parts),
        (vec![ann()], Contradiction::Parts),
        (vec![head(5), head(5)], Contradiction::Parts),
        (vec![head(u64::MAX)], Contradiction::Stock),
        (vec![head(5), ann(), ann()], Contradiction::Parts),
        (vec![head(5), held(1)], Contradiction::Buyer),
        (vec![head(5), ann(), held(6)], Contradiction::Stock),
        (vec![head(5), ann(), held(u32::MAX), held(1)], Contradiction::Stock),
        (vec![head(5), ann(), order_part(0, 1, OrderState::Expired, true)], Contradiction::State(first)),
        (vec![head(5), ann(), order_part(0, 1, OrderState::Paid, false)], Contradiction::State(first)),
        (vec![head(5), ann(), payment(first, Answer::Paid)], Contradiction::Order(first)),
        (vec![head(5), ann(), held(1), payment(first, Answer::Blocked)], Contradiction::Parts),
    ];
    for (parts, contradiction) in stories {
        let mut restorer = Restorer::new(1);
        let pushed = parts.iter().cloned().try_for_each(|part| restorer.push(part));
        let told = pushed.and_then(|()| restorer.finish().map(|_| ()));
        assert_eq!(told, Err(contradiction), "{parts:?}");
    }
}

#[test]
fn any_parts_in_any_order_make_a_balanced_state_or_none() {
    for_all(500, &(shops_and(any_run(60)), any::<u64>(), 0usize..3), |(steps, shuffle, changed)| {
        let shop = after(&steps);
        let mut parts = parts(&shop.state);
        for at in 0..changed {
            // A part lost, doubled or moved.
            let which = (shuffle as usize >> (at * 8)) % parts.len();
            let part = parts.remove(which);
            let to = (shuffle as usize >> 32) % (parts.len() + 1);
            if shuffle & 1 << at == 0 {
                parts.insert(to, part.clone());
            }
            if shuffle & 2 << at == 0 {
                parts.insert(to, part);
            }
            if parts.is_empty() {
                return Ok(());
            }
        }
        let mut restorer = Restorer::new(1);
        let pushed = parts.iter().cloned().try_for_each(|part| restorer.push(part));
        if let Ok(state) = pushed.and_then(|()| restorer.finish()) {
            prop_assert!(state.sku().is_some_and(|sku| sku.report().balanced));
        }
        Ok(())
    });
}
