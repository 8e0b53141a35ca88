//! What entries of the feed say, in the words of the protocol.

use tidegate_engine::{
    CartId, CartNumber, CartView, DiscountKind, Discounts, OrderId, OrderNumber, OrderView, RoomId,
    RoomNumber, less_percent,
};

use super::json::{Object, put_text};
use super::write::Who;
use super::{Buyer, Entry, Reserved};
use crate::convert::campaign::discount;

/// Writes what the entry says, in the words of the protocol. `order` and `cart` are what was asked for.
pub(super) fn put_data(
    data: &mut Object<'_>,
    entry: &Entry<'_>,
    who: Who<'_>,
    order: Option<&OrderView>,
    cart: Option<&CartView>,
) {
    match entry {
        Entry::Reserved(reserved) => put_reserved(data, reserved, who),
        Entry::Paid { payment, amount, .. } => {
            if let Some(order) = order {
                put_order(data, order, who.name);
                data.number("amount", *amount);
                put_discounts(data, &discounts_when_paid(order, *amount));
            }
            data.text("payment", payment);
        }
        Entry::RefundDue { payment, amount, reason, .. } => {
            if let Some(order) = order {
                put_order(data, order, who.name);
                data.number("amount", amount.unwrap_or(order.amount));
                if let Some(payment) = payment.or(order.payment.as_deref()) {
                    data.text("payment", payment);
                }
            }
            data.text("reason", reason);
        }
        Entry::Cancelled { reason, .. } => {
            put_whole_order(data, order, who.name);
            reason.iter().for_each(|reason| data.text("reason", reason));
        }
        Entry::Expired { reason, .. } => {
            put_whole_order(data, order, who.name);
            reason.iter().for_each(|reason| data.text("reason", reason));
        }
        Entry::Refunded { restock, .. } => {
            put_whole_order(data, order, who.name);
            if let Some(payment) = order.and_then(|order| order.payment.as_deref()) {
                data.text("payment", payment);
            }
            data.truth("restock", *restock);
        }
        Entry::RoomOpened { room, deadline, by } => {
            data.text("room", &room_id(who.name, *room));
            data.text("sku", who.name);
            by.iter().for_each(|by| put_buyer(data, by, who.name));
            data.number("deadline", deadline.0);
        }
        Entry::RoomJoined { room, members, by } => {
            data.text("room", &room_id(who.name, *room));
            data.text("sku", who.name);
            put_buyer(data, by, who.name);
            data.number("members", *members);
        }
        Entry::RoomSettled { room, tier, unit_price } => {
            data.text("room", &room_id(who.name, *room));
            data.text("sku", who.name);
            if let Some(tier) = tier {
                data.number("tier_members", tier.members);
                data.number("unit_price", less_percent(*unit_price, tier.percent_off));
                put_currency(data, who);
            }
        }
        Entry::CouponUsed { code, by } => {
            put_buyer(data, by, who.name);
            data.text("sku", who.name);
            data.text("coupon", &code.to_string());
        }
        Entry::CouponMoved { .. } => {
            if let Some(order) = order {
                put_order(data, order, who.name);
                order.coupon.iter().for_each(|code| data.text("coupon", &code.to_string()));
            }
        }
        Entry::BuyerBlocked(buyer) => {
            data.text("sku", who.name);
            data.text("buyer", buyer);
        }
        Entry::BuyerLapsedOut(number) => {
            data.text("sku", who.name);
            order.iter().for_each(|order| data.text("buyer", &order.buyer));
            data.text("order", &order_id(who.name, *number));
            data.text("reason", "lapses");
        }
        Entry::SkuCreated { stock } => {
            data.text("sku", who.name);
            data.number("qty", *stock);
            put_currency(data, who);
        }
        Entry::Restocked { delta, store } => {
            data.text("sku", who.name);
            data.number("qty", *delta);
            let stores = who.view.and_then(|view| view.terms.stores.as_deref());
            let store = store.and_then(|store| stores?.get(usize::from(store.0)));
            store.iter().for_each(|store| data.text("store", &store.id));
        }
        Entry::Repriced(price) => {
            data.text("sku", who.name);
            data.number("unit_price", *price);
            put_currency(data, who);
        }
        Entry::Paused | Entry::Resumed => data.text("sku", who.name),
        _ => put_campaign_data(data, entry, who.name, order, cart),
    }
}

