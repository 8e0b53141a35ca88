//! A SKU in a campaign, and the campaign's coupons, told as stories with amounts.

mod common;
#[path = "common/fair.rs"]
mod fair;

use std::sync::Arc;

use common::{HOLD, START, Shop, Told, held, join, limit, open, pay, refund, rejected, reserve, terms};
use fair::Fair;
use tidegate_engine::{
    Answer, CampaignCommand, CampaignLimits, CampaignState, CampaignTerms, Command, Coupon, CouponCode,
    CouponWindow, DiscountKind, DiscountOrder, Enrolment, Event, Green, GroupBuy, Ladder, Millis, NoChange,
    OrderState, Price, Refusal, Rejection, RoomState, SkuTerms, Standing, Step, Tier, Trigger, Window,
};

const HOUR: u64 = 3_600_000;

/// A campaign with three percent off for at most 500 g of carbon dioxide.
fn green() -> Enrolment {
    let green = Some(Green { max_carbon_g: 500, percent_off: 3 });
    Enrolment { campaign: "11.11".into(), window: Window::default(), green, order: DiscountOrder::default() }
}

/// 100.00 a unit, 500 g each, sold to groups of two and three too.
fn lamp() -> SkuTerms {
    let tier = |members, percent_off| Tier { members, percent_off };
    let group_buy = Some(GroupBuy { tiers: [tier(2, 10), tier(3, 25)].into(), ttl_ms: HOUR });
    SkuTerms { price: Price::Fixed(10_000), carbon_g: Some(500), group_buy, ..terms() }
}

fn coupon(percent_off: u8) -> Standing {
    let coupon = Some(Coupon { code: CouponCode::new(7), percent_off });
    Standing { coupon, ..Standing::FREE }
}

fn with_coupon(shop: &mut Shop, buyer: &'static str, req: &'static str, qty: u32) -> Told {
    shop.ask(&Command::Reserve { req, buyer, qty, max_price: None, coupon: Some("a coupon"), at: None })
}

#[test]
fn a_campaign_opens_and_closes_the_sale_of_its_skus() {
    let mut shop = Shop::open(SkuTerms { ends_at: Some(START.plus(3 * HOUR)), ..lamp() }, 10);
    let window = Window { starts_at: Some(START.plus(HOUR)), ends_at: Some(START.plus(5 * HOUR)) };
    shop.enrol(Enrolment { window, ..green() });
    assert_eq!(
        reserve(&mut shop, "ann", "r1", 1),
        rejected(Rejection::NotOpen { starts_at: START.plus(HOUR) })
    );
    shop.wait(HOUR);
    assert!(reserve(&mut shop, "ann", "r1", 1).is_ok());
    shop.wait(2 * HOUR);
    assert_eq!(reserve(&mut shop, "ann", "r2", 1), rejected(Rejection::Ended), "its own end is sooner");
}

#[test]
fn a_ladder_steps_down_from_the_later_start() {
    let ladder = Ladder { start: 12_000, floor: 8_800, step: Step::Percent(5), every_ms: HOUR };
    let mut shop = Shop::open(SkuTerms { price: Price::Ladder(ladder), ..terms() }, 10);
    let window = Window { starts_at: Some(START.plus(10 * HOUR)), ends_at: None };
    shop.enrol(Enrolment { window, green: None, ..green() });
    shop.wait(10 * HOUR);
    let now = shop.now;
    assert_eq!(reserve(&mut shop, "ann", "r1", 1), held(1, 12_000, now));
    let view = shop.state.sku().map(tidegate_engine::Sku::view);
    let next = view.and_then(|view| view.next_price(now));
    assert_eq!(next, Some((11_400, START.plus(11 * HOUR))));
}

#[test]
fn a_small_footprint_is_three_percent_off_every_order() {
    let mut shop = Shop::open(lamp(), 10);
    shop.enrol(green());
    assert_eq!(reserve(&mut shop, "ann", "r1", 2), held(1, 19_400, START));
    assert_eq!(shop.order(1).discounts, [(DiscountKind::Green, 600)]);
    assert_eq!(pay(&mut shop, 1, "p1", 20_000, "m1"), rejected(Rejection::AmountMismatch { due: 19_400 }));
    assert_eq!(pay(&mut shop, 1, "p1", 19_400, "m1"), Ok(Answer::Paid));

    let mut heavy = Shop::open(SkuTerms { carbon_g: Some(501), ..lamp() }, 10);
    heavy.enrol(green());
    assert_eq!(reserve(&mut heavy, "ann", "r1", 1), held(1, 10_000, START));
    let mut unknown = Shop::open(SkuTerms { carbon_g: None, ..lamp() }, 10);
    unknown.enrol(green());
    assert_eq!(reserve(&mut unknown, "ann", "r1", 1), held(1, 10_000, START));
}

