//! The journal as a reader of the feed sees it: when it says that what happened.

use std::collections::BTreeMap;

use tidegate_engine::{CampaignEvent, Event, Millis, OrderNumber, OrderView};
use tidegate_persistence::{ActorId, ChainError, CodecError, Group, Reader};

use crate::photograph::{Photograph, SkuPhotograph};
use crate::sale::SKUS;

/// Who has which number.
#[derive(Debug)]
pub(crate) struct Numbers {
    /// By SKU.
    pub(crate) skus: [Option<ActorId>; SKUS.len()],
    pub(crate) campaign: Option<ActorId>,
}

/// Why the journal was not found to be right.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It can't be read.
    Unreadable(ChainError),
    /// It says what can't be.
    Wrong(String),
}

impl From<ChainError> for Failed {
    fn from(error: ChainError) -> Self {
        Self::Unreadable(error)
    }
}

/// Holds the times of all that is kept of the journal against each other, and against how the sale stands. `latest`: the
/// latest that the clock ever showed.
///
/// # Errors
/// What is wrong.
pub(crate) fn audit(
    reader: &Reader,
    numbers: &Numbers,
    photograph: &Photograph,
    latest: u64,
) -> Result<(), Failed> {
    let mut last: BTreeMap<ActorId, Millis> = BTreeMap::new();
    let mut prices: BTreeMap<ActorId, Option<u64>> = BTreeMap::new();
    let Some(oldest) = reader.oldest_sequence()? else { return Ok(()) };
    let mut block = reader.block_at(oldest)?;
    while let Some(read) = block {
        for group in read.groups() {
            let group = group.map_err(|error| Failed::Wrong(format!("the journal: {error}")))?;
            let before = last.insert(group.actor, group.at).unwrap_or(Millis(0));
            let wrong =
                |what: &str| Failed::Wrong(format!("{what}, says the journal at {}", group.first_sequence));
            if group.at < before {
                return Err(wrong(&format!("{} went from {before} back to {}", group.actor, group.at)));
            }
            if group.at.0 > latest {
                return Err(wrong(&format!("{} was at {} before the clock", group.actor, group.at)));
            }
            let sku = numbers.skus.iter().position(|number| *number == Some(group.actor));
            let told = match sku.and_then(|sku| photograph.skus.get(sku)?.as_ref()) {
                Some(found) => audit_sku(&group, found, prices.entry(group.actor).or_default()),
                None if numbers.campaign == Some(group.actor) => audit_campaign(&group, photograph),
                None => Ok(None),
            };
            let told = told.map_err(|error| wrong(&error.to_string()))?;
            told.map_or(Ok(()), |told| Err(wrong(&told)))?;
        }
        block = reader.block_after(&read)?;
    }
    Ok(())
}

/// What happened too early or too late to an order, or at another price than the one that was set last.
fn audit_sku(
    group: &Group<'_>,
    found: &SkuPhotograph,
    price_now: &mut Option<u64>,
) -> Result<Option<String>, CodecError> {
    let order =
        |number: OrderNumber| -> Option<&OrderView> { found.orders.get((number.0 as usize).checked_sub(1)?) };
    for event in group.events() {
        let wrong = match event? {
            Event::Expired { order: number } => order(number)
                .filter(|order| group.at < order.expires_at)
                .map(|order| format!("it ran out at {}: {order:?}", group.at)),
            Event::Paid(payment) => order(payment.order)
                .filter(|order| group.at >= order.expires_at || group.at < order.reserved_at)
                .map(|order| format!("it was paid at {}: {order:?}", group.at)),
            Event::Repriced { price, .. } => {
                *price_now = Some(price);
                None
            }
            Event::Reserved { order, unit_price, .. } => price_now
                .filter(|price| *price != unit_price)
                .map(|price| format!("the price was {price}, and {order:?} was sold at {unit_price}")),
            _ => None,
        };
        if wrong.is_some() {
            return Ok(wrong);
        }
    }
    Ok(None)
}

/// The same of a cart.
fn audit_campaign(group: &Group<'_>, photograph: &Photograph) -> Result<Option<String>, CodecError> {
    for event in group.campaign_events() {
        let wrong = match event? {
            CampaignEvent::CartExpired { cart } => photograph
                .carts
                .get(&cart.0)
                .filter(|cart| group.at < cart.expires_at)
                .map(|cart| format!("it ran out at {}: {cart:?}", group.at)),
            CampaignEvent::CartPaid(payment) => photograph
                .carts
                .get(&payment.cart.0)
                .filter(|cart| group.at >= cart.expires_at || group.at < cart.reserved_at)
                .map(|cart| format!("it was paid at {}: {cart:?}", group.at)),
            _ => None,
        };
        if wrong.is_some() {
            return Ok(wrong);
        }
    }
    Ok(None)
}
