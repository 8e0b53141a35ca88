//! Events as bytes: what the journal is full of, so it is kept small.

use tidegate_engine::{Event, Fingerprint, LineEnd, Millis, OrderNumber, Payment, Request, RoomNumber};

use super::answer::{get_answer, put_answer};
use super::campaign::{get_discounts, get_enrolment, put_discounts, put_enrolment};
use super::cart::{get_line, put_line};
use super::room::{get_reached, get_seat, put_reached, put_seat};
use super::store::{get_store, put_store};
use super::terms::{get_terms, put_terms};
use super::wire::{Cursor, put_signed, put_text, put_varint};
use super::{CodecError, unknown};

const CREATED: u8 = 1;
const UPDATED: u8 = 2;
const RESTOCKED: u8 = 3;
const PAUSED: u8 = 4;
const RESUMED: u8 = 5;
const RESERVED: u8 = 6;
const PAID: u8 = 7;
const REACQUIRED: u8 = 8;
const REFUND_DUE: u8 = 9;
const CANCELLED: u8 = 10;
const EXPIRED: u8 = 11;
const REFUNDED: u8 = 12;
const NOTED: u8 = 13;
const BUYER_BLOCKED: u8 = 14;
const BUYER_UNBLOCKED: u8 = 15;
const BUYER_LAPSED_OUT: u8 = 16;
const REPRICED: u8 = 17;
const LINE_HELD: u8 = 18;
const LINE_DISCOUNTED: u8 = 19;
const ROOM_OPENED: u8 = 20;
const SEAT_TAKEN: u8 = 21;
const DISMISSED: u8 = 22;
const TIER_REFUND_DUE: u8 = 23;
const ROOM_REFUND_DUE: u8 = 24;
const ROOM_SETTLED: u8 = 25;
const ENROLLED: u8 = 26;
const DISCOUNTED: u8 = 27;
/// The same as [`TIER_REFUND_DUE`], and what the green discount takes off from then on.
const GREEN_TIER_REFUND_DUE: u8 = 28;
const REMADE: u8 = 29;
const STORED: u8 = 30;
const STORE_RESTOCKED: u8 = 31;
const LINE_PAID: u8 = 32;
const LINE_ENDED: u8 = 33;
const LINE_REFUND_DUE: u8 = 34;
const COUPON_TAKEN: u8 = 35;
const COUPON_RETURNED: u8 = 36;

/// How a line ended.
const LINE_ENDS: [LineEnd; 3] = [LineEnd::Withdrawn, LineEnd::Cancelled, LineEnd::Expired];

/// What a reservation leaves out because it is the same as in the reservation before it in the group.
mod same {
    pub(super) const NEXT_ORDER: u8 = 1;
    pub(super) const PRICE: u8 = 2;
    pub(super) const HOLD: u8 = 4;
    /// The quantity is one unit.
    pub(super) const ONE_UNIT: u8 = 8;
    pub(super) const ALL: u8 = NEXT_ORDER | PRICE | HOLD | ONE_UNIT;
}

/// The last reservation of the group; all zero before the first.
#[derive(Clone, Copy, Debug, Default)]
struct Previous {
    order: u32,
    unit_price: u64,
    hold_ms: u32,
}

/// Writes the events of one group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventEncoder {
    previous: Previous,
}

