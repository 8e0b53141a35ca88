//! The engine's answers as replies of the wire.

use std::time::Duration;

use tidegate_actors::{Ask, Reply};
use tidegate_engine::{
    Answer, CampaignCommand, CartId, CartNumber, CartView, Command, Millis, OrderId, OrderNumber, OrderState,
    OrderView, Rejection, RoomId, RoomNumber, RoomState, RoomView, SaleState, SkuView,
};
use tidegate_protocol::error::WireError;
use tidegate_protocol::reply::{
    CartEntry, CartMap, OrderMap, Outcome, ReportOf, RoomMap, RoomMember, SkuMap, write_paid_with,
};
use tidegate_protocol::resp::Writer;
use tidegate_protocol::status;

use super::campaign::{discount, write_campaign};
use super::{Books, fault, refusal};
use crate::edge::Label;

/// Writes an actor's reply and says what it is counted as. `sku` is the name of whoever was asked, which may be a
/// campaign.
pub(crate) fn write_reply(
    sku: &str,
    asked: &Ask,
    reply: &Reply,
    now: Millis,
    retry: Duration,
    writer: &mut Writer<'_>,
) -> Label {
    match reply {
        Reply::Accepted(answer) => write_answer(sku, asked, answer, writer),
        Reply::Paid(goods) => {
            let Ask::Command(Command::Pay { order, .. }) = asked else {
                // Nothing else is answered so.
                return write_answer(sku, asked, &Answer::Paid, writer);
            };
            let order = IdText::order(sku, *order);
            let names = goods.names();
            write_paid_with(order.as_str(), names.map(|name| name.into_owned()), writer);
            Label::Status(status::Status::Paid)
        }
        Reply::ReservedAt(answer, store) => {
            let Answer::Reserved { order, amount, expires_at } = *answer else {
                // Nothing else is answered so.
                return write_answer(sku, asked, answer, writer);
            };
            let order = IdText::order(sku, order);
            let outcome =
                Outcome::ReservedAt { order: order.as_str(), amount, expires_at: expires_at.0, store };
            outcome.write(writer);
            Label::Status(outcome.status())
        }
        Reply::CartPaid(goods) => {
            let Ask::Campaign(CampaignCommand::PayCart { cart, .. }) = asked else {
                // Nothing else is answered so.
                return write_answer(sku, asked, &Answer::Paid, writer);
            };
            let names: Vec<_> =
                goods.iter().flat_map(|goods| goods.names()).map(|name| name.into_owned()).collect();
            write_paid_with(IdText::cart(sku, *cart).as_str(), names.into_iter(), writer);
            Label::Status(status::Status::Paid)
        }
        Reply::LineRejected(rejection, line) => {
            let outcome = rejected(*rejection);
            outcome.write_line(line, writer);
            Label::Status(outcome.status())
        }
        Reply::Failed(why) => {
            let error = fault(*why, retry);
            error.write(writer);
            Label::Error(error.code())
        }
        // Asked by nobody who is answered here.
        Reply::Inner(_) | Reply::ConsumerGroup(_) | Reply::ConsumerGroupView(_) | Reply::Pending(_) => {
            let error = WireError::invalid("outcome unknown: a defect of the server; please report it");
            error.write(writer);
            Label::Error(error.code())
        }
        Reply::Rejected(rejection) => {
            let outcome = rejected(*rejection);
            outcome.write(writer);
            Label::Status(outcome.status())
        }
        Reply::Refused(refused) => {
            let error = refusal(*refused, retry);
            error.write(writer);
            Label::Error(error.code())
        }
        Reply::View(view) => {
            write_view(sku, view.as_deref(), now, writer);
            Label::Ok
        }
        Reply::Campaign(view) => {
            write_campaign(sku, view.as_ref(), &[], now, writer);
            Label::Ok
        }
        Reply::Order(order) => {
            match order {
                Some(order) => write_order(sku, order, writer),
                None => writer.null(),
            }
            Label::Ok
        }
        Reply::Room(room) => {
            match room {
                Some(room) => write_room(sku, room, writer),
                None => writer.null(),
            }
            Label::Ok
        }
        Reply::Cart(cart) => {
            match cart {
                Some(cart) => write_cart(sku, cart, writer),
                None => writer.null(),
            }
            Label::Ok
        }
        Reply::Report(report) => {
            match report.as_deref() {
                Some((report, rejections)) => {
                    let mut books = Books::default();
                    books.add(report, rejections);
                    books.add_stores(report);
                    books.write(ReportOf::Sku(sku), writer);
                }
                None => writer.null(),
            }
            Label::Ok
        }
    }
}

