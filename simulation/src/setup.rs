//! What is sold in a sale, and how its journal is kept: what a plan fixes before anything happens.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::sale::SKUS;

/// What is sold in a sale, and how its journal is kept.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// How each SKU is sold.
    pub(crate) offers: [Offer; SKUS.len()],
    /// Units of a SKU that one buyer may have.
    pub(crate) buyer_limit: u32,
    /// Units of all SKUs that one buyer may have.
    pub(crate) campaign_limit: Option<u32>,
    /// Whether the campaign has a discount for what is green.
    pub(crate) has_green: bool,
    /// The one SKU that coupons are good for; `None`: all are.
    pub(crate) coupon_sku: Option<usize>,
    /// Whether the money of a payment that comes too late goes back in any case.
    pub(crate) late_refund: bool,
    /// Bytes of an epoch.
    pub(crate) epoch_bytes: u64,
    /// Closed epochs that are kept for readers.
    pub(crate) retention_epochs: u32,
    /// Events replayed in one pass of a snapshot.
    pub(crate) pass_events: u64,
    /// Bytes of a commit.
    pub(crate) commit_bytes: usize,
    /// Holds ended in one turn.
    pub(crate) expiries_per_turn: usize,
}

/// Bytes that a commit fills.
pub(crate) const SMALL_EPOCH: u64 = 100;

/// How a SKU is sold.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// Units.
    pub(crate) stock: u32,
    /// How the price goes.
    pub(crate) price: PriceKind,
    /// What each paid unit comes with.
    pub(crate) goods: Option<Goods>,
    /// Its units are at stores.
    pub(crate) has_stores: bool,
    /// It is green.
    pub(crate) is_green: bool,
    /// Units of one order.
    pub(crate) order_limit: Option<u32>,
    /// Reservations that may end unpaid before a buyer is blocked.
    pub(crate) max_lapses: Option<u32>,
    /// The last buyer may not buy.
    pub(crate) is_restricted: bool,
    /// Milliseconds from the beginning until it is sold.
    pub(crate) opens_ms: u64,
    /// Milliseconds from the beginning until it is not sold any more.
    pub(crate) closes_ms: Option<u64>,
}

/// How a price goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PriceKind {
    /// It stays.
    Fixed,
    /// It steps down.
    Ladder,
    /// It is moved.
    Dynamic,
}

/// What paid units come with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goods {
    /// A code of a list.
    Codes,
    /// A serial number.
    Serials,
}

impl Setup {
    pub(crate) fn of(rng: &mut StdRng) -> Self {
        let one_of = |rng: &mut StdRng, from: &[u64]| from.choose(rng).copied().unwrap_or(1);
        Self {
            offers: std::array::from_fn(|sku| Offer::of(rng, sku)),
            buyer_limit: rng.random_range(1..=4),
            campaign_limit: rng.random_bool(0.5).then(|| rng.random_range(1..=5)),
            has_green: rng.random_bool(0.4),
            coupon_sku: rng.random_bool(0.2).then_some(0),
            late_refund: rng.random_bool(0.3),
            epoch_bytes: one_of(rng, &[SMALL_EPOCH, 800, 2_000, 100_000]),
            retention_epochs: rng.random_range(0..=2),
            pass_events: one_of(rng, &[5, 50, 1_000_000]),
            commit_bytes: if rng.random_bool(0.3) { 200 } else { 64 << 10 },
            expiries_per_turn: if rng.random_bool(0.3) { 1 } else { 100 },
        }
    }
}

impl Offer {
    /// Each SKU has something of its own: the first may be green, the second be at stores, the third come with codes or
    /// serials.
    fn of(rng: &mut StdRng, sku: usize) -> Self {
        let goods = if rng.random() { Goods::Codes } else { Goods::Serials };
        Self {
            stock: rng.random_range(1..=6),
            price: [PriceKind::Fixed, PriceKind::Fixed, PriceKind::Ladder, PriceKind::Dynamic]
                [rng.random_range(0..4)],
            goods: (sku == 2 && rng.random_bool(0.5)).then_some(goods),
            has_stores: sku == 1 && rng.random_bool(0.4),
            is_green: sku == 0,
            order_limit: rng.random_bool(0.2).then_some(2),
            max_lapses: rng.random_bool(0.3).then(|| rng.random_range(1..=3)),
            is_restricted: rng.random_bool(0.1),
            opens_ms: if rng.random_bool(0.1) { 5_000 } else { 0 },
            closes_ms: rng.random_bool(0.15).then_some(60_000),
        }
    }
}
