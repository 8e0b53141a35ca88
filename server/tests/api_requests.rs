//! What the administration over HTTP makes of requests that are odd, hostile or many.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::description::Description;
use common::{Answer, Ask, PATIENCE, Server, document, exchange, until};
use serde_json::{Value, json};

const LAMP: &str = r#"{"title": "Lamp", "stock": 1000, "currency": "EUR", "price": {"fixed": 500}}"#;

/// A server with a thousand lamps.
fn shop() -> Server {
    let server = Server::start();
    put(&server, "lamp");
    server
}

fn ask(server: &Server, method: &str, path: &str) -> Ask {
    Ask::new(server.http(), method, &format!("/api/v1{path}"))
}

#[track_caller]
fn put(server: &Server, sku: &str) {
    let answer = ask(server, "PUT", &format!("/skus/{sku}")).body(LAMP).send();
    assert_eq!(answer.status, 201, "{}", answer.body);
}

fn get(server: &Server, path: &str) -> Answer {
    ask(server, "GET", path).send()
}

/// A request to buy a lamp, with this id.
fn buy(server: &Server, key: &str, buyer: &str) -> Ask {
    ask(server, "POST", "/skus/lamp/orders").key(key).body(&json!({"buyer": buyer, "qty": 1}).to_string())
}

fn seen(answer: &Answer) -> (u16, String) {
    (answer.status, answer.word())
}

/// What this field of each entry of a page says, and where to go on.
fn page(server: &Server, path: &str, field: &str) -> (Vec<String>, Option<String>) {
    let answer = get(server, path);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let page = answer.json();
    let items = page["items"].as_array().unwrap().iter();
    let items = items.map(|item| item[field].as_str().unwrap().to_owned()).collect();
    (items, page["next"].as_str().map(str::to_owned))
}

#[test]
fn whoever_follows_cursors_meets_every_sku_once_though_others_come_meanwhile() {
    let server = Server::start();
    let names: Vec<String> = (0..7).map(|number| format!("sku-{number}")).collect();
    names.iter().for_each(|name| put(&server, name));
    // Refused: it has a seat, but is no SKU.
    server.client().ask("SKU.RESTOCK nobody r1 5");

    let mut met = Vec::new();
    let mut path = "/skus?limit=3".to_owned();
    for newcomer in ["a-first", "b-second", "z-third"] {
        let (items, next) = page(&server, &path, "sku");
        met.extend(items);
        put(&server, newcomer);
        let Some(cursor) = next else { break };
        path = format!("/skus?limit=3&cursor={cursor}");
    }
    // The last came after the last page.
    let newcomers = ["a-first", "b-second"].map(str::to_owned);
    assert_eq!(met, names.into_iter().chain(newcomers).collect::<Vec<_>>());
    assert_eq!(page(&server, "/skus", "sku").0.len(), 10);
    assert_eq!(page(&server, "/campaigns", "campaign"), (Vec::new(), None));
}

#[test]
fn orders_are_listed_by_number_and_the_last_page_says_that_it_is_the_last() {
    let server = shop();
    for number in 1..=5 {
        let answer = buy(&server, &format!("r{number}"), &format!("buyer-{number}")).send();
        assert_eq!(answer.status, 201);
    }
    let (first, next) = page(&server, "/skus/lamp/orders?limit=2", "order");
    assert_eq!(first, ["{lamp}:o:1", "{lamp}:o:2"]);
    let cursor = next.unwrap();
    let (rest, next) = page(&server, &format!("/skus/lamp/orders?limit=3&cursor={cursor}"), "buyer");
    assert_eq!((rest.join(" "), next), ("buyer-3 buyer-4 buyer-5".to_owned(), None));

    let (none, next) = page(&server, "/skus/lamp/rooms", "room");
    assert_eq!((none.len(), next), (0, None));
    assert_eq!(seen(&get(&server, "/skus/none/orders")), (404, "NOT_FOUND".to_owned()));
    // A cursor of another list, none at all, and limits that are none.
    for query in [
        &format!("cursor={cursor}"),
        "cursor=x",
        "limit=0",
        "limit=201",
        "limit=many",
        "page=2",
        "limit=1&limit=2",
    ] {
        let answer = get(&server, &format!("/skus?{query}"));
        assert_eq!(seen(&answer), (400, "ERR".to_owned()), "{query}");
        let name = query.split('=').next().unwrap();
        assert_eq!(answer.json()["field"], name, "{query}: {}", answer.body);
    }
}

