//! The rules of the sale written a second time, as plainly as possible: lists that are searched and sums that are
//! counted anew each time. Slow, and easy to compare with the protocol's page.

use std::sync::Arc;

use tidegate_engine::{
    Answer, Command, LatePayment, Millis, NoChange, OrderState, Price, Refusal, Rejection, SkuTerms,
};

use crate::common::Told;

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
}

impl ModelOrder {
    pub(crate) fn due(&self) -> u64 {
        self.unit_price * u64::from(self.qty)
    }
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
    pub(crate) paused: bool,
    pub(crate) orders: Vec<ModelOrder>,
    pub(crate) payments: Vec<ModelPayment>,
    /// Accepted commands with their answers.
    accepted: Vec<(Command<&'static str>, Answer)>,
    deeds: Vec<(&'static str, Deed)>,
}

impl Model {
    pub(crate) fn new(terms: SkuTerms, stock: u32) -> Self {
        Self {
            terms: Arc::new(terms),
            total: i64::from(stock),
            paused: false,
            orders: Vec::new(),
            payments: Vec::new(),
            accepted: Vec::new(),
            deeds: Vec::new(),
        }
    }

    fn units(&self, of: impl Fn(&ModelOrder) -> bool) -> i64 {
        self.orders.iter().filter(|order| of(order)).map(|order| i64::from(order.qty)).sum()
    }

    pub(crate) fn reserved(&self) -> i64 {
        self.units(|order| order.state == OrderState::Reserved)
    }

    pub(crate) fn sold(&self) -> i64 {
        self.units(|order| order.keeps_units)
    }

    pub(crate) fn available(&self) -> i64 {
        self.total - self.reserved() - self.sold()
    }

    fn left_for(&self, buyer: &str, except: Option<usize>) -> i64 {
        let counts = |order: &&ModelOrder| {
            order.buyer == buyer && matches!(order.state, OrderState::Reserved | OrderState::Paid)
        };
        let others = self.orders.iter().enumerate().filter(|(at, _)| Some(*at) != except).map(|(_, o)| o);
        let held: i64 = others.filter(counts).map(|order| i64::from(order.qty)).sum();
        let by_buyer =
            self.terms.per_buyer_limit.map_or(i64::from(u32::MAX), |l| (i64::from(l) - held).max(0));
        by_buyer.min(self.terms.per_order_limit.map_or(i64::from(u32::MAX), i64::from))
    }

    fn deeds_since_unblocked(&self, buyer: &str) -> Vec<Deed> {
        let all = self.deeds.iter().filter(|(who, _)| *who == buyer).map(|(_, deed)| *deed);
        all.fold(Vec::new(), |mut since, deed| {
            match deed {
                Deed::Unblocked => since.clear(),
                // One lapse less, if one is on the record, and no block if that leaves fewer than too many.
                Deed::MadeGood { max_lapses } => {
                    if let Some(at) = since.iter().position(|deed| *deed == Deed::Lapsed) {
                        since.remove(at);
                    }
                    let left = since.iter().filter(|deed| **deed == Deed::Lapsed).count();
                    if max_lapses.is_none_or(|max| left < max as usize) {
                        since.retain(|deed| *deed != Deed::LapsedOut);
                    }
                }
                _ => since.push(deed),
            }
            since
        })
    }

    fn is_blocked(&self, buyer: &str) -> bool {
        let deeds = self.deeds_since_unblocked(buyer);
        deeds.contains(&Deed::Blocked) || deeds.contains(&Deed::LapsedOut)
    }

    fn lapsed(&mut self, buyer: &'static str) {
        self.deeds.push((buyer, Deed::Lapsed));
        let lapses = self.deeds_since_unblocked(buyer).iter().filter(|deed| **deed == Deed::Lapsed).count();
        if self.terms.max_lapses.is_some_and(|max| lapses >= max as usize) {
            self.deeds.push((buyer, Deed::LapsedOut));
        }
    }

    fn has_run_out(&self, order: usize, now: Millis) -> bool {
        self.orders[order].state == OrderState::Reserved && self.orders[order].expires_at <= now
    }

    /// When the next reservation runs out.
    pub(crate) fn next_expiry(&self) -> Option<Millis> {
        let held = self.orders.iter().filter(|order| order.state == OrderState::Reserved);
        held.map(|order| order.expires_at).min()
    }

    /// The timer of this order ran.
    pub(crate) fn expire(&mut self, order: usize) {
        self.orders[order].state = OrderState::Expired;
        self.lapsed(self.orders[order].buyer);
    }

    /// What a command comes to, remembered if it is accepted.
    pub(crate) fn ask(&mut self, command: &Command<&'static str>, now: Millis) -> Told {
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
                // All of the document but its price.
                let mut new = (**terms).clone();
                new.price = self.terms.price;
                let same = new == *self.terms;
                self.terms = Arc::new(new);
                Ok(if same { Answer::Unchanged } else { Answer::Updated })
            }
            Command::Restock { delta, .. } => {
                let available = u64::try_from(self.available()).unwrap_or(0);
                let after = u64::try_from(self.available() + delta);
                let after = after.map_err(|_| NoChange::Rejected(Rejection::Insufficient { available }))?;
                self.total += delta;
                Ok(Answer::Restocked { available: after })
            }
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
            Command::Reserve { buyer, qty, max_price, .. } => self.reserve(buyer, qty, max_price, now),
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

    fn reserve(&mut self, buyer: &'static str, qty: u32, max_price: Option<u64>, now: Millis) -> Told {
        let Price::Fixed(unit_price) = self.terms.price;
        let left = self.left_for(buyer, None);
        let starts_at = self.terms.starts_at.unwrap_or_default();
        let allow = self.terms.allow.as_deref();
        let reasons = [
            (self.is_blocked(buyer), Rejection::Blocked),
            (allow.is_some_and(|list| !list.iter().any(|b| **b == *buyer)), Rejection::NotEligible),
            (now < starts_at, Rejection::NotOpen { starts_at }),
            (self.terms.ends_at.is_some_and(|end| end <= now), Rejection::Ended),
            (self.paused, Rejection::Paused),
            (i64::from(qty) > self.available(), Rejection::SoldOut),
            (i64::from(qty) > left, Rejection::Limit { left: u32::try_from(left).unwrap_or(u32::MAX) }),
            (max_price.is_some_and(|max| max < unit_price), Rejection::PriceChanged { price: unit_price }),
        ];
        if let Some((_, reason)) = reasons.into_iter().find(|(holds, _)| *holds) {
            return Err(NoChange::Rejected(reason));
        }
        let expires_at = now.plus(u64::from(self.terms.hold_ms));
        self.orders.push(ModelOrder {
            buyer,
            qty,
            unit_price,
            reserved_at: now,
            expires_at,
            state: OrderState::Reserved,
            paid_at: None,
            keeps_units: false,
        });
        let order = tidegate_engine::OrderNumber(u32::try_from(self.orders.len()).unwrap_or(0));
        Ok(Answer::Reserved { order, amount: unit_price * u64::from(qty), expires_at })
    }

    /// `Err(Some(due))`: another amount is due; `Err(None)`: the payment belongs to another order.
    fn pay(&mut self, at: usize, amount: u64, id: &'static str, now: Millis) -> Result<Answer, Option<u64>> {
        if let Some(known) = self.payments.iter().find(|payment| payment.id == id) {
            return if known.order == at { Ok(known.answer) } else { Err(None) };
        }
        let order = self.orders[at].clone();
        let run_out = self.has_run_out(at, now);
        let in_time = order.state == OrderState::Reserved && !run_out;
        let late = run_out || order.state == OrderState::Expired;
        let own = if run_out { i64::from(order.qty) } else { 0 };
        let open = !self.paused
            && self.terms.starts_at.is_none_or(|start| start <= now)
            && self.terms.ends_at.is_none_or(|end| now < end);
        let again = late
            && self.terms.late_payment == LatePayment::Reacquire
            && open
            && i64::from(order.qty) <= self.available() + own
            && i64::from(order.qty) <= self.left_for(order.buyer, Some(at));
        let applied = in_time || again;
        if applied && amount != order.due() {
            return Err(Some(order.due()));
        }
        let answer = match order.state {
            _ if applied => Answer::Paid,
            OrderState::Cancelled => Answer::Cancelled,
            _ => Answer::RefundDue,
        };
        if applied {
            self.orders[at].state = OrderState::Paid;
            self.orders[at].paid_at = Some(now);
            self.orders[at].keeps_units = true;
            if late {
                if run_out {
                    self.lapsed(order.buyer);
                }
                self.deeds.push((order.buyer, Deed::MadeGood { max_lapses: self.terms.max_lapses }));
            }
        } else if late {
            self.orders[at].state = OrderState::RefundDue;
            if run_out {
                self.lapsed(order.buyer);
            }
        }
        self.payments.push(ModelPayment { id, order: at, amount, answer, applied });
        Ok(answer)
    }

    fn cancel(&mut self, at: usize, now: Millis) -> Result<Answer, Rejection> {
        match self.orders[at].state {
            OrderState::Reserved if !self.has_run_out(at, now) => {
                self.orders[at].state = OrderState::Cancelled;
                self.lapsed(self.orders[at].buyer);
                Ok(Answer::Cancelled)
            }
            OrderState::Cancelled => Ok(Answer::Cancelled),
            OrderState::Paid | OrderState::Refunded => Err(Rejection::AlreadyPaid),
            OrderState::Reserved | OrderState::Expired | OrderState::RefundDue => Err(Rejection::Expired),
        }
    }

    fn refund(&mut self, at: usize, restock: bool) -> Result<Answer, Rejection> {
        let order = &mut self.orders[at];
        if !matches!(order.state, OrderState::Paid | OrderState::RefundDue | OrderState::Refunded) {
            return Err(Rejection::NotPaid);
        }
        order.state = OrderState::Refunded;
        order.keeps_units &= !restock;
        Ok(Answer::Refunded)
    }
}

/// Where a command's request id must be new: a letter for the kind of key, the key, the buyer, the id.
fn scope(command: &Command<&'static str>) -> Option<(char, u32, &'static str, &'static str)> {
    match *command {
        Command::Restock { req, .. } => Some(('s', 0, "", req)),
        Command::Reserve { req, buyer, .. } => Some(('s', 0, buyer, req)),
        Command::Pay { order, req, .. }
        | Command::Cancel { order, req, .. }
        | Command::Refund { order, req, .. } => Some(('o', order.0, "", req)),
        _ => None,
    }
}
