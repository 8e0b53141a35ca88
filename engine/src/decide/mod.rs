//! The rules of the sale: what a command comes to.
//!
//! Each function below is a ladder of guards in the order in which the protocol says they are judged, and ends
//! with the events that make the command so. Nothing here changes anything.

mod capacity;
mod end;
mod line;
mod pay;
mod reserve;
mod room;
mod terms;

use smallvec::{SmallVec, smallvec};

use self::reserve::{Reservation, at_text};
use crate::buyers::{Block, Buyer, BuyerNumber};
use crate::hashing::fingerprint;
use crate::sku::{Sku, SkuState};
use crate::stock::MAX_STOCK;
use crate::{
    Answer, Command, Event, Fingerprint, Millis, OrderNumber, Payment, Refusal, Rejection, Request, Standing,
};

/// The events of one decision, in the order in which they are to be applied.
pub type Events<'a> = SmallVec<[Event<'a>; 1]>;

/// An accepted command: what happens, and what the caller is told once that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// What happens. Empty when everything was already as asked.
    pub events: Events<'a>,
    /// What the caller is told.
    pub answer: Answer,
}

/// A command that changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoChange {
    /// This request was accepted before; this is the answer it got.
    Repeated(Answer),
    /// The rules say no.
    Rejected(Rejection),
    /// The caller is at fault, or a limit is reached.
    Refused(Refusal),
}

impl From<Rejection> for NoChange {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Refusal> for NoChange {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// How much one SKU may remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Orders, whatever became of them.
    pub max_orders: u32,
    /// Accepted requests other than reservations. What moves an order on (its payment, cancellation and refund, at
    /// most three) has room beyond this: an order that was accepted can be paid, whatever else was asked.
    pub max_requests: u32,
    /// Buyers.
    pub max_buyers: u32,
    /// Group-buy rooms, whatever became of them.
    pub max_rooms: u32,
}

impl Default for Limits {
    /// What fits 32-bit row numbers: in practice no limit but memory.
    fn default() -> Self {
        Self {
            max_orders: u32::MAX - 1,
            max_requests: u32::MAX - 1,
            max_buyers: u32::MAX - 1,
            max_rooms: u32::MAX - 1,
        }
    }
}

type Judged<'a> = Result<Change<'a>, NoChange>;

fn accept<'a>(event: Event<'a>, answer: Answer) -> Judged<'a> {
    Ok(Change { events: smallvec![event], answer })
}

/// Everything is already as asked.
fn as_it_is<'a>(answer: Answer) -> Judged<'a> {
    Ok(Change { events: SmallVec::new(), answer })
}

fn reject<'a>(rejection: Rejection) -> Judged<'a> {
    Err(NoChange::Rejected(rejection))
}

impl SkuState {
    /// What `command` comes to at `now`.
    ///
    /// # Errors
    /// A [`NoChange`] when nothing is to be applied or journaled.
    pub fn decide<'a>(
        &self,
        command: &Command<&'a str>,
        now: Millis,
        limits: &Limits,
    ) -> Result<Change<'a>, NoChange> {
        self.decide_for(command, now, limits, &Standing::FREE)
    }

    /// The same for a buyer who stands with the SKU's campaign like this.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub fn decide_for<'a>(
        &self,
        command: &Command<&'a str>,
        now: Millis,
        limits: &Limits,
        standing: &Standing,
    ) -> Result<Change<'a>, NoChange> {
        match (&self.sku, command) {
            (Some(sku), command) => sku.decide(command, now, limits, standing),
            (None, Command::Put { stock, .. }) if *stock > MAX_STOCK => Err(Refusal::StockTooLarge.into()),
            (None, Command::Put { terms, stock }) => {
                accept(Event::Created { terms: terms.clone(), stock: *stock }, Answer::Created)
            }
            (None, _) => reject(Rejection::NotFound),
        }
    }

    /// The end of a reservation whose hold has run out at `now`; no events if it has not, or is no reservation.
    #[must_use]
    pub fn decide_expiry(&self, number: OrderNumber, now: Millis) -> Events<'static> {
        match self.sku.as_ref().and_then(|sku| Some((sku, sku.orders.get(number)?))) {
            Some((sku, order)) if sku.has_lapsed(order, now) => {
                sku.ended_unpaid(Event::Expired { order: number }, order, now)
            }
            _ => Events::new(),
        }
    }
}

