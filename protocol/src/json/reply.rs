//! From replies in RESP3 to JSON.

use serde_json::{Map, Value as Json};

use crate::command::Command;
use crate::error::{ErrorCode, WireError};
use crate::resp::Value;

/// A reply in JSON: a result, or why there is none.
pub type JsonReply = Result<Json, JsonError>;

/// An error of the caller or the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// What programs act on, in the words of RESP: `OVERLOADED`.
    pub code: ErrorCode,
    /// What to do about it.
    pub message: String,
    /// After how many milliseconds to try again, if that makes sense.
    pub retry_ms: Option<u64>,
}

/// What the values of lists in replies are called, by the name of the list and how many there are.
const ENTRIES: &[(&str, &[&str])] = &[
    ("members", &["buyer", "order", "paid"]),
    ("discounts", &["name", "amount"]),
    ("lines", &["order", "sku", "qty", "amount"]),
    ("stores", &["id", "available"]),
    ("stores", &["id", "total", "available", "reserved", "sold"]),
    ("thresholds", &["spend", "off"]),
    ("coupon_windows", &["event", "percent_off", "window_s", "skus"]),
    ("green", &["max_carbon_g", "percent_off"]),
];

/// Fields that are 1 or 0 in RESP and true or false in JSON.
const BOOLEANS: &[&str] = &["paid", "balanced"];

/// A reply to this command as JSON: an outcome as an object with `status` and what belongs to it by name, a map as an
/// object, nil as null.
///
/// # Errors
/// If the reply is an error.
pub fn reply(command: Command, reply: &Value) -> JsonReply {
    match reply {
        Value::Error(text) => Err(error(text)),
        Value::Array(fields) => match fields.first().and_then(Value::as_str) {
            Some(status) => Ok(outcome(command, status, &fields[1..])),
            None => Ok(value("", reply)),
        },
        other => Ok(value("", other)),
    }
}

/// An error reply, taken apart.
#[must_use]
pub fn error(text: &str) -> JsonError {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let Some(code) = ErrorCode::from_word(word.as_bytes()) else {
        return JsonError { code: ErrorCode::Err, message: text.to_owned(), retry_ms: None };
    };
    let retry = rest.strip_prefix("retry_ms=").and_then(|rest| rest.split_once(' '));
    match retry.and_then(|(number, message)| Some((number.parse().ok()?, message))) {
        Some((retry_ms, message)) => {
            JsonError { code, message: message.to_owned(), retry_ms: Some(retry_ms) }
        }
        None => JsonError { code, message: rest.to_owned(), retry_ms: None },
    }
}

impl From<WireError> for JsonError {
    fn from(error: WireError) -> Self {
        Self {
            code: error.code(),
            message: error.message().to_owned(),
            retry_ms: error.retry_ms().map(u64::from),
        }
    }
}

/// Epoch milliseconds as RFC 3339 with milliseconds; null if no calendar reaches so far.
#[must_use]
pub fn time(epoch_ms: i64) -> Json {
    match jiff::Timestamp::from_millisecond(epoch_ms) {
        Ok(time) => Json::String(format!("{time:.3}")),
        Err(_) => Json::Null,
    }
}

/// The fields behind a status word, by the names that the command table shows for it.
fn outcome(command: Command, status: &str, fields: &[Value]) -> Json {
    let mut object = Map::new();
    object.insert("status".to_owned(), Json::String(status.to_owned()));
    let names = names(command, status, fields.len());
    for (at, name) in names.iter().enumerate() {
        object.insert((*name).to_owned(), fields.get(at).map_or(Json::Null, |field| value(name, field)));
    }
    if fields.len() > names.len() {
        // What paid units come with: as many as there are units.
        let units = fields[names.len()..].iter().map(|field| value("", field)).collect();
        object.insert("units".to_owned(), Json::Array(units));
    }
    Json::Object(object)
}

/// What the table calls so many fields behind this word: `[PAID, order, code or serial, ...]` has one with a name,
/// and any number behind it.
fn names(command: Command, status: &str, count: usize) -> Vec<&'static str> {
    let shapes = command.spec().replies.iter().filter_map(|shape| {
        let fields: Vec<&'static str> = shape.strip_prefix('[')?.strip_suffix(']')?.split(", ").collect();
        let (word, names) = fields.split_first()?;
        (*word == status).then(|| names.to_vec())
    });
    let mut open = Vec::new();
    for mut names in shapes {
        if names.last() == Some(&"...") {
            names.truncate(names.len() - 2);
            open = names;
        } else if names.len() == count {
            return names;
        }
    }
    open
}

fn value(name: &str, from: &Value) -> Json {
    match from {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Integer(truth) if BOOLEANS.contains(&name) => Json::Bool(*truth != 0),
        Value::Integer(at) if is_time(name) => time(*at),
        Value::Integer(number) => Json::from(*number),
        Value::Double(number) => Json::from(*number),
        Value::Text(bytes) => Json::String(String::from_utf8_lossy(bytes).into_owned()),
        Value::Error(text) => Json::String(text.clone()),
        Value::Map(pairs) => Json::Object(
            pairs
                .iter()
                .map(|(key, field)| {
                    let key = key.as_str().unwrap_or_default();
                    (key.to_owned(), value(key, field))
                })
                .collect(),
        ),
        Value::Array(items) => match entry(name, items) {
            Some(object) => object,
            None => Json::Array(items.iter().map(|item| listed(name, item)).collect()),
        },
    }
}

/// One value of a list: an object, if the list's values have names.
fn listed(name: &str, item: &Value) -> Json {
    match item {
        Value::Array(fields) => entry(name, fields).unwrap_or_else(|| value("", item)),
        other => value("", other),
    }
}

/// The values by name, if they are as many as those of this list, and no list of lists.
fn entry(name: &str, fields: &[Value]) -> Option<Json> {
    if matches!(fields.first(), Some(Value::Array(_))) {
        return None;
    }
    let (_, names) = ENTRIES.iter().find(|(list, names)| *list == name && names.len() == fields.len())?;
    let fields = names.iter().zip(fields).map(|(name, field)| ((*name).to_owned(), value(name, field)));
    Some(Json::Object(fields.collect()))
}

/// Whether a field of this name is a time.
fn is_time(name: &str) -> bool {
    name.ends_with("_at") || name == "deadline"
}
