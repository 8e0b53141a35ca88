//! Codes and serials: whoever paid is told the same each time, and nobody is told what another has.

use std::collections::BTreeMap;

use tidegate_engine::Given;

use super::Audited;

/// What buyers were given.
#[derive(Debug, Default)]
pub(super) struct GivenGoods {
    /// By what was paid.
    by_buy: BTreeMap<Buy, Vec<String>>,
}

/// What was paid: one SKU of a sale has codes or serials, and a cart has one line of it at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Buy {
    Order(u32),
    Cart(u32),
}

impl GivenGoods {
    /// Somebody was told that this comes with what was paid: so many units.
    pub(super) fn told(&mut self, buy: Buy, given: &[Given], qty: u32) -> Audited {
        let names: Vec<String> = given.iter().flat_map(Given::names).map(|name| name.into_owned()).collect();
        if names.is_empty() || names.len() != qty as usize || names.iter().any(String::is_empty) {
            return Err(format!("{buy:?} of {qty} units comes with {names:?}"));
        }
        match self.by_buy.insert(buy, names.clone()) {
            Some(before) if before != names => {
                Err(format!("{buy:?} came with {before:?}, and now with {names:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Nothing is given twice, but what may have `returned`.
    pub(super) fn audit(&self, returned: impl Fn(Buy) -> bool) -> Audited {
        let mut whose: BTreeMap<&str, Buy> = BTreeMap::new();
        for (buy, names) in self.by_buy.iter().filter(|(buy, _)| !returned(**buy)) {
            for name in names {
                if let Some(other) = whose.insert(name, *buy) {
                    return Err(format!("{name} was given to {other:?} and to {buy:?}"));
                }
            }
        }
        Ok(())
    }
}
