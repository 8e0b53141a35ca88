//! What a shop may rely on about times: a SKU's never run backwards, whatever the clock does, and a hold lasts.

use std::collections::BTreeMap;

use tidegate_engine::{CartView, OrderState, OrderView, RoomState};

use super::Audited;
use crate::photograph::{Photograph, SkuPhotograph};
use crate::request::Request;
use crate::sale::{BEGIN, HOLD_MS, ROOM_MS, SKUS, TIERS};
use crate::setup::{Offer, Setup};

/// When what was asked can have happened.
#[derive(Debug, Default)]
pub(super) struct Earliest {
    /// The earliest that the clock showed since a request was first sent, by id.
    by_request: BTreeMap<String, u64>,
}

impl Earliest {
    pub(super) fn sent(&mut self, request: &Request, now: u64) {
        self.by_request.entry(request.id.clone()).or_insert(now);
    }

    /// The clock was set.
    pub(super) fn set(&mut self, now: u64) {
        self.by_request.values_mut().for_each(|earliest| *earliest = now.min(*earliest));
    }

    /// Something is told to last until `until`, for so long from when it was asked for; or, if it `may_have_begun` before, it
    /// has not yet ended.
    pub(super) fn lasts(&self, request: &Request, until: u64, for_ms: u64, may_have_begun: bool) -> Audited {
        let earliest = self.by_request.get(&request.id).copied().unwrap_or(BEGIN);
        let least = if may_have_begun { earliest + 1 } else { earliest + for_ms };
        if until >= least {
            return Ok(());
        }
        Err(format!("{request:?} was sent at {earliest} or later, and is told to last until {until}"))
    }
}

/// Holds all times against each other. `latest`: the latest that the clock ever showed.
pub(super) fn audit(photograph: &Photograph, setup: &Setup, latest: u64) -> Audited {
    for ((name, offer), found) in SKUS.iter().zip(&setup.offers).zip(&photograph.skus) {
        let Some(found) = found else { continue };
        audit_sku(found, (offer, setup), latest).map_err(|wrong| format!("{name}: {wrong}"))?;
    }
    photograph.carts.values().try_for_each(|cart| audit_cart(cart, photograph, latest))
}

fn audit_sku(found: &SkuPhotograph, (offer, setup): (&Offer, &Setup), latest: u64) -> Audited {
    let (opens, closes) = (BEGIN + offer.opens_ms, offer.closes_ms.map_or(u64::MAX, |ms| BEGIN + ms));
    let mut before = 0;
    for order in &found.orders {
        let says = |wrong: &str| Err(format!("{wrong}: {order:?}"));
        let reserved_at = order.reserved_at.0;
        if reserved_at < before {
            return says(&format!("reserved before the one before it, at {before}"));
        }
        before = reserved_at;
        if reserved_at < opens || reserved_at >= closes || reserved_at > latest {
            return says("reserved when it was not on sale");
        }
        if order.cart.is_none() && order.expires_at.0 != reserved_at + u64::from(HOLD_MS) {
            return says("held for another time than all others");
        }
        audit_payment(order, setup.late_refund, latest)?;
    }
    let (first, last) = (found.report.first_sale_at, found.report.last_sale_at);
    let is_outside = |order: &&OrderView| {
        order.state == OrderState::Paid && (order.paid_at < first || order.paid_at > last)
    };
    if let Some(order) = found.orders.iter().find(is_outside) {
        return Err(format!("sales are told of from {first:?} to {last:?}, and there is {order:?}"));
    }
    found.rooms.iter().try_for_each(|room| {
        let opener = found.orders.iter().find(|order| order.room == Some(room.number));
        let opened_at = opener.map_or(BEGIN, |order| order.reserved_at.0);
        let closes_at = closes.min(opened_at + ROOM_MS);
        let is_full = room.paid_members == TIERS[TIERS.len() - 1].0;
        let settled_at = room.settled_at.map(|at| at.0);
        let may_be_settled = |at| {
            at >= opened_at
                && at <= latest
                && (at >= closes_at || is_full || room.state == RoomState::Failed && room.members.is_empty())
        };
        if room.deadline.0 != closes_at || !settled_at.is_none_or(may_be_settled) {
            return Err(format!(
                "a room that was opened at {opened_at}, and can't be settled then: {room:?}"
            ));
        }
        let joined_late =
            |order: &&OrderView| order.room == Some(room.number) && order.reserved_at.0 >= closes_at;
        found
            .orders
            .iter()
            .find(joined_late)
            .map_or(Ok(()), |order| Err(format!("it joined {room:?} after that had closed: {order:?}")))
    })
}

fn audit_payment(order: &OrderView, late_refund: bool, latest: u64) -> Audited {
    let Some(paid_at) = order.paid_at else { return Ok(()) };
    // A payment that comes late is never good where all of those go back, nor for a seat in a room. Lines are paid by the
    // time of their campaign, which a clock that was set back leaves behind that of their SKU.
    let must_be_early =
        order.state == OrderState::Paid && order.cart.is_none() && (late_refund || order.room.is_some());
    if paid_at < order.reserved_at || paid_at.0 > latest || must_be_early && paid_at >= order.expires_at {
        return Err(format!("paid when it could not be: {order:?}"));
    }
    Ok(())
}

fn audit_cart(cart: &CartView, photograph: &Photograph, latest: u64) -> Audited {
    let is_paid = cart.state == OrderState::Paid;
    let is_in_time = cart.paid_at.is_none_or(|paid_at| {
        paid_at >= cart.reserved_at && paid_at.0 <= latest && (!is_paid || paid_at < cart.expires_at)
    });
    let lasts = cart.expires_at.0 == cart.reserved_at.0 + u64::from(HOLD_MS);
    if !is_in_time || !lasts || cart.reserved_at.0 > latest {
        return Err(format!("a cart with times that can't be: {cart:?}"));
    }
    let lines = photograph.skus.iter().flatten().flat_map(|sku| &sku.orders);
    let mut lines =
        lines.filter(|order| order.cart.as_ref().is_some_and(|(_, number)| *number == cart.number));
    lines
        .find(|line| line.expires_at != cart.expires_at)
        .map_or(Ok(()), |line| Err(format!("{line:?} is not held as long as {cart:?}")))
}
