//! The rules of the sale written a second time, as plainly as possible: lists that are searched and sums that are
//! counted anew each time. Slow, and easy to compare with the protocol's page.

mod buyers;
mod orders;
mod rooms;
mod stock;
mod terms;

use std::sync::Arc;

use tidegate_engine::{
    Answer, Command, Enrolment, Millis, NoChange, OrderNumber, Price, Refusal, Rejection, SkuTerms, Standing,
};

use self::buyers::Deed;
use self::orders::{ModelOrder, ModelPayment};
use self::rooms::ModelRoom;
use crate::common::{START, Told};

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
            Command::Put { ref terms, .. } => self.put(terms, now),
            Command::Restock { delta, store, .. } => self.restock(delta, store),
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
                self.hold_line(line, buyer, qty, coupon, now)
            }
            Command::SettleLine { order, campaign, cart, off, ref state } => {
                self.settle_line(self.find(order.0)?, (campaign, cart), off, state, now)
            }
            Command::OpenRoom { buyer, qty, .. } => self.open(buyer, qty, now),
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