fn put_campaign_data(
    data: &mut Object<'_>,
    entry: &Entry<'_>,
    campaign: &str,
    order: Option<&OrderView>,
    cart: Option<&CartView>,
) {
    match entry {
        Entry::LineReserved { cart, line } => {
            if let (Some(order), Some(line)) = (order, cart.items.get(*line)) {
                put_order(data, order, line.sku);
                data.number("amount", line.amount.saturating_sub(line.off));
                // The line may not have heard of its part of the threshold yet.
                let others = order.discounts.iter().filter(|(kind, _)| *kind != DiscountKind::Threshold);
                let threshold = (line.off > 0).then_some((DiscountKind::Threshold, line.off));
                put_discounts(data, &others.copied().chain(threshold).collect::<Vec<_>>());
            }
        }
        Entry::CampaignPut => data.text("campaign", campaign),
        Entry::Granted(granted) => {
            data.text("campaign", campaign);
            data.text("buyer", granted.buyer);
            data.text("coupon", &granted.grant.code.to_string());
            data.number("percent_off", granted.grant.percent_off);
            data.number("expires_at", granted.grant.expires_at.0);
            data.text("reason", &granted.grant.event);
        }
        Entry::CartReserved(new) => {
            data.text("cart", &cart_id(campaign, new.cart));
            data.text("campaign", campaign);
            data.text("buyer", new.buyer);
            let sum = |of: fn(&tidegate_engine::CartItem<&str>) -> u64| new.items.iter().map(of).sum::<u64>();
            let (amount, off) = (sum(|item| item.amount), sum(|item| item.off));
            data.number("amount", amount.saturating_sub(off));
            data.text("currency", new.currency.code());
            put_discounts(data, &[(DiscountKind::Threshold, off)]);
            data.list("lines", &new.items, |line, item| {
                line.text("order", &order_id(item.sku, item.order));
                line.text("sku", item.sku);
                line.number("qty", item.qty);
                line.number("amount", item.amount.saturating_sub(item.off));
            });
        }
        Entry::CartCoupon { cart, code } => {
            data.text("cart", &cart_id(campaign, cart.cart));
            data.text("campaign", campaign);
            data.text("buyer", cart.buyer);
            data.text("coupon", &code.to_string());
        }
        Entry::CartPaid(payment) => {
            cart.iter().for_each(|cart| put_cart(data, cart, campaign));
            data.number("amount", payment.amount);
            data.text("payment", payment.id);
        }
        Entry::CartOverpaid(payment) => {
            cart.iter().for_each(|cart| put_cart(data, cart, campaign));
            data.number("amount", payment.amount);
            data.text("payment", payment.id);
            data.text("reason", "payment");
        }
        Entry::CartCancelled(_) | Entry::CartExpired(_) => {
            if let Some(cart) = cart {
                put_cart(data, cart, campaign);
                data.number("amount", cart.amount);
            }
        }
        _ => {}
    }
}

fn put_reserved(data: &mut Object<'_>, reserved: &Reserved<'_>, who: Who<'_>) {
    let Reserved { ref by, unit_price, seat, discounts, store } = *reserved;
    put_buyer(data, by, who.name);
    data.text("sku", who.name);
    data.number("unit_price", unit_price);
    let tier = seat.map_or(0, |seat| seat.off_at_first);
    let off = tier.saturating_add(discounts.as_ref().map_or(0, Discounts::total));
    data.number("amount", unit_price.saturating_mul(u64::from(by.qty)).saturating_sub(off));
    put_currency(data, who);
    if off > 0 {
        let kinds = discounts.map(|discounts| discounts.order).unwrap_or_default().kinds();
        let amount = |kind| match kind {
            DiscountKind::Tier => tier,
            DiscountKind::Coupon => {
                discounts.and_then(|all| all.coupon).map_or(0, |coupon| coupon.off.amount)
            }
            DiscountKind::Green => discounts.and_then(|all| all.green).map_or(0, |green| green.amount),
            DiscountKind::Threshold => 0,
        };
        put_discounts(data, &kinds.map(|kind| (kind, amount(kind))));
    }
    if let Some(seat) = seat {
        data.text("room", &room_id(who.name, seat.room));
    }
    let stores = who.view.and_then(|view| view.terms.stores.as_deref());
    if let Some(store) = store.and_then(|store| stores?.get(usize::from(store.0))) {
        data.text("store", &store.id);
    }
}

