//! Holds what clients were told against what is there. Shares no code with the engine: it remembers answers, counts
//! orders, and knows the rules only as far as they say what can't be.

mod buyers;
mod carts;
mod closed;
mod goods;
mod orders;
mod prices;
mod rooms;
mod stock;
mod times;

use std::collections::{BTreeMap, BTreeSet};

use tidegate_actors::Reply;
use tidegate_engine::{Answer, Given, Refusal};

use self::buyers::Coupons;
use self::closed::Closed;
use self::goods::{Buy, GivenGoods};
use self::stock::Restocks;
use self::times::Earliest;
use crate::photograph::Photograph;
use crate::request::{Request, What};
use crate::sale::{COUPON_MS, HOLD_MS, SKUS, STORES};
use crate::setup::{Goods, Setup};

/// What the clients of one sale were told.
#[derive(Debug)]
pub(crate) struct Auditor {
    /// How it is sold.
    setup: Setup,
    /// The answer to each request that was accepted.
    accepted: BTreeMap<String, Answer>,
    /// By SKU and number.
    orders: BTreeMap<(usize, u32), Known>,
    /// By number.
    carts: BTreeMap<u32, Known>,
    /// Rooms, in the order in which somebody was told of them: SKU and number.
    rooms: Vec<(usize, u32)>,
    /// Orders that somebody wanted to pay, to give up, to have the money of back; told or not, it may have happened.
    tried: BTreeSet<(Deed, usize, u32)>,
    /// The same of carts.
    tried_carts: BTreeSet<(Deed, u32)>,
    /// Somebody was told that this was done.
    done: BTreeSet<(Deed, usize, u32)>,
    done_carts: BTreeSet<(Deed, u32)>,
    /// Money came, and somebody was told that it is due back.
    refund_due: BTreeSet<(usize, u32)>,
    coupons: Coupons,
    goods: GivenGoods,
    closed: Closed,
    restocks: Restocks,
    earliest: Earliest,
    /// How much was ever sent.
    sent: u64,
    /// How often each kind of reply was heard.
    heard: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Pay,
    Cancel,
    Refund,
}

/// What is known of a request when it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// Somebody was told before that it has happened.
    was_accepted: bool,
    /// When: how much was sent by then.
    moment: u64,
}

/// An order or cart that somebody was told of.
#[derive(Debug)]
struct Known {
    buyer: String,
    /// Units: of an order, or of a cart those that codes or serials come with.
    qty: u32,
    amount: u64,
    expires_at: u64,
    /// What is due may become less: in a room.
    may_get_cheaper: bool,
    /// The most that a unit was to cost.
    max_price: Option<u64>,
    /// The store that its units are at, where one was told.
    store: Option<Box<str>>,
}

/// What is wrong.
type Audited = Result<(), String>;

