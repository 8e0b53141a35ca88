//! What has changed since it was looked at last.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::Notify;

use crate::sync::{AtomicBool, Mutex};

/// Whether something is marked already. It is part of what is marked.
#[derive(Debug)]
pub(super) struct Mark(AtomicBool);

impl Mark {
    pub(super) fn new() -> Self {
        Self(AtomicBool::new(false))
    }
}

/// What is to be looked at in the next round: each once, however often it changed.
#[derive(Debug)]
pub(super) struct Marks<T> {
    marked: Mutex<Vec<Arc<T>>>,
    wake: Notify,
}

impl<T: AsRef<Mark>> Marks<T> {
    pub(super) fn new() -> Self {
        Self { marked: Mutex::new(Vec::new()), wake: Notify::new() }
    }

    /// Has the next round look at it. To be called after the change.
    pub(super) fn add(&self, what: Arc<T>) {
        let Mark(is_marked) = (*what).as_ref();
        if !is_marked.swap(true, Ordering::AcqRel) {
            self.marked.lock().push(what);
            self.wake.notify_one();
        }
    }

    /// What is to be looked at now. Whatever changes from here on is marked anew.
    pub(super) fn take(&self) -> Vec<Arc<T>> {
        let marked = std::mem::take(&mut *self.marked.lock());
        for what in &marked {
            let Mark(is_marked) = (**what).as_ref();
            // Exchanged and not only written: of two exchanges one is first, and whoever found the mark set has its
            // change seen by this round.
            is_marked.swap(false, Ordering::AcqRel);
        }
        marked
    }

    /// Waits until something is marked.
    pub(super) async fn added(&self) {
        self.wake.notified().await;
    }
}
