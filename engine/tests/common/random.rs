//! Random runs of a small shop: few buyers, little stock, and ids that collide.

use std::sync::Arc;

use proptest::prelude::*;
use tidegate_engine::{
    At, CartLine, CartNumber, Command, Coupon, CouponCode, DiscountOrder, Dynamic, Enrolment, Fulfilment,
    Green, GroupBuy, Ladder, LatePayment, LineState, OrderNumber, Place, Price, RoomNumber, SkuTerms,
    Standing, Step as PriceStep, Store, StoreNumber, Tier, Window,
};

use crate::common::{START, Shop, terms};

/// One step of a run.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A command.
    Ask(Command<&'static str>),
    /// A payment of what the order costs at that moment: an amount by chance is seldom the right one.
    PayDue { order: OrderNumber, req: &'static str, payment: &'static str },
    /// An order is told this of the cart that it is a line of: a cart by chance is seldom the right one.
    Settle { order: OrderNumber, off: u64, state: LineState<&'static str> },
    /// From now on, buyers stand with the campaign like this.
    Stand(Standing),
    /// Time passes, in milliseconds.
    Wait(u64),
    /// The timer of the reservation that ran out first runs, if there is one.
    OneTimer,
    /// All timers that are due run.
    AllTimers,
}

/// The length of hold of these shops.
pub(crate) const SHORT_HOLD: u32 = 1000;

/// The terms that documents may say here: the first is what a SKU is created with.
pub(crate) fn documents() -> Vec<SkuTerms> {
    let tier = |members, percent_off| Tier { members, percent_off };
    let group_buy = |tiers: &[Tier]| Some(GroupBuy { tiers: tiers.into(), ttl_ms: 1500 });
    let first = SkuTerms {
        hold_ms: SHORT_HOLD,
        group_buy: group_buy(&[tier(2, 10), tier(3, 25)]),
        carbon_g: Some(400),
        ..terms()
    };
    let allow = ["ann", "bob", "cyd"].map(Box::from);
    vec![
        first.clone(),
        SkuTerms { per_buyer_limit: Some(3), max_lapses: Some(2), ..first.clone() },
        SkuTerms {
            carbon_g: None,
            per_order_limit: Some(2),
            late_payment: LatePayment::Refund,
            ..first.clone()
        },
        SkuTerms { group_buy: group_buy(&[tier(2, 33)]), ..first.clone() },
        SkuTerms { price: Price::Fixed(700), hold_ms: 400, per_buyer_limit: Some(5), ..first.clone() },
        SkuTerms { starts_at: Some(START.plus(500)), ends_at: Some(START.plus(6000)), ..first.clone() },
        SkuTerms { allow: Some(Box::new(allow)), max_lapses: Some(1), group_buy: None, ..first },
    ]
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(texts)
}

fn document() -> impl Strategy<Value = Arc<SkuTerms>> {
    prop::sample::select(documents()).prop_map(Arc::new)
}

/// Parts in a campaign: with and without a green discount, an order of discounts, a time.
fn enrolment() -> impl Strategy<Value = Option<Arc<Enrolment>>> {
    let part = |green, order: usize, window| {
        let order = DiscountOrder::ALL[order];
        Some(Arc::new(Enrolment { campaign: "11.11".into(), window, green, order }))
    };
    let green = |percent_off| Some(Green { max_carbon_g: 400, percent_off });
    let from = Window { starts_at: Some(START.plus(300)), ends_at: Some(START.plus(7000)) };
    prop::sample::select(vec![
        None,
        part(green(3), 0, Window::default()),
        part(green(7), 5, Window::default()),
        part(green(7), 4, from),
        part(None, 3, Window { starts_at: None, ..from }),
    ])
}

fn standing() -> impl Strategy<Value = Standing> {
    let left = prop_oneof![2 => Just(u32::MAX), 1 => 0u32..4];
    let coupon = Coupon { code: CouponCode::new(7), percent_off: 21 };
    let nearby = prop::sample::select(vec![vec![], vec![2], vec![1, 0], vec![2, 0, 1]]);
    let nearby = nearby.prop_map(|list: Vec<u16>| list.into_iter().map(StoreNumber).collect());
    (left, prop::option::of(Just(coupon)), prop::option::of(nearby))
        .prop_map(|(left, coupon, nearby)| Standing { left, coupon, nearby })
}

fn line() -> impl Strategy<Value = CartLine<&'static str>> {
    let campaign = prop_oneof![5 => Just("11.11"), 1 => Just("12.12")];
    (campaign, 1u32..4, 0u64..3000, any::<bool>()).prop_map(|(campaign, cart, ms, shares_coupon)| {
        let (cart, expires_at) = (CartNumber(cart), START.plus(ms));
        CartLine { campaign, cart, expires_at, shares_coupon }
    })
}

