//! The price of one unit, as a function of the clock or as an admin moves it.

use crate::{Millis, less_percent};

/// How a SKU's unit price is found. Money is in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Price {
    /// The same price all the time.
    Fixed(u64),
    /// A price that steps down as time goes by.
    Ladder(Ladder),
    /// A price that is moved by command, inside bounds.
    Dynamic(Dynamic),
}

/// A price ladder: it begins at `start`, each full interval since the opening lowers it by a step, and it stays at
/// `floor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// The price at the opening.
    pub start: u64,
    /// The lowest price; at most `start`.
    pub floor: u64,
    /// How much lower each step is.
    pub step: Step,
    /// How long a price lasts, in milliseconds; at least 1.
    pub every_ms: u64,
}

/// How much a step lowers the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// By this percentage of the start. Each price is rounded by itself, half up: errors don't add up.
    Percent(u8),
    /// By this amount.
    Amount(u64),
}

/// The bounds of a price that is moved by command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dynamic {
    /// The first price.
    pub initial: u64,
    /// The lowest price.
    pub floor: u64,
    /// The highest price.
    pub ceiling: u64,
    /// The most that one move may change, in percent of the price before it, rounded half up; at least 1 minor unit.
    pub max_step_percent: u8,
}

impl Price {
    /// What kind it is. It never changes once there are orders.
    #[must_use]
    pub fn is_same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Ladder {
    /// The price so many milliseconds after the opening.
    #[must_use]
    pub fn at(&self, elapsed_ms: u64) -> u64 {
        self.after(elapsed_ms.checked_div(self.every_ms).unwrap_or(0))
    }

    /// The next lower price and when it begins, in milliseconds after the opening; `None` at the floor.
    #[must_use]
    pub fn next(&self, elapsed_ms: u64) -> Option<(u64, u64)> {
        let (now, taken) = (self.at(elapsed_ms), elapsed_ms.checked_div(self.every_ms)?);
        if now <= self.floor {
            return None;
        }
        // A small percentage of a small price may round to the same price a few times, never a hundred times.
        let lower =
            (1..=100).map(|more| taken.saturating_add(more)).find(|steps| self.after(*steps) < now)?;
        Some((self.after(lower), lower.checked_mul(self.every_ms)?))
    }

    /// The price after so many steps.
    fn after(&self, steps: u64) -> u64 {
        let price = match self.step {
            Step::Percent(percent) => {
                let percent = steps.saturating_mul(u64::from(percent)).min(100);
                less_percent(self.start, u8::try_from(percent).unwrap_or(100))
            }
            Step::Amount(amount) => self.start.saturating_sub(steps.saturating_mul(amount)),
        };
        price.max(self.floor)
    }
}

impl Dynamic {
    /// The lowest and the highest price that one move from `price` may reach.
    #[must_use]
    pub fn reach(&self, price: u64) -> (u64, u64) {
        let step = (u128::from(price) * u128::from(self.max_step_percent) + 50) / 100;
        let step = u64::try_from(step).unwrap_or(u64::MAX).max(1);
        (price.saturating_sub(step).max(self.floor), price.saturating_add(step).min(self.ceiling))
    }
}

/// What a SKU's price depends on beside its terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pricing {
    /// When the SKU, or its kind of price, came to be: the opening of one that has no start.
    pub created_at: Millis,
    /// The price that a dynamic one was last moved to, or began with; otherwise without meaning.
    pub moved_to: u64,
}

impl Pricing {
    /// Of a SKU that is created now.
    #[must_use]
    pub fn new(price: &Price, created_at: Millis) -> Self {
        let moved_to = match price {
            Price::Dynamic(dynamic) => dynamic.initial,
            Price::Fixed(_) | Price::Ladder(_) => 0,
        };
        Self { created_at, moved_to }
    }

    /// The unit price before discounts at `now`.
    #[must_use]
    pub fn unit_price(&self, price: &Price, starts_at: Option<Millis>, now: Millis) -> u64 {
        match price {
            Price::Fixed(price) => *price,
            Price::Ladder(ladder) => ladder.at(self.elapsed(starts_at, now)),
            Price::Dynamic(_) => self.moved_to,
        }
    }

