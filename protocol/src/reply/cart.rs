//! How a cart stands.

use super::{number, text};
use crate::resp::Writer;
use crate::status::OrderState;

/// The answer to `CART.GET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CartMap<'a> {
    /// The cart's id.
    pub cart: &'a str,
    /// What became of it: in the words of orders.
    pub state: OrderState,
    /// The campaign's name.
    pub campaign: &'a str,
    /// Who bought.
    pub buyer: &'a str,
    /// Its lines, by name of their SKU.
    pub lines: &'a [CartEntry<'a>],
    /// What is due.
    pub amount: u64,
    /// ISO 4217 code.
    pub currency: &'a str,
    /// What was taken off because of the sum.
    pub threshold_discount: u64,
    /// When it was reserved.
    pub reserved_at: u64,
    /// When the hold runs or ran out.
    pub expires_at: u64,
    /// When it was paid.
    pub paid_at: Option<u64>,
}

/// One line of a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartEntry<'a> {
    /// The id of the order that holds the units.
    pub order: String,
    /// The SKU.
    pub sku: &'a str,
    /// Units.
    pub qty: u64,
    /// What is due for them.
    pub amount: u64,
}

impl CartMap<'_> {
    /// Writes it as a map of 11 fields.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.map(11);
        text(writer, "cart", Some(self.cart));
        text(writer, "state", Some(self.state.word()));
        text(writer, "campaign", Some(self.campaign));
        text(writer, "buyer", Some(self.buyer));
        writer.bulk("lines");
        writer.array(self.lines.len());
        for CartEntry { order, sku, qty, amount } in self.lines {
            writer.array(4);
            writer.bulk(order);
            writer.bulk(sku);
            writer.uint(*qty);
            writer.uint(*amount);
        }
        number(writer, "amount", Some(self.amount));
        text(writer, "currency", Some(self.currency));
        number(writer, "threshold_discount", Some(self.threshold_discount));
        number(writer, "reserved_at", Some(self.reserved_at));
        number(writer, "expires_at", Some(self.expires_at));
        number(writer, "paid_at", self.paid_at);
    }
}
