//! What happens is told over WebSocket to whoever subscribed to it.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

mod common;

use common::{PATIENCE, Server, Socket, document};
use serde_json::{Value as Json, json};

fn subscribe(socket: &mut Socket, channels: &[&str]) -> Vec<Json> {
    let answer = socket.call("subscribe", json!({ "channels": channels })).unwrap();
    assert_eq!(answer["status"], "SUBSCRIBED");
    answer["snapshots"].as_array().unwrap().clone()
}

/// The next push: its channel, number and data.
fn pushed(socket: &mut Socket) -> (String, u64, Json) {
    let message = socket.receive();
    assert_eq!(message["method"], "subscription", "{message}");
    let params = &message["params"];
    (params["channel"].as_str().unwrap().to_owned(), params["seq"].as_u64().unwrap(), params["data"].clone())
}

#[test]
fn a_snapshot_and_then_what_changes() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("SKU.PUT lamp {}", document(5, 1250, "")), "[CREATED]");
    let mut socket = Socket::connect(server.http());
    let snapshots = subscribe(&mut socket, &["stock:{lamp}", "price:{lamp}", "buyer:ann"]);
    let channels: Vec<&Json> = snapshots.iter().map(|snapshot| &snapshot["channel"]).collect();
    assert_eq!(channels, ["stock:{lamp}", "price:{lamp}", "buyer:ann"]);
    assert!(
        snapshots.iter().all(|snapshot| snapshot["seq"] == 1 && snapshot["data"]["server_time"].is_string())
    );
    assert_eq!(
        (&snapshots[0]["data"]["available"], &snapshots[1]["data"]["price"]),
        (&json!(5), &json!(1250))
    );

    client.reserve("lamp", "r1", "ann", 2);
    let mut told = [pushed(&mut socket), pushed(&mut socket)];
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let [(buyer, buyer_seq, order), (stock, stock_seq, counts)] = told;
    assert_eq!((&*buyer, buyer_seq, &*stock, stock_seq), ("buyer:ann", 2, "stock:{lamp}", 2));
    assert_eq!(
        (&order["type"], &order["state"], &order["qty"]),
        (&json!("order.reserved"), &json!("RESERVED"), &json!(2))
    );
    assert_eq!((&counts["available"], &counts["reserved"]), (&json!(3), &json!(2)));

    let left = socket.call("unsubscribe", json!({"channels": ["stock:{lamp}"]})).unwrap();
    assert_eq!(left, json!({"status": "UNSUBSCRIBED", "left": 2}));
    client.says("ORDER.CANCEL {lamp}:o:1 c", "[CANCELLED]");
    let (channel, seq, data) = pushed(&mut socket);
    assert_eq!((&*channel, seq, &data["type"]), ("buyer:ann", 3, &json!("order.cancelled")));
    assert_eq!(socket.call("unsubscribe", json!({})).unwrap()["left"], 0);
    client.reserve("lamp", "r2", "ann", 1);
    assert_eq!(
        socket.call("sku.get", json!({"sku": "lamp"})).unwrap()["available"],
        4,
        "and no push before it"
    );
}

#[test]
fn what_is_no_channel_is_refused_as_a_whole() {
    let server = Server::start_with(|config| config.push.max_channels_per_connection = 2);
    let mut socket = Socket::connect(server.http());
    for (params, message) in [
        (json!({}), "channels: is missing"),
        (json!({"channels": []}), "channels: must be a list"),
        (json!({"channels": ["stock:{lamp}", 7]}), "channels[1]: must be a string"),
        (json!({"channels": ["stock:{lamp}", "lamp"]}), "channels[1]: no such channel"),
        (json!({"channel": "stock:{lamp}"}), "channel: subscribe has no such parameter"),
    ] {
        let error = socket.call("subscribe", params).unwrap_err();
        assert_eq!(error["code"], -32602, "{error}");
        assert!(error["message"].as_str().unwrap().contains(message), "{error}");
    }
    let three = json!({"channels": ["stock:{a}", "stock:{b}", "stock:{c}"]});
    let error = socket.call("subscribe", three).unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("push.max_channels_per_connection"), "{error}");
    assert_eq!(socket.call("unsubscribe", json!({})).unwrap()["left"], 0);
}

/// Reserves and cancels, so often that the news fit no buffer on the way.
fn make_news(server: &Server, orders: usize) {
    let mut client = server.client();
    client.says(&format!("SKU.PUT lamp {}", document(1_000_000, 1250, "")), "[CREATED]");
    for round in 0..orders / 500 {
        let lines: Vec<String> =
            (0..500).map(|at| format!("ORDER.RESERVE lamp r-{round}-{at} ann 1")).collect();
        client.pipeline(&lines);
    }
}

#[test]
fn a_reader_too_slow_for_the_news_of_a_buyer_is_closed_and_may_come_again() {
    // It may take long until it reads, and is to be told then.
    let server = Server::start_with(|config| config.ws.write_timeout_ms = PATIENCE);
    let mut slow = Socket::connect_narrow(server.http());
    subscribe(&mut slow, &["buyer:ann"]);
    make_news(&server, 30_000);
    let (messages, close) = slow.rest();
    let (code, reason) = close.unwrap();
    assert_eq!(code, 1013, "{reason}");
    assert!(reason.contains("push.queue_length"), "{reason}");
    // Up to there nothing is missing.
    let numbers: Vec<u64> =
        messages.iter().map(|message| message["params"]["seq"].as_u64().unwrap()).collect();
    assert!(numbers.len() < 30_000);
    assert!(numbers.iter().enumerate().all(|(at, seq)| *seq == at as u64 + 2));
}

#[test]
fn a_reader_too_slow_for_a_stock_gets_the_latest() {
    let server = Server::start_with(|config| config.push.interval_ms = std::time::Duration::from_millis(1));
    let mut slow = Socket::connect_narrow(server.http());
    let skus: Vec<String> = (0..200).map(|at| format!("stock:{{lamp-{at}}}")).collect();
    let skus: Vec<&str> = skus.iter().map(String::as_str).chain(["stock:{lamp}"]).collect();
    subscribe(&mut slow, &skus);
    make_news(&server, 2_000);
    let mut seq = 1;
    loop {
        let (channel, next, data) = pushed(&mut slow);
        assert_eq!((&*channel, next), ("stock:{lamp}", seq + 1));
        seq = next;
        if data["reserved"] == 2_000 {
            break;
        }
    }
}
