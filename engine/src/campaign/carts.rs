//! Carts: several SKUs bought at once, all or none, and cheaper from a sum on.
//!
//! The lines are orders of their SKUs. What is here is the record that makes them one thing: a cart is held, paid and
//! ended by an event of its campaign, and its lines follow.

use std::collections::BTreeSet;

use smallvec::{SmallVec, smallvec};

use super::{CampaignEvent, CampaignLimits, CampaignTerms, Judged};
use crate::hashing::{Hashing, fingerprint};
use crate::payments::{PaymentAnswer, Payments};
use crate::requests::Requests;
use crate::tables::{Chunks, Index, MAX_TEXT, TextRef, Texts};
use crate::{
    Answer, CartNumber, Contradiction, CouponCode, Currency, Fingerprint, LineState, Millis, NoChange,
    OrderNumber, OrderState, Refusal, Rejection, Request,
};

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

/// Spreads a discount over amounts in proportion to them, by largest remainder (Hamilton's method), so that the parts
/// sum up to it exactly. Of equal remainders, the first gets the unit. `off` is at most the sum.
#[must_use]
pub fn spread(off: u64, amounts: &[u64]) -> Vec<u64> {
    let sum: u128 = amounts.iter().map(|amount| u128::from(*amount)).sum();
    if sum == 0 {
        return vec![0; amounts.len()];
    }
    let exact = |amount: u64| u128::from(off) * u128::from(amount);
    // A part is at most its amount, for the discount is at most the sum.
    let mut parts: Vec<u64> =
        amounts.iter().map(|amount| u64::try_from(exact(*amount) / sum).unwrap_or(*amount)).collect();
    let left = off.saturating_sub(parts.iter().sum());
    let mut by_remainder: Vec<usize> = (0..amounts.len()).collect();
    by_remainder.sort_by_key(|at| std::cmp::Reverse(exact(amounts[*at]) % sum));
    for at in by_remainder.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        parts[at] += 1;
    }
    parts
}

impl CampaignTerms {
    /// What carts of this sum cost less, in minor units.
    #[must_use]
    pub fn threshold_off(&self, sum: u64) -> u64 {
        let reached = self.thresholds.iter().rev().find(|threshold| threshold.spend <= sum);
        reached.map_or(0, |threshold| threshold.off.min(sum))
    }
}

#[derive(Clone, Debug)]
struct CartRow {
    number: CartNumber,
    buyer: TextRef,
    request: TextRef,
    fingerprint: Fingerprint,
    state: OrderState,
    currency: Currency,
    reserved_at: Millis,
    expires_at: Millis,
    amount: u64,
    off: u64,
    first_item: u32,
    items: u32,
    /// Position of the payment that paid it, or that came too late.
    payment: Option<u32>,
}

#[derive(Clone, Debug)]
struct ItemRow {
    sku: TextRef,
    order: OrderNumber,
    qty: u32,
    amount: u64,
    off: u64,
}

/// All carts of a campaign. Payments and requests are numbered by cart, as those of a SKU are by order.
#[derive(Debug, Default)]
pub(super) struct Carts {
    texts: Texts,
    rows: Chunks<CartRow>,
    items: Chunks<ItemRow>,
    by_number: Index,
    by_request: Index,
    names: Vec<TextRef>,
    by_name: Index,
    payments: Payments,
    requests: Requests,
    waiting: BTreeSet<(Millis, CartNumber)>,
    /// How many there are, by state.
    states: [u32; OrderState::ALL.len()],
    last: u32,
}

/// What a reserved cart may yet have to keep.
const STEP_BYTES: u64 = 2 * (MAX_TEXT as u64 + 1);

impl Carts {
    fn position(&self, cart: CartNumber, hashing: Hashing) -> Option<u32> {
        let is_it = |at: u32| self.rows.get(at as usize).is_some_and(|row| row.number == cart);
        self.by_number.find(hashing.by_order(Some(OrderNumber(cart.0)), ""), is_it)
    }

