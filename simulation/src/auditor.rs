//! Holds what clients were told against what is there. Shares no code with the engine: it remembers answers, counts
//! orders, and knows the rules only as far as they say what can't be.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_actors::Reply;
use tidegate_engine::{Answer, OrderState, OrderView, Refusal};

use crate::photograph::{Photograph, SkuPhotograph};
use crate::plan::Setup;
use crate::request::{Request, What};
use crate::sale::SKUS;

/// What the clients of one sale were told.
#[derive(Debug, Default)]
pub(crate) struct Auditor {
    /// The answer to each request that was accepted.
    accepted: BTreeMap<String, Answer>,
    /// By SKU and number.
    orders: BTreeMap<(usize, u32), Known>,
    /// By number.
    carts: BTreeMap<u32, Known>,
    /// Orders that somebody wanted to pay, to give up, to have the money of back; told or not, it may have happened.
    tried: BTreeSet<(Deed, usize, u32)>,
    /// The same of carts.
    tried_carts: BTreeSet<(Deed, u32)>,
    /// Somebody was told that this was done.
    done: BTreeSet<(Deed, usize, u32)>,
    done_carts: BTreeSet<(Deed, u32)>,
    /// How often each kind of reply was heard.
    heard: BTreeMap<String, u64>,
    /// Money came, and somebody was told that it is due back.
    refund_due: BTreeSet<(usize, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Pay,
    Cancel,
    Refund,
}

/// An order or cart that somebody was told of.
#[derive(Debug)]
struct Known {
    buyer: String,
    /// Units, of an order.
    qty: u32,
    amount: u64,
    /// Of a cart.
    expires_at: u64,
    /// What is due may become less: in a room.
    may_get_cheaper: bool,
}

/// What is wrong.
type Audited = Result<(), String>;

impl Auditor {
    /// The orders that somebody was told of: SKU, number, and what was due.
    pub(crate) fn orders(&self) -> impl ExactSizeIterator<Item = (usize, u32, u64)> {
        self.orders.iter().map(|((sku, order), known)| (*sku, *order, known.amount))
    }

    /// The carts that somebody was told of: number, and what was due.
    pub(crate) fn carts(&self) -> impl ExactSizeIterator<Item = (u32, u64)> {
        self.carts.iter().map(|(cart, known)| (*cart, known.amount))
    }

    /// The coupon that somebody was given last.
    pub(crate) fn coupon(&self) -> Option<String> {
        self.accepted.values().rev().find_map(|answer| match answer {
            Answer::Granted { code, .. } => Some(code.to_string()),
            _ => None,
        })
    }

    /// How often each kind of reply was heard.
    pub(crate) fn replies(&self) -> &BTreeMap<String, u64> {
        &self.heard
    }

    /// A request is sent: from now on it may have happened. Says whether somebody was told before that it has.
    pub(crate) fn sent(&mut self, request: &Request) -> bool {
        match request.what {
            What::Pay { sku, order, .. } => drop(self.tried.insert((Deed::Pay, sku, order))),
            What::Cancel { sku, order } => drop(self.tried.insert((Deed::Cancel, sku, order))),
            What::Refund { sku, order, .. } => drop(self.tried.insert((Deed::Refund, sku, order))),
            What::PayCart { cart, .. } => drop(self.tried_carts.insert((Deed::Pay, cart))),
            What::CancelCart { cart } => drop(self.tried_carts.insert((Deed::Cancel, cart))),
            _ => {}
        }
        self.accepted.contains_key(&request.id)
    }

    /// A client was told this. `was_accepted`: what [`Self::sent`] said. Of two that are on their way together, the one that
    /// is heard last may have been carried out first, and refused.
    pub(crate) fn heard(&mut self, request: &Request, was_accepted: bool, reply: &Reply) -> Audited {
        *self.heard.entry(kind_of(reply)).or_default() += 1;
        let answer = match reply {
            Reply::Accepted(answer) => *answer,
            Reply::Paid(_) | Reply::CartPaid(_) => Answer::Paid,
            // No answer, or one that says so.
            Reply::Failed(_) | Reply::Refused(Refusal::Full { .. } | Refusal::InProgress) => return Ok(()),
            refused => {
                return match self.accepted.get(&request.id).filter(|_| was_accepted) {
                    Some(before) => Err(format!("{request:?} was told {before:?}, and now {refused:?}")),
                    None => Ok(()),
                };
            }
        };
        if matches!(request.what, What::Pause { .. } | What::Resume { .. }) {
            return Ok(());
        }
        if let Some(before) = self.accepted.insert(request.id.clone(), answer) {
            return match before == answer {
                true => Ok(()),
                false => Err(format!("{request:?} was told {before:?}, and now {answer:?}")),
            };
        }
        self.learn(request, answer)
    }

