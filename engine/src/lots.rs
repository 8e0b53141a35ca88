//! What orders that are made one after the other have in common. Kept once for many, it makes an order half a cache line.

use crate::Millis;
use crate::tables::Chunks;

/// Orders whose lots are numbered together, so that a number of 16 bits is always enough.
const PIECE: usize = 512;

/// Orders at one price and for one length of hold, none of them more than 49 days after the first.
#[derive(Debug)]
pub(crate) struct Lot {
    pub(crate) unit_price: u64,
    /// When the first of them was made.
    since: Millis,
    pub(crate) hold_ms: u32,
    /// The queue in which they wait for the end of their hold.
    pub(crate) queue: u16,
}

impl Lot {
    /// The time that is so many milliseconds after the first order.
    pub(crate) fn time(&self, after_ms: u32) -> Millis {
        self.since.plus(u64::from(after_ms))
    }
}

/// Where an order's lot is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LotRef {
    /// Milliseconds from the lot's first order to this one.
    pub(crate) after_ms: u32,
    /// Its place among those of the piece.
    pub(crate) lot: u16,
}

/// The lots of all orders of a SKU.
#[derive(Debug, Default)]
pub(crate) struct Lots {
    lots: Chunks<Lot>,
    /// The first lot of each piece.
    firsts: Vec<u32>,
}

impl Lots {
    /// The lot of the order in this position, which is the next one, new if need be.
    pub(crate) fn enter(
        &mut self,
        position: usize,
        (unit_price, hold_ms, queue): (u64, u32, u16),
        at: Millis,
    ) -> Option<LotRef> {
        if position.is_multiple_of(PIECE) {
            self.firsts.push(u32::try_from(self.lots.len()).ok()?);
        }
        let first = *self.firsts.last()? as usize;
        let known = (first..self.lots.len()).rev().find_map(|number| {
            let lot = self.lots.get(number)?;
            let is_it = lot.unit_price == unit_price && lot.hold_ms == hold_ms;
            let after_ms = u32::try_from(at.0.checked_sub(lot.since.0)?).ok()?;
            is_it.then_some((number, after_ms))
        });
        let (number, after_ms) = known.unwrap_or_else(|| {
            self.lots.push(Lot { unit_price, since: at, hold_ms, queue });
            (self.lots.len() - 1, 0)
        });
        Some(LotRef { after_ms, lot: u16::try_from(number - first).ok()? })
    }

    /// Reads what the next order will share, most likely.
    pub(crate) fn touch_end(&self) -> usize {
        self.lots.last().map_or(0, |lot| lot.hold_ms as usize)
    }

    /// The lot of the order in this position.
    pub(crate) fn get(&self, position: usize, lot: u16) -> Option<&Lot> {
        self.lots.get(*self.firsts.get(position / PIECE)? as usize + usize::from(lot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_share_a_lot_as_long_as_nothing_else_changes() {
        let mut lots = Lots::default();
        for position in 0..2000 {
            // Two prices by turns, and half a year between the hundreds.
            let (price, hold_ms) = (5 + position as u64 % 2, 7);
            let at = Millis(1_700_000_000_000 + position as u64 + position as u64 / 100 * 15_552_000_000);
            let found = lots.enter(position, (price, hold_ms, 3), at).unwrap();
            let lot = lots.get(position, found.lot).unwrap();
            let told = (lot.unit_price, lot.hold_ms, lot.queue, lot.time(found.after_ms));
            assert_eq!(told, (price, hold_ms, 3, at), "{position}");
        }
        // Two for each hundred, and for each beginning of a piece within one.
        assert_eq!(lots.lots.len(), 2 * (20 + 3));
    }

    #[test]
    fn a_piece_has_room_for_as_many_lots_as_orders() {
        let mut lots = Lots::default();
        for position in 0..2 * PIECE {
            let found = lots.enter(position, (position as u64, 1, 0), Millis(9)).unwrap();
            assert_eq!(usize::from(found.lot), position % PIECE);
            assert_eq!(lots.get(position, found.lot).unwrap().unit_price, position as u64);
        }
    }

    #[test]
    fn a_time_before_the_first_has_a_lot_of_its_own() {
        let mut lots = Lots::default();
        for (position, at) in [(0, 50), (1, 40), (2, 60)] {
            let found = lots.enter(position, (1, 1, 0), Millis(at)).unwrap();
            assert_eq!(lots.get(position, found.lot).unwrap().time(found.after_ms), Millis(at));
        }
    }
}
