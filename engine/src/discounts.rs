//! What is taken off an order: which discounts, in which order, and how they are rounded.

use std::fmt;

use crate::less_percent;

/// What a discount is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiscountKind {
    /// The tier of a group-buy room.
    Tier,
    /// A coupon.
    Coupon,
    /// A small carbon footprint.
    Green,
    /// The sum of a cart. It is always the last: what counts is the sum that the others leave.
    Threshold,
}

/// In which order discounts are taken, each off what the one before left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscountOrder([DiscountKind; 3]);

impl Default for DiscountOrder {
    fn default() -> Self {
        Self([DiscountKind::Tier, DiscountKind::Coupon, DiscountKind::Green])
    }
}

impl DiscountOrder {
    /// Every order there is. The position of one in this list is how it is written down.
    pub const ALL: [Self; 6] = {
        use DiscountKind::{Coupon, Green, Tier};
        [
            Self([Tier, Coupon, Green]),
            Self([Tier, Green, Coupon]),
            Self([Coupon, Tier, Green]),
            Self([Coupon, Green, Tier]),
            Self([Green, Tier, Coupon]),
            Self([Green, Coupon, Tier]),
        ]
    };

    /// These first, in this order, then the others as usual; `None` if one is named twice, or the threshold is not
    /// the last.
    #[must_use]
    pub fn beginning_with(first: &[DiscountKind]) -> Option<Self> {
        let usual = Self::default().kinds();
        let rest = usual.into_iter().filter(|kind| !first.contains(kind));
        let all: Vec<DiscountKind> = first.iter().copied().chain(rest).collect();
        match all[..] {
            [a, b, c, DiscountKind::Threshold] => {
                Some(Self([a, b, c])).filter(|order| Self::ALL.contains(order))
            }
            _ => None,
        }
    }

    /// The kinds in this order.
    #[must_use]
    pub fn kinds(&self) -> [DiscountKind; 4] {
        let [a, b, c] = self.0;
        [a, b, c, DiscountKind::Threshold]
    }
}

/// A coupon's code: a number that nobody can guess, given to one buyer. 32 hexadecimal digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CouponCode([u8; 16]);

impl CouponCode {
    /// The code that this number stands for.
    #[must_use]
    pub const fn new(number: u128) -> Self {
        Self(number.to_be_bytes())
    }

    /// The number that stands for this code.
    #[must_use]
    pub const fn number(&self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// Reads a code, or `None` if it can't be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| u128::from_str_radix(text, 16).ok().map(Self::new)).flatten()
    }
}

impl fmt::Display for CouponCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.number())
    }
}

impl fmt::Debug for CouponCode {
    // A code is as good as money: logs and messages of defects show its beginning alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CouponCode({:08x}..)", self.number() >> 96)
    }
}

/// What is taken off an order beside the tier of its room. Orders without any have none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discounts {
    /// In which order, fixed when the order was made.
    pub order: DiscountOrder,
    /// By a coupon.
    pub coupon: Option<CouponUse>,
    /// For a small carbon footprint.
    pub green: Option<PercentOff>,
}

/// A coupon that an order used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CouponUse {
    /// Which.
    pub code: CouponCode,
    /// What it takes off.
    pub off: PercentOff,
}

/// A percentage and what it comes to on one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PercentOff {
    /// In percent of what the discounts before it left.
    pub percent: u8,
    /// In minor units.
    pub amount: u64,
}

impl Discounts {
    /// What they take off together, in minor units.
    #[must_use]
    pub fn total(&self) -> u64 {
        let coupon = self.coupon.map_or(0, |coupon| coupon.off.amount);
        coupon.saturating_add(self.green.map_or(0, |green| green.amount))
    }

    /// The same discounts of a line, and what the tier takes off it: `tier` says that, of what is left before it,
    /// and whether anything was taken off before.
    pub(crate) fn taken_off(&self, line: u64, tier: impl Fn(u64, bool) -> u64) -> (Self, u64) {
        let (mut taken, mut tier_off, mut left) = (*self, 0, line);
        for kind in self.order.kinds() {
            let off = match kind {
                DiscountKind::Tier => {
                    tier_off = tier(left, left == line).min(left);
                    tier_off
                }
                DiscountKind::Coupon => taken.coupon.as_mut().map_or(0, |coupon| coupon.off.of(left)),
                DiscountKind::Green => taken.green.as_mut().map_or(0, |green| green.of(left)),
                DiscountKind::Threshold => 0,
            };
            left -= off;
        }
        (taken, tier_off)
    }
}

impl PercentOff {
    /// This percentage, of an amount that is not known yet.
    pub(crate) fn percent(percent: u8) -> Self {
        Self { percent, amount: 0 }
    }

    /// Sets and says what it comes to. What it leaves is rounded half up.
    fn of(&mut self, left: u64) -> u64 {
        self.amount = left - less_percent(left, self.percent).min(left);
        self.amount
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DiscountKind::{Coupon, Green, Threshold, Tier};

    #[test]
    fn an_order_of_discounts_names_each_once_and_the_threshold_last() {
        assert_eq!(DiscountOrder::beginning_with(&[]), Some(DiscountOrder::default()));
        let green_first = DiscountOrder::beginning_with(&[Green]).map(|order| order.kinds());
        assert_eq!(green_first, Some([Green, Tier, Coupon, Threshold]));
        for order in DiscountOrder::ALL {
            assert_eq!(DiscountOrder::beginning_with(&order.kinds()), Some(order));
        }
        assert_eq!(DiscountOrder::beginning_with(&[Green, Green]), None);
        assert_eq!(DiscountOrder::beginning_with(&[Threshold]), None);
        assert_eq!(DiscountOrder::beginning_with(&[Tier, Coupon, Green, Threshold, Tier]), None);
    }

    #[test]
    fn each_discount_is_taken_off_what_the_one_before_left() {
        let use_of = |percent| CouponUse { code: CouponCode::new(1), off: PercentOff::percent(percent) };
        let of = |order| Discounts { order, coupon: Some(use_of(20)), green: Some(PercentOff::percent(3)) };
        let amounts = |order: &[DiscountKind]| {
            let order = DiscountOrder::beginning_with(order).expect("an order");
            let tier = |left: u64, _| left - less_percent(left, 10);
            let (taken, tier_off) = of(order).taken_off(9999, tier);
            let off = |off: Option<PercentOff>| off.map_or(0, |off| off.amount);
            [tier_off, off(taken.coupon.map(|coupon| coupon.off)), off(taken.green)]
        };
        // 9999, 8999.1, 7199.2, 6983.03
        assert_eq!(amounts(&[]), [1000, 1800, 216]);
        // 9999, 9699.03, 7759.2, 6983.1
        assert_eq!(amounts(&[Green, Coupon, Tier]), [776, 1940, 300]);
    }

    #[test]
    fn a_code_reads_back_and_nothing_else_is_one() {
        let code = CouponCode::new(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        assert_eq!(code.to_string(), "0123456789abcdef0011223344556677");
        assert_eq!(CouponCode::parse(&code.to_string()), Some(code));
        assert_eq!(format!("{code:?}"), "CouponCode(01234567..)");
        for bad in ["", "+123456789abcdef0011223344556677", "0123456789ABCDEF0011223344556677", "0123"] {
            assert_eq!(CouponCode::parse(bad), None, "{bad}");
        }
    }
}
