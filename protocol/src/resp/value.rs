//! Replies as trees, for clients that look at every field (a `REPORT`, a `COMMAND` entry).

use redis_protocol::resp2::decode::decode as decode_resp2;
use redis_protocol::resp2::types::OwnedFrame as Resp2Frame;
use redis_protocol::resp3::decode::complete::decode as decode_resp3;
use redis_protocol::resp3::types::OwnedFrame as Resp3Frame;

use super::reply::ReplyError;

/// A reply, decoded whole.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing is there.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A double.
    Double(f64),
    /// A simple, bulk or verbatim string, or a number too large for an integer.
    Text(Vec<u8>),
    /// A RESP error, its code first.
    Error(String),
    /// An array, a set or a push; a map in RESP2.
    Array(Vec<Value>),
    /// A RESP3 map, in no particular order.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// Decodes bytes that hold exactly one value. The caller has found its end, and that it is nested no
    /// deeper than the library can recurse.
    pub(super) fn decode(bytes: &[u8], resp3: bool) -> Result<Value, ReplyError> {
        if resp3 {
            match decode_resp3(bytes) {
                Ok(Some((frame, _))) => Ok(from_resp3(frame)),
                Ok(None) | Err(_) => Err(ReplyError::InvalidValue),
            }
        } else {
            match decode_resp2(bytes) {
                Ok(Some((frame, _))) => Ok(from_resp2(frame)),
                Ok(None) | Err(_) => Err(ReplyError::InvalidValue),
            }
        }
    }

    /// The text, if it is one and UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The values of an array, or none.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    /// The pairs of a map, or of the flat array that stands for one in RESP2.
    pub fn pairs(&self) -> Vec<(&Value, &Value)> {
        match self {
            Value::Map(pairs) => pairs.iter().map(|(key, value)| (key, value)).collect(),
            Value::Array(items) => items.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect(),
            _ => Vec::new(),
        }
    }

    /// The value under `key` of a map, or of the flat array that stands for one in RESP2.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(pairs) => {
                pairs.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
            }
            Value::Array(items) => {
                items.chunks_exact(2).find(|pair| pair[0].as_str() == Some(key)).map(|pair| &pair[1])
            }
            _ => None,
        }
    }
}

fn from_resp2(frame: Resp2Frame) -> Value {
    match frame {
        Resp2Frame::SimpleString(text) | Resp2Frame::BulkString(text) => Value::Text(text),
        Resp2Frame::Error(text) => Value::Error(text),
        Resp2Frame::Integer(value) => Value::Integer(value),
        Resp2Frame::Array(items) => Value::Array(items.into_iter().map(from_resp2).collect()),
        Resp2Frame::Null => Value::Null,
    }
}

fn from_resp3(frame: Resp3Frame) -> Value {
    match frame {
        Resp3Frame::BlobString { data, .. }
        | Resp3Frame::SimpleString { data, .. }
        | Resp3Frame::BigNumber { data, .. }
        | Resp3Frame::VerbatimString { data, .. }
        | Resp3Frame::ChunkedString(data) => Value::Text(data),
        Resp3Frame::BlobError { data, .. } => Value::Error(String::from_utf8_lossy(&data).into_owned()),
        Resp3Frame::SimpleError { data, .. } => Value::Error(data),
        Resp3Frame::Boolean { data, .. } => Value::Bool(data),
        Resp3Frame::Number { data, .. } => Value::Integer(data),
        Resp3Frame::Double { data, .. } => Value::Double(data),
        Resp3Frame::Array { data, .. } | Resp3Frame::Push { data, .. } => {
            Value::Array(data.into_iter().map(from_resp3).collect())
        }
        Resp3Frame::Set { data, .. } => Value::Array(data.into_iter().map(from_resp3).collect()),
        Resp3Frame::Map { data, .. } => {
            Value::Map(data.into_iter().map(|(key, value)| (from_resp3(key), from_resp3(value))).collect())
        }
        // Both are requests, never replies; the scanner has refused them before.
        Resp3Frame::Null | Resp3Frame::Hello { .. } => Value::Null,
    }
}