#[test]
fn ids_work_percent_encoded_and_as_they_are() {
    let server = shop();
    let made = buy(&server, "r1", "ann").send();
    let location = &made.headers["location"];
    assert_eq!(location, "/api/v1/orders/%7Blamp%7D:o:1");
    let order = Ask::new(server.http(), "GET", location).send();
    assert_eq!(order.json()["order"], made.json()["order"]);
    for path in ["/orders/%7blamp%7d%3Ao%3A1", "/orders/{lamp}:o:1", "/orders/%7Bl%61mp%7D:o:1"] {
        assert_eq!(get(&server, path).json()["buyer"], "ann", "{path}");
    }
    // A buyer's id may hold whatever is printable.
    let buyer = "a/b?c#d%7B{e}\"\\";
    let encoded: String = buyer.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let path = format!("/skus/lamp/buyers/{encoded}/block");
    assert_eq!(seen(&ask(&server, "POST", &path).send()), (200, "BLOCKED".to_owned()));
    assert_eq!(seen(&buy(&server, "r2", buyer).send()), (409, "BLOCKED".to_owned()));
    // And nothing else.
    for path in ["/skus/a%20b", "/skus/%00", "/skus/%ff", "/orders/%0d%0a", "/skus/%F0%9F%AB%96"] {
        assert_eq!(seen(&get(&server, path)), (422, "ERR".to_owned()), "{path}");
    }
}

