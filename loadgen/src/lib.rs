//! The load generator: a black-box client that checks that the sale adds up.
//!
//! * [`run`]: an even load of a chosen mix against a server, open or closed loop.
//! * [`replay`]: a trace of real purchases.
//! * [`convert`]: makes such a trace from the data of a shop.
//!
//! Each keeps books of its own about what the server accepted and compares them with what the server reports at the
//! end ([`ledger`]). Nothing here knows the engine: it is all done over the wire.

mod bar;
pub mod choice;
mod client;
pub mod convert;
mod cpu;
mod error;
mod latency;
pub mod ledger;
mod link;
mod outcome;
pub mod replay;
pub mod run;
pub mod schedule;
pub mod show;
pub mod trace;

pub use bar::Bar;
pub use error::LoadError;
pub use latency::{Latencies, LatencySummary};
pub use outcome::CommandResult;
