//! The whole sale in one set of numbers: the sums over what all actors show.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_engine::{Millis, OrderState, RoomCounts, SaleState, SkuView};
use tidegate_persistence::ActorKind;

use crate::house::House;
use crate::seat::Seat;

/// Number of order states.
const STATES: usize = OrderState::ALL.len();

/// Sums over all SKUs and campaigns, of what they last showed.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// Those of them that are before their sale, open, paused, sold out and ended, in this order.
    pub by_sale_state: [u64; 5],
    /// Units: all, available, reserved, sold.
    pub units: [u64; 4],
    /// Orders in each state, in the order of [`OrderState::ALL`].
    pub orders: [u64; STATES],
    /// Orders and money (in minor units) in each state, by currency.
    pub by_currency: BTreeMap<Box<str>, Money>,
    /// Rooms: forming, succeeded, failed.
    pub rooms: [u64; 3],
    /// Carts in each state, in the order of [`OrderState::ALL`].
    pub carts: [u64; STATES],
    /// Coupons granted.
    pub coupons: u64,
    /// SKUs with blocked buyers.
    pub skus_with_blocked: u64,
    /// SKUs whose stock and orders do not agree (invariant 2).
    pub unbalanced: u64,
    /// SKUs whose stores do not add up to what the SKU has.
    pub unbalanced_stores: u64,
    /// Units reserved and sold beyond the total, over all SKUs.
    pub oversold_units: u64,
    /// How long the order that has waited longest for its money to go back has been REFUND_DUE, in milliseconds; 0 if
    /// there is none.
    pub oldest_refund_due_ms: u64,
    /// Each arbiter's actors.
    pub floors: Vec<FloorCensus>,
}

/// Orders and money of one currency.
#[derive(Clone, Copy, Debug, Default)]
pub struct Money {
    /// Orders.
    pub orders: u64,
    /// Money in each state, in the order of [`OrderState::ALL`].
    pub by_state: [u128; STATES],
}

/// The actors of one arbiter.
#[derive(Clone, Copy, Debug, Default)]
pub struct FloorCensus {
    /// Actors.
    pub actors: u64,
    /// Bodies that were sent to them and not begun.
    pub waiting: u64,
    /// The most of them for one actor.
    pub deepest: u64,
}

impl Census {
    pub(crate) fn new(floors: usize) -> Self {
        Self { floors: vec![FloorCensus::default(); floors], ..Self::default() }
    }

    pub(crate) fn add(&mut self, seat: &Arc<Seat>, now: Millis) {
        let shown = seat.shown();
        let home = seat.id().worker(self.floors.len());
        if let Some(floor) = self.floors.get_mut(home) {
            let waiting = shown.waiting() as u64;
            floor.actors += 1;
            floor.waiting += waiting;
            floor.deepest = floor.deepest.max(waiting);
        }
        match seat.kind() {
            ActorKind::Sku => shown.view().iter().for_each(|view| self.add_sku(view, now)),
            // It sells nothing.
            ActorKind::ConsumerGroup => {}
            ActorKind::Campaign => {
                if let Some(campaign) = &*shown.campaign() {
                    self.coupons += campaign.coupons;
                    self.carts.iter_mut().zip(campaign.carts).for_each(|(sum, more)| *sum += u64::from(more));
                }
            }
        }
    }

    fn add_sku(&mut self, view: &SkuView, now: Millis) {
        let stock = view.stock;
        let counts = [stock.total(), stock.available(), stock.reserved(), stock.sold()].map(u64::from);
        self.by_sale_state[position(view.sale_state(now))] += 1;
        self.units.iter_mut().zip(counts).for_each(|(sum, more)| *sum += more);
        let money = match self.by_currency.get_mut(view.terms.currency.code()) {
            Some(known) => known,
            None => self.by_currency.entry(view.terms.currency.code().into()).or_default(),
        };
        for (at, state) in OrderState::ALL.into_iter().enumerate() {
            self.orders[at] += view.tally.orders(state);
            money.orders += view.tally.orders(state);
            money.by_state[at] = money.by_state[at].saturating_add(view.tally.money(state));
        }
        if let Some(since) = view.oldest_refund_due {
            let waited = now.0.saturating_sub(since.0);
            self.oldest_refund_due_ms = self.oldest_refund_due_ms.max(waited);
        }
        let RoomCounts { forming, succeeded, failed } = view.rooms;
        self.rooms
            .iter_mut()
            .zip([forming, succeeded, failed])
            .for_each(|(sum, more)| *sum += u64::from(more));
        self.skus_with_blocked += u64::from(view.has_blocked);
        self.unbalanced += u64::from(!view.tally.balances(&stock));
        let in_stores = view.stores.as_ref().map(|stores| stores.iter().map(|units| u64::from(*units)).sum());
        self.unbalanced_stores += u64::from(in_stores.is_some_and(|sum: u64| sum != counts[1]));
        self.oversold_units += (counts[2] + counts[3]).saturating_sub(counts[0]);
    }
}

fn position(state: SaleState) -> usize {
    match state {
        SaleState::Scheduled => 0,
        SaleState::Open => 1,
        SaleState::Paused => 2,
        SaleState::SoldOut => 3,
        SaleState::Ended => 4,
    }
}

impl House {
    /// The whole sale in numbers. Walks all seats and asks no actor: with a million SKUs that takes a good part of a
    /// second, so it is not for every moment.
    #[must_use]
    pub fn census(&self) -> Census {
        let (mut census, now) = (Census::new(self.arbiter_count()), self.now());
        self.look_at_seats(|seat| census.add(seat, now));
        census
    }
}
