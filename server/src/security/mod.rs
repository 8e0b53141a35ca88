//! Who may do what: users and their secrets, buyers and their tokens, roles, limits and certificates.
//!
//! Every door asks here. What a [`Principal`] may send is judged in one place for all of them, where the edge takes a
//! command in (`edge/batch/gate.rs`).
//!
//! * `principal.rs`: somebody who asks, and which commands that may be.
//! * `buyers.rs`: the commands of a buyer, which go by whose order it is.
//! * `roles.rs`: a set of roles.
//! * `secrets.rs`, `logins.rs`, `failures.rs`: argon2id hashes, checking them at a bounded cost, and counting failures.
//! * `tokens.rs`: JSON Web Tokens.
//! * `rates.rs`: commands a second.
//! * `tls.rs`: the certificate, and changing it while the server runs.

mod buyers;
mod failures;
mod logins;
mod principal;
mod rates;
mod roles;
mod secrets;
mod tls;
mod tokens;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tidegate_protocol::error::{ErrorCode, WireError};

pub(crate) use buyers::must_own;
pub(crate) use principal::{Buyer, Principal, no_auth};
pub(crate) use roles::{ROLES, Roles};
pub(crate) use secrets::HIDDEN;
pub use secrets::SecretHash;
pub(crate) use tls::Certificate;
pub use tls::Encryption;
pub use tokens::mint;

use crate::config::{Config, TOKEN_USER};
use logins::Logins;
use rates::Rates;
use tokens::Tokens;

/// The user that `AUTH` means when it names none.
const DEFAULT_USER: &str = "default";

/// Who may do what, as configured.
pub struct Security {
    logins: Arc<Logins>,
    tokens: Option<Tokens>,
    rates: Rates,
    login_timeout: Duration,
}

impl Security {
    /// As the configuration says.
    ///
    /// # Errors
    /// The key for tokens can't be used.
    pub fn new(config: &Config) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            logins: Logins::new(&config.users, &config.logins, config.limits.requests_per_second_per_user)?,
            tokens: Tokens::new(&config.tokens)?,
            rates: Rates::new(&config.limits),
            login_timeout: config.logins.timeout_ms,
        }))
    }

    /// Who somebody is that has not said it.
    pub(crate) fn stranger(&self) -> Principal {
        if self.logins.are_needed() { Principal::Nobody } else { Principal::Everyone }
    }

    /// How long somebody may take to say it.
    pub(crate) fn login_timeout(&self) -> Duration {
        self.login_timeout
    }

    /// How fast somebody may ask.
    pub(crate) fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Who is behind the user and the password of `AUTH`. The user `token` is a buyer, and its password a token.
    ///
    /// # Errors
    /// `WRONGPASS`; `RATELIMITED` after too many failures.
    pub(crate) async fn log_in(
        &self,
        user: Option<&[u8]>,
        password: &[u8],
        from: IpAddr,
    ) -> Result<Principal, WireError> {
        let user = user.unwrap_or(DEFAULT_USER.as_bytes());
        match &self.tokens {
            Some(tokens) if user == TOKEN_USER.as_bytes() => self.buyer(tokens, password, from),
            _ => self.logins.log_in(user, password, network(from)).await.map(Principal::User),
        }
    }

    /// Who is behind an `Authorization` header: `Bearer` with a buyer's token or with a user's `name:secret`, or `Basic`.
    ///
    /// # Errors
    /// As [`Security::log_in`].
    pub(crate) async fn authorize(&self, header: &str, from: IpAddr) -> Result<Principal, WireError> {
        let malformed = || {
            let text = "the Authorization header must be Bearer with a token or with name:secret, or Basic";
            WireError::new(ErrorCode::WrongPass, text)
        };
        let (scheme, credentials) = header.split_once(' ').ok_or_else(malformed)?;
        let credentials = credentials.trim();
        let pair = if scheme.eq_ignore_ascii_case("Basic") {
            STANDARD.decode(credentials).map_err(|_| malformed())?
        } else if scheme.eq_ignore_ascii_case("Bearer") {
            credentials.as_bytes().to_vec()
        } else {
            return Err(malformed());
        };
        // A token has no colon: base64 and dots.
        match (pair.iter().position(|byte| *byte == b':'), &self.tokens) {
            (Some(colon), _) => self.log_in(Some(&pair[..colon]), &pair[colon + 1..], from).await,
            (None, Some(tokens)) => self.buyer(tokens, &pair, from),
            (None, None) => Err(WireError::new(
                ErrorCode::WrongPass,
                "no tokens are taken here (tokens.algorithm); use Bearer name:secret of a user",
            )),
        }
    }
}

impl Security {
    /// Who is behind a token.
    fn buyer(&self, tokens: &Tokens, token: &[u8], from: IpAddr) -> Result<Principal, WireError> {
        tokens
            .verify(token)
            .map(Principal::Buyer)
            .map_err(|refusal| self.logins.refuse_token(refusal, network(from)))
    }
}

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Security").field("stranger", &self.stranger()).finish_non_exhaustive()
    }
}

/// What counts as one address: one of IPv4, a /64 of IPv6, because that is what a single customer gets.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (!0 << 64))),
        address => address,
    }
}

/// A wait as errors tell it: whole milliseconds, at least one.
pub(crate) fn retry_ms(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_what_one_customer_has() {
        let networks = [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ];
        for (address, expected) in networks {
            assert_eq!(network(address.parse().unwrap()).to_string(), expected);
        }
    }
}
