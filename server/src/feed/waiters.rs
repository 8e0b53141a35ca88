//! Who waits for entries, and from where on. A commit wakes only those that it may bring something.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

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

/// Where there is known to be no entry, so that of all who wait at the end only one has to look.
#[derive(Debug, Default)]
pub(super) struct Tail(Mutex<Empty>);

/// From the first of these places to just before the second.
#[derive(Clone, Copy, Debug, Default)]
struct Empty {
    from: u64,
    next: u64,
}

impl Tail {
    /// Somebody looked here, and found nothing.
    pub(super) fn note(&self, from: u64, next: u64) {
        let mut empty = self.0.lock();
        if (empty.from..=empty.next).contains(&from) {
            empty.next = empty.next.max(next);
        } else if next > empty.next {
            *empty = Empty { from, next };
        }
    }

    /// Where to look instead of here.
    pub(super) fn skip(&self, place: u64) -> u64 {
        let empty = *self.0.lock();
        if (empty.from..empty.next).contains(&place) { empty.next } else { place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_wakes_those_that_it_reaches_and_no_others() {
        let waiters = Waiters::default();
        let (near, far) = (waiters.enter(5), waiters.enter(9));
        let is_waiting = || waiters.0.lock().by_place.keys().map(|(place, _)| *place).collect::<Vec<_>>();
        waiters.wake(4);
        assert_eq!(is_waiting(), [5, 9]);
        waiters.wake(8);
        assert_eq!(is_waiting(), [9]);
        // One that was woken leaves nothing behind, nor does one that has given up.
        drop((near, far));
        assert_eq!(is_waiting(), [0; 0]);
        waiters.enter(3);
        waiters.wake(u64::MAX);
    }

    #[test]
    fn what_was_looked_at_is_not_looked_at_again() {
        let tail = Tail::default();
        tail.note(10, 20);
        assert_eq!([9, 10, 19, 20].map(|place| tail.skip(place)), [9, 20, 20, 20]);
        tail.note(20, 30);
        assert_eq!(tail.skip(10), 30);
        // Who is behind does not make the others forget.
        tail.note(2, 5);
        assert_eq!([3, 12].map(|place| tail.skip(place)), [3, 30]);
        tail.note(50, 60);
        assert_eq!([12, 55].map(|place| tail.skip(place)), [12, 60]);
    }
}
