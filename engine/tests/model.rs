//! Random runs, judged by the engine and by a naive model of the same rules.

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/model/mod.rs"]
mod naive;
#[path = "common/random.rs"]
mod random;

use std::collections::BTreeSet;

use cases::for_all;
use common::Shop;
use naive::Model;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use random::{STOCK, Step, any_run, line_run, made_definite, room_run, run, shops_and, small_shop, take};
use tidegate_engine::{
    Event, Millis, OrderNumber, OrderState, Payment, RoomNumber, RoomState, Sku, SkuTerms,
};

#[test]
fn the_engine_and_the_model_agree_on_every_answer_count_and_order() {
    for_all(800, &shops_and(run(120)), agree);
}

#[test]
fn the_engine_and_the_model_agree_on_rooms_that_fill_up() {
    for_all(1000, &shops_and(room_run(60)), agree);
}

#[test]
fn the_engine_and_the_model_agree_on_lines_of_carts() {
    for_all(1000, &shops_and(line_run(60)), agree);
}

/// Runs both side by side.
fn agree((terms, steps): (SkuTerms, Vec<Step>)) -> Result<(), TestCaseError> {
    let mut shop = small_shop(terms.clone());
    let mut model = Model::new(terms, STOCK);
    for step in &steps {
        let before = shop.journal.len();
        let step = made_definite(&shop, step);
        let told = take(&mut shop, &step);
        match &step {
            Step::Ask(command) => {
                prop_assert_eq!(told, Some(model.ask(command, shop.now)), "{:?}", command)
            }
            Step::Stand(standing) => model.standing = standing.clone(),
            _ => follow_the_timers(&shop, before, &mut model)?,
        }
        compare(&mut shop, &model)?;
        check_ends(&shop)?;
        check_money(&shop, &model)?;
        check_goods(&shop, &model)?;
    }
    Ok(())
}

/// Which of several reservations that ran out at the same time ends first is the engine's to say.
fn follow_the_timers(shop: &Shop, before: usize, model: &mut Model) -> Result<(), TestCaseError> {
    for (at, event) in &shop.journal[before..] {
        if let Event::Expired { order } = event {
            prop_assert!(model.next_expiry().is_some_and(|next| next <= *at), "nothing was due");
            model.expire(order.0 as usize - 1);
        }
        if let Event::RoomSettled { room, tier, .. } = event {
            // A room whose last member ran out in this same step is settled already.
            let due = model.closes_at(room.0) <= *at || model.rooms[room.0 as usize - 1].settled.is_some();
            prop_assert!(due, "room {:?} closed too soon", room);
            model.settle(room.0, *at);
            let settled = model.rooms[room.0 as usize - 1].settled;
            prop_assert_eq!(settled, Some(tier.map(|tier| tier.percent_off)));
        }
    }
    Ok(())
}

