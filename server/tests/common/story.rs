//! One table of cases for every door: each command, each outcome it can have, and errors.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use tidegate_protocol::command::COMMANDS;
use tidegate_protocol::json::method;

use super::door::{Door, Fault};
use super::until;

/// One call and what comes of it.
pub(crate) struct Step {
    method: &'static str,
    params: Json,
    expected: Expected,
    /// Fields of the result that later steps name with a `$` before them.
    kept: Vec<(&'static str, &'static str)>,
    /// It is asked again until this comes of it.
    waits: bool,
}

enum Expected {
    /// These fields; there may be others.
    Shows(Json),
    /// An error of this code.
    Error(&'static str),
}

fn step(method: &'static str, params: Json, shows: Json) -> Step {
    Step { method, params, expected: Expected::Shows(shows), kept: Vec::new(), waits: false }
}

/// The usual: a status and nothing to compare besides.
fn gives(method: &'static str, params: Json, status: &str) -> Step {
    step(method, params, json!({ "status": status }))
}

fn fails(method: &'static str, params: Json, code: &'static str) -> Step {
    Step { expected: Expected::Error(code), ..step(method, params, Json::Null) }
}

impl Step {
    fn keep(mut self, field: &'static str, name: &'static str) -> Self {
        self.kept.push((field, name));
        self
    }

    fn wait(self) -> Self {
        Self { waits: true, ..self }
    }
}

/// Who looks on: told of each call, its parameters and what came of it.
pub(crate) type Look<'a> = dyn FnMut(&str, &Json, &Result<Json, Fault>) + 'a;

/// Plays the story at a door, and shows every call and what came of it to `look`.
pub(crate) fn play(door: &mut dyn Door, look: &mut Look<'_>) {
    let mut names: BTreeMap<&str, Json> = BTreeMap::new();
    for step in steps() {
        let params = filled(&step.params, &names);
        let mut ask = || {
            let came = door.call(step.method, &params);
            look(step.method, &params, &came);
            came
        };
        let is_right = |came: &Result<Json, Fault>| match (&step.expected, came) {
            (Expected::Shows(shows), Ok(result)) => shown(&filled(shows, &names), result),
            (Expected::Error(code), Err(fault)) => fault.code == *code,
            _ => false,
        };
        let came = if step.waits { until(step.method, ask, is_right) } else { ask() };
        assert!(is_right(&came), "{} {params}: {came:?}", step.method);
        for (field, name) in &step.kept {
            names.insert(name, came.as_ref().unwrap()[*field].clone());
        }
    }
}

/// With what was kept in the place of its name.
fn filled(params: &Json, names: &BTreeMap<&str, Json>) -> Json {
    match params {
        Json::String(text) => match text.strip_prefix('$') {
            Some(name) => names[name].clone(),
            None => params.clone(),
        },
        Json::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), filled(field, names))).collect()
        }
        Json::Array(items) => items.iter().map(|item| filled(item, names)).collect(),
        other => other.clone(),
    }
}

/// Whether all that is expected is there.
fn shown(expected: &Json, result: &Json) -> bool {
    match (expected, result) {
        (Json::Object(expected), Json::Object(result)) => {
            expected.iter().all(|(name, field)| result.get(name).is_some_and(|found| shown(field, found)))
        }
        (Json::Array(expected), Json::Array(result)) => {
            expected.len() == result.len() && expected.iter().zip(result).all(|(want, got)| shown(want, got))
        }
        _ => expected == result,
    }
}

