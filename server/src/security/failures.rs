//! Failed logins, counted by address or by user: so many at once, then one after the other.
//!
//! A rate limiter takes a place for every attempt. Here only failures take one, and whether there is one left has to be
//! known before: a shop's thousand connections that log in rightly must not lock themselves out.

use std::hash::Hash;
use std::time::{Duration, Instant};

use dashmap::DashMap;

const MINUTE: Duration = Duration::from_secs(60);

/// The most keys that are remembered. Those that could begin anew are forgotten first.
const MOST: usize = 65_536;

/// Failures by key.
pub(super) struct Failures<K: Eq + Hash> {
    /// The time after which one failure is forgiven.
    every: Duration,
    most: u32,
    /// When all failures of a key will be forgiven.
    forgiven: DashMap<K, Instant>,
}

impl<K: Eq + Hash> Failures<K> {
    pub(super) fn new(per_minute: u32) -> Self {
        let most = per_minute.max(1);
        Self { every: MINUTE / most, most, forgiven: DashMap::new() }
    }

    /// How long this key has to wait for its next attempt; `None` if it need not.
    pub(super) fn wait(&self, key: &K, now: Instant) -> Option<Duration> {
        let owed = self.forgiven.get(key)?.checked_duration_since(now)?;
        let bearable = self.every * (self.most - 1);
        owed.checked_sub(bearable).filter(|wait| !wait.is_zero())
    }

    /// Notes a failure. A key for which there is no room goes unnoted: the others stay as they are.
    pub(super) fn note(&self, key: K, now: Instant) {
        if self.forgiven.len() >= MOST && !self.forgiven.contains_key(&key) {
            self.forgiven.retain(|_, forgiven| *forgiven > now);
            if self.forgiven.len() >= MOST {
                return;
            }
        }
        let mut forgiven = self.forgiven.entry(key).or_insert(now);
        *forgiven = (*forgiven).max(now) + self.every;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_so_many_failures_one_waits_for_each_further_attempt() {
        let (failures, start) = (Failures::new(6), Instant::now());
        for _ in 0..6 {
            assert_eq!(failures.wait(&"a", start), None);
            failures.note("a", start);
        }
        assert_eq!(failures.wait(&"a", start), Some(Duration::from_secs(10)));
        assert_eq!(failures.wait(&"b", start), None, "another key is not concerned");
        let later = start + Duration::from_secs(10);
        assert_eq!(failures.wait(&"a", later), None);
        failures.note("a", later);
        assert_eq!(failures.wait(&"a", later), Some(Duration::from_secs(10)));
        assert_eq!(failures.wait(&"a", start + 2 * MINUTE), None);
    }

    #[test]
    fn no_number_of_addresses_makes_it_grow_beyond_its_bound() {
        let (failures, start) = (Failures::new(1), Instant::now());
        for key in 0..MOST + 10 {
            failures.note(key, start);
        }
        assert_eq!(failures.forgiven.len(), MOST);
        failures.note(MOST + 11, start + MINUTE);
        assert_eq!(failures.forgiven.len(), 1, "what is forgiven makes room");
    }
}