    /// Remembers what follows from an answer that is new.
    fn learn(&mut self, request: &Request, answer: Answer) -> Audited {
        match (&request.what, answer) {
            (What::Reserve { sku, buyer, qty, .. }, Answer::Reserved { order, amount, expires_at }) => {
                self.sold((*sku, order.0), (buyer, *qty, amount, expires_at.0), false)
            }
            (What::Open { sku, buyer }, Answer::Opened { order, amount, expires_at, .. })
            | (What::Join { sku, buyer, .. }, Answer::Joined { order, amount, expires_at, .. }) => {
                self.sold((*sku, order.0), (buyer, 1, amount, expires_at.0), true)
            }
            (What::Cart { buyer, .. }, Answer::CartReserved { cart, amount, expires_at, .. }) => {
                let buyer = buyer.clone();
                let known = Known { buyer, qty: 0, amount, expires_at: expires_at.0, may_get_cheaper: false };
                match self.carts.insert(cart.0, known) {
                    Some(before) => Err(format!("cart {} is {before:?}'s too", cart.0)),
                    None => Ok(()),
                }
            }
            (What::Pay { sku, order, .. }, Answer::RefundDue) => {
                self.refund_due.insert((*sku, *order));
                Ok(())
            }
            (What::Pay { sku, order, .. }, Answer::Paid) => {
                self.done.insert((Deed::Pay, *sku, *order));
                Ok(())
            }
            (What::Cancel { sku, order }, Answer::Cancelled) => {
                self.done.insert((Deed::Cancel, *sku, *order));
                Ok(())
            }
            (What::Refund { sku, order, .. }, Answer::Refunded) => {
                self.done.insert((Deed::Refund, *sku, *order));
                Ok(())
            }
            (What::PayCart { cart, .. }, Answer::Paid) => {
                self.done_carts.insert((Deed::Pay, *cart));
                Ok(())
            }
            (What::CancelCart { cart }, Answer::Cancelled) => {
                self.done_carts.insert((Deed::Cancel, *cart));
                Ok(())
            }
            (What::Restock { .. }, Answer::Restocked { .. })
            | (What::Trigger { .. }, Answer::Granted { .. })
            | (What::Pay { .. }, Answer::Cancelled)
            | (What::PayCart { .. }, Answer::RefundDue | Answer::Cancelled) => Ok(()),
            (what, answer) => Err(format!("{answer:?} is no answer to {what:?}")),
        }
    }

    fn sold(
        &mut self,
        order: (usize, u32),
        (buyer, qty, amount, expires_at): (&str, u32, u64, u64),
        may_get_cheaper: bool,
    ) -> Audited {
        let known = Known { buyer: buyer.to_owned(), qty, amount, expires_at, may_get_cheaper };
        match self.orders.insert(order, known) {
            Some(before) => Err(format!("order {} of {} is {before:?}'s too", order.1, SKUS[order.0])),
            None => Ok(()),
        }
    }

    /// Holds everything that anybody was told against how the sale stands. `latest`: the latest that the clock ever showed.
    pub(crate) fn audit(&self, photograph: &Photograph, setup: &Setup, latest: u64) -> Audited {
        for (sku, name) in SKUS.iter().enumerate() {
            let found = photograph.skus.get(sku).and_then(Option::as_ref);
            let found = found.ok_or_else(|| format!("{name} is gone"))?;
            self.audit_sku((sku, found), latest).map_err(|wrong| format!("{name}: {wrong}"))?;
        }
        audit_buyers(photograph, setup)?;
        audit_coupons(photograph)?;
        self.audit_carts(photograph, latest)
    }

    fn audit_sku(&self, (sku, found): (usize, &SkuPhotograph), latest: u64) -> Audited {
        audit_stock(found)?;
        for (at, order) in found.orders.iter().enumerate() {
            if order.number.0 as usize != at + 1 {
                return Err(format!("order {} stands where order {} should", order.number.0, at + 1));
            }
            self.audit_order((sku, found), order, latest)
                .map_err(|wrong| format!("order {}: {wrong}", at + 1))?;
        }
        for ((_, number), known) in self.orders.range((sku, 0)..(sku + 1, 0)) {
            let order = found.orders.get(*number as usize - 1);
            let order = order.ok_or_else(|| format!("order {number} of {known:?} is lost"))?;
            let is_due = order.amount == known.amount || known.may_get_cheaper && order.amount < known.amount;
            if *order.buyer != *known.buyer || order.qty != known.qty || !is_due {
                return Err(format!("order {number} was {known:?}, and is {order:?}"));
            }
        }
        for room in &found.rooms {
            let paid = room.members.iter().filter(|member| member.paid).count();
            if room.members.len() > 3 || room.paid_members as usize != paid {
                return Err(format!("a room that can't be: {room:?}"));
            }
        }
        Ok(())
    }

