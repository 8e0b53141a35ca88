//! The four counts of a SKU's stock, and the only moves between them.

use crate::Contradiction;

/// The most units a SKU may have.
pub const MAX_STOCK: u32 = 1_000_000_000;

/// Units of a SKU by where they are. Invariant 2: `available + reserved + sold == total`, which holds because
/// every change is one of the moves below and each moves the same number out of one count and into another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    total: u32,
    available: u32,
    reserved: u32,
    sold: u32,
}

impl Stock {
    /// A stock of which nothing is taken yet.
    pub(crate) fn new(total: u32) -> Self {
        Self { total, available: total, reserved: 0, sold: 0 }
    }

    /// All units, wherever they are.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Units that can be reserved.
    #[must_use]
    pub fn available(&self) -> u32 {
        self.available
    }

    /// Units held for buyers.
    #[must_use]
    pub fn reserved(&self) -> u32 {
        self.reserved
    }

    /// Units paid for (and not returned).
    #[must_use]
    pub fn sold(&self) -> u32 {
        self.sold
    }

    /// available to reserved.
    pub(crate) fn reserve(&mut self, qty: u32) -> Result<(), Contradiction> {
        shift(&mut self.available, &mut self.reserved, qty)
    }

    /// reserved to available.
    pub(crate) fn release(&mut self, qty: u32) -> Result<(), Contradiction> {
        shift(&mut self.reserved, &mut self.available, qty)
    }

    /// reserved to sold.
    pub(crate) fn sell(&mut self, qty: u32) -> Result<(), Contradiction> {
        shift(&mut self.reserved, &mut self.sold, qty)
    }

    /// available to sold: a late payment.
    pub(crate) fn reacquire(&mut self, qty: u32) -> Result<(), Contradiction> {
        shift(&mut self.available, &mut self.sold, qty)
    }

    /// sold to available: a refund with restock.
    pub(crate) fn take_back(&mut self, qty: u32) -> Result<(), Contradiction> {
        shift(&mut self.sold, &mut self.available, qty)
    }

    /// What the stock would be with `delta` more units for sale (fewer, if negative).
    pub(crate) fn restocked(&self, delta: i64) -> Result<Self, RestockError> {
        let available = i64::from(self.available).checked_add(delta).ok_or(RestockError::TooLarge)?;
        let total = i64::from(self.total).checked_add(delta).ok_or(RestockError::TooLarge)?;
        if total > i64::from(MAX_STOCK) {
            return Err(RestockError::TooLarge);
        }
        let available = u32::try_from(available).map_err(|_| RestockError::Insufficient)?;
        let total = u32::try_from(total).map_err(|_| RestockError::Insufficient)?;
        Ok(Self { total, available, ..*self })
    }
}

/// Why a stock can't be changed by this much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestockError {
    /// Fewer units are available than are to be taken away.
    Insufficient,
    /// More than [`MAX_STOCK`] units.
    TooLarge,
}

fn shift(from: &mut u32, to: &mut u32, qty: u32) -> Result<(), Contradiction> {
    match (from.checked_sub(qty), to.checked_add(qty)) {
        (Some(less), Some(more)) => {
            (*from, *to) = (less, more);
            Ok(())
        }
        _ => Err(Contradiction::Stock),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_move_makes_or_loses_a_unit() {
        let mut stock = Stock::new(10);
        let moves =
            [stock.reserve(4), stock.sell(3), stock.release(1), stock.reacquire(7), stock.take_back(5)];
        assert!(moves.iter().all(Result::is_ok));
        assert_eq!(stock, Stock { total: 10, available: 5, reserved: 0, sold: 5 });
    }

    #[test]
    fn a_move_of_more_than_there_is_changes_nothing() {
        let mut stock = Stock::new(2);
        assert_eq!(stock.reserve(3), Err(Contradiction::Stock));
        assert_eq!(stock.sell(1), Err(Contradiction::Stock));
        assert_eq!(stock, Stock::new(2));
    }

    #[test]
    fn a_restock_keeps_inside_zero_and_the_maximum() {
        let stock = Stock::new(5);
        assert_eq!(stock.restocked(-5).map(|s| s.available()), Ok(0));
        assert_eq!(stock.restocked(-6), Err(RestockError::Insufficient));
        assert_eq!(stock.restocked(i64::from(MAX_STOCK)), Err(RestockError::TooLarge));
        assert_eq!(stock.restocked(i64::MAX), Err(RestockError::TooLarge));
        assert_eq!(stock.restocked(i64::MIN), Err(RestockError::Insufficient));
    }
}
