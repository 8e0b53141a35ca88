//! The rules of the sale written a second time, as plainly as possible: lists that are searched and sums that are
//! counted anew each time. Slow, and easy to compare with the protocol's page.

mod buyers;
mod orders;
mod rooms;
mod stock;

use std::sync::Arc;

use tidegate_engine::{
    Answer, CartNumber, Command, DiscountKind, Enrolment, Fulfilment, LineState, Millis, NoChange,
    OrderNumber, OrderState, Price, Refusal, Rejection, RoomNumber, SkuTerms, Standing, Step,
};

use crate::common::{START, Told};

/// An order.
#[derive(Clone, Debug)]
pub(crate) struct ModelOrder {
    pub(crate) buyer: &'static str,
    pub(crate) qty: u32,
    pub(crate) unit_price: u64,
    pub(crate) reserved_at: Millis,
    pub(crate) expires_at: Millis,
    pub(crate) state: OrderState,
    pub(crate) paid_at: Option<Millis>,
    /// Whether paid units were not given back.
    pub(crate) keeps_units: bool,
    /// The store that its units are at.
    pub(crate) store: Option<usize>,
    /// The room it has a seat in.
    pub(crate) room: Option<u32>,
    /// The percentage of the tier when it was reserved, and now.
    tier: [Option<u8>; 2],
    /// The percentages of the coupon and for a small carbon footprint.
    coupon: Option<u8>,
    green: Option<u8>,
    /// In which order discounts are taken.
    kinds: [DiscountKind; 4],
    /// The cart that it is a line of.
    pub(crate) cart: Option<(&'static str, CartNumber)>,
    /// What it costs less because of the sum of its cart.
    off: u64,
}

impl ModelOrder {
    /// What it costs now.
    pub(crate) fn due(&self) -> u64 {
        self.price_at(self.tier[1])
    }

    /// What it cost when it was reserved.
    pub(crate) fn due_at_first(&self) -> u64 {
        self.price_at(self.tier[0])
    }

    /// What it costs at this tier: each discount off what the one before left.
    fn price_at(&self, tier: Option<u8>) -> u64 {
        let less = |price: u64, percent: u8| (price * (100 - u64::from(percent)) + 50) / 100;
        let qty = u64::from(self.qty);
        self.kinds.iter().fold(self.unit_price * qty, |left, kind| match kind {
            DiscountKind::Tier if left == self.unit_price * qty => {
                tier.map_or(left, |percent| less(self.unit_price, percent) * qty)
            }
            DiscountKind::Tier => tier.map_or(left, |percent| less(left, percent)),
            DiscountKind::Coupon => self.coupon.map_or(left, |percent| less(left, percent)),
            DiscountKind::Green => self.green.map_or(left, |percent| less(left, percent)),
            DiscountKind::Threshold => left - self.off,
        })
    }
}

/// A room.
#[derive(Clone, Debug)]
pub(crate) struct ModelRoom {
    pub(crate) deadline: Millis,
    /// What it ended with: the percentage of its tier, or nothing if it failed.
    pub(crate) settled: Option<Option<u8>>,
}

/// A payment that came in and what it was answered.
#[derive(Clone, Debug)]
pub(crate) struct ModelPayment {
    pub(crate) id: &'static str,
    pub(crate) order: usize,
    pub(crate) amount: u64,
    pub(crate) answer: Answer,
    /// Whether it paid the order, or is due back.
    pub(crate) applied: bool,
}

/// What a buyer did, as far as blocking goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Lapsed,
    /// Too many lapses.
    LapsedOut,
    /// A late payment undid a lapse, under terms with this limit.
    MadeGood {
        max_lapses: Option<u32>,
    },
    /// By an admin.
    Blocked,
    Unblocked,
}

