//! From a request to a command.

use std::collections::HashMap;
use std::str;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, web};
use serde_json::{Map, Value};
use tidegate_protocol::command::Command;
use tidegate_protocol::json;
use tokio::time::timeout;

use super::answer::wrong_value;
use super::operations::{Operation, Places, REQUEST_ID_HEADER, path_names};
use crate::http::problem::Problem;

/// The only kind of body that is taken. Browsers ask before they send it to another site.
const JSON: &str = "application/json";

/// Appends the command that a request asks for.
pub(super) fn command(
    operation: &Operation,
    command: Command,
    request: &HttpRequest,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let places = Places::of(command.spec(), operation.path);
    let mut given = match &places.document {
        Some(name) => Map::from_iter([(name.clone(), Value::String(document(body)?))]),
        None => members(&places, body)?,
    };
    given.extend(path(operation.path, request)?);
    if places.has_request_id {
        given.insert("req".to_owned(), Value::String(request_id(request)?));
    }
    json::command(command, &given, out).map_err(|error| wrong_value(&error.to_string()))
}

/// The names that this path has in braces, and their values.
pub(super) fn path(template: &'static str, request: &HttpRequest) -> Result<Map<String, Value>, Problem> {
    let values: Vec<String> =
        request.match_info().load().map_err(|_| malformed("The path can't be read."))?;
    let names = path_names(template).map(str::to_owned);
    Ok(names.zip(values.into_iter().map(Value::String)).collect())
}

/// The parameters behind the question mark: each of these at most once, and no others.
pub(super) fn query(request: &HttpRequest, known: &[&str]) -> Result<HashMap<String, String>, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = pairs.map_err(|_| malformed("The query can't be read."))?.into_inner();
    let mut values = HashMap::new();
    for (name, value) in pairs {
        if !known.contains(&&*name) {
            let takes = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let detail = format!("{name}: there is no such parameter in the query; this path takes {takes}");
            return Err(malformed(detail).with("field", name));
        }
        if values.insert(name.clone(), value).is_some() {
            return Err(malformed(format!("{name}: is in the query twice")).with("field", name));
        }
    }
    Ok(values)
}

/// The members of a body; an empty one has none.
fn members(places: &Places, body: &[u8]) -> Result<Map<String, Value>, Problem> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    let Value::Object(members) = serde_json::from_slice(body).map_err(no_json)? else {
        return Err(wrong_value("body: must be an object"));
    };
    let is_known = |name: &&String| places.members.iter().any(|(known, _)| known == *name);
    match members.keys().find(|name| !is_known(name)) {
        Some(unknown) => {
            let known: Vec<&str> = places.members.iter().map(|(name, _)| &**name).collect();
            let takes = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(wrong_value(&format!("{unknown}: there is no such member of the body; it takes {takes}"))
                .with("field", unknown.as_str()))
        }
        None => Ok(members),
    }
}

/// A body that is a document: as it stands, because its fields are judged one by one.
fn document(body: &[u8]) -> Result<String, Problem> {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).map_err(no_json)?;
    let text = str::from_utf8(body).map_err(|_| malformed("The body is not UTF-8."))?;
    Ok(text.to_owned())
}

fn request_id(request: &HttpRequest) -> Result<String, Problem> {
    let mut values = request.headers().get_all(REQUEST_ID_HEADER);
    let missing = || {
        malformed(
            "Idempotency-Key: this header is missing. Give each thing you want done an id of your own; asked again \
             with the same id, it is done once.",
        )
    };
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(malformed("Idempotency-Key: this header is there twice."));
    }
    let value = value.to_str().map_err(|_| malformed("Idempotency-Key: must be printable ASCII."))?;
    Ok(value.to_owned())
}

/// Refuses a body that is not called JSON.
pub(super) fn check_content_type(request: &HttpRequest) -> Result<(), Problem> {
    if request.content_type().eq_ignore_ascii_case(JSON) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "ERR",
        "Say `content-type: application/json`, also where the body is empty.",
    )
    .header(ACCEPT, HeaderValue::from_static(JSON)))
}

/// Reads a body of at most so many bytes, that comes within this time.
pub(super) async fn read_body(
    body: web::Payload,
    most: usize,
    patience: Duration,
) -> Result<web::Bytes, Problem> {
    match timeout(patience, body.to_bytes_limited(most)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => Err(malformed("The body broke off.")),
        Ok(Err(_)) => Err(too_large(most)),
        Err(_) => {
            let patience = patience.as_millis();
            let detail = format!("The body did not come within {patience} ms (http.request_timeout_ms).");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "ERR", detail))
        }
    }
}

pub(super) fn too_large(most: usize) -> Problem {
    let detail = format!(
        "A body, and the command that it asks for, has at most {most} bytes (limits.max_command_bytes)."
    );
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "ERR", detail)
}

fn no_json(error: serde_json::Error) -> Problem {
    malformed(format!("The body is not JSON: {error}"))
}

pub(super) fn malformed(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "ERR", detail)
}
