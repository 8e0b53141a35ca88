//! shuttle's types under the names of the `sync.rs` of persistence, actors and server.
//!
//! What is not here is as it is in production, and so a single step: tokio's `Notify` and channels of one message,
//! `ArcSwap`, `OnceLock`. None of them waits for another thread.

pub(crate) use std::sync::OnceLock;

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
pub(crate) use shuttle::sync::mpsc::Sender;
pub(crate) use shuttle_dashmap::{DashMap, Entry};
pub(crate) use shuttle_parking_lot::{Mutex, RwLock, RwLockReadGuard};

pub(crate) use crate::lane::{Lane, Ticket};
