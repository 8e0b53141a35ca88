//! Units in stores over real sockets: the nearest that has them, and again after a kill.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use common::{Client, Process, Server};

/// Two in Shanghai, three in Suzhou (84 km off), none in Beijing.
const STORES: &str = r#"[{"id":"bund","lat":31.2304,"lon":121.4737,"stock":2},{"id":"suzhou","lat":31.2989,"lon":120.5853,"stock":3},{"id":"beijing","lat":39.9042,"lon":116.4074,"stock":0}]"#;

fn put(client: &mut Client) {
    let document =
        format!(r#"{{"title":"Lamp","currency":"CNY","price":{{"fixed":500}},"stores":{STORES}}}"#);
    client.says(&format!("SKU.PUT lamp {document}"), "[CREATED]");
}

/// The store that a reservation from the middle of Shanghai gets, or what else it is told.
fn from_shanghai(client: &mut Client, req: &str, buyer: &str, qty: u32, within: &str) -> String {
    let told = client.value(&format!("ORDER.RESERVE lamp {req} {buyer} {qty} AT 31.23 121.47{within}"));
    match told.items() {
        [word, .., store] if word.as_str() == Some("RESERVED") => store.as_str().unwrap().to_owned(),
        _ => common::show(&told),
    }
}

#[test]
fn the_nearest_store_that_has_enough_hands_out() {
    let server = Server::start();
    let mut client = server.client();
    put(&mut client);
    assert_eq!(
        client.fields("SKU.GET lamp", &["available", "stores"]),
        "available=5 stores=[[bund 2] [suzhou 3] [beijing 0]]"
    );
    assert_eq!(from_shanghai(&mut client, "r1", "ann", 1, ""), "bund");
    assert_eq!(from_shanghai(&mut client, "r1", "ann", 1, ""), "bund", "the same request");
    let other = client.ask("ORDER.RESERVE lamp r1 ann 1 AT 31.23 121.48");
    assert!(other.starts_with("-IDEMPREUSE "), "{other}");
    assert_eq!(from_shanghai(&mut client, "r2", "ann", 2, ""), "suzhou", "enough in one store");
    assert_eq!(from_shanghai(&mut client, "r3", "ann", 1, " WITHIN 5000"), "bund");
    assert_eq!(from_shanghai(&mut client, "r4", "ann", 1, " WITHIN 80000"), "[NO_STORE]");
    assert_eq!(from_shanghai(&mut client, "r4", "ann", 2, " WITHIN 90000"), "[SOLD_OUT]");
    assert_eq!(from_shanghai(&mut client, "r4", "ann", 1, " WITHIN 90000"), "suzhou");
    assert_eq!(client.fields("ORDER.GET {lamp}:o:2", &["store", "qty"]), "store=suzhou qty=2");
    let counts = "stores=[[bund 2 0 2 0] [suzhou 3 0 3 0] [beijing 0 0 0 0]] balanced=1";
    assert_eq!(client.fields("REPORT lamp", &["stores", "balanced"]), counts);

    // New units say where they are.
    assert!(client.ask("SKU.RESTOCK lamp s1 5").starts_with("-ERR STORE: say which"));
    assert!(client.ask("SKU.RESTOCK lamp s1 5 STORE moon").starts_with("-ERR STORE: this SKU has no store"));
    client.says("SKU.RESTOCK lamp s1 5 STORE beijing", "[RESTOCKED 5]");
    client.says("SKU.RESTOCK lamp s2 -6 STORE beijing", "[INSUFFICIENT 5]");
    // Without a place, the store with most.
    let told = client.reserve("lamp", "r5", "ann", 1);
    assert_eq!(client.fields(&format!("ORDER.GET {}", told.order), &["store"]), "store=beijing");
    client.says("ORDER.CANCEL {lamp}:o:1 c", "[CANCELLED]");
    assert_eq!(client.fields("SKU.GET lamp", &["stores"]), "stores=[[bund 1] [suzhou 0] [beijing 4]]");
}

#[test]
fn a_sku_without_stores_is_near_nobody() {
    let server = Server::start();
    let mut client = server.client();
    client
        .says(r#"SKU.PUT mug {"title":"Mug","stock":5,"currency":"CNY","price":{"fixed":500}}"#, "[CREATED]");
    client.says("ORDER.RESERVE mug r1 ann 1 AT 31.23 121.47", "[NO_STORE]");
    assert!(client.ask("SKU.RESTOCK mug s1 5 STORE bund").starts_with("-ERR STORE: this SKU has no stores"));
    let told = client.ask(&format!(
        r#"SKU.PUT mug {{"title":"Mug","currency":"CNY","price":{{"fixed":500}},"stores":{STORES}}}"#
    ));
    assert!(told.starts_with("-ERR stores: fixed when the SKU was created"), "{told}");
    assert!(!client.ask("SKU.GET mug").contains("stores") && !client.ask("REPORT mug").contains("stores"));
}

#[test]
fn stores_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let first = Process::start(dir.path());
    let mut client = first.client();
    put(&mut client);
    assert_eq!(from_shanghai(&mut client, "r1", "ann", 1, ""), "bund");
    assert_eq!(from_shanghai(&mut client, "r1", "bob", 2, ""), "suzhou");
    client.says("ORDER.PAY {lamp}:o:1 p 500 pay-1", "[PAID {lamp}:o:1]");
    client.says("SKU.RESTOCK lamp s1 5 STORE beijing", "[RESTOCKED 5]");
    let books = client.ask("REPORT lamp");
    first.kill();

    let second = Process::start(dir.path());
    let mut client = second.client();
    assert_eq!(client.ask("REPORT lamp"), books);
    assert_eq!(from_shanghai(&mut client, "r1", "ann", 1, ""), "bund");
    client.says("ORDER.REFUND {lamp}:o:1 f RESTOCK", "[REFUNDED]");
    assert_eq!(client.fields("SKU.GET lamp", &["stores"]), "stores=[[bund 2] [suzhou 1] [beijing 5]]");
}
