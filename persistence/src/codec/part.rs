//! Parts of a SKU's state as bytes, for snapshots.

use tidegate_engine::{Block, Fingerprint, Head, Millis, OrderNumber, OrderState, Part, Pricing};

use super::answer::{get_answer, put_answer};
use super::campaign::{get_discounts, get_enrolment, put_discounts, put_enrolment};
use super::cart::{get_line, put_line};
use super::room::{get_list, get_room, get_seat, put_room, put_seat};
use super::store::{get_store, get_totals, put_store, put_totals};
use super::terms::{get_terms, put_terms};
use super::wire::{Cursor, put_option, put_text, put_varint};
use super::{CodecError, unknown};

const HEAD: u8 = 1;
const BUYER: u8 = 2;
const ORDER: u8 = 3;
const PAYMENT: u8 = 4;
const REQUEST: u8 = 5;
const PRICING: u8 = 6;
const GOODS: u8 = 7;
const STORES: u8 = 8;
const SEAT: u8 = 9;
const ROOM: u8 = 10;
const ENROLMENT: u8 = 11;
const DISCOUNTS: u8 = 12;
const AT_STORE: u8 = 13;
const LINE: u8 = 14;

const NOT_BLOCKED: u8 = 0;
const BY_ADMIN: u8 = 1;
const BY_LAPSES: u8 = 2;

const RESERVED: u8 = 1;
const PAID: u8 = 2;
const CANCELLED: u8 = 3;
const EXPIRED: u8 = 4;
const REFUND_DUE: u8 = 5;
const REFUNDED: u8 = 6;

/// Appends one part.
pub(crate) fn put_part(out: &mut Vec<u8>, part: &Part<'_>) {
    match part {
        Part::Head(head) => put_head(out, head),
        Part::Buyer { name, block, lapses, bought } => {
            out.push(BUYER);
            put_text(out, name);
            out.push(block_code(*block));
            put_varint(out, u64::from(*lapses));
            out.push(u8::from(*bought));
        }
        Part::Order {
            buyer,
            request,
            fingerprint,
            qty,
            unit_price,
            reserved_at,
            hold_ms,
            state,
            holds_units,
        } => {
            out.push(ORDER);
            put_varint(out, u64::from(*buyer));
            put_text(out, request);
            out.extend_from_slice(&fingerprint.0.to_le_bytes());
            put_varint(out, u64::from(*qty));
            put_varint(out, *unit_price);
            put_varint(out, reserved_at.0);
            put_varint(out, u64::from(*hold_ms));
            out.push(order_state_code(*state));
            out.push(u8::from(*holds_units));
        }
        Part::Payment { id, order, amount, at, answer } => {
            out.push(PAYMENT);
            put_text(out, id);
            put_varint(out, u64::from(order.0));
            put_varint(out, *amount);
            put_varint(out, at.0);
            put_answer(out, answer);
        }
        Part::Request { order, id, fingerprint, answer } => {
            out.push(REQUEST);
            put_option(out, order.map(|order| u64::from(order.0)));
            put_text(out, id);
            out.extend_from_slice(&fingerprint.0.to_le_bytes());
            put_answer(out, answer);
        }
        Part::Pricing(Pricing { created_at, moved_to }) => {
            out.push(PRICING);
            put_varint(out, created_at.0);
            put_varint(out, *moved_to);
        }
        Part::Goods { order, units } => {
            out.push(GOODS);
            put_varint(out, u64::from(order.0));
            put_varint(out, units.len() as u64);
            units.iter().for_each(|unit| put_varint(out, u64::from(*unit)));
        }
        Part::Seat { order, seat } => {
            out.push(SEAT);
            put_varint(out, u64::from(order.0));
            put_seat(out, seat);
        }
        Part::Stores { totals } => {
            out.push(STORES);
            put_totals(out, totals);
        }
        Part::AtStore { order, store } => {
            out.push(AT_STORE);
            put_varint(out, u64::from(order.0));
            put_store(out, *store);
        }
        Part::Line { order, line, off } => {
            out.push(LINE);
            put_varint(out, u64::from(order.0));
            put_line(out, line);
            put_varint(out, *off);
        }
        Part::Enrolment(enrolment) => {
            out.push(ENROLMENT);
            put_enrolment(out, enrolment);
        }
        Part::Discounts { order, discounts } => {
            out.push(DISCOUNTS);
            put_varint(out, u64::from(order.0));
            put_discounts(out, discounts);
        }
        Part::Room { deadline, members, paid, settlement } => {
            out.push(ROOM);
            put_room(out, *deadline, members, *paid, settlement.as_ref());
        }
    }
}