    fn get(&self, cart: CartNumber, hashing: Hashing) -> Option<&CartRow> {
        self.rows.get(self.position(cart, hashing)? as usize)
    }

    fn row_mut(&mut self, cart: CartNumber, hashing: Hashing) -> Result<&mut CartRow, Contradiction> {
        let at = self.position(cart, hashing).ok_or(Contradiction::Order(OrderNumber(cart.0)))?;
        self.rows.get_mut(at as usize).ok_or(Contradiction::Parts)
    }

    fn items_of(&self, row: &CartRow) -> impl Iterator<Item = &ItemRow> {
        (row.first_item..row.first_item + row.items).filter_map(|at| self.items.get(at as usize))
    }

    /// How many carts are in each state, in the order of [`OrderState::ALL`].
    pub(super) fn by_state(&self) -> [u32; OrderState::ALL.len()] {
        self.states
    }

    fn moved(&mut self, from: OrderState, to: OrderState) {
        let from = &mut self.states[from as usize];
        *from = from.saturating_sub(1);
        self.states[to as usize] += 1;
    }

    /// The highest number of a cart.
    pub(super) fn last(&self) -> CartNumber {
        CartNumber(self.last)
    }

    /// The cart that expires first, and when.
    pub(super) fn next_expiry(&self) -> Option<(Millis, CartNumber)> {
        self.waiting.first().copied()
    }

    /// The cart that this request of a buyer came to.
    fn find_request(&self, buyer: &str, req: &str, hashing: Hashing) -> Option<&CartRow> {
        let row = |at: u32| self.rows.get(at as usize);
        let is_it = |at: u32| {
            row(at)
                .is_some_and(|row| self.texts.get(row.buyer) == buyer && self.texts.get(row.request) == req)
        };
        self.by_request.find(hashing.pair(buyer, req), is_it).and_then(row)
    }

    /// Whether a request of this buyer came to a cart.
    pub(super) fn has_request(&self, buyer: &str, req: &str, hashing: Hashing) -> bool {
        self.find_request(buyer, req, hashing).is_some()
    }

    /// Whether this request may become a cart, or what it came to before.
    pub(super) fn begin(
        &self,
        (buyer, req, asked): (&str, &str, Fingerprint),
        limits: &CampaignLimits,
        hashing: Hashing,
    ) -> Result<(), NoChange> {
        if let Some(row) = self.find_request(buyer, req, hashing) {
            // Invariant 8: the same request gets the same answer; another one under its id is an error.
            let same = row.fingerprint == asked;
            return Err(if same { NoChange::Repeated(answer(row)) } else { Refusal::RequestReused.into() });
        }
        if self.rows.len() >= limits.max_carts as usize || self.last == u32::MAX {
            return Err(Refusal::Full { limit: "carts" }.into());
        }
        // A cart that was accepted can be paid: ids of those to come must not take the room of that.
        let kept_free = (self.waiting.len() as u64 + 1).saturating_mul(STEP_BYTES);
        self.room_for(kept_free, &[buyer, req])
    }

    fn room_for(&self, kept_free: u64, ids: &[&str]) -> Result<(), NoChange> {
        if ids.iter().any(|id| id.len() > MAX_TEXT) {
            return Err(Refusal::IdTooLong.into());
        }
        let bytes = ids.iter().map(|id| id.len() as u64 + 1).sum::<u64>().saturating_add(kept_free);
        if self.texts.room() >= bytes { Ok(()) } else { Err(Refusal::Full { limit: "ids" }.into()) }
    }

