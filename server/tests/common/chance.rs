//! What differs from one run of a test to the next, and from one machine to the other.

use std::io::Write as _;

use rand::Rng;

/// The seed of a test: `TIDEGATE_SEED`, or another each time. Printed, so that a failure can be tried again.
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("TIDEGATE_SEED") {
        Ok(seed) => seed.parse().expect("TIDEGATE_SEED is a number"),
        Err(_) => rand::rng().random(),
    };
    // Past the harness, which keeps what is printed of tests that take their process with them.
    let _ = writeln!(std::io::stderr(), "TIDEGATE_SEED={seed}");
    seed
}

/// How often a test does its thing: this variable, or so many times.
pub(crate) fn times(variable: &str, unless_set: u64) -> u64 {
    std::env::var(variable).map_or(unless_set, |times| times.parse().expect("a number of times"))
}

/// Says that this machine can't check something: a failure if `required`, a variable of the environment, is set.
pub(crate) fn not_checked(what: &str, why: &str, required: &str) {
    // Not by a macro: what those print is shown only of tests that fail.
    let _ = writeln!(std::io::stderr(), "NOT CHECKED: {what}: {why}");
    assert!(std::env::var_os(required).is_none(), "{required} demands it");
}
