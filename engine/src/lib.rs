//! The sale itself, pure: commands in, events out.
//!
//! There is no clock, no disk, no network, no thread and no chance in this crate. [`decide`] looks at a state, a
//! command and a time, and says what happens; [`apply`] makes it so. A journal of events gives the same state
//! again, which [`Sku::state_hash`] proves.

mod answer;
mod command;
mod event;
mod ids;
mod image;
mod money;
mod terms;
mod time;

pub use answer::{Answer, Refusal, Rejection};
pub use command::Command;
pub use event::{BlockCause, Event, Payment, Request};
pub use ids::{Fingerprint, OrderId, OrderNumber};
pub use image::{Head, Part};
pub use money::{Currency, MAX_MINOR, line_amount};
pub use terms::{LatePayment, Phase, Price, SkuTerms};
pub use time::Millis;