fn compare(shop: &mut Shop, model: &Model) -> Result<(), TestCaseError> {
    let quiet = shop.state.quiet_until();
    prop_assert!(
        model.next_expiry().is_none_or(|next| quiet.is_some_and(|until| until <= next)),
        "quiet until {quiet:?}"
    );
    prop_assert_eq!(shop.state.next_expiry().map(|expiry| expiry.at), model.next_expiry());
    prop_assert_eq!(shop.state.quiet_until(), model.next_expiry());
    let Some(sku) = shop.state.sku() else { return Err(TestCaseError::fail("the SKU exists")) };
    let stock = sku.stock();
    let counts = [stock.total(), stock.available(), stock.reserved(), stock.sold()].map(i64::from);
    prop_assert_eq!(counts, [model.total, model.available(), model.reserved(), model.sold()]);
    prop_assert_eq!(sku.view().stock, stock);
    prop_assert_eq!(sku.view().paused, model.paused);
    prop_assert_eq!(&sku.view().terms, &model.terms);
    prop_assert_eq!(sku.view().unit_price(shop.now), model.unit_price(shop.now));
    prop_assert_eq!(sku.changes(), shop.journal.len() as u64);
    prop_assert_eq!(sku.view().oldest_refund_due, oldest_refund_due(shop, sku));

    prop_assert_eq!(sku.order_count(), model.orders.len());
    for (number, expected) in (1..).zip(&model.orders) {
        let Some(order) = sku.order(OrderNumber(number)) else { return Err(TestCaseError::fail("an order")) };
        prop_assert_eq!(&*order.buyer, expected.buyer);
        prop_assert_eq!((order.state, order.qty), (expected.state, expected.qty), "order {}", number);
        prop_assert_eq!((order.unit_price, order.amount), (expected.unit_price, expected.due()));
        prop_assert_eq!((order.reserved_at, order.expires_at), (expected.reserved_at, expected.expires_at));
        prop_assert_eq!(order.paid_at, expected.paid_at);
        prop_assert_eq!(order.room.map(|room| room.0), expected.room);
        let cart = order.cart.as_ref().map(|(campaign, cart)| (&**campaign, *cart));
        prop_assert_eq!(cart, expected.cart);
        let store = expected.store.map(|store| format!("s{store}"));
        prop_assert_eq!(order.store.as_deref(), store.as_deref());
        let off: u64 = order.discounts.iter().map(|(_, off)| off).sum();
        prop_assert_eq!(order.unit_price * u64::from(order.qty) - off, order.amount, "the breakdown adds up");
    }
    compare_rooms(sku, shop.now, model)?;
    compare_report(&sku.report(), model)
}

/// Since when the order that waits longest for its money is REFUND_DUE, found the long way.
fn oldest_refund_due(shop: &Shop, sku: &Sku) -> Option<Millis> {
    let numbers = (1..).take(sku.order_count()).map(OrderNumber);
    let due = numbers.filter(|number| sku.order(*number).is_some_and(|o| o.state == OrderState::RefundDue));
    let since = |number: OrderNumber| {
        let when = |is_it: &dyn Fn(&Event<'_>) -> bool| {
            shop.journal.iter().find(|(_, event)| is_it(event)).map(|(at, _)| *at)
        };
        let room = when(&|event| matches!(event, Event::RoomRefundDue { order } if *order == number));
        room.or_else(|| {
            when(&|event| match event {
                Event::RefundDue(payment) => payment.order == number,
                Event::LineRefundDue { order, .. } => *order == number,
                _ => false,
            })
        })
    };
    due.filter_map(since).min()
}

fn compare_rooms(sku: &Sku, now: Millis, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(sku.room(RoomNumber(0), now), None);
    let settled = |how: fn(Option<u8>) -> bool| {
        model.rooms.iter().filter_map(|room| room.settled).filter(|room| how(*room)).count()
    };
    let (succeeded, failed) = (settled(|tier| tier.is_some()), settled(|tier| tier.is_none()));
    let counts = sku.view().rooms;
    prop_assert_eq!([counts.succeeded, counts.failed].map(|count| count as usize), [succeeded, failed]);
    prop_assert_eq!(counts.forming as usize, model.rooms.len() - succeeded - failed);
    for (number, expected) in (1..).zip(&model.rooms) {
        let room = sku.room(RoomNumber(number), now);
        let Some(room) = room else { return Err(TestCaseError::fail("a room")) };
        prop_assert_eq!(room.deadline, model.closes_at(number));
        let state = match expected.settled {
            None => RoomState::Forming,
            Some(Some(_)) => RoomState::Succeeded,
            Some(None) => RoomState::Failed,
        };
        prop_assert_eq!(room.state, state, "room {}", number);
        if state == RoomState::Forming {
            let members: Vec<_> = room.members.iter().map(|member| member.order.0 as usize - 1).collect();
            prop_assert_eq!(members, model.members(number));
        } else {
            prop_assert!(room.members.iter().all(|member| member.paid));
        }
        prop_assert!(room.members.iter().filter(|member| member.paid).count() == room.paid_members as usize);
    }
    prop_assert_eq!(sku.room(RoomNumber(model.rooms.len() as u32 + 1), now), None);
    Ok(())
}

