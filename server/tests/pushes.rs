//! Pushes over real sockets, as Redis has them: what happens is told to whoever subscribed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod common;

use common::{Client, Server, document, now, show, until};
use serde_json::Value;
use tidegate_protocol::resp::Value as Reply;

/// The next message, as channel and payload.
#[track_caller]
fn message(client: &mut Client) -> (String, Value) {
    let pushed = client.reply();
    let [kind, channel, payload] = pushed.items() else { panic!("{} is no message", show(&pushed)) };
    assert_eq!(kind.as_str(), Some("message"), "{}", show(&pushed));
    let payload = serde_json::from_str(payload.as_str().unwrap()).unwrap();
    (channel.as_str().unwrap().to_owned(), payload)
}

/// Some fields of the next message, which must be of this channel: `seq=2 price=900`.
#[track_caller]
fn told(client: &mut Client, channel: &str, names: &[&str]) -> String {
    let (of, payload) = message(client);
    assert_eq!(of, channel, "{payload}");
    let time = payload["server_time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z'), "{time} is RFC 3339 with milliseconds");
    let field = |name: &&str| match &payload[name] {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    };
    names.iter().map(field).collect::<Vec<_>>().join(" ")
}

/// Subscribes to one channel and returns what the first message says.
#[track_caller]
fn subscribe(client: &mut Client, channel: &str, names: &[&str]) -> String {
    let confirmed = client.ask(&format!("SUBSCRIBE {channel}"));
    assert!(confirmed.starts_with(&format!("[subscribe {channel} ")), "{confirmed}");
    told(client, channel, names)
}

const STOCK: [&str; 5] = ["seq", "state", "available", "reserved", "sold"];

#[test]
fn stock_is_told_as_it_drains() {
    let server = Server::start();
    let (mut client, mut reader) = (server.client(), server.client());
    client.says(&format!("SKU.PUT lamp {}", document(3, 500, "")), "[CREATED]");
    let first = subscribe(&mut reader, "stock:{lamp}", &STOCK);
    assert_eq!(first, "seq=1 state=OPEN available=3 reserved=0 sold=0");
    let order = client.reserve("lamp", "r1", "ann", 2).order;
    assert_eq!(told(&mut reader, "stock:{lamp}", &STOCK), "seq=2 state=OPEN available=1 reserved=2 sold=0");
    client.says(&format!("ORDER.PAY {order} p1 1000 pay-1"), &format!("[PAID {order}]"));
    assert_eq!(told(&mut reader, "stock:{lamp}", &STOCK), "seq=3 state=OPEN available=1 reserved=0 sold=2");
    client.reserve("lamp", "r1", "bob", 1);
    client.says("ORDER.RESERVE lamp r1 cyd 1", "[SOLD_OUT]");
    let last = told(&mut reader, "stock:{lamp}", &STOCK);
    assert_eq!(last, "seq=4 state=SOLD_OUT available=0 reserved=1 sold=2");
    client.says("SKU.RESTOCK lamp r1 5", "[RESTOCKED 5]");
    let restocked = told(&mut reader, "stock:{lamp}", &["seq", "state", "available", "total"]);
    assert_eq!(restocked, "seq=5 state=OPEN available=5 total=8");
}

#[test]
fn in_resp2_a_subscriber_can_do_little_else() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("SKU.PUT lamp {}", document(3, 500, "")), "[CREATED]");
    client.says("UNSUBSCRIBE", "[unsubscribe nil 0]");
    client.says("UNSUBSCRIBE stock:{lamp} what", "[unsubscribe stock:{lamp} 0]");
    assert_eq!(show(&client.reply()), "[unsubscribe what 0]");
    client.says("SKU.GET nothing", "nil");

    client.says("SUBSCRIBE stock:{lamp} buyer:ann", "[subscribe stock:{lamp} 1]");
    assert_eq!(show(&client.reply()), "[subscribe buyer:ann 2]");
    assert_eq!(told(&mut client, "stock:{lamp}", &["seq"]), "seq=1", "snapshots come in order");
    assert_eq!(told(&mut client, "buyer:ann", &["seq", "buyer"]), "seq=1 buyer=ann");
    let refused = "-ERR Can't execute 'sku.get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
                   allowed in this context";
    client.says("SKU.GET lamp", refused);
    client.says("PING", "[pong ]");
    client.says("PING there", "[pong there]");
    client.says("UNSUBSCRIBE buyer:ann", "[unsubscribe buyer:ann 1]");
    client.says("UNSUBSCRIBE", "[unsubscribe stock:{lamp} 0]");
    client.says("PING", "PONG");
    assert!(client.ask("SKU.GET lamp").contains("title"));

    client.says("SUBSCRIBE stock:{lamp}", "[subscribe stock:{lamp} 1]");
    assert_eq!(told(&mut client, "stock:{lamp}", &["seq"]), "seq=1", "it begins anew");
    client.says("RESET", "RESET");
    client.says("PING", "PONG");
    client.says("SUBSCRIBE stock:{lamp}", "[subscribe stock:{lamp} 1]");
    client.send("QUIT");
    assert_eq!(client.rest().last().unwrap(), "OK");
}

