//! What the server's threads share memory through, in the files that `interleavings/` compiles a second time: there the
//! same names stand for types that try the orders in which threads can come.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

pub(crate) use parking_lot::Mutex;
