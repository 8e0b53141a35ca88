//! Ladders and dynamic prices over real sockets.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use common::{Process, Server, now, until};

fn priced(price: &str, more: &str) -> String {
    format!(r#"{{"title":"Lamp","stock":10,"currency":"EUR","price":{price}{more}}}"#)
}

const SHOWN: [&str; 3] = ["price", "next_price", "next_price_at"];

#[test]
fn a_ladder_is_shown_and_sold_at_the_price_of_the_moment() {
    let server = Server::start();
    let mut client = server.client();
    // Two and a half hours into it.
    let start = now() - 9_000_000;
    let ladder = r#"{"ladder":{"market":10000,"start_percent":120,"cost":8000,"floor_percent":110,"step_percent":5,"every_s":3600}}"#;
    client
        .says(&format!("SKU.PUT lamp {}", priced(ladder, &format!(r#","starts_at":{start}"#))), "[CREATED]");
    let shown = format!("price=10800 next_price=10200 next_price_at={}", start + 3 * 3_600_000);
    assert_eq!(client.fields("SKU.GET lamp", &SHOWN), shown);
    assert_eq!(client.reserve("lamp", "r1", "ann", 2).amount, 21_600);
    client.says("ORDER.RESERVE lamp r2 bob 1 MAXPRICE 10799", "[PRICE_CHANGED 10800]");
    let told = client.ask("SKU.REPRICE lamp r1 9000");
    assert!(told.starts_with("-ERR price: this SKU has no dynamic price"), "{told}");
    let other = client.ask(&format!("SKU.PUT lamp {}", priced(r#"{"fixed":1}"#, "")));
    assert_eq!(other, "-ERR price: fixed after the first order");
}

#[test]
fn a_ladder_steps_down_by_itself() {
    let server = Server::start();
    let mut client = server.client();
    let ladder = r#"{"ladder":{"start":100,"floor":98,"step_amount":1,"every_s":1}}"#;
    client.says(&format!("SKU.PUT lamp {}", priced(ladder, "")), "[CREATED]");
    let shown = || client.fields("SKU.GET lamp", &SHOWN);
    until("the floor", shown, |shown| shown == "price=98 next_price=nil next_price_at=nil");
    assert_eq!(client.fields("SKU.GET lamp", &["seq"]), "seq=1", "nothing happened but time");
}

#[test]
fn a_moved_price_outlives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let first = Process::start(dir.path());
    let mut client = first.client();
    let dynamic = r#"{"dynamic":{"initial":9900,"floor":8000,"ceiling":12000,"max_step_percent":10}}"#;
    client.says(&format!("SKU.PUT lamp {}", priced(dynamic, "")), "[CREATED]");
    client.says("SKU.REPRICE lamp r1 10500", "[REPRICED 10500]");
    client.says("SKU.REPRICE lamp r2 13000", "[OUT_OF_BOUNDS 8000 12000]");
    client.says("SKU.REPRICE lamp r2 9000", "[OUT_OF_BOUNDS 9450 11550]");
    client.says(
        "SKU.REPRICE lamp r1 10600",
        "-IDEMPREUSE this request id was used before with other arguments; use a new one",
    );
    client.says("SKU.REPRICE nothing r1 10600", "[NOT_FOUND]");
    first.kill();
    let second = Process::start(dir.path());
    let mut client = second.client();
    assert_eq!(client.fields("SKU.GET lamp", &SHOWN), "price=10500 next_price=nil next_price_at=nil");
    client.says("SKU.REPRICE lamp r1 10500", "[REPRICED 10500]");
    assert_eq!(client.reserve("lamp", "r1", "ann", 1).amount, 10_500);
}
