//! Snapshots: the states of all actors at the end of an epoch, made from the journal and never from live actors.

mod build;
mod dir;
mod frame;
mod info;
mod store;

pub(crate) use build::{Build, Built};
pub use dir::SnapshotDir;
pub(crate) use frame::Frame;
pub use frame::SnapshotError;
pub use info::SnapshotInfo;
pub(crate) use store::Snapshots;
pub use store::{SnapshotSource, SnapshotStore, SnapshotTarget};
