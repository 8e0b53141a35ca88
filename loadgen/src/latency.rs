//! Latencies: recording them cheaply, and saying them in percentiles.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer latencies are recorded as this one: an hour.
const LONGEST_US: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// A histogram of latencies from a microsecond to an hour, exact to three significant digits.
#[derive(Debug, Clone)]
pub struct Latencies {
    histogram: Histogram<u64>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Latencies {
    /// An empty histogram.
    #[expect(clippy::expect_used, reason = "constant bounds: 1 < 2 * 1 <= LONGEST_US and at most 5 digits")]
    pub fn new() -> Self {
        let histogram =
            Histogram::new_with_bounds(1, LONGEST_US, SIGNIFICANT_DIGITS).expect("the bounds are valid");
        Self { histogram }
    }

    /// Records `count` requests that all took `nanoseconds` (rounded to the microsecond).
    pub fn record(&mut self, nanoseconds: u64, count: u64) {
        let microseconds = (nanoseconds.saturating_add(500) / 1_000).clamp(1, LONGEST_US);
        self.histogram.saturating_record_n(microseconds, count);
    }

    /// Adds the records of another histogram.
    pub fn merge(&mut self, other: &Self) {
        // Cannot fail: both have the same bounds.
        let _ = self.histogram.add(&other.histogram);
    }

    /// How many latencies were recorded.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The 99th percentile in microseconds, 0 if nothing was recorded.
    pub fn p99_us(&self) -> u64 {
        if self.histogram.is_empty() { 0 } else { self.histogram.value_at_quantile(0.99) }
    }

    /// The usual percentiles.
    pub fn summary(&self) -> LatencySummary {
        if self.histogram.is_empty() {
            return LatencySummary::default();
        }
        LatencySummary {
            count: self.histogram.len(),
            mean_us: self.histogram.mean(),
            p50_us: self.histogram.value_at_quantile(0.5),
            p90_us: self.histogram.value_at_quantile(0.9),
            p99_us: self.histogram.value_at_quantile(0.99),
            p999_us: self.histogram.value_at_quantile(0.999),
            max_us: self.histogram.max(),
        }
    }
}

/// Latencies of one command in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct LatencySummary {
    /// Answered requests inside the measured window.
    pub count: u64,
    /// Mean.
    pub mean_us: f64,
    /// Median.
    pub p50_us: u64,
    /// 90th percentile.
    pub p90_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// 99.9th percentile.
    pub p999_us: u64,
    /// The slowest.
    pub max_us: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_counts_as_many_times_as_it_is_large() {
        let mut latencies = Latencies::new();
        latencies.record(1_000_000, 99);
        latencies.record(50_000_000, 1);
        let summary = latencies.summary();
        assert_eq!(summary.count, 100);
        assert!((990..=1_010).contains(&summary.p50_us), "{summary:?}");
        assert!((990..=1_010).contains(&summary.p99_us), "{summary:?}");
        assert!((49_900..=50_100).contains(&summary.max_us), "{summary:?}");
    }

    #[test]
    fn merging_adds_and_extremes_saturate() {
        let mut one = Latencies::new();
        one.record(0, 1);
        let mut other = Latencies::new();
        other.record(u64::MAX, 2);
        one.merge(&other);
        assert_eq!(one.count(), 3);
        assert!(one.summary().max_us >= LONGEST_US);
        assert_eq!(Latencies::new().summary(), LatencySummary::default());
    }
}