fn put_buyer(data: &mut Object<'_>, by: &Buyer<'_>, sku: &str) {
    data.text("order", &order_id(sku, by.order));
    data.text("buyer", by.name);
    data.number("qty", by.qty);
}

/// What never changes about an order.
fn put_order(data: &mut Object<'_>, order: &OrderView, sku: &str) {
    data.text("order", &order_id(sku, order.number));
    data.text("buyer", &order.buyer);
    data.number("qty", order.qty);
    data.text("sku", sku);
    data.number("unit_price", order.unit_price);
    data.text("currency", order.currency.code());
    order.room.iter().for_each(|room| data.text("room", &room_id(sku, *room)));
    if let Some((campaign, cart)) = &order.cart {
        data.text("cart", &cart_id(campaign, *cart));
    }
    order.store.iter().for_each(|store| data.text("store", store));
}

/// An order whose price can't change any more.
fn put_whole_order(data: &mut Object<'_>, order: Option<&OrderView>, sku: &str) {
    if let Some(order) = order {
        put_order(data, order, sku);
        data.number("amount", order.amount);
        put_discounts(data, &order.discounts);
    }
}

fn put_cart(data: &mut Object<'_>, cart: &CartView, campaign: &str) {
    data.text("cart", &cart_id(campaign, cart.number));
    data.text("campaign", campaign);
    data.text("buyer", &cart.buyer);
    data.text("currency", cart.currency.code());
}

/// The discounts of an order when this was paid for it. Since then its room may have come to a better tier, once; with
/// that its green discount changed too, to what makes up the difference.
fn discounts_when_paid(order: &OrderView, paid: u64) -> Vec<(DiscountKind, u64)> {
    let now = &order.discounts;
    let of = |kind| now.iter().find(|(other, _)| *other == kind).map_or(0, |(_, off)| *off);
    let tier = order.tier_off_at_first;
    if of(DiscountKind::Tier) == tier {
        return now.clone();
    }
    let line = order.unit_price.saturating_mul(u64::from(order.qty));
    let green = line.saturating_sub(tier).saturating_sub(of(DiscountKind::Coupon)).saturating_sub(paid);
    let before = now.iter().map(|(kind, off)| match kind {
        DiscountKind::Tier => (*kind, tier),
        DiscountKind::Green => (*kind, green),
        _ => (*kind, *off),
    });
    before.collect()
}

fn put_discounts(data: &mut Object<'_>, discounts: &[(DiscountKind, u64)]) {
    let mut some = discounts.iter().filter(|(_, off)| *off > 0).peekable();
    if some.peek().is_some() {
        data.list("discounts", some, |item, (kind, off)| {
            item.with("name", |out| put_text(out, discount(*kind).word()));
            item.number("amount", *off);
        });
    }
}

fn put_currency(data: &mut Object<'_>, who: Who<'_>) {
    who.view.iter().for_each(|view| data.text("currency", view.terms.currency.code()));
}

pub(super) fn order_id(sku: &str, number: OrderNumber) -> String {
    OrderId { sku, number }.to_string()
}

pub(super) fn room_id(sku: &str, number: RoomNumber) -> String {
    RoomId { sku, number }.to_string()
}

pub(super) fn cart_id(campaign: &str, number: CartNumber) -> String {
    CartId { campaign, number }.to_string()
}
