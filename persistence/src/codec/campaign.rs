//! Campaigns as bytes: their terms, events and parts, and what a SKU keeps of one.

use std::sync::Arc;

use tidegate_engine::{
    CampaignEvent, CampaignPart, CampaignTerms, CouponCode, CouponUse, CouponWindow, DiscountOrder,
    Discounts, Enrolment, Grant, Granted, Green, Millis, PercentOff, Threshold, Window,
};

use super::answer::{get_answer, put_answer};
use super::cart::{get_cart, get_new, get_number, get_payment, put_cart, put_new, put_payment};
use super::event::{get_request, put_request};
use super::room::get_list;
use super::wire::{Cursor, put_option, put_text, put_varint};
use super::{CodecError, unknown};

/// The first byte of all terms of a campaign: which fields follow.
const LAYOUT: u8 = 1;

const PUT: u8 = 1;
const GRANTED: u8 = 2;
const NOTED: u8 = 3;
const CART_RESERVED: u8 = 4;
const CART_PAID: u8 = 5;
const CART_REFUND_DUE: u8 = 6;
const CART_CANCELLED: u8 = 7;
const CART_EXPIRED: u8 = 8;
const CART_NOTED: u8 = 9;
const LINE_STANDS: u8 = 10;
const CART_COUPON: u8 = 11;
const CART_OVERPAID: u8 = 12;

const HEAD: u8 = 1;
const GRANT: u8 = 2;
const TRIGGER: u8 = 3;
const CART: u8 = 4;
const CART_PAYMENT: u8 = 5;
const CART_REQUEST: u8 = 6;

/// Which discounts an order has.
const HAS_COUPON: u8 = 1;
const HAS_GREEN: u8 = 2;

pub(crate) fn put_campaign_event(out: &mut Vec<u8>, event: &CampaignEvent<'_>) {
    match event {
        CampaignEvent::Put { terms } => {
            out.push(PUT);
            put_terms(out, terms);
        }
        CampaignEvent::Granted(Granted { req, buyer, grant }) => {
            out.push(GRANTED);
            put_text(out, req);
            put_text(out, buyer);
            put_grant(out, grant);
        }
        CampaignEvent::Noted { req, buyer, event } => {
            out.push(NOTED);
            put_text(out, req);
            put_text(out, buyer);
            put_text(out, event);
        }
        CampaignEvent::CartReserved(new) => {
            out.push(CART_RESERVED);
            put_new(out, new);
        }
        CampaignEvent::CartPaid(payment) => {
            out.push(CART_PAID);
            put_payment(out, payment);
        }
        CampaignEvent::CartRefundDue(payment) => {
            out.push(CART_REFUND_DUE);
            put_payment(out, payment);
        }
        CampaignEvent::CartOverpaid(payment) => {
            out.push(CART_OVERPAID);
            put_payment(out, payment);
        }
        CampaignEvent::LineStands { cart, line } => {
            out.push(LINE_STANDS);
            put_varint(out, u64::from(cart.0));
            put_varint(out, u64::from(*line));
        }
        CampaignEvent::CartCoupon { cart, code } => {
            out.push(CART_COUPON);
            put_varint(out, u64::from(cart.0));
            put_code(out, *code);
        }
        CampaignEvent::CartCancelled { cart, request } => {
            out.push(CART_CANCELLED);
            put_varint(out, u64::from(cart.0));
            put_request(out, request);
        }
        CampaignEvent::CartExpired { cart } => {
            out.push(CART_EXPIRED);
            put_varint(out, u64::from(cart.0));
        }
        CampaignEvent::CartNoted { cart, request, answer } => {
            out.push(CART_NOTED);
            put_varint(out, u64::from(cart.0));
            put_request(out, request);
            put_answer(out, answer);
        }
    }
}

pub(crate) fn get_campaign_event<'a>(from: &mut Cursor<'a>) -> Result<CampaignEvent<'a>, CodecError> {
    Ok(match from.byte("event of a campaign")? {
        PUT => CampaignEvent::Put { terms: get_terms(from)? },
        GRANTED => CampaignEvent::Granted(Granted {
            req: from.text("request id")?,
            buyer: from.text("buyer")?,
            grant: get_grant(from)?,
        }),
        NOTED => CampaignEvent::Noted {
            req: from.text("request id")?,
            buyer: from.text("buyer")?,
            event: from.text("event")?,
        },
        CART_RESERVED => CampaignEvent::CartReserved(Box::new(get_new(from)?)),
        CART_PAID => CampaignEvent::CartPaid(get_payment(from)?),
        CART_REFUND_DUE => CampaignEvent::CartRefundDue(get_payment(from)?),
        CART_OVERPAID => CampaignEvent::CartOverpaid(get_payment(from)?),
        LINE_STANDS => {
            CampaignEvent::LineStands { cart: get_number(from)?, line: from.small("place of a line")? }
        }
        CART_COUPON => CampaignEvent::CartCoupon { cart: get_number(from)?, code: get_code(from)? },
        CART_CANCELLED => {
            CampaignEvent::CartCancelled { cart: get_number(from)?, request: get_request(from)? }
        }
        CART_EXPIRED => CampaignEvent::CartExpired { cart: get_number(from)? },
        CART_NOTED => CampaignEvent::CartNoted {
            cart: get_number(from)?,
            request: get_request(from)?,
            answer: get_answer(from)?,
        },
        other => return Err(unknown("event of a campaign", other)),
    })
}

