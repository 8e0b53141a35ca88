//! The clock of the tour.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tidegate_actors::Clock;
use tidegate_engine::Millis;

/// A clock that runs many times as fast as time while the tour waits for something, and stands still while it talks.
#[derive(Debug)]
pub(super) struct TourClock {
    speed: u32,
    hands: Mutex<Hands>,
}

#[derive(Clone, Copy, Debug)]
struct Hands {
    /// What it shows, or showed when it began to run.
    shown: Millis,
    /// Since when it runs, and to where.
    running: Option<(Instant, Millis)>,
}

impl TourClock {
    /// A clock that stands still at `shown`.
    pub(super) fn new(shown: Millis, speed: u32) -> Self {
        Self { speed, hands: Mutex::new(Hands { shown, running: None }) }
    }

    /// Runs until it shows `until`, and stands still there. Returns when it does.
    pub(super) fn run_until(&self, until: Millis) {
        let left = until.0.saturating_sub(self.now().0);
        self.hands.lock().running = Some((Instant::now(), until));
        std::thread::sleep(Duration::from_millis(left) / self.speed);
        *self.hands.lock() = Hands { shown: until, running: None };
    }
}

impl Clock for TourClock {
    fn now(&self) -> Millis {
        let Hands { shown, running } = *self.hands.lock();
        let Some((since, until)) = running else { return shown };
        let passed = since.elapsed().saturating_mul(self.speed).as_millis();
        shown.plus(u64::try_from(passed).unwrap_or(u64::MAX)).min(until)
    }

    fn speed(&self) -> u32 {
        self.speed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_to_where_it_is_sent_and_not_beyond() {
        let clock = TourClock::new(Millis(1_000), 1_000_000);
        assert_eq!(clock.now(), Millis(1_000));
        clock.run_until(Millis(90_000_000));
        assert_eq!(clock.now(), Millis(90_000_000));
        clock.run_until(Millis(5));
        assert_eq!(clock.now(), Millis(5), "it may run backwards, as any clock");
    }
}
