//! Carts over real sockets: several SKUs at once, all or none.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use common::{Client, Process, Server, show, until};
use tidegate_protocol::resp::Value;

fn put(client: &mut Client, sku: &str, stock: u32, price: u32, more: &str) {
    let document = format!(
        r#"{{"title":"T","stock":{stock},"currency":"CNY","price":{{"fixed":{price}}},"campaign":"fair"{more}}}"#
    );
    client.says(&format!("SKU.PUT {sku} {document}"), "[CREATED]");
}

const FAIR: &str = r#"{"title":"11.11","thresholds":[{"spend":20000,"off":1000},{"spend":30000,"off":4000}],"coupon_windows":[{"event":"try_on","percent_off":20,"window_s":1800,"skus":["coat","hat"]}]}"#;

/// A campaign with a coat of 199.00, a hat of 101.00 and a pair of socks of 9.99.
fn fair(client: &mut Client) {
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[CREATED]");
    put(client, "coat", 10, 19_900, "");
    put(client, "hat", 10, 10_100, "");
    put(client, "sock", 10, 999, "");
}

/// The cart's id, and what is due.
fn reserve(client: &mut Client, line: &str) -> (String, i64) {
    let told = client.value(line);
    let items = told.items();
    assert_eq!(items.first().and_then(Value::as_str), Some("RESERVED"), "{line}: {}", show(&told));
    (items[1].as_str().unwrap().to_owned(), items[2].as_int().unwrap())
}

#[test]
fn a_cart_over_a_threshold_costs_less_and_a_refund_of_one_line_is_exact() {
    let server = Server::start();
    let mut client = server.client();
    fair(&mut client);
    let told = client.value("CART.RESERVE fair r1 ann hat 1 coat 1");
    let expires_at = told.items()[3].as_int().unwrap();
    assert_eq!(show(&told), format!("[RESERVED {{fair}}:c:1 26000 {expires_at} 4000]"));
    assert_eq!(
        client.fields(
            "CART.GET {fair}:c:1",
            &[
                "cart",
                "state",
                "campaign",
                "buyer",
                "lines",
                "amount",
                "currency",
                "threshold_discount",
                "paid_at"
            ]
        ),
        "cart={fair}:c:1 state=RESERVED campaign=fair buyer=ann lines=[[{coat}:o:1 coat 1 17247] [{hat}:o:1 hat 1 8753]] \
         amount=26000 currency=CNY threshold_discount=4000 paid_at=nil"
    );
    let fields = ["state", "amount", "discounts", "cart", "expires_at"];
    assert_eq!(
        client.fields("ORDER.GET {coat}:o:1", &fields),
        format!(
            "state=RESERVED amount=17247 discounts=[[threshold 2653]] cart={{fair}}:c:1 expires_at={expires_at}"
        )
    );
    client.says("CART.PAY {fair}:c:1 p1 30000 pay-1", "[AMOUNT_MISMATCH 26000]");
    client.says("CART.PAY {fair}:c:1 p2 26000 pay-1", "[PAID {fair}:c:1]");
    client.says("CART.CANCEL {fair}:c:1 c1", "[ALREADY_PAID]");
    assert_eq!(client.fields("CART.GET {fair}:c:1", &["state"]), "state=PAID");
    for sku in ["coat", "hat"] {
        assert_eq!(client.books(sku), "total=10 available=9 reserved=0 sold=1", "{sku}");
        assert_eq!(client.fields(&format!("ORDER.GET {{{sku}}}:o:1"), &["state"]), "state=PAID");
    }
    client.says("ORDER.REFUND {hat}:o:1 f1 RESTOCK", "[REFUNDED]");
    let report = client.value("REPORT fair");
    let money = |state: &str| report.get("money").and_then(|money| money.get(state)).map(show);
    assert_eq!(money("PAID").zip(money("REFUNDED")), Some(("17247".to_owned(), "8753".to_owned())));
    assert_eq!(report.get("balanced").map(show).as_deref(), Some("1"));
    // Under the threshold, at it, and without one.
    assert_eq!(reserve(&mut client, "CART.RESERVE fair r2 ann coat 1").1, 19_900);
    assert_eq!(reserve(&mut client, "CART.RESERVE fair r3 ann coat 1 sock 1").1, 19_899);
    assert_eq!(reserve(&mut client, "CART.RESERVE fair r4 ann sock 3").1, 2_997);
}

