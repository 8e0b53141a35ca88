//! Counts by powers of two: a distribution that costs next to nothing to keep and can be added up.

use std::array;

/// Every power of two up to 2^36 (in nanoseconds more than a minute), and one place for what is above.
const PLACES: usize = 38;

/// How many values were at most 1, 2, 4, 8 and so on, and their sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Powers {
    counts: [u64; PLACES],
    sum: u64,
}

impl Default for Powers {
    fn default() -> Self {
        Self { counts: array::from_fn(|_| 0), sum: 0 }
    }
}

impl Powers {
    /// Notes `value` `times` times.
    pub fn record_n(&mut self, value: u64, times: u64) {
        let exponent = u64::BITS - value.saturating_sub(1).leading_zeros();
        let place = (exponent as usize).min(PLACES - 1);
        self.counts[place] += times;
        self.sum = self.sum.saturating_add(value.saturating_mul(times));
    }

    /// Adds everything `other` holds.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.counts.iter_mut().zip(other.counts) {
            *sum += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Sum of the values.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The powers of two with exponents from `first` to `last`, each with how many values are at most as large.
    pub fn cumulative(&self, first: usize, last: usize) -> impl Iterator<Item = (u64, u64)> {
        let counts = self.counts.iter().take(PLACES - 1).enumerate();
        let sums = counts.scan(0, |below, (exponent, count)| {
            *below += count;
            Some((1 << exponent, *below))
        });
        sums.take(last + 1).skip(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_for_the_first_power_that_is_not_below_it() {
        let mut powers = Powers::default();
        for value in [0, 1, 2, 3, 4, 5, 1 << 36, u64::MAX] {
            powers.record_n(value, 10);
        }
        let counted: Vec<_> = powers.cumulative(0, 3).collect();
        assert_eq!(counted, [(1, 20), (2, 30), (4, 50), (8, 60)]);
        assert_eq!(powers.cumulative(35, 36).collect::<Vec<_>>(), [(1 << 35, 60), (1 << 36, 70)]);
        assert_eq!((powers.count(), powers.sum()), (80, u64::MAX));
    }

    #[test]
    fn adding_two_equals_recording_both() {
        let (mut left, mut right, mut both) = (Powers::default(), Powers::default(), Powers::default());
        for value in 1..500 {
            left.record_n(value * 7, 2);
            right.record_n(value * 1_300, 3);
            both.record_n(value * 7, 2);
            both.record_n(value * 1_300, 3);
        }
        left.add(&right);
        assert_eq!(left, both);
    }
}
