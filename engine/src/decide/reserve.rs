//! Who may buy, at what price, and from where.

use smallvec::smallvec;

use super::room::Held;
use super::{Change, Events, Judged, Limits, NoChange, repeat};
use crate::buyers::{Buyer, BuyerNumber};
use crate::lines::HELD_BY_CART;
use crate::orders::Order;
use crate::sku::Sku;
use crate::stores::pick;
use crate::{
    Answer, At, CouponUse, Discounts, Event, Fingerprint, MAX_GIVEN, Millis, OrderNumber, PercentOff, Phase,
    Place, Refusal, Rejection, Request, RoomNumber, Standing, StoreNumber, line_amount,
};

impl Sku {
    pub(super) fn reserve<'a>(
        &self,
        asked: &Reservation<'a, '_>,
        now: Millis,
        limits: &Limits,
    ) -> Judged<'a> {
        self.judge_repeated_reservation(asked, None)?;
        self.reserve_new(asked, now, limits)
    }

    /// The same for a request that did not come before.
    pub(super) fn reserve_new<'a>(
        &self,
        asked: &Reservation<'a, '_>,
        now: Millis,
        limits: &Limits,
    ) -> Judged<'a> {
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
    pub(super) fn hold<'a>(
        &self,
        asked: &Reservation<'a, '_>,
        now: Millis,
        limits: &Limits,
    ) -> Result<Held<'a>, NoChange> {
        let known = asked.known;
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
        let hold_ms = if asked.in_cart { HELD_BY_CART } else { self.terms.hold_ms };
        let order = self.room_for_order(asked, known.is_none(), hold_ms, limits)?;
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
    pub(super) fn discounts_for(&self, asked: &Reservation<'_, '_>) -> Option<Discounts> {
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

    /// Units that a buyer who holds `held` could still ask for in one order.
    pub(super) fn left_for(&self, held: u32) -> u32 {
        let by_buyer = self.terms.per_buyer_limit.map_or(u32::MAX, |limit| limit.saturating_sub(held));
        let told_by_name = if self.terms.fulfilment.is_some() { MAX_GIVEN } else { u32::MAX };
        by_buyer.min(self.terms.per_order_limit.unwrap_or(u32::MAX)).min(told_by_name)
    }

    /// The same for whatever made an order. Its request id is the buyer's own on the SKU, or in the room that was
    /// `joined`.
    pub(super) fn judge_repeated_reservation(
        &self,
        asked: &Reservation<'_, '_>,
        joined: Option<RoomNumber>,
    ) -> Result<(), NoChange> {
        let Some((buyer, row)) = asked.known else { return Ok(()) };
        let request = asked.request;
        let in_scope =
            |number| self.seats.get(number).filter(|seat| !seat.opened).map(|seat| seat.room) == joined;
        let buyer = (buyer, row.chain);
        let found = self.orders.find_request(buyer, request.id, &self.texts, self.hashing, in_scope);
        match found.and_then(|number| Some((number, self.orders.get(number)?))) {
            None => Ok(()),
            Some((number, order)) => {
                Err(repeat(order.fingerprint, request.fingerprint, || self.answer_of(number, order)))
            }
        }
    }

    /// What the caller was told when this order was made.
    fn answer_of(&self, number: OrderNumber, order: Order<'_>) -> Answer {
        let expires_at = order.expires_at();
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
}

/// What a reservation asks for.
pub(super) struct Reservation<'a, 's> {
    pub(super) request: Request<'a>,
    pub(super) buyer: &'a str,
    /// Who that is, if the SKU knows them. Looked up once.
    pub(super) known: Option<(BuyerNumber, &'s Buyer)>,
    pub(super) qty: u32,
    pub(super) max_price: Option<u64>,
    pub(super) coupon: Option<&'a str>,
    /// Whether a store nearby is wanted.
    pub(super) at: bool,
    /// Whether it is a line of a cart.
    pub(super) in_cart: bool,
    pub(super) standing: &'s Standing,
}

impl Sku {
    /// A seat in a room: at any price, without a coupon.
    pub(super) fn seat_for<'a, 's>(
        &'s self,
        request: Request<'a>,
        (buyer, qty): (&'a str, u32),
        standing: &'s Standing,
    ) -> Reservation<'a, 's> {
        let (known, max_price, coupon, at, in_cart) = (self.buyer(buyer), None, None, false, false);
        Reservation { request, buyer, known, qty, max_price, coupon, at, in_cart, standing }
    }

    /// A line of a cart: at any price, and without a request of its own.
    pub(super) fn line_for<'a, 's>(
        &'s self,
        (buyer, qty): (&'a str, u32),
        coupon: Option<&'a str>,
        standing: &'s Standing,
    ) -> Reservation<'a, 's> {
        let request = Request { id: "", fingerprint: Fingerprint(0) };
        let (known, max_price, at, in_cart) = (self.buyer(buyer), None, false, true);
        Reservation { request, buyer, known, qty, max_price, coupon, at, in_cart, standing }
    }
}

/// Where a buyer is, and the coupon, as a text for the fingerprint.
pub(super) fn at_text(at: &At, coupon: Option<&str>) -> String {
    let At { place: Place { lat_e6, lon_e6 }, within_m } = at;
    format!("{lat_e6} {lon_e6} {within_m:?} {}", coupon.unwrap_or(""))
}
