//! Parameters and results as JSON Schema (draft 2020-12), for documents that describe a door.

use serde_json::{Map, Value, json};

use super::fields::{self, Coverage, Field, OUTCOME, Presence, Shape};
use super::params::{Param, params};
use crate::command::{Argument, CommandSpec, Kind, MAX_METRES, MAX_QUANTITY, MAX_SAFE_INTEGER};
use crate::error::ErrorCode;

/// The schema of a command's parameters by name: an object.
#[must_use]
pub fn params_schema(spec: &'static CommandSpec) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for param in params(spec) {
        let name = param.name.text();
        properties.insert(name.clone(), param_schema(&param));
        if !param.optional {
            required.push(name);
        }
    }
    closed(properties, required)
}

fn param_schema(param: &Param) -> Value {
    let one = kind_schema(param.kind);
    let all = if param.list { json!({"type": "array", "items": one, "minItems": 1}) } else { one };
    // Null counts as left out.
    if param.optional { json!({"anyOf": [all, {"type": "null"}]}) } else { all }
}

fn kind_schema(kind: Kind) -> Value {
    match kind {
        Kind::Name => shape_schema(&Shape::Name),
        Kind::Id => shape_schema(&Shape::Id),
        Kind::Order | Kind::Room | Kind::Cart => shape_schema(&Shape::Key),
        Kind::Quantity => json!({"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY}),
        Kind::Money => json!({"type": "integer", "minimum": 0, "maximum": MAX_SAFE_INTEGER}),
        Kind::Degrees { most } => {
            json!({"type": "number", "minimum": -f64::from(most), "maximum": f64::from(most)})
        }
        Kind::Metres => json!({"type": "integer", "minimum": 1, "maximum": MAX_METRES}),
        Kind::Delta => json!({
            "type": "integer", "not": {"const": 0},
            "minimum": -(MAX_SAFE_INTEGER as i64), "maximum": MAX_SAFE_INTEGER,
        }),
        Kind::Text { max_bytes } => json!({"type": "string", "maxLength": max_bytes}),
        Kind::Json => json!({"type": "object"}),
        Kind::Bytes => json!({"type": "string"}),
        Kind::Integer => json!({"type": "integer"}),
        Kind::Token => json!({"type": "boolean"}),
        Kind::Block(parts) => block_schema(parts),
    }
}

fn block_schema(parts: &[Argument]) -> Value {
    let properties = parts.iter().map(|part| (part.name.to_owned(), kind_schema(part.kind))).collect();
    closed(properties, parts.iter().map(|part| part.name.to_owned()).collect())
}

/// The schema of a command's result: one of the outcomes and maps that the command table names for it.
#[must_use]
pub fn result_schema(spec: &CommandSpec) -> Value {
    let mut forms: Vec<Value> = spec.replies.iter().filter_map(|reply| form(reply)).collect();
    match forms.len() {
        1 => forms.remove(0),
        _ => json!({"oneOf": forms}),
    }
}

/// One form that a reply can have; `None` for an error, which is no result.
fn form(reply: &str) -> Option<Value> {
    if let Some(fields) = reply.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Some(outcome_schema(fields));
    }
    match reply {
        "nil" => Some(json!({"type": "null"})),
        _ => fields::shape(reply).map(|shape| match shape {
            // One of a list may be missing, or out of service.
            Shape::List(item) => {
                let forms = [shape_schema(item), json!({"type": "null"}), part_error_schema()];
                json!({"type": "array", "items": {"oneOf": forms}})
            }
            shape => shape_schema(shape),
        }),
    }
}

/// `PAID, order, code or serial, ...`: a status, and what belongs to it by name.
fn outcome_schema(fields: &str) -> Value {
    let mut words = fields.split(", ");
    let mut properties = Map::new();
    properties.insert("status".to_owned(), json!({"const": words.next().unwrap_or_default()}));
    let names: Vec<&str> = words.collect();
    let (named, units) = match names.split_last() {
        Some((&"...", names)) => (&names[..names.len().saturating_sub(1)], true),
        _ => (&names[..], false),
    };
    for name in named {
        let schema = fields::find(OUTCOME, name).map(field_schema);
        properties.insert((*name).to_owned(), schema.unwrap_or_else(|| json!({})));
    }
    if units {
        properties
            .insert("units".to_owned(), json!({"type": "array", "items": {"type": "string"}, "minItems": 1}));
    }
    let required = properties.keys().cloned().collect();
    closed(properties, required)
}

/// What stands in a list for an entry that can't be shown.
fn part_error_schema() -> Value {
    let error = json!({
        "type": "object",
        "properties": {
            "code": code_schema(),
            "message": {"type": "string"},
            "retry_ms": {"type": "integer", "minimum": 1},
        },
        "required": ["code", "message"],
        "additionalProperties": false,
    });
    closed(Map::from_iter([("error".to_owned(), error)]), vec!["error".to_owned()])
}

/// The schema of an error's code: the words of RESP.
#[must_use]
pub fn code_schema() -> Value {
    json!({"enum": ErrorCode::WORDS})
}

/// The schema of what the command table calls so: `SKU map`, `order map`.
#[must_use]
pub fn map_schema(name: &str) -> Option<Value> {
    fields::shape(name).map(shape_schema)
}

/// The schema of a time.
#[must_use]
pub fn time_schema() -> Value {
    shape_schema(&Shape::Time)
}

fn shape_schema(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({"type": "string"}),
        Shape::Name => json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}),
        Shape::Id => json!({"type": "string", "pattern": "^[!-~]{1,64}$"}),
        Shape::Key => json!({"type": "string", "pattern": "^[!-~]{1,128}$"}),
        Shape::Whole => json!({"type": "integer", "minimum": 0}),
        Shape::Time => json!({
            "type": "string", "format": "date-time",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        }),
        Shape::Truth => json!({"type": "boolean"}),
        Shape::Word(words) => json!({"enum": words}),
        Shape::List(item) => json!({"type": "array", "items": shape_schema(item)}),
        Shape::Entry(fields) => entry_schema(fields),
        Shape::Numbers(words, coverage) => {
            let number = |word: &&str| ((*word).to_owned(), shape_schema(&Shape::Whole));
            let required = match coverage {
                Coverage::All => words.iter().map(|word| (*word).to_owned()).collect(),
                Coverage::Some => Vec::new(),
            };
            closed(words.iter().map(number).collect(), required)
        }
    }
}

fn entry_schema(fields: &[Field]) -> Value {
    let properties = fields.iter().map(|field| (field.name.to_owned(), field_schema(field))).collect();
    let required = fields.iter().filter(|field| field.presence != Presence::Sometimes);
    closed(properties, required.map(|field| field.name.to_owned()).collect())
}

fn field_schema(field: &Field) -> Value {
    let schema = shape_schema(&field.shape);
    match field.presence {
        Presence::Nullable => json!({"anyOf": [schema, {"type": "null"}]}),
        Presence::Always | Presence::Sometimes => schema,
    }
}

/// An object with these properties and no others.
fn closed(properties: Map<String, Value>, required: Vec<String>) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}
