//! A sale over real sockets, as a storefront sees it: every reply in full.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use common::{Client, Server, document, now, show, until};

/// A server that sells `iphone` at 599900, ten units of it.
fn shop() -> (Server, Client) {
    shop_of(&document(10, 599_900, ""))
}

fn shop_of(document: &str) -> (Server, Client) {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("SKU.PUT iphone {document}"), "[CREATED]");
    (server, client)
}

#[test]
fn a_sku_is_put_shown_and_changed() {
    let (_server, mut client) = shop();
    assert_eq!(
        client.ask("SKU.GET iphone"),
        "[sku iphone title Rose_bowl state OPEN price 599900 currency GBP next_price nil next_price_at nil \
         total 10 available 10 reserved 0 sold 0 starts_at nil ends_at nil seq 1]"
    );
    client.says(&format!("SKU.PUT iphone {}", document(10, 599_900, "")), "[UNCHANGED]");
    // The stock of a SKU that exists is not changed by a PUT; the rest is.
    client.says(&format!("SKU.PUT iphone {}", document(99, 599_900, r#","per_buyer_limit":2"#)), "[UPDATED]");
    assert_eq!(
        client.fields("SKU.GET iphone", &["total", "available", "seq"]),
        "total=10 available=10 seq=2"
    );
    client.says("ORDER.RESERVE iphone r1 u1 3", "[LIMIT 2]");
}

#[test]
fn an_order_is_reserved_once_and_paid_once() {
    let (_server, mut client) = shop();
    let before = now();
    let held = client.reserve("iphone", "r1", "u1", 2);
    assert_eq!((held.order.as_str(), held.amount), ("{iphone}:o:1", 1_199_800));
    assert!((before + 600_000..=now() + 600_000).contains(&held.expires_at), "{held:?}");
    assert_eq!(client.reserve("iphone", "r1", "u1", 2), held, "the same request again");
    assert_eq!(client.books("iphone"), "total=10 available=8 reserved=2 sold=0");
    let order = &held.order;
    client.says(&format!("ORDER.PAY {order} p1 1199799 pay-1"), "[AMOUNT_MISMATCH 1199800]");
    client.says(&format!("ORDER.PAY {order} p1 1199800 pay-1"), "[PAID {iphone}:o:1]");
    client.says(&format!("ORDER.PAY {order} p1 1199800 pay-1"), "[PAID {iphone}:o:1]");
    client.says(&format!("ORDER.PAY {order} p2 1199800 pay-1"), "[PAID {iphone}:o:1]");
    client.says(&format!("ORDER.CANCEL {order} c1"), "[ALREADY_PAID]");
    assert_eq!(client.reserve("iphone", "r1", "u1", 2), held, "the first answer stands");
    assert_eq!(client.books("iphone"), "total=10 available=8 reserved=0 sold=2");

    let shown = client.value(&format!("ORDER.GET {order}"));
    let number = |name: &str| u64::try_from(shown.get(name).unwrap().as_int().unwrap()).unwrap();
    assert_eq!(number("expires_at"), held.expires_at);
    assert_eq!(number("reserved_at") + 600_000, held.expires_at);
    assert!((number("reserved_at")..=now()).contains(&number("paid_at")));
    let names: Vec<_> = shown.pairs().iter().map(|(name, _)| show(name)).collect();
    assert_eq!(
        names.join(" "),
        "order state sku buyer qty unit_price amount currency discounts reserved_at expires_at paid_at room \
         cart store"
    );
    let still =
        ["order", "state", "sku", "buyer", "qty", "unit_price", "amount", "currency", "discounts", "room"];
    assert_eq!(
        client.fields(&format!("ORDER.GET {order}"), &still),
        "order={iphone}:o:1 state=PAID sku=iphone buyer=u1 qty=2 unit_price=599900 amount=1199800 currency=GBP \
         discounts=[] room=nil"
    );
}

#[test]
fn a_request_id_is_the_buyers_own_and_stands_for_one_request() {
    let (_server, mut client) = shop();
    client.reserve("iphone", "r1", "u1", 1);
    let reused = "-IDEMPREUSE this request id was used before with other arguments; use a new one";
    client.says("ORDER.RESERVE iphone r1 u1 2", reused);
    client.says("ORDER.RESERVE iphone r1 u1 1 MAXPRICE 599900", reused);
    assert_eq!(client.reserve("iphone", "r1", "u2", 1).order, "{iphone}:o:2", "another buyer, another scope");
    client.says("ORDER.PAY {iphone}:o:1 p 599900 pay-1", "[PAID {iphone}:o:1]");
    assert_eq!(
        client.ask("ORDER.PAY {iphone}:o:2 p 599900 pay-1"),
        "-IDEMPREUSE this payment id was used before for another order; check which order it belongs to"
    );
    client.says("SKU.RESTOCK iphone s1 5", "[RESTOCKED 13]");
    client.says("SKU.RESTOCK iphone s1 5", "[RESTOCKED 13]");
    client.says("SKU.RESTOCK iphone s1 6", reused);
    assert_eq!(client.books("iphone"), "total=15 available=13 reserved=1 sold=1");
}

#[test]
fn a_cancelled_order_gives_its_units_back_once() {
    let (_server, mut client) = shop();
    let held = client.reserve("iphone", "r1", "u1", 3);
    client.says("ORDER.CANCEL {iphone}:o:1 c1 REASON too-dear", "[CANCELLED]");
    client.says("ORDER.CANCEL {iphone}:o:1 c1 REASON too-dear", "[CANCELLED]");
    client.says("ORDER.CANCEL {iphone}:o:1 c2", "[CANCELLED]");
    assert_eq!(client.books("iphone"), "total=10 available=10 reserved=0 sold=0");
    assert_eq!(client.reserve("iphone", "r1", "u1", 3), held, "the first answer stands");
    client.says("ORDER.PAY {iphone}:o:1 p1 1799700 pay-1", "[CANCELLED]");
    assert_eq!(client.fields("ORDER.GET {iphone}:o:1", &["state", "paid_at"]), "state=CANCELLED paid_at=nil");
    assert_eq!(client.books("iphone"), "total=10 available=10 reserved=0 sold=0");
}

#[test]
fn a_refund_returns_the_units_only_with_restock() {
    let (_server, mut client) = shop();
    for (req, order) in [("r1", "{iphone}:o:1"), ("r2", "{iphone}:o:2")] {
        client.reserve("iphone", req, "u1", 2);
        client.says(&format!("ORDER.REFUND {order} f"), "[NOT_PAID]");
        client.says(&format!("ORDER.PAY {order} p 1199800 pay-{req}"), &format!("[PAID {order}]"));
    }
    client.says("ORDER.REFUND {iphone}:o:1 f1", "[REFUNDED]");
    assert_eq!(client.books("iphone"), "total=10 available=6 reserved=0 sold=4");
    client.says("ORDER.REFUND {iphone}:o:2 f1 RESTOCK", "[REFUNDED]");
    client.says("ORDER.REFUND {iphone}:o:2 f1 RESTOCK", "[REFUNDED]");
    assert_eq!(client.books("iphone"), "total=10 available=8 reserved=0 sold=2");
    assert_eq!(client.fields("ORDER.GET {iphone}:o:2", &["state"]), "state=REFUNDED");
}

#[test]
fn the_report_counts_what_happened() {
    let (_server, mut client) = shop();
    client.reserve("iphone", "r1", "u1", 2);
    client.reserve("iphone", "r2", "u2", 3);
    client.reserve("iphone", "r3", "u3", 4);
    client.says("ORDER.PAY {iphone}:o:1 p 1199800 pay-1", "[PAID {iphone}:o:1]");
    client.says("ORDER.CANCEL {iphone}:o:3 c", "[CANCELLED]");
    client.says("ORDER.RESERVE iphone r4 u4 6", "[SOLD_OUT]");
    client.says("ORDER.RESERVE iphone r4 u4 7", "[SOLD_OUT]");
    client.says("ORDER.RESERVE iphone r4 u4 1 MAXPRICE 1", "[PRICE_CHANGED 599900]");
    let report = client.value("REPORT iphone");
    let of = |name: &str| show(report.get(name).unwrap());
    assert_eq!(of("orders"), "[RESERVED 1 PAID 1 CANCELLED 1 EXPIRED 0 REFUND_DUE 0 REFUNDED 0]");
    assert_eq!(of("units"), "[RESERVED 3 PAID 2 CANCELLED 4 EXPIRED 0 REFUND_DUE 0 REFUNDED 0]");
    assert_eq!(
        of("money"),
        "[RESERVED 1799700 PAID 1199800 CANCELLED 2399600 EXPIRED 0 REFUND_DUE 0 REFUNDED 0]"
    );
    let rejections = report.get("rejections").unwrap();
    let count = |status| rejections.get(status).and_then(tidegate_protocol::resp::Value::as_int).unwrap_or(0);
    assert_eq!((count("SOLD_OUT"), count("PRICE_CHANGED"), count("LIMIT")), (2, 1, 0));
    assert_eq!(
        (of("first_time_buyers"), of("currency"), of("balanced")),
        ("1".into(), "GBP".into(), "1".into())
    );
    assert_eq!(of("first_sale_at"), of("last_sale_at"));
    assert_eq!(client.books("iphone"), "total=10 available=5 reserved=3 sold=2");
}

#[test]
fn a_sku_sells_out_and_sells_again() {
    let (_server, mut client) = shop_of(&document(2, 500, ""));
    client.reserve("iphone", "r1", "u1", 1);
    client.says("ORDER.RESERVE iphone r2 u2 2", "[SOLD_OUT]");
    client.reserve("iphone", "r2", "u2", 1);
    client.says("ORDER.RESERVE iphone r3 u3 1", "[SOLD_OUT]");
    assert_eq!(client.fields("SKU.GET iphone", &["state", "available"]), "state=SOLD_OUT available=0");
    // An accepted request gets its answer even now, and a rejection is not remembered.
    assert_eq!(client.reserve("iphone", "r2", "u2", 1).order, "{iphone}:o:2");
    client.says("SKU.RESTOCK iphone s1 -1", "[INSUFFICIENT 0]");
    client.says("SKU.RESTOCK iphone s1 1", "[RESTOCKED 1]");
    assert_eq!(client.reserve("iphone", "r3", "u3", 1).order, "{iphone}:o:3");
    assert_eq!(client.books("iphone"), "total=3 available=0 reserved=3 sold=0");
}

#[test]
fn limits_count_what_a_buyer_holds_and_has_paid() {
    let (_server, mut client) = shop_of(&document(10, 500, r#","per_buyer_limit":3,"per_order_limit":2"#));
    client.says("ORDER.RESERVE iphone r0 u1 3", "[LIMIT 2]");
    client.reserve("iphone", "r1", "u1", 2);
    client.says("ORDER.RESERVE iphone r2 u1 2", "[LIMIT 1]");
    client.reserve("iphone", "r2", "u1", 1);
    client.says("ORDER.RESERVE iphone r3 u1 1", "[LIMIT 0]");
    client.says("ORDER.PAY {iphone}:o:1 p 1000 pay-1", "[PAID {iphone}:o:1]");
    client.says("ORDER.RESERVE iphone r3 u1 1", "[LIMIT 0]");
    client.says("ORDER.CANCEL {iphone}:o:2 c", "[CANCELLED]");
    client.reserve("iphone", "r3", "u1", 1);
    client.reserve("iphone", "r1", "u2", 2);
}

#[test]
fn a_buyer_is_only_charged_what_he_agreed_to() {
    let (_server, mut client) = shop();
    client.says("ORDER.RESERVE iphone r1 u1 1 MAXPRICE 599899", "[PRICE_CHANGED 599900]");
    assert!(
        client
            .ask("ORDER.RESERVE iphone r1 u1 1 MAXPRICE 599900")
            .starts_with("[RESERVED {iphone}:o:1 599900 ")
    );
}

#[test]
fn a_sale_has_a_beginning_and_an_end() {
    let later = now() + 3_600_000;
    let (_server, mut client) = shop_of(&document(5, 500, &format!(r#","starts_at":{later}"#)));
    client.says("ORDER.RESERVE iphone r1 u1 1", &format!("[NOT_OPEN {later}]"));
    assert_eq!(
        client.fields("SKU.GET iphone", &["state", "available", "starts_at"]),
        format!("state=SCHEDULED available=5 starts_at={later}")
    );
    // It is the same moment in another time zone.
    let ended = r#","starts_at":"2024-11-11T00:00:00+08:00","ends_at":"2024-11-12T00:00:00+08:00""#;
    client.says(&format!("SKU.PUT iphone {}", document(5, 500, ended)), "[UPDATED]");
    client.says("ORDER.RESERVE iphone r1 u1 1", "[ENDED]");
    assert_eq!(
        client.fields("SKU.GET iphone", &["state", "starts_at", "ends_at"]),
        "state=ENDED starts_at=1731254400000 ends_at=1731340800000"
    );
    client.says(&format!("SKU.PUT iphone {}", document(5, 500, "")), "[UPDATED]");
    client.reserve("iphone", "r1", "u1", 1);
    assert_eq!(client.books("iphone"), "total=5 available=4 reserved=1 sold=0");
}

#[test]
fn a_paused_sale_takes_payments_and_no_reservations() {
    let (_server, mut client) = shop();
    client.reserve("iphone", "r1", "u1", 1);
    client.says("SKU.PAUSE iphone", "[PAUSED]");
    client.says("SKU.PAUSE iphone", "[PAUSED]");
    client.says("ORDER.RESERVE iphone r2 u2 1", "[PAUSED]");
    assert_eq!(client.fields("SKU.GET iphone", &["state"]), "state=PAUSED");
    client.says("ORDER.PAY {iphone}:o:1 p 599900 pay-1", "[PAID {iphone}:o:1]");
    client.says("SKU.RESUME iphone", "[RESUMED]");
    client.reserve("iphone", "r2", "u2", 1);
}

#[test]
fn blocked_buyers_and_strangers_to_the_list_get_nothing() {
    let (_server, mut client) = shop_of(&document(10, 500, r#","allow":["u1","u2"]"#));
    client.says("BUYER.BLOCK iphone u1", "[BLOCKED]");
    client.says("ORDER.RESERVE iphone r1 u1 1", "[BLOCKED]");
    client.says("ORDER.RESERVE iphone r1 u3 1", "[NOT_ELIGIBLE]");
    client.says("BUYER.UNBLOCK iphone u1", "[UNBLOCKED]");
    client.reserve("iphone", "r1", "u1", 1);
    client.reserve("iphone", "r1", "u2", 1);
}

#[test]
fn a_hold_that_runs_out_gives_its_units_back_by_itself() {
    let (_server, mut client) =
        shop_of(&document(1, 500, r#","hold_s":1,"late_payment":"refund","max_lapses":1"#));
    client.reserve("iphone", "r1", "u1", 1);
    let ask = || client.fields("ORDER.GET {iphone}:o:1", &["state"]);
    until("the end of the hold", ask, |state| state == "state=EXPIRED");
    assert_eq!(client.books("iphone"), "total=1 available=1 reserved=0 sold=0");
    client.says("ORDER.CANCEL {iphone}:o:1 c", "[EXPIRED]");
    client.says("ORDER.RESERVE iphone r2 u1 1", "[BLOCKED]");
    client.says("ORDER.PAY {iphone}:o:1 p 500 pay-1", "[REFUND_DUE {iphone}:o:1]");
    client.says("ORDER.PAY {iphone}:o:1 p 500 pay-1", "[REFUND_DUE {iphone}:o:1]");
    client.reserve("iphone", "r1", "u2", 1);
    assert_eq!(client.books("iphone"), "total=1 available=0 reserved=1 sold=0");
}

#[test]
fn the_view_shows_an_expired_hold_although_nobody_asks_the_actor() {
    let (_server, mut client) = shop_of(&document(1, 500, r#","hold_s":1"#));
    client.reserve("iphone", "r1", "u1", 1);
    let ask = || client.fields("SKU.GET iphone", &["state", "available"]);
    until("the end of the hold", ask, |state| state == "state=OPEN available=1");
}

#[test]
fn commands_of_one_write_take_effect_in_order() {
    let (_server, mut client) = shop();
    let replies = client.pipeline(&[
        "SKU.GET iphone",
        "ORDER.CANCEL {iphone}:o:1 c1",
        "ORDER.RESERVE iphone r1 u1 4",
        "SKU.GET iphone",
        "ORDER.PAY {iphone}:o:1 p1 2399600 pay-1",
        "ORDER.GET {iphone}:o:1",
        "PING",
        "SKU.MGET iphone nothing iphone",
        "ORDER.RESERVE iphone r2 u2 7",
        "SKU.RESTOCK iphone s1 1",
        "ORDER.RESERVE iphone r2 u2 7",
        "REPORT iphone",
    ]);
    let stock = |reply: &str| {
        let from = reply.find("total").unwrap();
        reply[from..].split(" starts_at").next().unwrap().to_owned()
    };
    assert_eq!(stock(&replies[0]), "total 10 available 10 reserved 0 sold 0");
    assert_eq!(replies[1], "[NOT_FOUND]");
    assert!(replies[2].starts_with("[RESERVED {iphone}:o:1 2399600 "), "{}", replies[2]);
    assert_eq!(stock(&replies[3]), "total 10 available 6 reserved 4 sold 0");
    assert_eq!(replies[4], "[PAID {iphone}:o:1]");
    assert!(replies[5].contains(" state PAID "), "{}", replies[5]);
    assert_eq!(replies[6], "PONG");
    assert_eq!(replies[7].matches("available 6 reserved 0 sold 4").count(), 2, "{}", replies[7]);
    assert!(replies[7].contains("] nil ["), "{}", replies[7]);
    assert_eq!(replies[8], "[SOLD_OUT]");
    assert_eq!(replies[9], "[RESTOCKED 7]");
    assert!(replies[10].starts_with("[RESERVED {iphone}:o:2 "), "{}", replies[10]);
    assert!(replies[11].contains(" total 11 available 0 reserved 7 sold 4 "), "{}", replies[11]);
}

#[test]
fn a_pipeline_over_many_skus_is_answered_in_order() {
    let server = Server::start();
    let mut client = server.client();
    let each = |line: &dyn Fn(usize) -> String| (0..100).map(line).collect::<Vec<_>>();
    let created = client.pipeline(&each(&|n| format!("SKU.PUT sku-{n} {}", document(2, 100 + n as u64, ""))));
    assert!(created.iter().all(|reply| reply == "[CREATED]"), "{created:?}");
    // Twice over, so that each actor is met again after all the others.
    let mut lines = each(&|n| format!("ORDER.RESERVE sku-{n} r1 u1 1"));
    lines.extend(each(&|n| format!("SKU.GET sku-{n}")));
    lines.extend(each(&|n| format!("ORDER.RESERVE sku-{n} r2 u1 2")));
    let replies = client.pipeline(&lines);
    for n in 0..100 {
        let price = 100 + n;
        assert!(replies[n].starts_with(&format!("[RESERVED {{sku-{n}}}:o:1 {price} ")), "{}", replies[n]);
        let (shown, after) = (&replies[100 + n], &replies[200 + n]);
        assert!(shown.starts_with(&format!("[sku sku-{n} ")), "{shown}");
        assert!(shown.contains(&format!(" price {price} ")) && shown.contains(" available 1 "), "{shown}");
        assert_eq!(after, "[SOLD_OUT]");
    }
    let names = each(&|n| format!("sku-{n}")).join(" ");
    let shown = client.value(&format!("SKU.MGET {names}"));
    let shown: Vec<_> = shown.items().iter().map(|sku| show(sku.get("sku").unwrap())).collect();
    assert_eq!(shown.join(" "), names);
}

#[test]
fn a_longer_pipeline_than_one_batch_loses_nothing() {
    let (server, mut client) = shop_of(&document(100_000, 500, ""));
    let lines: Vec<_> = (0..5_000).map(|n| format!("ORDER.RESERVE iphone r{n} u{} 1", n % 7)).collect();
    let replies = client.pipeline(&lines);
    for (n, reply) in replies.iter().enumerate() {
        assert!(reply.starts_with(&format!("[RESERVED {{iphone}}:o:{} 500 ", n + 1)), "{n}: {reply}");
    }
    assert_eq!(server.client().books("iphone"), "total=100000 available=95000 reserved=5000 sold=0");
}

#[test]
fn two_hundred_buyers_at_once_never_get_more_than_there_is() {
    let (server, mut client) = shop_of(&document(30, 500, ""));
    let buyers: Vec<_> = (0..8)
        .map(|buyer| {
            let mut client = server.client();
            std::thread::spawn(move || {
                let lines: Vec<_> =
                    (0..25).map(|n| format!("ORDER.RESERVE iphone r{n} u{buyer} 1")).collect();
                client.pipeline(&lines).iter().filter(|reply| reply.starts_with("[RESERVED ")).count()
            })
        })
        .collect();
    let held: usize = buyers.into_iter().map(|buyer| buyer.join().unwrap()).sum();
    assert_eq!(held, 30);
    assert_eq!(client.books("iphone"), "total=30 available=0 reserved=30 sold=0");
}

#[test]
fn resp3_shows_maps_and_nulls_of_its_own() {
    let (_server, mut client) = shop();
    let hello = client.value("HELLO 3 SETNAME till-1");
    let of = |name: &str| show(hello.get(name).unwrap());
    assert!(matches!(hello, tidegate_protocol::resp::Value::Map(_)), "{hello:?}");
    assert_eq!((of("server"), of("proto"), of("role")), ("tidegate".into(), "3".into(), "master".into()));
    assert!(hello.get("id").unwrap().as_int().is_some(), "{hello:?}");
    client.says("CLIENT GETNAME", "till-1");
    assert_eq!(
        client.ask("SKU.GET iphone"),
        "{available=10 currency=GBP ends_at=nil next_price=nil next_price_at=nil price=599900 reserved=0 seq=1 \
         sku=iphone sold=0 starts_at=nil state=OPEN title=Rose_bowl total=10}"
    );
    client.says("SKU.GET nothing", "nil");
    assert!(client.ask("ORDER.RESERVE iphone r1 u1 1").starts_with("[RESERVED {iphone}:o:1 599900 "));
    assert!(client.ask("ORDER.GET {iphone}:o:1").contains("discounts=[]"));
    assert!(
        client
            .ask("REPORT iphone")
            .contains("orders={CANCELLED=0 EXPIRED=0 PAID=0 REFUNDED=0 REFUND_DUE=0 RESERVED=1}")
    );
    // The protocol is the one in force when the command was read, also inside one write.
    let replies = client.pipeline(&["SKU.GET iphone", "HELLO 2", "SKU.GET iphone", "RESET", "PING"]);
    assert!(replies[0].starts_with("{available=9"), "{replies:?}");
    assert!(replies[2].starts_with("[sku iphone"), "{replies:?}");
    assert_eq!(replies[3..], ["RESET", "PONG"]);
}

#[test]
fn what_is_not_there_is_nil_or_not_found() {
    let (_server, mut client) = shop();
    for (line, expected) in [
        ("SKU.GET nothing", "nil"),
        ("SKU.MGET nothing nobody", "[nil nil]"),
        ("REPORT nothing", "nil"),
        ("SKU.PAUSE nothing", "[NOT_FOUND]"),
        ("SKU.RESUME nothing", "[NOT_FOUND]"),
        ("SKU.RESTOCK nothing r 1", "[NOT_FOUND]"),
        ("ORDER.RESERVE nothing r1 u1 1", "[NOT_FOUND]"),
        ("BUYER.BLOCK nothing u1", "[NOT_FOUND]"),
        ("BUYER.UNBLOCK nothing u1", "[NOT_FOUND]"),
        ("ORDER.GET {nothing}:o:1", "nil"),
        ("ORDER.GET {iphone}:o:1", "nil"),
        ("ORDER.GET {iphone}:o:0", "nil"),
        ("ORDER.GET {iphone}:o:99999999999999999999", "nil"),
        ("ORDER.GET {iphone}:r:1", "nil"),
        ("ORDER.GET iphone", "nil"),
        ("ORDER.GET {iphone}:o:1x", "nil"),
        ("ORDER.GET {iphone}:o:01", "nil"),
        ("ORDER.PAY {iphone}:o:1 p 1 pay", "[NOT_FOUND]"),
        ("ORDER.PAY {nothing}:o:1 p 1 pay", "[NOT_FOUND]"),
        ("ORDER.PAY nonsense p 1 pay", "[NOT_FOUND]"),
        ("ORDER.CANCEL {iphone}:o:1 c", "[NOT_FOUND]"),
        ("ORDER.CANCEL nonsense c", "[NOT_FOUND]"),
        ("ORDER.REFUND {iphone}:o:1 f", "[NOT_FOUND]"),
    ] {
        client.says(line, expected);
    }
    assert_eq!(client.books("iphone"), "total=10 available=10 reserved=0 sold=0");
}
