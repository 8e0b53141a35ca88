//! Checking the secrets of users, at a bounded cost.
//!
//! A hash that is slow on purpose is a weapon against the server itself. So no more than a few are computed at once, none
//! for somebody who failed too often, and none for a secret that was right a moment ago: a thousand clients that
//! reconnect together cost one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use sha2::Sha256;
use tidegate_protocol::error::{ErrorCode, WireError};
use tokio::sync::Semaphore;

use governor::DefaultDirectRateLimiter;

use super::failures::Failures;
use super::principal::Account;
use super::rates;
use super::retry_ms;
use super::roles::Roles;
use super::secrets::{MAX_SECRET_BYTES, SecretHash};
use crate::config;

/// Refused tokens that are logged in a second, whoever sent them: anybody can send them from any number of addresses.
const LOGGED_PER_SECOND: u32 = 5;

/// The users, and what is known of their logins.
pub(super) struct Logins {
    users: HashMap<Box<str>, Arc<User>>,
    /// Stands in for the hash of a user that there is not, so that guessing names takes as long as guessing secrets.
    decoy: Option<Arc<User>>,
    hashing: Arc<Semaphore>,
    remember: Duration,
    /// Makes what is remembered worthless outside this process.
    key: [u8; 64],
    by_address: Failures<IpAddr>,
    by_user: Failures<Box<str>>,
    /// Of names that no user has, as keyed hashes, so that they are limited as those of users are: else the limit would
    /// say which names there are. Apart, so that no number of them takes the place of a user's.
    by_unknown: Failures<[u8; 32]>,
    log: Option<DefaultDirectRateLimiter>,
}

struct User {
    account: Arc<Account>,
    hash: SecretHash,
    /// The secret that was right, as a keyed hash, and until when it need not be hashed again.
    remembered: Mutex<Option<([u8; 32], Instant)>>,
}

/// Who somebody says to be.
enum Claimed {
    User(Arc<User>),
    /// Nobody: a keyed hash of the name.
    Unknown([u8; 32]),
}

impl Logins {
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn new(
        users: &[config::User],
        settings: &config::Logins,
        requests_per_second: u32,
    ) -> anyhow::Result<Arc<Self>> {
        let mut key = [0; 64];
        getrandom::fill(&mut key)?;
        let user = |user: &config::User| {
            let account = Account {
                name: user.name.as_str().into(),
                roles: Roles::of(&user.roles),
                rate: rates::direct(requests_per_second),
            };
            let user = User {
                account: Arc::new(account),
                hash: user.secret_hash.clone(),
                remembered: Mutex::default(),
            };
            Arc::new(user)
        };
        let users: Vec<_> = users.iter().map(user).collect();
        Ok(Arc::new(Self {
            // The dearest: a name that there is not must not be refused sooner than one that there is.
            decoy: users.iter().max_by_key(|user| user.hash.cost()).cloned(),
            users: users.into_iter().map(|user| (user.account.name.clone(), user)).collect(),
            hashing: Arc::new(Semaphore::new(settings.max_concurrent)),
            remember: settings.remember_ms,
            key,
            by_address: Failures::new(settings.failures_per_minute),
            by_user: Failures::new(settings.failures_per_minute),
            by_unknown: Failures::new(settings.failures_per_minute),
            log: rates::direct(LOGGED_PER_SECOND),
        }))
    }

    /// Whether anybody has to log in.
    pub(super) fn are_needed(&self) -> bool {
        self.decoy.is_some()
    }

