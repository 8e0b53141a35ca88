//! Webhooks.

use super::Page;
use crate::metrics::families as f;
use crate::webhooks::{State, WebhookStatus};

/// The label is a name from the configuration.
pub(super) fn write(page: &mut Page, all: &[WebhookStatus]) {
    let states = all.iter().flat_map(|webhook| {
        State::ALL.map(|state| {
            let is_it = f64::from(u8::from(state == webhook.progress.state));
            ([&*webhook.name, state.name()], is_it)
        })
    });
    page.samples(&f::WEBHOOK_STATE, states);
    let lags = all.iter().filter_map(|webhook| Some(([&*webhook.name], webhook.lag? as f64)));
    page.samples(&f::WEBHOOK_LAG, lags);
    let dead = all.iter().map(|webhook| ([&*webhook.name], webhook.progress.dead_letters as f64));
    page.samples(&f::WEBHOOK_DEAD, dead);
    let last = all.iter().filter_map(|webhook| {
        let at = webhook.progress.last_success_ms?;
        Some(([&*webhook.name], at as f64 / 1e3))
    });
    page.samples(&f::WEBHOOK_LAST, last);
    for (family, count) in [
        (&f::WEBHOOK_ATTEMPTS, (|of| of.progress.attempts) as fn(&WebhookStatus) -> u64),
        (&f::WEBHOOK_FAILURES, |of| of.progress.failures),
        (&f::WEBHOOK_DELIVERED, |of| of.progress.delivered),
        (&f::WEBHOOK_SKIPPED, |of| of.progress.skipped),
        (&f::WEBHOOK_LOST, |of| of.progress.lost),
        (&f::WEBHOOK_GIVEN_UP, |of| of.progress.given_up),
    ] {
        page.samples(family, all.iter().map(|webhook| ([&*webhook.name], count(webhook) as f64)));
    }
}