impl Auditor {
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            setup,
            accepted: BTreeMap::default(),
            orders: BTreeMap::default(),
            carts: BTreeMap::default(),
            rooms: Vec::new(),
            tried: BTreeSet::default(),
            tried_carts: BTreeSet::default(),
            done: BTreeSet::default(),
            done_carts: BTreeSet::default(),
            refund_due: BTreeSet::default(),
            coupons: Coupons::default(),
            goods: GivenGoods::default(),
            closed: Closed::default(),
            restocks: Restocks::default(),
            earliest: Earliest::default(),
            sent: 0,
            heard: BTreeMap::default(),
        }
    }

    /// How it is sold.
    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The orders that somebody was told of: SKU, number, and what was due.
    pub(crate) fn orders(&self) -> impl ExactSizeIterator<Item = (usize, u32, u64)> {
        self.orders.iter().map(|((sku, order), known)| (*sku, *order, known.amount))
    }

    /// The carts that somebody was told of: number, and what was due.
    pub(crate) fn carts(&self) -> impl ExactSizeIterator<Item = (u32, u64)> {
        self.carts.iter().map(|(cart, known)| (*cart, known.amount))
    }

    /// The rooms that somebody was told of, the last one last: SKU and number.
    pub(crate) fn rooms(&self) -> &[(usize, u32)] {
        &self.rooms
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

    /// The clock was set to `now`.
    pub(crate) fn clock_set(&mut self, now: u64) {
        self.earliest.set(now);
    }

    /// A request is sent when the clock shows `now`: from now on it may have happened.
    pub(crate) fn sent(&mut self, request: &Request, now: u64) -> Sent {
        self.sent += 1;
        let sent = Sent { was_accepted: self.accepted.contains_key(&request.id), moment: self.sent };
        self.earliest.sent(request, now);
        self.restocks.sent(request, sent);
        self.closed.sent(request);
        match &request.what {
            What::Pay { sku, order, .. } => drop(self.tried.insert((Deed::Pay, *sku, *order))),
            What::Cancel { sku, order } => drop(self.tried.insert((Deed::Cancel, *sku, *order))),
            What::Refund { sku, order, .. } => drop(self.tried.insert((Deed::Refund, *sku, *order))),
            What::PayCart { cart, .. } => drop(self.tried_carts.insert((Deed::Pay, *cart))),
            What::CancelCart { cart } => drop(self.tried_carts.insert((Deed::Cancel, *cart))),
            What::Trigger { buyer, code } => self.coupons.asked(*code, buyer),
            _ => {}
        }
        sent
    }

    /// A client was told this. `sent`: what [`Self::sent`] said. Of two that are on their way together, the one that
    /// is heard last may have been carried out first, and refused.
    pub(crate) fn heard(&mut self, request: &Request, sent: Sent, reply: &Reply) -> Audited {
        *self.heard.entry(kind_of(reply)).or_default() += 1;
        let (answer, store) = match reply {
            Reply::Accepted(answer) => {
                self.given_nothing(request, *answer)?;
                (*answer, None)
            }
            Reply::ReservedAt(answer, store) => (*answer, Some(store)),
            Reply::Paid(given) => {
                self.given(request, std::slice::from_ref(given))?;
                (Answer::Paid, None)
            }
            Reply::CartPaid(given) => {
                self.given(request, given)?;
                (Answer::Paid, None)
            }
            // No answer, or one that says so.
            Reply::Failed(_) | Reply::Refused(Refusal::Full { .. } | Refusal::InProgress) => return Ok(()),
            refused => {
                self.restocks.refused(request, sent);
                return match self.accepted.get(&request.id).filter(|_| sent.was_accepted) {
                    Some(before) => Err(format!("{request:?} was told {before:?}, and now {refused:?}")),
                    None => Ok(()),
                };
            }
        };
        if let (Answer::Paused | Answer::Resumed | Answer::Blocked | Answer::Unblocked, _) = (answer, &store)
        {
            // These may be done again and again.
            self.closed.shut(request);
            return Ok(());
        }
        match self.accepted.insert(request.id.clone(), answer) {
            Some(before) if before == answer => Ok(()),
            Some(before) => Err(format!("{request:?} was told {before:?}, and now {answer:?}")),
            None => self.learn(request, answer, store.cloned()),
        }
    }

    /// Remembers what follows from an answer that is new.
    fn learn(&mut self, request: &Request, answer: Answer, store: Option<Box<str>>) -> Audited {
        let hold_ms = u64::from(HOLD_MS);
        match (&request.what, answer) {
            (
                What::Reserve { sku, buyer, qty, max_price, near, .. },
                Answer::Reserved { order, amount, expires_at },
            ) => {
                if let Some((wanted, within)) = near
                    && !store.as_deref().is_some_and(|store| !within || store == STORES[*wanted])
                {
                    return Err(format!("{request:?} was told of the store {store:?}"));
                }
                let (buyer, qty, max_price) = (buyer.clone(), *qty, *max_price);
                let may_get_cheaper = false;
                let expires_at = expires_at.0;
                let known = Known { buyer, qty, amount, expires_at, may_get_cheaper, max_price, store };
                self.sold(request, (*sku, order.0), known)
            }
            (What::Open { sku, buyer }, Answer::Opened { order, amount, expires_at, .. })
            | (What::Join { sku, buyer, .. }, Answer::Joined { order, amount, expires_at, .. }) => {
                let (buyer, expires_at) = (buyer.clone(), expires_at.0);
                let (qty, may_get_cheaper, max_price) = (1, true, None);
                let known = Known { buyer, qty, amount, expires_at, may_get_cheaper, max_price, store };
                if let Answer::Opened { room, .. } = answer {
                    self.rooms.push((*sku, room.0));
                }
                self.sold(request, (*sku, order.0), known)
            }
            (What::Cart { buyer, lines, .. }, Answer::CartReserved { cart, amount, expires_at, .. }) => {
                self.earliest.lasts(request, expires_at.0, hold_ms, false)?;
                lines.iter().try_for_each(|(sku, _)| self.closed.sold(request, *sku, buyer))?;
                let of_goods = lines.iter().filter(|(sku, _)| self.setup.offers[*sku].goods.is_some());
                let (buyer, qty, expires_at) =
                    (buyer.clone(), of_goods.map(|(_, qty)| qty).sum(), expires_at.0);
                let (may_get_cheaper, max_price) = (false, None);
                let known = Known { buyer, qty, amount, expires_at, may_get_cheaper, max_price, store };
                match self.carts.insert(cart.0, known) {
                    Some(before) => Err(format!("cart {} is {before:?}'s too", cart.0)),
                    None => Ok(()),
                }
            }
            (What::Trigger { .. }, Answer::Granted { code, expires_at, .. }) => {
                self.coupons.granted(code.number(), expires_at.0);
                self.earliest.lasts(request, expires_at.0, COUPON_MS, true)
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
                if let Some(known) = self.orders.get(&(*sku, *order)) {
                    let most = self.setup.offers[*sku].max_lapses;
                    self.closed.lapsed((*sku, *order), &known.buyer, most);
                }
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
            (What::Restock { .. }, Answer::Restocked { .. }) => {
                self.restocks.done(request);
                Ok(())
            }
            (What::Pay { .. }, Answer::Cancelled)
            | (What::PayCart { .. }, Answer::RefundDue | Answer::Cancelled) => Ok(()),
            (What::Reprice { price, .. }, Answer::Repriced { price: told }) if *price == told => Ok(()),
            (what, answer) => Err(format!("{answer:?} is no answer to {what:?}")),
        }
    }

    fn sold(&mut self, request: &Request, order: (usize, u32), known: Known) -> Audited {
        self.earliest.lasts(request, known.expires_at, u64::from(HOLD_MS), false)?;
        self.closed.sold(request, order.0, &known.buyer)?;
        match self.orders.insert(order, known) {
            Some(before) => Err(format!("order {} of {} is {before:?}'s too", order.1, SKUS[order.0])),
            None => Ok(()),
        }
    }

    /// Somebody was told what comes with paid units.
    fn given(&mut self, request: &Request, given: &[Given]) -> Audited {
        let (buy, known) = match request.what {
            What::Pay { sku, order, .. } => (Buy::Order(order), self.orders.get(&(sku, order))),
            What::PayCart { cart, .. } => (Buy::Cart(cart), self.carts.get(&cart)),
            _ => return Err(format!("{request:?} was told of {given:?}")),
        };
        known.map_or(Ok(()), |known| self.goods.told(buy, given, known.qty))
    }

    /// Somebody was told an answer without anything that comes with paid units. In a room it may come later.
    fn given_nothing(&self, request: &Request, answer: Answer) -> Audited {
        let units = match request.what {
            What::Pay { sku, order, .. } if self.setup.offers[sku].goods.is_some() => self
                .orders
                .get(&(sku, order))
                .filter(|known| !known.may_get_cheaper)
                .map_or(0, |known| known.qty),
            What::PayCart { cart, .. } => self.carts.get(&cart).map_or(0, |known| known.qty),
            _ => 0,
        };
        match answer == Answer::Paid && units > 0 {
            true => Err(format!("{request:?} was paid, and came with nothing")),
            false => Ok(()),
        }
    }

    /// Holds everything that anybody was told against how the sale stands. `latest`: the latest that the clock ever showed.
    pub(crate) fn audit(&self, photograph: &Photograph, latest: u64) -> Audited {
        let setup = &self.setup;
        for (sku, name) in SKUS.iter().enumerate() {
            let found = photograph.skus.get(sku).and_then(Option::as_ref);
            let found = found.ok_or_else(|| format!("{name} is gone"))?;
            self.audit_sku((sku, found), setup, latest).map_err(|wrong| format!("{name}: {wrong}"))?;
        }
        self.restocks.audit(photograph, setup)?;
        buyers::audit(photograph, setup)?;
        self.coupons.audit(photograph, setup)?;
        self.audit_carts(photograph, latest)?;
        self.goods.audit(|buy| self.may_have_returned(buy))?;
        prices::audit(photograph, setup)?;
        times::audit(photograph, setup, latest)
    }

    /// Whether what was given for this may be another's by now: serials of units that are on sale again.
    fn may_have_returned(&self, buy: Buy) -> bool {
        let sku = self.setup.offers.iter().position(|offer| offer.goods == Some(Goods::Serials));
        sku.is_some_and(|sku| match buy {
            Buy::Order(order) => self.tried.contains(&(Deed::Refund, sku, order)),
            // Its line is refunded by its own number, which nobody was told.
            Buy::Cart(_) => self.tried.iter().any(|(deed, of, _)| *deed == Deed::Refund && *of == sku),
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
