//! Tokens of buyers: JSON Web Tokens that somebody else issues, for a short time.
//!
//! The algorithm is the configuration's. A token that names another one, or none, is refused whatever its signature.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use tidegate_protocol::command::is_id;
use tidegate_protocol::error::{ErrorCode, WireError};

use super::principal::Buyer;
use crate::config::{self, TokenAlgorithm};

/// How far the clocks of issuer and server may be apart, in seconds.
const LEEWAY_S: u64 = 5;

/// The shortest secret for HS256, in bytes: as long as what it makes.
const MIN_SECRET_BYTES: usize = 32;

/// How tokens are checked.
pub(super) struct Tokens {
    key: DecodingKey,
    validation: Validation,
    max_age: Duration,
    buyers_may_pay: bool,
}

/// What a token claims.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    aud: Option<String>,
}

impl Tokens {
    /// `None` if no tokens are taken.
    ///
    /// # Errors
    /// The key can't be read, or is not one for the algorithm.
    pub(super) fn new(settings: &config::Tokens) -> anyhow::Result<Option<Self>> {
        let Some(file) = &settings.key_file else { return Ok(None) };
        let context = || format!("tokens.key_file: {}", file.display());
        let (algorithm, key) = match settings.algorithm {
            TokenAlgorithm::None => return Ok(None),
            TokenAlgorithm::EdDsa => {
                let pem = fs::read(file).with_context(context)?;
                let key =
                    DecodingKey::from_ed_pem(&pem).map_err(|_| anyhow!("is no Ed25519 public key in PEM"));
                (Algorithm::EdDSA, key.with_context(context)?)
            }
            TokenAlgorithm::Hs256 => {
                (Algorithm::HS256, DecodingKey::from_secret(&shared_secret(file).with_context(context)?))
            }
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        let mut required = vec!["exp", "sub"];
        if !settings.issuer.is_empty() {
            validation.set_issuer(&[&settings.issuer]);
            required.push("iss");
        }
        // A token that is meant for somebody is not taken by a server that has no name.
        if !settings.audience.is_empty() {
            validation.set_audience(&[&settings.audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        let (max_age, buyers_may_pay) = (settings.max_age_ms, settings.buyers_may_pay);
        Ok(Some(Self { key, validation, max_age, buyers_may_pay }))
    }

    /// The buyer that a token stands for.
    ///
    /// # Errors
    /// `WRONGPASS` and what is wrong with it.
    pub(super) fn verify(&self, token: &[u8]) -> Result<Arc<Buyer>, WireError> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|error| wrong(reason(error.kind())))?
            .claims;
        if !is_id(&claims.sub) {
            return Err(wrong("its sub is no buyer: 1 to 64 printable ASCII characters without spaces"));
        }
        let until = UNIX_EPOCH.checked_add(Duration::from_secs(claims.exp)).filter(|until| {
            let longest = self.max_age + Duration::from_secs(LEEWAY_S);
            until.duration_since(SystemTime::now()).unwrap_or_default() <= longest
        });
        let until =
            until.ok_or_else(|| wrong("it would live longer than a token may (tokens.max_age_ms)"))?;
        let until = until + Duration::from_secs(LEEWAY_S);
        Ok(Arc::new(Buyer { name: claims.sub.into(), until, may_pay: self.buyers_may_pay }))
    }
}

fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => "it names another algorithm",
        ErrorKind::InvalidIssuer => "it is by another issuer",
        ErrorKind::InvalidAudience => "it is for another audience",
        ErrorKind::MissingRequiredClaim(_) => "it lacks a claim that is configured, iss or aud",
        ErrorKind::Json(_) => "it is malformed; it needs sub, a text, and exp, whole seconds since 1970",
        _ => "it is none",
    }
}

fn wrong(reason: &str) -> WireError {
    WireError::new(ErrorCode::WrongPass, format!("the token is refused: {reason}"))
}

fn shared_secret(file: &Path) -> anyhow::Result<Vec<u8>> {
    let text = fs::read_to_string(file)?;
    let secret = STANDARD.decode(text.trim()).map_err(|_| anyhow!("is not base64"))?;
    ensure!(secret.len() >= MIN_SECRET_BYTES, "holds fewer than {MIN_SECRET_BYTES} bytes");
    Ok(secret)
}

/// Makes a token for trials, with the shared secret, or with the private key of the issuer.
///
/// # Errors
/// No tokens are configured, the key is not there, or the token would not be taken.
pub fn mint(
    settings: &config::Tokens,
    private_key: Option<&Path>,
    buyer: &str,
    ttl: Duration,
) -> anyhow::Result<String> {
    ensure!(is_id(buyer), "{buyer:?} is no buyer: 1 to 64 printable ASCII characters without spaces");
    ensure!(
        ttl <= settings.max_age_ms,
        "no token may live longer than {:?} (tokens.max_age_ms)",
        settings.max_age_ms
    );
    let (algorithm, key) = match (settings.algorithm, &settings.key_file, private_key) {
        (TokenAlgorithm::EdDsa, _, Some(file)) => {
            let pem = fs::read(file).with_context(|| file.display().to_string())?;
            let key = EncodingKey::from_ed_pem(&pem).map_err(|_| anyhow!("no Ed25519 private key in PEM"))?;
            (Algorithm::EdDSA, key)
        }
        (TokenAlgorithm::EdDsa, _, None) => {
            bail!("name the issuer's private key with --key; the server has only the public one")
        }
        (TokenAlgorithm::Hs256, Some(file), _) => {
            let secret = shared_secret(file).with_context(|| file.display().to_string())?;
            (Algorithm::HS256, EncodingKey::from_secret(&secret))
        }
        _ => bail!("no tokens are configured (tokens.algorithm)"),
    };
    let expires = SystemTime::now().duration_since(UNIX_EPOCH)? + ttl;
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let claims = Claims {
        sub: buyer.to_owned(),
        exp: expires.as_secs(),
        iss: given(&settings.issuer),
        aud: given(&settings.audience),
    };
    Ok(jsonwebtoken::encode(&Header::new(algorithm), &claims, &key)?)
}
