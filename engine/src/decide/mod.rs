//! The rules of the sale: what a command comes to.
//!
//! Each function below is a ladder of guards in the order in which the protocol says they are judged, and ends
//! with the events that make the command so. Nothing here changes anything.

mod pay;
mod room;

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use self::room::Held;
use crate::buyers::{Block, Buyer, BuyerNumber};
use crate::hashing::fingerprint;
use crate::orders::{Order, OrderState};
use crate::sku::{Sku, SkuState};
use crate::stock::{MAX_STOCK, RestockError, Stock};
use crate::stores::{merged, pick};
use crate::tables::MAX_TEXT;
use crate::{
    Answer, At, Command, CouponUse, Discounts, Event, Fingerprint, Fulfilment, MAX_GIVEN, Millis,
    OrderNumber, Payment, PercentOff, Phase, Place, Price, Refusal, Rejection, Request, RoomNumber, SkuTerms,
    Standing, StoreNumber, line_amount,
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

/// What a reserved order may yet have to keep: the request and the payment that pay it, each with its length.
const STEP_BYTES: u64 = 2 * (MAX_TEXT as u64 + 1);

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
                let asked =
                    Reservation { request, buyer, qty, max_price, coupon, at: at.is_some(), standing };
                self.reserve(&asked, now, limits)
            }
            Command::OpenRoom { req, buyer, qty } => {
                let request = Request { id: req, fingerprint: fingerprint(7, [u64::from(qty), 0], "") };
                self.open_room(&Reservation::in_room(request, buyer, qty, standing), now, limits)
            }
            Command::JoinRoom { room, req, buyer, qty } => {
                let request = Request { id: req, fingerprint: fingerprint(8, [u64::from(qty), 0], "") };
                self.join_room(room, &Reservation::in_room(request, buyer, qty, standing), now, limits)
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

    /// A document never resets price or stock of a SKU that is there, nor changes what the first order fixed. Before
    /// that, another kind of price, and other codes or serials, are taken over.
    fn put<'a>(&self, document: &SkuTerms) -> Judged<'a> {
        let terms = if document.price.is_same_kind(&self.terms.price) {
            SkuTerms { price: self.terms.price, ..document.clone() }
        } else {
            document.clone()
        };
        let stores = match (&self.terms.stores, &terms.stores) {
            (None, None) => None,
            (Some(there), Some(stores)) => Some(merged(there, stores).ok_or(Refusal::StoresFixed)?),
            (None, Some(_)) | (Some(_), None) => return Err(Refusal::StoresFixed.into()),
        };
        let terms = SkuTerms { stores, ..terms };
        if terms == *self.terms {
            return as_it_is(Answer::Unchanged);
        }
        let given = terms.fulfilment != self.terms.fulfilment;
        if self.orders.len() > 0 {
            let fixed = [
                (!terms.price.is_same_kind(&self.terms.price), "price"),
                (terms.currency != self.terms.currency, "currency"),
                (given, "fulfilment"),
            ];
            if let Some((_, field)) = fixed.into_iter().find(|(changed, _)| *changed) {
                return Err(Refusal::Fixed { field }.into());
            }
        }
        if let Some(Fulfilment::Codes(codes)) = terms.fulfilment.as_ref().filter(|_| given)
            && codes.len() != self.stock.total() as usize
        {
            return Err(Refusal::CodesNotStock { stock: self.stock.total() }.into());
        }
        if terms.group_buy != self.terms.group_buy && self.rooms.forming_count() > 0 {
            return Err(Refusal::RoomsForming.into());
        }
        if given {
            return accept(Event::Remade { terms: Arc::new(terms) }, Answer::Updated);
        }
        // Codes are written down once.
        let terms = SkuTerms { fulfilment: None, ..terms };
        accept(Event::Updated { terms: Arc::new(terms) }, Answer::Updated)
    }

    fn restock<'a>(
        &self,
        request: Request<'a>,
        delta: i64,
        store: Option<&str>,
        limits: &Limits,
    ) -> Judged<'a> {
        self.judge_repeat(None, request)?;
        let store = self.store_to_restock(store)?;
        if matches!(self.terms.fulfilment, Some(Fulfilment::Codes(_))) {
            return Err(Refusal::CodesAreStock.into());
        }
        let restocked = |stock: &Stock| {
            let available = u64::from(stock.available());
            stock.restocked(delta).map_err(|error| match error {
                RestockError::Insufficient => NoChange::Rejected(Rejection::Insufficient { available }),
                RestockError::TooLarge => NoChange::Refused(Refusal::StockTooLarge),
            })
        };
        let (event, stock) = match store {
            None => (Event::Restocked { request, delta }, restocked(&self.stock)?),
            Some((number, stock)) => {
                let after = restocked(stock)?;
                restocked(&self.stock)?;
                (Event::StoreRestocked { request, delta, store: number }, after)
            }
        };
        self.room_for_request(&[request.id], limits)?;
        accept(event, Answer::Restocked { available: u64::from(stock.available()) })
    }

    fn store_to_restock(&self, id: Option<&str>) -> Result<Option<(StoreNumber, &Stock)>, Refusal> {
        match (&self.terms.stores, id) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Refusal::Store { what: "this SKU has no stores; leave it out" }),
            (Some(_), None) => {
                Err(Refusal::Store { what: "say which of this SKU's stores the units are at" })
            }
            (Some(stores), Some(id)) => {
                let at = stores.iter().position(|store| &*store.id == id);
                let found =
                    at.and_then(|at| Some((StoreNumber(u16::try_from(at).ok()?), self.stores.get(at)?)));
                found.map(Some).ok_or(Refusal::Store { what: "this SKU has no store of this name" })
            }
        }
    }

    /// A dynamic price moves inside its bounds, by no more than its largest step.
    fn reprice<'a>(&self, request: Request<'a>, price: u64, limits: &Limits) -> Judged<'a> {
        self.judge_repeat(None, request)?;
        let Price::Dynamic(dynamic) = self.terms.price else { return Err(Refusal::NotDynamic.into()) };
        let bounds = (dynamic.floor, dynamic.ceiling);
        for (floor, ceiling) in [bounds, dynamic.reach(self.pricing.moved_to)] {
            if !(floor..=ceiling).contains(&price) {
                return reject(Rejection::OutOfBounds { floor, ceiling });
            }
        }
        self.room_for_request(&[request.id], limits)?;
        accept(Event::Repriced { request, price }, Answer::Repriced { price })
    }

    fn reserve<'a>(&self, asked: &Reservation<'a, '_>, now: Millis, limits: &Limits) -> Judged<'a> {
        self.judge_repeated_reservation(asked, None)?;
        let held = self.hold(asked, now, limits)?;
        let Held { order, line, expires_at, .. } = held;
        let mut events: Events<'a> = smallvec![held.event];
        if let Some(store) = held.store {
            events.push(Event::Stored { order, store });
        }
        let mut amount = line;
        if let Some(discounts) = self.discounts_for(asked) {
            let (discounts, _) = discounts.taken_off(line, |_, _| 0);
            amount -= discounts.total();
            events.push(Event::Discounted { order, discounts: Box::new(discounts) });
        }
        Ok(Change { events, answer: Answer::Reserved { order, amount, expires_at } })
    }

    /// Who may buy. The order of the guards is the protocol's order of rejections.
    fn hold<'a>(
        &self,
        asked: &Reservation<'a, '_>,
        now: Millis,
        limits: &Limits,
    ) -> Result<Held<'a>, NoChange> {
        let known = self.buyer(asked.buyer);
        let reject = |rejection| Err(NoChange::Rejected(rejection));
        let lapsed = |buyer: &Buyer| buyer.lapsed_too_often(self.terms.max_lapses);
        if known.is_some_and(|(_, buyer)| buyer.is_blocked() || lapsed(buyer)) {
            return reject(Rejection::Blocked);
        }
        if !self.terms.admits(asked.buyer) {
            return reject(Rejection::NotEligible);
        }
        match self.window().phase(now) {
            Phase::Scheduled(starts_at) => return reject(Rejection::NotOpen { starts_at }),
            Phase::Ended => return reject(Rejection::Ended),
            Phase::Open => {}
        }
        if self.paused {
            return reject(Rejection::Paused);
        }
        if asked.qty > self.stock.available() {
            return reject(Rejection::SoldOut);
        }
        let left = self.left_for(known.map_or(0, |(_, buyer)| buyer.held)).min(asked.standing.left);
        if asked.qty > left {
            return reject(Rejection::Limit { left });
        }
        let unit_price = self.unit_price(now);
        if asked.max_price.is_some_and(|max| unit_price > max) {
            return reject(Rejection::PriceChanged { price: unit_price });
        }
        // Coupons are of campaigns.
        if asked.coupon.is_some() && (self.enrolment.is_none() || asked.standing.coupon.is_none()) {
            return reject(Rejection::CouponInvalid);
        }
        let store = self.store_for(asked)?;
        let line = line_amount(unit_price, asked.qty).ok_or(Refusal::AmountTooLarge)?;
        let order = self.room_for_order(asked, known.is_none(), limits)?;
        let hold_ms = self.terms.hold_ms;
        let event = Event::Reserved {
            order,
            request: asked.request,
            buyer: asked.buyer,
            qty: asked.qty,
            unit_price,
            hold_ms,
        };
        Ok(Held { event, order, store, unit_price, line, expires_at: now.plus(u64::from(hold_ms)) })
    }

    /// The store that the units come from, if the SKU has stores.
    fn store_for(&self, asked: &Reservation<'_, '_>) -> Result<Option<StoreNumber>, Rejection> {
        if self.stores.is_empty() {
            return if asked.at { Err(Rejection::NoStore) } else { Ok(None) };
        }
        let nearby = if asked.at { Some(asked.standing.nearby.as_deref().unwrap_or_default()) } else { None };
        pick(&self.stores, asked.qty, nearby).map(Some).ok_or(Rejection::NoStore)
    }

    /// The discounts that an order of this SKU gets beside a tier, of an amount that is not known yet.
    fn discounts_for(&self, asked: &Reservation<'_, '_>) -> Option<Discounts> {
        let enrolment = self.enrolment.as_deref()?;
        let green = enrolment
            .green
            .filter(|green| self.terms.carbon_g.is_some_and(|carbon_g| carbon_g <= green.max_carbon_g));
        let coupon = asked.coupon.and(asked.standing.coupon);
        let coupon = coupon
            .map(|coupon| CouponUse { code: coupon.code, off: PercentOff::percent(coupon.percent_off) });
        let green = green.map(|green| PercentOff::percent(green.percent_off));
        (coupon.is_some() || green.is_some()).then_some(Discounts { order: enrolment.order, coupon, green })
    }

    fn cancel<'a>(
        &self,
        number: OrderNumber,
        request: Request<'a>,
        reason: Option<&'a str>,
        now: Millis,
        limits: &Limits,
    ) -> Judged<'a> {
        let order = self.orders.get(number).ok_or(Rejection::NotFound)?;
        self.judge_repeat(Some(number), request)?;
        match order.state {
            OrderState::Reserved if self.has_lapsed(order, now) => reject(Rejection::Expired),
            OrderState::Reserved => {
                self.room_for_step(&[request.id])?;
                let events =
                    self.ended_unpaid(Event::Cancelled { order: number, request, reason }, order, now);
                Ok(Change { events, answer: Answer::Cancelled })
            }
            OrderState::Cancelled => self.note(number, request, Answer::Cancelled, limits),
            OrderState::Paid | OrderState::Refunded => reject(Rejection::AlreadyPaid),
            OrderState::Expired | OrderState::RefundDue => reject(Rejection::Expired),
        }
    }

    fn refund<'a>(
        &self,
        number: OrderNumber,
        request: Request<'a>,
        restock: bool,
        now: Millis,
        limits: &Limits,
    ) -> Judged<'a> {
        let order = self.orders.get(number).ok_or(Rejection::NotFound)?;
        self.judge_repeat(Some(number), request)?;
        self.room_for_step(&[request.id])?;
        match order.state {
            OrderState::Paid | OrderState::RefundDue => {
                // An event says what happened: an order that holds no units returns none.
                let restock = restock && order.holds_units && !self.has_revealed(number);
                let mut events: Events<'a> = smallvec![Event::Refunded { order: number, request, restock }];
                events.extend(self.left_room(number, now));
                Ok(Change { events, answer: Answer::Refunded })
            }
            // The money went back before; now the goods have come back too.
            OrderState::Refunded if restock && order.holds_units && !self.has_revealed(number) => {
                accept(Event::Refunded { order: number, request, restock }, Answer::Refunded)
            }
            OrderState::Refunded => self.note(number, request, Answer::Refunded, limits),
            OrderState::Reserved | OrderState::Cancelled | OrderState::Expired => reject(Rejection::NotPaid),
        }
    }

    /// Whether an order was given a code: somebody has seen it, and it can't be sold again.
    fn has_revealed(&self, number: OrderNumber) -> bool {
        matches!(self.terms.fulfilment, Some(Fulfilment::Codes(_))) && self.goods.of(number).is_some()
    }

    fn block<'a>(&self, buyer: &'a str, limits: &Limits) -> Judged<'a> {
        match self.buyer(buyer) {
            Some((_, row)) if row.block == Block::ByAdmin => return as_it_is(Answer::Blocked),
            Some(_) => {}
            None => self.room_for_buyer(buyer, limits)?,
        }
        accept(Event::BuyerBlocked { buyer }, Answer::Blocked)
    }

    fn buyer(&self, name: &str) -> Option<(BuyerNumber, &Buyer)> {
        let number = self.buyers.find(name, &self.texts, self.hashing)?;
        Some((number, self.buyers.get(number)?))
    }

    /// Units that a buyer who holds `held` could still ask for in one order.
    fn left_for(&self, held: u32) -> u32 {
        let by_buyer = self.terms.per_buyer_limit.map_or(u32::MAX, |limit| limit.saturating_sub(held));
        let told_by_name = if self.terms.fulfilment.is_some() { MAX_GIVEN } else { u32::MAX };
        by_buyer.min(self.terms.per_order_limit.unwrap_or(u32::MAX)).min(told_by_name)
    }

    /// The event that ends a reservation unpaid, and what follows from it.
    fn ended_unpaid<'a>(&self, end: Event<'a>, order: &Order, now: Millis) -> Events<'a> {
        let number = ended(&end);
        let mut events = self.lapse(end, order);
        events.extend(number.and_then(|number| self.left_room(number, now)));
        events
    }

    /// The event that ends a reservation unpaid, and the block if that was one too many.
    fn lapse<'a>(&self, end: Event<'a>, order: &Order) -> Events<'a> {
        let number = ended(&end);
        let one_too_many = self
            .buyers
            .get(order.buyer)
            .zip(self.terms.max_lapses)
            .is_some_and(|(buyer, max)| !buyer.is_blocked() && u32::from(buyer.lapses) + 1 >= max);
        let mut events: Events<'a> = smallvec![end];
        events.extend(number.filter(|_| one_too_many).map(|order| Event::BuyerLapsedOut { order }));
        events
    }

    /// Invariant 8: the same request gets the same answer; another one under its id is an error.
    fn judge_repeat(&self, order: Option<OrderNumber>, request: Request<'_>) -> Result<(), NoChange> {
        match self.requests.find(order, request.id, &self.texts, self.hashing) {
            None => Ok(()),
            Some(kept) => Err(repeat(kept.fingerprint, request.fingerprint, || self.requests.answer(kept))),
        }
    }

    /// The same for whatever made an order. Its request id is the buyer's own on the SKU, or in the room that was
    /// `joined`.
    fn judge_repeated_reservation(
        &self,
        asked: &Reservation<'_, '_>,
        joined: Option<RoomNumber>,
    ) -> Result<(), NoChange> {
        let Some((buyer, _)) = self.buyer(asked.buyer) else { return Ok(()) };
        let request = asked.request;
        let in_scope =
            |number| self.seats.get(number).filter(|seat| !seat.opened).map(|seat| seat.room) == joined;
        let found = self.orders.find_request(buyer, request.id, &self.texts, self.hashing, in_scope);
        match found.and_then(|number| Some((number, self.orders.get(number)?))) {
            None => Ok(()),
            Some((number, order)) => {
                Err(repeat(order.fingerprint, request.fingerprint, || self.answer_of(number, order)))
            }
        }
    }

    /// What the caller was told when this order was made.
    fn answer_of(&self, number: OrderNumber, order: &Order) -> Answer {
        let expires_at = self.orders.expires_at(order);
        match self.seats.get(number) {
            None => Answer::Reserved { order: number, amount: self.due(number, order), expires_at },
            Some(seat) => {
                // Settlement may have lowered it since.
                let line = order.line_amount();
                let discounts = self
                    .discounts
                    .get(number)
                    .map_or(0, |discounts| discounts.taken_off(line, |_, _| seat.off_at_first).0.total());
                let amount = line.saturating_sub(seat.off_at_first).saturating_sub(discounts);
                if seat.opened {
                    Answer::Opened { room: seat.room, order: number, amount, expires_at }
                } else {
                    Answer::Joined { order: number, amount, members: seat.members, expires_at }
                }
            }
        }
    }

    fn room_for_order(
        &self,
        asked: &Reservation<'_, '_>,
        new_buyer: bool,
        limits: &Limits,
    ) -> Result<OrderNumber, NoChange> {
        let number = self.orders.next_number().filter(|number| number.0 <= limits.max_orders);
        let number = number.ok_or(Refusal::Full { limit: "orders" })?;
        if new_buyer {
            self.room_for_buyer(asked.buyer, limits)?;
        }
        if !self.orders.has_queue_for(self.terms.hold_ms) {
            return Err(Refusal::Full { limit: "different hold lengths" }.into());
        }
        // An order that was accepted can be paid: ids of those to come must not take the room of that.
        let open = self.tally.orders(OrderState::Reserved) + 1;
        self.room_for_texts_beside(open.saturating_mul(STEP_BYTES), &[asked.request.id, asked.buyer])?;
        Ok(number)
    }

    fn room_for_buyer(&self, name: &str, limits: &Limits) -> Result<(), NoChange> {
        if self.buyers.len() >= limits.max_buyers as usize {
            return Err(Refusal::Full { limit: "buyers" }.into());
        }
        self.room_for_texts(&[name])
    }

    fn room_for_request(&self, ids: &[&str], limits: &Limits) -> Result<(), NoChange> {
        if self.requests.len() >= limits.max_requests as usize {
            return Err(Refusal::Full { limit: "accepted requests" }.into());
        }
        self.room_for_texts(ids)
    }

    /// Room for a request that moves an order on. The orders bound these, so that a crowd of requests that change
    /// nothing can't keep anyone from paying.
    fn room_for_step(&self, ids: &[&str]) -> Result<(), NoChange> {
        // Rows are numbered by 32 bits.
        if self.requests.len() >= u32::MAX as usize {
            return Err(Refusal::Full { limit: "accepted requests" }.into());
        }
        self.room_for_texts(ids)
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

    fn room_for_texts(&self, ids: &[&str]) -> Result<(), NoChange> {
        self.room_for_texts_beside(0, ids)
    }

    /// Room for these ids, and so many bytes that are kept free.
    fn room_for_texts_beside(&self, kept_free: u64, ids: &[&str]) -> Result<(), NoChange> {
        if ids.iter().any(|id| id.len() > MAX_TEXT) {
            return Err(Refusal::IdTooLong.into());
        }
        let bytes = ids.iter().map(|id| id.len() as u64 + 1).sum::<u64>().saturating_add(kept_free);
        if self.texts.room() >= bytes { Ok(()) } else { Err(Refusal::Full { limit: "ids" }.into()) }
    }
}

