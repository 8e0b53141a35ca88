//! Calls with named parameters are the commands of the table, and their replies objects with named fields.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

use serde_json::{Map, Value as Json, json};
use tidegate_protocol::command::COMMANDS;
use tidegate_protocol::json;
use tidegate_protocol::reply::{OrderMap, Outcome};
use tidegate_protocol::resp::{Protocol, Writer, decode_reply};
use tidegate_protocol::status::OrderState;

fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(object) => object,
        other => panic!("no object: {other}"),
    }
}

/// The words of the command that a call asks for.
fn words(method: &str, params: Json) -> Result<Vec<String>, String> {
    let command = json::method(method).unwrap_or_else(|| panic!("no method {method}"));
    let mut bytes = Vec::new();
    json::command(command, &object(params), &mut bytes).map_err(|error| error.to_string())?;
    let reply = decode_reply(&bytes).unwrap().unwrap().value().unwrap();
    Ok(reply.items().iter().map(|item| item.as_str().unwrap().to_owned()).collect())
}

fn reply(method: &str, write: impl FnOnce(&mut Writer<'_>)) -> json::JsonReply {
    let mut bytes = Vec::new();
    write(&mut Writer::new(&mut bytes, Protocol::Resp3));
    let value = decode_reply(&bytes).unwrap().unwrap().value().unwrap();
    json::reply(json::method(method).unwrap(), &value)
}

#[test]
fn parameters_by_name_become_the_command_of_a_redis_client() {
    let cases = [
        ("sku.get", json!({"sku": "lamp"}), "SKU.GET lamp"),
        ("sku.mget", json!({"skus": ["lamp", "mug"]}), "SKU.MGET lamp mug"),
        (
            "sku.put",
            json!({"sku": "lamp", "json": {"title": "Lamp", "stock": 2, "currency": "EUR", "price": {"fixed": 5}}}),
            r#"SKU.PUT lamp {"currency":"EUR","price":{"fixed":5},"stock":2,"title":"Lamp"}"#,
        ),
        ("sku.restock", json!({"sku": "lamp", "req": "r", "delta": -2}), "SKU.RESTOCK lamp r -2"),
        (
            "sku.restock",
            json!({"sku": "lamp", "req": "r", "delta": 7.0, "store": null}),
            "SKU.RESTOCK lamp r 7",
        ),
        (
            "order.reserve",
            json!({"max_price": 5, "qty": 1, "buyer": "ann", "req": "r", "sku": "lamp", "coupon": "c"}),
            "ORDER.RESERVE lamp r ann 1 MAXPRICE 5 COUPON c",
        ),
        (
            "order.reserve",
            json!({"sku": "lamp", "req": "r", "buyer": "ann", "qty": 1, "lat": 52.52, "lon": 13.4, "within": 900}),
            "ORDER.RESERVE lamp r ann 1 AT 52.5200000 13.4000000 WITHIN 900",
        ),
        (
            "order.refund",
            json!({"order": "{a}:o:1", "req": "r", "restock": true}),
            "ORDER.REFUND {a}:o:1 r RESTOCK",
        ),
        ("order.refund", json!({"order": "{a}:o:1", "req": "r", "restock": false}), "ORDER.REFUND {a}:o:1 r"),
        ("order.cancel", json!({"order": "{a}:o:1", "req": "r", "reason": null}), "ORDER.CANCEL {a}:o:1 r"),
        (
            "cart.reserve",
            json!({"campaign": "c", "req": "r", "buyer": "ann", "coupon": "x",
                "lines": [{"sku": "lamp", "qty": 1}, {"qty": 2, "sku": "mug"}]}),
            "CART.RESERVE c r ann lamp 1 mug 2 COUPON x",
        ),
    ];
    for (method, params, expected) in cases {
        assert_eq!(words(method, params.clone()).unwrap().join(" "), expected, "{method} {params}");
    }
}

#[test]
fn a_parameter_that_does_not_fit_is_named() {
    let cases = [
        ("sku.get", json!({}), "sku: is missing"),
        ("sku.get", json!({"sku": 5}), "sku: must be a string"),
        ("sku.get", json!({"sku": "a", "price": 5}), "price: sku.get has no such parameter; it takes sku"),
        ("sku.mget", json!({"skus": "a"}), "skus: must be a list"),
        ("sku.mget", json!({"skus": []}), "skus: must be a list of at least one"),
        (
            "sku.mget",
            json!({"skus": ["a", "b c"]}),
            "skus[1] must be 1 to 64 characters of A-Z a-z 0-9 . _ - but is 'b c'",
        ),
        (
            "order.reserve",
            json!({"sku": "lamp", "req": "r", "buyer": "ann", "qty": 0}),
            "qty must be a whole number from 1 to 1000000 but is '0'",
        ),
        (
            "order.reserve",
            json!({"sku": "lamp", "req": "r", "buyer": "ann", "qty": 1, "max_price": -1}),
            "max_price must be a whole number from 0 to 9007199254740991 but is '-1'",
        ),
        ("sku.mget", json!({"skus": ["a", 1]}), "skus[1]: must be a string"),
        (
            "order.pay",
            json!({"order": "o", "req": "r", "amount": "5", "payment": "p"}),
            "amount: must be a whole number",
        ),
        ("order.refund", json!({"order": "o", "req": "r", "restock": 1}), "restock: must be true or false"),
        (
            "cart.reserve",
            json!({"campaign": "c", "req": "r", "buyer": "b", "lines": [{"sku": "a"}]}),
            "lines[0].qty: is missing",
        ),
        (
            "cart.reserve",
            json!({"campaign": "c", "req": "r", "buyer": "b", "lines": [{"sku": "a", "qty": 1, "x": 1}]}),
            "lines[0].x: an item of this list has no such parameter; it takes sku, qty",
        ),
    ];
    for (method, params, expected) in cases {
        assert_eq!(words(method, params.clone()).unwrap_err(), expected, "{method} {params}");
    }
}

#[test]
fn commands_of_the_sale_are_methods_and_those_of_a_connection_are_not() {
    for spec in COMMANDS {
        let is_method = spec.name.contains('.') || spec.name == "REPORT";
        assert_eq!(json::method(&spec.name.to_ascii_lowercase()).is_some(), is_method, "{}", spec.name);
        assert!(json::method(spec.name).is_none(), "names are in lower case: {}", spec.name);
    }
}

#[test]
fn outcomes_have_a_status_and_fields_with_the_names_of_the_table() {
    let reserved = Outcome::Reserved { order: "{lamp}:o:1", amount: 4990, expires_at: 1_795_346_976_561 };
    assert_eq!(
        reply("order.reserve", |writer| reserved.write(writer)).unwrap(),
        json!({"status": "RESERVED", "order": "{lamp}:o:1", "amount": 4990, "expires_at": "2026-11-22T11:29:36.561Z"})
    );
    let paid = |units: &[&str]| {
        let units: Vec<String> = units.iter().map(|unit| (*unit).to_owned()).collect();
        reply("order.pay", |writer| {
            tidegate_protocol::reply::write_paid_with("{key}:o:1", units.into_iter(), writer);
        })
        .unwrap()
    };
    assert_eq!(paid(&[]), json!({"status": "PAID", "order": "{key}:o:1"}));
    assert_eq!(paid(&["A", "B"]), json!({"status": "PAID", "order": "{key}:o:1", "units": ["A", "B"]}));
    let line =
        |outcome: Outcome<'_>| reply("cart.reserve", |writer| outcome.write_line("mug", writer)).unwrap();
    assert_eq!(line(Outcome::SoldOut), json!({"status": "SOLD_OUT", "sku": "mug"}));
    assert_eq!(line(Outcome::Limit { left: 1 }), json!({"status": "LIMIT", "left": 1, "sku": "mug"}));
    assert_eq!(reply("order.get", |writer| writer.null()).unwrap(), Json::Null);
}

#[test]
fn a_map_is_an_object_with_times_truths_and_named_entries() {
    let order = OrderMap {
        order: "{lamp}:o:1",
        state: OrderState::Paid,
        sku: "lamp",
        buyer: "ann",
        qty: 1,
        unit_price: 5000,
        amount: 4500,
        currency: "EUR",
        discounts: &[("coupon", 500)],
        reserved_at: 0,
        expires_at: 600_000,
        paid_at: None,
        room: None,
        cart: None,
        store: None,
    };
    let shown = reply("order.get", |writer| order.write(writer)).unwrap();
    assert_eq!(shown["discounts"], json!([{"name": "coupon", "amount": 500}]));
    assert_eq!((&shown["reserved_at"], &shown["paid_at"]), (&json!("1970-01-01T00:00:00.000Z"), &Json::Null));
    let members = reply("room.get", |writer| {
        writer.map(1);
        writer.bulk("members");
        writer.array(3);
        for buyer in ["ann", "bob", "eve"] {
            writer.array(3);
            writer.bulk(buyer);
            writer.bulk("{kettle}:o:1");
            writer.uint(1);
        }
    });
    let ann = json!({"buyer": "ann", "order": "{kettle}:o:1", "paid": true});
    assert_eq!(members.unwrap()["members"][0], ann);
}

#[test]
fn a_document_that_is_wrong_is_a_parameter_that_is_wrong() {
    let error = words("sku.put", json!({"sku": "lamp", "json": {"title": "Lamp"}})).unwrap_err();
    assert!(error.starts_with("json: "), "{error}");
}

#[test]
fn the_schemas_name_every_field_that_is_written_and_no_other() {
    let schema = json::map_schema("order map").unwrap();
    let order = OrderMap {
        order: "{lamp}:o:1",
        state: OrderState::Paid,
        sku: "lamp",
        buyer: "ann",
        qty: 1,
        unit_price: 5000,
        amount: 4500,
        currency: "EUR",
        discounts: &[],
        reserved_at: 0,
        expires_at: 600_000,
        paid_at: None,
        room: None,
        cart: None,
        store: None,
    };
    let shown = reply("order.get", |writer| order.write(writer)).unwrap();
    let keys = |value: &Json| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&shown), keys(&schema["properties"]));
}

