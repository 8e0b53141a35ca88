//! What an order costs: the price of its moment, less what its room, its coupon, what is green and its cart take off.

use std::collections::BTreeMap;

use tidegate_engine::{DiscountKind, OrderView, RoomView};

use super::Audited;
use crate::photograph::Photograph;
use crate::sale::{BEGIN, FLOOR, MOVED, OFF, PRICE, SKUS, SPEND, SPEND_OFF, STEP, STEP_MS, TIERS};
use crate::setup::{Offer, PriceKind, Setup};

/// Holds what orders and carts cost against what they should.
pub(super) fn audit(photograph: &Photograph, setup: &Setup) -> Audited {
    // Lines that cost less by a coupon, and those that have taken it up: by cart.
    let mut coupons: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for (sku, found) in photograph.skus.iter().enumerate() {
        let Some(found) = found else { continue };
        for order in &found.orders {
            let room = order.room.and_then(|room| found.rooms.get(room.0 as usize - 1));
            audit_order(order, room, (sku, setup)).map_err(|wrong| format!("{}: {wrong}", SKUS[sku]))?;
            if let Some((_, cart)) = order.cart.as_ref().filter(|_| has_coupon(order)) {
                let (lines, taken) = coupons.entry(cart.0).or_default();
                (*lines, *taken) = (*lines + 1, *taken + u32::from(order.coupon.is_some()));
            }
        }
    }
    if let Some((cart, (lines, taken))) = coupons.into_iter().find(|(_, (_, taken))| *taken != 1) {
        return Err(format!("{lines} lines of cart {cart} are cheaper by a coupon, {taken} of them took it"));
    }
    photograph.carts.values().try_for_each(|cart| {
        let due: u64 = cart.items.iter().map(|item| item.amount).sum();
        let spread: u64 = cart.items.iter().map(|item| item.off).sum();
        let off = if due + spread >= SPEND { SPEND_OFF } else { 0 };
        match cart.off == off && spread == off && cart.amount == due {
            true => Ok(()),
            false => Err(format!("it should cost {off} less than its lines together: {cart:?}")),
        }
    })
}

fn audit_order(order: &OrderView, room: Option<&RoomView>, (sku, setup): (usize, &Setup)) -> Audited {
    let offer = &setup.offers[sku];
    if !is_price(order.unit_price, order.reserved_at.0, offer) {
        return Err(format!("not the price of that moment: {order:?}"));
    }
    let mut left = order.unit_price * u64::from(order.qty);
    let mut due = Vec::new();
    let mut take = |kind, percent: u8| {
        let off = left * u64::from(percent) / 100;
        left -= off;
        due.push((kind, off));
    };
    if room.is_some() {
        // It may be that of a tier which was reached later.
        let off = order.discounts.first().map_or(0, |(_, off)| *off) * 100;
        let percent = off / (order.unit_price * u64::from(order.qty)).max(1);
        if !TIERS.iter().any(|(_, tier)| u64::from(*tier) == percent) {
            return Err(format!("at no tier's price: {order:?}"));
        }
        take(DiscountKind::Tier, u8::try_from(percent).unwrap_or(0));
    }
    // Of the lines of a cart, one takes the coupon up for all.
    if order.coupon.is_some() || order.cart.is_some() && has_coupon(order) {
        take(DiscountKind::Coupon, OFF);
    }
    if setup.has_green && offer.is_green {
        take(DiscountKind::Green, OFF);
    }
    // Its cart says what its part of the threshold is.
    let others = order.discounts.iter().filter(|(kind, _)| *kind != DiscountKind::Threshold);
    let threshold = order.discounts.iter().find(|(kind, _)| *kind == DiscountKind::Threshold);
    let off = threshold.map_or(0, |(_, off)| *off);
    if !others.eq(&due) || order.amount != left - off.min(left) || off > 0 && order.cart.is_none() {
        return Err(format!("it should cost less by {due:?}: {order:?}"));
    }
    Ok(())
}

fn has_coupon(order: &OrderView) -> bool {
    order.discounts.iter().any(|(kind, _)| *kind == DiscountKind::Coupon)
}

/// Whether a unit may have cost this at that time.
fn is_price(price: u64, at: u64, offer: &Offer) -> bool {
    match offer.price {
        PriceKind::Fixed => price == PRICE,
        PriceKind::Ladder => {
            let steps = at.saturating_sub(BEGIN + offer.opens_ms) / STEP_MS;
            price == PRICE.saturating_sub(steps.saturating_mul(STEP)).max(FLOOR)
        }
        PriceKind::Dynamic => (MOVED.0..=MOVED.1).contains(&price) && price.is_multiple_of(100),
    }
}