    /// The lines are held: the cart is, at the price of its sum.
    pub(super) fn commit<'a>(
        &self,
        (mut new, coupon): (Box<NewCart<&'a str>>, Option<CouponCode>),
        (terms, limits): (&CampaignTerms, &CampaignLimits),
        hashing: Hashing,
    ) -> Judged<'a> {
        self.begin((new.buyer, new.req, new.fingerprint), limits, hashing)?;
        let amounts: Vec<u64> = new.items.iter().map(|item| item.amount).collect();
        let sum = amounts.iter().copied().fold(0, u64::saturating_add);
        if sum > crate::MAX_MINOR {
            return Err(Refusal::AmountTooLarge.into());
        }
        let off = terms.threshold_off(sum);
        for (item, off) in new.items.iter_mut().zip(spread(off, &amounts)) {
            item.off = off;
        }
        let answer =
            Answer::CartReserved { cart: new.cart, amount: sum - off, expires_at: new.expires_at, off };
        let (cart, lines) = (new.cart, u32::try_from(new.items.len()).unwrap_or(u32::MAX));
        let mut events: SmallVec<_> = smallvec![CampaignEvent::CartReserved(new)];
        events.extend((0..lines).map(|line| CampaignEvent::LineStands { cart, line }));
        events.extend(coupon.map(|code| CampaignEvent::CartCoupon { cart, code }));
        Ok((events, answer))
    }

    fn judge_repeat(&self, cart: CartNumber, request: Request<'_>, hashing: Hashing) -> Result<(), NoChange> {
        let kept = self.requests.find(Some(OrderNumber(cart.0)), request.id, &self.texts, hashing);
        kept.map_or(Ok(()), |kept| {
            let same = kept.fingerprint == request.fingerprint;
            Err(if same {
                NoChange::Repeated(self.requests.answer(kept))
            } else {
                Refusal::RequestReused.into()
            })
        })
    }

    fn note<'a>(
        &self,
        (cart, request): (CartNumber, Request<'a>),
        answer: Answer,
        limits: &CampaignLimits,
    ) -> Judged<'a> {
        self.room_for_request(limits)?;
        Ok((smallvec![CampaignEvent::CartNoted { cart, request, answer }], answer))
    }

    fn room_for_request(&self, limits: &CampaignLimits) -> Result<(), NoChange> {
        if self.requests.len() >= limits.max_requests as usize {
            return Err(Refusal::Full { limit: "accepted requests" }.into());
        }
        Ok(())
    }

    /// As of an order, but that a cart is never reacquired.
    pub(super) fn pay<'a>(
        &self,
        (cart, req, amount, id): (CartNumber, &'a str, u64, &'a str),
        now: Millis,
        limits: &CampaignLimits,
        hashing: Hashing,
    ) -> Judged<'a> {
        let request = Request { id: req, fingerprint: fingerprint(3, [amount, 0], id) };
        let row = self.get(cart, hashing).ok_or(Rejection::NotFound)?;
        self.judge_repeat(cart, request, hashing)?;
        self.room_for(0, &[req, id])?;
        if let Some(known) = self.payments.find(id, &self.texts, hashing) {
            if known.order.0 != cart.0 {
                return Err(Refusal::PaymentReused.into());
            }
            return self.note((cart, request), known.answer.into(), limits);
        }
        let payment = CartPayment { cart, request, id, amount };
        let refund_due = CampaignEvent::CartRefundDue(payment);
        match row.state {
            OrderState::Reserved if now < row.expires_at => {
                if amount != row.amount {
                    return Err(Rejection::AmountMismatch { due: row.amount }.into());
                }
                Ok((smallvec![CampaignEvent::CartPaid(payment)], Answer::Paid))
            }
            // The clock has ended it, though its timer has not run yet.
            OrderState::Reserved => {
                let events: SmallVec<_> = smallvec![CampaignEvent::CartExpired { cart }, refund_due];
                Ok((events, Answer::RefundDue))
            }
            OrderState::Expired => Ok((smallvec![refund_due], Answer::RefundDue)),
            OrderState::Cancelled => {
                self.room_for_request(limits)?;
                Ok((smallvec![CampaignEvent::CartOverpaid(payment)], Answer::Cancelled))
            }
            OrderState::Paid | OrderState::RefundDue | OrderState::Refunded => {
                self.room_for_request(limits)?;
                Ok((smallvec![CampaignEvent::CartOverpaid(payment)], Answer::RefundDue))
            }
        }
    }

    pub(super) fn cancel<'a>(
        &self,
        (cart, req): (CartNumber, &'a str),
        now: Millis,
        limits: &CampaignLimits,
        hashing: Hashing,
    ) -> Judged<'a> {
        let request = Request { id: req, fingerprint: fingerprint(4, [0, 0], "") };
        let row = self.get(cart, hashing).ok_or(Rejection::NotFound)?;
        self.judge_repeat(cart, request, hashing)?;
        self.room_for(0, &[req])?;
        match row.state {
            OrderState::Reserved if now < row.expires_at => {
                Ok((smallvec![CampaignEvent::CartCancelled { cart, request }], Answer::Cancelled))
            }
            OrderState::Cancelled => self.note((cart, request), Answer::Cancelled, limits),
            OrderState::Paid => Err(Rejection::AlreadyPaid.into()),
            OrderState::Reserved | OrderState::Expired | OrderState::RefundDue | OrderState::Refunded => {
                Err(Rejection::Expired.into())
            }
        }
    }

    pub(super) fn reserved(&mut self, new: &NewCart<&str>, hashing: Hashing) -> Result<(), Contradiction> {
        let full = Contradiction::Full;
        if self.position(new.cart, hashing).is_some() {
            return Err(Contradiction::Order(OrderNumber(new.cart.0)));
        }
        let first_item = u32::try_from(self.items.len()).map_err(|_| full)?;
        let (mut amount, mut off) = (0u64, 0u64);
        for item in &new.items {
            let sku = self.name(item.sku, hashing).ok_or(full)?;
            let CartItem { order, qty, amount: line, off: line_off, .. } = *item;
            self.items.push(ItemRow { sku, order, qty, amount: line, off: line_off });
            amount = amount.saturating_add(line).saturating_sub(line_off);
            off = off.saturating_add(line_off);
        }
        let position = u32::try_from(self.rows.len()).map_err(|_| full)?;
        let buyer = self.texts.push(new.buyer).ok_or(full)?;
        let request = self.texts.push(new.req).ok_or(full)?;
        self.rows.push(CartRow {
            number: new.cart,
            buyer,
            request,
            fingerprint: new.fingerprint,
            state: OrderState::Reserved,
            currency: new.currency,
            reserved_at: new.reserved_at,
            expires_at: new.expires_at,
            amount,
            off,
            first_item,
            items: u32::try_from(new.items.len()).map_err(|_| full)?,
            payment: None,
        });
        self.by_number.insert(hashing.by_order(Some(OrderNumber(new.cart.0)), ""), position);
        self.by_request.insert(hashing.pair(new.buyer, new.req), position);
        self.waiting.insert((new.expires_at, new.cart));
        self.states[OrderState::Reserved as usize] += 1;
        self.last = self.last.max(new.cart.0);
        Ok(())
    }

    /// The place of a SKU's name, each kept once.
    fn name(&mut self, sku: &str, hashing: Hashing) -> Option<TextRef> {
        let is_it = |at: u32| self.names.get(at as usize).is_some_and(|name| self.texts.get(*name) == sku);
        if let Some(known) = self.by_name.find(hashing.text(sku), is_it) {
            return self.names.get(known as usize).copied();
        }
        let name = self.texts.push(sku)?;
        self.by_name.insert(hashing.text(sku), u32::try_from(self.names.len()).ok()?);
        self.names.push(name);
        Some(name)
    }

    /// Moves a cart on from `Reserved`.
    pub(super) fn ended(
        &mut self,
        cart: CartNumber,
        state: OrderState,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        let row = self.row_mut(cart, hashing)?;
        if row.state != OrderState::Reserved {
            return Err(Contradiction::State(OrderNumber(cart.0)));
        }
        row.state = state;
        let waited = (row.expires_at, cart);
        self.waiting.remove(&waited);
        self.moved(OrderState::Reserved, state);
        Ok(())
    }

    pub(super) fn paid(
        &mut self,
        payment: &CartPayment<'_>,
        at: Millis,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        self.ended(payment.cart, OrderState::Paid, hashing)?;
        self.keep_payment(payment, at, PaymentAnswer::Paid, hashing)?;
        self.keep_request(payment.cart, &payment.request, Answer::Paid, hashing)
    }

    pub(super) fn refund_due(
        &mut self,
        payment: &CartPayment<'_>,
        at: Millis,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        let row = self.row_mut(payment.cart, hashing)?;
        let before = row.state;
        let answer = match before {
            OrderState::Reserved => return Err(Contradiction::State(OrderNumber(payment.cart.0))),
            OrderState::Cancelled => PaymentAnswer::Cancelled,
            OrderState::Expired => {
                row.state = OrderState::RefundDue;
                PaymentAnswer::RefundDue
            }
            OrderState::Paid | OrderState::RefundDue | OrderState::Refunded => PaymentAnswer::RefundDue,
        };
        if before == OrderState::Expired {
            self.moved(before, OrderState::RefundDue);
        }
        self.keep_payment(payment, at, answer, hashing)?;
        self.keep_request(payment.cart, &payment.request, answer.into(), hashing)
    }

    /// The first payment of a cart that is not cancelled is the one that its lines are told.
    fn keep_payment(
        &mut self,
        payment: &CartPayment<'_>,
        at: Millis,
        answer: PaymentAnswer,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        let row = (OrderNumber(payment.cart.0), payment.amount, at);
        let position = self.payments.add(payment.id, row, answer, &mut self.texts, hashing);
        let position = position.ok_or(Contradiction::Full)?;
        let row = self.row_mut(payment.cart, hashing)?;
        if row.state != OrderState::Cancelled {
            row.payment = row.payment.or(Some(position));
        }
        Ok(())
    }

    pub(super) fn keep_request(
        &mut self,
        cart: CartNumber,
        request: &Request<'_>,
        answer: Answer,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        self.row_mut(cart, hashing)?;
        let order = Some(OrderNumber(cart.0));
        self.requests.add(order, request, answer, &mut self.texts, hashing).ok_or(Contradiction::Full)
    }

    pub(super) fn view(&self, cart: CartNumber, hashing: Hashing) -> Option<CartView> {
        let row = self.get(cart, hashing)?;
        let item = |item: &ItemRow| CartItem {
            sku: self.texts.get(item.sku).into(),
            order: item.order,
            qty: item.qty,
            amount: item.amount - item.off.min(item.amount),
            off: item.off,
        };
        let payment = row.payment.and_then(|at| self.payments.get(at));
        Some(CartView {
            number: cart,
            state: row.state,
            buyer: self.texts.get(row.buyer).into(),
            items: self.items_of(row).map(item).collect(),
            amount: row.amount,
            off: row.off,
            currency: row.currency,
            reserved_at: row.reserved_at,
            expires_at: row.expires_at,
            paid_at: payment.filter(|_| row.state == OrderState::Paid).map(|payment| payment.at),
        })
    }

    /// What the lines of a cart are to be told.
    pub(super) fn settlements(&self, cart: CartNumber, hashing: Hashing) -> Vec<CartSettlement> {
        let Some(row) = self.get(cart, hashing) else { return Vec::new() };
        let state = self.line_state(row);
        let settlement = |item: &ItemRow| CartSettlement {
            cart,
            sku: self.texts.get(item.sku).into(),
            order: item.order,
            off: item.off,
            state: state.clone(),
        };
        self.items_of(row).map(settlement).collect()
    }

    fn line_state(&self, row: &CartRow) -> LineState<Box<str>> {
        let payment = || {
            let payment = row.payment.and_then(|at| self.payments.get(at));
            payment.map_or("", |payment| payment.id(&self.texts)).into()
        };
        match row.state {
            OrderState::Reserved => LineState::Reserved,
            OrderState::Paid | OrderState::Refunded => LineState::Paid { payment: payment() },
            OrderState::Cancelled => LineState::Cancelled,
            OrderState::Expired => LineState::Expired,
            OrderState::RefundDue => LineState::RefundDue { payment: payment() },
        }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = super::CampaignPart<'_>> {
        use super::CampaignPart as Part;
        let text = |place| self.texts.get(place);
        let carts = self.rows.iter().map(move |row| {
            let items = self.items_of(row).map(|item| CartItem {
                sku: text(item.sku),
                order: item.order,
                qty: item.qty,
                amount: item.amount,
                off: item.off,
            });
            let new = NewCart {
                cart: row.number,
                req: text(row.request),
                fingerprint: row.fingerprint,
                buyer: text(row.buyer),
                reserved_at: row.reserved_at,
                expires_at: row.expires_at,
                currency: row.currency,
                items: items.collect(),
            };
            Part::Cart(Box::new(CampaignCart { new, state: row.state }))
        });
        let payments = self.payments.iter().map(|payment| Part::CartPayment {
            cart: CartNumber(payment.order.0),
            id: payment.id(&self.texts),
            amount: payment.amount,
            at: payment.at,
            answer: payment.answer.into(),
        });
        let requests = self.requests.iter().map(|request| Part::CartRequest {
            cart: CartNumber(request.order().map_or(0, |order| order.0)),
            request: Request { id: request.id(&self.texts), fingerprint: request.fingerprint },
            answer: self.requests.answer(request),
        });
        carts.chain(payments).chain(requests)
    }

    pub(super) fn restore(&mut self, cart: &CampaignCart<'_>, hashing: Hashing) -> Result<(), Contradiction> {
        self.reserved(&cart.new, hashing)?;
        if cart.state == OrderState::Reserved {
            Ok(())
        } else {
            self.ended(cart.new.cart, cart.state, hashing)
        }
    }

    pub(super) fn restore_payment(
        &mut self,
        (cart, id, amount, at): (CartNumber, &str, u64, Millis),
        answer: Answer,
        hashing: Hashing,
    ) -> Result<(), Contradiction> {
        let answer = PaymentAnswer::from_answer(answer).ok_or(Contradiction::Parts)?;
        let request = Request { id: "", fingerprint: Fingerprint(0) };
        self.keep_payment(&CartPayment { cart, request, id, amount }, at, answer, hashing)
    }
}