/// Appends one part.
pub(crate) fn put_campaign_part(out: &mut Vec<u8>, part: &CampaignPart<'_>) {
    match part {
        CampaignPart::Head { terms, changes, last_event_at } => {
            out.push(HEAD);
            put_terms(out, terms);
            put_varint(out, *changes);
            put_varint(out, last_event_at.0);
        }
        CampaignPart::Grant { buyer, grant } => {
            out.push(GRANT);
            put_text(out, buyer);
            put_grant(out, grant);
        }
        CampaignPart::Trigger { grant, req } => {
            out.push(TRIGGER);
            put_varint(out, u64::from(*grant));
            put_text(out, req);
        }
        CampaignPart::Cart(cart) => {
            out.push(CART);
            put_cart(out, cart);
        }
        CampaignPart::CartPayment { cart, id, amount, at, answer } => {
            out.push(CART_PAYMENT);
            put_varint(out, u64::from(cart.0));
            put_text(out, id);
            put_varint(out, *amount);
            put_varint(out, at.0);
            put_answer(out, answer);
        }
        CampaignPart::CartRequest { cart, request, answer } => {
            out.push(CART_REQUEST);
            put_varint(out, u64::from(cart.0));
            put_request(out, request);
            put_answer(out, answer);
        }
    }
}

/// The next part.
pub(crate) fn get_campaign_part<'a>(from: &mut Cursor<'a>) -> Result<CampaignPart<'a>, CodecError> {
    Ok(match from.byte("part of a campaign")? {
        HEAD => CampaignPart::Head {
            terms: get_terms(from)?,
            changes: from.varint("number of changes")?,
            last_event_at: Millis(from.varint("time of the last event")?),
        },
        GRANT => CampaignPart::Grant { buyer: from.text("buyer")?, grant: get_grant(from)? },
        TRIGGER => CampaignPart::Trigger { grant: from.small("grant")?, req: from.text("request id")? },
        CART => CampaignPart::Cart(Box::new(get_cart(from)?)),
        CART_PAYMENT => CampaignPart::CartPayment {
            cart: get_number(from)?,
            id: from.text("payment id")?,
            amount: from.varint("amount")?,
            at: Millis(from.varint("time of payment")?),
            answer: get_answer(from)?,
        },
        CART_REQUEST => CampaignPart::CartRequest {
            cart: get_number(from)?,
            request: get_request(from)?,
            answer: get_answer(from)?,
        },
        other => return Err(unknown("part of a campaign", other)),
    })
}

fn put_grant(out: &mut Vec<u8>, grant: &Grant) {
    put_code(out, grant.code);
    put_text(out, &grant.event);
    out.push(grant.percent_off);
    put_varint(out, grant.expires_at.0);
}

fn get_grant(from: &mut Cursor<'_>) -> Result<Grant, CodecError> {
    Ok(Grant {
        code: get_code(from)?,
        event: from.text("event")?.into(),
        percent_off: from.byte("percentage of a coupon")?,
        expires_at: Millis(from.varint("end of a coupon")?),
    })
}

pub(super) fn put_code(out: &mut Vec<u8>, code: CouponCode) {
    out.extend_from_slice(&code.number().to_le_bytes());
}

pub(super) fn get_code(from: &mut Cursor<'_>) -> Result<CouponCode, CodecError> {
    Ok(CouponCode::new(u128::from_le_bytes(from.array("coupon")?)))
}

fn put_terms(out: &mut Vec<u8>, terms: &CampaignTerms) {
    let CampaignTerms { title, window, skus, per_buyer_limit, thresholds, coupon_windows, green, order } =
        terms;
    out.push(LAYOUT);
    put_text(out, title);
    put_window(out, *window);
    put_texts(out, skus);
    put_option(out, per_buyer_limit.map(u64::from));
    put_varint(out, thresholds.len() as u64);
    for Threshold { spend, off } in thresholds {
        put_varint(out, *spend);
        put_varint(out, *off);
    }
    put_varint(out, coupon_windows.len() as u64);
    for CouponWindow { event, percent_off, window_ms, skus } in coupon_windows {
        put_text(out, event);
        out.push(*percent_off);
        put_varint(out, *window_ms);
        out.push(u8::from(skus.is_some()));
        if let Some(skus) = skus {
            put_texts(out, skus);
        }
    }
    put_green(out, *green);
    put_order(out, *order);
}

