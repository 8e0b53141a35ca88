//! What the stories share: a shop that sells through a journal and knows what it was promised.
#![allow(dead_code)] // each test file uses a part of it
#![allow(clippy::unwrap_used)] // these are tests, outside a test function

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crossbeam::channel::{Receiver, unbounded};
use tidegate_engine::{
    Currency, Event, Fingerprint, Millis, OrderNumber, Payment, Price, Request, SkuState, SkuTerms,
};
use tidegate_persistence::{
    ActorId, ActorKind, Birth, DirLock, EpochNumber, GroupEncoder, Lane, OpenJournal, Options, Recovered,
    State, Ticket, Wake, Writer, identity, recover,
};

pub(crate) const SEED: u64 = 7;

pub(crate) fn terms() -> Arc<SkuTerms> {
    Arc::new(SkuTerms::new("Rose bowl", Currency::new("GBP").unwrap(), Price::Fixed(1_250)))
}

/// Small sizes, so that everything happens soon.
pub(crate) fn small() -> Options {
    Options { epoch_bytes: 8 << 10, max_commit_bytes: 4 << 10, cache_bytes: 4 << 20, ..Options::default() }
}

pub(crate) fn open(dir: &Path, options: &Options) -> Recovered {
    let lock = Arc::new(DirLock::take(dir).unwrap());
    let recovered = recover(Arc::clone(&lock), options, 2, SEED, &|_| {}).unwrap();
    identity(&lock, [7; 16]).unwrap();
    recovered
}

/// Starts with one lane; the receiver hears every wake.
pub(crate) fn start(journal: OpenJournal, options: &Options) -> (Writer, Lane, Receiver<()>) {
    let (outbox, wakes) = unbounded();
    let wake: Wake = Arc::new(move || {
        let _ = outbox.send(());
    });
    let (writer, mut lanes) = journal.start(options, vec![wake]).unwrap();
    (writer, lanes.pop().unwrap(), wakes)
}

/// Waits until a ticket is durable, or the journal failed.
pub(crate) fn wait(lane: &Lane, wakes: &Receiver<()>, ticket: Ticket) {
    while lane.durable() < ticket && lane.failed().is_none() {
        wakes.recv().unwrap();
    }
}

/// Sells until `epochs` more epochs are closed and a snapshot covers them.
pub(crate) fn sell_epochs(shop: &mut Shop, writer: &Writer, lane: &Lane, wakes: &Receiver<()>, epochs: u32) {
    let closed = EpochNumber(writer.status().epoch.0 + epochs - 1);
    for turn in 0.. {
        let ticket = lane.submit(shop.sell(turn % 7, 1 + turn % 5).finish().unwrap());
        wait(lane, wakes, ticket);
        if writer.status().epoch > closed {
            break;
        }
    }
    while writer.status().snapshot.is_none_or(|snapshot| snapshot.covers < closed) {
        assert_eq!(writer.status().trouble, None);
        std::thread::yield_now();
    }
    // Something behind the snapshot too.
    let ticket = lane.submit(shop.sell(0, 1).finish().unwrap());
    wait(lane, wakes, ticket);
}

/// SKUs as their actors would have them.
#[derive(Default)]
pub(crate) struct Shop {
    pub(crate) skus: HashMap<u32, (SkuState, u32)>,
    pub(crate) clock: u64,
}

impl Shop {
    /// Takes over what was recovered.
    pub(crate) fn recovered(recovered: &mut Recovered) -> Self {
        let mut shop = Self { skus: HashMap::new(), clock: recovered.last_at.0 };
        for actor in recovered.workers.drain(..).flatten() {
            let orders = actor.state.sku().map_or(0, |sku| sku.order_count() as u32);
            let State::Sku(state) = actor.state else { panic!("these journals have no campaigns") };
            shop.skus.insert(actor.id.0, (state, orders));
        }
        shop
    }

    /// One turn of one SKU: it is created if it is new, then sells `orders` units; every third order is paid.
    pub(crate) fn sell(&mut self, actor: u32, orders: u32) -> GroupEncoder {
        self.clock += 1;
        let at = Millis(self.clock);
        let name = format!("sku-{actor}");
        let new = !self.skus.contains_key(&actor);
        let birth = new.then_some(Birth { kind: ActorKind::Sku, name: &name });
        let mut group = GroupEncoder::new(ActorId(actor), at, birth);
        let (state, sold) = self.skus.entry(actor).or_insert_with(|| (SkuState::new(SEED), 0));
        let mut happen = |event: Event<'_>| {
            state.apply(&event, at).unwrap();
            group.push(&event);
        };
        if new {
            happen(Event::Created { terms: terms(), stock: 1_000_000 });
        }
        for _ in 0..orders {
            *sold += 1;
            let order = OrderNumber(*sold);
            let (id, buyer) = (format!("request-{:08}", order.0), format!("buyer-{:010}", order.0));
            let request = Request { id: &id, fingerprint: Fingerprint(order.0) };
            happen(Event::Reserved {
                order,
                request,
                buyer: &buyer,
                qty: 1,
                unit_price: 1_250,
                hold_ms: 600_000,
            });
            if order.0.is_multiple_of(3) {
                let (id, payment) = (format!("pay-{}", order.0), format!("payment-{}", order.0));
                let request = Request { id: &id, fingerprint: Fingerprint(order.0) };
                happen(Event::Paid(Payment { order, request, id: &payment, amount: 1_250 }));
            }
        }
        group
    }

    /// The state hashes by actor.
    pub(crate) fn hashes(&self) -> Vec<(u32, u64)> {
        let mut hashes: Vec<_> =
            self.skus.iter().map(|(id, (state, _))| (*id, state.sku().unwrap().state_hash())).collect();
        hashes.sort_unstable();
        hashes
    }
}

/// The state hashes of what was recovered, by actor.
pub(crate) fn hashes(recovered: &Recovered) -> Vec<(u32, u64)> {
    let mut hashes: Vec<_> = recovered
        .workers
        .iter()
        .flatten()
        .map(|actor| (actor.id.0, actor.state.sku().unwrap().state_hash()))
        .collect();
    hashes.sort_unstable();
    hashes
}
