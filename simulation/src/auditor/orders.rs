//! Holds what was told of orders against how they stand.

use tidegate_engine::{OrderState, OrderView};

use super::{Audited, Auditor, Deed, rooms};
use crate::photograph::SkuPhotograph;
use crate::sale::{BUYERS, STORES, buyer};
use crate::setup::{Offer, Setup};

impl Auditor {
    pub(super) fn audit_sku(
        &self,
        (sku, found): (usize, &SkuPhotograph),
        setup: &Setup,
        latest: u64,
    ) -> Audited {
        audit_stock(found)?;
        let offer = &setup.offers[sku];
        for (at, order) in found.orders.iter().enumerate() {
            if order.number.0 as usize != at + 1 {
                return Err(format!("order {} stands where order {} should", order.number.0, at + 1));
            }
            may_be_sold(order, offer).map_err(|wrong| format!("{wrong}: {order:?}"))?;
            self.audit_order((sku, found), order, latest)
                .map_err(|wrong| format!("order {}: {wrong}", at + 1))?;
        }
        for ((_, number), known) in self.orders.range((sku, 0)..(sku + 1, 0)) {
            let order = found.orders.get(*number as usize - 1);
            let order = order.ok_or_else(|| format!("order {number} of {known:?} is lost"))?;
            let is_due = order.amount == known.amount || known.may_get_cheaper && order.amount < known.amount;
            let is_there = known.store.as_deref().is_none_or(|store| order.store.as_deref() == Some(store));
            let is_cheap = known.max_price.is_none_or(|most| order.unit_price <= most);
            if *order.buyer != *known.buyer
                || order.qty != known.qty
                || order.expires_at.0 != known.expires_at
                || !(is_due && is_there && is_cheap)
            {
                return Err(format!("order {number} was {known:?}, and is {order:?}"));
            }
        }
        audit_stores(found, offer)?;
        rooms::audit(found)?;
        Ok(())
    }

    /// Whether an order may be in the state that it is in.
    fn audit_order(&self, (sku, found): (usize, &SkuPhotograph), order: &OrderView, latest: u64) -> Audited {
        let number = order.number.0;
        let room = order.room.and_then(|room| found.rooms.get(room.0 as usize - 1));
        // Who has not paid when a room closes has no seat any more.
        let has_ended = latest >= order.expires_at.0 || room.is_some_and(|room| latest >= room.deadline.0);
        let tried = |deed| self.tried.contains(&(deed, sku, number));
        let done = |deed| self.done.contains(&(deed, sku, number));
        let cart = order.cart.as_ref().map(|(_, cart)| cart.0);
        let is_line = cart.is_some();
        let says = |wrong: &str| Err(format!("{wrong}: {order:?}"));
        match order.state {
            OrderState::Reserved if done(Deed::Pay) => says("its payment is lost"),
            OrderState::Reserved if done(Deed::Cancel) => says("its cancellation is lost"),
            OrderState::Reserved | OrderState::Expired | OrderState::Cancelled
                if self.refund_due.contains(&(sku, number)) && !done(Deed::Cancel) =>
            {
                says("money that is due back is lost")
            }
            OrderState::Paid if done(Deed::Cancel) => says("it was cancelled"),
            OrderState::Paid if done(Deed::Refund) => says("its refund is lost"),
            OrderState::Paid if !is_line && !tried(Deed::Pay) => says("nobody has paid it"),
            OrderState::Cancelled if done(Deed::Pay) => says("it was paid"),
            OrderState::Cancelled if !is_line && !tried(Deed::Cancel) => says("nobody has cancelled it"),
            OrderState::Expired if done(Deed::Pay) || done(Deed::Cancel) => says("it was ended otherwise"),
            OrderState::Expired if !has_ended => says("it has expired before its time"),
            OrderState::RefundDue if !is_line && !tried(Deed::Pay) => says("nobody has paid it"),
            OrderState::RefundDue if done(Deed::Refund) => says("its refund is lost"),
            OrderState::Refunded if !tried(Deed::Refund) => says("nobody has wanted its money back"),
            _ => Ok(()),
        }
    }
}

/// Whether an order may be sold at all.
fn may_be_sold(order: &OrderView, offer: &Offer) -> Result<(), &'static str> {
    if offer.order_limit.is_some_and(|limit| order.qty > limit) {
        return Err("more than one order may have");
    }
    if offer.is_restricted && *order.buyer == *buyer(BUYERS - 1) {
        return Err("sold to who may not buy");
    }
    let is_at_store = order.store.as_deref().is_some_and(|store| STORES.contains(&store));
    if offer.has_stores != is_at_store {
        Err("its units are nowhere, or where there is no store")
    } else {
        Ok(())
    }
}

/// Every unit is in one place.
fn audit_stock(found: &SkuPhotograph) -> Audited {
    let SkuPhotograph { view, report, orders, .. } = found;
    let stock = view.stock;
    let (total, available) = (u64::from(stock.total()), u64::from(stock.available()));
    let (reserved, sold) = (u64::from(stock.reserved()), u64::from(stock.sold()));
    let units = |state| -> u64 {
        orders.iter().filter(|order| order.state == state).map(|order| u64::from(order.qty)).sum()
    };
    let (paid, refunded) = (units(OrderState::Paid), units(OrderState::Refunded));
    let told: u64 = OrderState::ALL.iter().map(|state| view.tally.orders(*state)).sum();
    if orders.len() as u64 != told {
        return Err(format!("{told} orders are counted, and {} found", orders.len()));
    }
    if available + reserved + sold != total || !report.balanced || report.stock != stock {
        return Err(format!("the stock does not add up: {stock:?}, {report:?}"));
    }
    if units(OrderState::Reserved) != reserved || sold < paid || sold > paid + refunded {
        return Err(format!("the orders have other units than {stock:?}: {orders:?}"));
    }
    Ok(())
}

/// Every unit is at one store, if there are any.
fn audit_stores(found: &SkuPhotograph, offer: &Offer) -> Audited {
    let SkuPhotograph { report, orders, .. } = found;
    if !offer.has_stores {
        return if report.stores.is_empty() { Ok(()) } else { Err(format!("it has no stores: {report:?}")) };
    }
    let total: u64 = report.stores.iter().map(|store| u64::from(store.stock.total())).sum();
    let is_right = report.stores.iter().all(|store| {
        let units = |state| -> u64 {
            let here =
                orders.iter().filter(|order| order.state == state && order.store.as_ref() == Some(&store.id));
            here.map(|order| u64::from(order.qty)).sum()
        };
        let [available, reserved, sold] =
            [store.stock.available(), store.stock.reserved(), store.stock.sold()].map(u64::from);
        let (paid, refunded) = (units(OrderState::Paid), units(OrderState::Refunded));
        available + reserved + sold == u64::from(store.stock.total())
            && units(OrderState::Reserved) == reserved
            && (paid..=paid + refunded).contains(&sold)
    });
    match is_right && total == u64::from(report.stock.total()) && report.stores.len() == STORES.len() {
        true => Ok(()),
        false => Err(format!("its stores do not add up: {report:?} with {orders:?}")),
    }
}