    /// Whether an order may be in the state that it is in.
    fn audit_order(&self, (sku, found): (usize, &SkuPhotograph), order: &OrderView, latest: u64) -> Audited {
        let number = order.number.0;
        let room = order.room.and_then(|room| found.rooms.get(room.0 as usize - 1));
        // Who has not paid when a room closes has no seat any more.
        let has_ended = latest >= order.expires_at.0 || room.is_some_and(|room| latest >= room.deadline.0);
        let tried = |deed| self.tried.contains(&(deed, sku, number));
        let done = |deed| self.done.contains(&(deed, sku, number));
        let cart = order.cart.as_ref().map(|(_, cart)| cart.0);
        let is_line = cart.is_some();
        let says = |wrong: &str| Err(format!("{wrong}: {order:?}"));
        match order.state {
            OrderState::Reserved if done(Deed::Pay) => says("its payment is lost"),
            OrderState::Reserved if done(Deed::Cancel) => says("its cancellation is lost"),
            OrderState::Reserved | OrderState::Expired | OrderState::Cancelled
                if self.refund_due.contains(&(sku, number)) && !done(Deed::Cancel) =>
            {
                says("money that is due back is lost")
            }
            OrderState::Paid if done(Deed::Cancel) => says("it was cancelled"),
            OrderState::Paid if done(Deed::Refund) => says("its refund is lost"),
            OrderState::Paid if !is_line && !tried(Deed::Pay) => says("nobody has paid it"),
            OrderState::Cancelled if done(Deed::Pay) => says("it was paid"),
            OrderState::Cancelled if !is_line && !tried(Deed::Cancel) => says("nobody has cancelled it"),
            OrderState::Expired if done(Deed::Pay) || done(Deed::Cancel) => says("it was ended otherwise"),
            OrderState::Expired if !has_ended => says("it has expired before its time"),
            OrderState::RefundDue if !is_line && !tried(Deed::Pay) => says("nobody has paid it"),
            OrderState::RefundDue if done(Deed::Refund) => says("its refund is lost"),
            OrderState::Refunded if !tried(Deed::Refund) => says("nobody has wanted its money back"),
            _ => Ok(()),
        }
    }

