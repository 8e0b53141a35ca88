//! The program before damage: a data directory that is not what it was, a full disk, a disk that does not sync. It
//! refuses or goes on as `docs/JOURNAL.md` says, tells the operator what to do, and loses nothing that it acknowledged.
//!
//! `TIDEGATE_DAMAGE=all` tries more sizes of the disk and more commits. With `TIDEGATE_REQUIRE_MOUNT` and
//! `TIDEGATE_REQUIRE_STRACE` it is a failure if this machine can't do what a test needs.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

#[path = "damage/directories.rs"]
mod directories;
#[cfg(target_os = "linux")] // strace
#[path = "damage/failed_syncs.rs"]
mod failed_syncs;
#[cfg(target_os = "linux")] // unshare, tmpfs
#[path = "damage/full_disk.rs"]
mod full_disk;
