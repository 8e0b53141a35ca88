//! How many commands a second an address, a user and a buyer may send. Nothing is counted where nothing is configured.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};
use tidegate_protocol::error::{ErrorCode, WireError};

use super::{Principal, retry_ms};
use crate::config::Limits;

/// After so many newcomers, those who have been quiet are forgotten.
const SWEEP_EVERY: u32 = 1_024;

/// What is configured, and how much of it is used.
pub(crate) struct Rates {
    addresses: Option<DefaultKeyedRateLimiter<IpAddr>>,
    buyers: Option<DefaultKeyedRateLimiter<Arc<str>>>,
    newcomers: AtomicU32,
}

/// The limiter of one user; `None`: no limit.
pub(super) fn direct(per_second: u32) -> Option<DefaultDirectRateLimiter> {
    Some(RateLimiter::direct(quota(per_second)?))
}

fn quota(per_second: u32) -> Option<Quota> {
    NonZeroU32::new(per_second).map(Quota::per_second)
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            addresses: quota(limits.requests_per_second_per_address).map(RateLimiter::keyed),
            buyers: quota(limits.requests_per_second_per_user).map(RateLimiter::keyed),
            newcomers: AtomicU32::new(0),
        }
    }

    /// Whether there is anything to count for this principal.
    pub(crate) fn limit(&self, who: &Principal) -> bool {
        match who {
            Principal::Itself => false,
            _ if self.addresses.is_some() => true,
            Principal::User(account) => account.rate.is_some(),
            Principal::Buyer(_) => self.buyers.is_some(),
            Principal::Nobody | Principal::Everyone => false,
        }
    }

    /// Takes note that somebody came, so that those who went can be forgotten.
    pub(crate) fn newcomer(&self) {
        if self.newcomers.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY != SWEEP_EVERY - 1 {
            return;
        }
        if let Some(addresses) = &self.addresses {
            addresses.retain_recent();
            addresses.shrink_to_fit();
        }
        if let Some(buyers) = &self.buyers {
            buyers.retain_recent();
            buyers.shrink_to_fit();
        }
    }

    /// Counts one command. `address` is what [`super::network`] makes of it.
    ///
    /// # Errors
    /// `RATELIMITED`.
    pub(crate) fn charge(&self, who: &Principal, address: IpAddr) -> Result<(), WireError> {
        self.charge_address(address)?;
        self.charge_asker(who)
    }

    /// Counts one request of whoever it may be.
    ///
    /// # Errors
    /// `RATELIMITED`.
    pub(crate) fn charge_address(&self, address: IpAddr) -> Result<(), WireError> {
        match &self.addresses {
            Some(addresses) => addresses.check_key(&address).map_err(|until| limited(&until, "this address")),
            None => Ok(()),
        }
    }

    /// Counts one request of this user or buyer, wherever it comes from.
    ///
    /// # Errors
    /// `RATELIMITED`.
    pub(crate) fn charge_asker(&self, who: &Principal) -> Result<(), WireError> {
        match (who, &self.buyers) {
            (Principal::User(account), _) => match &account.rate {
                Some(rate) => rate.check().map_err(|until| limited(&until, "this user")),
                None => Ok(()),
            },
            (Principal::Buyer(buyer), Some(buyers)) => {
                buyers.check_key(&buyer.name).map_err(|until| limited(&until, "this buyer"))
            }
            _ => Ok(()),
        }
    }
}

fn limited(until: &NotUntil<<DefaultClock as Clock>::Instant>, whose: &str) -> WireError {
    let wait = until.wait_time_from(DefaultClock::default().now());
    WireError::retry(
        ErrorCode::RateLimited,
        retry_ms(wait),
        format!("too many requests from {whose}; nothing was done"),
    )
}
