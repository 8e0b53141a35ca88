//! Administration over HTTP, over real sockets. Every answer is held against the OpenAPI document.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::collections::BTreeSet;

use common::description::Description;
use common::{Answer, Ask, Server};
use serde_json::{Value, json};

/// A server and its own description.
struct Api {
    server: Server,
    description: Description,
}

impl Api {
    fn start() -> Self {
        let server = Server::start();
        let document = Ask::new(server.http(), "GET", "/api/openapi.json").send();
        let description = Description::new(document.json());
        Self { server, description }
    }

    /// Sends it; the answer must be one that the document describes.
    #[track_caller]
    fn send(&self, method: &str, path: &str, key: &str, body: &str) -> Answer {
        let ask = Ask::new(self.server.http(), method, &format!("/api/v1{path}")).body(body);
        let answer = if key.is_empty() { ask.send() } else { ask.key(key).send() };
        self.description.check(method, &format!("/api/v1{path}"), &answer);
        answer
    }
}

#[test]
fn a_sale_from_its_first_document_to_its_report_is_as_the_document_says() {
    let api = Api::start();
    let kettle = json!({
        "title": "Kettle", "stock": 9, "currency": "EUR", "campaign": "kitchen", "per_buyer_limit": 3,
        "price": {"dynamic": {"initial": 1000, "floor": 800, "ceiling": 1200, "max_step_percent": 50}},
        "group_buy": {"tiers": [{"members": 2, "percent_off": 10}], "room_ttl_s": 600},
    });
    let kitchen = json!({
        "title": "Kitchen", "skus": ["kettle"], "thresholds": [{"spend": 1500, "off": 100}],
        "coupon_windows": [{"event": "try_on", "percent_off": 20, "window_s": 1800}],
    });
    let mug = json!({"title": "Mug", "stock": 1, "currency": "EUR", "price": {"fixed": 300}, "starts_at": "2999-01-01T00:00:00Z"});
    let over = json!({"title": "Jug", "stock": 1, "currency": "EUR", "price": {"fixed": 300},
        "starts_at": "2001-01-01T00:00:00Z", "ends_at": "2001-01-02T00:00:00Z"});
    let vip =
        json!({"title": "Pan", "stock": 1, "currency": "EUR", "price": {"fixed": 300}, "allow": ["zoe"]});
    let code = json!({"title": "Code", "currency": "EUR", "price": {"fixed": 300}, "fulfilment": {"codes": ["X-1", "X-2"]}});
    let stores = json!({"title": "Cup", "currency": "EUR", "price": {"fixed": 300},
        "stores": [{"id": "mitte", "lat": 52.52, "lon": 13.4, "stock": 2}]});
    let text = |document: &Value| document.to_string();
    let order = |sku: &str, number: u32| format!("/orders/%7B{sku}%7D:o:{number}");
    let pay = |amount: u32, payment: &str| json!({"amount": amount, "payment": payment}).to_string();
    let buy = |buyer: &str, qty: u32| json!({"buyer": buyer, "qty": qty}).to_string();
    let cart = |lines: Value| json!({"buyer": "eve", "lines": lines}).to_string();
    // Method, path, key, body; status and word.
    let story: Vec<(&str, String, &str, String, u16, &str)> = vec![
        ("PUT", "/campaigns/kitchen".into(), "", text(&kitchen), 201, "CREATED"),
        ("PUT", "/campaigns/kitchen".into(), "", text(&kitchen), 200, "UNCHANGED"),
        ("GET", "/campaigns/kitchen".into(), "", String::new(), 200, "OPEN"),
        ("PUT", "/skus/kettle".into(), "", text(&kettle), 201, "CREATED"),
        ("PUT", "/skus/kettle".into(), "", text(&kettle), 200, "UNCHANGED"),
        ("PUT", "/skus/kettle".into(), "", text(&kettle).replace("Kettle", "Water kettle"), 200, "UPDATED"),
        ("PUT", "/skus/kettle".into(), "", text(&kettle).replace("EUR", "eur"), 422, "ERR"),
        ("PUT", "/skus/kettle".into(), "", "{\"title\": ".into(), 400, "ERR"),
        ("PUT", "/skus/mug".into(), "", text(&mug), 201, "CREATED"),
        ("PUT", "/skus/jug".into(), "", text(&over), 201, "CREATED"),
        ("PUT", "/skus/pan".into(), "", text(&vip), 201, "CREATED"),
        ("PUT", "/skus/code".into(), "", text(&code), 201, "CREATED"),
        ("PUT", "/skus/cup".into(), "", text(&stores), 201, "CREATED"),
        ("GET", "/skus/kettle".into(), "", String::new(), 200, "OPEN"),
        ("GET", "/skus/cup".into(), "", String::new(), 200, "OPEN"),
        ("GET", "/skus/none".into(), "", String::new(), 404, "NOT_FOUND"),
        // What an admin does.
        ("POST", "/skus/kettle/restock".into(), "a1", json!({"delta": 1}).to_string(), 200, "RESTOCKED"),
        ("POST", "/skus/kettle/restock".into(), "a2", json!({"delta": -99}).to_string(), 409, "INSUFFICIENT"),
        ("POST", "/skus/none/restock".into(), "a2", json!({"delta": 1}).to_string(), 404, "NOT_FOUND"),
        ("POST", "/skus/kettle/restock".into(), "", json!({"delta": 1}).to_string(), 400, "ERR"),
        ("POST", "/skus/kettle/restock".into(), "a3", json!({"delta": 0}).to_string(), 422, "ERR"),
        ("POST", "/skus/kettle/reprice".into(), "a4", json!({"price": 1100}).to_string(), 200, "REPRICED"),
        ("POST", "/skus/kettle/reprice".into(), "a5", json!({"price": 9}).to_string(), 409, "OUT_OF_BOUNDS"),
        ("POST", "/skus/kettle/reprice".into(), "a6", json!({"price": 1000}).to_string(), 200, "REPRICED"),
        ("POST", "/skus/kettle/pause".into(), "", String::new(), 200, "PAUSED"),
        ("POST", "/skus/kettle/orders".into(), "b1", buy("ann", 1), 409, "PAUSED"),
        ("POST", "/skus/kettle/resume".into(), "", "{}".into(), 200, "RESUMED"),
        ("POST", "/skus/kettle/buyers/bot/block".into(), "", String::new(), 200, "BLOCKED"),
        ("POST", "/skus/kettle/orders".into(), "b2", buy("bot", 1), 409, "BLOCKED"),
        ("POST", "/skus/kettle/buyers/bot/unblock".into(), "", String::new(), 200, "UNBLOCKED"),
        // Orders.
        ("POST", "/skus/kettle/orders".into(), "o1", buy("ann", 2), 201, "RESERVED"),
        ("POST", "/skus/kettle/orders".into(), "o1", buy("ann", 2), 201, "RESERVED"),
        ("POST", "/skus/kettle/orders".into(), "o1", buy("ann", 1), 422, "IDEMPREUSE"),
        ("POST", "/skus/kettle/orders".into(), "o2", buy("ann", 2), 409, "LIMIT"),
        ("POST", "/skus/kettle/orders".into(), "o3", buy("bob", 99), 409, "SOLD_OUT"),
        ("POST", "/skus/mug/orders".into(), "o4", buy("bob", 1), 409, "NOT_OPEN"),
        ("POST", "/skus/jug/orders".into(), "o5", buy("bob", 1), 409, "ENDED"),
        ("POST", "/skus/pan/orders".into(), "o6", buy("bob", 1), 409, "NOT_ELIGIBLE"),
        ("POST", "/skus/none/orders".into(), "o7", buy("bob", 1), 404, "NOT_FOUND"),
        (
            "POST",
            "/skus/kettle/orders".into(),
            "o8",
            json!({"buyer": "bob", "qty": 1, "max_price": 1}).to_string(),
            409,
            "PRICE_CHANGED",
        ),
        (
            "POST",
            "/skus/kettle/orders".into(),
            "o9",
            json!({"buyer": "bob", "qty": 1, "coupon": "x"}).to_string(),
            409,
            "COUPON_INVALID",
        ),
        (
            "POST",
            "/skus/cup/orders".into(),
            "o10",
            json!({"buyer": "bob", "qty": 1, "lat": 52.5, "lon": 13.4}).to_string(),
            201,
            "RESERVED",
        ),
        (
            "POST",
            "/skus/cup/orders".into(),
            "o11",
            json!({"buyer": "bob", "qty": 1, "lat": 0, "lon": 0, "within": 9}).to_string(),
            409,
            "NO_STORE",
        ),
        (
            "POST",
            "/skus/cup/orders".into(),
            "o12",
            json!({"buyer": "bob", "qty": 1, "lat": 91, "lon": 0}).to_string(),
            422,
            "ERR",
        ),
        ("POST", "/skus/kettle/orders".into(), "o13", json!({"buyer": "bob"}).to_string(), 422, "ERR"),
        (
            "POST",
            "/skus/kettle/orders".into(),
            "o14",
            json!({"buyer": "bob", "qty": 1, "colour": 1}).to_string(),
            422,
            "ERR",
        ),
        ("POST", "/skus/kettle/orders".into(), "o15", "[]".into(), 422, "ERR"),
        ("GET", order("kettle", 1), "", String::new(), 200, "RESERVED"),
        ("GET", order("kettle", 99), "", String::new(), 404, "NOT_FOUND"),
        ("POST", order("kettle", 1) + "/pay", "p1", pay(1, "pay-1"), 409, "AMOUNT_MISMATCH"),
        ("POST", order("kettle", 1) + "/pay", "p2", pay(2000, "pay-1"), 200, "PAID"),
        ("POST", order("kettle", 1) + "/pay", "p2", pay(2000, "pay-1"), 200, "PAID"),
        ("POST", order("kettle", 1) + "/pay", "p3", pay(2000, "pay-2"), 200, "REFUND_DUE"),
        ("POST", order("kettle", 9) + "/pay", "p4", pay(2000, "pay-3"), 404, "NOT_FOUND"),
        ("POST", order("kettle", 1) + "/cancel", "c1", String::new(), 409, "ALREADY_PAID"),
        ("POST", "/skus/code/orders".into(), "o16", buy("bob", 2), 201, "RESERVED"),
        ("POST", order("code", 1) + "/refund", "r1", String::new(), 409, "NOT_PAID"),
        ("POST", order("code", 1) + "/pay", "p5", pay(600, "pay-5"), 200, "PAID"),
        ("POST", order("kettle", 1) + "/refund", "r2", json!({"restock": true}).to_string(), 200, "REFUNDED"),
        (
            "POST",
            order("cup", 1) + "/cancel",
            "c2",
            json!({"reason": "too late"}).to_string(),
            200,
            "CANCELLED",
        ),
        ("POST", order("cup", 1) + "/pay", "p6", pay(300, "pay-6"), 409, "CANCELLED"),
        ("GET", "/skus/kettle/orders".into(), "", String::new(), 200, ""),
        // Rooms.
        ("POST", "/skus/kettle/rooms".into(), "m1", buy("cat", 1), 201, "OPENED"),
        ("POST", "/rooms/%7Bkettle%7D:r:1/join".into(), "m2", buy("cat", 1), 409, "ALREADY_MEMBER"),
        ("POST", "/rooms/%7Bkettle%7D:r:1/join".into(), "m3", buy("dan", 1), 201, "JOINED"),
        ("POST", "/rooms/%7Bkettle%7D:r:1/join".into(), "m4", buy("eve", 1), 409, "FULL"),
        ("POST", "/rooms/%7Bkettle%7D:r:9/join".into(), "m5", buy("eve", 1), 404, "NOT_FOUND"),
        ("POST", order("kettle", 2) + "/cancel", "c3", String::new(), 200, "CANCELLED"),
        ("POST", order("kettle", 3) + "/cancel", "c4", String::new(), 200, "CANCELLED"),
        ("POST", "/rooms/%7Bkettle%7D:r:1/join".into(), "m6", buy("eve", 1), 409, "CLOSED"),
        ("GET", "/rooms/%7Bkettle%7D:r:1".into(), "", String::new(), 200, "FAILED"),
        ("GET", "/rooms/%7Bkettle%7D:r:2".into(), "", String::new(), 404, "NOT_FOUND"),
        ("GET", "/skus/kettle/rooms".into(), "", String::new(), 200, ""),
        // Coupons and carts.
        (
            "POST",
            "/campaigns/kitchen/coupons".into(),
            "t1",
            json!({"buyer": "fay", "event": "try_on"}).to_string(),
            201,
            "GRANTED",
        ),
        (
            "POST",
            "/campaigns/kitchen/coupons".into(),
            "t2",
            json!({"buyer": "fay", "event": "dance"}).to_string(),
            409,
            "NOT_ELIGIBLE",
        ),
        (
            "POST",
            "/campaigns/none/coupons".into(),
            "t3",
            json!({"buyer": "fay", "event": "try_on"}).to_string(),
            404,
            "NOT_FOUND",
        ),
        (
            "POST",
            "/campaigns/kitchen/carts".into(),
            "k1",
            cart(json!([{"sku": "kettle", "qty": 2}])),
            201,
            "RESERVED",
        ),
        (
            "POST",
            "/campaigns/kitchen/carts".into(),
            "k2",
            cart(json!([{"sku": "kettle", "qty": 2}])),
            409,
            "LIMIT",
        ),
        (
            "POST",
            "/campaigns/kitchen/carts".into(),
            "k3",
            cart(json!([{"sku": "lamp", "qty": 1}])),
            404,
            "NOT_FOUND",
        ),
        ("POST", "/campaigns/kitchen/carts".into(), "k4", cart(json!([])), 422, "ERR"),
        ("GET", "/carts/%7Bkitchen%7D:c:1".into(), "", String::new(), 200, "RESERVED"),
        ("POST", "/carts/%7Bkitchen%7D:c:1/pay".into(), "k5", pay(1, "pay-7"), 409, "AMOUNT_MISMATCH"),
        ("POST", "/carts/%7Bkitchen%7D:c:1/pay".into(), "k6", pay(1900, "pay-7"), 200, "PAID"),
        ("POST", "/carts/%7Bkitchen%7D:c:1/cancel".into(), "k7", String::new(), 409, "ALREADY_PAID"),
        ("GET", "/carts/%7Bkitchen%7D:c:9".into(), "", String::new(), 404, "NOT_FOUND"),
        // The books.
        ("GET", "/reports/kettle".into(), "", String::new(), 200, ""),
        ("GET", "/reports/kitchen".into(), "", String::new(), 200, ""),
        ("GET", "/reports/none".into(), "", String::new(), 404, "NOT_FOUND"),
        ("GET", "/skus".into(), "", String::new(), 200, ""),
        ("GET", "/campaigns".into(), "", String::new(), 200, ""),
    ];
    let mut met = BTreeSet::new();
    for (method, path, key, body, status, word) in &story {
        let answer = api.send(method, path, key, body);
        let seen = (answer.status, if word.is_empty() { String::new() } else { answer.word() });
        assert_eq!(seen, (*status, (*word).to_owned()), "{method} {path} {body}: {}", answer.body);
        met.insert(api.description.operation(method, &format!("/api/v1{path}")));
    }
    assert_eq!(met, api.description.operations(), "the story meets every operation");
}
