//! `replay`: a trace of real purchases against a server, and afterwards the proof that every SKU balances.

mod engine;
mod player;
mod result;

pub use engine::{ReplayConfig, ReplayPace, ReplayProgress, replay};
pub use result::{ReplayResult, SkuResult};