/// The next part.
pub(crate) fn get_part<'a>(from: &mut Cursor<'a>) -> Result<Part<'a>, CodecError> {
    Ok(match from.byte("part")? {
        HEAD => Part::Head(get_head(from)?),
        BUYER => Part::Buyer {
            name: from.text("buyer")?,
            block: get_block(from.byte("block")?)?,
            lapses: from.small("number of lapses")?,
            bought: from.flag("bought flag")?,
        },
        ORDER => Part::Order {
            buyer: from.small("buyer")?,
            request: from.text("request id")?,
            fingerprint: Fingerprint(u32::from_le_bytes(from.array("fingerprint")?)),
            qty: from.small("quantity")?,
            unit_price: from.varint("price")?,
            reserved_at: Millis(from.varint("time of reservation")?),
            hold_ms: from.small("hold")?,
            state: order_state(from.byte("order state")?)?,
            holds_units: from.flag("flag of held units")?,
        },
        PAYMENT => Part::Payment {
            id: from.text("payment id")?,
            order: OrderNumber(from.small("order number")?),
            amount: from.varint("amount")?,
            at: Millis(from.varint("time of payment")?),
            answer: get_answer(from)?,
        },
        REQUEST => Part::Request {
            order: from.small_option("order number")?.map(OrderNumber),
            id: from.text("request id")?,
            fingerprint: Fingerprint(u32::from_le_bytes(from.array("fingerprint")?)),
            answer: get_answer(from)?,
        },
        PRICING => Part::Pricing(Pricing {
            created_at: Millis(from.varint("time of creation")?),
            moved_to: from.varint("price")?,
        }),
        GOODS => {
            let order = OrderNumber(from.small("order number")?);
            let count = from.varint("number of units")?;
            let units = get_list(from, count, |from| from.small("unit"))?;
            Part::Goods { order, units: units.into() }
        }
        SEAT => Part::Seat { order: OrderNumber(from.small("order number")?), seat: get_seat(from)? },
        ROOM => get_room(from)?,
        STORES => get_totals(from)?,
        AT_STORE => {
            let order = OrderNumber(from.small("order number")?);
            Part::AtStore { order, store: get_store(from)? }
        }
        LINE => Part::Line {
            order: OrderNumber(from.small("order number")?),
            line: get_line(from)?,
            off: from.varint("discount")?,
        },
        ENROLMENT => Part::Enrolment(get_enrolment(from)?),
        DISCOUNTS => {
            let order = OrderNumber(from.small("order number")?);
            Part::Discounts { order, discounts: get_discounts(from)? }
        }
        other => return Err(unknown("part", other)),
    })
}

fn put_head(out: &mut Vec<u8>, head: &Head) {
    let Head { terms, total, paused, changes, last_event_at, first_sale_at, last_sale_at } = head;
    out.push(HEAD);
    put_terms(out, terms);
    put_varint(out, *total);
    out.push(u8::from(*paused));
    put_varint(out, *changes);
    put_varint(out, last_event_at.0);
    put_option(out, first_sale_at.map(|at| at.0));
    put_option(out, last_sale_at.map(|at| at.0));
}

fn get_head(from: &mut Cursor<'_>) -> Result<Head, CodecError> {
    Ok(Head {
        terms: get_terms(from)?,
        total: from.varint("total")?,
        paused: from.flag("paused flag")?,
        changes: from.varint("number of changes")?,
        last_event_at: Millis(from.varint("time of the last event")?),
        first_sale_at: from.option("time of the first sale")?.map(Millis),
        last_sale_at: from.option("time of the last sale")?.map(Millis),
    })
}

fn block_code(block: Block) -> u8 {
    match block {
        Block::None => NOT_BLOCKED,
        Block::ByAdmin => BY_ADMIN,
        Block::ByLapses => BY_LAPSES,
    }
}

fn get_block(code: u8) -> Result<Block, CodecError> {
    Ok(match code {
        NOT_BLOCKED => Block::None,
        BY_ADMIN => Block::ByAdmin,
        BY_LAPSES => Block::ByLapses,
        other => return Err(unknown("block", other)),
    })
}

pub(super) fn order_state_code(state: OrderState) -> u8 {
    match state {
        OrderState::Reserved => RESERVED,
        OrderState::Paid => PAID,
        OrderState::Cancelled => CANCELLED,
        OrderState::Expired => EXPIRED,
        OrderState::RefundDue => REFUND_DUE,
        OrderState::Refunded => REFUNDED,
    }
}

pub(super) fn order_state(code: u8) -> Result<OrderState, CodecError> {
    Ok(match code {
        RESERVED => OrderState::Reserved,
        PAID => OrderState::Paid,
        CANCELLED => OrderState::Cancelled,
        EXPIRED => OrderState::Expired,
        REFUND_DUE => OrderState::RefundDue,
        REFUNDED => OrderState::Refunded,
        other => return Err(unknown("order state", other)),
    })
}
