//! Deterministic simulation: whole sales, each from a seed, each in one thread.
//!
//! The engine, the actors, the journal, snapshots and recovery are the real ones. The clock, the disk and the order in
//! which things happen are chosen by a [`Plan`], which is made from the seed: clients that repeat, reorder and give up;
//! readers of consumer groups; a disk that fails, runs full, or loses what was not synced when the power goes, at any of
//! its operations, be it during a recovery or a snapshot; a clock that is set by a day; turns that panic. After every start
//! an auditor, which shares no code with the engine, holds what clients were told against what is there.
//!
//! The same seed does the same each time and ends with the same hash, so a failure can be looked at again, and made
//! shorter ([`shrink`]).

mod account;
mod archive;
mod auditor;
mod chronicle;
mod clients;
mod gate;
mod life;
mod photograph;
mod plan;
mod question;
mod readers;
mod reading;
mod request;
mod sale;
mod setup;
mod shrink;
mod watch;
mod world;

pub use plan::Plan;
pub use shrink::shrink;
pub use watch::{run, run_within};
pub use world::{Failure, Finished};