#[test]
fn a_coupon_comes_off_first_and_green_off_what_it_left() {
    let mut shop = Shop::open(SkuTerms { price: Price::Fixed(9_999), ..lamp() }, 10);
    shop.enrol(green());
    shop.standing = coupon(20);
    // 9999 less 20 % is 7999.2; less 3 % of 7999 is 7759.03.
    assert_eq!(with_coupon(&mut shop, "ann", "r1", 1), held(1, 7_759, START));
    assert_eq!(shop.order(1).discounts, [(DiscountKind::Coupon, 2_000), (DiscountKind::Green, 240)]);
    // The other way round: 9699.03 and 7759.2.
    let order = DiscountOrder::beginning_with(&[DiscountKind::Green]).expect("an order");
    shop.enrol(Enrolment { order, ..green() });
    assert_eq!(with_coupon(&mut shop, "ann", "r2", 1), held(2, 7_759, START));
    assert_eq!(shop.order(2).discounts, [(DiscountKind::Green, 300), (DiscountKind::Coupon, 1_940)]);
    assert_eq!(shop.order(1).amount, 7_759, "what was reserved stays");
}

#[test]
fn a_coupon_that_is_no_good_is_refused_after_everything_else() {
    let mut shop = Shop::open(SkuTerms { per_buyer_limit: Some(2), ..lamp() }, 3);
    shop.enrol(green());
    assert_eq!(with_coupon(&mut shop, "ann", "r1", 4), rejected(Rejection::SoldOut));
    assert_eq!(with_coupon(&mut shop, "ann", "r1", 3), limit(2));
    let dear = Command::Reserve {
        req: "r1",
        buyer: "ann",
        qty: 1,
        max_price: Some(9_999),
        coupon: Some("x"),
        at: None,
    };
    assert_eq!(shop.ask(&dear), rejected(Rejection::PriceChanged { price: 10_000 }), "before discounts");
    assert_eq!(with_coupon(&mut shop, "ann", "r1", 1), rejected(Rejection::CouponInvalid));
    assert_eq!(shop.counts(), [3, 0, 0]);
    // The same request without a coupon is another one, and its id was not used up.
    assert!(reserve(&mut shop, "ann", "r1", 1).is_ok());
    shop.standing = coupon(20);
    assert_eq!(with_coupon(&mut shop, "ann", "r1", 1), Err(NoChange::Refused(Refusal::RequestReused)));
}

#[test]
fn the_smaller_of_two_limits_says_what_is_left() {
    let mut shop = Shop::open(SkuTerms { per_buyer_limit: Some(5), ..lamp() }, 30);
    shop.enrol(green());
    shop.standing = Standing { left: 2, ..Standing::FREE };
    assert_eq!(reserve(&mut shop, "ann", "r1", 3), limit(2));
    assert_eq!(open(&mut shop, "ann", "r1", 3), limit(2));
    shop.standing = Standing { left: 9, ..Standing::FREE };
    assert_eq!(reserve(&mut shop, "ann", "r1", 6), limit(5));
}

#[test]
fn a_late_payment_needs_the_limit_and_the_coupon_again() {
    for (standing, expected) in [
        (coupon(20), Answer::Paid),
        (Standing::FREE, Answer::RefundDue),
        (Standing { left: 0, ..coupon(20) }, Answer::RefundDue),
    ] {
        let mut shop = Shop::open(lamp(), 10);
        shop.enrol(green());
        shop.standing = coupon(20);
        assert_eq!(with_coupon(&mut shop, "ann", "r1", 1), held(1, 7_760, START));
        shop.wait(HOLD);
        shop.standing = standing.clone();
        assert_eq!(pay(&mut shop, 1, "p1", 7_760, "m1"), Ok(expected), "{standing:?}");
        let events: Vec<_> = shop.journal.iter().map(|(_, event)| event).collect();
        let taken = events.iter().any(|event| matches!(event, Event::CouponTaken { .. }));
        assert!(events.iter().any(|event| matches!(event, Event::CouponReturned { .. })), "{events:?}");
        assert_eq!(taken, expected == Answer::Paid, "{events:?}");
    }
}

#[test]
fn a_room_gives_its_tier_and_then_green_and_pays_the_difference_of_both_back() {
    let mut shop = Shop::open(lamp(), 10);
    shop.enrol(green());
    // 9000 less 3 %; 7500 less 3 %.
    assert!(matches!(open(&mut shop, "ann", "r", 1), Ok(Answer::Opened { amount: 8_730, .. })));
    assert_eq!(pay(&mut shop, 1, "p", 8_730, "m1"), Ok(Answer::Paid));
    for (number, buyer, payment, due) in [(2, "bob", "m2", 8_730), (3, "cyd", "m3", 7_275)] {
        let told = join(&mut shop, 1, buyer, "r", 1);
        assert!(matches!(told, Ok(Answer::Joined { amount, .. }) if amount == due), "{told:?}");
        assert_eq!(pay(&mut shop, number, "p", due, payment), Ok(Answer::Paid));
    }
    assert_eq!(shop.room(1).state, RoomState::Succeeded);
    for number in 1..=3 {
        let order = shop.order(number);
        assert_eq!((order.amount, order.state), (7_275, OrderState::Paid), "order {number}");
        assert_eq!(order.discounts, [(DiscountKind::Tier, 2_500), (DiscountKind::Green, 225)]);
    }
    let again = open(&mut shop, "ann", "r", 1);
    assert!(
        matches!(again, Err(NoChange::Repeated(Answer::Opened { amount: 8_730, .. }))),
        "the first answer, whatever has become of the order: {again:?}"
    );
    assert_eq!(refund(&mut shop, 1, "back", false), Ok(Answer::Refunded));
}

