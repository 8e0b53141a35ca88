//! The feed read as a Redis stream: what is in it, in which order, and how it is waited for.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

mod common;

use tidegate_protocol::resp::Value;

use common::{Client, Server, document, entries, show, streamed, until};

const FIELDS: &[&str] = &[
    "order",
    "buyer",
    "sku",
    "qty",
    "unit_price",
    "amount",
    "currency",
    "discounts",
    "payment",
    "reason",
    "room",
];

fn told(client: &mut Client) -> Vec<String> {
    client.feed().iter().map(|entry| entry.data(FIELDS)).collect()
}

fn shop() -> (Server, Client) {
    let server = Server::start();
    let client = server.client();
    (server, client)
}

#[test]
fn a_sale_is_told_event_by_event() {
    let (_server, mut client) = shop();
    client.says("XLEN orders", "0");
    client.says("XRANGE orders - +", "[]");
    client.says("XREAD STREAMS orders 0", "nil");
    client.says(&format!("SKU.PUT lamp {}", document(10, 500, "")), "[CREATED]");
    client.says("SKU.RESTOCK lamp r1 5", "[RESTOCKED 15]");
    client.says("SKU.PAUSE lamp", "[PAUSED]");
    client.says("SKU.RESUME lamp", "[RESUMED]");
    client.reserve("lamp", "r1", "ann", 2);
    client.reserve("lamp", "r1", "bob", 1);
    client.says("ORDER.PAY {lamp}:o:1 p1 1000 pay-1", "[PAID {lamp}:o:1]");
    client.says("ORDER.PAY {lamp}:o:1 p2 1000 pay-2", "[REFUND_DUE {lamp}:o:1]");
    client.says("ORDER.CANCEL {lamp}:o:2 c1 REASON late", "[CANCELLED]");
    client.says("ORDER.REFUND {lamp}:o:1 f1 RESTOCK", "[REFUNDED]");
    client.says("BUYER.BLOCK lamp \"eve\\", "[BLOCKED]");
    client.says("BUYER.UNBLOCK lamp \"eve\\", "[UNBLOCKED]");
    let expected = [
        "sku.created sku=lamp qty=10 currency=GBP",
        "sku.restocked sku=lamp qty=5",
        "sku.paused sku=lamp",
        "sku.resumed sku=lamp",
        "order.reserved order={lamp}:o:1 buyer=ann sku=lamp qty=2 unit_price=500 amount=1000 currency=GBP",
        "order.reserved order={lamp}:o:2 buyer=bob sku=lamp qty=1 unit_price=500 amount=500 currency=GBP",
        "order.paid order={lamp}:o:1 buyer=ann sku=lamp qty=2 unit_price=500 amount=1000 currency=GBP payment=pay-1",
        "order.refund_due order={lamp}:o:1 buyer=ann sku=lamp qty=2 unit_price=500 amount=1000 currency=GBP payment=pay-2 reason=payment",
        "order.cancelled order={lamp}:o:2 buyer=bob sku=lamp qty=1 unit_price=500 amount=500 currency=GBP reason=late",
        "order.refunded order={lamp}:o:1 buyer=ann sku=lamp qty=2 unit_price=500 amount=1000 currency=GBP payment=pay-1",
        "buyer.blocked buyer=\"eve\\ sku=lamp",
    ];
    assert_eq!(told(&mut client), expected);
    client.says("XLEN orders", "11");

    // The same in pieces, forwards and backwards.
    let all = client.feed();
    let range = |client: &mut Client, line: &str| entries(&client.value(line));
    assert_eq!(range(&mut client, "XRANGE orders - +"), all);
    assert_eq!(range(&mut client, "XRANGE orders - + COUNT 3"), all[..3]);
    let (third, fifth) = (&all[2].id, &all[4].id);
    assert_eq!(range(&mut client, &format!("XRANGE orders {third} {fifth}")), all[2..5]);
    assert_eq!(range(&mut client, &format!("XRANGE orders ({third} ({fifth}")), all[3..4]);
    let mut back = range(&mut client, "XREVRANGE orders + - COUNT 4");
    back.reverse();
    assert_eq!(back, all[7..]);
    assert_eq!(range(&mut client, &format!("XREVRANGE orders {third} -")).len(), 3);
    let event = &all[6].event;
    assert_eq!(
        (&event["subject"], &event["datacontenttype"]),
        (&"{lamp}:o:1".into(), &"application/json".into())
    );
    assert!(all.iter().all(|entry| entry.key == "lamp"));
    client.says("XREAD STREAMS orders $", "nil");
    assert_eq!(streamed(&client.value("XREAD STREAMS orders +")), all[10..]);
}

