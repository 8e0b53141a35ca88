//! Whoever watches over the sale subscribes to the status, and asks for nothing again.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

mod common;

use common::{Server, Socket, document};
use serde_json::{Value as Json, json};

/// Subscribes; how it stands.
fn watch(socket: &mut Socket) -> Json {
    let answer = socket.call("subscribe", json!({"channels": ["status"]})).unwrap();
    answer["snapshots"][0]["data"].clone()
}

/// Listens until the status is like this.
fn hear(socket: &mut Socket, is_wanted: impl Fn(&Json) -> bool) -> Json {
    loop {
        let message = socket.receive();
        assert_eq!(message["params"]["channel"], "status", "{message}");
        let data = &message["params"]["data"];
        if is_wanted(data) {
            return data.clone();
        }
    }
}

#[test]
fn the_status_is_told_with_the_rates_since_and_the_busiest_skus() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("SKU.PUT quiet {}", document(5, 1250, "")), "[CREATED]");
    client.says(&format!("SKU.PUT busy {}", document(3, 1250, "")), "[CREATED]");
    let mut socket = Socket::connect(server.http());
    let first = watch(&mut socket);
    assert_eq!(first["rates"], Json::Null, "there was no look before");
    assert_eq!(first["status"]["readiness"]["state"], "ready");
    assert_eq!((&first["stock"]["skus"], &first["stock"]["available"]), (&json!(2), &json!(8)));

    for req in ["r1", "r2", "r3"] {
        client.reserve("busy", req, "ann", 1);
    }
    client.says("ORDER.RESERVE busy r4 ann 1", "[SOLD_OUT]");
    let told = hear(&mut socket, |told| told["stock"]["sold_out"] == 1);
    assert_eq!((&told["skus"][0]["sku"], &told["skus"][0]["available"]), (&json!("busy"), &json!(0)));
    assert!(told["skus"][0]["changes_per_second"].as_u64().unwrap() > 0, "{told}");
    assert_eq!(told["skus"][1]["changes_per_second"], 0);
    let quiet = hear(&mut socket, |told| told["rates"]["requests"] == 0);
    assert_eq!(quiet["rates"]["outcomes"], json!({}), "rates are of the last second alone");
    assert_eq!(quiet["status"]["commands"]["ORDER.RESERVE"]["count"], 4, "counts are since the start");
}

#[test]
fn rooms_are_counted_and_the_next_steps_of_prices_are_told() {
    let server = Server::start();
    let mut client = server.client();
    let group = r#","group_buy":{"tiers":[{"members":2,"percent_off":10}]}"#;
    client.says(&format!("SKU.PUT kettle {}", document(9, 1000, group)), "[CREATED]");
    let ladder = |every_s| {
        format!(
            r#"{{"title":"Lamp","stock":9,"currency":"EUR","price":{{"ladder":{{"start":900,"floor":500,"step_amount":100,"every_s":{every_s}}}}}}}"#
        )
    };
    client.says(&format!("SKU.PUT later {}", ladder(7200)), "[CREATED]");
    client.says(&format!("SKU.PUT sooner {}", ladder(3600)), "[CREATED]");
    for (room, buyers) in [(1, ["ann", "bob"]), (2, ["cat", "dan"])] {
        client.ask(&format!("ROOM.OPEN kettle r {} 1", buyers[0]));
        client.ask(&format!("ROOM.JOIN {{kettle}}:r:{room} r {} 1", buyers[1]));
    }
    client.says("ORDER.PAY {kettle}:o:1 p 900 pay-1", "[PAID {kettle}:o:1]");
    client.says("ORDER.PAY {kettle}:o:2 p 900 pay-2", "[PAID {kettle}:o:2]");
    let mut socket = Socket::connect(server.http());
    let told = watch(&mut socket);
    assert_eq!(told["rooms"], json!({"forming": 1, "succeeded": 1, "failed": 0}));
    let steps = told["steps"].as_array().unwrap();
    let names: Vec<&Json> = steps.iter().map(|step| &step["sku"]).collect();
    assert_eq!(names, ["sooner", "later"]);
    assert_eq!(
        [&steps[0]["price"], &steps[0]["next_price"], &steps[0]["start"], &steps[0]["floor"]],
        [900, 800, 900, 500]
    );
}

#[test]
fn who_comes_later_begins_with_how_it_stands_then() {
    let server = Server::start();
    let mut client = server.client();
    let mut early = Socket::connect(server.http());
    assert_eq!(watch(&mut early)["stock"]["skus"], 0);
    assert_eq!(early.call("unsubscribe", json!({})).unwrap()["left"], 0);
    client.says(&format!("SKU.PUT lamp {}", document(5, 1250, "")), "[CREATED]");
    let mut late = Socket::connect(server.http());
    assert_eq!(watch(&mut late)["stock"]["skus"], 1);
}