#[test]
fn every_method_has_schemas_of_its_parameters_and_its_result() {
    for spec in COMMANDS.iter().filter(|spec| json::method(&spec.name.to_ascii_lowercase()).is_some()) {
        let params = json::params_schema(spec);
        let required = params["required"].as_array().unwrap();
        for argument in spec.arguments.iter().filter(|argument| !argument.optional && !argument.multiple) {
            assert!(required.contains(&json!(argument.name)), "{}: {}", spec.name, argument.name);
        }
        let result = json::result_schema(spec);
        assert_eq!(find_empty(&result), None, "{}: something is not described in {result}", spec.name);
    }
}

/// Where a schema says nothing.
fn find_empty(schema: &Json) -> Option<&Json> {
    match schema {
        Json::Object(fields) if fields.is_empty() => Some(schema),
        Json::Object(fields) => fields.values().find_map(find_empty),
        Json::Array(items) => items.iter().find_map(find_empty),
        _ => None,
    }
}

#[test]
fn an_error_keeps_its_code_and_says_when_to_try_again() {
    let error = reply("sku.get", |writer| writer.error("OVERLOADED", &["retry_ms=50 too much is waiting"]));
    let error = error.unwrap_err();
    assert_eq!(
        (error.code.word(), error.retry_ms, &*error.message),
        ("OVERLOADED", Some(50), "too much is waiting")
    );
}
