//! What actors share memory through, in the files that `interleavings/` compiles a second time: there the same names
//! stand for types that try the orders in which threads can come.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};

pub(crate) use dashmap::Entry;
pub(crate) use parking_lot::{Mutex, RwLock};
pub(crate) use tidegate_persistence::{Lane, Ticket};

/// A table that many threads use at once.
pub(crate) type DashMap<K, V> = dashmap::DashMap<K, V, foldhash::fast::RandomState>;
