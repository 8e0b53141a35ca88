//! Money: whole minor units of one currency. There are no floats here.

use std::fmt;

/// The largest amount that any single price, payment or order may have: 2^53 - 1 minor units, the largest whole
/// number that every JSON reader keeps exact.
pub const MAX_MINOR: u64 = (1 << 53) - 1;

/// An ISO 4217 currency code, three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of this code, or `None` if it is not three letters A to Z.
    #[must_use]
    pub fn new(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// The code as text.
    #[must_use]
    pub fn code(&self) -> &str {
        // Always succeeds: the only constructor admits ASCII alone.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What `qty` units cost at `unit_price`, or `None` above [`MAX_MINOR`].
#[must_use]
pub fn line_amount(unit_price: u64, qty: u32) -> Option<u64> {
    unit_price.checked_mul(u64::from(qty)).filter(|amount| *amount <= MAX_MINOR)
}

/// What is left of `price` when `percent` is taken off, rounded half up to the minor unit. Nothing is left at 100
/// percent or more.
#[must_use]
pub fn less_percent(price: u64, percent: u8) -> u64 {
    let left = 100u128.saturating_sub(u128::from(percent));
    // At most the price itself.
    u64::try_from((u128::from(price) * left + 50) / 100).unwrap_or(price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_percentage_leaves_is_rounded_half_up() {
        assert_eq!([999, 15, 14, 0, 1].map(|price| less_percent(price, 10)), [899, 14, 13, 0, 1]);
        assert_eq!([0, 1, 50, 99, 100, 255].map(|percent| less_percent(1, percent)), [1, 1, 1, 0, 0, 0]);
        assert_eq!(less_percent(u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!(Currency::new("GBP").map(|c| c.code().to_owned()).as_deref(), Some("GBP"));
        for bad in ["", "GB", "gbp", "GBPX", "G1P", "€€"] {
            assert_eq!(Currency::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_amount_stops_at_the_largest_exact_number() {
        assert_eq!(line_amount(255, 6), Some(1530));
        assert_eq!(line_amount(MAX_MINOR, 1), Some(MAX_MINOR));
        assert_eq!(line_amount(MAX_MINOR, 2), None);
        assert_eq!(line_amount(u64::MAX, 2), None);
    }
}
