//! When requests are due: a constant rate, cut into quanta.
//!
//! Pure: time comes in as nanoseconds since the start, so tests run it on a virtual clock.
//!
//! All requests of one quantum are due at the quantum's start. A quantum is the generator's tick, so a request
//! is never counted as late only because it was due between two ticks, and every answer of one quantum that
//! arrives in one read has exactly the same latency.

/// The length of a quantum: one millisecond, the finest tick an event loop keeps without spinning.
pub const QUANTUM_NS: u64 = 1_000_000;

const NS_PER_SECOND: u128 = 1_000_000_000;

/// Some requests that are due at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// When they are due, in nanoseconds since the start.
    pub at_ns: u64,
    /// How many.
    pub count: u64,
}

/// An open-loop schedule: `rate` requests a second from the start until `end_ns`.
///
/// The schedule does not know whether anybody keeps up with it: what was not taken stays due at its own time.
#[derive(Debug, Clone)]
pub struct Schedule {
    rate: u64,
    end_ns: u64,
    /// The quantum that `left` belongs to.
    quantum: u64,
    /// Requests of `quantum` that nobody has taken yet.
    left: u64,
}

impl Schedule {
    /// A schedule of `rate` requests a second; requests due at or after `end_ns` do not exist.
    pub fn new(rate: u64, end_ns: u64) -> Self {
        let mut schedule = Self { rate, end_ns, quantum: 0, left: 0 };
        schedule.left = schedule.in_quantum(0);
        schedule
    }

    /// The earliest requests not taken yet that are due by `now_ns`, or `None`.
    pub fn due(&mut self, now_ns: u64) -> Option<Due> {
        loop {
            let at_ns = self.quantum * QUANTUM_NS;
            if at_ns > now_ns || at_ns >= self.end_ns {
                return None;
            }
            if self.left > 0 {
                return Some(Due { at_ns, count: self.left });
            }
            self.quantum += 1;
            self.left = self.in_quantum(self.quantum);
        }
    }

    /// Marks `count` requests of the last [`Schedule::due`] as sent.
    pub fn take(&mut self, count: u64) {
        self.left = self.left.saturating_sub(count);
    }

    /// When the tick after `now_ns` is, in nanoseconds since the start.
    pub fn next_tick(now_ns: u64) -> u64 {
        (now_ns / QUANTUM_NS + 1) * QUANTUM_NS
    }

    /// All requests due in `[from_ns, to_ns)`, taken or not.
    pub fn total_between(&self, from_ns: u64, to_ns: u64) -> u64 {
        let quanta_before = |ns: u64| ns.min(self.end_ns).div_ceil(QUANTUM_NS);
        self.before_quantum(quanta_before(to_ns)).saturating_sub(self.before_quantum(quanta_before(from_ns)))
    }

    /// Requests due by `now_ns` that were not taken.
    pub fn backlog(&self, now_ns: u64) -> u64 {
        let current = self.quantum * QUANTUM_NS;
        if current > now_ns || current >= self.end_ns {
            return 0;
        }
        self.left + self.total_between(current + 1, now_ns.saturating_add(1))
    }

    fn before_quantum(&self, quantum: u64) -> u64 {
        (u128::from(self.rate) * u128::from(quantum) * u128::from(QUANTUM_NS) / NS_PER_SECOND) as u64
    }

    fn in_quantum(&self, quantum: u64) -> u64 {
        self.before_quantum(quantum + 1) - self.before_quantum(quantum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const SECOND: u64 = 1_000_000_000;

    /// Takes everything due at each millisecond of a virtual clock.
    fn play(mut schedule: Schedule, until_ns: u64) -> Vec<Due> {
        let mut taken = Vec::new();
        for now in (0..=until_ns).step_by(MS as usize) {
            while let Some(due) = schedule.due(now) {
                assert_eq!(due.at_ns, now, "a punctual taker sees every request at its own time");
                schedule.take(due.count);
                taken.push(due);
            }
        }
        taken
    }

    #[test]
    fn the_whole_rate_is_due_in_each_second() {
        for rate in [1, 7, 999, 1_000, 1_001, 350_000, 3_333_333] {
            let taken = play(Schedule::new(rate, 3 * SECOND), 5 * SECOND);
            for second in 0..3 {
                let due: u64 =
                    taken.iter().filter(|due| due.at_ns / SECOND == second).map(|due| due.count).sum();
                assert_eq!(due, rate, "{rate}/s in second {second}");
            }
            assert!(taken.iter().all(|due| due.at_ns < 3 * SECOND), "nothing is due after the end");
        }
    }

    #[test]
    fn the_rate_is_even_and_does_not_come_in_bursts() {
        let taken = play(Schedule::new(350_500, SECOND), SECOND);
        assert_eq!(taken.len(), 1_000);
        assert!(taken.iter().all(|due| due.count == 350 || due.count == 351));
        let slow = play(Schedule::new(100, SECOND), SECOND);
        assert!(slow.windows(2).all(|pair| pair[1].at_ns - pair[0].at_ns == 10 * MS));
    }

    #[test]
    fn what_was_not_taken_stays_due_at_its_own_time() {
        let mut schedule = Schedule::new(10_000, SECOND);
        assert_eq!(schedule.due(0), Some(Due { at_ns: 0, count: 10 }));
        schedule.take(4);
        // The generator could not send for 50 ms: it still finds the six old ones first.
        assert_eq!(schedule.backlog(50 * MS), 6 + 50 * 10);
        assert_eq!(schedule.due(50 * MS), Some(Due { at_ns: 0, count: 6 }));
        schedule.take(6);
        assert_eq!(schedule.due(50 * MS), Some(Due { at_ns: MS, count: 10 }));
    }

    #[test]
    fn nothing_is_due_early() {
        let mut schedule = Schedule::new(1_000, SECOND);
        schedule.take(1);
        assert_eq!(schedule.due(MS - 1), None);
        assert_eq!(schedule.due(MS), Some(Due { at_ns: MS, count: 1 }));
        assert_eq!(Schedule::next_tick(0), MS);
        assert_eq!(Schedule::next_tick(MS - 1), MS);
        assert_eq!(Schedule::next_tick(MS), 2 * MS);
    }

    #[test]
    fn totals_count_a_window_whether_or_not_it_was_taken() {
        let schedule = Schedule::new(1_000, 10 * SECOND);
        assert_eq!(schedule.total_between(0, 10 * SECOND), 10_000);
        assert_eq!(schedule.total_between(2 * SECOND, 10 * SECOND), 8_000);
        assert_eq!(schedule.total_between(2 * SECOND, 99 * SECOND), 8_000);
        assert_eq!(schedule.backlog(20 * SECOND), 10_000);
    }
}