#[test]
fn what_is_wrong_is_said_as_redis_says_it() {
    let (_server, mut client) = shop();
    for (line, expected) in [
        ("XRANGE orders x +", "-ERR Invalid stream ID specified as stream command argument"),
        ("XREAD STREAMS orders 1-x", "-ERR Invalid stream ID specified as stream command argument"),
        ("XREAD BLOCK -1 STREAMS orders 0", "-ERR timeout is negative"),
        ("XREAD COUNT x STREAMS orders 0", "-ERR value is not an integer or out of range"),
        (
            "XREAD STREAMS orders a 0",
            "-ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
        ),
        ("XREAD orders 0 1", "-ERR syntax error"),
        ("XLEN other", "0"),
        ("XRANGE other - +", "[]"),
        ("XREAD STREAMS other orders 0 0", "nil"),
        ("XRANGE orders - + COUNT 0", "nil"),
        ("XRANGE other - + COUNT 0", "[]"),
        ("XREVRANGE other + - COUNT 0", "[]"),
        ("XRANGE orders - (0-0", "-ERR invalid end ID for the interval"),
        ("XREVRANGE orders (0-0 -", "-ERR invalid end ID for the interval"),
        (
            "XRANGE orders (18446744073709551615-18446744073709551615 +",
            "-ERR invalid start ID for the interval",
        ),
        ("XRANGE orders 00-01 +0 COUNT 5 COUNT 01", "-ERR value is not an integer or out of range"),
        ("XRANGE orders 00-01 +0 COUNT 5 COUNT 1", "[]"),
        ("XREAD STREAMS orders 01-00", "nil"),
        ("XREAD STREAMS orders 0x1", "-ERR Invalid stream ID specified as stream command argument"),
        ("XREAD STREAMS orders +", "nil"),
        ("XINFO FOO orders", "-ERR unknown subcommand 'FOO'. Try XINFO HELP."),
    ] {
        client.says(line, expected);
    }
}

#[test]
fn whoever_waits_is_woken_and_holds_up_nobody() {
    let (server, mut client) = shop();
    client.says(&format!("SKU.PUT lamp {}", document(10, 500, "")), "[CREATED]");
    client.says("XREAD BLOCK 1 STREAMS orders $", "nil");
    let mut waiting = server.client();
    waiting.pipeline(&["PING"]);
    // What is before it is answered at once, what is behind it waits.
    waiting.send("PING");
    waiting.send("XREAD BLOCK 0 STREAMS orders $");
    waiting.send("ECHO behind");
    assert_eq!(show(&waiting.reply()), "PONG");
    until("somebody who waits", || client.ask("CLIENT LIST"), |list| list.matches("id=").count() == 2);
    // It may not have begun to wait, but what comes from now on is more than `$` only if it has.
    let read = std::thread::spawn(move || (streamed(&waiting.reply()), show(&waiting.reply())));
    let mut orders = 0;
    while !read.is_finished() && orders < 10 {
        client.reserve("lamp", &format!("r{orders}"), "ann", 1);
        orders += 1;
        std::thread::yield_now();
    }
    let (read, behind) = read.join().unwrap();
    assert_eq!((read[0].kind.as_str(), behind.as_str()), ("order.reserved", "behind"));
}