    /// The unit price that is known to come next, and when.
    #[must_use]
    pub fn next_price(&self, price: &Price, starts_at: Option<Millis>, now: Millis) -> Option<(u64, Millis)> {
        let Price::Ladder(ladder) = price else { return None };
        let (price, after) = ladder.next(self.elapsed(starts_at, now))?;
        Some((price, starts_at.unwrap_or(self.created_at).plus(after)))
    }

    /// Milliseconds since the opening; none before it.
    fn elapsed(&self, starts_at: Option<Millis>, now: Millis) -> u64 {
        now.0.saturating_sub(starts_at.unwrap_or(self.created_at).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn a_ladder_steps_down_on_the_hour_and_stays_at_its_floor() {
        // Market 100.00 x 120 %, minus 5 % of that each hour, not below cost 80.00 x 110 %.
        let ladder = Ladder { start: 12_000, floor: 8_800, step: Step::Percent(5), every_ms: HOUR };
        let prices: Vec<u64> = (0..8).map(|hour| ladder.at(hour * HOUR)).collect();
        assert_eq!(prices, [12_000, 11_400, 10_800, 10_200, 9_600, 9_000, 8_800, 8_800]);
        assert_eq!([HOUR - 1, HOUR].map(|at| ladder.at(at)), [12_000, 11_400], "half-open");
        assert_eq!(ladder.next(0), Some((11_400, HOUR)));
        assert_eq!(ladder.next(HOUR), Some((10_800, 2 * HOUR)));
        assert_eq!(ladder.next(5 * HOUR + 1), Some((8_800, 6 * HOUR)), "the last step is a short one");
        assert_eq!(ladder.next(6 * HOUR), None);
    }

    #[test]
    fn each_price_of_a_ladder_is_rounded_by_itself() {
        let ladder = Ladder { start: 99, floor: 1, step: Step::Percent(5), every_ms: 1 };
        // 94.05, 89.1, 84.15, 79.2, 74.25: step by step, rounding would have gone astray.
        assert_eq!((1..6).map(|n| ladder.at(n)).collect::<Vec<_>>(), [94, 89, 84, 79, 74]);
        let cheap = Ladder { start: 3, floor: 1, step: Step::Percent(5), every_ms: 10 };
        // 2.85 and 2.7 are 3, 2.55 is 3, 2.4 is 2.
        assert_eq!(cheap.next(0), Some((2, 40)), "the next price is a lower one");
    }

    #[test]
    fn an_opening_is_the_start_or_else_the_creation() {
        let price = Price::Ladder(Ladder { start: 100, floor: 50, step: Step::Amount(10), every_ms: 1000 });
        let pricing = Pricing::new(&price, Millis(5000));
        assert_eq!(pricing.unit_price(&price, None, Millis(6000)), 90);
        assert_eq!(pricing.next_price(&price, None, Millis(6000)), Some((80, Millis(7000))));
        let start = Some(Millis(9000));
        assert_eq!(pricing.unit_price(&price, start, Millis(6000)), 100, "before the opening");
        assert_eq!(pricing.next_price(&price, start, Millis(6000)), Some((90, Millis(10_000))));
    }

    #[test]
    fn a_move_keeps_inside_the_bounds_and_the_largest_step() {
        let dynamic = Dynamic { initial: 9900, floor: 8000, ceiling: 12_000, max_step_percent: 10 };
        assert_eq!(dynamic.reach(9900), (8910, 10_890));
        assert_eq!(dynamic.reach(8500), (8000, 9350), "the floor is nearer");
        assert_eq!(dynamic.reach(11_500), (10_350, 12_000), "the ceiling is nearer");
        let cheap = Dynamic { initial: 3, floor: 1, ceiling: 9, max_step_percent: 1 };
        assert_eq!(cheap.reach(3), (2, 4), "at least one minor unit");
    }
}