/// Outcomes that the command table names and nobody has seen: `order.pay PAID order`.
pub(crate) fn unseen(seen: &[(String, Result<Json, Fault>)]) -> Vec<String> {
    let form = |method: &str, result: &Json| {
        let fields =
            result.as_object().map(|object| object.keys().map(String::as_str).collect::<BTreeSet<_>>());
        match (result["status"].as_str(), fields) {
            (Some(status), Some(fields)) => format!("{method} {status} {fields:?}"),
            _ if result.is_null() => format!("{method} nil"),
            _ => format!("{method} shown"),
        }
    };
    let seen: BTreeSet<String> =
        seen.iter().filter_map(|(method, came)| Some(form(method, came.as_ref().ok()?))).collect();
    let methods = COMMANDS.iter().filter(|spec| method(&spec.name.to_ascii_lowercase()).is_some());
    let named = methods.flat_map(|spec| spec.replies.iter().map(move |reply| (spec, *reply)));
    let wanted = named.filter_map(|(spec, reply)| {
        let method = spec.name.to_ascii_lowercase();
        let Some(words) = reply.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            let shows = if reply == "nil" { "nil" } else { "shown" };
            return (!reply.starts_with("error")).then(|| format!("{method} {shows}"));
        };
        let mut words = words.split(", ").map(|word| if word == "code or serial" { "units" } else { word });
        let status = words.next().unwrap();
        let fields: BTreeSet<&str> = words.filter(|word| *word != "...").chain(["status"]).collect();
        Some(format!("{method} {status} {fields:?}"))
    });
    wanted.filter(|wanted| !seen.contains(wanted)).collect()
}

/// A SKU document of the fair.
fn sku(stock: u64, price: Json, more: Json) -> Json {
    let mut document =
        json!({"title": "T", "stock": stock, "currency": "EUR", "price": price, "campaign": "fair"});
    for (name, field) in more.as_object().unwrap() {
        document[name] = field.clone();
    }
    document
}

fn put(name: &str, document: Json) -> Step {
    gives("sku.put", json!({"sku": name, "json": document}), "CREATED")
}

fn group() -> Json {
    json!({"tiers": [{"members": 2, "percent_off": 10}, {"members": 3, "percent_off": 20}]})
}

/// A reservation with more parameters, or others.
fn reserve(sku: &str, req: &str, buyer: &str, more: Json) -> Json {
    let mut params = json!({"sku": sku, "req": req, "buyer": buyer, "qty": 1});
    for (name, field) in more.as_object().unwrap() {
        params[name] = field.clone();
    }
    params
}

fn join(room: &str, buyer: &str) -> Json {
    json!({"room": room, "req": "j", "buyer": buyer, "qty": 1})
}

/// A cart of one unit of each of these.
fn cart(req: &str, buyer: &str, skus: &[&str]) -> Json {
    let lines: Vec<Json> = skus.iter().map(|sku| json!({"sku": sku, "qty": 1})).collect();
    json!({"campaign": "fair", "req": req, "buyer": buyer, "lines": lines})
}

fn steps() -> Vec<Step> {
    [campaign(), skus(), orders(), rooms(), carts(), waits(), reports()].into_iter().flatten().collect()
}

fn campaign() -> Vec<Step> {
    let fair = |title: &str| {
        json!({"campaign": "fair", "json": {
            "title": title,
            "thresholds": [{"spend": 1900, "off": 100}],
            "coupon_windows": [{"event": "try_on", "percent_off": 20, "window_s": 1800, "skus": ["lamp"]}],
            "green": {"max_carbon_g": 1, "percent_off": 1},
        }})
    };
    let trigger = |campaign: &str, event: &str| json!({"campaign": campaign, "req": event, "buyer": "ann", "event": event});
    vec![
        gives("campaign.put", fair("Fair"), "CREATED"),
        gives("campaign.put", fair("Fair"), "UNCHANGED"),
        gives("campaign.put", fair("The fair"), "UPDATED"),
        step("campaign.get", json!({"campaign": "fair"}), json!({"title": "The fair", "state": "OPEN"})),
        step("campaign.get", json!({"campaign": "none"}), Json::Null),
        gives("coupon.trigger", trigger("fair", "try_on"), "GRANTED").keep("coupon", "coupon"),
        gives("coupon.trigger", trigger("fair", "shrug"), "NOT_ELIGIBLE"),
        gives("coupon.trigger", trigger("none", "try_on"), "NOT_FOUND"),
    ]
}

