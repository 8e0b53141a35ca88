//! From replies in RESP3 to JSON.

use serde_json::{Map, Value as Json};

use super::fields::{self, Field, OUTCOME, Shape};
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
            None => Ok(value(shown(command), reply)),
        },
        other => Ok(value(shown(command), other)),
    }
}

/// What this command shows, if it shows something.
fn shown(command: Command) -> Option<&'static Shape> {
    command.spec().replies.iter().find_map(|reply| fields::shape(reply))
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
        object.insert(
            (*name).to_owned(),
            fields.get(at).map_or(Json::Null, |field| field_value(OUTCOME, name, field)),
        );
    }
    if fields.len() > names.len() {
        // What paid units come with: as many as there are units.
        let units = fields[names.len()..].iter().map(|field| value(None, field)).collect();
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

fn value(shape: Option<&'static Shape>, from: &Value) -> Json {
    match (from, shape) {
        (Value::Null, _) => Json::Null,
        (Value::Bool(truth), _) => Json::Bool(*truth),
        (Value::Integer(truth), Some(Shape::Truth)) => Json::Bool(*truth != 0),
        (Value::Integer(at), Some(Shape::Time)) => time(*at),
        (Value::Integer(number), _) => Json::from(*number),
        (Value::Double(number), _) => Json::from(*number),
        (Value::Text(bytes), _) => Json::String(String::from_utf8_lossy(bytes).into_owned()),
        (Value::Error(text), _) => unshown(&error(text)),
        (Value::Map(pairs), _) => {
            let known = match shape {
                Some(Shape::Entry(known)) => *known,
                _ => &[],
            };
            let fields = pairs.iter().map(|(key, field)| {
                let key = key.as_str().unwrap_or_default();
                (key.to_owned(), field_value(known, key, field))
            });
            Json::Object(fields.collect())
        }
        (Value::Array(values), Some(Shape::Entry(known))) => {
            let fields = known.iter().zip(values);
            Json::Object(
                fields
                    .map(|(field, from)| (field.name.to_owned(), value(Some(&field.shape), from)))
                    .collect(),
            )
        }
        (Value::Array(items), Some(Shape::List(shape))) => {
            Json::Array(items.iter().map(|item| value(Some(shape), item)).collect())
        }
        (Value::Array(items), _) => Json::Array(items.iter().map(|item| value(None, item)).collect()),
    }
}

fn field_value(known: &'static [Field], name: &str, from: &Value) -> Json {
    value(fields::find(known, name).map(|field| &field.shape), from)
}

/// What stands in a list in the place of what can't be shown.
fn unshown(error: &JsonError) -> Json {
    let mut object = Map::new();
    object.insert("code".to_owned(), Json::from(error.code.word()));
    object.insert("message".to_owned(), Json::from(error.message.as_str()));
    if let Some(retry_ms) = error.retry_ms {
        object.insert("retry_ms".to_owned(), Json::from(retry_ms));
    }
    let mut entry = Map::new();
    entry.insert("error".to_owned(), Json::Object(object));
    Json::Object(entry)
}
