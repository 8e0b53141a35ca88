//! How much there is: what the first document of a SKU brings, and what restocks add and take away. The engine's own
//! counts add up whatever their sum is.

use std::collections::BTreeMap;

use super::{Audited, Sent};
use crate::photograph::Photograph;
use crate::request::{Request, What};
use crate::sale::{SKUS, STORES, stock_at};
use crate::setup::Setup;

/// A SKU, and one of its stores if it has any.
type Shelf = (usize, Option<usize>);

/// What was restocked.
#[derive(Debug, Default)]
pub(super) struct Restocks {
    /// Units that somebody was told were added.
    done: BTreeMap<Shelf, i64>,
    /// What may have happened, by request.
    open: BTreeMap<String, Open>,
}

#[derive(Debug)]
struct Open {
    shelf: Shelf,
    delta: i64,
    /// When it was last sent.
    sent: u64,
}

impl Restocks {
    pub(super) fn sent(&mut self, request: &Request, sent: Sent) {
        let What::Restock { sku, delta, store } = request.what else { return };
        if !sent.was_accepted {
            self.open.insert(request.id.clone(), Open { shelf: (sku, store), delta, sent: sent.moment });
        }
    }

    /// It was done, and nobody was told so before.
    pub(super) fn done(&mut self, request: &Request) {
        if let Some(Open { shelf, delta, .. }) = self.open.remove(&request.id) {
            *self.done.entry(shelf).or_default() += delta;
        }
    }

    /// It was not done when what was sent then came to its turn. What is sent to one SKU is done in the order in which it was
    /// sent: if that was the last, it never is.
    pub(super) fn refused(&mut self, request: &Request, sent: Sent) {
        if self.open.get(&request.id).is_some_and(|open| open.sent == sent.moment) {
            self.open.remove(&request.id);
        }
    }

    /// There is as much as was brought and added, give or take what may have happened.
    pub(super) fn audit(&self, photograph: &Photograph, setup: &Setup) -> Audited {
        for (sku, found) in photograph.skus.iter().enumerate() {
            let Some(found) = found else { continue };
            let offer = &setup.offers[sku];
            if !offer.has_stores {
                self.audit_shelf((sku, None), offer.stock, found.view.stock.total())?;
                continue;
            }
            for (number, name) in STORES.iter().enumerate() {
                let store = found.report.stores.iter().find(|store| *store.id == **name);
                let total = store.map_or(0, |store| store.stock.total());
                self.audit_shelf((sku, Some(number)), stock_at(offer, number), total)?;
            }
        }
        Ok(())
    }

    fn audit_shelf(&self, shelf: Shelf, brought: u32, total: u32) -> Audited {
        let known = i64::from(brought) + self.done.get(&shelf).copied().unwrap_or(0);
        let open = || self.open.values().filter(|open| open.shelf == shelf).map(|open| open.delta);
        let least = known + open().map(|delta| delta.min(0)).sum::<i64>();
        let most = known + open().map(|delta| delta.max(0)).sum::<i64>();
        if (least..=most).contains(&i64::from(total)) {
            return Ok(());
        }
        let store = shelf.1.map_or_else(String::new, |store| format!(" at {}", STORES[store]));
        Err(format!("{}{store} has {total} units, and should have {least} to {most}", SKUS[shelf.0]))
    }
}
