//! Carts as bytes: what a campaign keeps of them, and what makes an order a line of one.

use tidegate_engine::{
    CampaignCart, CartItem, CartLine, CartNumber, CartPayment, Currency, Fingerprint, Millis, NewCart,
    OrderNumber,
};

use super::event::{get_request, put_request};
use super::part::{order_state, order_state_code};
use super::room::get_list;
use super::wire::{Cursor, put_text, put_varint};
use super::{CodecError, unknown};

pub(super) fn put_line(out: &mut Vec<u8>, line: &CartLine<&str>) {
    let CartLine { campaign, cart, expires_at, shares_coupon } = line;
    put_text(out, campaign);
    put_varint(out, u64::from(cart.0));
    put_varint(out, expires_at.0);
    out.push(u8::from(*shares_coupon));
}

pub(super) fn get_line<'a>(from: &mut Cursor<'a>) -> Result<CartLine<&'a str>, CodecError> {
    Ok(CartLine {
        campaign: from.text("campaign")?,
        cart: get_number(from)?,
        expires_at: Millis(from.varint("end of a hold")?),
        shares_coupon: from.flag("flag of a shared coupon")?,
    })
}

pub(super) fn put_new(out: &mut Vec<u8>, new: &NewCart<&str>) {
    let NewCart { cart, req, fingerprint, buyer, reserved_at, expires_at, currency, items } = new;
    put_varint(out, u64::from(cart.0));
    put_text(out, req);
    out.extend_from_slice(&fingerprint.0.to_le_bytes());
    put_text(out, buyer);
    put_varint(out, reserved_at.0);
    put_varint(out, expires_at.0);
    out.extend_from_slice(currency.code().as_bytes());
    put_varint(out, items.len() as u64);
    for CartItem { sku, order, qty, amount, off } in items {
        put_text(out, sku);
        put_varint(out, u64::from(order.0));
        put_varint(out, u64::from(*qty));
        put_varint(out, *amount);
        put_varint(out, *off);
    }
}

pub(super) fn get_new<'a>(from: &mut Cursor<'a>) -> Result<NewCart<&'a str>, CodecError> {
    Ok(NewCart {
        cart: get_number(from)?,
        req: from.text("request id")?,
        fingerprint: Fingerprint(u32::from_le_bytes(from.array("fingerprint")?)),
        buyer: from.text("buyer")?,
        reserved_at: Millis(from.varint("time of reservation")?),
        expires_at: Millis(from.varint("end of a hold")?),
        currency: {
            let code: [u8; 3] = from.array("currency")?;
            let currency = std::str::from_utf8(&code).ok().and_then(Currency::new);
            currency.ok_or(unknown("currency", code[0]))?
        },
        items: {
            let count = from.varint("number of lines")?;
            get_list(from, count, get_item)?
        },
    })
}

fn get_item<'a>(from: &mut Cursor<'a>) -> Result<CartItem<&'a str>, CodecError> {
    Ok(CartItem {
        sku: from.text("SKU")?,
        order: OrderNumber(from.small("order number")?),
        qty: from.small("quantity")?,
        amount: from.varint("amount")?,
        off: from.varint("discount")?,
    })
}

pub(super) fn put_payment(out: &mut Vec<u8>, payment: &CartPayment<'_>) {
    let CartPayment { cart, request, id, amount } = payment;
    put_varint(out, u64::from(cart.0));
    put_request(out, request);
    put_text(out, id);
    put_varint(out, *amount);
}

pub(super) fn get_payment<'a>(from: &mut Cursor<'a>) -> Result<CartPayment<'a>, CodecError> {
    Ok(CartPayment {
        cart: get_number(from)?,
        request: get_request(from)?,
        id: from.text("payment id")?,
        amount: from.varint("amount")?,
    })
}

pub(super) fn put_cart(out: &mut Vec<u8>, cart: &CampaignCart<'_>) {
    let CampaignCart { new, state } = cart;
    put_new(out, new);
    out.push(order_state_code(*state));
}

pub(super) fn get_cart<'a>(from: &mut Cursor<'a>) -> Result<CampaignCart<'a>, CodecError> {
    let (new, state) = (get_new(from)?, order_state(from.byte("state of a cart")?)?);
    Ok(CampaignCart { new, state })
}

pub(super) fn get_number(from: &mut Cursor<'_>) -> Result<CartNumber, CodecError> {
    from.small("cart number").map(CartNumber)
}
