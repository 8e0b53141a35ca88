//! Tokens that are good, and the many ways in which they are not.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ED25519};
use serde_json::{Value, json};
use tidegate_server::config::TokenAlgorithm;

use super::people::{SHARED, as_buyer, get, in_seconds, sign, token, with_tokens, with_users};
use crate::common::{Client, Server, run, until};

fn signed(algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, key).unwrap()
}

/// A token whose header names no algorithm, with nothing behind its last dot.
fn unsigned(algorithm: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "sub": "ann", "exp": in_seconds(60) });
    format!("{}.{}.", part(&json!({ "alg": algorithm, "typ": "JWT" })), part(&claims))
}

#[test]
fn a_token_that_is_not_good_is_refused_and_said_why() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_with(|config| {
        with_users(config);
        with_tokens(config, directory.path());
        config.tokens.issuer = "shop".to_owned();
        config.logins.failures_per_minute = 1_000;
        config.tokens.audience = "tidegate".to_owned();
    });
    let good = json!({ "sub": "ann", "exp": in_seconds(60), "iss": "shop", "aud": "tidegate" });
    let with = |changes: Value| {
        let mut claims = good.clone();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        sign(&claims)
    };
    let shared = EncodingKey::from_secret(SHARED);
    let other = EncodingKey::from_secret(b"another secret of thirty-two bytes");
    let whole = sign(&good);
    let (body, signature) = whole.rsplit_once('.').unwrap();
    let edwards = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let edwards = EncodingKey::from_ed_pem(edwards.serialize_pem().as_bytes()).unwrap();
    let refused = [
        (signed(Algorithm::HS256, &other, &good), "its signature is wrong"),
        (format!("{body}.AAAA{}", &signature[4..]), "its signature is wrong"),
        (signed(Algorithm::HS512, &shared, &good), "it names another algorithm"),
        (signed(Algorithm::EdDSA, &edwards, &good), "it names another algorithm"),
        (unsigned("none"), "it is malformed"),
        (unsigned("HS256"), "its signature is wrong"),
        (with(json!({ "exp": in_seconds(-30) })), "it has expired"),
        (with(json!({ "exp": in_seconds(2 * 3_600) })), "it would live longer than a token may"),
        (with(json!({ "exp": u64::MAX })), "it would live longer than a token may"),
        (with(json!({ "nbf": in_seconds(30) })), "it is not valid yet"),
        (with(json!({ "iss": "other" })), "it is by another issuer"),
        (with(json!({ "aud": "other" })), "it is for another audience"),
        (with(json!({ "sub": "two words" })), "its sub is no buyer"),
        (with(json!({ "sub": "" })), "its sub is no buyer"),
        (without("exp"), "it is malformed; it needs sub"),
        (without("sub"), "it is malformed; it needs sub"),
        (without("iss"), "it lacks a claim"),
        (without("aud"), "it lacks a claim"),
        ("nonsense".to_owned(), "it is none"),
        ("a.b.c".to_owned(), "it is none"),
    ];
    for (token, reason) in refused {
        let reply = Client::connect(server.tcp()).ask(&format!("AUTH token {token}"));
        let expected = format!("-WRONGPASS the token is refused: {reason}");
        assert!(reply.starts_with(&expected), "{reply}, not {reason}");
        let answer = get(server.http(), "/status", &format!("Bearer {token}"));
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.body.contains(reason), "{answer:?}");
    }
    let mut ann = Client::connect(server.tcp());
    ann.says(&format!("AUTH token {whole}"), "OK");
    ann.says(&format!("AUTH token {}", with(json!({ "nbf": in_seconds(-1) }))), "OK");
    // It is a buyer's, and the page is none for buyers.
    let answer = get(server.http(), "/status", &format!("Bearer {whole}"));
    assert_eq!(answer.status, 403, "{answer:?}");
}

