//! Who may do what over WebSocket.

use std::time::Duration;

use serde_json::{Value, json};

use super::people::{as_user, in_seconds, sign, token, with_tokens, with_users};
use crate::common::{Server, Socket, document, until};

/// What came of a call, in a word.
fn word(came: Result<Value, Value>) -> String {
    let word = came.map_or_else(|error| error["data"]["code"].clone(), |result| result["status"].clone());
    word.as_str().unwrap_or("shown").to_owned()
}

fn reserve(buyer: &str) -> Value {
    json!({"sku": "lamp", "req": format!("r-{buyer}"), "buyer": buyer, "qty": 1})
}

/// A server with users, tokens and a lamp.
fn shop(directory: &tempfile::TempDir) -> Server {
    let server = Server::start_with(|config| {
        with_users(config);
        with_tokens(config, directory.path());
    });
    as_user(server.tcp(), "admin").says(&format!("SKU.PUT lamp {}", document(10, 1250, "")), "[CREATED]");
    server
}

#[test]
fn a_header_says_who_it_is_or_a_method_does() {
    let directory = tempfile::tempdir().unwrap();
    let server = shop(&directory);
    let with = |header: &str| Socket::try_connect(server.http(), &[("authorization", header)]);
    for header in ["Bearer storefront:wrong", "Bearer nonsense", "Digest x"] {
        assert_eq!(with(header).err(), Some(401), "{header}");
    }
    let mut storefront = with("Bearer storefront:storefront-secret").ok().unwrap();
    assert_eq!(word(storefront.call("order.reserve", reserve("ann"))), "RESERVED");
    assert_eq!(word(storefront.call("sku.pause", json!({"sku": "lamp"}))), "NOPERM");
    assert_eq!(word(storefront.call("subscribe", json!({"channels": ["buyer:ann"]}))), "SUBSCRIBED");

    let mut browser = Socket::connect(server.http());
    for (method, params) in
        [("sku.get", json!({"sku": "lamp"})), ("subscribe", json!({"channels": ["stock:{lamp}"]}))]
    {
        assert_eq!(word(browser.call(method, params)), "NOAUTH", "{method}");
    }
    assert_eq!(word(browser.call("auth", json!({"token": "admin:wrong"}))), "WRONGPASS");
    assert_eq!(word(browser.call("auth", json!({"token": "admin:admin-secret"}))), "OK");
    assert_eq!(word(browser.call("sku.pause", json!({"sku": "lamp"}))), "PAUSED");
    assert_eq!(word(browser.call("subscribe", json!({"channels": ["stock:{lamp}"]}))), "NOPERM");
    // In one batch it decides about what follows.
    let mut batch = Socket::connect(server.http());
    let request = |id: u64, method: &str, params: Value| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    batch.send(&json!([
        request(1, "sku.get", json!({"sku": "lamp"})),
        request(2, "auth", json!({"token": "storefront:storefront-secret"})),
        request(3, "sku.get", json!({"sku": "lamp"})),
    ]));
    let answers = batch.receive();
    assert_eq!(
        (&answers[0]["error"]["data"]["code"], &answers[2]["result"]["sku"]),
        (&json!("NOAUTH"), &json!("lamp"))
    );
}

#[test]
fn a_buyer_acts_for_itself_and_hears_of_itself() {
    let directory = tempfile::tempdir().unwrap();
    let server = shop(&directory);
    let mut shop = as_user(server.tcp(), "storefront");
    let others = shop.reserve("lamp", "r-bob", "bob", 1).order;
    let mut ann = Socket::connect(server.http());
    assert_eq!(word(ann.call("auth", json!({"token": token("ann")}))), "OK");
    let own = ann.call("order.reserve", reserve("ann")).unwrap()["order"].clone();
    assert_eq!(ann.call("order.get", json!({"order": own})).unwrap()["buyer"], "ann");
    assert_eq!(word(ann.call("order.reserve", reserve("eve"))), "NOPERM");
    assert_eq!(word(ann.call("order.get", json!({"order": others}))), "NOPERM");
    assert_eq!(word(ann.call("order.cancel", json!({"order": others, "req": "c"}))), "NOPERM");
    assert_eq!(word(ann.call("subscribe", json!({"channels": ["price:{lamp}", "buyer:bob"]}))), "NOPERM");
    assert_eq!(word(ann.call("subscribe", json!({"channels": ["price:{lamp}", "buyer:ann"]}))), "SUBSCRIBED");
    shop.says("ORDER.CANCEL {lamp}:o:2 c", "[CANCELLED]");
    assert_eq!(ann.receive()["params"]["data"]["type"], "order.cancelled");
}

#[test]
fn a_token_that_runs_out_ends_what_is_pushed() {
    let directory = tempfile::tempdir().unwrap();
    let server = shop(&directory);
    let mut ann = Socket::connect(server.http());
    let brief = sign(&json!({ "sub": "ann", "exp": in_seconds(2) }));
    assert_eq!(word(ann.call("auth", json!({ "token": brief }))), "OK");
    assert_eq!(word(ann.call("subscribe", json!({"channels": ["buyer:ann"]}))), "SUBSCRIBED");
    let look = json!({"sku": "lamp"});
    until("the end of the token", || word(ann.call("sku.get", look.clone())), |word| word == "NOAUTH");
    as_user(server.tcp(), "storefront").reserve("lamp", "r-ann", "ann", 1);
    let (messages, close) = ann.rest();
    assert!(messages.is_empty(), "{messages:?}");
    let (code, reason) = close.unwrap();
    assert!(code == 1008 && reason.contains("token has run out"), "{code} {reason}");
}

#[test]
fn whoever_does_not_say_who_it_is_is_not_waited_for() {
    let server = Server::start_with(|config| {
        with_users(config);
        config.logins.timeout_ms = Duration::from_millis(200);
    });
    let mut known =
        Socket::try_connect(server.http(), &[("authorization", "Bearer admin:admin-secret")]).ok().unwrap();
    let mut stranger = Socket::connect(server.http());
    let (code, reason) = stranger.rest().1.unwrap();
    assert!(code == 1008 && reason.contains("logins.timeout_ms"), "{code} {reason}");
    assert_eq!(word(known.call("sku.resume", json!({"sku": "lamp"}))), "NOT_FOUND");
}

#[test]
fn the_status_is_for_who_watches_over_the_sale() {
    let directory = tempfile::tempdir().unwrap();
    let server = shop(&directory);
    let subscribe = |token: &str, channels: &[&str]| {
        let mut socket = Socket::connect(server.http());
        assert_eq!(word(socket.call("auth", json!({ "token": token }))), "OK");
        word(socket.call("subscribe", json!({ "channels": channels })))
    };
    let buyer = token("ann");
    for (who, expected) in [
        ("observer:observer-secret", "SUBSCRIBED"),
        ("admin:admin-secret", "SUBSCRIBED"),
        ("storefront:storefront-secret", "NOPERM"),
        (&*buyer, "NOPERM"),
    ] {
        assert_eq!(subscribe(who, &["status"]), expected, "{who}");
    }
    assert_eq!(subscribe("observer:observer-secret", &["status", "stock:{lamp}"]), "NOPERM");
    assert_eq!(
        word(Socket::connect(server.http()).call("subscribe", json!({"channels": ["status"]}))),
        "NOAUTH"
    );
    let mut storefront = as_user(server.tcp(), "storefront");
    assert!(storefront.ask("SUBSCRIBE status").starts_with("-NOPERM"));
}
