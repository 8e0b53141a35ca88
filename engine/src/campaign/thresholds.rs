//! Threshold discounts: what a sum costs less, and which line bears how much of it.

use super::CampaignTerms;

/// Spreads a discount over amounts in proportion to them, by largest remainder (Hamilton's method), so that the parts
/// sum up to it exactly. Of equal remainders, the first gets the unit. `off` is at most the sum.
#[must_use]
pub fn spread(off: u64, amounts: &[u64]) -> Vec<u64> {
    let sum: u128 = amounts.iter().map(|amount| u128::from(*amount)).sum();
    if sum == 0 {
        return vec![0; amounts.len()];
    }
    let exact = |amount: u64| u128::from(off) * u128::from(amount);
    // A part is at most its amount, for the discount is at most the sum.
    let mut parts: Vec<u64> =
        amounts.iter().map(|amount| u64::try_from(exact(*amount) / sum).unwrap_or(*amount)).collect();
    let left = off.saturating_sub(parts.iter().sum());
    let mut by_remainder: Vec<usize> = (0..amounts.len()).collect();
    by_remainder.sort_by_key(|at| std::cmp::Reverse(exact(amounts[*at]) % sum));
    for at in by_remainder.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        parts[at] += 1;
    }
    parts
}

impl CampaignTerms {
    /// What carts of this sum cost less, in minor units.
    #[must_use]
    pub fn threshold_off(&self, sum: u64) -> u64 {
        let reached = self.thresholds.iter().rev().find(|threshold| threshold.spend <= sum);
        reached.map_or(0, |threshold| threshold.off.min(sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Threshold;
    use proptest::prelude::*;

    #[test]
    fn the_highest_threshold_reached_applies() {
        let thresholds = [Threshold { spend: 10_000, off: 500 }, Threshold { spend: 30_000, off: 4000 }];
        let terms = CampaignTerms { thresholds: thresholds.into(), ..CampaignTerms::new("t") };
        let offs = [0, 9999, 10_000, 29_999, 30_000, u64::MAX].map(|sum| terms.threshold_off(sum));
        assert_eq!(offs, [0, 0, 500, 500, 4000, 4000]);
    }

    #[test]
    fn a_discount_is_spread_to_the_cent() {
        assert_eq!(spread(4000, &[19_900, 10_100]), [2653, 1347]);
        assert_eq!(spread(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(spread(0, &[5, 6]), [0, 0]);
        assert_eq!(spread(0, &[0, 0]), [0, 0]);
        assert_eq!(spread(7, &[0, 7]), [0, 7]);
    }

    proptest! {
        #[test]
        fn parts_sum_up_and_none_is_off_by_more_than_one(
            amounts in prop::collection::vec(0..=crate::MAX_MINOR, 1..50), part in 0..=1000u64,
        ) {
            let sum: u64 = amounts.iter().sum();
            let off = (u128::from(sum) * u128::from(part) / 1000) as u64;
            let parts = spread(off, &amounts);
            prop_assert_eq!(parts.iter().sum::<u64>(), off);
            for (part, amount) in parts.iter().zip(&amounts) {
                prop_assert!(part <= amount);
                if sum > 0 {
                    let exact = u128::from(off) * u128::from(*amount) / u128::from(sum);
                    prop_assert!((exact..=exact + 1).contains(&u128::from(*part)));
                }
            }
        }
    }
}
