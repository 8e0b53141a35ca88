//! What a client of a plan wants, before it is known what it is about.

use rand::Rng;
use rand::rngs::StdRng;

use crate::sale::{BUYERS, SKUS, STORES};

/// What a client wants. What it is about is one of what is known by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Units of a SKU.
    Reserve { sku: u8, buyer: u8, qty: u8, coupon: bool, near: Option<Near>, capped: bool },
    /// Units, and a room for others.
    Open { sku: u8, buyer: u8 },
    /// Units, in a room that is there.
    Join { room: u8, buyer: u8 },
    /// To pay an order: what is due, or something else; with a payment of its own or one that others use too.
    Pay { order: u16, wrong: bool, shared_payment: bool },
    /// To give an order up.
    Cancel { order: u16 },
    /// The money back.
    Refund { order: u16, restock: bool },
    /// A coupon.
    Trigger { buyer: u8 },
    /// Several SKUs at once.
    Cart { buyer: u8, qty: [u8; SKUS.len()], coupon: bool },
    /// To pay a cart.
    PayCart { cart: u16, wrong: bool },
    /// To give a cart up.
    CancelCart { cart: u16 },
    /// More or fewer units.
    Restock { sku: u8, delta: i8, store: u8 },
    /// Another price, in hundreds.
    Reprice { sku: u8, hundreds: u8 },
    /// No sale for a while.
    Pause { sku: u8 },
    /// The sale goes on.
    Resume { sku: u8 },
    /// No sale to a buyer.
    Block { sku: u8, buyer: u8 },
    /// The buyer may buy again.
    Unblock { sku: u8, buyer: u8 },
}

/// Where a buyer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Near {
    /// Before this store.
    pub(crate) store: u8,
    /// No other one will do.
    pub(crate) within: bool,
}

impl Question {
    pub(crate) fn of(rng: &mut StdRng) -> Self {
        let (sku, buyer) = (rng.random_range(0..SKUS.len() as u8), rng.random_range(0..BUYERS));
        match rng.random_range(0..46) {
            0..12 => {
                let (qty, coupon) = (rng.random_range(1..=3), rng.random_bool(0.3));
                let near = Near { store: rng.random_range(0..STORES.len() as u8), within: rng.random() };
                // Only where there are stores will one do.
                let near = rng.random_bool(if sku == 1 { 0.4 } else { 0.02 }).then_some(near);
                Self::Reserve { sku, buyer, qty, coupon, near, capped: rng.random_bool(0.2) }
            }
            12 | 13 => Self::Open { sku, buyer },
            14..17 => Self::Join { room: rng.random_range(0..3), buyer },
            17..26 => Self::Pay {
                order: rng.random(),
                wrong: rng.random_bool(0.1),
                shared_payment: rng.random_bool(0.1),
            },
            26..29 => Self::Cancel { order: rng.random() },
            29 | 30 => Self::Refund { order: rng.random(), restock: rng.random() },
            31 | 32 => Self::Trigger { buyer },
            33..36 => {
                let qty = [(); SKUS.len()].map(|()| rng.random_range(0..3));
                Self::Cart { buyer, qty, coupon: rng.random_bool(0.3) }
            }
            36 | 37 => Self::PayCart { cart: rng.random(), wrong: rng.random_bool(0.1) },
            38 => Self::CancelCart { cart: rng.random() },
            39 => Self::Restock {
                sku,
                delta: rng.random_range(-2..=3),
                store: rng.random_range(0..STORES.len() as u8),
            },
            40 | 41 => Self::Reprice { sku, hundreds: rng.random_range(7..=13) },
            42 => Self::Pause { sku },
            43 | 44 => Self::Resume { sku },
            _ if rng.random() => Self::Block { sku, buyer },
            _ => Self::Unblock { sku, buyer },
        }
    }
}