/// What a reservation asks for.
struct Reservation<'a, 's> {
    request: Request<'a>,
    buyer: &'a str,
    qty: u32,
    max_price: Option<u64>,
    coupon: Option<&'a str>,
    /// Whether a store nearby is wanted.
    at: bool,
    standing: &'s Standing,
}

impl<'a, 's> Reservation<'a, 's> {
    /// Of a seat in a room: at any price, without a coupon.
    fn in_room(request: Request<'a>, buyer: &'a str, qty: u32, standing: &'s Standing) -> Self {
        Self { request, buyer, qty, max_price: None, coupon: None, at: false, standing }
    }
}

/// The order whose reservation this event ends.
fn ended(event: &Event<'_>) -> Option<OrderNumber> {
    match event {
        Event::Expired { order } | Event::Cancelled { order, .. } => Some(*order),
        _ => None,
    }
}

/// Where a buyer is, and the coupon, as a text for the fingerprint.
fn at_text(at: &At, coupon: Option<&str>) -> String {
    let At { place: Place { lat_e6, lon_e6 }, within_m } = at;
    format!("{lat_e6} {lon_e6} {within_m:?} {}", coupon.unwrap_or(""))
}

fn repeat(kept: Fingerprint, asked: Fingerprint, answer: impl FnOnce() -> Answer) -> NoChange {
    if kept == asked { NoChange::Repeated(answer()) } else { NoChange::Refused(Refusal::RequestReused) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    #[test]
    fn ids_of_orders_to_come_leave_room_for_paying_those_that_are_there() -> Result<(), crate::Contradiction>
    {
        let mut state = SkuState::new(7);
        let terms =
            SkuTerms::new("Lamp", Currency::new("GBP").ok_or(crate::Contradiction::Parts)?, Price::Fixed(5));
        state.apply(&Event::Created { terms: Arc::new(terms), stock: 100_000 }, Millis(1))?;
        if let Some(sku) = &mut state.sku {
            sku.texts.fill_up_to(2);
        }
        let (now, limits) = (Millis(1), Limits::default());
        let mut orders = 0;
        let full = loop {
            let (req, buyer) = (format!("{orders:0>60}"), format!("buyer-{orders:0>54}"));
            let reserve = Command::Reserve {
                req: &*req,
                buyer: &*buyer,
                qty: 1,
                max_price: None,
                coupon: None,
                at: None,
            };
            match state.decide(&reserve, now, &limits) {
                Ok(change) => change.events.iter().try_for_each(|event| state.apply(event, now))?,
                Err(full) => break full,
            }
            orders += 1;
        };
        assert_eq!(full, NoChange::Refused(Refusal::Full { limit: "ids" }));
        assert!(orders > 10, "{orders}");
        for order in 1..=orders {
            let (req, payment) = (format!("{order:0>127}"), format!("p{order:0>126}"));
            let pay = Command::Pay { order: OrderNumber(order), req: &*req, amount: 5, payment: &*payment };
            let paid = state.decide(&pay, now, &limits);
            let events =
                paid.map(|change| change.events).unwrap_or_else(|no| panic!("order {order}: {no:?}"));
            events.iter().try_for_each(|event| state.apply(event, now))?;
        }
        Ok(())
    }
}