#[test]
fn in_resp3_a_subscriber_goes_on_selling() {
    let server = Server::start();
    let mut client = server.client();
    client.value("HELLO 3");
    client.says(&format!("SKU.PUT lamp {}", document(100, 500, "")), "[CREATED]");
    client.write(b"SUBSCRIBE stock:{lamp}\r\n").unwrap();
    assert_eq!(show(&client.reply()), "[subscribe stock:{lamp} 1]");
    assert_eq!(told(&mut client, "stock:{lamp}", &["seq", "available"]), "seq=1 available=100");
    let lines: Vec<String> = (0..20).map(|n| format!("ORDER.RESERVE lamp r{n} ann 1")).collect();
    lines.iter().for_each(|line| client.send(line));
    let (mut replies, mut left) = (0, Value::Null);
    while replies < 20 || left != 80 {
        let value = client.reply();
        match value.items() {
            [kind, ..] if kind.as_str() == Some("RESERVED") => replies += 1,
            [_, _, payload] => {
                let payload: Value = serde_json::from_str(payload.as_str().unwrap()).unwrap();
                left = payload["available"].clone();
            }
            _ => panic!("{} is neither a reply nor a push", show(&value)),
        }
    }
    client.says("PING", "PONG");
}

#[test]
fn a_push_is_a_frame_of_its_own_kind_in_resp3() {
    use std::io::{BufRead, BufReader, Write};
    let server = Server::start();
    for (hello, kind) in [("", "*3"), ("HELLO 3\r\n", ">3")] {
        let mut socket = std::net::TcpStream::connect(server.tcp()).unwrap();
        socket.write_all(format!("{hello}SUBSCRIBE stock:{{ghost}}\r\n").as_bytes()).unwrap();
        let lines = BufReader::new(socket).lines().map(Result::unwrap);
        let pushed: Vec<String> = lines.skip_while(|line| line != kind).take(13).collect();
        assert_eq!(pushed[..7], [kind, "$9", "subscribe", "$13", "stock:{ghost}", ":1", kind]);
        assert_eq!(pushed[7..12], ["$7", "message", "$13", "stock:{ghost}", &pushed[11]]);
        let payload: Value = serde_json::from_str(&pushed[12]).unwrap();
        assert_eq!(
            (&payload["seq"], &payload["sku"], &payload["state"]),
            (&1.into(), &"ghost".into(), &Value::Null)
        );
    }
}

#[test]
fn a_channel_that_is_none_and_one_too_many_are_errors() {
    let server = Server::start_with(|config| {
        config.push.max_channels_per_connection = 2;
        config.push.max_channels = 3;
    });
    let (mut client, mut other) = (server.client(), server.client());
    for channel in ["price:lamp", "news", "room:{lamp}", "buyer:"] {
        let error = client.ask(&format!("SUBSCRIBE buyer:ann {channel}"));
        assert!(error.starts_with("-ERR no such channel"), "{channel}: {error}");
    }
    client.says("PING", "PONG");
    client.says("SUBSCRIBE buyer:a buyer:b buyer:c", "[subscribe buyer:a 1]");
    assert_eq!(show(&client.reply()), "[subscribe buyer:b 2]");
    let refused = show(&client.reply());
    assert!(refused.contains("(push.max_channels_per_connection)"), "{refused}");
    other.says("SUBSCRIBE buyer:c buyer:d", "[subscribe buyer:c 1]");
    let refused = show(&other.reply());
    assert!(refused.contains("push.max_channels)"), "{refused}");
}

