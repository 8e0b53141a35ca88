//! The terms of the sale: what a document says, and what follows from it with the time.

use std::sync::Arc;

use tidegate_engine::{Answer, Fulfilment, Millis, NoChange, Price, Refusal, Rejection, SkuTerms, Step};

use super::Model;
use crate::common::Told;

impl Model {
    /// The price of one unit: of a ladder, as many steps below its start as there were since the creation, which is
    /// when every run begins, or since the start.
    pub(crate) fn unit_price(&self, now: Millis) -> u64 {
        match self.terms.price {
            Price::Fixed(price) => price,
            Price::Dynamic(_) => self.moved_to,
            Price::Ladder(ladder) => {
                let Step::Amount(step) = ladder.step else { panic!("these runs have no other steps") };
                let mut at = self.starts_at().unwrap_or(self.kind_since).plus(ladder.every_ms);
                let mut price = ladder.start;
                while at <= now && price > ladder.floor {
                    price = ladder.floor.max(price - step.min(price));
                    at = at.plus(ladder.every_ms);
                }
                price
            }
        }
    }

    pub(super) fn reprice(&mut self, price: u64) -> Told {
        let Price::Dynamic(dynamic) = self.terms.price else {
            return Err(NoChange::Refused(Refusal::NotDynamic));
        };
        let step = (self.moved_to * u64::from(dynamic.max_step_percent) + 50) / 100;
        let step = step.max(1);
        let (lowest, highest) = (self.moved_to.saturating_sub(step), self.moved_to + step);
        let (floor, ceiling) = if price < dynamic.floor || price > dynamic.ceiling {
            (dynamic.floor, dynamic.ceiling)
        } else if price < lowest || price > highest {
            (lowest.max(dynamic.floor), highest.min(dynamic.ceiling))
        } else {
            self.moved_to = price;
            return Ok(Answer::Repriced { price });
        };
        Err(NoChange::Rejected(Rejection::OutOfBounds { floor, ceiling }))
    }

    /// The later of the SKU's start and the campaign's.
    pub(super) fn starts_at(&self) -> Option<Millis> {
        let campaign = self.enrolment.as_ref().and_then(|part| part.window.starts_at);
        self.terms.starts_at.into_iter().chain(campaign).max()
    }

    /// The earlier of the SKU's end and the campaign's.
    pub(super) fn ends_at(&self) -> Option<Millis> {
        let campaign = self.enrolment.as_ref().and_then(|part| part.window.ends_at);
        self.terms.ends_at.into_iter().chain(campaign).min()
    }

    /// Takes over all of a document but its price, unless that is of another kind.
    pub(super) fn put(&mut self, terms: &SkuTerms, now: Millis) -> Told {
        let mut new = terms.clone();
        let kind = |price: &Price| std::mem::discriminant(price);
        let another_kind = kind(&terms.price) != kind(&self.terms.price);
        if !another_kind {
            new.price = self.terms.price;
        }
        if new.stores != self.terms.stores {
            return Err(NoChange::Refused(Refusal::StoresFixed));
        }
        if another_kind && !self.orders.is_empty() {
            return Err(NoChange::Refused(Refusal::Fixed { field: "price" }));
        }
        if new.fulfilment != self.terms.fulfilment {
            if !self.orders.is_empty() {
                return Err(NoChange::Refused(Refusal::Fixed { field: "fulfilment" }));
            }
            if let Some(Fulfilment::Codes(codes)) = &new.fulfilment
                && codes.len() as i64 != self.total
            {
                let stock = u32::try_from(self.total).unwrap_or(0);
                return Err(NoChange::Refused(Refusal::CodesNotStock { stock }));
            }
        }
        if another_kind && !(new == *self.terms) {
            self.kind_since = now;
            self.moved_to = if let Price::Dynamic(dynamic) = new.price { dynamic.initial } else { 0 };
        }
        let forming = self.rooms.iter().any(|room| room.settled.is_none());
        if forming && new.group_buy != self.terms.group_buy {
            return Err(NoChange::Refused(Refusal::RoomsForming));
        }
        let same = new == *self.terms;
        self.terms = Arc::new(new);
        Ok(if same { Answer::Unchanged } else { Answer::Updated })
    }
}