/// One SKU.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) terms: Arc<SkuTerms>,
    pub(crate) total: i64,
    /// Units that each store has altogether.
    pub(crate) stores: Vec<i64>,
    /// Of a dynamic price.
    moved_to: u64,
    /// Since when the price is of its kind.
    kind_since: Millis,
    /// What was given to which order, in the order of giving.
    given: Vec<(usize, Vec<u32>)>,
    pub(crate) paused: bool,
    pub(crate) orders: Vec<ModelOrder>,
    pub(crate) payments: Vec<ModelPayment>,
    /// Accepted commands with their answers.
    accepted: Vec<(Command<&'static str>, Answer)>,
    pub(crate) rooms: Vec<ModelRoom>,
    deeds: Vec<(&'static str, Deed)>,
    enrolment: Option<Arc<Enrolment>>,
    /// How every buyer stands with the campaign.
    pub(crate) standing: Standing,
}

impl Model {
    pub(crate) fn new(terms: SkuTerms, stock: u32) -> Self {
        let moved_to = if let Price::Dynamic(dynamic) = terms.price { dynamic.initial } else { 0 };
        Self {
            stores: terms.stores.iter().flatten().map(|store| i64::from(store.stock)).collect(),
            moved_to,
            kind_since: START,
            given: Vec::new(),
            terms: Arc::new(terms),
            total: i64::from(stock),
            paused: false,
            orders: Vec::new(),
            payments: Vec::new(),
            accepted: Vec::new(),
            rooms: Vec::new(),
            deeds: Vec::new(),
            enrolment: None,
            standing: Standing::FREE,
        }
    }

    /// The price of one unit: of a ladder, as many steps below its start as there were since the creation, which is
    /// when every run begins, or since the start.
    pub(crate) fn unit_price(&self, now: Millis) -> u64 {
        match self.terms.price {
            Price::Fixed(price) => price,
            Price::Dynamic(_) => self.moved_to,
            Price::Ladder(ladder) => {
                let Step::Amount(step) = ladder.step else { panic!("these runs have no other steps") };
                let mut at = self.starts_at().unwrap_or(self.kind_since).plus(ladder.every_ms);
                let mut price = ladder.start;
                while at <= now && price > ladder.floor {
                    price = ladder.floor.max(price - step.min(price));
                    at = at.plus(ladder.every_ms);
                }
                price
            }
        }
    }

    fn reprice(&mut self, price: u64) -> Told {
        let Price::Dynamic(dynamic) = self.terms.price else {
            return Err(NoChange::Refused(Refusal::NotDynamic));
        };
        let step = (self.moved_to * u64::from(dynamic.max_step_percent) + 50) / 100;
        let step = step.max(1);
        let (lowest, highest) = (self.moved_to.saturating_sub(step), self.moved_to + step);
        let (floor, ceiling) = if price < dynamic.floor || price > dynamic.ceiling {
            (dynamic.floor, dynamic.ceiling)
        } else if price < lowest || price > highest {
            (lowest.max(dynamic.floor), highest.min(dynamic.ceiling))
        } else {
            self.moved_to = price;
            return Ok(Answer::Repriced { price });
        };
        Err(NoChange::Rejected(Rejection::OutOfBounds { floor, ceiling }))
    }

    /// The later of the SKU's start and the campaign's.
    fn starts_at(&self) -> Option<Millis> {
        let campaign = self.enrolment.as_ref().and_then(|part| part.window.starts_at);
        self.terms.starts_at.into_iter().chain(campaign).max()
    }

    /// The earlier of the SKU's end and the campaign's.
    fn ends_at(&self) -> Option<Millis> {
        let campaign = self.enrolment.as_ref().and_then(|part| part.window.ends_at);
        self.terms.ends_at.into_iter().chain(campaign).min()
    }

    /// What a command comes to, remembered if it is accepted.
    pub(crate) fn ask(&mut self, command: &Command<&'static str>, now: Millis) -> Told {
        self.close_overdue(command, now);
        if let Command::Pay { order, .. } | Command::Cancel { order, .. } = command
            && self.orders.get(order.0 as usize - 1).is_some_and(|order| order.cart.is_some())
        {
            return Err(NoChange::Refused(Refusal::InCart));
        }
        if let Some(scope) = scope(command) {
            let before = self.accepted.iter().find(|(known, _)| self::scope(known) == Some(scope));
            // An order's commands ask for the order first; a scope that was accepted has one.
            if let Some((known, answer)) = before {
                return Err(if known == command {
                    NoChange::Repeated(*answer)
                } else {
                    NoChange::Refused(Refusal::RequestReused)
                });
            }
        }
        let answer = self.judge(command, now)?;
        self.accepted.push((command.clone(), answer));
        Ok(answer)
    }

    fn judge(&mut self, command: &Command<&'static str>, now: Millis) -> Told {
        match *command {
            Command::Put { ref terms, .. } => {
                let mut new = (**terms).clone();
                let kind = |price: &Price| std::mem::discriminant(price);
                let another_kind = kind(&terms.price) != kind(&self.terms.price);
                // All of the document but its price, unless that is of another kind.
                if !another_kind {
                    new.price = self.terms.price;
                }
                if new.stores != self.terms.stores {
                    return Err(NoChange::Refused(Refusal::StoresFixed));
                }
                if another_kind && !self.orders.is_empty() {
                    return Err(NoChange::Refused(Refusal::Fixed { field: "price" }));
                }
                if new.fulfilment != self.terms.fulfilment {
                    if !self.orders.is_empty() {
                        return Err(NoChange::Refused(Refusal::Fixed { field: "fulfilment" }));
                    }
                    if let Some(Fulfilment::Codes(codes)) = &new.fulfilment
                        && codes.len() as i64 != self.total
                    {
                        let stock = u32::try_from(self.total).unwrap_or(0);
                        return Err(NoChange::Refused(Refusal::CodesNotStock { stock }));
                    }
                }
                if another_kind && !(new == *self.terms) {
                    self.kind_since = now;
                    self.moved_to = if let Price::Dynamic(dynamic) = new.price { dynamic.initial } else { 0 };
                }
                let forming = self.rooms.iter().any(|room| room.settled.is_none());
                if forming && new.group_buy != self.terms.group_buy {
                    return Err(NoChange::Refused(Refusal::RoomsForming));
                }
                let same = new == *self.terms;
                self.terms = Arc::new(new);
                Ok(if same { Answer::Unchanged } else { Answer::Updated })
            }
            Command::Restock { store: Some(_), .. } if self.stores.is_empty() => {
                Err(store_refused("this SKU has no stores; leave it out"))
            }
            Command::Restock { store: Some("s9"), .. } => {
                Err(store_refused("this SKU has no store of this name"))
            }
            Command::Restock { store: None, .. } if !self.stores.is_empty() => {
                Err(store_refused("say which of this SKU's stores the units are at"))
            }
            Command::Restock { .. } if matches!(self.terms.fulfilment, Some(Fulfilment::Codes(_))) => {
                Err(NoChange::Refused(Refusal::CodesAreStock))
            }
            Command::Restock { delta, store, .. } => {
                let at = match store {
                    None => None,
                    Some(store) => ["s0", "s1", "s2"].iter().position(|id| *id == store),
                };
                let before = at.map_or(self.available(), |at| self.available_at(at));
                let available = u64::try_from(before).unwrap_or(0);
                let after = u64::try_from(before + delta);
                let after = after.map_err(|_| NoChange::Rejected(Rejection::Insufficient { available }))?;
                if let Some(at) = at {
                    self.stores[at] += delta;
                }
                self.total += delta;
                Ok(Answer::Restocked { available: after })
            }
            Command::Reprice { price, .. } => self.reprice(price),
            Command::Pause => {
                self.paused = true;
                Ok(Answer::Paused)
            }
            Command::Resume => {
                self.paused = false;
                Ok(Answer::Resumed)
            }
            Command::Block { buyer } => {
                self.deeds.push((buyer, Deed::Blocked));
                Ok(Answer::Blocked)
            }
            Command::Unblock { buyer } => {
                self.deeds.push((buyer, Deed::Unblocked));
                Ok(Answer::Unblocked)
            }
            Command::Enrol { ref enrolment } => {
                let same = *enrolment == self.enrolment;
                self.enrolment.clone_from(enrolment);
                Ok(if same { Answer::Unchanged } else { Answer::Updated })
            }
            Command::Reserve { buyer, qty, max_price, coupon, at: ref place, .. } => {
                let at = self.reserve(buyer, qty, (max_price, coupon, place.is_some()), now)?;
                let (amount, expires_at) = (self.orders[at].due(), self.orders[at].expires_at);
                Ok(Answer::Reserved { order: number(at), amount, expires_at })
            }
            Command::HoldLine { ref line, buyer, qty, coupon } => {
                if self.enrolment.as_ref().is_none_or(|part| &*part.campaign != line.campaign) {
                    return Err(NoChange::Rejected(Rejection::NotFound));
                }
                let at = self.reserve(buyer, qty, (None, coupon, false), now)?;
                self.orders[at].cart = Some((line.campaign, line.cart));
                self.orders[at].expires_at = line.expires_at;
                let (amount, expires_at) = (self.orders[at].due(), line.expires_at);
                Ok(Answer::Reserved { order: number(at), amount, expires_at })
            }
            Command::SettleLine { order, campaign, cart, off, ref state } => {
                let at = self.find(order.0)?;
                if self.orders[at].cart != Some((campaign, cart)) {
                    return Err(NoChange::Rejected(Rejection::NotFound));
                }
                self.settle_line(at, off, state, now);
                Ok(if matches!(state, LineState::Paid { .. }) { Answer::Paid } else { Answer::Updated })
            }
            Command::OpenRoom { buyer, qty, .. } => {
                let group_buy = self.terms.group_buy.clone();
                let group_buy = group_buy.ok_or(NoChange::Refused(Refusal::NoGroupBuy))?;
                let at = self.reserve(buyer, qty, (None, None, false), now)?;
                let deadline = now.plus(group_buy.ttl_ms);
                self.rooms.push(ModelRoom { deadline, settled: None });
                let room = RoomNumber(u32::try_from(self.rooms.len()).unwrap_or(0));
                let (amount, expires_at) = self.sit(at, room.0, group_buy.tiers[0].percent_off);
                Ok(Answer::Opened { room, order: number(at), amount, expires_at })
            }
            Command::JoinRoom { room, buyer, qty, .. } => self.join(room.0, buyer, qty, now),
            Command::Pay { order, amount, payment, .. } => {
                self.pay(self.find(order.0)?, amount, payment, now).map_err(|no| match no {
                    Some(due) => NoChange::Rejected(Rejection::AmountMismatch { due }),
                    None => NoChange::Refused(Refusal::PaymentReused),
                })
            }
            Command::Cancel { order, .. } => {
                self.cancel(self.find(order.0)?, now).map_err(NoChange::Rejected)
            }
            Command::Refund { order, restock, .. } => {
                self.refund(self.find(order.0)?, restock).map_err(NoChange::Rejected)
            }
        }
    }

    fn find(&self, order: u32) -> Result<usize, NoChange> {
        let at = order as usize - 1;
        if at < self.orders.len() { Ok(at) } else { Err(NoChange::Rejected(Rejection::NotFound)) }
    }
}

fn store_refused(what: &'static str) -> NoChange {
    NoChange::Refused(Refusal::Store { what })
}

/// The number of the order at this position.
fn number(at: usize) -> OrderNumber {
    OrderNumber(u32::try_from(at + 1).unwrap_or(0))
}

/// Where a command's request id must be new: a letter for the kind of key, the key, the buyer, the id.
fn scope(command: &Command<&'static str>) -> Option<(char, u32, &'static str, &'static str)> {
    match *command {
        Command::Restock { req, .. } | Command::Reprice { req, .. } => Some(('s', 0, "", req)),
        Command::Reserve { req, buyer, .. } | Command::OpenRoom { req, buyer, .. } => {
            Some(('s', 0, buyer, req))
        }
        Command::JoinRoom { room, req, buyer, .. } => Some(('r', room.0, buyer, req)),
        Command::Pay { order, req, .. }
        | Command::Cancel { order, req, .. }
        | Command::Refund { order, req, .. } => Some(('o', order.0, "", req)),
        _ => None,
    }
}
