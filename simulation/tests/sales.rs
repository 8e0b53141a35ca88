//! Some sales of each kind, and that what goes wrong is found.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use std::time::Duration;

use tidegate_simulation::{Plan, run, run_within, shrink};

/// Enough that everything below happens in them.
const SALES: u64 = 400;

#[test]
fn in_many_sales_nothing_goes_wrong_and_everything_happens() {
    let mut heard: BTreeMap<String, u64> = BTreeMap::new();
    let (mut starts, mut with_deletions) = (0, 0);
    for seed in 0..SALES {
        let finished = run(&Plan::of(seed)).unwrap_or_else(|failure| panic!("seed {seed}: {}", failure.what));
        starts += finished.starts;
        with_deletions += u64::from(finished.deleted > 0);
        finished.replies.into_iter().for_each(|(kind, count)| *heard.entry(kind).or_default() += count);
    }
    assert!(u64::from(starts) > 2 * SALES, "{starts} starts");
    assert!(with_deletions > SALES / 20, "in {with_deletions} sales an epoch was deleted");
    for kind in "Reserved Opened Joined CartReserved Paid Cancelled Refunded RefundDue Granted Restocked Resumed Paused SoldOut \
                 Limit Expired AlreadyPaid AmountMismatch CouponInvalid RoomClosed InCart PaymentReused JournalFailed Panicked \
                 Rebuilding Blocked Unblocked Repriced OutOfBounds PriceChanged ReservedAt NoStore NotOpen Ended NotEligible CartPaid \
                 groupDone groupCount groupDelivered groupClaimed groupMovedOn groupMissing groupExists groupFull"
        .split_whitespace()
    {
        assert!(heard.contains_key(kind), "nobody heard {kind}: {heard:?}");
    }
}

#[test]
fn the_same_seed_does_the_same() {
    for seed in [1, 2, 3, 5, 8, 13] {
        assert_eq!(run(&Plan::of(seed)).unwrap(), run(&Plan::of(seed)).unwrap(), "seed {seed}");
    }
}

#[test]
fn a_disk_that_lies_is_found_out_in_few_steps() {
    let mut found = 0;
    for seed in 0..50 {
        let plan = Plan::of(seed).on_a_lying_disk();
        let Err(failure) = run(&plan) else { continue };
        let (shortest, failure) = shrink(&plan, failure);
        assert!(shortest.steps() <= 12, "seed {seed}: {shortest}");
        found += 1;
        // What was durable is gone, or the journal ends before its mark and the server refuses to start.
        let known = ["are missing", "does not start"];
        assert!(known.iter().any(|what| failure.what.contains(what)), "seed {seed}: {}", failure.what);
    }
    // In the others what was written last before each end was kept.
    assert!(found > 40, "{found} of 50");
}

#[test]
fn a_sale_that_does_not_end_is_told_of_with_the_step_that_it_is_in() {
    let plan = Plan::of(1);
    let failure = run_within(&plan, Duration::ZERO).unwrap_err();
    assert!(failure.is_stuck && failure.what.contains("has not come to an end"), "{}", failure.what);
    // It still runs: it is not tried again and again.
    let (shortest, again) = shrink(&plan, failure.clone());
    assert_eq!((shortest.steps(), again.what), (failure.step, failure.what));
}
