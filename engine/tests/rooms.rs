//! Group-buy, told as stories: who joins at what price, and what everybody gets when the room closes.

mod common;

use common::{
    HOLD, START, Shop, Told, cancel, held, join, limit, open, pay, put, refund, refused, rejected, repeated,
    reserve, terms,
};
use tidegate_engine::{
    Answer, Command, Event, GroupBuy, Millis, OrderNumber, OrderState, Price, Refusal, Rejection, Restorer,
    RoomCounts, RoomNumber, RoomState, SkuTerms, SkuView, Tier,
};

const HOUR: u64 = 3_600_000;

/// 100.00 a unit; ten percent off for two, twenty for five, thirty for ten; rooms are open for a day.
fn group_terms() -> SkuTerms {
    let tier = |members, percent_off| Tier { members, percent_off };
    let group_buy = GroupBuy { tiers: [tier(2, 10), tier(5, 20), tier(10, 30)].into(), ttl_ms: 24 * HOUR };
    SkuTerms { group_buy: Some(group_buy), price: Price::Fixed(10_000), ..terms() }
}

const BUYERS: [&str; 10] = ["b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "b10"];
const PAYMENTS: [&str; 10] = ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10"];

fn opened(room: u32, order: u32, amount: u64, at: Millis) -> Told {
    let (room, order) = (RoomNumber(room), OrderNumber(order));
    Ok(Answer::Opened { room, order, amount, expires_at: at.plus(HOLD) })
}

fn joined(order: u32, amount: u64, members: u32, at: Millis) -> Told {
    Ok(Answer::Joined { order: OrderNumber(order), amount, members, expires_at: at.plus(HOLD) })
}

/// A room of which the first `paid` of these members have paid, each the price that was due.
fn room_of(members: usize, paid: usize) -> Shop {
    let mut shop = Shop::open(group_terms(), 100);
    for at in 0..members {
        let told = match at {
            0 => open(&mut shop, BUYERS[0], "r", 1),
            _ => join(&mut shop, 1, BUYERS[at], "r", 1),
        };
        assert!(told.is_ok(), "{told:?}");
        if at < paid {
            let number = at as u32 + 1;
            let due = shop.order(number).amount;
            assert_eq!(pay(&mut shop, number, "pay", due, PAYMENTS[at]), Ok(Answer::Paid));
        }
    }
    shop
}

/// What became due back, by order.
fn due_back(shop: &Shop) -> Vec<(u32, u64)> {
    let back = shop.journal.iter().filter_map(|(_, event)| match event {
        Event::TierRefundDue { order, amount, .. } => Some((order.0, *amount)),
        Event::RoomRefundDue { order } => Some((order.0, shop.order(order.0).amount)),
        _ => None,
    });
    back.collect()
}

#[test]
fn ten_who_pay_early_all_get_the_price_of_the_third_tier() {
    let mut shop = room_of(9, 9);
    let amounts: Vec<u64> = (1..=9).map(|number| shop.order(number).amount).collect();
    assert_eq!(amounts, [9000, 9000, 9000, 9000, 8000, 8000, 8000, 8000, 8000], "due on joining");
    let room = shop.room(1);
    assert_eq!((room.state, room.paid_members, room.tier.members), (RoomState::Forming, 9, 5));
    let next = room.next.map(|(tier, price)| (tier.members, price));
    assert_eq!((room.unit_price, next), (8000, Some((10, 7000))));

    assert_eq!(join(&mut shop, 1, "b10", "r", 1), joined(10, 7000, 10, START));
    assert_eq!(join(&mut shop, 1, "b11", "r", 1), rejected(Rejection::RoomFull));
    assert_eq!(pay(&mut shop, 10, "pay", 7000, "p10"), Ok(Answer::Paid));
    let room = shop.room(1);
    assert_eq!((room.state, room.tier.members, room.unit_price), (RoomState::Succeeded, 10, 7000));
    assert_eq!((room.settled_at, room.next), (Some(START), None), "at once: no seat is left to be paid");
    let differences = [2000, 2000, 2000, 2000, 1000, 1000, 1000, 1000, 1000];
    assert_eq!(due_back(&shop), (1..).zip(differences).collect::<Vec<_>>());
    for number in 1..=10 {
        assert_eq!((shop.order(number).state, shop.order(number).amount), (OrderState::Paid, 7000));
    }
    assert_eq!(shop.counts(), [90, 0, 10]);
    assert_eq!(join(&mut shop, 1, "b12", "r", 1), rejected(Rejection::RoomClosed));
}

#[test]
fn at_its_deadline_a_room_succeeds_at_the_tier_that_its_paid_members_reach() {
    let mut shop = room_of(5, 3);
    shop.wait(HOLD - 1);
    shop.run_timers();
    assert_eq!(shop.room(1).members.len(), 5);
    shop.wait(1);
    shop.run_timers();
    assert_eq!(shop.room(1).members.len(), 3, "a seat whose hold runs out is free again");
    let now = shop.now;
    assert_eq!(join(&mut shop, 1, "b6", "r", 2), joined(6, 18_000, 4, now), "two units, one seat");
    shop.wait(24 * HOUR - HOLD - 1);
    shop.run_timers();
    assert_eq!(shop.room(1).state, RoomState::Forming);
    shop.wait(1);
    shop.run_timers();
    let room = shop.room(1);
    assert_eq!((room.state, room.tier.members, room.paid_members), (RoomState::Succeeded, 2, 3));
    assert_eq!(due_back(&shop), [], "all of them paid the price of this tier");
    assert_eq!(shop.order(6).state, OrderState::Expired);
    assert_eq!(shop.counts(), [97, 0, 3]);
}

#[test]
fn a_room_with_too_few_paid_members_fails_and_everybody_gets_everything_back() {
    let mut shop = room_of(3, 1);
    shop.wait(24 * HOUR);
    shop.run_timers();
    let room = shop.room(1);
    assert_eq!((room.state, room.paid_members, room.settled_at), (RoomState::Failed, 1, Some(shop.now)));
    assert_eq!(room.members.iter().map(|member| &*member.buyer).collect::<Vec<_>>(), ["b1"]);
    assert_eq!(due_back(&shop), [(1, 9000)]);
    assert_eq!(shop.order(1).state, OrderState::RefundDue);
    assert_eq!(shop.counts(), [100, 0, 0], "all units return");
    assert_eq!(refund(&mut shop, 1, "x", true), Ok(Answer::Refunded));
    assert_eq!(shop.counts(), [100, 0, 0], "and only once");
}

#[test]
fn two_race_for_the_last_seat_and_one_is_told_that_the_room_is_full() {
    let mut shop = room_of(9, 0);
    assert_eq!(join(&mut shop, 1, "b10", "r", 1), joined(10, 9000, 10, START));
    assert_eq!(join(&mut shop, 1, "b11", "r", 1), rejected(Rejection::RoomFull));
    assert_eq!(shop.counts(), [90, 10, 0], "the loser holds nothing");
    assert_eq!(cancel(&mut shop, 10, "x"), Ok(Answer::Cancelled));
    assert_eq!(join(&mut shop, 1, "b11", "r", 1), joined(11, 9000, 10, START), "the seat is free again");
}

#[test]
fn a_leader_who_leaves_passes_the_lead_to_the_next_member() {
    let mut shop = room_of(3, 0);
    let leader = |shop: &Shop| shop.room(1).members.first().map(|member| member.buyer.to_string());
    assert_eq!(leader(&shop).as_deref(), Some("b1"));
    assert_eq!(cancel(&mut shop, 1, "x"), Ok(Answer::Cancelled));
    assert_eq!(leader(&shop).as_deref(), Some("b2"));
    assert_eq!(pay(&mut shop, 2, "pay", 9000, "p2"), Ok(Answer::Paid));
    assert_eq!(refund(&mut shop, 2, "x", false), Ok(Answer::Refunded), "one member's refund");
    assert_eq!(leader(&shop).as_deref(), Some("b3"));
    assert_eq!(shop.room(1).state, RoomState::Forming, "does not block the room");
    assert_eq!(cancel(&mut shop, 3, "x"), Ok(Answer::Cancelled));
    let room = shop.room(1);
    assert_eq!((room.state, room.members.len()), (RoomState::Failed, 0), "an empty room fails at once");
}

#[test]
fn nobody_sits_twice_in_a_room_and_everybody_may_sit_in_several() {
    let mut shop = room_of(2, 0);
    assert_eq!(join(&mut shop, 1, "b2", "other", 1), rejected(Rejection::AlreadyMember));
    assert_eq!(join(&mut shop, 1, "b1", "other", 1), rejected(Rejection::AlreadyMember), "nor the leader");
    assert_eq!(open(&mut shop, "b2", "room-2", 1), opened(2, 3, 9000, START));
    assert_eq!(join(&mut shop, 2, "b1", "r", 1), joined(4, 9000, 2, START));
    assert_eq!(join(&mut shop, 3, "b1", "r", 1), rejected(Rejection::NotFound));
}

#[test]
fn a_repeated_request_gets_its_seat_and_no_second_one() {
    let (room, order, expires_at) = (RoomNumber(1), OrderNumber(2), START.plus(HOLD));
    let joining = Answer::Joined { order, amount: 9000, members: 2, expires_at };
    let opening = Answer::Opened { room, order: OrderNumber(1), amount: 9000, expires_at };
    let mut shop = room_of(2, 2);
    assert_eq!(join(&mut shop, 1, "b2", "r", 1), repeated(joining));
    assert_eq!(join(&mut shop, 1, "b2", "r", 2), refused(Refusal::RequestReused));
    assert_eq!(open(&mut shop, "b1", "r", 1), repeated(opening));
    assert_eq!(reserve(&mut shop, "b1", "r", 1), refused(Refusal::RequestReused), "the same key and buyer");
    assert_eq!(reserve(&mut shop, "b2", "r", 1), held(3, 10_000, START), "a room's requests are its own");
    shop.wait(24 * HOUR);
    shop.run_timers();
    assert_eq!(join(&mut shop, 1, "b2", "r", 1), repeated(joining), "also when the room has closed");
    // The tier gave something back since; what was answered then is answered now.
    let mut shop = room_of(10, 9);
    assert_eq!(pay(&mut shop, 10, "pay", 7000, "p10"), Ok(Answer::Paid));
    assert_eq!(shop.order(1).amount, 7000);
    assert_eq!(open(&mut shop, "b1", "r", 1), repeated(opening));
}

#[test]
fn a_late_payment_in_a_room_is_due_back() {
    for timer_ran in [false, true] {
        let mut shop = room_of(3, 2);
        shop.wait(HOLD);
        if timer_ran {
            shop.run_timers();
        }
        assert_eq!(pay(&mut shop, 3, "pay", 9000, "p3"), Ok(Answer::RefundDue), "never reacquired");
        assert_eq!(shop.room(1).members.len(), 2);
        assert_eq!(shop.counts(), [98, 0, 2]);
    }
}

#[test]
fn the_clock_closes_a_room_whether_or_not_its_timer_has_run() {
    let mut shop = room_of(1, 1);
    // A hold that would outlast the room.
    let terms = SkuTerms { hold_ms: 3_000_000_000, ..group_terms() };
    assert_eq!(put(&mut shop, terms), Ok(Answer::Updated));
    let told = join(&mut shop, 1, "b2", "r", 1);
    assert!(matches!(told, Ok(Answer::Joined { .. })), "{told:?}");
    shop.wait(24 * HOUR);
    assert_eq!(join(&mut shop, 1, "b3", "r", 1), rejected(Rejection::RoomClosed));
    assert_eq!(shop.room(1).state, RoomState::Failed, "one paid member is not enough");
    assert_eq!(pay(&mut shop, 2, "pay", 9000, "p2"), Ok(Answer::RefundDue), "too late, though it was held");
    assert_eq!(shop.counts(), [100, 0, 0]);
}

#[test]
fn whoever_is_dismissed_by_the_room_has_not_lapsed() {
    let mut shop = Shop::open(SkuTerms { max_lapses: Some(1), ..group_terms() }, 100);
    assert_eq!(open(&mut shop, "b1", "r", 1), opened(1, 1, 9000, START));
    assert_eq!(pay(&mut shop, 1, "pay", 9000, "p1"), Ok(Answer::Paid));
    shop.wait(24 * HOUR - 1);
    let now = shop.now;
    assert_eq!(join(&mut shop, 1, "b2", "r", 1), joined(2, 9000, 2, now));
    shop.wait(1);
    shop.run_timers();
    assert_eq!(shop.room(1).state, RoomState::Failed);
    assert_eq!(shop.order(2).state, OrderState::Expired);
    let now = shop.now;
    assert_eq!(reserve(&mut shop, "b2", "again", 1), held(3, 10_000, now), "it was the room that closed");
}

#[test]
fn a_sale_that_ends_closes_its_rooms_and_opens_no_more() {
    let ends_at = START.plus(HOUR);
    let mut shop = Shop::open(SkuTerms { ends_at: Some(ends_at), ..group_terms() }, 100);
    assert_eq!(open(&mut shop, "b1", "r", 1), opened(1, 1, 9000, START));
    assert_eq!(join(&mut shop, 1, "b2", "r", 1), joined(2, 9000, 2, START));
    for (number, payment) in [(1, "p1"), (2, "p2")] {
        assert_eq!(pay(&mut shop, number, "pay", 9000, payment), Ok(Answer::Paid));
    }
    assert_eq!(shop.room(1).deadline, ends_at);
    shop.wait(HOUR);
    assert_eq!(join(&mut shop, 1, "b3", "r", 1), rejected(Rejection::RoomClosed));
    assert_eq!(shop.room(1).state, RoomState::Succeeded);
    assert_eq!(open(&mut shop, "b3", "r", 1), rejected(Rejection::Ended));
}

#[test]
fn joining_is_judged_like_any_reservation() {
    let mut shop = Shop::open(SkuTerms { per_buyer_limit: Some(2), ..group_terms() }, 4);
    assert_eq!(open(&mut shop, "b1", "r", 2), opened(1, 1, 18_000, START));
    assert_eq!(open(&mut shop, "b1", "again", 1), limit(0));
    assert_eq!(join(&mut shop, 1, "b2", "r", 3), rejected(Rejection::SoldOut), "before the limit");
    assert_eq!(shop.ask(&Command::Pause), Ok(Answer::Paused));
    assert_eq!(join(&mut shop, 1, "b2", "r", 1), rejected(Rejection::Paused));
    assert_eq!(shop.ask(&Command::Block { buyer: "b2" }), Ok(Answer::Blocked));
    assert_eq!(join(&mut shop, 1, "b2", "r", 1), rejected(Rejection::Blocked));
    assert_eq!(shop.counts(), [2, 2, 0], "nothing is held by those who were refused");
    assert_eq!(shop.room(1).members.len(), 1);
}

#[test]
fn rooms_need_tiers_that_stay_while_any_is_forming() {
    let mut shop = Shop::open(terms(), 10);
    assert_eq!(open(&mut shop, "b1", "r", 1), refused(Refusal::NoGroupBuy));
    assert_eq!(put(&mut shop, group_terms()), Ok(Answer::Updated));
    // The price stayed what it was: 5.00, ten percent off.
    assert_eq!(open(&mut shop, "b1", "r", 1), opened(1, 1, 450, START));
    assert_eq!(put(&mut shop, terms()), refused(Refusal::RoomsForming));
    assert_eq!(put(&mut shop, SkuTerms { title: "Big lamp".into(), ..group_terms() }), Ok(Answer::Updated));
    assert_eq!(cancel(&mut shop, 1, "x"), Ok(Answer::Cancelled));
    assert_eq!(put(&mut shop, terms()), Ok(Answer::Updated), "no room is left");
    assert_eq!(shop.room(1).state, RoomState::Failed);
}

#[test]
fn a_sku_has_only_so_many_rooms() {
    let mut shop = Shop::open(group_terms(), 10);
    shop.limits.max_rooms = 1;
    assert_eq!(open(&mut shop, "b1", "r", 1), opened(1, 1, 9000, START));
    assert_eq!(open(&mut shop, "b2", "r", 1), refused(Refusal::Full { limit: "rooms" }));
}

#[test]
fn a_sku_says_how_many_of_its_rooms_are_forming_and_how_the_others_closed() {
    let mut shop = room_of(2, 2);
    assert!(open(&mut shop, "leader", "r-2", 1).is_ok());
    assert!(open(&mut shop, "late", "r-3", 1).is_ok());
    assert_eq!(cancel(&mut shop, 3, "c"), Ok(Answer::Cancelled));
    let counts = |forming, succeeded, failed| RoomCounts { forming, succeeded, failed };
    let seen = |shop: &Shop| {
        let sku = shop.state.sku().unwrap_or_else(|| panic!("a SKU"));
        let mut restorer = Restorer::new(9);
        let restored = sku.parts().try_for_each(|part| restorer.push(part)).and_then(|()| restorer.finish());
        let restored = restored.ok().and_then(|state| state.sku().map(|sku| sku.view()));
        let told = |view: &SkuView| (view.rooms, view.oldest_refund_due);
        assert_eq!(restored.as_ref().map(told), Some(told(&sku.view())), "a snapshot says the same");
        sku.view().rooms
    };
    assert_eq!(seen(&shop), counts(2, 0, 1));
    shop.wait(24 * HOUR);
    shop.run_timers();
    assert_eq!(seen(&shop), counts(0, 1, 2));
}
