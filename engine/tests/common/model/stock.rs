//! Units, and where they are: goods, stores.

use tidegate_engine::{Answer, Fulfilment, NoChange, OrderState, Refusal, Rejection};

use super::Model;
use super::orders::ModelOrder;
use crate::common::Told;

impl Model {
    /// Gives an order the lowest serials, or the first codes, that nobody has. A code that was given is never free.
    pub(super) fn give(&mut self, at: usize) {
        let codes = match &self.terms.fulfilment {
            None => return,
            Some(Fulfilment::Codes(_)) => true,
            Some(Fulfilment::Numbered) => false,
        };
        let has = |unit: &u32| {
            let mut owners = self.given.iter().rev().filter(|(_, units)| units.contains(unit));
            owners.next().is_some_and(|(owner, _)| codes || self.orders[*owner].keeps_units)
        };
        let units = (1..).filter(|unit| !has(unit)).take(self.orders[at].qty as usize).collect();
        self.given.push((at, units));
    }

    /// What the buyer of this order was given.
    pub(crate) fn goods_of(&self, at: usize) -> Option<Vec<String>> {
        let (_, units) = self.given.iter().find(|(order, _)| *order == at)?;
        let name = |unit: &u32| match &self.terms.fulfilment {
            Some(Fulfilment::Codes(codes)) => codes[*unit as usize - 1].to_string(),
            _ => unit.to_string(),
        };
        Some(units.iter().map(name).collect())
    }

    pub(super) fn has_revealed(&self, at: usize) -> bool {
        matches!(self.terms.fulfilment, Some(Fulfilment::Codes(_))) && self.goods_of(at).is_some()
    }

    pub(super) fn units(&self, of: impl Fn(&ModelOrder) -> bool) -> i64 {
        self.orders.iter().filter(|order| of(order)).map(|order| i64::from(order.qty)).sum()
    }

    pub(crate) fn reserved(&self) -> i64 {
        self.units(|order| order.state == OrderState::Reserved)
    }

    pub(crate) fn sold(&self) -> i64 {
        self.units(|order| order.keeps_units)
    }

    pub(crate) fn available(&self) -> i64 {
        self.total - self.reserved() - self.sold()
    }

    /// What a store has left.
    pub(crate) fn available_at(&self, at: usize) -> i64 {
        let taken = self.units(|order| {
            order.store == Some(at) && (order.state == OrderState::Reserved || order.keeps_units)
        });
        self.stores[at] - taken
    }

    /// The store that so many units come from; `None` if there is none that will do.
    pub(super) fn store_for(&self, qty: u32, at: bool) -> Option<usize> {
        if self.stores.is_empty() {
            return None;
        }
        let nearby = self.standing.nearby.as_deref().unwrap_or_default();
        let enough = |store: &usize| self.available_at(*store) >= i64::from(qty);
        if at {
            return nearby.iter().map(|store| usize::from(store.0)).find(enough);
        }
        let most = (0..self.stores.len()).map(|store| self.available_at(store)).max()?;
        (0..self.stores.len()).find(|store| self.available_at(*store) == most).filter(enough)
    }

    /// Adds units, or takes some away that are available.
    pub(super) fn restock(&mut self, delta: i64, store: Option<&str>) -> Told {
        match store {
            Some(_) if self.stores.is_empty() => {
                return Err(store_refused("this SKU has no stores; leave it out"));
            }
            Some("s9") => return Err(store_refused("this SKU has no store of this name")),
            None if !self.stores.is_empty() => {
                return Err(store_refused("say which of this SKU's stores the units are at"));
            }
            _ if matches!(self.terms.fulfilment, Some(Fulfilment::Codes(_))) => {
                return Err(NoChange::Refused(Refusal::CodesAreStock));
            }
            _ => {}
        }
        let at = store.and_then(|store| ["s0", "s1", "s2"].iter().position(|id| *id == store));
        let before = at.map_or(self.available(), |at| self.available_at(at));
        let available = u64::try_from(before).unwrap_or(0);
        let after = u64::try_from(before + delta);
        let after = after.map_err(|_| NoChange::Rejected(Rejection::Insufficient { available }))?;
        if let Some(at) = at {
            self.stores[at] += delta;
        }
        self.total += delta;
        Ok(Answer::Restocked { available: after })
    }
}

fn store_refused(what: &'static str) -> NoChange {
    NoChange::Refused(Refusal::Store { what })
}
