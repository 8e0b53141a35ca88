//! Which events of a SKU are entries of the feed.

use tidegate_engine::{Event, LineEnd, OrderNumber};
use tidegate_persistence::{CodecError, Group};

use super::{Buyer, Entry, Reserved};

/// Hands on the entries of a group of a SKU's, with the sequence of each.
///
/// # Errors
/// If the group can't be read.
pub(crate) fn sku_entries<'b>(
    group: &Group<'b>,
    mut add: impl FnMut(u64, Entry<'b>),
) -> Result<(), CodecError> {
    let events: Vec<Event<'b>> = group.events().collect::<Result<_, _>>()?;
    // Who the events behind a reservation are about; nobody, if it is a line of a cart.
    let mut by: Option<Buyer<'b>> = None;
    for (at, event) in events.iter().enumerate() {
        if let Event::Reserved { order, .. } = event {
            by = None;
            if !is_line(&events[at..], *order) {
                let reserved = reserved(&events[at..]);
                by = reserved.map(|reserved| reserved.by);
                if let Some(reserved) = reserved {
                    add(group.first_sequence + at as u64, Entry::Reserved(reserved));
                }
            }
            continue;
        }
        if let Some(entry) = entry(event, by, &events[at..]) {
            add(group.first_sequence + at as u64, entry);
        }
    }
    Ok(())
}

/// The events that complete the reservation that these begin with.
fn behind<'e, 'b>(events: &'e [Event<'b>], of: OrderNumber) -> impl Iterator<Item = &'e Event<'b>> {
    events.iter().skip(1).take_while(move |event| match event {
        Event::SeatTaken { order, .. }
        | Event::Stored { order, .. }
        | Event::Discounted { order, .. }
        | Event::LineHeld { order, .. } => *order == of,
        _ => false,
    })
}

fn is_line(events: &[Event<'_>], order: OrderNumber) -> bool {
    behind(events, order).any(|event| matches!(event, Event::LineHeld { .. }))
}

/// The reservation that these events begin with.
fn reserved<'b>(events: &[Event<'b>]) -> Option<Reserved<'b>> {
    let Some(&Event::Reserved { order, buyer, qty, unit_price, .. }) = events.first() else { return None };
    let by = Buyer { order, name: buyer, qty };
    let mut reserved = Reserved { by, unit_price, seat: None, discounts: None, store: None };
    for event in behind(events, order) {
        match event {
            Event::SeatTaken { seat, .. } => reserved.seat = Some(*seat),
            Event::Discounted { discounts, .. } => reserved.discounts = Some(**discounts),
            Event::Stored { store, .. } => reserved.store = Some(*store),
            _ => {}
        }
    }
    Some(reserved)
}

fn entry<'b>(event: &Event<'b>, by: Option<Buyer<'b>>, events: &[Event<'b>]) -> Option<Entry<'b>> {
    Some(match *event {
        Event::Created { stock, .. } => Entry::SkuCreated { stock },
        Event::Restocked { delta, .. } => Entry::Restocked { delta, store: None },
        Event::StoreRestocked { delta, store, .. } => Entry::Restocked { delta, store: Some(store) },
        Event::Repriced { price, .. } => Entry::Repriced(price),
        Event::Paused => Entry::Paused,
        Event::Resumed => Entry::Resumed,
        Event::Paid(payment) | Event::Reacquired(payment) => {
            Entry::Paid { order: payment.order, payment: payment.id, amount: payment.amount }
        }
        Event::LinePaid { order, payment, amount } => Entry::Paid { order, payment, amount },
        Event::RefundDue(payment) => {
            let (payment, amount, order) = (Some(payment.id), Some(payment.amount), payment.order);
            Entry::RefundDue { order, payment, amount, reason: "payment" }
        }
        Event::LineRefundDue { order, payment, amount } => {
            let (payment, amount) = (Some(payment), Some(amount));
            Entry::RefundDue { order, payment, amount, reason: "payment" }
        }
        Event::TierRefundDue { order, amount, .. } => {
            Entry::RefundDue { order, payment: None, amount: Some(amount), reason: "tier" }
        }
        Event::RoomRefundDue { order } => {
            Entry::RefundDue { order, payment: None, amount: None, reason: "room" }
        }
        Event::Cancelled { order, reason, .. } => Entry::Cancelled { order, reason },
        Event::LineEnded { order, end: LineEnd::Cancelled } => Entry::Cancelled { order, reason: None },
        Event::LineEnded { order, end: LineEnd::Expired } | Event::Expired { order } => {
            Entry::Expired { order, reason: None }
        }
        Event::Dismissed { order } => Entry::Expired { order, reason: Some("room") },
        Event::Refunded { order, restock, .. } => Entry::Refunded { order, restock },
        Event::RoomOpened { room, deadline } => {
            let by = events.get(1..).and_then(reserved).map(|reserved| reserved.by);
            Entry::RoomOpened { room, deadline, by }
        }
        // Whoever opened it is in the entry of that.
        Event::SeatTaken { ref seat, .. } if !seat.opened => {
            Entry::RoomJoined { room: seat.room, members: seat.members, by: by? }
        }
        Event::RoomSettled { room, tier, unit_price } => Entry::RoomSettled { room, tier, unit_price },
        Event::Discounted { ref discounts, .. } => {
            Entry::CouponUsed { code: discounts.coupon?.code, by: by? }
        }
        Event::CouponTaken { order } => Entry::CouponMoved { order, back: false },
        Event::CouponReturned { order } => Entry::CouponMoved { order, back: true },
        Event::BuyerBlocked { buyer } => Entry::BuyerBlocked(buyer),
        Event::BuyerLapsedOut { order } => Entry::BuyerLapsedOut(order),
        Event::Reserved { .. }
        | Event::SeatTaken { .. }
        | Event::Stored { .. }
        | Event::LineHeld { .. }
        // The campaign tells of lines that stand, with this discount.
        | Event::LineDiscounted { .. }
        | Event::LineEnded { end: LineEnd::Withdrawn, .. }
        | Event::Updated { .. }
        | Event::Remade { .. }
        | Event::Enrolled { .. }
        | Event::Noted { .. }
        | Event::BuyerUnblocked { .. } => return None,
    })
}
