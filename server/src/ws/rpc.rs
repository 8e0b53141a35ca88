//! JSON-RPC 2.0: what a message asks, and how it is answered.

use serde::Serialize;
use serde_json::{Map, Value};
use tidegate_protocol::command::Command;
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::json::{self, JsonError, ParamError};

use super::wish::Wish;
use crate::push::Delivery;

/// The method of notifications.
pub(super) const PUSHED: &str = "subscription";

/// The number of an application's error; the next ones count down, in the order of [`ErrorCode::ALL`].
const FIRST_CODE: i64 = -32_000;

const PARSE: i64 = -32_700;
const INVALID_REQUEST: i64 = -32_600;
const NO_METHOD: i64 = -32_601;
const INVALID_PARAMS: i64 = -32_602;
const INTERNAL: i64 = -32_603;

/// Every number that an error can have.
pub(super) fn numbers() -> impl Iterator<Item = i64> {
    [PARSE, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS, INTERNAL]
        .into_iter()
        .chain(ErrorCode::ALL.iter().copied().map(number))
}

/// What one message asks.
pub(super) struct Asked {
    pub(super) calls: Vec<Call>,
    /// The answers come in a list, although it may be one.
    pub(super) is_batch: bool,
}

/// One request.
pub(super) struct Call {
    /// `None`: a notification, which is not answered.
    pub(super) id: Option<Value>,
    pub(super) work: Result<Work, RpcError>,
}

/// What a request wants done. Nothing here takes more than twice its text: JSON may take a hundred times as much, for as long as
/// the answers before it are not taken.
pub(super) enum Work {
    /// A command, and the bytes that a Redis client would send.
    Command(Command, Vec<u8>),
    Connection(Wish),
}

/// Methods about the connection itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Auth,
    Subscribe,
    Unsubscribe,
}

impl Method {
    pub(super) const ALL: [Self; 3] = [Self::Auth, Self::Subscribe, Self::Unsubscribe];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct RpcError {
    code: i64,
    message: String,
    data: ErrorData,
}

/// The same for programs that know the codes of RESP.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct ErrorData {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_ms: Option<u64>,
}

impl RpcError {
    fn of_caller(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: ErrorData { code: ErrorCode::Err.word(), retry_ms: None },
        }
    }

    /// A message that is no request, as far as can be told.
    pub(super) fn no_request(message: impl Into<String>) -> Self {
        Self::of_caller(INVALID_REQUEST, message)
    }

    pub(super) fn no_json(message: impl Into<String>) -> Self {
        Self::of_caller(PARSE, message)
    }

    /// A reply of the server that it can't read itself.
    pub(super) fn defect() -> Self {
        Self::of_caller(INTERNAL, "outcome unknown: a defect of the server; please report it")
    }

    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::of_caller(INVALID_PARAMS, message)
    }
}

impl From<ParamError> for RpcError {
    fn from(error: ParamError) -> Self {
        Self::params(error.to_string())
    }
}

impl From<WireError> for RpcError {
    fn from(error: WireError) -> Self {
        Self::from(JsonError::from(error))
    }
}

impl From<JsonError> for RpcError {
    fn from(error: JsonError) -> Self {
        Self {
            code: number(error.code),
            message: error.message,
            data: ErrorData { code: error.code.word(), retry_ms: error.retry_ms },
        }
    }
}

/// The number of an error of the application.
fn number(code: ErrorCode) -> i64 {
    FIRST_CODE - i64::try_from(code.index()).unwrap_or_default()
}

/// Reads a message. `most`: requests that one batch may have.
pub(super) fn read(text: &str, most: usize) -> Asked {
    let value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return alone(Err(RpcError::no_json(format!("this is not JSON: {error}")))),
    };
    match value {
        Value::Array(items) if items.is_empty() => {
            alone(Err(RpcError::no_request("a batch holds at least one request")))
        }
        Value::Array(items) if items.len() > most => alone(Err(RpcError::no_request(format!(
            "a batch may hold {most} requests (ws.max_requests), this one holds {}; nothing was done",
            items.len()
        )))),
        Value::Array(items) => Asked { calls: items.into_iter().map(call).collect(), is_batch: true },
        item => Asked { calls: vec![call(item)], is_batch: false },
    }
}