fn line_state() -> impl Strategy<Value = LineState<&'static str>> {
    let payment = || one_of(&["p1", "p2", "c1", "c2", "c3", "c4"]);
    prop_oneof![
        1 => Just(LineState::Reserved),
        2 => payment().prop_map(|payment| LineState::Paid { payment }),
        1 => Just(LineState::Withdrawn),
        1 => Just(LineState::Cancelled),
        1 => Just(LineState::Expired),
        1 => payment().prop_map(|payment| LineState::RefundDue { payment }),
    ]
}

/// What is told to an order that may be a line of another cart, or of none.
fn settling() -> impl Strategy<Value = Command<&'static str>> {
    ((1u32..12).prop_map(OrderNumber), 1u32..4, line_state()).prop_map(|(order, cart, state)| {
        Command::SettleLine { order, campaign: "11.11", cart: CartNumber(cart), off: 50, state }
    })
}

fn command() -> impl Strategy<Value = Command<&'static str>> {
    let buyer = || one_of(&["ann", "bob", "cyd", "dan"]);
    let req = || one_of(&["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"]);
    let payment = || one_of(&["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"]);
    let order = || (1u32..12).prop_map(OrderNumber);
    let amount = prop_oneof![
        6 => (1u64..4).prop_map(|units| units * 500),
        6 => (1u64..4, prop::sample::select(vec![450, 375, 335, 630, 525])).prop_map(|(units, price)| units * price),
        1 => (1u64..4).prop_map(|units| units * 700),
        1 => 0u64..3000,
    ];
    let coupon = prop_oneof![3 => Just(None), 1 => one_of(&["c1", "c2"]).prop_map(Some)];
    let here = At { place: Place { lat_e6: 1, lon_e6: 2 }, within_m: Some(3) };
    let at = prop_oneof![4 => Just(None), 1 => Just(Some(Box::new(here)))];
    let max_price = prop_oneof![3 => Just(None), 1 => (499u64..702).prop_map(Some)];
    prop_oneof![
        12 => (req(), buyer(), 1u32..4, (max_price, coupon.clone(), at))
            .prop_map(|(req, buyer, qty, (max_price, coupon, at))| Command::Reserve { req, buyer, qty, max_price, coupon, at }),
        4 => (req(), buyer(), 1u32..4).prop_map(|(req, buyer, qty)| Command::OpenRoom { req, buyer, qty }),
        10 => ((1u32..5).prop_map(RoomNumber), req(), buyer(), 1u32..3)
            .prop_map(|(room, req, buyer, qty)| Command::JoinRoom { room, req, buyer, qty }),
        20 => (order(), req(), amount, payment())
            .prop_map(|(order, req, amount, payment)| Command::Pay { order, req, amount, payment }),
        5 => (order(), req(), prop::option::of(one_of(&["why", "changed my mind"])))
            .prop_map(|(order, req, reason)| Command::Cancel { order, req, reason }),
        4 => (order(), req(), any::<bool>())
            .prop_map(|(order, req, restock)| Command::Refund { order, req, restock }),
        6 => (line(), buyer(), 1u32..3, coupon)
            .prop_map(|(line, buyer, qty, coupon)| Command::HoldLine { line, buyer, qty, coupon }),
        1 => settling(),
        2 => (req(), 300u64..800).prop_map(|(req, price)| Command::Reprice { req, price }),
        2 => (req(), -4i64..5, prop::option::of(one_of(&["s0", "s1", "s9"]))).prop_map(|(req, delta, store)| Command::Restock { req, delta, store }),
        1 => (document(), 0u32..9).prop_map(|(terms, stock)| Command::Put { terms, stock }),
        1 => enrolment().prop_map(|enrolment| Command::Enrol { enrolment }),
        1 => prop_oneof![1 => Just(Command::Pause), 2 => Just(Command::Resume)],
        1 => buyer().prop_map(|buyer| Command::Block { buyer }),
        1 => buyer().prop_map(|buyer| Command::Unblock { buyer }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let order = (1u32..12).prop_map(OrderNumber);
    let pay_due =
        (order, one_of(&["r1", "r2", "r3"]), one_of(&["p9", "q1", "q2", "q3", "q4", "q5", "q6", "q7"]));
    prop_oneof![
        4 => pay_due.prop_map(|(order, req, payment)| Step::PayDue { order, req, payment }),
        12 => command().prop_map(Step::Ask),
        3 => prop_oneof![0u64..300, Just(u64::from(SHORT_HOLD)), 0u64..3000].prop_map(Step::Wait),
        1 => Just(Step::OneTimer),
        1 => standing().prop_map(Step::Stand),
        1 => Just(Step::AllTimers),
    ]
}

/// A run of up to `most` steps.
pub(crate) fn run(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..most)
}

