//! Carts as whoever asks for them, writes them down or tells their lines knows them.

use crate::hashing::fingerprint;
use crate::{CartNumber, Currency, Fingerprint, LineState, Millis, OrderNumber, OrderState, Request};

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
