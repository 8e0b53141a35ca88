//! A cart while it is being put together: what is asked of its SKUs, and what it came to.

use std::collections::HashSet;
use std::sync::Arc;

use tidegate_engine::{
    CartItem, CartLine, CartNumber, CartSettlement, Command, Currency, Fingerprint, LineState, Millis,
    Rejection, SaleState, SkuView,
};

use crate::ask::{CartRequest, Reply};
use crate::seat::Seat;

/// A cart that is being put together.
pub(super) struct Basket<'b> {
    pub(super) request: CartRequest<&'b str>,
    pub(super) fingerprint: Fingerprint,
    pub(super) cart: CartNumber,
    pub(super) reserved_at: Millis,
    pub(super) expires_at: Millis,
    pub(super) currency: Option<Currency>,
    pub(super) lines: Vec<Line<'b>>,
    /// The first of the lines, as they are held.
    pub(super) held: Vec<CartItem<&'b str>>,
    /// What it came to, once that is known.
    pub(super) reply: Option<Reply>,
    /// Whether the campaign knows that it was begun.
    pub(super) is_begun: bool,
}

/// One line of it.
pub(super) struct Line<'b> {
    pub(super) sku: &'b str,
    pub(super) qty: u32,
    pub(super) seat: Arc<Seat>,
    pub(super) coupon: Option<&'b str>,
    pub(super) shares_coupon: bool,
    /// From the look of the SKU, it will not be held.
    pub(super) is_doubtful: bool,
}

impl<'b> Basket<'b> {
    pub(super) fn new(request: CartRequest<&'b str>) -> Self {
        Self {
            fingerprint: request.fingerprint(),
            request,
            cart: CartNumber(0),
            reserved_at: Millis(0),
            expires_at: Millis(0),
            currency: None,
            lines: Vec::new(),
            held: Vec::new(),
            reply: None,
            is_begun: false,
        }
    }

    /// The command that holds one of its lines.
    pub(super) fn command<'s>(&'s self, line: &Line<'s>, campaign: &'s str) -> Command<&'s str> {
        let (cart, expires_at, shares_coupon) = (self.cart, self.expires_at, line.shares_coupon);
        Command::HoldLine {
            line: CartLine { campaign, cart, expires_at, shares_coupon },
            buyer: self.request.buyer,
            qty: line.qty,
            coupon: line.coupon,
        }
    }

    /// The line that is to be held next, and those after it.
    pub(super) fn next_lines(&self) -> Option<(&Line<'b>, &[Line<'b>])> {
        if self.reply.is_some() {
            return None;
        }
        self.lines.get(self.held.len()..)?.split_first()
    }

    /// It does not come to be, because of this reply to the line at this place.
    pub(super) fn end(&mut self, reply: Reply, place: usize) {
        match reply {
            Reply::Rejected(rejection) => self.reject(rejection, self.lines[place].sku),
            other => self.reply = Some(other),
        }
    }

    pub(super) fn reject(&mut self, rejection: Rejection, sku: &str) {
        self.reply = Some(Reply::LineRejected(rejection, sku.into()));
    }

    /// What its lines are to be told if it did not come to be.
    pub(super) fn withdrawn(&self) -> impl Iterator<Item = CartSettlement> {
        self.held.iter().map(|item| CartSettlement {
            cart: self.cart,
            sku: item.sku.into(),
            order: item.order,
            off: 0,
            state: LineState::Withdrawn,
        })
    }
}

/// Whether a SKU may not let this buyer have so many units: it shows from outside, or depends on what the SKU knows of
/// the buyer.
pub(super) fn is_doubtful(view: &SkuView, buyer: &str, qty: u32, now: Millis) -> bool {
    let terms = &view.terms;
    view.sale_state(now) != SaleState::Open
        || view.stock.available() < qty
        || terms.per_order_limit.is_some_and(|most| most < qty)
        || terms.per_buyer_limit.is_some()
        || terms.max_lapses.is_some()
        || view.has_blocked
        || !terms.admits(buyer)
}

/// Carts that were refused units, a limit or a coupon that an earlier cart held, which does not come to be: had they
/// been asked for one after the other, they would have had them.
pub(super) fn outdone(baskets: &[Basket<'_>]) -> Vec<usize> {
    let mut buyers: HashSet<&str, foldhash::fast::RandomState> = HashSet::default();
    let mut skus: HashSet<&str, foldhash::fast::RandomState> = HashSet::default();
    let mut outdone = Vec::new();
    for (at, basket) in baskets.iter().enumerate() {
        let buyer = basket.request.buyer;
        let is_outdone = match &basket.reply {
            Some(Reply::LineRejected(Rejection::SoldOut | Rejection::NoStore, sku)) => skus.contains(&**sku),
            // Limits and coupons are over all SKUs of the campaign.
            Some(Reply::LineRejected(Rejection::Limit { .. } | Rejection::CouponInvalid, _)) => {
                buyers.contains(buyer)
            }
            _ => false,
        };
        if is_outdone {
            outdone.push(at);
        }
        if basket.reply.is_some() && !basket.held.is_empty() {
            skus.extend(basket.held.iter().map(|item| item.sku));
            buyers.insert(buyer);
        }
    }
    outdone
}
