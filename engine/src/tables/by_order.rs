//! What only some orders have. Orders without it pay nothing for it.

use super::Chunks;
use crate::OrderNumber;

/// Rows by ascending order: orders get theirs when they are reserved.
#[derive(Debug)]
pub(crate) struct ByOrder<T> {
    rows: Chunks<(OrderNumber, T)>,
}

impl<T> Default for ByOrder<T> {
    fn default() -> Self {
        Self { rows: Chunks::default() }
    }
}

impl<T> ByOrder<T> {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() == 0
    }

    pub(crate) fn get(&self, order: OrderNumber) -> Option<&T> {
        let at = self.position(order)?;
        self.rows.get(at).map(|(_, row)| row)
    }

    pub(crate) fn get_mut(&mut self, order: OrderNumber) -> Option<&mut T> {
        let at = self.position(order)?;
        self.rows.get_mut(at).map(|(_, row)| row)
    }

    fn position(&self, order: OrderNumber) -> Option<usize> {
        let at = |at: usize| self.rows.get(at).map(|(order, _)| *order);
        let (mut low, mut high) = (0, self.rows.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if at(middle)? < order {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (at(low)? == order).then_some(low)
    }

    /// Adds a row, or `None` if it is not of the latest order.
    pub(crate) fn add(&mut self, order: OrderNumber, row: T) -> Option<()> {
        let last = self.rows.len().checked_sub(1).and_then(|at| self.rows.get(at));
        if last.is_some_and(|(last, _)| *last >= order) {
            return None;
        }
        self.rows.push((order, row));
        Some(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(OrderNumber, T)> {
        self.rows.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_by_its_order_and_by_no_other() {
        let mut rows = ByOrder::default();
        assert_eq!(rows.get(OrderNumber(1)), None);
        for order in (1..2000u32).map(|n| n * 3) {
            assert_eq!(rows.add(OrderNumber(order), order), Some(()));
        }
        assert_eq!(rows.add(OrderNumber(7), 7), None, "out of turn");
        for order in 0..6010 {
            let expected = (order % 3 == 0 && (3..6000).contains(&order)).then_some(order);
            assert_eq!(rows.get(OrderNumber(order)).copied(), expected, "{order}");
        }
    }
}