#[test]
fn the_same_key_does_a_thing_once_and_over_the_other_door_too() {
    let server = shop();
    let first = buy(&server, "click", "ann").send();
    assert_eq!(first.status, 201);
    assert_eq!(buy(&server, "click", "ann").send().body, first.body);
    let order = first.json()["order"].as_str().unwrap().to_owned();
    let over_tcp = server.client().ask("ORDER.RESERVE lamp click ann 1");
    assert!(over_tcp.starts_with(&format!("[RESERVED {order} ")), "{over_tcp}");

    let other = buy(&server, "click", "ann").body(r#"{"buyer": "ann", "qty": 2}"#).send();
    assert_eq!(seen(&other), (422, "IDEMPREUSE".to_owned()));
    // Another buyer's keys are others.
    assert_eq!(buy(&server, "click", "bob").send().status, 201);

    let missing = buy(&server, "click", "ann").without("idempotency-key").send();
    assert_eq!(missing.status, 400);
    assert!(missing.json()["detail"].as_str().unwrap().starts_with("Idempotency-Key: "), "{}", missing.body);
    let bad = buy(&server, &"k".repeat(65), "ann").send();
    assert_eq!((bad.status, &bad.json()["field"]), (422, &json!("req")));
    assert_eq!(get(&server, "/reports/lamp").json()["reserved"], 2);
}

#[test]
fn bodies_are_json_called_so_not_too_large_and_not_too_slow() {
    let server = Server::start_with(|config| {
        config.limits.max_command_bytes = 2048;
        config.http.request_timeout_ms = Duration::from_secs(1);
    });
    put(&server, "lamp");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/problem+json", ""] {
        let answer = buy(&server, "r1", "ann").header("content-type", kind).send();
        assert_eq!(seen(&answer), (415, "ERR".to_owned()), "{kind}");
    }
    assert_eq!(buy(&server, "r1", "ann").without("content-type").send().status, 415);
    let with_charset = buy(&server, "r1", "ann").header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(with_charset.send().status, 201);

    let title = "x".repeat(4_000);
    let large = ask(&server, "PUT", "/skus/huge").body(&LAMP.replace("Lamp", &title)).send();
    assert_eq!(seen(&large), (413, "ERR".to_owned()), "{}", large.body);
    // Small enough itself, but not the command that it asks for.
    let title = "x".repeat(1_950);
    let large = ask(&server, "PUT", "/skus/huge").body(&format!(r#"{{"title":"{title}"}}"#)).send();
    assert!(matches!(large.status, 413 | 422), "{}", large.body);
    let deep = ask(&server, "PUT", "/skus/deep").body(&"[".repeat(1_000)).send();
    assert_eq!(seen(&deep), (400, "ERR".to_owned()));
    let latin = ask(&server, "PUT", "/skus/latin").body("\u{fffd}").send();
    assert_eq!(seen(&latin), (400, "ERR".to_owned()));

    // Half a body, and then nothing.
    let head = "POST /api/v1/skus/lamp/pause HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 10\r\n\r\n{";
    let mut slow = TcpStream::connect(server.http()).unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    slow.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert_eq!(get(&server, "/skus/lamp").json()["state"], "OPEN", "nothing was done");
}

#[test]
fn what_was_asked_by_somebody_who_left_is_done_to_its_end() {
    let server = Server::start();
    for number in 0..20 {
        let document = LAMP.replacen('{', r#"{"carbon_g": 1, "#, 1);
        let sku = format!("/skus/s{number}");
        assert_eq!(ask(&server, "PUT", &sku).body(&document).send().status, 201);
        // The campaign's SKUs are told of it after it is durable.
        let campaign = json!({"title": "Green", "skus": [format!("s{number}")],
            "green": {"max_carbon_g": 1, "percent_off": 50}})
        .to_string();
        let length = campaign.len();
        let put = format!(
            "PUT /api/v1/campaigns/c{number} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{campaign}"
        );
        let mut gone = TcpStream::connect(server.http()).unwrap();
        gone.write_all(put.as_bytes()).unwrap();
        drop(gone);
        let mut tries = 0;
        let mut buy = || {
            tries += 1;
            let body = json!({"buyer": format!("b{tries}"), "qty": 1}).to_string();
            ask(&server, "POST", &format!("{sku}/orders")).key("r").body(&body).send().json()["amount"]
                .clone()
        };
        until("the discount of the campaign", &mut buy, |amount| *amount == json!(250));
    }
}

#[test]
fn what_is_not_served_says_what_is() {
    let server = shop();
    for (method, path, allow) in [
        ("DELETE", "/skus/lamp", "GET, HEAD, PUT"),
        ("PUT", "/skus", "GET, HEAD"),
        ("GET", "/skus/lamp/pause", "POST"),
        ("OPTIONS", "/skus/lamp/orders", "POST, GET, HEAD"),
    ] {
        let answer = ask(&server, method, path).send();
        assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, allow), "{method} {path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    for path in ["", "/", "/skus/", "/skus/lamp/nothing", "/orders", "/../status"] {
        assert_eq!(seen(&get(&server, path)), (404, "NOT_FOUND".to_owned()), "{path}");
    }
    let head = ask(&server, "HEAD", "/skus/lamp").send();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.headers["content-length"].parse::<u64>().unwrap() > 100);
    let rubbish = exchange(
        server.http(),
        b"POST /api/v1/skus/lamp/pause HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n",
    );
    assert_eq!(rubbish.status, 400);
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let server = Server::start_with(|config| {
        config.http.allowed_origins = "https://shop.example.com".parse().unwrap();
    });
    put(&server, "lamp");
    let pause = ask(&server, "POST", "/skus/lamp/pause");
    let own = format!("http://{}", server.http());
    for foreign in ["https://evil.example", "null", "http://shop.example.com", "http://localhost:1"] {
        let answer = pause.clone().header("origin", foreign).send();
        assert_eq!(seen(&answer), (403, "NOPERM".to_owned()), "{foreign}");
    }
    // A name that was made to point here.
    let rebound = pause.clone().header("host", "evil.example:80").header("origin", "http://evil.example:80");
    assert_eq!(rebound.send().status, 403);
    assert_eq!(get(&server, "/skus/lamp").json()["state"], "OPEN");
    for known in [own.as_str(), "https://shop.example.com"] {
        assert_eq!(pause.clone().header("origin", known).send().status, 200, "{known}");
    }
    assert_eq!(get(&server, "/skus/lamp").json()["state"], "PAUSED");
}

#[test]
fn without_users_only_who_asks_for_this_machine_is_answered() {
    let answers = |server: &Server, request: &str| exchange(server.http(), request.as_bytes()).status;
    let get = |path: &str, host: &str| format!("GET {path} HTTP/1.1\r\n{host}connection: close\r\n\r\n");
    let server = Server::start();
    let paths = [
        "/",
        "/shop",
        "/status",
        "/metrics",
        "/api/v1/skus",
        "/api/openapi.json",
        "/asyncapi.json",
        "/nothing",
    ];
    for path in paths.into_iter().chain(["/ws"]) {
        for host in [
            "host: evil.example\r\n",
            "host: evil.example:7879\r\n",
            "host: 127.0.0.1.evil.example\r\n",
            "host: 192.0.2.7\r\n",
            "host:\r\n",
        ] {
            assert_eq!(answers(&server, &get(path, host)), 403, "{path} {host:?}");
        }
    }
    let head = get("http://evil.example/status", "host: localhost\r\n");
    assert_eq!(answers(&server, &head), 403, "the address line says so");
    assert_eq!(answers(&server, "GET /status HTTP/1.0\r\n\r\n"), 403, "it does not say");
    let twice = get("/status", "host: localhost\r\nhost: evil.example\r\n");
    assert_eq!(answers(&server, &twice), 400);
    for host in
        ["127.0.0.1", "127.0.0.1:1", "127.1.2.3", "localhost", "LOCALHOST:7879", "[::1]", "[::1]:7879"]
    {
        assert_eq!(answers(&server, &get("/status", &format!("host: {host}\r\n"))), 200, "{host}");
    }
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(answers(&server, &get(path, "host: evil.example\r\n")), 200, "{path}");
        assert_eq!(answers(&server, &format!("GET {path} HTTP/1.0\r\n\r\n")), 200, "{path}");
    }
}

