//! The seats that orders hold in group-buy rooms. Orders without one pay nothing for it.

use crate::tables::Chunks;
use crate::{OrderNumber, RoomNumber};

/// The seat of an order in a group-buy room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The room.
    pub room: RoomNumber,
    /// Whether the order opened the room; otherwise it joined.
    pub opened: bool,
    /// Members of the room after this one came.
    pub members: u32,
    /// What the tier took off the order's amount when the seat was taken, in minor units.
    pub off_at_first: u64,
    /// What the tier takes off now: more, when the room reached a better one.
    pub off: u64,
}

/// Seats by order.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    /// By ascending order: orders get theirs when they are reserved.
    rows: Chunks<(OrderNumber, Seat)>,
}

impl Seats {
    pub(crate) fn get(&self, order: OrderNumber) -> Option<&Seat> {
        let at = self.position(order)?;
        self.rows.get(at).map(|(_, seat)| seat)
    }

    pub(crate) fn get_mut(&mut self, order: OrderNumber) -> Option<&mut Seat> {
        let at = self.position(order)?;
        self.rows.get_mut(at).map(|(_, seat)| seat)
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

    /// Adds a seat, or `None` if it is not of the latest order.
    pub(crate) fn add(&mut self, order: OrderNumber, seat: Seat) -> Option<()> {
        let last = self.rows.len().checked_sub(1).and_then(|at| self.rows.get(at));
        if last.is_some_and(|(last, _)| *last >= order) {
            return None;
        }
        self.rows.push((order, seat));
        Some(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(OrderNumber, Seat)> {
        self.rows.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_found_by_its_order_and_by_no_other() {
        let mut seats = Seats::default();
        let seat = |room| Seat { room: RoomNumber(room), opened: true, members: 1, off_at_first: 0, off: 0 };
        assert_eq!(seats.get(OrderNumber(1)), None);
        for order in (1..2000).map(|n| n * 3) {
            assert_eq!(seats.add(OrderNumber(order), seat(order)), Some(()));
        }
        assert_eq!(seats.add(OrderNumber(7), seat(7)), None, "out of turn");
        for order in 0..6010 {
            let expected = (order % 3 == 0 && (3..6000).contains(&order)).then(|| seat(order));
            assert_eq!(seats.get(OrderNumber(order)).copied(), expected, "{order}");
        }
    }
}
