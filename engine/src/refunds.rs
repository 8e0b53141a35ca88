//! Since when money is due back. Touched only when an order becomes REFUND_DUE, or stops being so.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Millis, OrderNumber};

/// The REFUND_DUE orders of a SKU, each with the time at which it became that.
#[derive(Debug, Default)]
pub(crate) struct Refunds {
    since: BTreeMap<OrderNumber, Millis>,
    by_time: BTreeSet<(Millis, OrderNumber)>,
}

impl Refunds {
    /// An order is due since then, unless it was due before.
    pub(crate) fn add(&mut self, order: OrderNumber, at: Millis) {
        let since = *self.since.entry(order).or_insert(at);
        self.by_time.insert((since, order));
    }

    /// An order is due no more.
    pub(crate) fn remove(&mut self, order: OrderNumber) {
        if let Some(since) = self.since.remove(&order) {
            self.by_time.remove(&(since, order));
        }
    }

    pub(crate) fn contains(&self, order: OrderNumber) -> bool {
        self.since.contains_key(&order)
    }

    /// Since when the one that waits longest is due.
    pub(crate) fn oldest(&self) -> Option<Millis> {
        self.by_time.first().map(|(since, _)| *since)
    }
}
