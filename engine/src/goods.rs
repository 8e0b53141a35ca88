//! What a buyer is given for each paid unit: a code of a list, or a serial number.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::OrderNumber;
use crate::tables::Chunks;

/// What each paid unit comes with.
#[derive(Clone, PartialEq, Eq)]
pub enum Fulfilment {
    /// One of these codes each, in this order. There are as many units as codes.
    Codes(Arc<[Box<str>]>),
    /// A serial number each: 1, 2, 3.
    Numbered,
}

/// Codes are worth money: they are shown to who paid, and nowhere else.
impl fmt::Debug for Fulfilment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codes(codes) => write!(f, "Codes({} of them)", codes.len()),
            Self::Numbered => f.write_str("Numbered"),
        }
    }
}

/// The most units of one order that come with codes or serials: each is told by name, in one answer.
pub const MAX_GIVEN: u32 = 1_000;

/// What an order was given: cheap to pass on, however much it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    fulfilment: Fulfilment,
    units: Arc<[u32]>,
}

impl Given {
    pub(crate) fn new(fulfilment: &Fulfilment, units: &Arc<[u32]>) -> Self {
        Self { fulfilment: fulfilment.clone(), units: Arc::clone(units) }
    }

    /// The code or serial of each unit.
    pub fn names(&self) -> impl ExactSizeIterator<Item = Cow<'_, str>> {
        self.units.iter().map(|unit| self.fulfilment.name(*unit))
    }
}

/// What was given to which order. Units are counted from 1: serials, or places in the list of codes.
#[derive(Debug, Default)]
pub(crate) struct Goods {
    /// In the order in which they were given.
    rows: Chunks<(OrderNumber, Arc<[u32]>)>,
    by_order: BTreeMap<OrderNumber, usize>,
    /// Units that were given and have come back.
    free: BTreeSet<u32>,
    /// Units that were ever given.
    given: u32,
}

impl Goods {
    /// What this order was given, if anything.
    pub(crate) fn of(&self, order: OrderNumber) -> Option<&Arc<[u32]>> {
        self.rows.get(*self.by_order.get(&order)?).map(|(_, units)| units)
    }

    /// Gives an order its units: those that came back first, the lowest of them first.
    pub(crate) fn give(&mut self, order: OrderNumber, qty: u32) {
        let units = (0..qty).map(|_| {
            self.free.pop_first().unwrap_or_else(|| {
                self.given = self.given.saturating_add(1);
                self.given
            })
        });
        let units = units.collect();
        self.keep(order, units);
    }

    /// The units of this order can be given again. It is still known what it was given.
    pub(crate) fn take_back(&mut self, order: OrderNumber) {
        if let Some((_, units)) = self.by_order.get(&order).and_then(|at| self.rows.get(*at)) {
            self.free.extend(units.iter().copied());
        }
    }

    fn keep(&mut self, order: OrderNumber, units: Arc<[u32]>) {
        self.by_order.insert(order, self.rows.len());
        self.rows.push((order, units));
    }

    /// Enters what was given before, in the order of giving; `returned` if the order does not have it any more.
    pub(crate) fn restore(&mut self, order: OrderNumber, units: &[u32], returned: bool) {
        for unit in units {
            self.given = self.given.max(*unit);
            // Whoever was given it last decides whether it is free.
            if returned {
                self.free.insert(*unit);
            } else {
                self.free.remove(unit);
            }
        }
        self.keep(order, units.into());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (OrderNumber, &[u32])> {
        self.rows.iter().map(|(order, units)| (*order, &**units))
    }
}

impl Fulfilment {
    /// What a unit is called: its code or its serial.
    pub(crate) fn name(&self, unit: u32) -> Cow<'_, str> {
        match self {
            Self::Codes(codes) => {
                let code = (unit as usize).checked_sub(1).and_then(|at| codes.get(at));
                Cow::Borrowed(code.map_or("", |code| code))
            }
            Self::Numbered => Cow::Owned(unit.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_back_is_given_first_and_it_is_known_who_had_it() {
        let mut goods = Goods::default();
        let order = OrderNumber;
        goods.give(order(7), 2);
        goods.give(order(3), 1);
        goods.take_back(order(7));
        goods.give(order(9), 3);
        let of = |goods: &Goods, number| goods.of(order(number)).map(|units| units.to_vec());
        assert_eq!(of(&goods, 9), Some(vec![1, 2, 4]));
        assert_eq!(of(&goods, 7), Some(vec![1, 2]));
        assert_eq!(of(&goods, 8), None);
        let mut again = Goods::default();
        for (order, units) in goods.iter() {
            again.restore(order, units, order == OrderNumber(7));
        }
        again.give(order(10), 1);
        assert_eq!(of(&again, 10), Some(vec![5]));
    }

    #[test]
    fn codes_are_not_shown() {
        let codes = Fulfilment::Codes(["SECRET".into()].into());
        assert_eq!(format!("{codes:?}"), "Codes(1 of them)");
        assert_eq!([0, 1, 2].map(|unit| codes.name(unit)), ["", "SECRET", ""]);
        assert_eq!(Fulfilment::Numbered.name(12), "12");
    }
}