fn skus() -> Vec<Step> {
    let lamp = |title: &str| sku(20, json!({"fixed": 1000}), json!({"title": title, "per_buyer_limit": 4}));
    let dynamic =
        json!({"dynamic": {"initial": 1000, "floor": 900, "ceiling": 1100, "max_step_percent": 10}});
    let stores = json!([{"id": "a", "lat": 52.5, "lon": 13.4, "stock": 2}, {"id": "b", "lat": 48.1, "lon": 11.6, "stock": 2}]);
    let mut shop = sku(4, json!({"fixed": 1000}), json!({"stores": stores}));
    shop.as_object_mut().unwrap().remove("stock");
    let fixed = json!({"fixed": 1000});
    let of = |sku: &str| json!({ "sku": sku });
    let restock = |sku: &str, req: &str, delta: i64| json!({"sku": sku, "req": req, "delta": delta});
    let reprice = |sku: &str, req: &str, price: u64| json!({"sku": sku, "req": req, "price": price});
    let block = |sku: &str| json!({"sku": sku, "buyer": "eve"});
    vec![
        put("lamp", lamp("Lamp")),
        gives("sku.put", json!({"sku": "lamp", "json": lamp("Lamp")}), "UNCHANGED"),
        gives("sku.put", json!({"sku": "lamp", "json": lamp("The lamp")}), "UPDATED"),
        put("bell", sku(10, dynamic, json!({}))),
        put("shop", shop),
        put("game", {
            let mut game = sku(0, fixed.clone(), json!({"fulfilment": {"codes": ["AAA", "BBB", "CCC"]}}));
            game.as_object_mut().unwrap().remove("stock");
            game
        }),
        put("kettle", sku(20, fixed.clone(), json!({"group_buy": group(), "per_buyer_limit": 4}))),
        put("few", sku(1, fixed.clone(), json!({"group_buy": group()}))),
        put("vip", sku(10, fixed.clone(), json!({"group_buy": group(), "allow": ["ann"]}))),
        put(
            "later",
            sku(10, fixed.clone(), json!({"group_buy": group(), "starts_at": "2100-01-01T00:00:00Z"})),
        ),
        put("past", sku(10, fixed.clone(), json!({"group_buy": group(), "ends_at": "2020-01-01T00:00:00Z"}))),
        put("brief", sku(10, fixed, json!({"hold_s": 1, "late_payment": "refund"}))),
        step(
            "sku.get",
            of("lamp"),
            json!({"title": "The lamp", "state": "OPEN", "price": 1000, "ends_at": null}),
        ),
        step("sku.get", of("later"), json!({"state": "SCHEDULED", "starts_at": "2100-01-01T00:00:00.000Z"})),
        step(
            "sku.get",
            of("shop"),
            json!({"stores": [{"id": "a", "available": 2}, {"id": "b", "available": 2}]}),
        ),
        step("sku.get", of("none"), Json::Null),
        step("sku.mget", json!({"skus": ["lamp", "none"]}), json!([{"sku": "lamp"}, null])),
        step("sku.restock", restock("lamp", "r1", 5), json!({"status": "RESTOCKED", "available": 25})),
        step("sku.restock", restock("lamp", "r2", -100), json!({"status": "INSUFFICIENT", "available": 25})),
        gives("sku.restock", restock("none", "r1", 5), "NOT_FOUND"),
        fails("sku.restock", restock("lamp", "r1", 6), "IDEMPREUSE"),
        step("sku.reprice", reprice("bell", "r1", 950), json!({"status": "REPRICED", "price": 950})),
        step("sku.reprice", reprice("bell", "r2", 2000), json!({"status": "OUT_OF_BOUNDS", "ceiling": 1100})),
        gives("sku.reprice", reprice("none", "r1", 5), "NOT_FOUND"),
        fails("sku.reprice", reprice("lamp", "r3", 5), "ERR"),
        gives("sku.pause", of("bell"), "PAUSED"),
        gives("order.reserve", reserve("bell", "p", "ann", json!({})), "PAUSED"),
        gives("sku.pause", of("none"), "NOT_FOUND"),
        gives("sku.resume", of("none"), "NOT_FOUND"),
        gives("buyer.block", block("lamp"), "BLOCKED"),
        gives("order.reserve", reserve("lamp", "b", "eve", json!({})), "BLOCKED"),
        gives("cart.reserve", cart("b", "eve", &["lamp"]), "BLOCKED"),
        gives("buyer.unblock", block("lamp"), "UNBLOCKED"),
        gives("buyer.block", block("kettle"), "BLOCKED"),
        gives("buyer.block", block("none"), "NOT_FOUND"),
        gives("buyer.unblock", block("none"), "NOT_FOUND"),
    ]
}