#[test]
fn a_token_that_runs_out_ends_what_its_connection_may_do() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_with(|config| {
        with_users(config);
        with_tokens(config, directory.path());
    });
    // Clocks may be five seconds apart, so this one has about three left.
    let mut ann = Client::connect(server.tcp());
    ann.says(&format!("AUTH token {}", sign(&json!({ "sub": "ann", "exp": in_seconds(-2) }))), "OK");
    let over = "-NOAUTH the token has run out; authenticate with a new one";
    until("the token to run out", || ann.ask("SKU.GET lamp"), |reply| reply == over);
    ann.says(&format!("AUTH token {}", token("ann")), "OK");
    ann.says("SKU.GET lamp", "nil");
}

#[test]
fn an_issuer_that_keeps_its_private_key_signs_by_eddsa() {
    let directory = tempfile::tempdir().unwrap();
    let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let public = directory.path().join("issuer.pub");
    std::fs::write(&public, pair.public_key_pem()).unwrap();
    let server = Server::start_with(|config| {
        with_users(config);
        config.tokens.algorithm = TokenAlgorithm::EdDsa;
        config.tokens.key_file = Some(public.clone());
    });
    let claims = json!({ "sub": "ann", "exp": in_seconds(60) });
    let key = EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
    let mut ann = Client::connect(server.tcp());
    ann.says(&format!("AUTH token {}", signed(Algorithm::EdDSA, &key, &claims)), "OK");
    // Whoever knows the public key can't use it as a shared secret.
    let confused = EncodingKey::from_secret(pair.public_key_pem().as_bytes());
    let reply = ann.ask(&format!("AUTH token {}", signed(Algorithm::HS256, &confused, &claims)));
    assert_eq!(reply, "-WRONGPASS the token is refused: it names another algorithm");

    // The program mints one for trials, with the issuer's private key.
    let (config, private) = (directory.path().join("tidegate.toml"), directory.path().join("issuer.key"));
    std::fs::write(&private, pair.serialize_pem()).unwrap();
    let text = format!("[tokens]\nalgorithm = 'EdDSA'\nkey_file = '{}'", public.display());
    std::fs::write(&config, text).unwrap();
    let (config, private) = (config.to_str().unwrap(), private.to_str().unwrap());
    let arguments = ["token", "--config", config, "--buyer", "bob", "--ttl", "60", "--key", private];
    let (code, minted, stderr) = run(&arguments);
    assert_eq!(code, Some(0), "{stderr}");
    ann.says(&format!("AUTH token {}", minted.trim()), "OK");
    assert!(ann.ask("CLIENT INFO").contains(" user=bob"));
    assert_eq!(run(&arguments[..7]).0, Some(1), "without the private key there is none");
}

#[test]
fn where_no_users_are_configured_a_token_narrows_what_a_connection_may() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_with(|config| with_tokens(config, directory.path()));
    server.client().says("REPORT lamp", "nil");
    as_buyer(server.tcp(), "ann").says("REPORT lamp", "-NOPERM a buyer does not have the role observer");
}

#[test]
fn a_key_that_can_not_be_used_keeps_the_server_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    let fails = |content: &[u8], algorithm| {
        std::fs::write(&key, content).unwrap();
        let data = tempfile::tempdir().unwrap();
        let started = Server::try_start_in(data.path(), |config| {
            config.tokens.algorithm = algorithm;
            config.tokens.key_file = Some(key.clone());
        });
        format!("{:#}", started.err().unwrap())
    };
    let short = fails(STANDARD.encode([7; 31]).as_bytes(), TokenAlgorithm::Hs256);
    assert!(short.contains("tokens.key_file: ") && short.contains("fewer than 32 bytes"), "{short}");
    assert!(fails(b"not base64!", TokenAlgorithm::Hs256).contains("is not base64"));
    assert!(fails(b"no pem", TokenAlgorithm::EdDsa).contains("is no Ed25519 public key in PEM"));
}