/// A run in which nearly everything is about a few rooms, so that they fill up.
pub(crate) fn room_run(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let buyer = || one_of(&["ann", "bob", "cyd", "dan"]);
    let req = || one_of(&["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"]);
    let payment = || one_of(&["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"]);
    let order = || (1u32..8).prop_map(OrderNumber);
    let step = prop_oneof![
        2 => (req(), buyer()).prop_map(|(req, buyer)| Step::Ask(Command::OpenRoom { req, buyer, qty: 1 })),
        8 => ((1u32..3).prop_map(RoomNumber), req(), buyer())
            .prop_map(|(room, req, buyer)| Step::Ask(Command::JoinRoom { room, req, buyer, qty: 1 })),
        10 => (order(), req(), payment())
            .prop_map(|(order, req, payment)| Step::PayDue { order, req, payment }),
        1 => (order(), req()).prop_map(|(order, req)| Step::Ask(Command::Cancel { order, req, reason: None })),
        1 => (order(), req()).prop_map(|(order, req)| Step::Ask(Command::Refund { order, req, restock: true })),
        1 => enrolment().prop_map(|enrolment| Step::Ask(Command::Enrol { enrolment })),
        2 => (0u64..900).prop_map(Step::Wait),
        1 => Just(Step::AllTimers),
    ];
    prop::collection::vec(step, 1..most)
}

/// A run in which nearly everything is about lines of carts.
pub(crate) fn line_run(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let buyer = || one_of(&["ann", "bob", "cyd"]);
    let req = || one_of(&["r1", "r2", "r3", "r4", "r5"]);
    let order = || (1u32..9).prop_map(OrderNumber);
    let off = prop::sample::select(vec![0, 0, 50, 100]);
    let coupon = prop::option::weighted(0.3, one_of(&["c1", "c2"]));
    let step = prop_oneof![
        6 => (line(), buyer(), 1u32..3, coupon)
            .prop_map(|(line, buyer, qty, coupon)| Step::Ask(Command::HoldLine { line, buyer, qty, coupon })),
        8 => (order(), off, line_state()).prop_map(|(order, off, state)| Step::Settle { order, off, state }),
        1 => settling().prop_map(Step::Ask),
        1 => (order(), req(), one_of(&["p1", "p2", "p3"]))
            .prop_map(|(order, req, payment)| Step::PayDue { order, req, payment }),
        1 => (order(), req()).prop_map(|(order, req)| Step::Ask(Command::Cancel { order, req, reason: None })),
        2 => (order(), req(), any::<bool>())
            .prop_map(|(order, req, restock)| Step::Ask(Command::Refund { order, req, restock })),
        2 => (req(), buyer(), 1u32..3).prop_map(|(req, buyer, qty)| {
            Step::Ask(Command::Reserve { req, buyer, qty, max_price: None, coupon: None, at: None })
        }),
        1 => standing().prop_map(Step::Stand),
        1 => document().prop_map(|terms| Step::Ask(Command::Put { terms, stock: 0 })),
        2 => (0u64..900).prop_map(Step::Wait),
        1 => Just(Step::AllTimers),
    ];
    let begin = enrolment().prop_filter("it is part of a campaign", Option::is_some);
    (begin, prop::collection::vec(step, 1..most)).prop_map(|(enrolment, mut steps)| {
        steps.insert(0, Step::Ask(Command::Enrol { enrolment }));
        steps
    })
}

