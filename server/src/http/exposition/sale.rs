//! The sale as a whole: what is available, sold and owed, and whether the books agree.

use tidegate_actors::{Census, Money};

use super::page::Page;
use crate::metrics::families as f;
use crate::metrics::{CensusReading, Readiness, Readings, StatusSnapshot};

/// Currencies that are told: those with the most orders. A label must be bounded, and documents may name any.
const MAX_CURRENCIES: usize = 20;

const SKU_STATES: [&str; 5] = ["scheduled", "open", "paused", "sold_out", "ended"];
const COUNTS: [&str; 4] = ["total", "available", "reserved", "sold"];
/// In the order of [`tidegate_engine::OrderState::ALL`].
const ORDER_STATES: [&str; 6] = ["reserved", "paid", "cancelled", "expired", "refund_due", "refunded"];
const ROOM_STATES: [&str; 3] = ["forming", "succeeded", "failed"];

pub(super) fn invariants(page: &mut Page, now: &StatusSnapshot, readings: &Readings) {
    if let Some(CensusReading { census, .. }) = &readings.census {
        page.gauge(&f::UNBALANCED_SKUS, census.unbalanced as f64);
        page.gauge(&f::UNBALANCED_STORES, census.unbalanced_stores as f64);
        page.gauge(&f::OVERSOLD_UNITS, census.oversold_units as f64);
    }
    let failed = matches!(now.readiness, Readiness::JournalFailed { .. });
    page.gauge(&f::JOURNAL_FAILED, f64::from(u8::from(failed)));
}

pub(super) fn write(page: &mut Page, now: &StatusSnapshot, readings: &Readings) {
    page.gauge(&f::SKUS, now.actors.skus as f64);
    page.gauge(&f::SKUS_LIMIT, readings.limits.skus as f64);
    page.gauge(&f::CAMPAIGNS, now.actors.campaigns as f64);
    let Some(CensusReading { census, age, took }) = &readings.census else { return };
    page.samples(&f::SKUS_BY_STATE, by(SKU_STATES, census.by_sale_state));
    page.samples(&f::UNITS, by(COUNTS, census.units));
    page.samples(&f::ORDERS, by(ORDER_STATES, census.orders));
    page.samples(&f::MONEY, money(census));
    page.gauge(&f::OLDEST_REFUND_DUE, census.oldest_refund_due_ms as f64 / 1e3);
    page.samples(&f::ROOMS, by(ROOM_STATES, census.rooms));
    page.samples(&f::CARTS, by(ORDER_STATES, census.carts));
    page.gauge(&f::COUPONS, census.coupons as f64);
    page.gauge(&f::SKUS_WITH_BLOCKED, census.skus_with_blocked as f64);
    page.gauge(&f::CENSUS_AGE, age.as_secs_f64());
    page.gauge(&f::CENSUS_SECONDS, took.as_secs_f64());
}

fn by<const N: usize>(
    names: [&'static str; N],
    values: [u64; N],
) -> impl Iterator<Item = ([&'static str; 1], f64)> {
    names.into_iter().zip(values).map(|(name, value)| ([name], value as f64))
}

fn money(census: &Census) -> Vec<([&str; 2], f64)> {
    let mut currencies: Vec<(&str, &Money)> =
        census.by_currency.iter().map(|(code, money)| (&**code, money)).collect();
    currencies.sort_by_key(|(_, money)| std::cmp::Reverse(money.orders));
    currencies.truncate(MAX_CURRENCIES);
    let amounts = currencies.into_iter().flat_map(|(code, money)| {
        ORDER_STATES
            .into_iter()
            .zip(money.by_state)
            .map(move |(state, amount)| ([code, state], amount as f64))
    });
    amounts.collect()
}
