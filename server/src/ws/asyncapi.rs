//! `/asyncapi.json`: the WebSocket door as an AsyncAPI 3 document, made of the command table.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};
use tidegate_protocol::command::{COMMANDS, CommandSpec};
use tidegate_protocol::json::{
    CART_EVENTS, ORDER_EVENTS, PRICE_FIELDS, REFUND_REASONS, ROOM_EVENTS, STOCK_FIELDS, code_schema,
    map_schema, method, params_schema, result_schema, time_schema,
};

use super::rpc::{self, Method, PUSHED};

const CHANNEL: &str = "#/channels/socket";

/// The document. It is the same for as long as the server runs.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// `GET /asyncapi.json`.
pub(crate) async fn asyncapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.as_str())
}

/// One method as the document tells it.
struct Described {
    name: String,
    summary: &'static str,
    params: Value,
    result: Value,
}

fn document() -> Value {
    let methods: Vec<Described> =
        COMMANDS.iter().filter_map(of_command).chain(Method::ALL.map(of_connection)).collect();
    let mut operations = Map::new();
    let mut messages = Map::new();
    let mut schemas = Map::new();
    for Described { name, summary, params, result } in &methods {
        operations.insert(name.clone(), operation(name, summary));
        messages.insert(name.clone(), message(name, summary, request_schema(name, params)));
        let answer = format!("{name}.result");
        messages.insert(answer.clone(), message(&answer, "The answer.", answer_schema(&answer)));
        schemas.insert(answer, result.clone());
    }
    messages.insert("error".to_owned(), message("error", "Why there is no result.", error_schema()));
    messages.insert(PUSHED.to_owned(), message(PUSHED, "What happened on a channel.", push_schema()));
    operations.insert(PUSHED.to_owned(), pushes());
    schemas.insert("id".to_owned(), json!({"type": ["string", "number", "null"]}));
    schemas.extend(data_schemas());
    let in_channel: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({"$ref": format!("#/components/messages/{name}")})))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tidegate over WebSocket",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "JSON-RPC 2.0: one request, or a list of requests as a batch, in each text message. A batch \
                is answered by a list. A request without an id is a notification and is not answered.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "tidegate": server("ws", "Without a certificate."),
            "tidegate-tls": server("wss", "With a certificate (tls.certificate_file)."),
        },
        "channels": {
            "socket": {
                "address": "/ws",
                "servers": [{"$ref": "#/servers/tidegate"}, {"$ref": "#/servers/tidegate-tls"}],
                "messages": in_channel,
                "bindings": {"ws": {"method": "GET"}},
            },
        },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Where users are configured: name:secret of a user, or a buyer's token, as \
                        Authorization: Bearer with the upgrade. A browser calls the method auth instead.",
                },
            },
        },
    })
}

fn server(protocol: &str, description: &str) -> Value {
    json!({
        "host": "{host}",
        "protocol": protocol,
        "description": description,
        "variables": {"host": {"default": "127.0.0.1:7879", "description": "http.listen"}},
        "security": [{"$ref": "#/components/securitySchemes/bearer"}],
    })
}

fn of_command(spec: &'static CommandSpec) -> Option<Described> {
    let name = spec.name.to_ascii_lowercase();
    method(&name)?;
    Some(Described { name, summary: spec.summary, params: params_schema(spec), result: result_schema(spec) })
}

fn of_connection(method: Method) -> Described {
    let channels = json!({"type": "array", "items": channel_schema(), "minItems": 1});
    let (summary, params, result) = match method {
        Method::Auth => (
            "Authenticates the connection, for browsers, which can't send a header with the upgrade.",
            object(&[("token", json!({"type": "string"}))], &["token"]),
            object(&[("status", json!({"const": "OK"}))], &["status"]),
        ),
        Method::Subscribe => (
            "Subscribes to channels. The answer shows how each stands; what happens then is told in notifications.",
            object(&[("channels", channels)], &["channels"]),
            object(
                &[
                    ("status", json!({"const": "SUBSCRIBED"})),
                    ("snapshots", json!({"type": "array", "items": delivery_schema()})),
                ],
                &["status", "snapshots"],
            ),
        ),
        Method::Unsubscribe => (
            "Unsubscribes from channels, or from all if none are named. The answer says how many are left.",
            object(&[("channels", channels)], &[]),
            object(
                &[
                    ("status", json!({"const": "UNSUBSCRIBED"})),
                    ("left", json!({"type": "integer", "minimum": 0})),
                ],
                &["status", "left"],
            ),
        ),
    };
    Described { name: method.name().to_owned(), summary, params, result }
}

