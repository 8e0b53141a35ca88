//! Codes and serials over real sockets: each to one buyer, and the same ones again after a kill.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use common::{Client, Process, Server};

fn put(client: &mut Client, sku: &str, more: &str) {
    let document = format!(r#"{{"title":"Game","currency":"EUR","price":{{"fixed":500}},{more}}}"#);
    client.says(&format!("SKU.PUT {sku} {document}"), "[CREATED]");
}

const CODES: &str = r#""fulfilment":{"codes":["AAA","BBB","CCC"]}"#;

#[test]
fn codes_outlive_a_kill_and_none_is_given_twice() {
    let dir = tempfile::tempdir().unwrap();
    let first = Process::start(dir.path());
    let mut client = first.client();
    put(&mut client, "game", CODES);
    assert_eq!(client.books("game"), "total=3 available=3 reserved=0 sold=0");
    client.reserve("game", "r1", "ann", 2);
    client.reserve("game", "r1", "bob", 1);
    client.says("ORDER.PAY {game}:o:2 p 500 pay-2", "[PAID {game}:o:2 AAA]");
    client.says("ORDER.PAY {game}:o:1 p 1000 pay-1", "[PAID {game}:o:1 BBB CCC]");
    first.kill();

    let second = Process::start(dir.path());
    let mut client = second.client();
    client.says("ORDER.PAY {game}:o:1 p 1000 pay-1", "[PAID {game}:o:1 BBB CCC]");
    client.says("ORDER.PAY {game}:o:2 p2 500 pay-2", "[PAID {game}:o:2 AAA]");
    client.says("ORDER.REFUND {game}:o:2 f RESTOCK", "[REFUNDED]");
    assert_eq!(client.books("game"), "total=3 available=0 reserved=0 sold=3", "a code that was seen is gone");
    client.says("ORDER.RESERVE game r2 cyd 1", "[SOLD_OUT]");
    let told = client.ask("SKU.RESTOCK game r1 5");
    assert!(told.starts_with("-ERR fulfilment: "), "{told}");
    for shown in ["SKU.GET game", "REPORT game", "ORDER.GET {game}:o:1"] {
        let shown = client.ask(shown);
        assert!(!shown.contains("AAA") && !shown.contains("BBB"), "{shown}");
    }
}

#[test]
fn a_serial_that_comes_back_is_given_again() {
    let server = Server::start();
    let mut client = server.client();
    put(&mut client, "print", r#""stock":3,"fulfilment":{"numbered":true}"#);
    for (number, buyer) in [(1, "ann"), (2, "bob")] {
        client.reserve("print", "r1", buyer, 1);
        client.says(
            &format!("ORDER.PAY {{print}}:o:{number} p 500 pay-{number}"),
            &format!("[PAID {{print}}:o:{number} {number}]"),
        );
    }
    client.says("ORDER.REFUND {print}:o:1 f RESTOCK", "[REFUNDED]");
    client.reserve("print", "r1", "cyd", 2);
    client.says("ORDER.PAY {print}:o:3 p 1000 pay-3", "[PAID {print}:o:3 1 3]");
    client.says("SKU.RESTOCK print r1 1", "[RESTOCKED 1]");
    client.reserve("print", "r1", "dan", 1);
    client.says("ORDER.PAY {print}:o:4 p 500 pay-4", "[PAID {print}:o:4 4]");
    let other =
        client.ask(r#"SKU.PUT print {"title":"Print","stock":3,"currency":"EUR","price":{"fixed":500}}"#);
    assert!(other.starts_with("-ERR fulfilment: fixed after the first order"), "{other}");
}

#[test]
fn in_a_room_they_are_given_when_it_has_succeeded() {
    let server = Server::start();
    let mut client = server.client();
    let tiers = r#""group_buy":{"tiers":[{"members":2,"percent_off":10}]}"#;
    put(&mut client, "game", &format!("{CODES},{tiers}"));
    client.ask("ROOM.OPEN game r1 ann 1");
    client.ask("ROOM.JOIN {game}:r:1 r1 bob 1");
    client.says("ORDER.PAY {game}:o:1 p 450 pay-1", "[PAID {game}:o:1]");
    client.says("ORDER.PAY {game}:o:2 p 450 pay-2", "[PAID {game}:o:2 BBB]");
    client.says("ORDER.PAY {game}:o:1 p 450 pay-1", "[PAID {game}:o:1 AAA]");
}

#[test]
fn long_answers_asked_for_again_and_again_cost_little() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tidegate.toml");
    std::fs::write(&config, "[limits]\noutput_buffer_bytes = 65536\n").unwrap();
    let mut process =
        Process::start_listening(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    process.wait_for("ready");
    let mut client = process.client();
    put(&mut client, "print", r#""stock":1000000,"fulfilment":{"numbered":true}"#);
    client.says("ORDER.RESERVE print r1 ann 1001", "[LIMIT 1000]");
    client.reserve("print", "r1", "ann", 1000);
    let first = client.ask("ORDER.PAY {print}:o:1 p 500000 pay-1");
    assert!(first.starts_with("[PAID {print}:o:1 1 2 3 ") && first.ends_with(" 999 1000]"), "{first:.80}");
    let resident = |client: &mut Client| -> u64 {
        let text = client.ask("INFO memory");
        let line = text.split("\\r\\n").find_map(|line| line.strip_prefix("used_memory_rss:"));
        line.unwrap().parse().unwrap()
    };
    let before = resident(&mut client);
    let mut greedy = process.client();
    let mut reader = greedy.twin();
    let asks = "*5\r\n$9\r\nORDER.PAY\r\n$11\r\n{print}:o:1\r\n$1\r\np\r\n$6\r\n500000\r\n$5\r\npay-1\r\n"
        .repeat(3_000);
    let writing = std::thread::spawn(move || greedy.write(asks.as_bytes()).unwrap());
    for _ in 0..3_000 {
        assert_eq!(reader.reply().items().len(), 1_002);
    }
    writing.join().unwrap();
    let grown = resident(&mut client).saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");
}
