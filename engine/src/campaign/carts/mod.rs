//! Carts: several SKUs bought at once, all or none, and cheaper from a sum on.
//!
//! The lines are orders of their SKUs. What is here is the record that makes them one thing: a cart is held, paid and
//! ended by an event of its campaign, and its lines follow.

mod apply;
mod decide;
mod image;
mod look;
mod types;

use std::collections::BTreeSet;

pub use types::{CampaignCart, CartItem, CartPayment, CartSettlement, CartView, NewCart, cart_fingerprint};

use crate::hashing::Hashing;
use crate::payments::Payments;
use crate::requests::Requests;
use crate::tables::{Chunks, Index, TextRef, Texts};
use crate::{CartNumber, Contradiction, Currency, Fingerprint, Millis, OrderNumber, OrderState};

#[derive(Clone, Debug)]
struct CartRow {
    number: CartNumber,
    buyer: TextRef,
    request: TextRef,
    fingerprint: Fingerprint,
    state: OrderState,
    currency: Currency,
    reserved_at: Millis,
    expires_at: Millis,
    amount: u64,
    off: u64,
    first_item: u32,
    items: u32,
    /// Position of the payment that paid it, or that came too late.
    payment: Option<u32>,
}

#[derive(Clone, Debug)]
struct ItemRow {
    sku: TextRef,
    order: OrderNumber,
    qty: u32,
    amount: u64,
    off: u64,
}

/// All carts of a campaign. Payments and requests are numbered by cart, as those of a SKU are by order.
#[derive(Debug, Default)]
pub(in crate::campaign) struct Carts {
    texts: Texts,
    rows: Chunks<CartRow>,
    items: Chunks<ItemRow>,
    by_number: Index,
    by_request: Index,
    names: Vec<TextRef>,
    by_name: Index,
    payments: Payments,
    requests: Requests,
    waiting: BTreeSet<(Millis, CartNumber)>,
    /// How many there are, by state.
    states: [u32; OrderState::ALL.len()],
    last: u32,
}

impl Carts {
    fn position(&self, cart: CartNumber, hashing: Hashing) -> Option<u32> {
        let is_it = |at: u32| self.rows.get(at as usize).is_some_and(|row| row.number == cart);
        self.by_number.find(hashing.by_order(Some(OrderNumber(cart.0)), ""), is_it)
    }

    fn get(&self, cart: CartNumber, hashing: Hashing) -> Option<&CartRow> {
        self.rows.get(self.position(cart, hashing)? as usize)
    }

    fn row_mut(&mut self, cart: CartNumber, hashing: Hashing) -> Result<&mut CartRow, Contradiction> {
        let at = self.position(cart, hashing).ok_or(Contradiction::Order(OrderNumber(cart.0)))?;
        self.rows.get_mut(at as usize).ok_or(Contradiction::Parts)
    }

    fn items_of(&self, row: &CartRow) -> impl Iterator<Item = &ItemRow> {
        (row.first_item..row.first_item + row.items).filter_map(|at| self.items.get(at as usize))
    }

    /// How many carts are in each state, in the order of [`OrderState::ALL`].
    pub(in crate::campaign) fn by_state(&self) -> [u32; OrderState::ALL.len()] {
        self.states
    }

    /// The highest number of a cart.
    pub(in crate::campaign) fn last(&self) -> CartNumber {
        CartNumber(self.last)
    }

    /// The cart that expires first, and when.
    pub(in crate::campaign) fn next_expiry(&self) -> Option<(Millis, CartNumber)> {
        self.waiting.first().copied()
    }

    /// The cart that this request of a buyer came to.
    fn find_request(&self, buyer: &str, req: &str, hashing: Hashing) -> Option<&CartRow> {
        let row = |at: u32| self.rows.get(at as usize);
        let is_it = |at: u32| {
            row(at)
                .is_some_and(|row| self.texts.get(row.buyer) == buyer && self.texts.get(row.request) == req)
        };
        self.by_request.find(hashing.pair(buyer, req), is_it).and_then(row)
    }

    /// Whether a request of this buyer came to a cart.
    pub(in crate::campaign) fn has_request(&self, buyer: &str, req: &str, hashing: Hashing) -> bool {
        self.find_request(buyer, req, hashing).is_some()
    }
}