#[test]
fn a_cart_whose_last_line_can_not_be_had_holds_nothing() {
    let server = Server::start();
    let mut client = server.client();
    fair(&mut client);
    put(&mut client, "vase", 1, 5_000, "");
    put(&mut client, "zither", 5, 5_000, r#","per_buyer_limit":2"#);
    client.reserve("vase", "r0", "bob", 1);
    client.says("CART.RESERVE fair r1 ann coat 1 hat 1 vase 1", "[SOLD_OUT vase]");
    client.says("CART.RESERVE fair r1 ann coat 1 hat 1 zither 3", "[LIMIT 2 zither]");
    client.says("CART.RESERVE fair r1 ann coat 11 vase 1", "[SOLD_OUT coat]");
    client.says("SKU.PAUSE hat", "[PAUSED]");
    client.says("CART.RESERVE fair r1 ann coat 1 hat 1", "[PAUSED hat]");
    client.says("SKU.RESUME hat", "[RESUMED]");
    client.says("BUYER.BLOCK sock ann", "[BLOCKED]");
    client.says("CART.RESERVE fair r1 ann coat 1 sock 1", "[BLOCKED sock]");
    client.says("CART.RESERVE fair r1 ann coat 1 nothing 1", "[NOT_FOUND nothing]");
    for sku in ["coat", "hat", "sock"] {
        assert_eq!(client.books(sku), "total=10 available=10 reserved=0 sold=0", "{sku}");
    }
    // A request that came to nothing may come again.
    assert_eq!(reserve(&mut client, "CART.RESERVE fair r1 ann coat 1 hat 1 zither 2").1, 36_000);
}

#[test]
fn a_bad_cart_is_a_clear_error_and_costs_nothing() {
    let server = Server::start_with(|config| config.limits.max_lines_per_cart = 3);
    let mut client = server.client();
    client.says("CART.RESERVE fair r1 ann coat 1", "[NOT_FOUND]");
    client.says("CART.PAY {fair}:c:1 r1 1 p", "[NOT_FOUND]");
    client.says("CART.CANCEL nonsense r1", "[NOT_FOUND]");
    client.says("CART.GET {fair}:c:1", "nil");
    fair(&mut client);
    client.says("CART.GET {fair}:c:1", "nil");
    client.says("CART.GET nonsense", "nil");
    client.says("CART.PAY {fair}:c:1 r1 1 p", "[NOT_FOUND]");
    let lone = r#"{"title":"T","stock":5,"currency":"CNY","price":{"fixed":5}}"#;
    client.says(&format!("SKU.PUT lone {lone}"), "[CREATED]");
    client.says("CART.RESERVE fair r1 ann lone 1 coat 1", "[NOT_FOUND lone]");
    let told = client.ask("CART.RESERVE fair r1 ann coat 1 hat 1 coat 1");
    assert_eq!(told, "-ERR coat is in the cart twice; name each SKU once, with all its units");
    let told = client.ask("CART.RESERVE fair r1 ann a 1 b 1 c 1 d 1");
    assert!(told.starts_with("-ERR a cart has at most 3 lines (limits.max_lines_per_cart)"), "{told}");
    assert_eq!(client.books("coat"), "total=10 available=10 reserved=0 sold=0");
}

#[test]
fn a_line_is_paid_and_ended_by_its_cart_alone() {
    let server = Server::start();
    let mut client = server.client();
    fair(&mut client);
    reserve(&mut client, "CART.RESERVE fair r1 ann coat 1 hat 2");
    for command in ["ORDER.PAY {coat}:o:1 p1 17247 pay-1", "ORDER.CANCEL {coat}:o:1 c1"] {
        let told = client.ask(command);
        assert!(told.starts_with("-ERR this order is a line of a cart"), "{told}");
    }
    client.says("CART.CANCEL {fair}:c:1 c1", "[CANCELLED]");
    client.says("CART.CANCEL {fair}:c:1 c1", "[CANCELLED]");
    assert_eq!(client.books("coat"), "total=10 available=10 reserved=0 sold=0");
    assert_eq!(client.books("hat"), "total=10 available=10 reserved=0 sold=0");
    assert_eq!(client.fields("ORDER.GET {hat}:o:1", &["state"]), "state=CANCELLED");
    client.says("CART.PAY {fair}:c:1 p1 36100 pay-1", "[CANCELLED]");
}

#[test]
fn a_coupon_is_used_once_for_all_lines_that_it_is_good_for() {
    let server = Server::start();
    let mut client = server.client();
    fair(&mut client);
    let told = client.value("COUPON.TRIGGER fair t1 ann try_on");
    let coupon = told.items()[1].as_str().unwrap().to_owned();
    client.says(&format!("CART.RESERVE fair r0 bob coat 1 COUPON {coupon}"), "[COUPON_INVALID coat]");
    client.says(&format!("CART.RESERVE fair r0 ann sock 1 COUPON {coupon}"), "[COUPON_INVALID sock]");
    client.says("CART.RESERVE fair r0 ann coat 1 hat 1 COUPON forged", "[COUPON_INVALID coat]");
    // 159.20 and 80.80 and 9.99: over the lower threshold only.
    let line = format!("CART.RESERVE fair r1 ann coat 1 hat 1 sock 1 COUPON {coupon}");
    let (cart, due) = reserve(&mut client, &line);
    assert_eq!(due, 15_920 + 8_080 + 999 - 1_000);
    let used =
        |client: &mut Client, sku: &str| client.fields(&format!("ORDER.GET {{{sku}}}:o:1"), &["discounts"]);
    assert_eq!(used(&mut client, "coat"), "discounts=[[coupon 3980] [threshold 637]]");
    assert_eq!(used(&mut client, "hat"), "discounts=[[coupon 2020] [threshold 323]]");
    assert_eq!(used(&mut client, "sock"), "discounts=[[threshold 40]]");
    let again = format!("ORDER.RESERVE hat r2 ann 1 COUPON {coupon}");
    client.says(&again, "[COUPON_INVALID]");
    client.says(&format!("CART.CANCEL {cart} c1"), "[CANCELLED]");
    assert!(client.ask(&again).starts_with("[RESERVED {hat}:o:2 8080 "));
    client.says(&format!("CART.RESERVE fair r3 ann coat 1 COUPON {coupon}"), "[COUPON_INVALID coat]");
    client.says("ORDER.CANCEL {hat}:o:2 c2", "[CANCELLED]");
    let (cart, due) = reserve(&mut client, &format!("CART.RESERVE fair r4 ann coat 2 hat 1 COUPON {coupon}"));
    client.says(&format!("CART.PAY {cart} p1 {due} pay-1"), &format!("[PAID {cart}]"));
    client.says(&format!("CART.RESERVE fair r5 ann coat 1 COUPON {coupon}"), "[COUPON_INVALID coat]");
}

#[test]
fn a_cart_that_runs_out_gives_its_units_back_and_late_money_is_due_back() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[CREATED]");
    // The shorter hold counts.
    put(&mut client, "coat", 1, 19_900, r#","hold_s":1,"max_lapses":1"#);
    put(&mut client, "hat", 1, 10_100, "");
    reserve(&mut client, "CART.RESERVE fair r1 ann coat 1 hat 1");
    client.says("ORDER.RESERVE hat r2 bob 1", "[SOLD_OUT]");
    let books = until(
        "both lines ended",
        || (client.books("coat"), client.books("hat")),
        |(coat, hat)| coat == "total=1 available=1 reserved=0 sold=0" && coat == hat,
    );
    drop(books);
    assert_eq!(client.fields("CART.GET {fair}:c:1", &["state"]), "state=EXPIRED");
    assert_eq!(client.fields("ORDER.GET {hat}:o:1", &["state"]), "state=EXPIRED");
    client.says("CART.CANCEL {fair}:c:1 c1", "[EXPIRED]");
    client.says("CART.PAY {fair}:c:1 p1 26000 pay-1", "[REFUND_DUE {fair}:c:1]");
    client.says("CART.PAY {fair}:c:1 p1 26000 pay-1", "[REFUND_DUE {fair}:c:1]");
    assert_eq!(client.fields("CART.GET {fair}:c:1", &["state"]), "state=REFUND_DUE");
    for (sku, due) in [("coat", 17_247), ("hat", 8_753)] {
        let told = client.fields(&format!("ORDER.GET {{{sku}}}:o:1"), &["state", "amount"]);
        assert_eq!(told, format!("state=REFUND_DUE amount={due}"));
    }
    // A cart that runs out is a lapse, where that counts.
    client.says("CART.RESERVE fair r2 ann coat 1 hat 1", "[BLOCKED coat]");
    client.reserve("hat", "r3", "ann", 1);
    client.says("CART.RESERVE fair r4 bob coat 1 hat 1", "[SOLD_OUT hat]");
    assert_eq!(client.books("coat"), "total=1 available=1 reserved=0 sold=0");
}

#[test]
fn the_same_request_is_one_cart_however_often_and_fast_it_comes() {
    let server = Server::start();
    let mut client = server.client();
    fair(&mut client);
    let line = "CART.RESERVE fair r1 ann coat 1 hat 1";
    let told =
        client.pipeline(&[line, line, "CART.GET {fair}:c:1", line, "CART.RESERVE fair r1 ann hat 1 coat 1"]);
    assert!(told[0].starts_with("[RESERVED {fair}:c:1 26000 "), "{told:?}");
    assert!(told[2].contains("{coat}:o:1"), "{told:?}");
    assert_eq!((&told[1], &told[3], &told[4]), (&told[0], &told[0], &told[0]));
    assert!(client.ask("CART.RESERVE fair r1 ann coat 1").starts_with("-IDEMPREUSE "));
    // Another buyer's request of the same id is another request.
    reserve(&mut client, "CART.RESERVE fair r1 bob coat 1");
    assert_eq!(client.books("coat"), "total=10 available=8 reserved=2 sold=0");
    // Over many connections at once.
    let all: Vec<String> = std::thread::scope(|scope| {
        let ask = |mut client: Client| {
            move || loop {
                let told = client.ask("CART.RESERVE fair r2 ann coat 1 hat 1");
                // It is being carried out for another connection.
                if !told.starts_with("-OVERLOADED ") {
                    return told;
                }
            }
        };
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask(server.client()))).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(all.iter().all(|told| *told == all[0] && told.starts_with("[RESERVED ")), "{all:?}");
    assert_eq!(client.books("coat"), "total=10 available=7 reserved=3 sold=0");
    let paid = client.pipeline(&[
        "CART.PAY {fair}:c:1 p 26000 x",
        "CART.PAY {fair}:c:1 p 26000 x",
        "CART.PAY {fair}:c:1 q 26000 x",
    ]);
    assert_eq!(paid, ["[PAID {fair}:c:1]"; 3]);
    client.says("CART.PAY {fair}:c:1 q2 26000 y", "[REFUND_DUE {fair}:c:1]");
    assert!(client.ask("CART.PAY {fair}:c:1 p 26000 z").starts_with("-IDEMPREUSE "));
}

#[test]
fn carts_of_one_pipeline_are_served_in_order() {
    let server = Server::start();
    let mut client = server.client();
    fair(&mut client);
    put(&mut client, "zither", 1, 5_000, "");
    let told = client.pipeline(&[
        "CART.RESERVE fair r1 ann coat 1 hat 1 zither 1",
        "CART.RESERVE fair r2 bob zither 1",
        "CART.RESERVE fair r3 cyd coat 8 zither 1",
        "CART.RESERVE fair r4 dan sock 9",
    ]);
    assert!(told[0].starts_with("[RESERVED "), "{told:?}");
    assert_eq!(told[1..3], ["[SOLD_OUT zither]", "[SOLD_OUT zither]"]);
    assert!(told[3].starts_with("[RESERVED "), "{told:?}");
}

#[test]
fn a_paid_cart_brings_the_codes_and_serials_of_all_its_lines() {
    let server = Server::start();
    let mut client = server.client();
    fair(&mut client);
    put(&mut client, "card", 3, 5_000, r#","fulfilment":{"codes":["A-1","A-2","A-3"]}"#);
    put(&mut client, "print", 5, 5_000, r#","fulfilment":{"numbered":true}"#);
    reserve(&mut client, "CART.RESERVE fair r1 ann print 2 card 2 coat 1");
    let paid = "[PAID {fair}:c:1 A-1 A-2 1 2]";
    client.says("CART.PAY {fair}:c:1 p1 35900 pay-1", paid);
    client.says("CART.PAY {fair}:c:1 p1 35900 pay-1", paid);
    client.says("CART.PAY {fair}:c:1 p2 35900 pay-1", paid);
}

#[test]
fn crossing_carts_of_many_buyers_never_oversell_and_never_hold_half() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[CREATED]");
    for sku in ["a", "b", "c"] {
        put(&mut client, sku, 40, 500, "");
    }
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let mut client = server.client();
            scope.spawn(move || {
                let skus = [["a", "b", "c"], ["c", "b", "a"], ["b", "a", "c"]][thread % 3];
                let line = |n: usize| {
                    let [x, y, z] = skus;
                    format!("CART.RESERVE fair r{n} t{thread} {x} 1 {y} 1 {z} {}", 1 + n % 2)
                };
                for n in (0..40).step_by(4) {
                    let told = client.pipeline(&(n..n + 4).map(line).collect::<Vec<_>>());
                    for (at, told) in told.iter().enumerate() {
                        let cart = told.strip_prefix("[RESERVED ").and_then(|rest| rest.split(' ').next());
                        match cart {
                            Some(cart) if at % 2 == 0 => {
                                client.says(&format!("CART.CANCEL {cart} c"), "[CANCELLED]")
                            }
                            Some(_) => {}
                            None => assert!(told.starts_with("[SOLD_OUT "), "{told}"),
                        }
                    }
                }
            });
        }
    });
    let mut held = std::collections::BTreeMap::<String, i64>::new();
    for number in 1.. {
        let cart = client.value(&format!("CART.GET {{fair}}:c:{number}"));
        let Some(state) = cart.get("state").and_then(Value::as_str) else {
            // Numbers of carts that did not come to be are left out.
            if number > 500 {
                break;
            } else {
                continue;
            };
        };
        for line in cart.get("lines").unwrap().items().iter().filter(|_| state == "RESERVED") {
            *held.entry(show(&line.items()[1])).or_default() += line.items()[2].as_int().unwrap();
        }
    }
    for (sku, units) in held {
        let books = format!("total=40 available={} reserved={units} sold=0", 40 - units);
        assert_eq!(client.books(&sku), books, "{sku}");
    }
}

