//! What threads hand over to each other with locks and wakes, in orders of their steps that are drawn at random: a reply
//! that waits for the disk, a reader that waits for entries, the accounts of buyers, seats, epochs, and news.
//!
//! `TIDEGATE_ORDERS` says how many orders each test tries; a failure names the `TIDEGATE_SEED` that draws them again, and
//! the order itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ask;
mod group {
    pub(crate) use tidegate_persistence::EncodedGroup;
}
mod news {
    pub(crate) use tidegate_actors::{News, NewsSink};
}
mod seat;
mod sync;

/// The production's own files.
macro_rules! production {
    ($($name:ident: $path:literal,)*) => {$(
        #[allow(dead_code, unreachable_pub, reason = "what the tests don't touch")]
        #[path = $path]
        mod $name;
    )*};
}

production! {
    directory: "../../../actors/src/directory.rs",
    epoch: "../../../persistence/src/epoch.rs",
    lane: "../../../persistence/src/lane.rs",
    ledger: "../../../actors/src/ledger.rs",
    load: "../../../actors/src/load.rs",
    marks: "../../../server/src/push/marks.rs",
    release: "../../../actors/src/release.rs",
    shown: "../../../actors/src/shown.rs",
    stages: "../../../actors/src/stages.rs",
    waiters: "../../../server/src/feed/waiters.rs",
}

mod accounts;
mod epochs;
mod journal;
mod rounds;
mod seats;

use std::time::{SystemTime, UNIX_EPOCH};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};
use tidegate_persistence::{Epoch, EpochNumber, Journal, JournalError};

/// Orders that are tried of each test if nothing else is said.
const ORDERS: usize = 2_000;
/// How often an order of the second half takes the processor from the thread that comes first.
const INTERRUPTIONS: usize = 3;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text}")))
}

/// Runs this in many orders of its threads: half of them drawn step by step, half with threads of different rank that are
/// seldom interrupted.
fn explore(run: impl Fn() + Send + Sync + 'static) {
    let orders = setting("TIDEGATE_ORDERS").map_or(ORDERS, |orders| usize::try_from(orders).unwrap());
    let now =
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::from(since.subsec_nanos()));
    let seed = setting("TIDEGATE_SEED").unwrap_or_else(now);
    // Shown if the test fails.
    println!("TIDEGATE_SEED={seed} TIDEGATE_ORDERS={orders} draws these orders again");
    let run = std::sync::Arc::new(run);
    let again = std::sync::Arc::clone(&run);
    let half = orders.div_ceil(2);
    let mut tried = Runner::new(RandomScheduler::new_from_seed(seed, half), Config::new()).run(move || run());
    let ranked = PctScheduler::new_from_seed(seed, INTERRUPTIONS, half);
    tried += Runner::new(ranked, Config::new()).run(move || again());
    assert_eq!(tried, 2 * half, "not all orders were tried");
}