impl EventEncoder {
    /// Appends one event.
    pub(crate) fn put(&mut self, out: &mut Vec<u8>, event: &Event<'_>) {
        match event {
            Event::Created { terms, stock } => {
                out.push(CREATED);
                put_terms(out, terms);
                put_varint(out, u64::from(*stock));
            }
            Event::Updated { terms } => {
                out.push(UPDATED);
                put_terms(out, terms);
            }
            Event::Remade { terms } => {
                out.push(REMADE);
                put_terms(out, terms);
            }
            Event::Enrolled { enrolment } => {
                out.push(ENROLLED);
                out.push(u8::from(enrolment.is_some()));
                if let Some(enrolment) = enrolment {
                    put_enrolment(out, enrolment);
                }
            }
            Event::Discounted { order, discounts } => {
                out.push(DISCOUNTED);
                put_varint(out, u64::from(order.0));
                put_discounts(out, discounts);
            }
            Event::Stored { order, store } => {
                out.push(STORED);
                put_varint(out, u64::from(order.0));
                put_store(out, *store);
            }
            Event::StoreRestocked { request, delta, store } => {
                out.push(STORE_RESTOCKED);
                put_request(out, request);
                put_signed(out, *delta);
                put_store(out, *store);
            }
            Event::Restocked { request, delta } => {
                out.push(RESTOCKED);
                put_request(out, request);
                put_signed(out, *delta);
            }
            Event::Repriced { request, price } => {
                out.push(REPRICED);
                put_request(out, request);
                put_varint(out, *price);
            }
            Event::Paused => out.push(PAUSED),
            Event::Resumed => out.push(RESUMED),
            Event::Reserved { order, request, buyer, qty, unit_price, hold_ms } => {
                self.put_reserved(out, *order, request, buyer, *qty, *unit_price, *hold_ms);
            }
            Event::Paid(payment) => put_payment(out, PAID, payment),
            Event::Reacquired(payment) => put_payment(out, REACQUIRED, payment),
            Event::RefundDue(payment) => put_payment(out, REFUND_DUE, payment),
            Event::Cancelled { order, request, reason } => {
                out.push(CANCELLED);
                put_varint(out, u64::from(order.0));
                put_request(out, request);
                out.push(u8::from(reason.is_some()));
                if let Some(reason) = reason {
                    put_text(out, reason);
                }
            }
            Event::Expired { order } => {
                out.push(EXPIRED);
                put_varint(out, u64::from(order.0));
            }
            Event::Refunded { order, request, restock } => {
                out.push(REFUNDED);
                put_varint(out, u64::from(order.0));
                put_request(out, request);
                out.push(u8::from(*restock));
            }
            Event::Noted { order, request, answer } => {
                out.push(NOTED);
                put_varint(out, u64::from(order.0));
                put_request(out, request);
                put_answer(out, answer);
            }
            Event::BuyerBlocked { buyer } => {
                out.push(BUYER_BLOCKED);
                put_text(out, buyer);
            }
            Event::BuyerLapsedOut { order } => {
                out.push(BUYER_LAPSED_OUT);
                put_varint(out, u64::from(order.0));
            }
            Event::BuyerUnblocked { buyer } => {
                out.push(BUYER_UNBLOCKED);
                put_text(out, buyer);
            }
            Event::RoomOpened { room, deadline } => {
                out.push(ROOM_OPENED);
                put_varint(out, u64::from(room.0));
                put_varint(out, deadline.0);
            }
            Event::SeatTaken { order, seat } => {
                out.push(SEAT_TAKEN);
                put_varint(out, u64::from(order.0));
                put_seat(out, seat);
            }
            Event::Dismissed { order } => {
                out.push(DISMISSED);
                put_varint(out, u64::from(order.0));
            }
            Event::TierRefundDue { order, amount, green } => {
                out.push(if *green == 0 { TIER_REFUND_DUE } else { GREEN_TIER_REFUND_DUE });
                put_varint(out, u64::from(order.0));
                put_varint(out, *amount);
                if *green != 0 {
                    put_varint(out, *green);
                }
            }
            Event::RoomRefundDue { order } => {
                out.push(ROOM_REFUND_DUE);
                put_varint(out, u64::from(order.0));
            }
            Event::LineHeld { order, line } => {
                out.push(LINE_HELD);
                put_varint(out, u64::from(order.0));
                put_line(out, line);
            }
            Event::CouponTaken { order } => {
                out.push(COUPON_TAKEN);
                put_varint(out, u64::from(order.0));
            }
            Event::CouponReturned { order } => {
                out.push(COUPON_RETURNED);
                put_varint(out, u64::from(order.0));
            }
            Event::LineDiscounted { order, off } => {
                out.push(LINE_DISCOUNTED);
                put_varint(out, u64::from(order.0));
                put_varint(out, *off);
            }
            Event::LinePaid { order, payment, amount } => {
                put_line_payment(out, LINE_PAID, *order, payment, *amount);
            }
            Event::LineEnded { order, end } => {
                out.push(LINE_ENDED);
                put_varint(out, u64::from(order.0));
                out.push(LINE_ENDS.iter().position(|other| other == end).unwrap_or(0) as u8);
            }
            Event::LineRefundDue { order, payment, amount } => {
                put_line_payment(out, LINE_REFUND_DUE, *order, payment, *amount);
            }
            Event::RoomSettled { room, tier, unit_price } => {
                out.push(ROOM_SETTLED);
                put_varint(out, u64::from(room.0));
                put_reached(out, *tier);
                put_varint(out, *unit_price);
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // the fields of one event, destructured by the caller
    fn put_reserved(
        &mut self,
        out: &mut Vec<u8>,
        order: OrderNumber,
        request: &Request<'_>,
        buyer: &str,
        qty: u32,
        unit_price: u64,
        hold_ms: u32,
    ) {
        let before = self.previous;
        let mut flags = 0;
        if Some(order.0) == before.order.checked_add(1) {
            flags |= same::NEXT_ORDER;
        }
        if unit_price == before.unit_price {
            flags |= same::PRICE;
        }
        if hold_ms == before.hold_ms {
            flags |= same::HOLD;
        }
        if qty == 1 {
            flags |= same::ONE_UNIT;
        }
        out.push(RESERVED);
        out.push(flags);
        if flags & same::NEXT_ORDER == 0 {
            put_varint(out, u64::from(order.0));
        }
        put_request(out, request);
        put_text(out, buyer);
        if flags & same::ONE_UNIT == 0 {
            put_varint(out, u64::from(qty));
        }
        if flags & same::PRICE == 0 {
            put_varint(out, unit_price);
        }
        if flags & same::HOLD == 0 {
            put_varint(out, u64::from(hold_ms));
        }
        self.previous = Previous { order: order.0, unit_price, hold_ms };
    }
}

/// Reads the events of one group, in order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventDecoder {
    previous: Previous,
}

impl EventDecoder {
    /// The next event.
    pub(crate) fn get<'a>(&mut self, from: &mut Cursor<'a>) -> Result<Event<'a>, CodecError> {
        Ok(match from.byte("event")? {
            CREATED => Event::Created { terms: get_terms(from)?, stock: from.small("stock")? },
            UPDATED => Event::Updated { terms: get_terms(from)? },
            REMADE => Event::Remade { terms: get_terms(from)? },
            STORED => Event::Stored { order: get_order(from)?, store: get_store(from)? },
            STORE_RESTOCKED => Event::StoreRestocked {
                request: get_request(from)?,
                delta: from.signed("delta")?,
                store: get_store(from)?,
            },
            RESTOCKED => Event::Restocked { request: get_request(from)?, delta: from.signed("delta")? },
            REPRICED => Event::Repriced { request: get_request(from)?, price: from.varint("price")? },
            PAUSED => Event::Paused,
            RESUMED => Event::Resumed,
            RESERVED => self.get_reserved(from)?,
            PAID => Event::Paid(get_payment(from)?),
            REACQUIRED => Event::Reacquired(get_payment(from)?),
            REFUND_DUE => Event::RefundDue(get_payment(from)?),
            CANCELLED => Event::Cancelled {
                order: get_order(from)?,
                request: get_request(from)?,
                reason: if from.flag("reason")? { Some(from.text("reason")?) } else { None },
            },
            EXPIRED => Event::Expired { order: get_order(from)? },
            REFUNDED => Event::Refunded {
                order: get_order(from)?,
                request: get_request(from)?,
                restock: from.flag("restock flag")?,
            },
            NOTED => Event::Noted {
                order: get_order(from)?,
                request: get_request(from)?,
                answer: get_answer(from)?,
            },
            BUYER_BLOCKED => Event::BuyerBlocked { buyer: from.text("buyer")? },
            BUYER_LAPSED_OUT => Event::BuyerLapsedOut { order: get_order(from)? },
            BUYER_UNBLOCKED => Event::BuyerUnblocked { buyer: from.text("buyer")? },
            ROOM_OPENED => {
                Event::RoomOpened { room: get_room_number(from)?, deadline: Millis(from.varint("deadline")?) }
            }
            SEAT_TAKEN => Event::SeatTaken { order: get_order(from)?, seat: get_seat(from)? },
            DISMISSED => Event::Dismissed { order: get_order(from)? },
            kind @ (TIER_REFUND_DUE | GREEN_TIER_REFUND_DUE) => Event::TierRefundDue {
                order: get_order(from)?,
                amount: from.varint("amount")?,
                green: if kind == TIER_REFUND_DUE { 0 } else { from.varint("discount")? },
            },
            ENROLLED => Event::Enrolled {
                enrolment: if from.flag("flag of the campaign")? { Some(get_enrolment(from)?) } else { None },
            },
            DISCOUNTED => {
                let order = get_order(from)?;
                Event::Discounted { order, discounts: Box::new(get_discounts(from)?) }
            }
            LINE_HELD => Event::LineHeld { order: get_order(from)?, line: get_line(from)? },
            COUPON_TAKEN => Event::CouponTaken { order: get_order(from)? },
            COUPON_RETURNED => Event::CouponReturned { order: get_order(from)? },
            LINE_DISCOUNTED => {
                Event::LineDiscounted { order: get_order(from)?, off: from.varint("discount")? }
            }
            LINE_PAID => {
                let (order, payment, amount) = get_line_payment(from)?;
                Event::LinePaid { order, payment, amount }
            }
            LINE_ENDED => Event::LineEnded { order: get_order(from)?, end: get_line_end(from)? },
            LINE_REFUND_DUE => {
                let (order, payment, amount) = get_line_payment(from)?;
                Event::LineRefundDue { order, payment, amount }
            }
            ROOM_REFUND_DUE => Event::RoomRefundDue { order: get_order(from)? },
            ROOM_SETTLED => Event::RoomSettled {
                room: get_room_number(from)?,
                tier: get_reached(from)?,
                unit_price: from.varint("price")?,
            },
            other => return Err(unknown("event", other)),
        })
    }