    /// The user of this name, if the secret is right.
    pub(super) async fn log_in(
        self: &Arc<Self>,
        name: &[u8],
        secret: &[u8],
        from: IpAddr,
    ) -> Result<Arc<Account>, WireError> {
        let Some(decoy) = &self.decoy else {
            return Err(WireError::new(
                ErrorCode::WrongPass,
                "no users are configured: connect without a user and a password, every connection has every role",
            ));
        };
        let known = std::str::from_utf8(name).ok().and_then(|name| self.users.get(name)).cloned();
        let who = known.map_or_else(
            || Claimed::Unknown(self.digest(name, b"").finalize().into_bytes().into()),
            Claimed::User,
        );
        if secret.is_empty() || secret.len() > MAX_SECRET_BYTES {
            return Err(wrong());
        }
        // Before and after the wait for a turn at hashing: others may have done the work, or failed too often.
        if let Some(account) = self.short_way(&who, secret, from)? {
            return Ok(account);
        }
        let turn = Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| wrong())?;
        if let Some(account) = self.short_way(&who, secret, from)? {
            return Ok(account);
        }
        let (logins, decoy, secret) = (Arc::clone(self), Arc::clone(decoy), secret.to_vec());
        // To its end, and counted, even if the client is gone: hanging up is no way to guess for free.
        let hashed = tokio::task::spawn_blocking(move || {
            let account = logins.hash(&who, &decoy, &secret, from);
            drop(turn);
            account
        });
        hashed.await.ok().flatten().ok_or_else(wrong)
    }

    /// An answer without hashing, if there is one.
    fn short_way(
        &self,
        who: &Claimed,
        secret: &[u8],
        from: IpAddr,
    ) -> Result<Option<Arc<Account>>, WireError> {
        let now = Instant::now();
        if let Claimed::User(user) = who
            && let Some((digest, until)) = *user.remembered.lock()
            && now < until
            && self.digest(user.account.name.as_bytes(), secret).verify_slice(&digest).is_ok()
        {
            return Ok(Some(Arc::clone(&user.account)));
        }
        let of_name = match who {
            Claimed::User(user) => self.by_user.wait(&user.account.name, now),
            Claimed::Unknown(name) => self.by_unknown.wait(name, now),
        };
        match of_name.max(self.by_address.wait(&from, now)) {
            None => Ok(None),
            Some(wait) => Err(too_many(wait, "the secret was not looked at")),
        }
    }

    /// Takes note of a token that was refused, and gives what is said to that: why, or to wait if too many were.
    ///
    /// Good tokens never wait: they can't be guessed, and behind a proxy the bad ones of others come from the same address.
    pub(super) fn refuse_token(&self, refusal: WireError, from: IpAddr) -> WireError {
        let now = Instant::now();
        if let Some(wait) = self.by_address.wait(&from, now) {
            return too_many(wait, "this token is no good either");
        }
        self.by_address.note(from, now);
        if self.log.as_ref().is_none_or(|log| log.check().is_ok()) {
            tracing::warn!(%from, "a login failed: {}", refusal.message());
        }
        refusal
    }

    fn hash(&self, who: &Claimed, decoy: &User, secret: &[u8], from: IpAddr) -> Option<Arc<Account>> {
        let user = match who {
            Claimed::User(user) => user,
            Claimed::Unknown(_) => decoy,
        };
        let right = user.hash.verifies(secret);
        let now = Instant::now();
        match who {
            Claimed::User(user) if right => {
                let digest = self.digest(user.account.name.as_bytes(), secret).finalize().into_bytes().into();
                *user.remembered.lock() = Some((digest, now + self.remember));
                return Some(Arc::clone(&user.account));
            }
            Claimed::User(user) => {
                self.by_user.note(user.account.name.clone(), now);
                tracing::warn!(user = %user.account.name, %from, "a login failed");
            }
            // What was typed as a name may be a secret.
            Claimed::Unknown(name) => {
                self.by_unknown.note(*name, now);
                tracing::warn!(%from, "a login failed: there is no such user");
            }
        }
        self.by_address.note(from, now);
        None
    }

    fn digest(&self, name: &[u8], secret: &[u8]) -> Hmac<Sha256> {
        let mut digest = <Hmac<Sha256> as Mac>::new((&self.key).into());
        // No user's name has a NUL.
        digest.update(name);
        digest.update(&[0]);
        digest.update(secret);
        digest
    }
}

fn too_many(wait: Duration, besides: &str) -> WireError {
    let text = format!("too many failed logins; {besides}");
    WireError::retry(ErrorCode::RateLimited, retry_ms(wait), text)
}

fn wrong() -> WireError {
    WireError::new(ErrorCode::WrongPass, "invalid username-password pair or user is disabled.")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use argon2::password_hash::SaltString;
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    use tidegate_protocol::command::Role;

    use super::*;

    fn user(name: &str, passes: u32) -> config::User {
        let cheap =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, passes, 1, None).unwrap());
        let salt = SaltString::encode_b64(b"saltsaltsalt").unwrap();
        let hash = cheap.hash_password(b"right", &salt).unwrap().to_string();
        let secret_hash = SecretHash::parse(&hash).unwrap();
        config::User { name: name.to_owned(), roles: vec![Role::Admin], secret_hash }
    }

    #[tokio::test]
    async fn guessing_tells_no_one_which_names_there_are() {
        let settings = config::Logins { failures_per_minute: 3, ..config::Config::default().logins };
        let logins = Logins::new(&[user("boss", 1), user("shop", 2)], &settings, 0).unwrap();
        assert_eq!(&*logins.decoy.as_ref().unwrap().account.name, "shop", "the dearest hash stands in");
        for name in ["boss", "bozz"] {
            // Each time from another address.
            let mut said = Vec::new();
            for host in 0..5 {
                let from = IpAddr::V4(Ipv4Addr::new(10, 0, u8::from(name == "boss"), host));
                said.push(logins.log_in(name.as_bytes(), b"wrong", from).await.unwrap_err().code());
            }
            let (wrong, limited) = (ErrorCode::WrongPass, ErrorCode::RateLimited);
            assert_eq!(said, [wrong, wrong, wrong, limited, limited], "{name}");
        }
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert!(logins.log_in(b"shop", b"right", from).await.is_ok());
    }
}
