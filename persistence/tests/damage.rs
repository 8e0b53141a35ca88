//! Damage, case after case: every byte of what lies at the end, a block or a file that is missing, a disk that fails
//! once or is full. Each case ends as `docs/JOURNAL.md` says, and inspection names what is wrong.
//!
//! `TIDEGATE_DAMAGE=all` tries every byte of a snapshot and every size of the disk, and more places in the real files.
#![allow(clippy::unwrap_used)] // also in helpers outside a test function

mod common;

#[path = "damage/blocks.rs"]
mod blocks;
#[path = "damage/files.rs"]
mod files;
#[path = "damage/image.rs"]
mod image;
#[path = "damage/judge.rs"]
mod judge;
#[path = "damage/operations.rs"]
mod operations;
#[path = "damage/running.rs"]
mod running;
#[path = "damage/sale.rs"]
mod sale;
#[path = "damage/snapshots.rs"]
mod snapshots;
