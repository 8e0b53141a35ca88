//! The terms of a SKU as bytes.

use std::sync::Arc;

use tidegate_engine::{Currency, Dynamic, Fulfilment, Ladder, LatePayment, Millis, Price, SkuTerms, Step};

use super::room::{get_group_buy, put_group_buy};
use super::store::{get_stores, put_stores};
use super::wire::{Cursor, put_option, put_text, put_varint};
use super::{CodecError, unknown};

/// The first byte of all terms: which fields follow. Terms that need no extension are written as ever.
const LAYOUT: u8 = 1;
/// The same fields, then extensions: how many, and for each its tag, its length and its bytes. Tags ascend.
const LAYOUT_EXTENDED: u8 = 2;

const FULFILMENT: u8 = 1;
const STORES: u8 = 2;
const GROUP_BUY: u8 = 3;
const CAMPAIGN: u8 = 4;
const CARBON: u8 = 5;

const CODES: u8 = 1;
const NUMBERED: u8 = 2;

const PRICE_FIXED: u8 = 1;
const PRICE_LADDER: u8 = 2;
const PRICE_DYNAMIC: u8 = 3;

const STEP_PERCENT: u8 = 1;
const STEP_AMOUNT: u8 = 2;

const LATE_REACQUIRE: u8 = 1;
const LATE_REFUND: u8 = 2;

pub(super) fn put_terms(out: &mut Vec<u8>, terms: &SkuTerms) {
    let SkuTerms {
        title,
        currency,
        price,
        starts_at,
        ends_at,
        per_buyer_limit,
        per_order_limit,
        hold_ms,
        late_payment,
        max_lapses,
        allow,
        group_buy,
        fulfilment,
        campaign,
        stores,
        carbon_g,
    } = terms;
    let extensions =
        [fulfilment.is_some(), stores.is_some(), group_buy.is_some(), campaign.is_some(), carbon_g.is_some()];
    let extensions: u8 = extensions.into_iter().map(u8::from).sum();
    out.push(if extensions == 0 { LAYOUT } else { LAYOUT_EXTENDED });
    put_text(out, title);
    out.extend_from_slice(currency.code().as_bytes());
    put_price(out, price);
    put_option(out, starts_at.map(|at| at.0));
    put_option(out, ends_at.map(|at| at.0));
    put_option(out, per_buyer_limit.map(u64::from));
    put_option(out, per_order_limit.map(u64::from));
    put_varint(out, u64::from(*hold_ms));
    out.push(match late_payment {
        LatePayment::Reacquire => LATE_REACQUIRE,
        LatePayment::Refund => LATE_REFUND,
    });
    put_option(out, max_lapses.map(u64::from));
    put_option(out, allow.as_ref().map(|buyers| buyers.len() as u64));
    for buyer in allow.iter().flatten() {
        put_text(out, buyer);
    }
    if extensions > 0 {
        out.push(extensions);
    }
    if let Some(fulfilment) = fulfilment {
        put_extension(out, FULFILMENT, |out| put_fulfilment(out, fulfilment));
    }
    if let Some(stores) = stores {
        put_extension(out, STORES, |out| put_stores(out, stores));
    }
    if let Some(group_buy) = group_buy {
        put_extension(out, GROUP_BUY, |out| put_group_buy(out, group_buy));
    }
    if let Some(campaign) = campaign {
        put_extension(out, CAMPAIGN, |out| put_text(out, campaign));
    }
    if let Some(carbon_g) = carbon_g {
        put_extension(out, CARBON, |out| put_varint(out, u64::from(*carbon_g)));
    }
}

fn put_fulfilment(out: &mut Vec<u8>, fulfilment: &Fulfilment) {
    match fulfilment {
        Fulfilment::Codes(codes) => {
            out.push(CODES);
            put_varint(out, codes.len() as u64);
            codes.iter().for_each(|code| put_text(out, code));
        }
        Fulfilment::Numbered => out.push(NUMBERED),
    }
}

fn get_fulfilment(from: &mut Cursor<'_>) -> Result<Fulfilment, CodecError> {
    Ok(match from.byte("kind of fulfilment")? {
        CODES => {
            let count = from.varint("number of codes")?;
            Fulfilment::Codes(get_texts(from, count, "code")?.into())
        }
        NUMBERED => Fulfilment::Numbered,
        other => return Err(unknown("kind of fulfilment", other)),
    })
}

fn put_price(out: &mut Vec<u8>, price: &Price) {
    match price {
        Price::Fixed(minor) => {
            out.push(PRICE_FIXED);
            put_varint(out, *minor);
        }
        Price::Ladder(Ladder { start, floor, step, every_ms }) => {
            out.push(PRICE_LADDER);
            put_varint(out, *start);
            put_varint(out, *floor);
            let (kind, step) = match step {
                Step::Percent(percent) => (STEP_PERCENT, u64::from(*percent)),
                Step::Amount(amount) => (STEP_AMOUNT, *amount),
            };
            out.push(kind);
            put_varint(out, step);
            put_varint(out, *every_ms);
        }
        Price::Dynamic(Dynamic { initial, floor, ceiling, max_step_percent }) => {
            out.push(PRICE_DYNAMIC);
            put_varint(out, *initial);
            put_varint(out, *floor);
            put_varint(out, *ceiling);
            out.push(*max_step_percent);
        }
    }
}

