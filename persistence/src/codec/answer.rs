//! Answers as bytes.

use tidegate_engine::{Answer, CartNumber, Millis, OrderNumber, RoomNumber};

use super::campaign::{get_code, put_code};
use super::wire::{Cursor, put_varint};
use super::{CodecError, unknown};

const CREATED: u8 = 1;
const UPDATED: u8 = 2;
const UNCHANGED: u8 = 3;
const RESTOCKED: u8 = 4;
const PAUSED: u8 = 5;
const RESUMED: u8 = 6;
const RESERVED: u8 = 7;
const PAID: u8 = 8;
const REFUND_DUE: u8 = 9;
const CANCELLED: u8 = 10;
const REFUNDED: u8 = 11;
const BLOCKED: u8 = 12;
const UNBLOCKED: u8 = 13;
const REPRICED: u8 = 14;
const OPENED: u8 = 15;
const JOINED: u8 = 16;
const GRANTED: u8 = 17;
const CART_RESERVED: u8 = 18;

pub(super) fn put_answer(out: &mut Vec<u8>, answer: &Answer) {
    out.push(match answer {
        Answer::Created => CREATED,
        Answer::Updated => UPDATED,
        Answer::Unchanged => UNCHANGED,
        Answer::Restocked { .. } => RESTOCKED,
        Answer::Paused => PAUSED,
        Answer::Resumed => RESUMED,
        Answer::Reserved { .. } => RESERVED,
        Answer::Paid => PAID,
        Answer::RefundDue => REFUND_DUE,
        Answer::Cancelled => CANCELLED,
        Answer::Refunded => REFUNDED,
        Answer::Blocked => BLOCKED,
        Answer::Unblocked => UNBLOCKED,
        Answer::Repriced { .. } => REPRICED,
        Answer::Opened { .. } => OPENED,
        Answer::Joined { .. } => JOINED,
        Answer::Granted { .. } => GRANTED,
        Answer::CartReserved { .. } => CART_RESERVED,
    });
    match answer {
        Answer::Restocked { available } => put_varint(out, *available),
        Answer::Repriced { price } => put_varint(out, *price),
        Answer::Reserved { order, amount, expires_at } => {
            put_varint(out, u64::from(order.0));
            put_varint(out, *amount);
            put_varint(out, expires_at.0);
        }
        Answer::Opened { room, order, amount, expires_at } => {
            put_varint(out, u64::from(room.0));
            put_varint(out, u64::from(order.0));
            put_varint(out, *amount);
            put_varint(out, expires_at.0);
        }
        Answer::Joined { order, amount, members, expires_at } => {
            put_varint(out, u64::from(order.0));
            put_varint(out, *amount);
            put_varint(out, u64::from(*members));
            put_varint(out, expires_at.0);
        }
        Answer::Granted { code, percent_off, expires_at } => {
            put_code(out, *code);
            out.push(*percent_off);
            put_varint(out, expires_at.0);
        }
        Answer::CartReserved { cart, amount, expires_at, off } => {
            put_varint(out, u64::from(cart.0));
            put_varint(out, *amount);
            put_varint(out, expires_at.0);
            put_varint(out, *off);
        }
        _ => {}
    }
}

pub(super) fn get_answer(from: &mut Cursor<'_>) -> Result<Answer, CodecError> {
    Ok(match from.byte("answer")? {
        CREATED => Answer::Created,
        UPDATED => Answer::Updated,
        UNCHANGED => Answer::Unchanged,
        RESTOCKED => Answer::Restocked { available: from.varint("available units")? },
        REPRICED => Answer::Repriced { price: from.varint("price")? },
        PAUSED => Answer::Paused,
        RESUMED => Answer::Resumed,
        RESERVED => Answer::Reserved {
            order: OrderNumber(from.small("order number")?),
            amount: from.varint("amount")?,
            expires_at: Millis(from.varint("expiry")?),
        },
        PAID => Answer::Paid,
        REFUND_DUE => Answer::RefundDue,
        CANCELLED => Answer::Cancelled,
        REFUNDED => Answer::Refunded,
        BLOCKED => Answer::Blocked,
        UNBLOCKED => Answer::Unblocked,
        OPENED => Answer::Opened {
            room: RoomNumber(from.small("room number")?),
            order: OrderNumber(from.small("order number")?),
            amount: from.varint("amount")?,
            expires_at: Millis(from.varint("expiry")?),
        },
        JOINED => Answer::Joined {
            order: OrderNumber(from.small("order number")?),
            amount: from.varint("amount")?,
            members: from.small("members")?,
            expires_at: Millis(from.varint("expiry")?),
        },
        GRANTED => Answer::Granted {
            code: get_code(from)?,
            percent_off: from.byte("percentage of a coupon")?,
            expires_at: Millis(from.varint("end of a coupon")?),
        },
        CART_RESERVED => Answer::CartReserved {
            cart: CartNumber(from.small("cart number")?),
            amount: from.varint("amount")?,
            expires_at: Millis(from.varint("expiry")?),
            off: from.varint("discount")?,
        },
        other => return Err(unknown("answer", other)),
    })
}