/// From here on numbers that are not whole ones of 64 bits stand for others too (2^53).
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A message that asks nothing; it is answered nevertheless.
fn alone(work: Result<Work, RpcError>) -> Asked {
    Asked { calls: vec![Call { id: Some(Value::Null), work }], is_batch: false }
}

fn call(item: Value) -> Call {
    let Value::Object(mut request) = item else {
        let work = Err(RpcError::no_request("a request is an object"));
        return Call { id: Some(Value::Null), work };
    };
    let id = request.remove("id");
    if !id.as_ref().is_none_or(is_id) {
        let work = Err(RpcError::no_request(
            "id: has to be a string, null, or a number that can be given back as it is: a whole one of 64 bits, or a fraction \
             nearer to zero than 2^53",
        ));
        return Call { id: Some(Value::Null), work };
    }
    match work(request) {
        // Whoever sends what is no request can't have meant a notification.
        Err(error) if error.code == INVALID_REQUEST => {
            Call { id: Some(id.unwrap_or(Value::Null)), work: Err(error) }
        }
        work => Call { id, work },
    }
}

/// What names a request and can be given back as it came.
fn is_id(id: &Value) -> bool {
    match id {
        Value::Null | Value::String(_) => true,
        Value::Number(number) if number.is_f64() => {
            number.as_f64().is_some_and(|number| number.abs() < EXACT)
        }
        Value::Number(_) => true,
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn work(mut request: Map<String, Value>) -> Result<Work, RpcError> {
    if request.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(RpcError::no_request("jsonrpc: has to be \"2.0\""));
    }
    let Some(Value::String(method)) = request.remove("method") else {
        return Err(RpcError::no_request("method: has to be the name of a method"));
    };
    let params = match request.remove("params") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(params)) => Ok(params),
        Some(_) => Err(RpcError::params("params: has to be an object, every parameter by its name")),
    };
    if let Some(command) = json::method(&method) {
        let mut bytes = Vec::new();
        json::command(command, &params?, &mut bytes)?;
        bytes.shrink_to_fit();
        return Ok(Work::Command(command, bytes));
    }
    match Method::ALL.into_iter().find(|own| own.name() == method) {
        Some(own) => Wish::read(own, &params?).map(Work::Connection),
        None => {
            let shown: String = method.chars().take(64).collect();
            let message =
                format!("there is no method {shown:?}; /asyncapi.json describes those that there are");
            Err(RpcError::of_caller(NO_METHOD, message))
        }
    }
}

/// One answer.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    jsonrpc: &'static str,
    id: Value,
    #[serde(flatten)]
    said: Said,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Result(Value),
    Error(RpcError),
}

impl Answer {
    pub(super) fn new(id: Value, said: Result<Value, RpcError>) -> Self {
        let said = said.map_or_else(Said::Error, Said::Result);
        Self { jsonrpc: "2.0", id, said }
    }

    pub(super) fn text(&self) -> String {
        // Strings, numbers and maps with string keys: there is nothing that JSON can't say.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A notification of something that happened.
pub(super) fn push(delivery: &Delivery) -> String {
    let channel = Value::String(delivery.channel().to_string());
    format!(
        r#"{{"jsonrpc":"2.0","method":"{PUSHED}","params":{{"channel":{channel},"seq":{},"data":{}}}}}"#,
        delivery.seq(),
        delivery.data()
    )
}

/// The answer to a whole message; `None` if nothing in it wants one.
pub(super) fn message(is_batch: bool, mut answers: Vec<String>) -> Option<String> {
    match (answers.len(), is_batch) {
        (0, _) => None,
        (1, false) => answers.pop(),
        _ => Some(format!("[{}]", answers.join(","))),
    }
}
