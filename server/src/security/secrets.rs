//! Secrets of users: kept as argon2id hashes, never shown.

use std::fmt;

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, PasswordHasher, PasswordVerifier};

/// What is shown in place of a hash.
pub(crate) const HIDDEN: &str = "***";

/// Bytes of salt in a new hash.
const SALT_BYTES: usize = 16;

/// The longest secret, in bytes. It bounds what one login costs.
pub(crate) const MAX_SECRET_BYTES: usize = 1_024;

/// The argon2id hash of a user's secret, in the PHC format.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(Box<str>);

impl SecretHash {
    /// Reads a hash as `tidegate hash-secret` prints it.
    ///
    /// # Errors
    /// What it should be. The text itself is not in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            "must be an argon2id hash that begins with $argon2id$; `tidegate hash-secret` makes one"
                .to_owned()
        };
        let hash = PasswordHash::new(text).map_err(|_| wrong())?;
        let is_argon2id = Algorithm::try_from(hash.algorithm).is_ok_and(|found| found == Algorithm::Argon2id);
        let is_whole = hash.salt.is_some() && hash.hash.is_some();
        (is_argon2id && is_whole && argon2::Params::try_from(&hash).is_ok())
            .then(|| Self(text.into()))
            .ok_or_else(wrong)
    }

    /// Hashes a secret with a new salt and the costs that OWASP recommends (argon2's defaults).
    ///
    /// # Errors
    /// The secret is empty or too long, or the system gives no random numbers.
    pub fn of(secret: &str) -> anyhow::Result<Self> {
        anyhow::ensure!(!secret.is_empty(), "the secret is empty");
        anyhow::ensure!(
            secret.len() <= MAX_SECRET_BYTES,
            "the secret has more than {MAX_SECRET_BYTES} bytes"
        );
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        let failed = |error| anyhow::anyhow!("the secret can't be hashed: {error}");
        let salt = SaltString::encode_b64(&salt).map_err(failed)?;
        let hash = Argon2::default().hash_password(secret.as_bytes(), &salt).map_err(failed)?;
        Ok(Self(hash.to_string().into()))
    }

    /// Whether this is the hash of `secret`. Takes tens of milliseconds of a core on purpose.
    pub(crate) fn verifies(&self, secret: &[u8]) -> bool {
        // The costs are those that the hash itself names. The comparison takes the same time for every wrong secret.
        PasswordHash::new(&self.0).is_ok_and(|hash| Argon2::default().verify_password(secret, &hash).is_ok())
    }

    /// What it takes to compute it: memory times passes.
    pub(super) fn cost(&self) -> u64 {
        let params = PasswordHash::new(&self.0).ok().and_then(|hash| argon2::Params::try_from(&hash).ok());
        params.map_or(0, |params| u64::from(params.m_cost()) * u64::from(params.t_cost()))
    }

    /// The hash, for the configuration file.
    #[must_use]
    pub fn to_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_fits_its_own_hash_and_is_shown_nowhere() {
        let hash = SecretHash::of("correct horse").unwrap();
        let again = SecretHash::parse(hash.to_phc()).unwrap();
        assert!(again.verifies(b"correct horse") && !again.verifies(b"correct house"));
        assert_eq!(format!("{again:?}"), "***");
        assert_ne!(SecretHash::of("correct horse").unwrap(), hash, "each has a salt of its own");
    }

    #[test]
    fn what_is_no_argon2id_hash_is_refused_without_being_repeated() {
        let argon2i = "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$nZAbuTnJvCpvxB3QrtYxiA";
        for wrong in ["hunter2", "", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ", argon2i] {
            let reason = SecretHash::parse(wrong).unwrap_err();
            assert!(reason.starts_with("must be an argon2id hash"), "{reason}");
            assert!(!reason.contains("hunter2"));
        }
        assert!(SecretHash::of("").is_err() && SecretHash::of(&"x".repeat(MAX_SECRET_BYTES + 1)).is_err());
    }
}