#[test]
fn a_price_is_told_when_it_steps_down() {
    let server = Server::start();
    let mut client = server.client();
    let begins = now() + 500;
    let starts_at = tidegate_protocol::json::time(i64::try_from(begins).unwrap());
    let document = format!(
        r#"{{"title":"Lamp","stock":3,"currency":"GBP","starts_at":{starts_at},"price":{{"ladder":{{"start":1000,"floor":800,"step_amount":150,"every_s":1}}}}}}"#
    );
    client.says(&format!("SKU.PUT lamp {document}"), "[CREATED]");
    client.says("SUBSCRIBE price:{lamp}", "[subscribe price:{lamp} 1]");
    let mut seen = Vec::new();
    while seen.last() != Some(&800) {
        let (_, payload) = message(&mut client);
        let price = payload["price"].as_u64().unwrap();
        let at: jiff::Timestamp = payload["server_time"].as_str().unwrap().parse().unwrap();
        let passed = at.as_millisecond() - i64::try_from(begins).unwrap();
        assert_eq!(payload["state"], if passed < 0 { "SCHEDULED" } else { "OPEN" }, "{payload}");
        let steps = u64::try_from(passed.max(0) / 1_000).unwrap();
        assert_eq!(price, 1_000_u64.saturating_sub(150 * steps).max(800), "{payload}");
        seen.push(price);
    }
    assert_eq!(seen[0], 1_000);
    assert!(seen.is_sorted_by(|a, b| a >= b), "{seen:?}");
    server.client().says("SKU.PAUSE lamp", "[PAUSED]");
    assert_eq!(told(&mut client, "price:{lamp}", &["state", "next_price"]), "state=PAUSED next_price=null");
}

#[test]
fn two_see_a_room_from_its_opening_to_its_end() {
    let server = Server::start();
    let mut client = server.client();
    let tiers = r#","group_buy":{"tiers":[{"members":2,"percent_off":10}]}"#;
    client.says(&format!("SKU.PUT lamp {}", document(10, 10_000, tiers)), "[CREATED]");
    let room = "room:{lamp}:r:1";
    let mut readers = [server.client(), server.client()];
    for reader in &mut readers {
        assert_eq!(subscribe(reader, room, &["seq", "room", "state"]), "seq=1 room={lamp}:r:1 state=null");
    }
    client.ask("ROOM.OPEN lamp r1 ann 1");
    client.ask("ROOM.JOIN {lamp}:r:1 r1 bob 1");
    client.says("ORDER.CANCEL {lamp}:o:2 c1", "[CANCELLED]");
    client.ask("ROOM.JOIN {lamp}:r:1 r1 cyd 1");
    client.says("ORDER.PAY {lamp}:o:1 p 9000 pay-1", "[PAID {lamp}:o:1]");
    client.says("ORDER.PAY {lamp}:o:3 p 9000 pay-2", "[PAID {lamp}:o:3]");
    let expected = [
        "seq=2 event=room.opened state=FORMING leader=ann paid_members=0 unit_price=9000",
        "seq=3 event=room.joined state=FORMING leader=ann paid_members=0 unit_price=9000",
        "seq=4 event=room.left state=FORMING leader=ann paid_members=0 unit_price=9000",
        "seq=5 event=room.joined state=FORMING leader=ann paid_members=0 unit_price=9000",
        "seq=6 event=room.paid state=FORMING leader=ann paid_members=1 unit_price=9000",
        "seq=7 event=room.paid state=FORMING leader=ann paid_members=2 unit_price=9000",
        "seq=8 event=room.succeeded state=SUCCEEDED leader=ann paid_members=2 unit_price=9000",
    ];
    let names = ["seq", "event", "state", "leader", "paid_members", "unit_price"];
    for reader in &mut readers {
        for line in expected {
            assert_eq!(told(reader, room, &names), line);
        }
    }
    let late = subscribe(&mut client, room, &["seq", "event", "state", "members"]);
    let members = r#"[{"buyer":"ann","order":"{lamp}:o:1","paid":true},{"buyer":"cyd","order":"{lamp}:o:3","paid":true}]"#;
    assert_eq!(late, format!("seq=1 event=null state=SUCCEEDED members={members}"));
}