/// What a run begins with: a document, and its steps.
pub(crate) fn shops_and(
    steps: impl Strategy<Value = Vec<Step>>,
) -> impl Strategy<Value = (SkuTerms, Vec<Step>)> {
    (prop::sample::select(first_documents()), steps)
}

/// A run of any sort.
pub(crate) fn any_run(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![run(most), room_run(most), line_run(most)]
}

/// What a run may begin with: each kind of price, and each kind of goods. (There are as many codes as units.)
pub(crate) fn first_documents() -> Vec<SkuTerms> {
    let first = documents().swap_remove(0);
    let dynamic = Dynamic { initial: 500, floor: 350, ceiling: 700, max_step_percent: 20 };
    let ladder = Ladder { start: 500, floor: 333, step: PriceStep::Amount(30), every_ms: 700 };
    let place = Place { lat_e6: 0, lon_e6: 0 };
    let mut ids = ["s0", "s1", "s2"].into_iter();
    let mut store = |stock| Store { id: ids.next().unwrap_or_default().into(), place, stock };
    let codes = (0..STOCK).map(|n| format!("code-{n}").into()).collect();
    vec![
        first.clone(),
        SkuTerms { price: Price::Dynamic(dynamic), ..first.clone() },
        SkuTerms { price: Price::Ladder(ladder), ..first.clone() },
        SkuTerms { fulfilment: Some(Fulfilment::Numbered), ..first.clone() },
        SkuTerms { fulfilment: Some(Fulfilment::Codes(codes)), ..first.clone() },
        SkuTerms { stores: Some([store(4), store(1), store(3)].into()), ..first },
    ]
}

/// Units of a small shop.
pub(crate) const STOCK: u32 = 8;

/// A shop that has been created with this document.
pub(crate) fn small_shop(terms: SkuTerms) -> Shop {
    Shop::open(terms, STOCK)
}

/// The step with the amount that is due, if it is such a payment.
pub(crate) fn made_definite(shop: &Shop, step: &Step) -> Step {
    match *step {
        Step::PayDue { order, req, payment } => {
            let order_view = shop.state.sku().and_then(|sku| sku.order(order));
            let amount = order_view.map_or(500, |view| view.amount);
            Step::Ask(Command::Pay { order, req, amount, payment })
        }
        Step::Settle { order, off, state } => {
            let view = shop.state.sku().and_then(|sku| sku.order(order));
            let cart = view.and_then(|view| view.cart).map_or(CartNumber(9), |(_, cart)| cart);
            Step::Ask(Command::SettleLine { order, campaign: "11.11", cart, off, state })
        }
        _ => step.clone(),
    }
}

/// Takes a step, and says what the command came to if it was one.
pub(crate) fn take(shop: &mut Shop, step: &Step) -> Option<crate::common::Told> {
    match &made_definite(shop, step) {
        Step::Ask(command) => return Some(shop.ask(command)),
        // It has become a command.
        Step::PayDue { .. } | Step::Settle { .. } => {}
        Step::Stand(standing) => shop.standing = standing.clone(),
        Step::Wait(ms) => shop.wait(*ms),
        Step::OneTimer => {
            shop.run_a_timer();
        }
        Step::AllTimers => shop.run_timers(),
    }
    None
}
