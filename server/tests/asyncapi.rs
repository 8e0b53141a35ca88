//! The AsyncAPI document says what the server really sends and takes.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::door::{Door, Fault};
use common::{Ask, Server, Socket, story};
use jsonschema::Validator;
use serde_json::{Value as Json, json};

/// The document that this server serves.
fn document(server: &Server) -> Json {
    let answer = Ask::new(server.http(), "GET", "/asyncapi.json").send();
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/json"));
    answer.json()
}

/// The messages of a document by name, each with what judges it.
struct Messages(BTreeMap<String, Validator>);

impl Messages {
    fn of(document: &Json) -> Self {
        let messages = document["components"]["messages"].as_object().unwrap();
        let validator = |name: &String| {
            let schema = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$ref": format!("#/components/messages/{name}/payload"),
                "components": document["components"],
            });
            (name.clone(), jsonschema::validator_for(&schema).unwrap())
        };
        Self(messages.keys().map(validator).collect())
    }

    #[track_caller]
    fn check(&self, name: &str, message: &Json) {
        let validator = self.0.get(name).unwrap_or_else(|| panic!("{name} is not described"));
        let wrong: Vec<String> = validator
            .iter_errors(message)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{name} {message}: {wrong:#?}");
    }
}

/// A WebSocket whose every message is held against the document.
struct Checked {
    socket: Socket,
    messages: Messages,
    seen: BTreeSet<String>,
}

impl Checked {
    fn new(server: &Server) -> Self {
        let messages = Messages::of(&document(server));
        Self { socket: Socket::connect(server.http()), messages, seen: BTreeSet::new() }
    }

    /// The answer, and whatever was pushed before it.
    fn ask(&mut self, method: &str, params: &Json) -> (Json, Vec<Json>) {
        let request = json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params});
        self.messages.check(method, &request);
        self.seen.insert(method.to_owned());
        self.socket.send(&request);
        let mut pushed = Vec::new();
        loop {
            let message = self.socket.receive();
            if message.get("method").is_some() {
                self.messages.check("subscription", &message);
                pushed.push(message);
                continue;
            }
            let is_error = message.get("error").is_some();
            let name = if is_error { "error".to_owned() } else { format!("{method}.result") };
            self.messages.check(&name, &message);
            return (message, pushed);
        }
    }
}

impl Door for Checked {
    fn call(&mut self, method: &str, params: &Json) -> Result<Json, Fault> {
        let (answer, _) = self.ask(method, params);
        match answer.get("error") {
            Some(error) => Err(Fault {
                code: error["data"]["code"].as_str().unwrap().to_owned(),
                message: error["message"].as_str().unwrap().to_owned(),
            }),
            None => Ok(answer["result"].clone()),
        }
    }
}

#[test]
fn it_says_how_to_connect_and_who_one_is() {
    let document = document(&Server::start());
    let servers = document["servers"].as_object().unwrap();
    let protocols: BTreeSet<&str> =
        servers.values().map(|server| server["protocol"].as_str().unwrap()).collect();
    assert_eq!(protocols, BTreeSet::from(["ws", "wss"]));
    let at = |reference: &Json| {
        document.pointer(reference["$ref"].as_str().unwrap().trim_start_matches('#')).unwrap()
    };
    for server in servers.values() {
        let scheme = at(&server["security"][0]);
        assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("bearer")));
    }
    let named = document["channels"]["socket"]["servers"].as_array().unwrap();
    let named: Vec<&Json> = named.iter().map(at).collect();
    assert_eq!(named, servers.values().collect::<Vec<_>>());
}

#[test]
fn every_method_is_described_and_every_answer_is_as_described() {
    let server = Server::start();
    let document = document(&server);
    let mut door = Checked::new(&server);
    story::play(&mut door, &mut |_, _, _| {});
    door.ask("subscribe", &json!({"channels": ["price:{lamp}", "buyer:ann"]}));
    door.ask("unsubscribe", &json!({"channels": ["buyer:ann"]}));
    door.ask("unsubscribe", &json!({}));
    door.ask("auth", &json!({"token": "t"}));
    let operations = document["operations"].as_object().unwrap();
    let methods: BTreeSet<String> =
        operations.keys().filter(|name| *name != "subscription").cloned().collect();
    assert_eq!(door.seen, methods);
}

#[test]
fn what_is_wrong_is_answered_as_described() {
    let server = Server::start();
    let mut door = Checked::new(&server);
    for text in [
        "{",
        "[]",
        "7",
        r#"{"jsonrpc":"2.0","id":1,"method":"no"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"sku.get"}"#,
    ] {
        door.socket.send_text(text);
        let answer = door.socket.receive();
        door.messages.check("error", &answer);
    }
}

#[test]
fn every_push_is_as_described() {
    let server = Server::start();
    let mut watcher = Checked::new(&server);
    let channels = [
        "price:{kettle}",
        "stock:{kettle}",
        "room:{kettle}:r:1",
        "room:{none}:r:1",
        "price:{none}",
        "status",
    ];
    let buyers = ["ann", "bob", "cat", "dan", "fay", "gil", "last"].map(|buyer| format!("buyer:{buyer}"));
    let all: Vec<&str> = channels.into_iter().chain(buyers.iter().map(String::as_str)).collect();
    let (answer, _) = watcher.ask("subscribe", &json!({"channels": all}));
    let snapshots = answer["result"]["snapshots"].as_array().unwrap();
    assert_eq!(snapshots.len(), all.len());
    let mut door = Socket::connect(server.http());
    story::play(&mut door, &mut |_, _, _| {});
    let last = json!({"sku": "lamp", "req": "r", "buyer": "last", "qty": 1});
    door.call("order.reserve", last).unwrap();
    let mut kinds = BTreeSet::new();
    let mut channel = Json::Null;
    while channel != "buyer:last" {
        let message = watcher.socket.receive();
        watcher.messages.check("subscription", &message);
        channel = message["params"]["channel"].clone();
        let data = &message["params"]["data"];
        kinds.extend([&data["type"], &data["event"]].into_iter().filter_map(Json::as_str).map(str::to_owned));
        kinds.extend(channel.as_str().unwrap().split(':').next().map(str::to_owned));
    }
    for kind in [
        "price",
        "stock",
        "status",
        "room.joined",
        "order.reserved",
        "order.paid",
        "cart.paid",
        "order.expired",
    ] {
        assert!(kinds.contains(kind), "no {kind} in {kinds:?}");
    }
}

/// Every reference of the document leads somewhere.
#[test]
fn the_document_is_of_one_piece() {
    let server = Server::start();
    let document = document(&server);
    assert_eq!(document["asyncapi"], "3.0.0");
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50, "{}", references.len());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Json, references: &mut Vec<String>) {
    match value {
        Json::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Json::as_str).map(str::to_owned));
            fields.values().for_each(|field| collect(field, references));
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