fn get_price(from: &mut Cursor<'_>) -> Result<Price, CodecError> {
    Ok(match from.byte("kind of price")? {
        PRICE_FIXED => Price::Fixed(from.varint("price")?),
        PRICE_LADDER => Price::Ladder(Ladder {
            start: from.varint("price")?,
            floor: from.varint("price")?,
            step: match from.byte("kind of step")? {
                STEP_PERCENT => Step::Percent(percent(from.varint("step")?)?),
                STEP_AMOUNT => Step::Amount(from.varint("step")?),
                other => return Err(unknown("kind of step", other)),
            },
            every_ms: from.varint("interval")?,
        }),
        PRICE_DYNAMIC => Price::Dynamic(Dynamic {
            initial: from.varint("price")?,
            floor: from.varint("price")?,
            ceiling: from.varint("price")?,
            max_step_percent: from.byte("step")?,
        }),
        other => return Err(unknown("kind of price", other)),
    })
}

fn percent(value: u64) -> Result<u8, CodecError> {
    u8::try_from(value).map_err(|_| CodecError::Range("step"))
}

fn put_extension(out: &mut Vec<u8>, tag: u8, put: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::new();
    put(&mut bytes);
    out.push(tag);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(&bytes);
}

pub(super) fn get_terms(from: &mut Cursor<'_>) -> Result<Arc<SkuTerms>, CodecError> {
    let extended = match from.byte("layout of the terms")? {
        LAYOUT => false,
        LAYOUT_EXTENDED => true,
        other => return Err(unknown("layout of the terms", other)),
    };
    let mut terms = get_plain(from)?;
    if extended {
        get_extensions(from, &mut terms)?;
    }
    Ok(Arc::new(terms))
}

fn get_extensions(from: &mut Cursor<'_>, terms: &mut SkuTerms) -> Result<(), CodecError> {
    for _ in 0..from.byte("number of extensions")? {
        let tag = from.byte("extension of the terms")?;
        let length = usize::try_from(from.varint("extension of the terms")?);
        let length = length.map_err(|_| CodecError::Range("extension of the terms"))?;
        let mut bytes = Cursor::new(from.bytes(length, "extension of the terms")?);
        match tag {
            FULFILMENT => terms.fulfilment = Some(get_fulfilment(&mut bytes)?),
            STORES => terms.stores = Some(get_stores(&mut bytes)?),
            GROUP_BUY => terms.group_buy = Some(get_group_buy(&mut bytes)?),
            CAMPAIGN => terms.campaign = Some(bytes.text("campaign")?.into()),
            CARBON => terms.carbon_g = Some(bytes.small("footprint")?),
            other => return Err(unknown("extension of the terms", other)),
        }
        bytes.finish()?;
    }
    Ok(())
}

fn get_plain(from: &mut Cursor<'_>) -> Result<SkuTerms, CodecError> {
    Ok(SkuTerms {
        title: from.text("title")?.into(),
        currency: get_currency(from)?,
        price: get_price(from)?,
        starts_at: from.option("start")?.map(Millis),
        ends_at: from.option("end")?.map(Millis),
        per_buyer_limit: from.small_option("limit per buyer")?,
        per_order_limit: from.small_option("limit per order")?,
        hold_ms: from.small("hold")?,
        late_payment: match from.byte("late payment rule")? {
            LATE_REACQUIRE => LatePayment::Reacquire,
            LATE_REFUND => LatePayment::Refund,
            other => return Err(unknown("late payment rule", other)),
        },
        max_lapses: from.small_option("number of lapses")?,
        allow: match from.option("allow list")? {
            None => None,
            Some(count) => Some(get_texts(from, count, "allow list")?),
        },
        group_buy: None,
        fulfilment: None,
        campaign: None,
        stores: None,
        carbon_g: None,
    })
}

fn get_currency(from: &mut Cursor<'_>) -> Result<Currency, CodecError> {
    let code = std::str::from_utf8(from.bytes(3, "currency")?).map_err(|_| CodecError::Text("currency"))?;
    Currency::new(code).ok_or(CodecError::Range("currency"))
}

fn get_texts(from: &mut Cursor<'_>, count: u64, what: &'static str) -> Result<Box<[Box<str>]>, CodecError> {
    // Every text takes at least one byte, so a damaged count can't ask for more memory than the record has.
    let room = usize::try_from(count).unwrap_or(usize::MAX).min(from.left());
    let mut texts = Vec::with_capacity(room);
    for _ in 0..count {
        texts.push(from.text(what)?.into());
    }
    Ok(texts.into_boxed_slice())
}
