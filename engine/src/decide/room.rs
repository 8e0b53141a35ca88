//! Group-buy rooms: who may open and join one, and what it comes to when it closes.

use super::reserve::Reservation;
use super::{Change, Events, Judged, Limits, reject};
use crate::orders::{Order, OrderState};
use crate::rooms::Room;
use crate::sku::{Sku, SkuState};
use crate::{
    Answer, Command, DiscountOrder, Discounts, Event, GroupBuy, Millis, OrderNumber, Refusal, Rejection,
    RoomNumber, Seat, StoreNumber, Tier, less_percent,
};

impl SkuState {
    /// What the clock has done by `now` to what this command is about, although its timer has not run yet: the
    /// end of its room. To be applied before the command is decided.
    #[must_use]
    pub fn decide_overdue(&self, command: &Command<&str>, now: Millis) -> Events<'static> {
        let Some(sku) = self.sku.as_ref().filter(|sku| sku.rooms.forming_count() > 0) else {
            return Events::new();
        };
        let room = match *command {
            Command::JoinRoom { room, .. } => Some(room),
            Command::Pay { order, .. } | Command::Cancel { order, .. } | Command::Refund { order, .. } => {
                sku.seats.get(order).map(|seat| seat.room)
            }
            _ => None,
        };
        room.map_or_else(Events::new, |room| sku.close(room, now))
    }

    /// The end of a room whose time is over at `now`; no events if it is not, or if it was settled.
    #[must_use]
    pub fn decide_close(&self, room: RoomNumber, now: Millis) -> Events<'static> {
        self.sku.as_ref().map_or_else(Events::new, |sku| sku.close(room, now))
    }
}

