//! What came of a command, in HTTP: which status it has, and what it looks like.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Map, Value};
use tidegate_protocol::error::ErrorCode;
use tidegate_protocol::json::{JsonError, JsonReply};
use tidegate_protocol::status::Status;

use super::operations::{Made, Operation, ROOT};
use crate::convert;
use crate::http::problem::Problem;

/// The answer to an operation.
pub(super) fn answer(operation: &Operation, reply: JsonReply) -> Result<HttpResponse, Problem> {
    match reply.map_err(error)? {
        Value::Object(result) => match result.get("status").and_then(Value::as_str).map(str::to_owned) {
            Some(word) => outcome(operation, &word, result),
            None => Ok(HttpResponse::Ok().json(result)),
        },
        _ => Err(absent()),
    }
}

fn outcome(operation: &Operation, word: &str, result: Map<String, Value>) -> Result<HttpResponse, Problem> {
    let Some(done) = operation.done(word) else { return Err(rejection(word, result)) };
    let mut response = if done.made.is_new() { HttpResponse::Created() } else { HttpResponse::Ok() };
    if let Made::At { field, below } = done.made
        && let Some(id) = result.get(field).and_then(Value::as_str)
    {
        response.insert_header((LOCATION, format!("{ROOT}{below}/{}", encode(id))));
    }
    Ok(response.json(result))
}

/// The rules say no: what a RESP client reads as data is a problem here, with the same word and the same fields.
fn rejection(word: &str, mut fields: Map<String, Value>) -> Problem {
    fields.remove("status");
    let Some(status) = Status::from_word(word.as_bytes()) else {
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "ERR", "The outcome has no known status.");
    };
    let problem = Problem::new(status_of_rejection(status), status.word(), status.meaning());
    fields.into_iter().fold(problem, |problem, (name, value)| problem.with(&name, value))
}

/// 409 if the rules don't allow it as things stand.
pub(super) fn status_of_rejection(status: Status) -> StatusCode {
    if status == Status::NotFound { StatusCode::NOT_FOUND } else { StatusCode::CONFLICT }
}

/// What was to be shown is not there.
pub(super) fn absent() -> Problem {
    rejection(Status::NotFound.word(), Map::new())
}

/// The status of each error.
pub(super) fn status_of_error(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Err
        | ErrorCode::IdempReuse
        | ErrorCode::CrossSlot
        | ErrorCode::NoProto
        | ErrorCode::BusyGroup
        | ErrorCode::NoGroup => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::WrongPass | ErrorCode::NoAuth => StatusCode::UNAUTHORIZED,
        ErrorCode::NoPerm => StatusCode::FORBIDDEN,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Moved => StatusCode::MISDIRECTED_REQUEST,
        ErrorCode::Loading | ErrorCode::ReadOnly | ErrorCode::Overloaded | ErrorCode::JournalFail => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// The caller or the server is at fault.
pub(in crate::http) fn error(error: JsonError) -> Problem {
    let JsonError { code, message, retry_ms } = error;
    if code == ErrorCode::Err {
        return if convert::is_fault(&message) {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, code.word(), message)
        } else {
            wrong_value(&message)
        };
    }
    let problem = Problem::new(status_of_error(code), code.word(), message);
    match (retry_ms, code) {
        (Some(retry_ms), _) => {
            let seconds = HeaderValue::from(retry_ms.div_ceil(1000));
            problem.with("retry_ms", retry_ms).header(RETRY_AFTER, seconds)
        }
        (None, ErrorCode::Loading) => problem.header(RETRY_AFTER, HeaderValue::from_static("1")),
        (None, ErrorCode::NoAuth | ErrorCode::WrongPass) => {
            problem.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tidegate\""))
        }
        _ => problem,
    }
}

/// A value is not one that can be. The text begins with its name, after which comes a colon or what it must be.
pub(super) fn wrong_value(message: &str) -> Problem {
    // Of a document its body consists of: there is no member of that name.
    let message = message.strip_prefix("json: ").unwrap_or(message);
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::Err.word(), message.to_owned());
    let name = message.split_once(": ").or_else(|| message.split_once(" must "));
    match name {
        Some((field, _)) if !field.is_empty() && !field.contains(' ') => problem.with("field", field),
        _ => problem,
    }
}

/// An id as a part of a path.
fn encode(id: &str) -> String {
    let mut encoded = String::with_capacity(id.len() + 8);
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_status_that_says_whose_fault_it_is_and_when_to_try_again() {
        let table = [
            (ErrorCode::Err, 422, None),
            (ErrorCode::WrongPass, 401, None),
            (ErrorCode::NoAuth, 401, None),
            (ErrorCode::NoPerm, 403, None),
            (ErrorCode::NoProto, 422, None),
            (ErrorCode::Loading, 503, Some("1")),
            (ErrorCode::ReadOnly, 503, None),
            (ErrorCode::Moved, 421, None),
            (ErrorCode::CrossSlot, 422, None),
            (ErrorCode::IdempReuse, 422, None),
            (ErrorCode::RateLimited, 429, Some("3")),
            (ErrorCode::Overloaded, 503, Some("3")),
            (ErrorCode::JournalFail, 503, None),
            (ErrorCode::BusyGroup, 422, None),
            (ErrorCode::NoGroup, 422, None),
        ];
        assert_eq!(table.map(|(code, ..)| code), ErrorCode::ALL);
        for (code, status, retry_after) in table {
            let retry_ms = matches!(code, ErrorCode::RateLimited | ErrorCode::Overloaded).then_some(2_001);
            let response = error(JsonError { code, message: "because".to_owned(), retry_ms }).response();
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            assert_eq!(response.status().as_u16(), status, "{code:?}");
            assert_eq!(header(RETRY_AFTER), retry_after, "{code:?}");
            assert_eq!(
                header(WWW_AUTHENTICATE),
                (status == 401).then_some("Bearer realm=\"tidegate\""),
                "{code:?}"
            );
        }
    }

    #[test]
    fn what_no_caller_can_mend_is_the_servers_fault() {
        let fault = tidegate_actors::Fault::Quarantined.to_string();
        let problem = error(JsonError { code: ErrorCode::Err, message: fault, retry_ms: None });
        assert_eq!(problem.response().status(), 500);
    }
}
