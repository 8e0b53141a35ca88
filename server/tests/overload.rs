//! Crowds that mean no good. While each of them does what it does, a well-behaved client goes on selling over a connection
//! of its own and looks at every answer. The server's memory stays below what the configuration admits, the crowd is told
//! what the documents say, and afterwards everybody is served as before and every order is there.
//!
//! By hand, with figures: `benches/overload`. `TIDEGATE_OVERLOAD_SECONDS` is how long each crowd stays, and makes it a larger
//! one; `TIDEGATE_OVERLOAD_REPORT` names a file that a line of JSON is added to for each crowd.

#![cfg(target_os = "linux")] // memory is read from /proc
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test by panicking")]

mod common;

#[path = "overload/crowd.rs"]
mod crowd;
#[path = "overload/deaf.rs"]
mod deaf;
#[path = "overload/doors.rs"]
mod doors;
#[path = "overload/gone.rs"]
mod gone;
#[path = "overload/large.rs"]
mod large;
#[path = "overload/lent.rs"]
mod lent;
#[path = "overload/rate.rs"]
mod rate;
#[path = "overload/seller.rs"]
mod seller;
#[path = "overload/siege.rs"]
mod siege;
#[path = "overload/slow.rs"]
mod slow;
#[path = "overload/staying.rs"]
mod staying;