fn orders() -> Vec<Step> {
    let pay = |order: &str, payment: &str, amount: u64| json!({"order": order, "req": "p", "amount": amount, "payment": payment});
    let cancel = |order: &str| json!({"order": order, "req": "c", "reason": "changed my mind"});
    let refund = |order: &str| json!({"order": order, "req": "f", "restock": true});
    let of = |order: &str| json!({ "order": order });
    let plain = || reserve("lamp", "r1", "ann", json!({}));
    let coupon = json!({"coupon": "$coupon", "max_price": 1000});
    let at = json!({"lat": 52.52, "lon": 13.4, "within": 900_000});
    vec![
        step("order.reserve", plain(), json!({"status": "RESERVED", "amount": 1000})).keep("order", "order"),
        step("order.reserve", plain(), json!({"status": "RESERVED", "order": "$order"})),
        fails("order.reserve", reserve("lamp", "r1", "ann", json!({"qty": 2})), "IDEMPREUSE"),
        step(
            "order.reserve",
            reserve("lamp", "r2", "ann", coupon),
            json!({"status": "RESERVED", "amount": 800}),
        )
        .keep("order", "second"),
        gives("order.reserve", reserve("none", "r", "ann", json!({})), "NOT_FOUND"),
        gives("order.reserve", reserve("vip", "r", "bob", json!({})), "NOT_ELIGIBLE"),
        step(
            "order.reserve",
            reserve("later", "r", "ann", json!({})),
            json!({"status": "NOT_OPEN", "starts_at": "2100-01-01T00:00:00.000Z"}),
        ),
        gives("order.reserve", reserve("past", "r", "ann", json!({})), "ENDED"),
        gives("order.reserve", reserve("lamp", "r", "ann", json!({"qty": 500})), "SOLD_OUT"),
        step(
            "order.reserve",
            reserve("lamp", "r", "ann", json!({"qty": 5})),
            json!({"status": "LIMIT", "left": 2}),
        ),
        step(
            "order.reserve",
            reserve("lamp", "r", "ann", json!({"max_price": 1})),
            json!({"status": "PRICE_CHANGED", "price": 1000}),
        ),
        gives("order.reserve", reserve("lamp", "r", "ann", json!({"coupon": "forged"})), "COUPON_INVALID"),
        step("order.reserve", reserve("shop", "r1", "ann", at), json!({"status": "RESERVED", "store": "a"})),
        gives("order.reserve", reserve("shop", "r2", "ann", json!({"qty": 3})), "NO_STORE"),
        gives("order.pay", pay("$order", "pay-1", 999), "AMOUNT_MISMATCH"),
        step("order.pay", pay("$order", "pay-1", 1000), json!({"status": "PAID", "order": "$order"})),
        fails("order.pay", pay("$second", "pay-1", 800), "IDEMPREUSE"),
        step("order.get", of("$order"), json!({"state": "PAID", "discounts": [], "store": null})),
        step(
            "order.get",
            of("$second"),
            json!({"state": "RESERVED", "paid_at": null,
            "discounts": [{"name": "coupon", "amount": 200}]}),
        ),
        step("order.get", of("{lamp}:o:zz"), Json::Null),
        gives("order.cancel", cancel("$order"), "ALREADY_PAID"),
        gives("order.refund", refund("$second"), "NOT_PAID"),
        gives("order.cancel", cancel("$second"), "CANCELLED"),
        gives("order.cancel", cancel("{lamp}:o:zz"), "NOT_FOUND"),
        gives("order.pay", pay("$second", "pay-2", 800), "CANCELLED"),
        gives("order.pay", pay("{lamp}:o:zz", "pay-3", 800), "NOT_FOUND"),
        gives("order.refund", refund("$order"), "REFUNDED"),
        gives("order.refund", refund("{lamp}:o:zz"), "NOT_FOUND"),
        step("order.reserve", reserve("game", "r1", "ann", json!({"qty": 2})), json!({"amount": 2000}))
            .keep("order", "game"),
        step("order.pay", pay("$game", "pay-4", 2000), json!({"status": "PAID", "units": ["AAA", "BBB"]})),
    ]
}

