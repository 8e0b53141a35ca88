//! The generator's own books: what the server said it sold, kept apart from what the server later reports.
//!
//! [`Ledger`] takes down every accepted answer. [`check`] compares one SKU's account with the server's
//! [`Report`] and lists everything that does not add up.

mod account;
mod check;
mod order_ids;
mod report;
mod verdict;

pub use account::{Account, Contradiction, Ledger, Step, Tally};
pub use check::{Finding, FindingKind, check};
pub use order_ids::OrderIds;
pub use report::{OrderState, Report};
pub use verdict::Verdict;
