//! Who waits for entries, and from where on. A commit wakes only those that it may bring something.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::sync::Mutex;

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Waiters(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// By the place that is waited for, and a number that tells those at the same place apart.
    by_place: BTreeMap<(u64, u64), Arc<Notify>>,
    next: u64,
}

/// One that waits. It leaves when this is dropped.
struct Waiter<'w> {
    all: &'w Waiters,
    key: (u64, u64),
    wake: Arc<Notify>,
}

impl Waiters {
    /// Waits until this place is durable, or the journal fails. `is_due` is asked after it is known who waits, so that no
    /// commit comes in between.
    pub(super) async fn wait(&self, place: u64, is_due: impl FnOnce() -> bool) {
        let waiter = self.enter(place);
        if !is_due() {
            waiter.wake.notified().await;
        }
    }

    fn enter(&self, place: u64) -> Waiter<'_> {
        let wake = Arc::<Notify>::default();
        let mut waiting = self.0.lock();
        waiting.next += 1;
        let key = (place, waiting.next);
        waiting.by_place.insert(key, Arc::clone(&wake));
        Waiter { all: self, key, wake }
    }

    /// Wakes whoever waits for a place up to this one.
    pub(super) fn wake(&self, durable: u64) {
        let mut waiting = self.0.lock();
        if waiting.by_place.first_key_value().is_none_or(|((place, _), _)| *place > durable) {
            return;
        }
        let later = durable.checked_add(1).map(|place| waiting.by_place.split_off(&(place, 0)));
        let due = std::mem::replace(&mut waiting.by_place, later.unwrap_or_default());
        drop(waiting);
        due.values().for_each(|wake| wake.notify_one());
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.all.0.lock().by_place.remove(&self.key);
    }
}