fn rooms() -> Vec<Step> {
    let open = |sku: &str, req: &str, buyer: &str| reserve(sku, req, buyer, json!({}));
    let of = |room: &str| json!({ "room": room });
    let pause = |sku: &str| json!({ "sku": sku });
    vec![
        step("room.open", open("kettle", "o1", "ann"), json!({"status": "OPENED", "amount": 900}))
            .keep("room", "room"),
        step("room.join", join("$room", "bob"), json!({"status": "JOINED", "members": 2})),
        gives("room.join", join("$room", "eve"), "BLOCKED"),
        gives("room.join", json!({"room": "$room", "req": "k", "buyer": "bob", "qty": 1}), "ALREADY_MEMBER"),
        gives("sku.pause", pause("kettle"), "PAUSED"),
        gives("room.open", open("kettle", "o2", "cat"), "PAUSED"),
        gives("room.join", join("$room", "cat"), "PAUSED"),
        gives("sku.resume", pause("kettle"), "RESUMED"),
        gives("room.join", json!({"room": "$room", "req": "j", "buyer": "cat", "qty": 500}), "SOLD_OUT"),
        gives("room.join", json!({"room": "$room", "req": "j", "buyer": "cat", "qty": 5}), "LIMIT"),
        gives("room.join", join("$room", "cat"), "JOINED"),
        gives("room.join", join("$room", "dan"), "FULL"),
        gives("room.join", join("{kettle}:r:99", "dan"), "NOT_FOUND"),
        step(
            "room.get",
            of("$room"),
            json!({"state": "FORMING", "leader": "ann", "settled_at": null,
            "members": [{"buyer": "ann", "paid": false}, {"buyer": "bob"}, {"buyer": "cat"}]}),
        ),
        step("room.get", of("{kettle}:r:99"), Json::Null),
        gives("room.open", open("vip", "o1", "ann"), "OPENED").keep("room", "exclusive"),
        gives("room.join", join("$exclusive", "bob"), "NOT_ELIGIBLE"),
        gives("room.open", open("vip", "o1", "bob"), "NOT_ELIGIBLE"),
        gives("room.open", open("kettle", "o3", "dan"), "OPENED")
            .keep("room", "empty")
            .keep("order", "leader"),
        gives("order.cancel", json!({"order": "$leader", "req": "c"}), "CANCELLED"),
        gives("room.join", join("$empty", "bob"), "CLOSED"),
        gives("room.open", open("none", "o", "ann"), "NOT_FOUND"),
        gives("room.open", open("kettle", "o", "eve"), "BLOCKED"),
        gives("room.open", open("later", "o", "ann"), "NOT_OPEN"),
        gives("room.open", open("past", "o", "ann"), "ENDED"),
        gives("room.open", reserve("few", "o", "ann", json!({"qty": 2})), "SOLD_OUT"),
        gives("room.open", reserve("kettle", "o", "fay", json!({"qty": 5})), "LIMIT"),
        fails("room.open", open("lamp", "o", "ann"), "ERR"),
    ]
}

