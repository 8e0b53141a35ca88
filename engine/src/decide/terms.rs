//! What the admin of a SKU asks: its terms, its stock, its price.

use std::sync::Arc;

use super::{Judged, Limits, NoChange, accept, as_it_is, reject};
use crate::sku::Sku;
use crate::stock::{RestockError, Stock};
use crate::stores::merged;
use crate::{Answer, Event, Fulfilment, Price, Refusal, Rejection, Request, SkuTerms, StoreNumber};

impl Sku {
    /// A document never resets price or stock of a SKU that is there, nor changes what the first order fixed. Before
    /// that, another kind of price, and other codes or serials, are taken over.
    pub(super) fn put<'a>(&self, document: &SkuTerms) -> Judged<'a> {
        let terms = if document.price.is_same_kind(&self.terms.price) {
            SkuTerms { price: self.terms.price, ..document.clone() }
        } else {
            document.clone()
        };
        let stores = match (&self.terms.stores, &terms.stores) {
            (None, None) => None,
            (Some(there), Some(stores)) => Some(merged(there, stores).ok_or(Refusal::StoresFixed)?),
            (None, Some(_)) | (Some(_), None) => return Err(Refusal::StoresFixed.into()),
        };
        let terms = SkuTerms { stores, ..terms };
        if terms == *self.terms {
            return as_it_is(Answer::Unchanged);
        }
        let given = terms.fulfilment != self.terms.fulfilment;
        if self.orders.len() > 0 {
            let fixed = [
                (!terms.price.is_same_kind(&self.terms.price), "price"),
                (terms.currency != self.terms.currency, "currency"),
                (given, "fulfilment"),
            ];
            if let Some((_, field)) = fixed.into_iter().find(|(changed, _)| *changed) {
                return Err(Refusal::Fixed { field }.into());
            }
        }
        if let Some(Fulfilment::Codes(codes)) = terms.fulfilment.as_ref().filter(|_| given)
            && codes.len() != self.stock.total() as usize
        {
            return Err(Refusal::CodesNotStock { stock: self.stock.total() }.into());
        }
        if terms.group_buy != self.terms.group_buy && self.rooms.forming_count() > 0 {
            return Err(Refusal::RoomsForming.into());
        }
        if given {
            return accept(Event::Remade { terms: Arc::new(terms) }, Answer::Updated);
        }
        // Codes are written down once.
        let terms = SkuTerms { fulfilment: None, ..terms };
        accept(Event::Updated { terms: Arc::new(terms) }, Answer::Updated)
    }

    pub(super) fn restock<'a>(
        &self,
        request: Request<'a>,
        delta: i64,
        store: Option<&str>,
        limits: &Limits,
    ) -> Judged<'a> {
        self.judge_repeat(None, request)?;
        let store = self.store_to_restock(store)?;
        if matches!(self.terms.fulfilment, Some(Fulfilment::Codes(_))) {
            return Err(Refusal::CodesAreStock.into());
        }
        let restocked = |stock: &Stock| {
            let available = u64::from(stock.available());
            stock.restocked(delta).map_err(|error| match error {
                RestockError::Insufficient => NoChange::Rejected(Rejection::Insufficient { available }),
                RestockError::TooLarge => NoChange::Refused(Refusal::StockTooLarge),
            })
        };
        let (event, stock) = match store {
            None => (Event::Restocked { request, delta }, restocked(&self.stock)?),
            Some((number, stock)) => {
                let after = restocked(stock)?;
                restocked(&self.stock)?;
                (Event::StoreRestocked { request, delta, store: number }, after)
            }
        };
        self.room_for_request(&[request.id], limits)?;
        accept(event, Answer::Restocked { available: u64::from(stock.available()) })
    }

    fn store_to_restock(&self, id: Option<&str>) -> Result<Option<(StoreNumber, &Stock)>, Refusal> {
        match (&self.terms.stores, id) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Refusal::Store { what: "this SKU has no stores; leave it out" }),
            (Some(_), None) => {
                Err(Refusal::Store { what: "say which of this SKU's stores the units are at" })
            }
            (Some(stores), Some(id)) => {
                let at = stores.iter().position(|store| &*store.id == id);
                let found =
                    at.and_then(|at| Some((StoreNumber(u16::try_from(at).ok()?), self.stores.get(at)?)));
                found.map(Some).ok_or(Refusal::Store { what: "this SKU has no store of this name" })
            }
        }
    }

    /// A dynamic price moves inside its bounds, by no more than its largest step.
    pub(super) fn reprice<'a>(&self, request: Request<'a>, price: u64, limits: &Limits) -> Judged<'a> {
        self.judge_repeat(None, request)?;
        let Price::Dynamic(dynamic) = self.terms.price else { return Err(Refusal::NotDynamic.into()) };
        let bounds = (dynamic.floor, dynamic.ceiling);
        for (floor, ceiling) in [bounds, dynamic.reach(self.pricing.moved_to)] {
            if !(floor..=ceiling).contains(&price) {
                return reject(Rejection::OutOfBounds { floor, ceiling });
            }
        }
        self.room_for_request(&[request.id], limits)?;
        accept(Event::Repriced { request, price }, Answer::Repriced { price })
    }
}
