//! Which SKUs are the busiest, and how all of them stand together.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidegate_actors::{House, Seat};
use tidegate_engine::{Millis, SaleState, SkuView};
use tidegate_persistence::{ActorId, ActorKind};

use crate::convert::{self, Fields};
use crate::metrics::rates::per_second;

/// SKUs that are told of.
const MOST_SKUS: usize = 20;

/// SKUs with the next steps of their prices that are told of.
const MOST_STEPS: usize = 4;

/// SKUs that are looked at while their list is locked.
const PAGE: usize = 1_000;

/// What is remembered of each SKU from one look to the next.
#[derive(Default)]
pub(super) struct Activity(HashMap<ActorId, Trace, foldhash::fast::RandomState>);

#[derive(Clone, Copy, Default)]
struct Trace {
    changes: u64,
    /// Changes of late, those of a few seconds ago for less. Without it the list would jump about.
    heat: u64,
}

/// A SKU that may be among the busiest.
struct Candidate {
    seat: Arc<Seat>,
    view: Arc<SkuView>,
    heat: u64,
    /// Changes since the last look.
    changed: u64,
}

impl Candidate {
    /// Where it stands among the busiest. Roughly: SKUs that are about as busy keep their places, or nobody could read
    /// the list.
    fn rank(&self) -> (impl Ord + use<>, ActorId) {
        (Reverse((self.heat.checked_ilog2(), self.view.changes.checked_ilog2())), self.seat.id())
    }
}

/// Sums over all SKUs.
#[derive(Default)]
struct Sums {
    skus: u64,
    sold_out: u64,
    /// Total, available, reserved, sold.
    stock: [u64; 4],
    /// Forming, succeeded, failed.
    rooms: [u64; 3],
}

impl Activity {
    /// Looks at every SKU, so long after the last look.
    pub(super) fn look(&mut self, house: Option<&House>, now: Millis, since: Option<Duration>) -> Fields {
        let mut sums = Sums::default();
        let mut busiest: Vec<Candidate> = Vec::new();
        let mut steps: Vec<(Millis, Arc<Seat>, Arc<SkuView>)> = Vec::new();
        let mut from = ActorId(0);
        loop {
            let page = house.map(|house| house.page(ActorKind::Sku, from, PAGE)).unwrap_or_default();
            let Some(last) = page.last() else { break };
            from = ActorId(last.id().0.saturating_add(1));
            for seat in page {
                let Some(view) = seat.shown().view().clone() else { continue };
                sums.add(&view, now);
                if let Some((_, at)) = view.next_price(now) {
                    steps.push((at, Arc::clone(&seat), Arc::clone(&view)));
                }
                let (heat, changed) = self.trace(seat.id(), view.changes, since.is_some());
                busiest.push(Candidate { seat, view, heat, changed });
            }
            busiest.sort_by_cached_key(Candidate::rank);
            busiest.truncate(MOST_SKUS);
            steps.sort_by_key(|(at, seat, _)| (*at, seat.id()));
            steps.truncate(MOST_STEPS);
        }
        let busy = |one: &Candidate| {
            let changes = since.map(|since| per_second(one.changed, since));
            convert::busy_sku(one.seat.name(), &one.view, now, changes)
        };
        let step =
            |(_, seat, view): &(Millis, Arc<Seat>, Arc<SkuView>)| convert::price_step(seat.name(), view, now);
        let mut fields = sums.fields();
        fields.insert("skus".to_owned(), busiest.iter().map(busy).collect());
        fields.insert("steps".to_owned(), steps.iter().map(step).collect());
        fields
    }

    /// Takes note of a SKU: how busy it is, and its changes since the last look.
    fn trace(&mut self, sku: ActorId, changes: u64, is_known: bool) -> (u64, u64) {
        let trace =
            self.0.entry(sku).or_insert(Trace { changes: if is_known { 0 } else { changes }, heat: 0 });
        let changed = changes.saturating_sub(trace.changes);
        // In quarters of a change, so that a single one cools down too.
        *trace = Trace { changes, heat: trace.heat - trace.heat.div_ceil(4) + changed * 4 };
        (trace.heat, changed)
    }
}

impl Sums {
    fn add(&mut self, view: &SkuView, now: Millis) {
        let (stock, rooms) = (view.stock, view.rooms);
        self.skus += 1;
        self.sold_out += u64::from(view.sale_state(now) == SaleState::SoldOut);
        let counts = [stock.total(), stock.available(), stock.reserved(), stock.sold()];
        self.stock.iter_mut().zip(counts).for_each(|(sum, count)| *sum += u64::from(count));
        let counts = [rooms.forming, rooms.succeeded, rooms.failed];
        self.rooms.iter_mut().zip(counts).for_each(|(sum, count)| *sum += u64::from(count));
    }

    fn fields(&self) -> Fields {
        let [total, available, reserved, sold] = self.stock;
        let [forming, succeeded, failed] = self.rooms;
        let stock = json!({
            "skus": self.skus, "sold_out": self.sold_out,
            "total": total, "available": available, "reserved": reserved, "sold": sold,
        });
        let rooms = json!({"forming": forming, "succeeded": succeeded, "failed": failed});
        [("stock".to_owned(), stock), ("rooms".to_owned(), rooms)].into_iter().collect()
    }
}
