//! The people of these stories: users with cheap hashes, and buyers with tokens.

use std::net::SocketAddr;
use std::path::Path;

use argon2::password_hash::SaltString;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate_protocol::command::Role;
use tidegate_server::config::{Config, TokenAlgorithm, User};
use tidegate_server::security::SecretHash;

use crate::common::{Answer, Ask, Client, now};

/// The secret that tokens are signed with here.
pub(crate) const SHARED: &[u8] = b"a secret of the shop's and nobody";

/// A hash that costs next to nothing, for a test that is not about its cost.
pub(crate) fn hash(secret: &str) -> String {
    let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    let salt = SaltString::encode_b64(b"salt of a test").unwrap();
    cheap.hash_password(secret.as_bytes(), &salt).unwrap().to_string()
}

/// A user whose secret is its name with `-secret` behind.
pub(crate) fn user(name: &str, roles: &[Role]) -> User {
    let secret_hash = SecretHash::parse(&hash(&format!("{name}-secret"))).unwrap();
    User { name: name.to_owned(), secret_hash, roles: roles.to_vec() }
}

/// A user for each role, called as it is, and one with all of them.
pub(crate) fn with_users(config: &mut Config) {
    let all = [Role::Storefront, Role::Admin, Role::Observer, Role::Feed];
    config.users = all.iter().map(|role| user(role.name(), &[*role])).collect();
    config.users.push(user("default", &all));
}

/// Tokens by HS256, with a key file in this directory.
pub(crate) fn with_tokens(config: &mut Config, directory: &Path) {
    let key = directory.join("token-secret");
    std::fs::write(&key, STANDARD.encode(SHARED)).unwrap();
    config.tokens.algorithm = TokenAlgorithm::Hs256;
    config.tokens.key_file = Some(key);
}

/// A connection that has logged in.
#[track_caller]
pub(crate) fn as_user(address: SocketAddr, name: &str) -> Client {
    let mut client = Client::connect(address);
    client.says(&format!("AUTH {name} {name}-secret"), "OK");
    client
}

/// Seconds from now, as tokens count them.
pub(crate) fn in_seconds(seconds: i64) -> i64 {
    i64::try_from(now() / 1_000).unwrap() + seconds
}

/// A token of these claims.
pub(crate) fn sign(claims: &Value) -> String {
    let (header, key) = (jsonwebtoken::Header::default(), jsonwebtoken::EncodingKey::from_secret(SHARED));
    jsonwebtoken::encode(&header, claims, &key).unwrap()
}

/// A buyer's token, good for ten minutes.
pub(crate) fn token(buyer: &str) -> String {
    sign(&json!({ "sub": buyer, "exp": in_seconds(600) }))
}

/// A connection of this buyer.
#[track_caller]
pub(crate) fn as_buyer(address: SocketAddr, buyer: &str) -> Client {
    let mut client = Client::connect(address);
    client.says(&format!("AUTH token {}", token(buyer)), "OK");
    client
}

/// A GET with this `authorization`; empty: with none.
pub(crate) fn get(address: SocketAddr, path: &str, authorization: &str) -> Answer {
    let ask = Ask::new(address, "GET", path);
    if authorization.is_empty() { ask.send() } else { ask.header("authorization", authorization).send() }
}
