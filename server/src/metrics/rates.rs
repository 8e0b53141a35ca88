//! What happened between two looks at the counts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::distribution::{Distribution, Percentiles};
use super::{CommandTotals, MAX_MICROS};

/// What was answered since the last look. Counts are per second.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Rates {
    /// The time since the last look, in milliseconds.
    interval_ms: u64,
    requests: u64,
    outcomes: BTreeMap<&'static str, u64>,
    latency_us: Percentiles,
    commands: BTreeMap<&'static str, OfCommand>,
}

/// One command that was asked since.
#[derive(Debug, Serialize)]
struct OfCommand {
    requests: u64,
    latency_us: Percentiles,
}

/// The rates between these totals and those of `since` ago.
pub(crate) fn of(now: &[CommandTotals], before: &[CommandTotals], since: Duration) -> Rates {
    let mut all = Distribution::new(MAX_MICROS);
    let mut outcomes: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut commands = BTreeMap::new();
    for totals in now {
        let earlier = before.iter().find(|earlier| earlier.command == totals.command);
        let mut answered = 0;
        for (outcome, count) in &totals.outcomes {
            let known = earlier.and_then(|earlier| earlier.outcomes.iter().find(|(name, _)| name == outcome));
            let new = count.saturating_sub(known.map_or(0, |(_, count)| *count));
            answered += new;
            if new > 0 {
                *outcomes.entry(outcome).or_default() += new;
            }
        }
        if answered == 0 {
            continue;
        }
        let mut micros = totals.micros.clone();
        earlier.iter().for_each(|earlier| micros.take_away(&earlier.micros));
        all.add(&micros);
        let requests = per_second(answered, since);
        commands.insert(totals.command, OfCommand { requests, latency_us: micros.percentiles() });
    }
    let requests = per_second(outcomes.values().sum(), since);
    outcomes.values_mut().for_each(|count| *count = per_second(*count, since));
    let interval_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    Rates { interval_ms, requests, outcomes, latency_us: all.percentiles(), commands }
}

/// So many in this time as a rate, rounded half up; what happened at all is at least 1.
pub(crate) fn per_second(count: u64, time: Duration) -> u64 {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = count.saturating_mul(1_000).saturating_add(millis / 2) / millis;
    rate.max(count.min(1))
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;

    #[test]
    fn rates_are_of_what_happened_since_and_of_nothing_before() {
        let metrics = Metrics::new(&["SKU.GET", "ORDER.RESERVE"], &["RESERVED", "SOLD_OUT"]);
        let recorder = metrics.recorder();
        let answer = |outcome, times, micros| {
            let mut sheet = recorder.lock();
            sheet.count(1, outcome, times);
            sheet.latency(1, Duration::from_micros(micros), times);
        };
        answer(0, 1_000, 50_000);
        recorder.lock().count(0, 2, 7);
        let before = metrics.commands();
        answer(0, 10, 100);
        answer(1, 90, 200);
        let rates = of(&metrics.commands(), &before, Duration::from_millis(500));
        assert_eq!((rates.interval_ms, rates.requests), (500, 200));
        assert_eq!(rates.outcomes, BTreeMap::from([("RESERVED", 20), ("SOLD_OUT", 180)]));
        assert_eq!(rates.commands.keys().collect::<Vec<_>>(), [&"ORDER.RESERVE"]);
        let Percentiles { p50, max, .. } = rates.latency_us;
        assert!((200..=202).contains(&p50) && (200..=202).contains(&max), "{p50} {max}");
    }

    #[test]
    fn a_rate_is_rounded_and_is_not_nothing_when_something_happened() {
        let second = Duration::from_secs(1);
        assert_eq!([0, 1, 5].map(|count| per_second(count, second)), [0, 1, 5]);
        assert_eq!(per_second(1, 10 * second), 1);
        assert_eq!(per_second(3, 2 * second), 2);
        assert_eq!(per_second(7, Duration::ZERO), 7_000);
    }
}