#[test]
fn a_client_that_is_gone_is_let_go_and_a_stop_ends_all_waiting() {
    let (server, mut client) = shop();
    for _ in 0..20 {
        let mut waiting = server.client();
        waiting.send("XREAD BLOCK 0 STREAMS orders $");
        waiting.finish();
    }
    until("their end", || client.ask("CLIENT LIST"), |list| list.lines().count() <= 1);
    let mut waiting = server.client();
    waiting.send("XREAD BLOCK 0 STREAMS orders $");
    server.stop().unwrap();
    assert!(matches!(&waiting.rest()[..], [] | [_]));
}

#[test]
fn a_room_is_told_with_what_it_cost_at_each_time() {
    let (_server, mut client) = shop();
    let group_buy = r#","group_buy":{"tiers":[{"members":2,"percent_off":10},{"members":3,"percent_off":20}],"room_ttl_s":600}"#;
    client.says(&format!("SKU.PUT lamp {}", document(10, 1000, group_buy)), "[CREATED]");
    client.ask("ROOM.OPEN lamp r1 ann 1");
    for (order, buyer) in [(2, "bob"), (3, "cid")] {
        client.says(
            &format!("ORDER.PAY {{lamp}}:o:{} p1 900 pay-{order}", order - 1),
            &format!("[PAID {{lamp}}:o:{}]", order - 1),
        );
        client.ask(&format!("ROOM.JOIN {{lamp}}:r:1 r1 {buyer} 1"));
    }
    client.says("ORDER.PAY {lamp}:o:3 p1 800 pay-4", "[PAID {lamp}:o:3]");
    let fields = ["order", "buyer", "amount", "discounts", "payment", "reason", "room"];
    let told: Vec<_> = client.feed().iter().map(|entry| entry.data(&fields)).collect();
    let tier = |off: u32| format!(r#"discounts=[{{"amount":{off},"name":"tier"}}]"#);
    let expected = [
        "sku.created".to_owned(),
        "room.opened order={lamp}:o:1 buyer=ann room={lamp}:r:1".to_owned(),
        format!("order.reserved order={{lamp}}:o:1 buyer=ann amount=900 {} room={{lamp}}:r:1", tier(100)),
        format!(
            "order.paid order={{lamp}}:o:1 buyer=ann amount=900 {} payment=pay-2 room={{lamp}}:r:1",
            tier(100)
        ),
    ];
    let expected: Vec<String> = expected.into();
    assert_eq!(told[1..4], expected[1..4], "{told:#?}");
    let kinds: Vec<_> = told.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "sku.created",
            "room.opened",
            "order.reserved",
            "order.paid",
            "order.reserved",
            "room.joined",
            "order.paid",
            "order.reserved",
            "room.joined",
            "order.paid",
            "order.refund_due",
            "order.refund_due",
            "room.succeeded",
        ]
    );
    assert!(
        told[10].contains("amount=100 ") && told[10].contains("payment=pay-2 reason=tier"),
        "{}",
        told[10]
    );
}