#[test]
fn browsers_are_told_which_pages_may_use_the_api() {
    let server = Server::start_with(|config| {
        config.http.allowed_origins = "https://shop.example.com, http://localhost:3000".parse().unwrap();
        config.limits.requests_per_second_per_address = 50;
    });
    let (listed, other) = ("https://shop.example.com", "https://evil.example");
    let preflight = |path: &str, origin: &str| {
        let ask = Ask::new(server.http(), "OPTIONS", path).without("content-type").header("origin", origin);
        ask.header("access-control-request-method", "PUT").send()
    };
    let asked = preflight("/api/v1/skus/lamp", listed);
    assert_eq!((asked.status, asked.body.as_str()), (204, ""), "{asked:?}");
    for (name, value) in [
        ("access-control-allow-origin", listed),
        ("access-control-allow-methods", "GET, HEAD, POST, PUT"),
        ("access-control-allow-headers", "authorization, content-type, idempotency-key"),
        ("vary", "Origin"),
    ] {
        assert_eq!(asked.headers.get(name).map(String::as_str), Some(value), "{name}");
    }
    let tells = |answer: &Answer| answer.headers.keys().any(|name| name.starts_with("access-control-"));
    for refused in [preflight("/api/v1/skus/lamp", other), preflight("/status", listed)] {
        assert!(refused.status == 405 && !tells(&refused), "{refused:?}");
    }

    let put = ask(&server, "PUT", "/skus/lamp").body(&document(10, 1250, ""));
    let done = put.clone().header("origin", listed).send();
    assert_eq!(
        (done.status, done.headers["access-control-allow-origin"].as_str()),
        (201, listed),
        "{done:?}"
    );
    assert_eq!(done.headers["access-control-expose-headers"], "location, retry-after, www-authenticate");
    assert!(!done.headers.contains_key("access-control-allow-credentials"), "{done:?}");
    for answer in [put.clone().header("origin", other).send(), get(&server, "/skus/lamp")] {
        assert!(!tells(&answer) && answer.headers["vary"] == "Origin", "{answer:?}");
    }
    // What goes wrong can be read too, at the door as behind it.
    let look = ask(&server, "GET", "/skus/vase").header("origin", listed);
    for status in [404, 429] {
        let answer = until("an answer", || look.send(), |answer| answer.status == status);
        assert_eq!(answer.headers["access-control-allow-origin"], listed, "{answer:?}");
    }
}