fn carts() -> Vec<Step> {
    let pay = |cart: &str, req: &str, amount: u64| json!({"cart": cart, "req": req, "amount": amount, "payment": format!("cart-{req}")});
    let cancel = |cart: &str| json!({"cart": cart, "req": "c"});
    let of = |cart: &str| json!({ "cart": cart });
    let with = |mut cart: Json, name: &str, field: Json| {
        cart[name] = field;
        cart
    };
    let many = |sku: &str, qty: u64| json!([{"sku": sku, "qty": qty}]);
    let elsewhere = with(cart("r", "ann", &["lamp"]), "campaign", json!("none"));
    vec![
        gives("cart.reserve", elsewhere, "NOT_FOUND"),
        step("cart.reserve", cart("r", "ann", &["none"]), json!({"status": "NOT_FOUND", "sku": "none"})),
        gives("cart.reserve", cart("r", "bob", &["vip"]), "NOT_ELIGIBLE"),
        step(
            "cart.reserve",
            cart("r", "ann", &["lamp", "later"]),
            json!({"status": "NOT_OPEN", "sku": "later"}),
        ),
        gives("cart.reserve", cart("r", "ann", &["past"]), "ENDED"),
        gives("cart.reserve", cart("r", "ann", &["bell"]), "PAUSED"),
        gives("cart.reserve", with(cart("r", "ann", &[]), "lines", many("lamp", 500)), "SOLD_OUT"),
        gives("cart.reserve", with(cart("r", "bob", &[]), "lines", many("lamp", 5)), "LIMIT"),
        gives("cart.reserve", with(cart("r", "ann", &["lamp"]), "coupon", json!("forged")), "COUPON_INVALID"),
        gives("cart.reserve", with(cart("r", "ann", &[]), "lines", many("shop", 3)), "NO_STORE"),
        step(
            "cart.reserve",
            cart("r1", "fay", &["lamp", "game"]),
            json!({"status": "RESERVED", "amount": 1900, "threshold_discount": 100}),
        )
        .keep("cart", "cart"),
        step(
            "cart.get",
            of("$cart"),
            json!({"state": "RESERVED", "buyer": "fay", "paid_at": null,
            "lines": [{"sku": "game", "qty": 1, "amount": 950}, {"sku": "lamp", "qty": 1, "amount": 950}]}),
        ),
        step("cart.get", of("{fair}:c:99"), Json::Null),
        step("cart.pay", pay("$cart", "p1", 1), json!({"status": "AMOUNT_MISMATCH", "due": 1900})),
        step(
            "cart.pay",
            pay("$cart", "p2", 1900),
            json!({"status": "PAID", "cart": "$cart", "units": ["CCC"]}),
        ),
        gives("cart.cancel", cancel("$cart"), "ALREADY_PAID"),
        gives("cart.reserve", cart("r2", "gil", &["lamp"]), "RESERVED").keep("cart", "second_cart"),
        step("cart.pay", pay("$second_cart", "p3", 1000), json!({"status": "PAID", "cart": "$second_cart"})),
        gives("cart.reserve", cart("r3", "gil", &["lamp"]), "RESERVED").keep("cart", "third_cart"),
        gives("cart.cancel", cancel("$third_cart"), "CANCELLED"),
        gives("cart.pay", pay("$third_cart", "p4", 1000), "CANCELLED"),
        gives("cart.cancel", cancel("{fair}:c:99"), "NOT_FOUND"),
        gives("cart.pay", pay("{fair}:c:99", "p5", 1000), "NOT_FOUND"),
        fails("cart.reserve", cart("r3", "gil", &["lamp", "lamp"]), "ERR"),
    ]
}

/// Holds that run out.
fn waits() -> Vec<Step> {
    let of = |what: &str, id: &str| json!({ what: id });
    let cancel = |what: &str, id: &str| json!({what: id, "req": "late"});
    let pay = |what: &str, id: &str| json!({what: id, "req": "later", "amount": 1000, "payment": format!("late-{what}")});
    vec![
        gives("order.reserve", reserve("brief", "r1", "ann", json!({})), "RESERVED").keep("order", "late"),
        gives("cart.reserve", cart("r4", "bob", &["brief"]), "RESERVED").keep("cart", "late_cart"),
        step("order.get", of("order", "$late"), json!({"state": "EXPIRED"})).wait(),
        gives("order.cancel", cancel("order", "$late"), "EXPIRED"),
        gives("order.pay", pay("order", "$late"), "REFUND_DUE"),
        step("cart.get", of("cart", "$late_cart"), json!({"state": "EXPIRED"})).wait(),
        gives("cart.cancel", cancel("cart", "$late_cart"), "EXPIRED"),
        gives("cart.pay", pay("cart", "$late_cart"), "REFUND_DUE"),
    ]
}

fn reports() -> Vec<Step> {
    let of = |key: &str| json!({ "key": key });
    vec![
        step("report", of("lamp"), json!({"sku": "lamp", "balanced": true, "orders": {"REFUNDED": 1}})),
        step("report", of("shop"), json!({"stores": [{"id": "a", "reserved": 1}, {"id": "b"}]})),
        step("report", of("fair"), json!({"campaign": "fair", "balanced": true})),
        step("report", of("none"), Json::Null),
    ]
}
