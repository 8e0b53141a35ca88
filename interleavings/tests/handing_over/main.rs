//! What threads hand over to each other with locks and wakes, in orders of their steps that are drawn at random: a reply
//! that waits for the disk, a reader that waits for entries, the accounts of buyers, seats, epochs, news,
//! and memory that is lent.
//!
//! `TIDEGATE_ORDERS` says how many orders each test tries; a failure names the `TIDEGATE_SEED` that draws them again, and
//! the order itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod group {
    pub(crate) use tidegate_persistence::EncodedGroups;
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
    ask: "../../../actors/src/ask.rs",
    clerk: "../../../actors/src/clerk.rs",
    desk: "../../../actors/src/desk.rs",
    directory: "../../../actors/src/directory.rs",
    epoch: "../../../persistence/src/epoch.rs",
    lane: "../../../persistence/src/lane.rs",
    ledger: "../../../actors/src/ledger.rs",
    load: "../../../actors/src/load.rs",
    marks: "../../../server/src/push/marks.rs",
    membership: "../../../actors/src/membership.rs",
    news: "../../../actors/src/news.rs",
    places: "../../../actors/src/places.rs",
    pool: "../../../server/src/pool.rs",
    rejections: "../../../actors/src/rejections.rs",
    release: "../../../actors/src/release.rs",
    scribe: "../../../actors/src/scribe.rs",
    shown: "../../../actors/src/shown.rs",
    stages: "../../../actors/src/stages.rs",
    waiters: "../../../server/src/feed/waiters.rs",
}

mod accounts;
mod epochs;
mod journal;
mod loans;
mod rounds;
mod seats;
mod turns;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};
use tidegate_persistence::{Epoch, EpochNumber, Journal, JournalError};

use rejections::RejectionCounts;

/// Orders that are tried of each test if nothing else is said.
const ORDERS: usize = 2_000;
/// How often an order of the second half takes the processor from the thread that comes first.
const INTERRUPTIONS: usize = 3;
/// Of each thread: a turn of an unoptimized build takes more than shuttle gives.
const STACK_BYTES: usize = 512 << 10;

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
    let run = Arc::new(run);
    let again = Arc::clone(&run);
    let half = orders.div_ceil(2);
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    let drawn = RandomScheduler::new_from_seed(seed, half);
    let mut tried = Runner::new(drawn, config.clone()).run(move || run());
    let ranked = PctScheduler::new_from_seed(seed, INTERRUPTIONS, half);
    tried += Runner::new(ranked, config).run(move || again());
    assert_eq!(tried, 2 * half, "not all orders were tried");
}
