//! Group-buy over real sockets: a room that fills up, and rooms that outlive the server.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use common::{Client, Process, Server, document, until};

/// Ten percent off for two, twenty for three; 100.00 a unit.
fn group_document(more: &str) -> String {
    let tiers = r#"[{"members":2,"percent_off":10},{"members":3,"percent_off":20}]"#;
    document(10, 10_000, &format!(r#","group_buy":{{"tiers":{tiers}{more}}}"#))
}

fn put(client: &mut Client, more: &str) {
    client.says(&format!("SKU.PUT lamp {}", group_document(more)), "[CREATED]");
}

/// An answer without its last number, which is a time.
fn without_time(answer: &str) -> String {
    answer.rsplit_once(' ').map_or(answer, |(rest, _)| rest).to_owned()
}

const SHOWN: [&str; 7] =
    ["state", "leader", "paid_members", "tier_members", "unit_price", "next_tier_members", "next_unit_price"];

#[test]
fn three_buy_together_and_get_the_difference_back() {
    let server = Server::start();
    let mut client = server.client();
    put(&mut client, "");
    let opened = client.ask("ROOM.OPEN lamp r1 ann 1");
    assert_eq!(without_time(&opened), "[OPENED {lamp}:r:1 {lamp}:o:1 9000");
    assert_eq!(client.ask("ROOM.OPEN lamp r1 ann 1"), opened, "the same request again");
    client.says("ORDER.PAY {lamp}:o:1 p 9000 pay-1", "[PAID {lamp}:o:1]");
    let joined = client.ask("ROOM.JOIN {lamp}:r:1 r1 bob 1");
    assert_eq!(without_time(&joined), "[JOINED {lamp}:o:2 9000 2");
    assert_eq!(
        client.fields("ROOM.GET {lamp}:r:1", &SHOWN),
        "state=FORMING leader=ann paid_members=1 tier_members=2 unit_price=9000 next_tier_members=3 \
         next_unit_price=8000"
    );
    client.says("ROOM.JOIN {lamp}:r:1 r2 bob 1", "[ALREADY_MEMBER]");
    client.says("ORDER.PAY {lamp}:o:2 p 9000 pay-2", "[PAID {lamp}:o:2]");
    assert_eq!(without_time(&client.ask("ROOM.JOIN {lamp}:r:1 r1 cyd 1")), "[JOINED {lamp}:o:3 8000 3");
    client.says("ROOM.JOIN {lamp}:r:1 r1 dan 1", "[FULL]");
    client.says("ORDER.PAY {lamp}:o:3 p 8000 pay-3", "[PAID {lamp}:o:3]");
    assert_eq!(
        client.fields("ROOM.GET {lamp}:r:1", &SHOWN),
        "state=SUCCEEDED leader=ann paid_members=3 tier_members=3 unit_price=8000 next_tier_members=nil \
         next_unit_price=nil"
    );
    assert_eq!(
        client.fields("ROOM.GET {lamp}:r:1", &["members"]),
        "members=[[ann {lamp}:o:1 1] [bob {lamp}:o:2 1] [cyd {lamp}:o:3 1]]"
    );
    let order = ["state", "unit_price", "amount", "discounts", "room"];
    assert_eq!(
        client.fields("ORDER.GET {lamp}:o:1", &order),
        "state=PAID unit_price=10000 amount=8000 discounts=[[tier 2000]] room={lamp}:r:1"
    );
    client.says("ROOM.JOIN {lamp}:r:1 r1 dan 1", "[CLOSED]");
    assert_eq!(client.ask("ROOM.JOIN {lamp}:r:1 r1 bob 1"), joined, "what was answered stays so");
    assert_eq!(client.books("lamp"), "total=10 available=7 reserved=0 sold=3");
    assert_eq!(client.fields("REPORT lamp", &["balanced"]), "balanced=1");
}

#[test]
fn a_room_closes_by_the_clock_and_everybody_gets_everything_back() {
    let server = Server::start();
    let mut client = server.client();
    put(&mut client, r#","room_ttl_s":1"#);
    client.ask("ROOM.OPEN lamp r1 ann 1");
    client.says("ORDER.PAY {lamp}:o:1 p 9000 pay-1", "[PAID {lamp}:o:1]");
    client.ask("ROOM.JOIN {lamp}:r:1 r1 bob 2");
    let state = || client.fields("ROOM.GET {lamp}:r:1", &["state"]);
    until("the room to close", state, |state| state == "state=FAILED");
    assert_eq!(client.fields("ORDER.GET {lamp}:o:1", &["state"]), "state=REFUND_DUE");
    assert_eq!(client.fields("ORDER.GET {lamp}:o:2", &["state"]), "state=EXPIRED");
    client.says("ORDER.PAY {lamp}:o:2 p 18000 pay-2", "[REFUND_DUE {lamp}:o:2]");
    assert_eq!(client.books("lamp"), "total=10 available=10 reserved=0 sold=0");
}

#[test]
fn what_is_no_room_is_told_so() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("SKU.PUT lamp {}", document(10, 10_000, "")), "[CREATED]");
    client.says("ROOM.OPEN nothing r1 ann 1", "[NOT_FOUND]");
    let none = client.ask("ROOM.OPEN lamp r1 ann 1");
    assert!(none.contains("this SKU has no group_buy"), "{none}");
    for room in ["{lamp}:r:1", "{lamp}:r:0", "{lamp}:o:1", "{nothing}:r:1", "lamp"] {
        client.says(&format!("ROOM.JOIN {room} r1 ann 1"), "[NOT_FOUND]");
        client.says(&format!("ROOM.GET {room}"), "nil");
    }
    assert_eq!(client.books("lamp"), "total=10 available=10 reserved=0 sold=0");
}

#[test]
fn rooms_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let first = Process::start(dir.path());
    let mut client = first.client();
    put(&mut client, "");
    let opened = client.ask("ROOM.OPEN lamp r1 ann 1");
    client.says("ORDER.PAY {lamp}:o:1 p 9000 pay-1", "[PAID {lamp}:o:1]");
    let joined = client.ask("ROOM.JOIN {lamp}:r:1 r1 bob 1");
    client.ask("ROOM.OPEN lamp r1 eve 1");
    client.ask("ORDER.CANCEL {lamp}:o:3 c1");
    let rooms = |client: &mut Client| [1, 2].map(|n| client.ask(&format!("ROOM.GET {{lamp}}:r:{n}")));
    let before = rooms(&mut client);
    assert!(before[0].contains("FORMING") && before[1].contains("FAILED"), "{before:?}");
    first.kill();

    let second = Process::start(dir.path());
    let mut client = second.client();
    assert_eq!(rooms(&mut client), before);
    assert_eq!(client.ask("ROOM.OPEN lamp r1 ann 1"), opened);
    assert_eq!(client.ask("ROOM.JOIN {lamp}:r:1 r1 bob 1"), joined);
    client.says("ORDER.PAY {lamp}:o:2 p 9000 pay-2", "[PAID {lamp}:o:2]");
    assert_eq!(without_time(&client.ask("ROOM.JOIN {lamp}:r:1 r1 cyd 1")), "[JOINED {lamp}:o:4 8000 3");
    client.says("ORDER.PAY {lamp}:o:4 p 8000 pay-3", "[PAID {lamp}:o:4]");
    assert_eq!(client.fields("ROOM.GET {lamp}:r:1", &["state"]), "state=SUCCEEDED");
    assert_eq!(client.books("lamp"), "total=10 available=7 reserved=0 sold=3");
}
