//! Notices that the clock was set forward. The actors' timers sleep by a clock that nobody sets (and that stands still
//! while the machine is suspended), so a SKU that nobody asks would end its holds late by as much.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tidegate_engine::Millis;

use crate::directory::Directory;
use crate::house::Shared;

/// How far the clock may get ahead of the timers before they are set anew.
const TOLERATED: Duration = Duration::from_secs(1);

/// Looks at the clock again and again, as long as there is a house, and wakes every actor when it was set forward.
pub(crate) async fn watch(shared: Arc<Shared>, directories: [Weak<Directory>; 2]) {
    let mut lead = Lead::from(shared.clock.now(), Instant::now(), shared.clock.speed());
    loop {
        tokio::time::sleep(shared.options.look_at_clock).await;
        let [Some(skus), Some(campaigns)] = directories.each_ref().map(Weak::upgrade) else { return };
        let Some(ahead) = lead.grown(shared.clock.now(), Instant::now()) else { continue };
        shared.leaps.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(ahead_ms = ahead.as_millis(), "the clock was set forward; holds end by the new time");
        // On another thread: there may be a million of them, and this one has turns to run. Should it panic, the
        // panic is logged, and the timers go on as before.
        let _ = tokio::task::spawn_blocking(move || {
            [skus, campaigns].iter().for_each(|directory| directory.for_each(|seat| seat.wake()));
        })
        .await;
    }
}

/// How far a clock gets ahead of the time that really passes, since they last stood together.
#[derive(Debug)]
struct Lead {
    clock: Millis,
    steady: Instant,
    speed: u32,
}

impl Lead {
    fn from(clock: Millis, steady: Instant, speed: u32) -> Self {
        Self { clock, steady, speed }
    }

    /// The lead, once it is more than is tolerated; it counts anew from there. A clock that drifts gets there in small
    /// steps. One that falls behind needs nobody woken: a timer that comes early finds nothing to end and is set again.
    fn grown(&mut self, clock: Millis, steady: Instant) -> Option<Duration> {
        let moved = clock.0.checked_sub(self.clock.0).map(Duration::from_millis);
        let passed = steady.duration_since(self.steady).saturating_mul(self.speed);
        let ahead = moved.and_then(|moved| moved.checked_sub(passed));
        if ahead.is_some_and(|ahead| ahead <= TOLERATED) {
            return None;
        }
        *self = Self::from(clock, steady, self.speed);
        ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is noticed when the clock shows these milliseconds after so many that really passed.
    fn noticed(looks: &[(u64, u64)]) -> Vec<Option<u128>> {
        let began = Instant::now();
        let mut lead = Lead::from(Millis(1_000_000), began, 1);
        let look = |(clock, passed): &(u64, u64)| {
            lead.grown(Millis(*clock), began + Duration::from_millis(*passed)).map(|ahead| ahead.as_millis())
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn a_clock_that_keeps_time_is_left_alone() {
        let looks = [(1_001_000, 1_000), (1_002_030, 2_000), (1_002_970, 3_000), (1_060_000, 60_000)];
        assert_eq!(noticed(&looks), [None; 4]);
    }

    #[test]
    fn a_jump_is_noticed_once() {
        let looks = [(1_001_000, 1_000), (4_602_000, 2_000), (4_603_000, 3_000)];
        assert_eq!(noticed(&looks), [None, Some(3_600_000), None]);
    }

    #[test]
    fn drift_adds_up() {
        let looks = [(1_010_400, 10_000), (1_020_800, 20_000), (1_031_200, 30_000), (1_041_600, 40_000)];
        assert_eq!(noticed(&looks), [None, None, Some(1_200), None]);
    }

    #[test]
    fn a_clock_that_was_set_back_counts_from_there() {
        let looks = [(400_000, 1_000), (401_000, 2_000), (1_003_000, 3_000), (1_003_000, 9_000)];
        assert_eq!(noticed(&looks), [None, None, Some(601_000), None]);
        assert_eq!(noticed(&[(1_000_000, 5_000), (1_005_000, 6_000)]), [None, Some(4_000)], "it stood still");
    }
}