    fn audit_carts(&self, photograph: &Photograph, latest: u64) -> Audited {
        for (number, known) in &self.carts {
            let cart =
                photograph.carts.get(number).ok_or_else(|| format!("cart {number} of {known:?} is lost"))?;
            let done = |deed| self.done_carts.contains(&(deed, *number));
            let tried = |deed| self.tried_carts.contains(&(deed, *number));
            let is_right = match cart.state {
                OrderState::Reserved => !done(Deed::Pay) && !done(Deed::Cancel),
                OrderState::Paid => tried(Deed::Pay) && !done(Deed::Cancel),
                OrderState::Cancelled => tried(Deed::Cancel) && !done(Deed::Pay),
                OrderState::Expired => !done(Deed::Pay) && !done(Deed::Cancel) && latest >= known.expires_at,
                OrderState::RefundDue => tried(Deed::Pay) && !done(Deed::Pay),
                OrderState::Refunded => false,
            };
            if !is_right || *cart.buyer != *known.buyer || cart.amount != known.amount {
                return Err(format!("cart {number} was {known:?}, and is {cart:?}"));
            }
        }
        for (sku, found) in photograph.skus.iter().enumerate() {
            for order in found.iter().flat_map(|found| &found.orders) {
                let Some((_, cart)) = &order.cart else { continue };
                let cart = photograph.carts.get(&cart.0);
                let is_in_it = cart.is_some_and(|cart| {
                    cart.items.iter().any(|item| *item.sku == *SKUS[sku] && item.order == order.number)
                });
                if !is_in_it && matches!(order.state, OrderState::Reserved | OrderState::Paid) {
                    return Err(format!("{} holds units for a cart that there is not: {order:?}", SKUS[sku]));
                }
            }
        }
        photograph.carts.values().try_for_each(|cart| {
            cart.items.iter().try_for_each(|item| {
                let sku = SKUS.iter().position(|name| **name == *item.sku).unwrap_or_default();
                let orders = photograph.skus.get(sku).and_then(Option::as_ref).map(|found| &found.orders);
                let line = orders.and_then(|orders| orders.get(item.order.0 as usize - 1));
                let line = line.ok_or_else(|| format!("a line is lost of {cart:?}"))?;
                let is_alike = match cart.state {
                    // A line may be refunded alone.
                    OrderState::Paid => matches!(line.state, OrderState::Paid | OrderState::Refunded),
                    OrderState::RefundDue => {
                        matches!(line.state, OrderState::RefundDue | OrderState::Refunded)
                    }
                    state => line.state == state,
                };
                if is_alike { Ok(()) } else { Err(format!("{line:?} is a line of {cart:?}")) }
            })
        })
    }
}

/// The name of a reply: that of the answer or rejection, without what it says.
fn kind_of(reply: &Reply) -> String {
    let text = match reply {
        Reply::Accepted(answer) => format!("{answer:?}"),
        Reply::Rejected(rejection) | Reply::LineRejected(rejection, _) => format!("{rejection:?}"),
        Reply::Refused(refusal) => format!("{refusal:?}"),
        Reply::Failed(fault) => format!("{fault:?}"),
        other => format!("{other:?}"),
    };
    text.chars().take_while(|letter| letter.is_alphanumeric()).collect()
}

/// Every unit is in one place.
fn audit_stock(found: &SkuPhotograph) -> Audited {
    let SkuPhotograph { view, report, orders, .. } = found;
    let stock = view.stock;
    let (total, available) = (u64::from(stock.total()), u64::from(stock.available()));
    let (reserved, sold) = (u64::from(stock.reserved()), u64::from(stock.sold()));
    let units = |state| -> u64 {
        orders.iter().filter(|order| order.state == state).map(|order| u64::from(order.qty)).sum()
    };
    let (paid, refunded) = (units(OrderState::Paid), units(OrderState::Refunded));
    let told: u64 = OrderState::ALL.iter().map(|state| view.tally.orders(*state)).sum();
    if orders.len() as u64 != told {
        return Err(format!("{told} orders are counted, and {} found", orders.len()));
    }
    if available + reserved + sold != total || !report.balanced || report.stock != stock {
        return Err(format!("the stock does not add up: {stock:?}, {report:?}"));
    }
    if units(OrderState::Reserved) != reserved || sold < paid || sold > paid + refunded {
        return Err(format!("the orders have other units than {stock:?}: {orders:?}"));
    }
    Ok(())
}

/// Nobody has more than a buyer may have.
fn audit_buyers(photograph: &Photograph, setup: &Setup) -> Audited {
    let mut units: BTreeMap<(&str, Option<usize>), u32> = BTreeMap::new();
    for (sku, found) in photograph.skus.iter().enumerate() {
        for order in found.iter().flat_map(|found| &found.orders) {
            if matches!(order.state, OrderState::Reserved | OrderState::Paid) {
                *units.entry((&order.buyer, Some(sku))).or_default() += order.qty;
                *units.entry((&order.buyer, None)).or_default() += order.qty;
            }
        }
    }
    for ((buyer, sku), units) in units {
        let limit = if sku.is_some() { Some(setup.buyer_limit) } else { setup.campaign_limit };
        if limit.is_some_and(|limit| units > limit) {
            let of = sku.map_or("the campaign", |sku| SKUS[sku]);
            return Err(format!("{buyer} has {units} units of {of}, and may have {limit:?}"));
        }
    }
    Ok(())
}

/// Each coupon is used once: by an order, or by the lines of one cart.
fn audit_coupons(photograph: &Photograph) -> Audited {
    let mut used: BTreeMap<String, BTreeSet<(Option<u32>, usize, u32)>> = BTreeMap::new();
    for (sku, found) in photograph.skus.iter().enumerate() {
        for order in found.iter().flat_map(|found| &found.orders) {
            let is_held = matches!(order.state, OrderState::Reserved | OrderState::Paid);
            if let Some(code) = order.coupon.filter(|_| is_held) {
                let by = match &order.cart {
                    Some((_, cart)) => (Some(cart.0), 0, 0),
                    None => (None, sku, order.number.0),
                };
                used.entry(code.to_string()).or_default().insert(by);
            }
        }
    }
    match used.into_iter().find(|(_, by)| by.len() > 1) {
        Some((code, by)) => Err(format!("coupon {code} is used by {by:?}")),
        None => Ok(()),
    }
}