#[test]
fn documents_are_what_their_schemas_say() {
    let server = Server::start();
    let description = Description::new(Ask::new(server.http(), "GET", "/api/openapi.json").send().json());
    let sku = |more: Value| {
        let mut document = json!({"title": "Lamp", "stock": 5, "currency": "EUR", "price": {"fixed": 500}});
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document
    };
    let skus = [
        (sku(json!({})), true),
        (sku(json!({"starts_at": "2030-01-01T00:00:00+08:00", "ends_at": 1_999_999_999_000_u64})), true),
        (sku(json!({"hold_s": null, "allow": ["ann"], "late_payment": "refund", "max_lapses": 3})), true),
        (
            sku(json!({"price": {"ladder": {"start": 900, "floor": 500, "step_percent": 5, "every_s": 60}}})),
            true,
        ),
        (
            sku(
                json!({"price": {"ladder": {"market": 900, "start_percent": 120, "cost": 500, "floor_percent": 110,
            "step_amount": 5, "every_s": 60}}}),
            ),
            true,
        ),
        (
            sku(
                json!({"price": {"dynamic": {"initial": 9, "floor": 8, "ceiling": 10, "max_step_percent": 5}}}),
            ),
            true,
        ),
        (sku(json!({"group_buy": {"tiers": [{"members": 2, "percent_off": 10}]}, "carbon_g": 10})), true),
        (sku(json!({"stock": 2, "fulfilment": {"codes": ["A", "B"]}})), true),
        (sku(json!({"fulfilment": {"numbered": true}})), true),
        (sku(json!({"stores": [{"id": "mitte", "lat": 52.5, "lon": 13, "stock": 5}]})), true),
        (sku(json!({"title": ""})), false),
        (sku(json!({"title": "a\u{7}"})), false),
        (sku(json!({"stock": -1})), false),
        (sku(json!({"currency": "euro"})), false),
        (sku(json!({"colour": "red"})), false),
        (sku(json!({"price": {"fixed": 0}})), false),
        (sku(json!({"price": {"fixed": 5, "dynamic": null, "ladder": {}}})), false),
        (sku(json!({"price": {"ladder": {"start": 900, "floor": 500, "every_s": 60}}})), false),
        (sku(json!({"group_buy": {"tiers": []}})), false),
        (sku(json!({"stores": [{"id": "mitte", "lat": 91, "lon": 13, "stock": 5}]})), false),
        (sku(json!({"starts_at": "tomorrow"})), false),
    ];
    let campaigns = [
        (json!({"title": "Sale"}), true),
        (
            json!({"title": "Sale", "thresholds": [{"spend": 10, "off": 1}], "skus": [], "per_buyer_limit": 2,
            "coupon_windows": [{"event": "try_on", "percent_off": 20, "window_s": 9, "skus": ["lamp"]}],
            "green": {"max_carbon_g": 0, "percent_off": 3}, "order_of_discounts": ["coupon", "tier"]}),
            true,
        ),
        (json!({}), false),
        (json!({"title": "Sale", "thresholds": [{"spend": 10}]}), false),
        (json!({"title": "Sale", "order_of_discounts": ["luck"]}), false),
    ];
    let mut number = 0;
    for (path, name, cases) in
        [("skus", "SkuDocument", &skus[..]), ("campaigns", "CampaignDocument", &campaigns[..])]
    {
        for (document, fits) in cases {
            number += 1;
            let faults = description.faults(description.schema(name), document);
            assert_eq!(faults.is_empty(), *fits, "{document}: {faults:?}");
            let answer =
                ask(&server, "PUT", &format!("/{path}/d{number}")).body(&document.to_string()).send();
            assert_eq!(answer.status, if *fits { 201 } else { 422 }, "{document}: {}", answer.body);
            assert_eq!(answer.json().get("field").is_some(), !fits, "{document}: {}", answer.body);
        }
    }
}

#[test]
fn the_page_that_shows_the_document_needs_nothing_from_elsewhere() {
    let server = Server::start();
    let page = |path: &str| Ask::new(server.http(), "GET", path).send();
    let bare = page("/api/docs");
    assert_eq!((bare.status, bare.headers["location"].as_str()), (308, "/api/docs/"));
    let index = page("/api/docs/");
    assert_eq!((index.status, index.headers["content-type"].as_str()), (200, "text/html"));
    let policy = &index.headers["content-security-policy"];
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!index.body.contains("://"), "{}", index.body);
    let files: Vec<&str> = index.body.split('"').filter_map(|text| text.strip_prefix("./")).collect();
    assert!(files.len() > 3, "{}", index.body);
    for file in files {
        assert_eq!(page(&format!("/api/docs/{file}")).status, 200, "{file}");
    }
    let settings = page("/api/docs/swagger-initializer.js").body;
    assert!(
        settings.contains("\"url\": \"/api/openapi.json\"")
            && settings.contains("\"validatorUrl\": \"none\""),
        "{settings}"
    );
    assert_eq!(page("/api/docs/none.js").status, 404);
    assert_eq!(page("/api/docs/..%2f..%2fetc%2fpasswd").status, 404);
}
