//! Rules that several actors share, where they meet: payments, coupons, limits and request ids across orders, carts and
//! campaigns, and documents that arrive together.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::sync::{Arc, Barrier};

use common::{Server, show};

fn sku(campaign: &str, more: &str) -> String {
    format!(
        r#"{{"title":"T","stock":9,"currency":"GBP","price":{{"fixed":100}},"campaign":"{campaign}"{more}}}"#
    )
}

const COUPONS: &str = r#"{"title":"C","coupon_windows":[{"event":"e","percent_off":20,"window_s":60}]}"#;

/// The code that a trigger granted.
fn coupon(client: &mut common::Client, campaign: &str, req: &str, buyer: &str) -> String {
    let told = client.value(&format!("COUPON.TRIGGER {campaign} {req} {buyer} e"));
    told.items()[1].as_str().unwrap().to_owned()
}

#[test]
fn a_second_payment_of_a_paid_cart_is_due_back_whatever_its_units_come_with() {
    let server = Server::start();
    let mut client = server.client();
    client.says(r#"CAMPAIGN.PUT c {"title":"C"}"#, "[CREATED]");
    client.says(&format!("SKU.PUT a {}", sku("c", r#","fulfilment":{"numbered":true}"#)), "[CREATED]");
    client.value("CART.RESERVE c r ann a 1");
    client.says("CART.PAY {c}:c:1 p1 100 pay-1", "[PAID {c}:c:1 1]");
    client.says("CART.PAY {c}:c:1 p2 100 pay-2", "[REFUND_DUE {c}:c:1]");
    client.says("CART.PAY {c}:c:1 p3 100 pay-1", "[PAID {c}:c:1 1]");
}

#[test]
fn a_payment_is_for_one_order_or_one_cart_of_a_sku() {
    let server = Server::start();
    let mut client = server.client();
    client.says(r#"CAMPAIGN.PUT c {"title":"C"}"#, "[CREATED]");
    for name in ["a", "b"] {
        client.says(&format!("SKU.PUT {name} {}", sku("c", "")), "[CREATED]");
    }
    let order = client.reserve("b", "r1", "ann", 1);
    client.says(&format!("ORDER.PAY {} p1 100 pay-1", order.order), "[PAID {b}:o:1]");
    client.value("CART.RESERVE c r2 ann a 1 b 1");
    let refused = client.ask("CART.PAY {c}:c:1 p2 200 pay-1");
    assert!(refused.starts_with("-IDEMPREUSE"), "{refused}");
    assert_eq!(client.fields("CART.GET {c}:c:1", &["state"]), "state=RESERVED");
    // Behind each other in one pipeline, each gets its own answer.
    let told = client.pipeline(&[
        "CART.PAY {c}:c:1 p3 199 pay-2",
        "CART.PAY {c}:c:1 p4 200 pay-1",
        "CART.PAY {c}:c:1 p5 200 pay-3",
    ]);
    assert_eq!((&*told[0], &*told[2]), ("[AMOUNT_MISMATCH 200]", "[PAID {c}:c:1]"));
    assert!(told[1].starts_with("-IDEMPREUSE"), "{told:?}");
    let other = client.reserve("a", "r3", "ann", 1);
    let refused = client.ask(&format!("ORDER.PAY {} p 100 pay-3", other.order));
    assert!(refused.starts_with("-IDEMPREUSE"), "{refused}");
}

#[test]
fn a_new_sku_is_part_of_its_campaign_from_its_first_moment_on() {
    let server = Server::start();
    let mut client = server.client();
    let campaign = r#"{"title":"C","starts_at":4102444800000,"per_buyer_limit":1,"skus":["named"]}"#;
    client.says(&format!("CAMPAIGN.PUT future {campaign}"), "[CREATED]");
    let open = r#"{"title":"T","stock":9,"currency":"GBP","price":{"fixed":100}}"#;
    for (name, document) in [("named", open.to_owned()), ("names-it", sku("future", ""))] {
        let told = client.pipeline(&[
            format!("SKU.PUT {name} {document}"),
            format!("ORDER.RESERVE {name} r ann 1"),
            format!("SKU.GET {name}"),
        ]);
        assert_eq!(told[..2], ["[CREATED]", "[NOT_OPEN 4102444800000]"], "{name}");
        assert!(told[2].contains("starts_at 4102444800000"), "{told:?}");
    }
    // Others who hammer at it while it is put find nothing or a SKU that has not begun.
    let start = Arc::new(Barrier::new(2));
    let hammer = {
        let (start, mut client) = (Arc::clone(&start), server.client());
        client.says(&format!("CAMPAIGN.PUT other {}", campaign.replace("named", "late")), "[CREATED]");
        std::thread::spawn(move || {
            start.wait();
            loop {
                match &*client.ask("ORDER.RESERVE late r bob 1") {
                    "[NOT_FOUND]" => {}
                    told => return told.to_owned(),
                }
            }
        })
    };
    start.wait();
    client.says(&format!("SKU.PUT late {open}"), "[CREATED]");
    assert_eq!(hammer.join().unwrap(), "[NOT_OPEN 4102444800000]");
}

#[test]
fn documents_that_come_together_are_judged_one_after_the_other() {
    let server = Server::start();
    let mut client = server.client();
    client.says(r#"CAMPAIGN.PUT mix {"title":"C"}"#, "[CREATED]");
    let pounds = sku("mix", "");
    let told = client.pipeline(&[
        format!("SKU.PUT m1 {pounds}"),
        format!("SKU.PUT m2 {}", pounds.replace("GBP", "USD")),
        r#"CAMPAIGN.PUT z1 {"title":"C","skus":["z"]}"#.to_owned(),
        r#"CAMPAIGN.PUT z2 {"title":"C","skus":["z"]}"#.to_owned(),
        "CAMPAIGN.GET mix".to_owned(),
    ]);
    assert_eq!((&*told[0], &*told[2]), ("[CREATED]", "[CREATED]"), "{told:?}");
    assert!(told[1].starts_with("-ERR currency: campaign mix sells in"), "{told:?}");
    assert!(told[3].starts_with("-ERR skus: z is part of campaign z1"), "{told:?}");
    assert!(told[4].contains("currency GBP") && told[4].contains("skus [m1]"), "{told:?}");
    // From several connections at once, too.
    let start = Arc::new(Barrier::new(4));
    let puts: Vec<_> = ["GBP", "EUR", "USD", "CNY"]
        .into_iter()
        .map(|currency| {
            let (start, mut client) = (Arc::clone(&start), server.client());
            let line = format!("SKU.PUT in-{currency} {}", sku("z1", "").replace("GBP", currency));
            std::thread::spawn(move || {
                start.wait();
                client.ask(&line)
            })
        })
        .collect();
    let told: Vec<String> = puts.into_iter().map(|put| put.join().unwrap()).collect();
    assert_eq!(told.iter().filter(|told| *told == "[CREATED]").count(), 1, "{told:?}");
}

#[test]
fn a_cart_that_its_buyer_can_not_have_leaves_no_orders_behind() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("CAMPAIGN.PUT c {COUPONS}"), "[CREATED]");
    client.says(&format!("SKU.PUT a {}", sku("c", "")), "[CREATED]");
    client.says(&format!("SKU.PUT limited {}", sku("c", r#","per_buyer_limit":1"#)), "[CREATED]");
    client.says(&format!("SKU.PUT lapses {}", sku("c", r#","max_lapses":1"#)), "[CREATED]");
    client.says(&format!("SKU.PUT guarded {}", sku("c", "")), "[CREATED]");
    client.reserve("limited", "r0", "ann", 1);
    let lapsed = client.reserve("lapses", "r0", "ann", 1);
    client.says(&format!("ORDER.CANCEL {} c0", lapsed.order), "[CANCELLED]");
    client.says("BUYER.BLOCK guarded ann", "[BLOCKED]");
    let code = coupon(&mut client, "c", "t1", "ann");
    client.value(&format!("ORDER.RESERVE a used ann 1 COUPON {code}"));
    let before = client.fields("SKU.GET a", &["seq"]);
    for req in 0..20 {
        client.says(&format!("CART.RESERVE c r{req} ann a 1 limited 1"), "[LIMIT 0 limited]");
        client.says(&format!("CART.RESERVE c r{req} ann a 1 lapses 1"), "[BLOCKED lapses]");
        client.says(&format!("CART.RESERVE c r{req} ann a 1 guarded 1"), "[BLOCKED guarded]");
        client.says(&format!("CART.RESERVE c r{req} ann a 1 limited 1 COUPON {code}"), "[COUPON_INVALID a]");
    }
    assert_eq!(client.fields("SKU.GET a", &["seq"]), before, "nothing was written");
}

#[test]
fn a_campaigns_limit_is_judged_before_any_line_is_held() {
    let server = Server::start();
    let mut client = server.client();
    client.says(r#"CAMPAIGN.PUT c {"title":"C","per_buyer_limit":3}"#, "[CREATED]");
    for name in ["a", "b"] {
        client.says(&format!("SKU.PUT {name} {}", sku("c", "")), "[CREATED]");
    }
    client.reserve("a", "r0", "ann", 1);
    let before = client.fields("SKU.GET a", &["seq"]);
    client.says("CART.RESERVE c r1 ann a 3 b 1", "[LIMIT 2 a]");
    client.says("CART.RESERVE c r1 ann a 1 b 2", "[LIMIT 1 b]");
    assert_eq!(client.fields("SKU.GET a", &["seq"]), before);
}

#[test]
fn carts_in_one_pipeline_are_as_if_asked_for_one_after_the_other() {
    let server = Server::start();
    let mut client = server.client();
    client.says(r#"CAMPAIGN.PUT c {"title":"C","per_buyer_limit":3}"#, "[CREATED]");
    client.says(&format!("SKU.PUT a {}", sku("c", "").replace(r#""stock":9"#, r#""stock":2"#)), "[CREATED]");
    client.says(&format!("SKU.PUT b {}", sku("c", "")), "[CREATED]");
    // The second holds the last unit of a until it turns out that its buyer has no unit of b left.
    let told = client.pipeline(&[
        "CART.RESERVE c r1 ann a 1 b 1",
        "CART.RESERVE c r2 ann a 1 b 1",
        "CART.RESERVE c r1 bob a 1",
        "CART.RESERVE c r3 ann b 1",
    ]);
    assert!([0, 2, 3].iter().all(|at| told[*at].starts_with("[RESERVED {c}:c:")), "{told:?}");
    assert_eq!(told[1], "[LIMIT 0 b]");
    assert_eq!(client.books("a"), "total=2 available=0 reserved=2 sold=0");
    assert_eq!(client.books("b"), "total=9 available=7 reserved=2 sold=0");
}

#[test]
fn a_coupon_that_was_used_stays_used_when_its_sku_leaves_the_campaign() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(dir.path(), |_| {});
    let mut client = server.client();
    let with = |skus: &str| COUPONS.replace(r#""title""#, &format!(r#""skus":[{skus}],"title""#));
    let plain = r#"{"title":"T","stock":9,"currency":"GBP","price":{"fixed":100},"hold_s":1}"#;
    client.says(&format!("CAMPAIGN.PUT c {}", with(r#""q1","q2""#)), "[CREATED]");
    for name in ["q1", "q2"] {
        client.says(&format!("SKU.PUT {name} {plain}"), "[CREATED]");
    }
    let code = coupon(&mut client, "c", "t", "ann");
    let paid = client.value(&format!("ORDER.RESERVE q1 r ann 1 COUPON {code}"));
    let order = paid.items()[1].as_str().unwrap().to_owned();
    client.says(&format!("ORDER.PAY {order} p 80 pay-1"), &format!("[PAID {order}]"));
    let bobs = coupon(&mut client, "c", "t", "bob");
    let bobs_order = client.value(&format!("ORDER.RESERVE q1 r bob 1 COUPON {bobs}"));
    assert!(show(&bobs_order).starts_with("[RESERVED {q1}:o:2 80"), "{}", show(&bobs_order));
    client.says(&format!("CAMPAIGN.PUT c {}", with(r#""q2""#)), "[UPDATED]");
    let again = format!("ORDER.RESERVE q2 r ann 1 COUPON {code}");
    client.says(&again, "[COUPON_INVALID]");
    drop(client);
    drop(server);
    server = Server::start_in(dir.path(), |_| {});
    let mut client = server.client();
    client.says(&again, "[COUPON_INVALID]");
    // An order that ends unpaid gives its coupon back, in whatever campaign its SKU is now.
    let told = client.ask("ORDER.CANCEL {q1}:o:2 c");
    assert!(matches!(&*told, "[CANCELLED]" | "[EXPIRED]"), "{told}");
    let told = client.ask(&format!("ORDER.RESERVE q2 r bob 1 COUPON {bobs}"));
    assert!(told.starts_with("[RESERVED {q2}:o:1 80"), "{told}");
}

#[test]
fn a_buyers_request_id_is_for_a_coupon_or_a_cart() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("CAMPAIGN.PUT c {COUPONS}"), "[CREATED]");
    client.says(&format!("SKU.PUT a {}", sku("c", "")), "[CREATED]");
    coupon(&mut client, "c", "r1", "ann");
    let told = client.ask("CART.RESERVE c r1 ann a 1");
    assert!(told.starts_with("-IDEMPREUSE"), "{told}");
    client.value("CART.RESERVE c r2 ann a 1");
    let told = client.ask("COUPON.TRIGGER c r2 ann e");
    assert!(told.starts_with("-IDEMPREUSE"), "{told}");
    assert!(client.ask("COUPON.TRIGGER c r2 bob e").starts_with("[GRANTED"), "ids are a buyer's own");
}

#[test]
fn a_request_that_is_repeated_is_in_nobodys_way() {
    let server = Server::start();
    let mut client = server.client();
    client.says(r#"CAMPAIGN.PUT c {"title":"C","per_buyer_limit":3}"#, "[CREATED]");
    for name in ["a", "b"] {
        client.says(
            &format!("SKU.PUT {name} {}", sku("c", "").replace(r#""stock":9"#, r#""stock":2000"#)),
            "[CREATED]",
        );
    }
    let buyers = 300;
    for buyer in 0..buyers {
        client.reserve("a", "r", &format!("u{buyer}"), 1);
    }
    // While one connection repeats what it was told, the other asks for all that is left.
    let start = Arc::new(Barrier::new(2));
    let repeats = {
        let (start, mut client) = (Arc::clone(&start), server.client());
        std::thread::spawn(move || {
            start.wait();
            for buyer in 0..buyers {
                let lines = vec![format!("ORDER.RESERVE a r u{buyer} 1"); 20];
                assert!(client.pipeline(&lines).iter().all(|told| told.starts_with("[RESERVED")));
            }
        })
    };
    start.wait();
    for buyer in 0..buyers {
        client.reserve("b", "r", &format!("u{buyer}"), 2);
    }
    repeats.join().unwrap();
}

#[test]
fn nine_connections_that_use_one_coupon_at_once_get_one_discount() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("CAMPAIGN.PUT c {COUPONS}"), "[CREATED]");
    for name in 0..9 {
        client.says(&format!("SKU.PUT s{name} {}", sku("c", "")), "[CREATED]");
    }
    let code = coupon(&mut client, "c", "t", "ann");
    let start = Arc::new(Barrier::new(9));
    let asked: Vec<_> = (0..9)
        .map(|name| {
            let (start, code, mut client) = (Arc::clone(&start), code.clone(), server.client());
            std::thread::spawn(move || {
                start.wait();
                client.ask(&format!("ORDER.RESERVE s{name} r ann 1 COUPON {code}"))
            })
        })
        .collect();
    let told: Vec<String> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
    assert_eq!(told.iter().filter(|told| told.starts_with("[RESERVED")).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|told| *told == "[COUPON_INVALID]").count(), 8, "{told:?}");
}

#[test]
fn a_carts_hold_is_as_long_as_its_skus_say() {
    let server = Server::start();
    let mut client = server.client();
    client.says(r#"CAMPAIGN.PUT c {"title":"C"}"#, "[CREATED]");
    client.says(
        &format!("SKU.PUT a {}", sku("c", r#","hold_s":300"#).replace(r#""stock":9"#, r#""stock":500"#)),
        "[CREATED]",
    );
    client
        .says(&format!("SKU.PUT b {}", sku("c", "").replace(r#""stock":9"#, r#""stock":500"#)), "[CREATED]");
    let lines: Vec<String> = (0..500).map(|n| format!("CART.RESERVE c r{n} ann a 1 b 1")).collect();
    client.pipeline(&lines);
    for cart in 1..=500 {
        let map = client.value(&format!("CART.GET {{c}}:c:{cart}"));
        let at = |name: &str| map.get(name).unwrap().as_int().unwrap();
        assert_eq!(at("expires_at") - at("reserved_at"), 300_000, "cart {cart}");
    }
}