    fn get_reserved<'a>(&mut self, from: &mut Cursor<'a>) -> Result<Event<'a>, CodecError> {
        let before = self.previous;
        let flags = from.byte("reservation")?;
        if flags & !same::ALL != 0 {
            return Err(unknown("reservation", flags));
        }
        let order = if flags & same::NEXT_ORDER == 0 {
            get_order(from)?
        } else {
            OrderNumber(before.order.checked_add(1).ok_or(CodecError::Range("order number"))?)
        };
        let request = get_request(from)?;
        let buyer = from.text("buyer")?;
        let qty = if flags & same::ONE_UNIT == 0 { from.small("quantity")? } else { 1 };
        let unit_price = if flags & same::PRICE == 0 { from.varint("price")? } else { before.unit_price };
        let hold_ms = if flags & same::HOLD == 0 { from.small("hold")? } else { before.hold_ms };
        self.previous = Previous { order: order.0, unit_price, hold_ms };
        Ok(Event::Reserved { order, request, buyer, qty, unit_price, hold_ms })
    }
}

fn put_line_payment(out: &mut Vec<u8>, kind: u8, order: OrderNumber, payment: &str, amount: u64) {
    out.push(kind);
    put_varint(out, u64::from(order.0));
    put_text(out, payment);
    put_varint(out, amount);
}