fn answer(row: &CartRow) -> Answer {
    Answer::CartReserved { cart: row.number, amount: row.amount, expires_at: row.expires_at, off: row.off }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Threshold;
    use proptest::prelude::*;

    #[test]
    fn the_highest_threshold_reached_applies() {
        let thresholds = [Threshold { spend: 10_000, off: 500 }, Threshold { spend: 30_000, off: 4000 }];
        let terms = CampaignTerms { thresholds: thresholds.into(), ..CampaignTerms::new("t") };
        let offs = [0, 9999, 10_000, 29_999, 30_000, u64::MAX].map(|sum| terms.threshold_off(sum));
        assert_eq!(offs, [0, 0, 500, 500, 4000, 4000]);
    }

    #[test]
    fn a_discount_is_spread_to_the_cent() {
        assert_eq!(spread(4000, &[19_900, 10_100]), [2653, 1347]);
        assert_eq!(spread(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(spread(0, &[5, 6]), [0, 0]);
        assert_eq!(spread(0, &[0, 0]), [0, 0]);
        assert_eq!(spread(7, &[0, 7]), [0, 7]);
    }

    proptest! {
        #[test]
        fn parts_sum_up_and_none_is_off_by_more_than_one(
            amounts in prop::collection::vec(0..=crate::MAX_MINOR, 1..50), part in 0..=1000u64,
        ) {
            let sum: u64 = amounts.iter().sum();
            let off = (u128::from(sum) * u128::from(part) / 1000) as u64;
            let parts = spread(off, &amounts);
            prop_assert_eq!(parts.iter().sum::<u64>(), off);
            for (part, amount) in parts.iter().zip(&amounts) {
                prop_assert!(part <= amount);
                if sum > 0 {
                    let exact = u128::from(off) * u128::from(*amount) / u128::from(sum);
                    prop_assert!((exact..=exact + 1).contains(&u128::from(*part)));
                }
            }
        }
    }
}
