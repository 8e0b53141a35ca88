//! `run`: an even load of a chosen mix, and afterwards the proof that the sale adds up.

mod config;
mod engine;
mod orders;
mod redis_lua;
mod result;
mod templates;
pub(crate) mod tidegate;
mod worker;

pub use config::{Pace, RunConfig, TargetKind, fresh_prefix};
pub(crate) use engine::runtime;
pub use engine::{Progress, run};
pub use result::{ConfigSummary, RequestCounts, RunResult, Throughput};