impl Sku {
    pub(super) fn open_room<'a>(
        &self,
        asked: &Reservation<'a, '_>,
        now: Millis,
        limits: &Limits,
    ) -> Judged<'a> {
        self.judge_repeated_reservation(asked, None)?;
        let group_buy = self.terms.group_buy.as_ref().ok_or(Refusal::NoGroupBuy)?;
        let held = self.hold(asked, now, limits)?;
        let room = self.rooms.next_number().filter(|room| room.0 <= limits.max_rooms);
        let room = room.ok_or(Refusal::Full { limit: "rooms" })?;
        let (discounts, off) = self.in_tier(asked, &held, group_buy.due(1));
        let seat = Seat { room, opened: true, members: 1, off_at_first: off, off };
        let (order, amount, expires_at) = (
            held.order,
            held.line - off - discounts.map_or(0, |discounts| discounts.total()),
            held.expires_at,
        );
        let mut events = Events::new();
        events.push(Event::RoomOpened { room, deadline: now.plus(group_buy.ttl_ms) });
        events.push(held.event);
        events.push(Event::SeatTaken { order, seat });
        events.extend(held.store.map(|store| Event::Stored { order, store }));
        events.extend(discounted(order, discounts));
        Ok(Change { events, answer: Answer::Opened { room, order, amount, expires_at } })
    }

    pub(super) fn join_room<'a>(
        &self,
        number: RoomNumber,
        asked: &Reservation<'a, '_>,
        now: Millis,
        limits: &Limits,
    ) -> Judged<'a> {
        let room = self.rooms.get(number).ok_or(Rejection::NotFound)?;
        self.judge_repeated_reservation(asked, Some(number))?;
        if !room.is_forming() || now >= self.closes_at(room) {
            return reject(Rejection::RoomClosed);
        }
        let group_buy = self.terms.group_buy.as_ref().ok_or(Rejection::RoomClosed)?;
        let buyer = self.buyer(asked.buyer).map(|(number, _)| number);
        let is_this_buyer = |member: &OrderNumber| self.orders.get(*member).map(|order| order.buyer) == buyer;
        if buyer.is_some() && room.members.iter().any(is_this_buyer) {
            return reject(Rejection::AlreadyMember);
        }
        let members = u32::try_from(room.members.len()).unwrap_or(u32::MAX);
        if members >= group_buy.seats() {
            return reject(Rejection::RoomFull);
        }
        let held = self.hold(asked, now, limits)?;
        let (discounts, off) = self.in_tier(asked, &held, group_buy.due(room.paid + 1));
        let members = members + 1;
        let seat = Seat { room: number, opened: false, members, off_at_first: off, off };
        let (order, amount, expires_at) = (
            held.order,
            held.line - off - discounts.map_or(0, |discounts| discounts.total()),
            held.expires_at,
        );
        let mut events = Events::new();
        events.push(held.event);
        events.push(Event::SeatTaken { order, seat });
        events.extend(held.store.map(|store| Event::Stored { order, store }));
        events.extend(discounted(order, discounts));
        Ok(Change { events, answer: Answer::Joined { order, amount, members, expires_at } })
    }

    /// What the discounts of an order and the tier that it joins at take off.
    fn in_tier(&self, asked: &Reservation<'_, '_>, held: &Held<'_>, tier: Tier) -> (Option<Discounts>, u64) {
        let discounts = self.discounts_for(asked);
        let (taken, off) = in_tier(discounts.as_ref().unwrap_or(&NONE), held.unit_price, asked.qty, tier);
        (discounts.map(|_| taken), off)
    }

    /// What else happens when this order leaves its room: the last one out closes it.
    pub(super) fn left_room<'e>(&self, number: OrderNumber, now: Millis) -> Option<Event<'e>> {
        let seat = self.seats.get(number)?;
        let room = self.rooms.get(seat.room).filter(|room| room.is_forming())?;
        let last = room.members.as_slice() == [number];
        last.then(|| Event::RoomSettled { room: seat.room, tier: None, unit_price: self.unit_price(now) })
    }

    /// What else happens when this order is paid: the last seat paid closes its room.
    pub(super) fn paid_seat<'e>(&self, number: OrderNumber, now: Millis) -> Events<'e> {
        let found = self.seats.get(number).and_then(|seat| Some((seat.room, self.rooms.get(seat.room)?)));
        let Some((name, room)) = found.filter(|(_, room)| room.is_forming()) else { return Events::new() };
        let seats = self.terms.group_buy.as_ref().map_or(0, GroupBuy::seats);
        if room.paid + 1 < seats { Events::new() } else { self.settle(name, room, Some(number), now) }
    }

    fn close<'e>(&self, number: RoomNumber, now: Millis) -> Events<'e> {
        match self.rooms.get(number).filter(|room| room.is_forming() && now >= self.closes_at(room)) {
            Some(room) => self.settle(number, room, None, now),
            None => Events::new(),
        }
    }

    /// Closes a room: unpaid reservations end; with enough paid members it succeeds, and whoever paid more than the
    /// tier that they reached gets the difference back; otherwise everyone gets all of it back. `paying` is paid in
    /// this same change.
    fn settle<'e>(
        &self,
        number: RoomNumber,
        room: &Room,
        paying: Option<OrderNumber>,
        now: Millis,
    ) -> Events<'e> {
        let paid = room.paid + u32::from(paying.is_some());
        let tier = self.terms.group_buy.as_ref().and_then(|group_buy| group_buy.reached(paid));
        let mut events = Events::new();
        for member in &room.members {
            let Some(order) = self.orders.get(*member) else { continue };
            match order.state {
                OrderState::Reserved if paying != Some(*member) => {
                    events.extend(self.dismissed(*member, order, now));
                }
                _ => events.extend(self.refund_of(*member, order, tier)),
            }
        }
        events.push(Event::RoomSettled { room: number, tier, unit_price: self.unit_price(now) });
        events
    }

    /// The end of an unpaid reservation in a room that closes. If it has run out by itself, that is its buyer's lapse.
    fn dismissed<'e>(&self, number: OrderNumber, order: Order<'_>, now: Millis) -> Events<'e> {
        if self.has_lapsed(order, now) {
            return self.lapse(Event::Expired { order: number }, order);
        }
        let mut events = Events::new();
        events.push(Event::Dismissed { order: number });
        events
    }

    /// What a paid member gets back.
    fn refund_of<'e>(&self, number: OrderNumber, order: Order<'_>, tier: Option<Tier>) -> Option<Event<'e>> {
        let Some(tier) = tier else { return Some(Event::RoomRefundDue { order: number }) };
        let before = self.discounts.get(number).unwrap_or(&NONE);
        let (discounts, off) = in_tier(before, order.unit_price(), order.qty, tier);
        let price = order.line_amount().saturating_sub(off).saturating_sub(discounts.total());
        // Settlement never raises a price.
        let amount = self.due(number, order).saturating_sub(price);
        let green = discounts.green.map_or(0, |green| green.amount);
        (amount > 0).then_some(Event::TierRefundDue { order: number, amount, green })
    }
}

/// No discounts beside a tier.
const NONE: Discounts = Discounts { order: DiscountOrder::ALL[0], coupon: None, green: None };

/// The event that gives an order its discounts, if it gets any.
fn discounted<'e>(order: OrderNumber, discounts: Option<Discounts>) -> Option<Event<'e>> {
    discounts.map(|discounts| Event::Discounted { order, discounts: Box::new(discounts) })
}

/// What the discounts and the tier take off a line. The tier's percentage is of the unit price; if another discount
/// comes before it, of what that left of the line.
fn in_tier(discounts: &Discounts, unit_price: u64, qty: u32, tier: Tier) -> (Discounts, u64) {
    let line = unit_price.saturating_mul(u64::from(qty));
    discounts.taken_off(line, |left, first| {
        let price = if first {
            less_percent(unit_price, tier.percent_off).saturating_mul(u64::from(qty))
        } else {
            less_percent(left, tier.percent_off)
        };
        left.saturating_sub(price)
    })
}

/// A reservation that passed every guard.
pub(super) struct Held<'a> {
    pub(super) event: Event<'a>,
    pub(super) order: OrderNumber,
    /// The store that the units come from.
    pub(super) store: Option<StoreNumber>,
    /// The price of one unit, in minor units.
    pub(super) unit_price: u64,
    /// Price times units, before discounts.
    pub(super) line: u64,
    pub(super) expires_at: Millis,
}