#[test]
fn carts_are_there_again_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let process = Process::start(dir.path());
    let mut client = process.client();
    fair(&mut client);
    let line = "CART.RESERVE fair r1 ann coat 1 hat 1";
    let told = client.ask(line);
    client.says("CART.PAY {fair}:c:1 p1 26000 pay-1", "[PAID {fair}:c:1]");
    reserve(&mut client, "CART.RESERVE fair r2 ann coat 1 sock 1");
    let shown =
        ["CART.GET {fair}:c:1", "CART.GET {fair}:c:2", "ORDER.GET {coat}:o:1", "ORDER.GET {coat}:o:2"];
    let before: Vec<_> = shown.iter().map(|line| client.ask(line)).collect();
    process.kill();
    let process = Process::start(dir.path());
    let mut client = process.client();
    assert_eq!(shown.iter().map(|line| client.ask(line)).collect::<Vec<_>>(), before);
    assert_eq!(client.ask(line), told);
    client.says("CART.PAY {fair}:c:1 p1 26000 pay-1", "[PAID {fair}:c:1]");
    client.says("CART.CANCEL {fair}:c:2 c1", "[CANCELLED]");
    assert_eq!(client.books("coat"), "total=10 available=9 reserved=0 sold=1");
    reserve(&mut client, "CART.RESERVE fair r3 bob coat 9 sock 10");
}
