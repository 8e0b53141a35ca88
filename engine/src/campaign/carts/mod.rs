//! Carts: several SKUs bought at once, all or none, and cheaper from a sum on.
//!
//! The lines are orders of their SKUs. What is here is the record that makes them one thing: a cart is held, paid and
//! ended by an event of its campaign, and its lines follow.

mod apply;
mod decide;
mod image;

use std::collections::BTreeSet;

use crate::hashing::{Hashing, fingerprint};
use crate::payments::Payments;
use crate::requests::Requests;
use crate::tables::{Chunks, Index, TextRef, Texts};
use crate::{
    CartNumber, Contradiction, Currency, Fingerprint, LineState, Millis, OrderNumber, OrderState, Request,
};

/// A cart whose lines are all held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCart<S> {
    /// Its number, which the lines are marked with.
    pub cart: CartNumber,
    /// Request id, per buyer.
    pub req: S,
    /// What the request asked for; see [`cart_fingerprint`].
    pub fingerprint: Fingerprint,
    /// Who buys.
    pub buyer: S,
    /// When it was begun, and its lines were held.
    pub reserved_at: Millis,
    /// When its hold ends.
    pub expires_at: Millis,
    /// The currency of all its lines.
    pub currency: Currency,
    /// The lines, by name of their SKU.
    pub items: Vec<CartItem<S>>,
}

/// A line as its cart knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartItem<S> {
    /// The SKU.
    pub sku: S,
    /// The order that holds the units.
    pub order: OrderNumber,
    /// Units.
    pub qty: u32,
    /// What they cost after all other discounts, in minor units.
    pub amount: u64,
    /// This line's part of the threshold discount, in minor units. Of a cart that is yet to be judged: nothing.
    pub off: u64,
}

/// A payment for a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CartPayment<'a> {
    /// The cart.
    pub cart: CartNumber,
    /// The request that brought it.
    pub request: Request<'a>,
    /// The payment's id at whoever took the money.
    pub id: &'a str,
    /// What was paid, in minor units.
    pub amount: u64,
}

/// A cart as it is written down in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignCart<'a> {
    /// The cart as it was when it came to be.
    pub new: NewCart<&'a str>,
    /// What became of it.
    pub state: OrderState,
}

/// What is known of one cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartView {
    /// Its number within the campaign.
    pub number: CartNumber,
    /// What became of it.
    pub state: OrderState,
    /// Who bought.
    pub buyer: Box<str>,
    /// Its lines, by name of their SKU.
    pub items: Vec<CartItem<Box<str>>>,
    /// What is due, in minor units.
    pub amount: u64,
    /// What the threshold takes off, in minor units.
    pub off: u64,
    /// The currency of both.
    pub currency: Currency,
    /// When it was reserved.
    pub reserved_at: Millis,
    /// When its hold ends, or ended.
    pub expires_at: Millis,
    /// When it was paid.
    pub paid_at: Option<Millis>,
}

/// What one line of a cart is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartSettlement {
    /// The cart.
    pub cart: CartNumber,
    /// The SKU.
    pub sku: Box<str>,
    /// The order.
    pub order: OrderNumber,
    /// Its part of the threshold discount, in minor units.
    pub off: u64,
    /// What became of the cart.
    pub state: LineState<Box<str>>,
}

/// The fingerprint of a request for a cart with these lines, by name of their SKU, and this coupon.
#[must_use]
pub fn cart_fingerprint(lines: &[(&str, u32)], coupon: Option<&str>) -> Fingerprint {
    let mut text = String::new();
    for (sku, qty) in lines {
        text.push_str(&format!("{sku} {qty} "));
    }
    fingerprint(10, [lines.len() as u64, 0], &(text + coupon.unwrap_or("")))
}

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

    pub(in crate::campaign) fn view(&self, cart: CartNumber, hashing: Hashing) -> Option<CartView> {
        let row = self.get(cart, hashing)?;
        let item = |item: &ItemRow| CartItem {
            sku: self.texts.get(item.sku).into(),
            order: item.order,
            qty: item.qty,
            amount: item.amount - item.off.min(item.amount),
            off: item.off,
        };
        let payment = row.payment.and_then(|at| self.payments.get(at));
        Some(CartView {
            number: cart,
            state: row.state,
            buyer: self.texts.get(row.buyer).into(),
            items: self.items_of(row).map(item).collect(),
            amount: row.amount,
            off: row.off,
            currency: row.currency,
            reserved_at: row.reserved_at,
            expires_at: row.expires_at,
            paid_at: payment.filter(|_| row.state == OrderState::Paid).map(|payment| payment.at),
        })
    }

    /// What the lines of a cart are to be told.
    pub(in crate::campaign) fn settlements(&self, cart: CartNumber, hashing: Hashing) -> Vec<CartSettlement> {
        let Some(row) = self.get(cart, hashing) else { return Vec::new() };
        let state = self.line_state(row);
        let settlement = |item: &ItemRow| CartSettlement {
            cart,
            sku: self.texts.get(item.sku).into(),
            order: item.order,
            off: item.off,
            state: state.clone(),
        };
        self.items_of(row).map(settlement).collect()
    }

    fn line_state(&self, row: &CartRow) -> LineState<Box<str>> {
        let payment = || {
            let payment = row.payment.and_then(|at| self.payments.get(at));
            payment.map_or("", |payment| payment.id(&self.texts)).into()
        };
        match row.state {
            OrderState::Reserved => LineState::Reserved,
            OrderState::Paid | OrderState::Refunded => LineState::Paid { payment: payment() },
            OrderState::Cancelled => LineState::Cancelled,
            OrderState::Expired => LineState::Expired,
            OrderState::RefundDue => LineState::RefundDue { payment: payment() },
        }
    }
}