fn get_terms(from: &mut Cursor<'_>) -> Result<Arc<CampaignTerms>, CodecError> {
    match from.byte("layout of a campaign's terms")? {
        LAYOUT => {}
        other => return Err(unknown("layout of a campaign's terms", other)),
    }
    Ok(Arc::new(CampaignTerms {
        title: from.text("title")?.into(),
        window: get_window(from)?,
        skus: get_texts(from)?,
        per_buyer_limit: from.small_option("limit per buyer")?,
        thresholds: {
            let count = from.varint("number of thresholds")?;
            let get = |from: &mut Cursor<'_>| {
                Ok(Threshold { spend: from.varint("threshold")?, off: from.varint("discount")? })
            };
            get_list(from, count, get)?.into()
        },
        coupon_windows: {
            let count = from.varint("number of coupon windows")?;
            get_list(from, count, get_coupon_window)?.into()
        },
        green: get_green(from)?,
        order: get_order(from)?,
    }))
}

fn get_coupon_window(from: &mut Cursor<'_>) -> Result<CouponWindow, CodecError> {
    Ok(CouponWindow {
        event: from.text("event")?.into(),
        percent_off: from.byte("percentage of a coupon")?,
        window_ms: from.varint("length of a coupon window")?,
        skus: if from.flag("flag of SKUs")? { Some(get_texts(from)?) } else { None },
    })
}

fn put_texts(out: &mut Vec<u8>, texts: &[Box<str>]) {
    put_varint(out, texts.len() as u64);
    texts.iter().for_each(|text| put_text(out, text));
}

fn get_texts(from: &mut Cursor<'_>) -> Result<Box<[Box<str>]>, CodecError> {
    let count = from.varint("number of SKUs")?;
    let texts = get_list(from, count, |from| Ok(from.text("SKU")?.into()))?;
    Ok(texts.into())
}

fn put_window(out: &mut Vec<u8>, window: Window) {
    put_option(out, window.starts_at.map(|at| at.0));
    put_option(out, window.ends_at.map(|at| at.0));
}

fn get_window(from: &mut Cursor<'_>) -> Result<Window, CodecError> {
    Ok(Window { starts_at: from.option("start")?.map(Millis), ends_at: from.option("end")?.map(Millis) })
}

fn put_green(out: &mut Vec<u8>, green: Option<Green>) {
    put_option(out, green.map(|green| u64::from(green.max_carbon_g)));
    out.extend(green.map(|green| green.percent_off));
}

fn get_green(from: &mut Cursor<'_>) -> Result<Option<Green>, CodecError> {
    let Some(max_carbon_g) = from.small_option("footprint")? else { return Ok(None) };
    Ok(Some(Green { max_carbon_g, percent_off: from.byte("green percentage")? }))
}

fn put_order(out: &mut Vec<u8>, order: DiscountOrder) {
    out.push(DiscountOrder::ALL.iter().position(|other| *other == order).unwrap_or(0) as u8);
}

fn get_order(from: &mut Cursor<'_>) -> Result<DiscountOrder, CodecError> {
    let at = from.byte("order of discounts")?;
    DiscountOrder::ALL.get(usize::from(at)).copied().ok_or(unknown("order of discounts", at))
}

pub(super) fn put_enrolment(out: &mut Vec<u8>, enrolment: &Enrolment) {
    let Enrolment { campaign, window, green, order } = enrolment;
    put_text(out, campaign);
    put_window(out, *window);
    put_green(out, *green);
    put_order(out, *order);
}

pub(super) fn get_enrolment(from: &mut Cursor<'_>) -> Result<Arc<Enrolment>, CodecError> {
    Ok(Arc::new(Enrolment {
        campaign: from.text("campaign")?.into(),
        window: get_window(from)?,
        green: get_green(from)?,
        order: get_order(from)?,
    }))
}

pub(super) fn put_discounts(out: &mut Vec<u8>, discounts: &Discounts) {
    let Discounts { order, coupon, green } = discounts;
    put_order(out, *order);
    let flags = [(coupon.is_some(), HAS_COUPON), (green.is_some(), HAS_GREEN)];
    out.push(flags.iter().filter(|(has, _)| *has).map(|(_, flag)| flag).sum());
    if let Some(CouponUse { code, off }) = coupon {
        put_code(out, *code);
        put_percent_off(out, *off);
    }
    if let Some(off) = green {
        put_percent_off(out, *off);
    }
}

pub(super) fn get_discounts(from: &mut Cursor<'_>) -> Result<Discounts, CodecError> {
    let order = get_order(from)?;
    let flags = from.byte("discounts")?;
    if flags & !(HAS_COUPON | HAS_GREEN) != 0 {
        return Err(unknown("discounts", flags));
    }
    let coupon = if flags & HAS_COUPON == 0 {
        None
    } else {
        Some(CouponUse { code: get_code(from)?, off: get_percent_off(from)? })
    };
    let green = if flags & HAS_GREEN == 0 { None } else { Some(get_percent_off(from)?) };
    Ok(Discounts { order, coupon, green })
}

fn put_percent_off(out: &mut Vec<u8>, off: PercentOff) {
    out.push(off.percent);
    put_varint(out, off.amount);
}

fn get_percent_off(from: &mut Cursor<'_>) -> Result<PercentOff, CodecError> {
    Ok(PercentOff { percent: from.byte("percentage")?, amount: from.varint("discount")? })
}