impl Sku {
    fn decide<'a>(
        &self,
        command: &Command<&'a str>,
        now: Millis,
        limits: &Limits,
        standing: &Standing,
    ) -> Judged<'a> {
        match *command {
            Command::Put { ref terms, .. } => self.put(terms),
            Command::Enrol { ref enrolment } if *enrolment == self.enrolment => as_it_is(Answer::Unchanged),
            Command::Enrol { ref enrolment } => {
                accept(Event::Enrolled { enrolment: enrolment.clone() }, Answer::Updated)
            }
            Command::Restock { req, delta, store } => {
                let fingerprint = fingerprint(1, [delta.cast_unsigned(), 0], store.unwrap_or(""));
                self.restock(Request { id: req, fingerprint }, delta, store, limits)
            }
            Command::Reprice { req, price } => {
                let request = Request { id: req, fingerprint: fingerprint(6, [price, 0], "") };
                self.reprice(request, price, limits)
            }
            Command::Pause if self.paused => as_it_is(Answer::Paused),
            Command::Pause => accept(Event::Paused, Answer::Paused),
            Command::Resume if self.paused => accept(Event::Resumed, Answer::Resumed),
            Command::Resume => as_it_is(Answer::Resumed),
            Command::Reserve { req, buyer, qty, max_price, coupon, ref at } => {
                // No price is as high as "any price".
                let numbers = [u64::from(qty), max_price.unwrap_or(u64::MAX)];
                let fingerprint = match (coupon, at) {
                    (None, None) => fingerprint(2, numbers, ""),
                    (Some(coupon), None) => fingerprint(2, numbers, coupon),
                    (coupon, Some(at)) => fingerprint(9, numbers, &at_text(at, coupon)),
                };
                let request = Request { id: req, fingerprint };
                let (known, at, in_cart) = (self.buyer(buyer), at.is_some(), false);
                let asked =
                    Reservation { request, buyer, known, qty, max_price, coupon, at, in_cart, standing };
                self.reserve(&asked, now, limits)
            }
            Command::HoldLine { line, buyer, qty, coupon } => {
                let asked = self.line_for((buyer, qty), coupon, standing);
                self.hold_line(line, &asked, now, limits)
            }
            Command::SettleLine { order, campaign, cart, off, ref state } => {
                self.settle_line((order, campaign, cart), off, state)
            }
            Command::OpenRoom { req, buyer, qty } => {
                let request = Request { id: req, fingerprint: fingerprint(7, [u64::from(qty), 0], "") };
                self.open_room(&self.seat_for(request, (buyer, qty), standing), now, limits)
            }
            Command::JoinRoom { room, req, buyer, qty } => {
                let request = Request { id: req, fingerprint: fingerprint(8, [u64::from(qty), 0], "") };
                self.join_room(room, &self.seat_for(request, (buyer, qty), standing), now, limits)
            }
            Command::Pay { order, req, amount, payment } => {
                let request = Request { id: req, fingerprint: fingerprint(3, [amount, 0], payment) };
                self.pay(Payment { order, request, id: payment, amount }, standing, now, limits)
            }
            Command::Cancel { order, req, reason } => {
                let given = u64::from(reason.is_some());
                let request =
                    Request { id: req, fingerprint: fingerprint(4, [given, 0], reason.unwrap_or("")) };
                self.cancel(order, request, reason, now, limits)
            }
            Command::Refund { order, req, restock } => {
                let request = Request { id: req, fingerprint: fingerprint(5, [u64::from(restock), 0], "") };
                self.refund(order, request, restock, now, limits)
            }
            Command::Block { buyer } => self.block(buyer, limits),
            Command::Unblock { buyer } => match self.buyer(buyer) {
                Some((_, row)) if row.is_blocked() || row.lapses > 0 => {
                    accept(Event::BuyerUnblocked { buyer }, Answer::Unblocked)
                }
                _ => as_it_is(Answer::Unblocked),
            },
        }
    }

    fn block<'a>(&self, buyer: &'a str, limits: &Limits) -> Judged<'a> {
        match self.buyer(buyer) {
            Some((_, row)) if row.block() == Block::ByAdmin => return as_it_is(Answer::Blocked),
            Some(_) => {}
            None => self.room_for_buyer(buyer, limits)?,
        }
        accept(Event::BuyerBlocked { buyer }, Answer::Blocked)
    }

    pub(crate) fn buyer(&self, name: &str) -> Option<(BuyerNumber, &Buyer)> {
        let number = self.buyers.find(name, &self.texts, self.hashing)?;
        Some((number, self.buyers.get(number)?))
    }

    /// Invariant 8: the same request gets the same answer; another one under its id is an error.
    fn judge_repeat(&self, order: Option<OrderNumber>, request: Request<'_>) -> Result<(), NoChange> {
        match self.requests.find(order, request.id, &self.texts, self.hashing) {
            None => Ok(()),
            Some(kept) => Err(repeat(kept.fingerprint, request.fingerprint, || self.requests.answer(kept))),
        }
    }

    /// Accepts a request that finds its work done.
    fn note<'a>(
        &self,
        order: OrderNumber,
        request: Request<'a>,
        answer: Answer,
        limits: &Limits,
    ) -> Judged<'a> {
        self.room_for_request(&[request.id], limits)?;
        accept(Event::Noted { order, request, answer }, answer)
    }
}

fn repeat(kept: Fingerprint, asked: Fingerprint, answer: impl FnOnce() -> Answer) -> NoChange {
    if kept == asked { NoChange::Repeated(answer()) } else { NoChange::Refused(Refusal::RequestReused) }
}