fn compare_report(report: &tidegate_engine::Report, model: &Model) -> Result<(), TestCaseError> {
    for state in OrderState::ALL {
        let orders: Vec<_> = model.orders.iter().filter(|order| order.state == state).collect();
        prop_assert_eq!(report.tally.orders(state), orders.len() as u64, "{:?}", state);
        let units: u64 = orders.iter().map(|order| u64::from(order.qty)).sum();
        prop_assert_eq!(report.tally.units(state), units);
        let money: u128 = orders.iter().map(|order| u128::from(order.due())).sum();
        prop_assert_eq!(report.tally.money(state), money);
    }
    let sales: Vec<Millis> = model.orders.iter().filter_map(|order| order.paid_at).collect();
    prop_assert_eq!(report.first_sale_at, sales.iter().min().copied());
    prop_assert_eq!(report.last_sale_at, sales.iter().max().copied());
    let mut buyers: Vec<_> = model.orders.iter().filter(|o| o.paid_at.is_some()).map(|o| o.buyer).collect();
    buyers.sort_unstable();
    buyers.dedup();
    prop_assert_eq!(report.first_time_buyers, buyers.len() as u64);
    let stores: Vec<i64> = report.stores.iter().map(|store| i64::from(store.stock.available())).collect();
    prop_assert_eq!(stores, (0..model.stores.len()).map(|at| model.available_at(at)).collect::<Vec<_>>());
    prop_assert!(report.balanced);
    Ok(())
}

/// Invariant 3: a reservation ends exactly once; only one that expired is reacquired.
fn check_ends(shop: &Shop) -> Result<(), TestCaseError> {
    for number in 1..=shop.state.sku().map_or(0, |sku| sku.order_count()) {
        let is_it = |order: OrderNumber| order.0 as usize == number;
        let happened = |what: fn(&Event<'static>) -> Option<(char, OrderNumber)>| -> String {
            let marks = shop.journal.iter().filter_map(|(_, event)| what(event));
            marks.filter(|(_, order)| is_it(*order)).map(|(mark, _)| mark).collect()
        };
        let life = happened(|event| match event {
            Event::Reserved { order, .. } => Some(('R', *order)),
            Event::Paid(payment) => Some(('P', payment.order)),
            Event::Reacquired(payment) => Some(('A', payment.order)),
            Event::Cancelled { order, .. } => Some(('C', *order)),
            Event::Expired { order } => Some(('E', *order)),
            Event::Dismissed { order } => Some(('D', *order)),
            Event::RoomRefundDue { order } => Some(('F', *order)),
            Event::LinePaid { order, .. } => Some(('P', *order)),
            Event::LineEnded { order, .. } => Some(('L', *order)),
            Event::LineRefundDue { order, .. } => Some(('M', *order)),
            _ => None,
        });
        let lives = ["R", "RP", "RC", "RE", "REA", "RD", "RPF", "RL", "RLM"];
        prop_assert!(lives.contains(&life.as_str()), "order {} lived {}", number, life);
    }
    Ok(())
}