#[test]
fn lines_of_a_cart_are_told_when_the_cart_is_and_withdrawn_ones_never() {
    let (_server, mut client) = shop();
    let fair = r#"{"title":"F","thresholds":[{"spend":1500,"off":300}],"coupon_windows":[{"event":"try_on","percent_off":10,"window_s":1800}]}"#;
    client.says(&format!("CAMPAIGN.PUT fair {fair}"), "[CREATED]");
    for (sku, stock, price) in [("hat", 9, 1000), ("coat", 9, 2000), ("sock", 1, 100)] {
        client.says(
            &format!(
                "SKU.PUT {sku} {}",
                document(
                    stock,
                    price,
                    &format!(r#","campaign":"fair","per_buyer_limit":{}"#, if sku == "sock" { 1 } else { 5 })
                )
            ),
            "[CREATED]",
        );
    }
    // The hat is held before it turns out that the last sock is gone, and let go.
    let told = client.pipeline(&["CART.RESERVE fair r0 zed sock 1", "CART.RESERVE fair r0 ann hat 1 sock 1"]);
    assert!(told[0].starts_with("[RESERVED {fair}:c:1 100 "), "{told:?}");
    assert_eq!(told[1], "[SOLD_OUT sock]");
    assert_eq!(client.fields("ORDER.GET {hat}:o:1", &["state"]), "state=CANCELLED");
    let granted = client.value("COUPON.TRIGGER fair t1 ann try_on");
    let coupon = granted.items()[1].as_str().unwrap().to_owned();
    client.ask(&format!("CART.RESERVE fair r1 ann hat 1 coat 1 COUPON {coupon}"));
    client.says("CART.PAY {fair}:c:3 p1 2400 pay-1", "[PAID {fair}:c:3]");
    client.ask("CART.RESERVE fair r2 bob hat 1");
    client.says("CART.CANCEL {fair}:c:4 c1", "[CANCELLED]");
    client.says("CART.PAY {fair}:c:4 p1 1000 pay-2", "[CANCELLED]");
    let fields = ["order", "cart", "buyer", "amount", "discounts", "payment", "reason"];
    let mut told: Vec<_> = client.feed().iter().map(|entry| entry.data(&fields)).collect();
    let discounts = |list: &[(&str, u32)]| {
        let list: Vec<_> =
            list.iter().map(|(name, off)| format!(r#"{{"amount":{off},"name":"{name}"}}"#)).collect();
        format!("discounts=[{}]", list.join(","))
    };
    let line = |kind: &str, number: u32, sku: &str, amount, list: &[(&str, u32)], more: &str| {
        let line = format!(
            "order.{kind} order={{{sku}}}:o:{number} cart={{fair}}:c:{} buyer={{}}",
            if number == 1 { 3 } else { 4 }
        );
        let list = if list.is_empty() { String::new() } else { format!(" {}", discounts(list)) };
        line.replace("{}", if number == 1 { "ann" } else { "bob" }) + &format!(" amount={amount}{list}{more}")
    };
    let coat = [("coupon", 200), ("threshold", 200)];
    let hat = [("coupon", 100), ("threshold", 100)];
    let mut expected = vec![
        "campaign.put".to_owned(),
        "sku.created".to_owned(),
        "sku.created".to_owned(),
        "sku.created".to_owned(),
        "cart.reserved cart={fair}:c:1 buyer=zed amount=100".to_owned(),
        "order.reserved order={sock}:o:1 cart={fair}:c:1 buyer=zed amount=100".to_owned(),
        "coupon.granted buyer=ann reason=try_on".to_owned(),
        format!("cart.reserved cart={{fair}}:c:3 buyer=ann amount=2400 {}", discounts(&[("threshold", 300)])),
        line("reserved", 1, "coat", 1600, &coat, ""),
        line("reserved", 2, "hat", 800, &hat, "").replace("c:4 buyer=bob", "c:3 buyer=ann"),
        "coupon.used cart={fair}:c:3 buyer=ann".to_owned(),
        "cart.paid cart={fair}:c:3 buyer=ann amount=2400 payment=pay-1".to_owned(),
        line("paid", 1, "coat", 1600, &coat, " payment=pay-1"),
        line("paid", 2, "hat", 800, &hat, " payment=pay-1").replace("c:4 buyer=bob", "c:3 buyer=ann"),
        "cart.reserved cart={fair}:c:4 buyer=bob amount=1000".to_owned(),
        line("reserved", 3, "hat", 1000, &[], ""),
        "cart.cancelled cart={fair}:c:4 buyer=bob amount=1000".to_owned(),
        line("cancelled", 3, "hat", 1000, &[], ""),
        "order.refund_due cart={fair}:c:4 buyer=bob amount=1000 payment=pay-2 reason=payment".to_owned(),
    ];
    // The lines of a cart hear of it in any order.
    told[12..14].sort();
    expected[12..14].sort();
    assert_eq!(told, expected, "{told:#?}");
}

#[test]
fn a_coupon_is_told_of_each_time_it_is_taken_up_and_comes_back() {
    let (_server, mut client) = shop();
    let fair = r#"{"title":"F","coupon_windows":[{"event":"try_on","percent_off":10,"window_s":1800}]}"#;
    client.says(&format!("CAMPAIGN.PUT fair {fair}"), "[CREATED]");
    client
        .says(&format!("SKU.PUT hat {}", document(9, 1000, r#","campaign":"fair","hold_s":1"#)), "[CREATED]");
    let granted = client.value("COUPON.TRIGGER fair t1 ann try_on");
    let coupon = granted.items()[1].as_str().unwrap().to_owned();
    client.ask(&format!("ORDER.RESERVE hat r1 ann 1 COUPON {coupon}"));
    client.says("ORDER.CANCEL {hat}:o:1 c1", "[CANCELLED]");
    client.ask(&format!("ORDER.RESERVE hat r2 ann 1 COUPON {coupon}"));
    until("its end", || client.fields("ORDER.GET {hat}:o:2", &["state"]), |state| state == "state=EXPIRED");
    client.says("ORDER.PAY {hat}:o:2 p1 900 pay-1", "[PAID {hat}:o:2]");
    let told: Vec<_> = client.feed()[3..].iter().map(|entry| entry.data(&["order", "amount"])).collect();
    let expected = [
        "order.reserved order={hat}:o:1 amount=900",
        "coupon.used order={hat}:o:1",
        "order.cancelled order={hat}:o:1 amount=900",
        "coupon.returned order={hat}:o:1",
        "order.reserved order={hat}:o:2 amount=900",
        "coupon.used order={hat}:o:2",
        "order.expired order={hat}:o:2 amount=900",
        "coupon.returned order={hat}:o:2",
        "order.paid order={hat}:o:2 amount=900",
        "coupon.used order={hat}:o:2",
    ];
    assert_eq!(told, expected);
    assert!(
        client
            .feed()
            .iter()
            .filter(|entry| entry.kind.starts_with("coupon."))
            .all(|e| e.text("coupon") == coupon)
    );
}

#[test]
fn a_reader_that_fell_behind_what_is_kept_is_told_so() {
    let server = Server::start_with(|config| {
        config.journal.epoch_bytes = 1 << 20;
        config.journal.retention_epochs = 1;
    });
    let mut client = server.client();
    client.says(&format!("SKU.PUT lamp {}", document(1_000_000, 500, "")), "[CREATED]");
    client.says("XGROUP CREATE orders slow 0", "OK");
    let first = client.feed().remove(0);
    let read = "XREADGROUP GROUP slow a COUNT 1 STREAMS orders >";
    assert_eq!(streamed(&client.value(read)), std::slice::from_ref(&first));
    let mut order = 0;
    let told = sell_until_trimmed(&mut client, &mut order, &first.id);
    let oldest = entries(&client.value("XRANGE orders - + COUNT 1")).remove(0);
    assert!(told.starts_with("-ERR the entries from ") && told.contains("read on from 0 or "), "{told}");
    assert!(oldest.sequence() > first.sequence());
    assert_eq!(streamed(&client.value("XREAD COUNT 1 STREAMS orders 0")), std::slice::from_ref(&oldest));
    let told = client.ask(read);
    assert!(told.contains("group slow fell behind") && told.contains("XGROUP SETID orders slow 0"), "{told}");
    client.says("XGROUP SETID orders slow 0", "OK");
    assert_eq!(streamed(&client.value(read)), [oldest]);
    // What was delivered before and is not kept has no fields, and can be let go.
    let again = client.ask("XREADGROUP GROUP slow a COUNT 1 STREAMS orders 0");
    assert_eq!(again, format!("[[orders [[{} []]]]]", first.id));
    let claimed = client.value("XAUTOCLAIM orders slow a 0 0");
    assert_eq!(claimed.items()[2].items()[0].as_str(), Some(first.id.as_str()));
    // An epoch that was full before may go while this is read.
    let both = || (client.ask("XLEN orders"), count(&mut client));
    until("the length", both, |(length, count)| count.is_some_and(|count| *length == count.to_string()));
}

/// How many entries there are; `None` if some went while they were read.
fn count(client: &mut Client) -> Option<usize> {
    let (mut count, mut from) = (0, "0".to_owned());
    loop {
        let reply = client.value(&format!("XREAD STREAMS orders {from}"));
        let Some(stream) = reply.items().first() else {
            return Some(count).filter(|_| reply == Value::Null);
        };
        let read = entries(&stream.items()[1]);
        (count, from) = (count + read.len(), read[read.len() - 1].id.clone());
    }
}

/// Sells until an entry is not kept any more, and gives the error that says so.
fn sell_until_trimmed(client: &mut Client, order: &mut usize, id: &str) -> String {
    let trimmed = |told: &String| told.contains("are not kept any more");
    let sell = || {
        // A long reason fills an epoch sooner.
        let reason = "x".repeat(250);
        let lines = (*order + 1..=*order + 250).flat_map(|n| {
            let cancel = format!("ORDER.CANCEL {{lamp}}:o:{n} c1 REASON {reason}");
            [format!("ORDER.RESERVE lamp r{n} ann 1"), cancel]
        });
        client.pipeline(&lines.collect::<Vec<_>>());
        *order += 250;
        client.ask(&format!("XREAD COUNT 1 STREAMS orders {id}"))
    };
    until("the end of an epoch", sell, trimmed)
}

fn fell_behind(client: &mut Client, read: &str) {
    let told = client.ask(read);
    assert!(told.contains("group early fell behind"), "{told}");
}

#[test]
fn a_group_at_the_beginning_is_told_what_it_missed_before_its_first_read() {
    let server = Server::start_with(|config| {
        config.journal.epoch_bytes = 1 << 20;
        config.journal.retention_epochs = 1;
    });
    let mut client = server.client();
    // There is nothing yet that it could begin with.
    client.says("XGROUP CREATE orders early 0", "OK");
    client.says(&format!("SKU.PUT lamp {}", document(1_000_000, 500, "")), "[CREATED]");
    let mut order = 0;
    let first = client.feed().remove(0);
    sell_until_trimmed(&mut client, &mut order, &first.id);
    // Neither a group that never read, nor one that was moved to the beginning, skips anything in silence.
    let lag = |client: &mut Client| {
        let groups = client.value("XINFO GROUPS orders");
        ["lag", "entries-read"].map(|field| show(groups.items()[0].get(field).unwrap()))
    };
    client.ask("HELLO 3");
    let read = "XREADGROUP GROUP early a COUNT 1 STREAMS orders >";
    fell_behind(&mut client, read);
    assert_eq!(lag(&mut client), ["nil", "nil"]);
    // An epoch that was full before may only go now.
    let moved = |client: &mut Client| {
        client.says("XGROUP SETID orders early 0", "OK");
        lag(client)
    };
    until("a lag", || moved(&mut client), |lag| lag[0] != "nil");
    let oldest = entries(&client.value("XRANGE orders - + COUNT 1")).remove(0);
    sell_until_trimmed(&mut client, &mut order, &oldest.id);
    fell_behind(&mut client, read);
    let go_on = || {
        client.says("XGROUP SETID orders early 0", "OK");
        client.ask(read)
    };
    until("an entry", go_on, |told| told.starts_with("{orders="));
}

#[test]
fn whoever_reads_does_not_wait_for_the_first_count_after_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Server::start_in(dir.path(), |config| config.feed.reads_at_once = 1);
    let server = start();
    let mut client = server.client();
    client.says(&format!("SKU.PUT lamp {}", document(1_000_000, 500, "")), "[CREATED]");
    for batch in 0..20 {
        let lines: Vec<_> =
            (0..2_000).map(|order| format!("ORDER.RESERVE lamp r{batch}.{order} ann 1")).collect();
        client.pipeline(&lines);
    }
    server.stop().unwrap();
    let reads_meanwhile = || {
        let server = start();
        let (mut client, mut counting) = (server.client(), server.client());
        counting.send("XLEN orders");
        let counted = std::thread::spawn(move || counting.reply());
        let mut reads = 0;
        while !counted.is_finished() {
            assert_eq!(streamed(&client.value("XREAD COUNT 1 STREAMS orders 0")).len(), 1);
            reads += 1;
        }
        assert_eq!(counted.join().unwrap().as_int(), Some(40_001));
        reads
    };
    // A machine that is busy with something else may let the count win now and then.
    until("reads beside the count", reads_meanwhile, |reads| *reads >= 30);
}