fn fair_terms() -> CampaignTerms {
    let window = |event: &str, percent_off| CouponWindow {
        event: event.into(),
        percent_off,
        window_ms: HOUR / 2,
        skus: None,
    };
    CampaignTerms {
        coupon_windows: [window("try_on", 20), window("share", 5)].into(),
        window: Window { starts_at: Some(START), ends_at: Some(START.plus(24 * HOUR)) },
        ..CampaignTerms::new("Singles' Day")
    }
}

fn granted(code: u128, percent_off: u8, at: Millis) -> Told {
    Ok(Answer::Granted { code: CouponCode::new(code), percent_off, expires_at: at.plus(HOUR / 2) })
}

#[test]
fn a_coupon_is_granted_once_for_each_buyer_and_event() {
    let mut fair = Fair::open(fair_terms());
    assert_eq!(fair.trigger("ann", "r1", "try_on"), granted(1, 20, START));
    let again = fair.trigger("ann", "r1", "try_on");
    assert_eq!(again, Err(NoChange::Repeated(granted(1, 20, START).expect("an answer"))));
    fair.now = START.plus(HOUR / 2 - 1);
    assert_eq!(fair.trigger("ann", "r2", "try_on"), granted(1, 20, START), "the same while it is open");
    assert_eq!(fair.trigger("ann", "r1", "share"), Err(NoChange::Refused(Refusal::RequestReused)));
    let (now, share) = (fair.now, fair.trigger("ann", "r3", "share"));
    assert_eq!(share, granted(5, 5, now), "another event, another coupon");
    let now = fair.now;
    assert_eq!(fair.trigger("bob", "r1", "try_on"), granted(6, 20, now), "a request id is its buyer's");

    fair.now = START.plus(HOUR / 2);
    assert_eq!(fair.trigger("ann", "r4", "try_on"), rejected(Rejection::NotEligible), "never a second one");
    let first = Err(NoChange::Repeated(granted(1, 20, START).expect("an answer")));
    assert_eq!(fair.trigger("ann", "r1", "try_on"), first, "who asked then is told the same now");
    assert_eq!(fair.trigger("ann", "r2", "try_on"), first);
}

#[test]
fn nothing_is_granted_for_other_doings_or_at_other_times() {
    let mut fair = Fair::open(fair_terms());
    assert_eq!(fair.trigger("ann", "r1", "shrug"), rejected(Rejection::NotEligible));
    fair.now = START.plus(24 * HOUR);
    assert_eq!(fair.trigger("ann", "r1", "try_on"), rejected(Rejection::NotEligible));
    fair.now = Millis(START.0 - 1);
    assert_eq!(fair.trigger("ann", "r1", "try_on"), rejected(Rejection::NotEligible));
    let nowhere = CampaignState::new(7).decide(
        &CampaignCommand::Trigger(Trigger { req: "r", buyer: "b", event: "e", code: CouponCode::new(1) }),
        START,
        &CampaignLimits::default(),
    );
    assert_eq!(nowhere, Err(NoChange::Rejected(Rejection::NotFound)));
}

#[test]
fn a_campaign_remembers_no_more_than_it_may() {
    let mut fair = Fair::open(fair_terms());
    fair.limits = CampaignLimits { max_grants: 1, max_requests: 2, ..CampaignLimits::default() };
    assert!(fair.trigger("ann", "r1", "try_on").is_ok());
    let full = |limit| Err(NoChange::Refused(Refusal::Full { limit }));
    assert_eq!(fair.trigger("bob", "r1", "try_on"), full("coupons"));
    assert!(fair.trigger("ann", "r2", "try_on").is_ok());
    assert_eq!(fair.trigger("ann", "r3", "try_on"), full("accepted requests"));
    assert!(
        matches!(fair.trigger("ann", "r1", "try_on"), Err(NoChange::Repeated(_))),
        "repeats need no room"
    );
}

#[test]
fn a_later_document_replaces_the_terms_and_keeps_the_coupons() {
    let mut fair = Fair::open(fair_terms());
    assert_eq!(fair.trigger("ann", "r1", "try_on"), granted(1, 20, START));
    let terms = Arc::new(CampaignTerms { coupon_windows: Box::default(), ..fair_terms() });
    assert_eq!(fair.ask(&CampaignCommand::Put { terms: Arc::clone(&terms) }), Ok(Answer::Updated));
    assert_eq!(fair.ask(&CampaignCommand::Put { terms }), Ok(Answer::Unchanged));
    assert_eq!(fair.trigger("ann", "r2", "try_on"), rejected(Rejection::NotEligible));
    let campaign = fair.state.campaign().expect("a campaign");
    assert_eq!(campaign.grants().count(), 1);
    assert_eq!((campaign.view().changes, campaign.last_event_at()), (3, START));
}