/// Every payment that came in is in exactly one event, with its amount: applied in full, or due back.
fn check_money(shop: &Shop, model: &Model) -> Result<(), TestCaseError> {
    let mut events = shop.journal.iter().filter_map(|(_, event)| match event {
        Event::Paid(Payment { order, id, amount, .. })
        | Event::Reacquired(Payment { order, id, amount, .. })
        | Event::LinePaid { order, payment: id, amount } => Some((*order, *id, *amount, true)),
        Event::RefundDue(Payment { order, id, amount, .. })
        | Event::LineRefundDue { order, payment: id, amount } => Some((*order, *id, *amount, false)),
        _ => None,
    });
    for expected in &model.payments {
        let Some((order, id, amount, applied)) = events.next() else {
            return Err(TestCaseError::fail("money is lost"));
        };
        prop_assert_eq!((id, amount), (expected.id, expected.amount));
        prop_assert_eq!((order.0 as usize - 1, applied), (expected.order, expected.applied));
        prop_assert!(!applied || amount == model.orders[expected.order].due_at_first());
    }
    // What was paid is what the order costs now and what a better tier gave back.
    for (number, order) in (1..).zip(&model.orders) {
        let back = shop.journal.iter().filter_map(|(_, event)| match event {
            Event::TierRefundDue { order, amount, .. } if order.0 == number => Some(*amount),
            _ => None,
        });
        prop_assert_eq!(order.due() + back.sum::<u64>(), order.due_at_first(), "order {}", number);
    }
    prop_assert!(events.next().is_none(), "money is made");
    Ok(())
}

/// Every unit that was paid for, and whose room did not still form, has a code or a serial, and nobody else has it.
fn check_goods(shop: &Shop, model: &Model) -> Result<(), TestCaseError> {
    let Some(sku) = shop.state.sku() else { return Err(TestCaseError::fail("the SKU exists")) };
    let mut taken = BTreeSet::new();
    for (number, order) in (1..).zip(&model.orders) {
        let goods = sku.goods(OrderNumber(number));
        let goods = goods.map(|goods| goods.names().map(String::from).collect::<Vec<_>>());
        let expected = model.goods_of(number as usize - 1);
        prop_assert_eq!(&goods, &expected, "order {}", number);
        for unit in goods.into_iter().flatten().filter(|_| order.keeps_units) {
            prop_assert!(taken.insert(unit), "given twice");
        }
    }
    Ok(())
}

/// A model that agrees because nothing ever happens would prove nothing.
#[test]
fn random_runs_reach_every_kind_of_event_and_state() {
    use std::cell::RefCell;

    const ROUNDS: u32 = 20;

    let seen: RefCell<BTreeSet<String>> = RefCell::default();
    let watch = |(terms, steps): (SkuTerms, Vec<Step>)| {
        let mut shop = small_shop(terms);
        for step in &steps {
            take(&mut shop, step);
        }
        let mut seen = seen.borrow_mut();
        for (_, event) in &shop.journal {
            let name = format!("{event:?}");
            seen.insert(name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned());
        }
        for state in OrderState::ALL {
            let reached = shop.state.sku().is_some_and(|sku| sku.report().tally.orders(state) > 0);
            seen.extend(reached.then(|| format!("an order {state:?}")));
        }
        Ok(())
    };
    let events = [
        "Created",
        "Updated",
        "Restocked",
        "Paused",
        "Resumed",
        "Reserved",
        "Paid",
        "Reacquired",
        "RefundDue",
        "Cancelled",
        "Expired",
        "Refunded",
        "Noted",
        "BuyerBlocked",
        "BuyerLapsedOut",
        "BuyerUnblocked",
        "Repriced",
        "RoomOpened",
        "SeatTaken",
        "Dismissed",
        "TierRefundDue",
        "RoomRefundDue",
        "RoomSettled",
        "Enrolled",
        "Remade",
        "Stored",
        "StoreRestocked",
        "Discounted",
        "LineHeld",
        "LineDiscounted",
        "LinePaid",
        "LineEnded",
        "LineRefundDue",
        "CouponReturned",
    ];
    let states = OrderState::ALL.map(|state| format!("an order {state:?}"));
    let expected: BTreeSet<String> = events.map(str::to_owned).into_iter().chain(states).collect();
    // Some are so rare that a few hundred runs may do without: as many as it takes, within reason.
    for _ in 0..ROUNDS {
        for_all(300, &shops_and(any_run(120)), watch);
        if seen.borrow().is_superset(&expected) {
            break;
        }
    }
    // Whose coupon is taken up again is too rare to count on; the campaigns' tests tell of one.
    seen.borrow_mut().remove("CouponTaken");
    assert_eq!(*seen.borrow(), expected);
}