fn get_line_payment<'a>(from: &mut Cursor<'a>) -> Result<(OrderNumber, &'a str, u64), CodecError> {
    Ok((get_order(from)?, from.text("payment id")?, from.varint("amount")?))
}

fn get_line_end(from: &mut Cursor<'_>) -> Result<LineEnd, CodecError> {
    let code = from.byte("end of a line")?;
    LINE_ENDS.get(usize::from(code)).copied().ok_or(unknown("end of a line", code))
}

pub(super) fn put_request(out: &mut Vec<u8>, request: &Request<'_>) {
    put_text(out, request.id);
    out.extend_from_slice(&request.fingerprint.0.to_le_bytes());
}

pub(super) fn get_request<'a>(from: &mut Cursor<'a>) -> Result<Request<'a>, CodecError> {
    Ok(Request {
        id: from.text("request id")?,
        fingerprint: Fingerprint(u32::from_le_bytes(from.array("fingerprint")?)),
    })
}

fn put_payment(out: &mut Vec<u8>, kind: u8, payment: &Payment<'_>) {
    out.push(kind);
    put_varint(out, u64::from(payment.order.0));
    put_request(out, &payment.request);
    put_text(out, payment.id);
    put_varint(out, payment.amount);
}

fn get_payment<'a>(from: &mut Cursor<'a>) -> Result<Payment<'a>, CodecError> {
    Ok(Payment {
        order: get_order(from)?,
        request: get_request(from)?,
        id: from.text("payment id")?,
        amount: from.varint("amount")?,
    })
}

fn get_room_number(from: &mut Cursor<'_>) -> Result<RoomNumber, CodecError> {
    from.small("room number").map(RoomNumber)
}

fn get_order(from: &mut Cursor<'_>) -> Result<OrderNumber, CodecError> {
    from.small("order number").map(OrderNumber)
}
