//! Values spread over orders of magnitude, kept in a few kilobytes.

use hdrhistogram::Histogram;

/// Significant decimal digits kept of each value: 1 % is enough to read a latency by, and a histogram up to
/// 60 s takes 20 KiB instead of 150.
const DIGITS: u8 = 2;

/// A histogram of bounded size with its exact sum. A value above the highest counts as the highest, a zero
/// as one.
#[derive(Debug, Clone)]
pub struct Distribution {
    // `None` only if the library refuses the bounds, which a test excludes for the bound in use.
    values: Option<Histogram<u64>>,
    highest: u64,
    sum: u64,
}

/// The usual percentiles, in the unit of what was recorded; all 0 while nothing was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Percentiles {
    /// Half of the values are at most this.
    pub p50: u64,
    /// 90 of 100.
    pub p90: u64,
    /// 99 of 100.
    pub p99: u64,
    /// 999 of 1,000.
    pub p999: u64,
    /// The greatest, within the 1 % that is kept.
    pub max: u64,
}

impl Distribution {
    /// Tells values from 1 to `highest` apart by about 1 %.
    pub fn new(highest: u64) -> Self {
        Self { values: Histogram::new_with_bounds(1, highest, DIGITS).ok(), highest, sum: 0 }
    }

    /// Notes `value` `count` times. Takes some ten nanoseconds whatever the count.
    pub fn record_n(&mut self, value: u64, count: u64) {
        let value = value.clamp(1, self.highest);
        if let Some(values) = &mut self.values {
            values.saturating_record_n(value, count);
        }
        self.sum = self.sum.saturating_add(value.saturating_mul(count));
    }

    /// Adds everything `other` holds; both must have been made with the same highest value.
    pub fn add(&mut self, other: &Distribution) {
        if let (Some(values), Some(more)) = (&mut self.values, &other.values) {
            // Fails only for a value above the highest, and both have the same.
            let _ = values.add(more);
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// Takes away everything that `earlier` holds: what this one held some time ago.
    pub(super) fn take_away(&mut self, earlier: &Distribution) {
        if let (Some(values), Some(less)) = (&mut self.values, &earlier.values) {
            // Fails only for what was never in here.
            let _ = values.subtract(less);
        }
        self.sum = self.sum.saturating_sub(earlier.sum);
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.values.as_ref().map_or(0, Histogram::len)
    }

    /// Sum of the values.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The usual percentiles.
    pub fn percentiles(&self) -> Percentiles {
        let Some(values) = self.values.as_ref().filter(|values| !values.is_empty()) else {
            return Percentiles::default();
        };
        Percentiles {
            p50: values.value_at_quantile(0.5),
            p90: values.value_at_quantile(0.9),
            p99: values.value_at_quantile(0.99),
            p999: values.value_at_quantile(0.999),
            max: values.max(),
        }
    }

    /// How many values are at most each of the `bounds`, which must ascend.
    pub fn cumulative(&self, bounds: &[u64]) -> Vec<u64> {
        let mut counts = vec![0; bounds.len()];
        for step in self.values.iter().flat_map(|values| values.iter_recorded()) {
            let bucket = bounds.partition_point(|bound| *bound < step.value_iterated_to());
            if let Some(count) = counts.get_mut(bucket) {
                *count += step.count_since_last_iteration();
            }
        }
        let mut below = 0;
        for count in &mut counts {
            below += *count;
            *count = below;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_in_use_makes_a_histogram() {
        assert!(Distribution::new(super::super::MAX_MICROS).values.is_some());
    }

    #[test]
    fn percentiles_are_within_one_percent_and_a_zero_or_a_giant_is_kept_in_bounds() {
        let mut values = Distribution::new(60_000_000);
        assert_eq!(values.percentiles(), Percentiles::default());
        values.record_n(100, 900);
        values.record_n(10_000, 90);
        values.record_n(0, 0);
        values.record_n(u64::MAX, 10);
        assert_eq!(values.count(), 1_000);
        assert_eq!(values.sum(), 900 * 100 + 90 * 10_000 + 10 * 60_000_000);
        let Percentiles { p50, p99, max, .. } = values.percentiles();
        assert!((100..=101).contains(&p50), "{p50}");
        assert!((10_000..=10_100).contains(&p99), "{p99}");
        assert!((60_000_000..=60_600_000).contains(&max), "{max}");
    }

    #[test]
    fn cumulative_counts_reach_the_total_when_the_last_bound_covers_everything() {
        let mut values = Distribution::new(60_000_000);
        for value in [50, 900, 900, 20_000, 5_000_000] {
            values.record_n(value, 1);
        }
        assert_eq!(values.cumulative(&[100, 1_000, 100_000, 100_000_000]), [1, 3, 4, 5]);
        assert_eq!(values.cumulative(&[10]), [0]);
    }

    #[test]
    fn adding_two_distributions_equals_recording_both() {
        let (mut left, mut right, mut both) =
            (Distribution::new(1_000_000), Distribution::new(1_000_000), Distribution::new(1_000_000));
        for value in 1..500 {
            left.record_n(value * 7, 2);
            right.record_n(value * 1_300, 3);
            both.record_n(value * 7, 2);
            both.record_n(value * 1_300, 3);
        }
        left.add(&right);
        assert_eq!(left.percentiles(), both.percentiles());
        assert_eq!((left.count(), left.sum()), (both.count(), both.sum()));
    }
}