/// An id as text, on the stack: one is written for every reservation, and by the formatter it took a twentieth of what the
/// arbiters do for it.
struct IdText {
    bytes: [u8; 128],
    length: usize,
}

impl IdText {
    fn order(sku: &str, number: OrderNumber) -> Self {
        Self::new(OrderId { sku, number }.before_number(), number.0)
    }

    fn room(sku: &str, number: RoomNumber) -> Self {
        Self::new(RoomId { sku, number }.before_number(), number.0)
    }

    fn cart(campaign: &str, number: CartNumber) -> Self {
        Self::new(CartId { campaign, number }.before_number(), number.0)
    }

    fn new(before_number: [&str; 3], number: u32) -> Self {
        let mut id = Self { bytes: [0; 128], length: 0 };
        let mut digits = itoa::Buffer::new();
        let mut parts = before_number.into_iter().chain([digits.format(number)]);
        // The name of a SKU or campaign has at most 64 bytes, so all parts fit; no id is better than part of one.
        if parts.try_for_each(|part| id.push(part)).is_none() {
            id.length = 0;
        }
        id
    }

    /// `None` if it does not fit.
    fn push(&mut self, part: &str) -> Option<()> {
        let end = self.length + part.len();
        self.bytes.get_mut(self.length..end)?.copy_from_slice(part.as_bytes());
        self.length = end;
        Some(())
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

fn write_answer(sku: &str, asked: &Ask, answer: &Answer, writer: &mut Writer<'_>) -> Label {
    if let Answer::CartReserved { cart, amount, expires_at, off } = *answer {
        let cart = IdText::cart(sku, cart);
        let (cart, expires_at) = (cart.as_str(), expires_at.0);
        let outcome = Outcome::CartReserved { cart, amount, expires_at, threshold_discount: off };
        outcome.write(writer);
        return Label::Status(outcome.status());
    }
    let text = match (answer, asked) {
        (Answer::Reserved { order, .. } | Answer::Opened { order, .. } | Answer::Joined { order, .. }, _) => {
            Some(IdText::order(sku, *order))
        }
        (Answer::Paid | Answer::RefundDue, Ask::Command(Command::Pay { order, .. })) => {
            Some(IdText::order(sku, *order))
        }
        (Answer::Paid | Answer::RefundDue, Ask::Campaign(CampaignCommand::PayCart { cart, .. })) => {
            Some(IdText::cart(sku, *cart))
        }
        _ => None,
    };
    let order = text.as_ref().map_or("", IdText::as_str);
    let room = match answer {
        Answer::Opened { room, .. } => Some(IdText::room(sku, *room)),
        _ => None,
    };
    let room = room.as_ref().map_or("", IdText::as_str);
    let coupon = match answer {
        Answer::Granted { code, .. } => code.to_string(),
        _ => String::new(),
    };
    let outcome = match *answer {
        Answer::Created => Outcome::Created,
        Answer::Updated => Outcome::Updated,
        Answer::Unchanged => Outcome::Unchanged,
        Answer::Restocked { available } => Outcome::Restocked { available },
        Answer::Repriced { price } => Outcome::Repriced { price },
        Answer::Paused => Outcome::Paused,
        Answer::Resumed => Outcome::Resumed,
        Answer::Reserved { amount, expires_at, .. } => {
            Outcome::Reserved { order, amount, expires_at: expires_at.0 }
        }
        Answer::Opened { amount, expires_at, .. } => {
            Outcome::Opened { room, order, amount, expires_at: expires_at.0 }
        }
        Answer::Joined { amount, members, expires_at, .. } => {
            Outcome::Joined { order, amount, members: u64::from(members), expires_at: expires_at.0 }
        }
        // Written above.
        Answer::CartReserved { .. } | Answer::Paid => Outcome::Paid { order },
        Answer::RefundDue => Outcome::RefundDue { order },
        Answer::Cancelled => Outcome::Cancelled,
        Answer::Refunded => Outcome::Refunded,
        Answer::Blocked => Outcome::Blocked,
        Answer::Unblocked => Outcome::Unblocked,
        Answer::Granted { percent_off, expires_at, .. } => Outcome::Granted {
            coupon: &coupon,
            percent_off: u64::from(percent_off),
            expires_at: expires_at.0,
        },
    };
    outcome.write(writer);
    Label::Status(outcome.status())
}

pub(super) fn rejected(rejection: Rejection) -> Outcome<'static> {
    match rejection {
        Rejection::NotFound => Outcome::NotFound,
        Rejection::Blocked => Outcome::Blocked,
        Rejection::NotEligible => Outcome::NotEligible,
        Rejection::NotOpen { starts_at } => Outcome::NotOpen { starts_at: starts_at.0 },
        Rejection::Ended => Outcome::Ended,
        Rejection::Paused => Outcome::Paused,
        Rejection::SoldOut => Outcome::SoldOut,
        Rejection::Limit { left } => Outcome::Limit { left: u64::from(left) },
        Rejection::PriceChanged { price } => Outcome::PriceChanged { price },
        Rejection::AmountMismatch { due } => Outcome::AmountMismatch { due },
        Rejection::AlreadyPaid => Outcome::AlreadyPaid,
        Rejection::Expired => Outcome::Expired,
        Rejection::NotPaid => Outcome::NotPaid,
        Rejection::Insufficient { available } => Outcome::Insufficient { available },
        Rejection::OutOfBounds { floor, ceiling } => Outcome::OutOfBounds { floor, ceiling },
        Rejection::RoomFull => Outcome::Full,
        Rejection::RoomClosed => Outcome::Closed,
        Rejection::AlreadyMember => Outcome::AlreadyMember,
        Rejection::CouponInvalid => Outcome::CouponInvalid,
        Rejection::NoStore => Outcome::NoStore,
    }
}

/// About how many bytes [`write_view`] writes of it.
pub(crate) fn view_bytes(view: &SkuView) -> usize {
    const FIELDS: usize = 320;
    const FIGURES: usize = 32;
    let stores = view.terms.stores.iter().flatten().map(|store| store.id.len() + FIGURES);
    FIELDS + view.terms.title.len() + stores.sum::<usize>()
}

/// Writes how a SKU stands, or nil if there is none.
pub(crate) fn write_view(sku: &str, view: Option<&SkuView>, now: Millis, writer: &mut Writer<'_>) {
    let Some(view) = view else { return writer.null() };
    let stock = view.stock;
    let next = view.next_price(now);
    let window = view.window();
    let stores: Option<Vec<(&str, u64)>> = view.stores.as_ref().map(|available| {
        let ids = view.terms.stores.iter().flatten().map(|store| &*store.id);
        ids.zip(available.iter().map(|units| u64::from(*units))).collect()
    });
    let map = SkuMap {
        sku,
        title: &view.terms.title,
        state: match view.sale_state(now) {
            SaleState::Scheduled => status::SkuState::Scheduled,
            SaleState::Open => status::SkuState::Open,
            SaleState::Paused => status::SkuState::Paused,
            SaleState::SoldOut => status::SkuState::SoldOut,
            SaleState::Ended => status::SkuState::Ended,
        },
        price: view.unit_price(now),
        currency: view.terms.currency.code(),
        next_price: next.map(|(price, _)| price),
        next_price_at: next.map(|(_, at)| at.0),
        total: u64::from(stock.total()),
        available: u64::from(stock.available()),
        reserved: u64::from(stock.reserved()),
        sold: u64::from(stock.sold()),
        starts_at: window.starts_at.map(|at| at.0),
        ends_at: window.ends_at.map(|at| at.0),
        seq: view.changes,
        stores: stores.as_deref(),
    };
    map.write(writer);
}

pub(super) fn order_state(state: OrderState) -> status::OrderState {
    match state {
        OrderState::Reserved => status::OrderState::Reserved,
        OrderState::Paid => status::OrderState::Paid,
        OrderState::Cancelled => status::OrderState::Cancelled,
        OrderState::Expired => status::OrderState::Expired,
        OrderState::RefundDue => status::OrderState::RefundDue,
        OrderState::Refunded => status::OrderState::Refunded,
    }
}

pub(super) fn write_order(sku: &str, order: &OrderView, writer: &mut Writer<'_>) {
    let id = IdText::order(sku, order.number);
    let room = order.room.map(|number| IdText::room(sku, number));
    let cart = order.cart.as_ref().map(|(campaign, number)| IdText::cart(campaign, *number));
    let discounts: Vec<_> =
        order.discounts.iter().map(|(kind, off)| (discount(*kind).word(), *off)).collect();
    let map = OrderMap {
        order: id.as_str(),
        state: order_state(order.state),
        sku,
        buyer: &order.buyer,
        qty: u64::from(order.qty),
        unit_price: order.unit_price,
        amount: order.amount,
        currency: order.currency.code(),
        discounts: &discounts,
        reserved_at: order.reserved_at.0,
        expires_at: order.expires_at.0,
        paid_at: order.paid_at.map(|at| at.0),
        room: room.as_ref().map(IdText::as_str),
        cart: cart.as_ref().map(IdText::as_str),
        store: order.store.as_deref(),
    };
    map.write(writer);
}

pub(super) fn write_cart(campaign: &str, cart: &CartView, writer: &mut Writer<'_>) {
    let id = IdText::cart(campaign, cart.number);
    let lines: Vec<_> = (cart.items.iter())
        .map(|item| CartEntry {
            order: OrderId { sku: &item.sku, number: item.order }.to_string(),
            sku: &item.sku,
            qty: u64::from(item.qty),
            amount: item.amount,
        })
        .collect();
    let map = CartMap {
        cart: id.as_str(),
        state: order_state(cart.state),
        campaign,
        buyer: &cart.buyer,
        lines: &lines,
        amount: cart.amount,
        currency: cart.currency.code(),
        threshold_discount: cart.off,
        reserved_at: cart.reserved_at.0,
        expires_at: cart.expires_at.0,
        paid_at: cart.paid_at.map(|at| at.0),
    };
    map.write(writer);
}

pub(super) fn write_room(sku: &str, room: &RoomView, writer: &mut Writer<'_>) {
    let id = IdText::room(sku, room.number);
    let member = |member: &tidegate_engine::RoomMember| OrderId { sku, number: member.order }.to_string();
    let members: Vec<RoomMember<'_>> = (room.members.iter())
        .map(|seat| RoomMember { buyer: &seat.buyer, order: member(seat), paid: seat.paid })
        .collect();
    let map = RoomMap {
        room: id.as_str(),
        sku,
        state: match room.state {
            RoomState::Forming => status::RoomState::Forming,
            RoomState::Succeeded => status::RoomState::Succeeded,
            RoomState::Failed => status::RoomState::Failed,
        },
        leader: room.members.first().map(|leader| &*leader.buyer),
        members: &members,
        paid_members: u64::from(room.paid_members),
        tier_members: u64::from(room.tier.members),
        unit_price: room.unit_price,
        next_tier_members: room.next.map(|(tier, _)| u64::from(tier.members)),
        next_unit_price: room.next.map(|(_, price)| price),
        deadline: room.deadline.0,
        settled_at: room.settled_at.map(|at| at.0),
    };
    map.write(writer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_on_the_stack_is_the_one_that_is_read_back() {
        let longest = "x".repeat(64);
        for (sku, number) in [("a", 1), ("iphone-15", 1_000_000), (longest.as_str(), u32::MAX)] {
            let order = IdText::order(sku, OrderNumber(number));
            assert_eq!(OrderId::parse(order.as_str()), Some(OrderId { sku, number: OrderNumber(number) }));
            let room = IdText::room(sku, RoomNumber(number));
            assert_eq!(RoomId::parse(room.as_str()), Some(RoomId { sku, number: RoomNumber(number) }));
            let cart = IdText::cart(sku, CartNumber(number));
            assert_eq!(
                CartId::parse(cart.as_str()),
                Some(CartId { campaign: sku, number: CartNumber(number) })
            );
        }
        assert_eq!(IdText::order(&"x".repeat(123), OrderNumber(10)).as_str(), "");
    }
}