fn operation(name: &str, summary: &str) -> Value {
    let message = |name: &str| json!({"$ref": format!("{CHANNEL}/messages/{name}")});
    json!({
        "action": "receive",
        "summary": summary,
        "channel": {"$ref": CHANNEL},
        "messages": [message(name)],
        "reply": {
            "channel": {"$ref": CHANNEL},
            "messages": [message(&format!("{name}.result")), message("error")],
        },
    })
}

fn pushes() -> Value {
    json!({
        "action": "send",
        "summary": "What happened on a channel that was subscribed to.",
        "channel": {"$ref": CHANNEL},
        "messages": [{"$ref": format!("{CHANNEL}/messages/{PUSHED}")}],
    })
}

fn message(name: &str, summary: &str, payload: Value) -> Value {
    json!({"name": name, "summary": summary, "contentType": "application/json", "payload": payload})
}

/// An object with these properties and no others.
fn object(properties: &[(&str, Value)], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        properties.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn version_schema() -> (&'static str, Value) {
    ("jsonrpc", json!({"const": "2.0"}))
}

fn id_schema() -> (&'static str, Value) {
    ("id", json!({"$ref": "#/components/schemas/id"}))
}

fn request_schema(name: &str, params: &Value) -> Value {
    let has_required = params["required"].as_array().is_some_and(|required| !required.is_empty());
    let required: &[&str] =
        if has_required { &["jsonrpc", "method", "params"] } else { &["jsonrpc", "method"] };
    let method = ("method", json!({"const": name}));
    object(&[version_schema(), id_schema(), method, ("params", params.clone())], required)
}

fn answer_schema(result: &str) -> Value {
    let result = ("result", json!({"$ref": format!("#/components/schemas/{result}")}));
    object(&[version_schema(), id_schema(), result], &["jsonrpc", "id", "result"])
}

fn error_schema() -> Value {
    let retry =
        json!({"type": "integer", "minimum": 1, "description": "Try again after so many milliseconds."});
    let data = object(&[("code", code_schema()), ("retry_ms", retry)], &["code"]);
    let codes: Vec<i64> = rpc::numbers().collect();
    let error = object(
        &[("code", json!({"enum": codes})), ("message", json!({"type": "string"})), ("data", data)],
        &["code", "message", "data"],
    );
    object(&[version_schema(), id_schema(), ("error", error)], &["jsonrpc", "id", "error"])
}

fn push_schema() -> Value {
    let method = ("method", json!({"const": PUSHED}));
    object(&[version_schema(), method, ("params", delivery_schema())], &["jsonrpc", "method", "params"])
}

fn channel_schema() -> Value {
    json!({
        "type": "string",
        "pattern": r"^(price:\{[A-Za-z0-9._-]{1,64}\}|stock:\{[A-Za-z0-9._-]{1,64}\}|room:\{[A-Za-z0-9._-]{1,64}\}:r:[0-9]+|buyer:[!-~]{1,64}|status)$",
        "examples": ["price:{iphone}", "stock:{iphone}", "room:{iphone}:r:1", "buyer:u42", "status"],
    })
}

/// One delivery: which data it has follows from its channel.
fn delivery_schema() -> Value {
    let of = |kind: &str| {
        json!({
            "if": {"properties": {"channel": {"pattern": format!("^{kind}(:|$)")}}},
            "then": {"properties": {"data": {"$ref": format!("#/components/schemas/{kind}.data")}}},
        })
    };
    let mut schema = object(
        &[
            ("channel", channel_schema()),
            (
                "seq",
                json!({"type": "integer", "minimum": 1, "description": "Counts the deliveries of the channel on \
                this connection. A gap means: subscribe again."}),
            ),
            ("data", json!({"type": "object"})),
        ],
        &["channel", "seq", "data"],
    );
    schema["allOf"] = KINDS.map(of).into();
    schema
}

const KINDS: [&str; 5] = ["price", "stock", "room", "buyer", "status"];

/// What is told on each kind of channel.
fn data_schemas() -> [(String, Value); 5] {
    KINDS.map(|kind| {
        let forms: Vec<Value> = match kind {
            "price" => vec![of_sku(&PRICE_FIELDS), absent("sku")],
            "stock" => vec![of_sku(&STOCK_FIELDS), absent("sku")],
            "room" => vec![of_room(), absent("room")],
            "status" => vec![of_status()],
            _ => vec![
                object(&[server_time(), ("buyer", json!({"type": "string"}))], &["server_time", "buyer"]),
                of_order(),
                map_with("cart map", &[server_time(), ("type", json!({"enum": CART_EVENTS}))], &[]),
            ],
        };
        (format!("{kind}.data"), json!({"oneOf": forms}))
    })
}

fn server_time() -> (&'static str, Value) {
    ("server_time", time_schema())
}

/// What a map shows, with more fields; those that are optional may be missing.
fn map_with(map: &str, required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let mut schema = map_schema(map).unwrap_or_default();
    for (name, field) in required.iter().chain(optional) {
        schema["properties"][*name] = field.clone();
    }
    if let Some(names) = schema["required"].as_array_mut() {
        names.extend(required.iter().map(|(name, _)| json!(name)));
    }
    schema
}

/// Some of a SKU's fields.
fn of_sku(fields: &[&str]) -> Value {
    let all = map_schema("SKU map").unwrap_or_default();
    let mut properties: Vec<(&str, Value)> =
        fields.iter().map(|name| (*name, all["properties"][*name].clone())).collect();
    properties.push(server_time());
    let names: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    object(&properties, &names)
}

/// How the server stands.
fn of_status() -> Value {
    let count = || json!({"type": "integer", "minimum": 0});
    let counts = |names: &[&str]| {
        let fields: Vec<(&str, Value)> = names.iter().map(|name| (*name, count())).collect();
        object(&fields, names)
    };
    let by_name = |values: Value| json!({"type": "object", "additionalProperties": values});
    let times = counts(&["p50", "p90", "p99", "p999", "max"]);
    let of_command =
        object(&[("requests", count()), ("latency_us", times.clone())], &["requests", "latency_us"]);
    let rates: [(&str, Value); 7] = [
        ("interval_ms", count()),
        ("requests", count()),
        ("outcomes", by_name(count())),
        ("latency_us", times),
        ("commands", by_name(of_command)),
        ("events", count()),
        ("commits", count()),
    ];
    let rates =
        json!({"oneOf": [object(&rates, &rates.each_ref().map(|(name, _)| *name)), {"type": "null"}]});
    let rooms = counts(&["forming", "succeeded", "failed"]);
    let mut sku = map_schema("SKU map").unwrap_or_default();
    sku["properties"]["rooms"] = rooms.clone();
    sku["properties"]["changes_per_second"] = json!({"type": ["integer", "null"], "minimum": 0});
    let status = json!({"type": "object", "description": "What /status answers."});
    let stock = counts(&["skus", "sold_out", "total", "available", "reserved", "sold"]);
    let fields = [
        server_time(),
        ("status", status),
        ("rates", rates),
        ("stock", stock),
        ("rooms", rooms),
        ("skus", json!({"type": "array", "items": sku, "description": "The busiest first."})),
        (
            "steps",
            json!({"type": "array", "items": of_step(), "description": "The next price steps, the soonest first."}),
        ),
    ];
    object(&fields, &fields.each_ref().map(|(name, _)| *name))
}

/// A price that will step down.
fn of_step() -> Value {
    let all = map_schema("SKU map").unwrap_or_default();
    let names =
        ["sku", "title", "state", "price", "currency", "next_price", "next_price_at", "start", "floor"];
    let fields = names.map(|name| match &all["properties"][name] {
        Value::Null => (name, json!({"type": "integer", "minimum": 0})),
        known => (name, known.clone()),
    });
    object(&fields, &names)
}

fn of_room() -> Value {
    map_with("room map", &[server_time()], &[("event", json!({"enum": ROOM_EVENTS}))])
}

fn of_order() -> Value {
    let refund =
        [("refund", json!({"type": "integer", "minimum": 0})), ("reason", json!({"enum": REFUND_REASONS}))];
    map_with("order map", &[server_time(), ("type", json!({"enum": ORDER_EVENTS}))], &refund)
}

/// What is said of something that is not there.
fn absent(of: &str) -> Value {
    object(
        &[server_time(), (of, json!({"type": "string"})), ("state", json!({"type": "null"}))],
        &["server_time", of, "state"],
    )
}