#[test]
fn a_buyer_hears_of_orders_and_carts_of_all_skus() {
    let server = Server::start();
    let (mut client, mut reader) = (server.client(), server.client());
    client.says(r#"CAMPAIGN.PUT fair {"title":"11.11","skus":["coat","hat"]}"#, "[CREATED]");
    for sku in ["coat", "hat", "lamp"] {
        client.says(&format!("SKU.PUT {sku} {}", document(9, 500, "")), "[CREATED]");
    }
    assert_eq!(subscribe(&mut reader, "buyer:ann", &["seq", "buyer"]), "seq=1 buyer=ann");
    client.reserve("lamp", "r1", "ann", 1);
    client.reserve("lamp", "r1", "bob", 1);
    client.reserve("hat", "r1", "ann", 2);
    client.says("ORDER.PAY {hat}:o:1 p1 1000 m1", "[PAID {hat}:o:1]");
    client.says("ORDER.CANCEL {lamp}:o:1 c1", "[CANCELLED]");
    client.says("ORDER.PAY {lamp}:o:1 p1 500 m2", "[CANCELLED]");
    client.says("ORDER.REFUND {hat}:o:1 f1", "[REFUNDED]");
    let names = ["seq", "type", "order", "state", "amount"];
    let expected = [
        "seq=2 type=order.reserved order={lamp}:o:1 state=RESERVED amount=500",
        "seq=3 type=order.reserved order={hat}:o:1 state=RESERVED amount=1000",
        "seq=4 type=order.paid order={hat}:o:1 state=PAID amount=1000",
        "seq=5 type=order.cancelled order={lamp}:o:1 state=CANCELLED amount=500",
        "seq=6 type=order.refund_due order={lamp}:o:1 state=CANCELLED amount=500",
        "seq=7 type=order.refunded order={hat}:o:1 state=REFUNDED amount=1000",
    ];
    for line in expected {
        assert_eq!(told(&mut reader, "buyer:ann", &names), line);
    }

    let cart = client.value("CART.RESERVE fair r2 ann coat 1 hat 1");
    assert_eq!(cart.items()[1], Reply::Text(b"{fair}:c:1".to_vec()), "{}", show(&cart));
    let reserved = told(&mut reader, "buyer:ann", &["seq", "type", "cart", "amount", "campaign"]);
    assert_eq!(reserved, "seq=8 type=cart.reserved cart={fair}:c:1 amount=1000 campaign=fair");
    client.says("CART.PAY {fair}:c:1 p2 1000 m3", "[PAID {fair}:c:1]");
    let paid = told(&mut reader, "buyer:ann", &["seq", "type", "cart", "state"]);
    assert_eq!(paid, "seq=9 type=cart.paid cart={fair}:c:1 state=PAID");
    let mut lines: Vec<String> =
        (0..2).map(|_| told(&mut reader, "buyer:ann", &["type", "order", "state", "cart"])).collect();
    lines.sort();
    let line = |order: &str| format!("type=order.paid order={order} state=PAID cart={{fair}}:c:1");
    assert_eq!(lines, [line("{coat}:o:1"), line("{hat}:o:2")]);
}

#[test]
fn who_never_reads_is_cut_off_and_costs_the_others_nothing() {
    let server = Server::start_with(|config| config.push.queue_length = 50);
    let (mut client, mut reader) = (server.client(), server.client());
    client.says(&format!("SKU.PUT lamp {}", document(1_000_000, 500, "")), "[CREATED]");
    let mut idle: Vec<Client> = (0..3).map(|_| server.client()).collect();
    for (at, idle) in idle.iter_mut().enumerate() {
        idle.says(&format!("CLIENT SETNAME idle-{at}"), "OK");
        idle.says("SUBSCRIBE buyer:ann", "[subscribe buyer:ann 1]");
    }
    let mut looker = server.client();
    looker.says("CLIENT SETNAME looker", "OK");
    subscribe(&mut looker, "stock:{lamp}", &["seq"]);
    subscribe(&mut reader, "stock:{lamp}", &["seq"]);
    let mut sold = 0;
    until(
        "the ends of the connections that don't read",
        || {
            let lines: Vec<String> =
                (sold..sold + 200).map(|n| format!("ORDER.RESERVE lamp r{n} ann 1")).collect();
            sold += 200;
            let replies = client.pipeline(&lines);
            assert!(replies.iter().all(|reply| reply.starts_with("[RESERVED")), "{replies:?}");
            client.ask("CLIENT LIST")
        },
        |clients| !clients.contains("name=idle"),
    );
    // Of a stock only the latest waits, so who looks at it later is told how it stands now.
    assert!(client.ask("CLIENT LIST").contains("name=looker"));
    for reader in [&mut reader, &mut looker] {
        while message(reader).1["available"] != 1_000_000 - sold {}
    }
}

#[test]
fn an_expiry_is_told_and_a_stop_ends_subscriptions() {
    let server = Server::start();
    let (mut client, mut reader) = (server.client(), server.client());
    client.says(&format!("SKU.PUT lamp {}", document(3, 500, r#","hold_s":1"#)), "[CREATED]");
    subscribe(&mut reader, "buyer:ann", &["seq"]);
    client.reserve("lamp", "r1", "ann", 1);
    assert_eq!(told(&mut reader, "buyer:ann", &["type"]), "type=order.reserved");
    assert_eq!(told(&mut reader, "buyer:ann", &["type", "state"]), "type=order.expired state=EXPIRED");
    server.stop().unwrap();
    assert!(reader.next().unwrap().is_none(), "closed in order");
}
