//! Random runs of a small shop: few buyers, little stock, and ids that collide.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tidegate_engine::{Command, LatePayment, OrderNumber, Price, SkuTerms};

use crate::common::{START, Shop, terms};

/// The environment variable that runs the cases of a failure again.
const SEED: &str = "TIDEGATE_TEST_SEED";

/// Runs `test` on random cases. A failure prints the seed, and the smallest case that fails.
pub(crate) fn for_all<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let given = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    if let Err(failure) = TestRunner::new_with_rng(config, rng).run(strategy, test) {
        panic!("{failure}\nto run these cases again: {SEED}={seed}");
    }
}

/// One step of a run.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A command.
    Ask(Command<&'static str>),
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
    let first = SkuTerms { hold_ms: SHORT_HOLD, ..terms() };
    let allow = ["ann", "bob", "cyd"].map(Box::from);
    vec![
        first.clone(),
        SkuTerms { per_buyer_limit: Some(3), max_lapses: Some(2), ..first.clone() },
        SkuTerms { per_order_limit: Some(2), late_payment: LatePayment::Refund, ..first.clone() },
        SkuTerms { price: Price::Fixed(700), hold_ms: 400, per_buyer_limit: Some(5), ..first.clone() },
        SkuTerms { starts_at: Some(START.plus(500)), ends_at: Some(START.plus(6000)), ..first.clone() },
        SkuTerms { allow: Some(Box::new(allow)), max_lapses: Some(1), ..first },
    ]
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(texts)
}

fn document() -> impl Strategy<Value = Arc<SkuTerms>> {
    prop::sample::select(documents()).prop_map(Arc::new)
}

fn command() -> impl Strategy<Value = Command<&'static str>> {
    let buyer = || one_of(&["ann", "bob", "cyd", "dan"]);
    let req = || one_of(&["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"]);
    let payment = || one_of(&["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"]);
    let order = || (1u32..12).prop_map(OrderNumber);
    let amount = prop_oneof![
        6 => (1u64..4).prop_map(|units| units * 500),
        1 => (1u64..4).prop_map(|units| units * 700),
        1 => 0u64..3000,
    ];
    let max_price = prop_oneof![3 => Just(None), 1 => (499u64..702).prop_map(Some)];
    prop_oneof![
        12 => (req(), buyer(), 1u32..4, max_price)
            .prop_map(|(req, buyer, qty, max_price)| Command::Reserve { req, buyer, qty, max_price }),
        12 => (order(), req(), amount, payment())
            .prop_map(|(order, req, amount, payment)| Command::Pay { order, req, amount, payment }),
        5 => (order(), req(), prop::option::of(one_of(&["why", "changed my mind"])))
            .prop_map(|(order, req, reason)| Command::Cancel { order, req, reason }),
        4 => (order(), req(), any::<bool>())
            .prop_map(|(order, req, restock)| Command::Refund { order, req, restock }),
        2 => (req(), -4i64..5).prop_map(|(req, delta)| Command::Restock { req, delta }),
        1 => (document(), 0u32..9).prop_map(|(terms, stock)| Command::Put { terms, stock }),
        1 => prop_oneof![1 => Just(Command::Pause), 2 => Just(Command::Resume)],
        1 => buyer().prop_map(|buyer| Command::Block { buyer }),
        1 => buyer().prop_map(|buyer| Command::Unblock { buyer }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => command().prop_map(Step::Ask),
        3 => prop_oneof![0u64..300, Just(u64::from(SHORT_HOLD)), 0u64..3000].prop_map(Step::Wait),
        1 => Just(Step::OneTimer),
        1 => Just(Step::AllTimers),
    ]
}

/// A run of up to `most` steps.
pub(crate) fn run(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..most)
}

/// A shop that has been created with the first document.
pub(crate) fn small_shop() -> Shop {
    Shop::open(documents().swap_remove(0), 8)
}

/// Takes a step, and says what the command came to if it was one.
pub(crate) fn take(shop: &mut Shop, step: &Step) -> Option<crate::common::Told> {
    match step {
        Step::Ask(command) => return Some(shop.ask(command)),
        Step::Wait(ms) => shop.wait(*ms),
        Step::OneTimer => {
            shop.run_a_timer();
        }
        Step::AllTimers => shop.run_timers(),
    }
    None
}
