//! Errors as RFC 9457 problem documents.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::{Map, Value};

/// One error. `type` is left out: it would be `about:blank`, which is what its absence means.
#[derive(Serialize)]
struct Document<'a> {
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

/// What kept a request from being answered as it wished.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// The word a RESP client would read.
    code: &'static str,
    detail: Cow<'static, str>,
    /// What else a program may want to know, by name.
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, detail: detail.into(), members: Map::new(), headers: Vec::new() }
    }

    /// With one more member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// With a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn response(&self) -> HttpResponse {
        let document = Document {
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            members: &self.members,
        };
        let mut response = HttpResponse::build(self.status);
        for header in &self.headers {
            response.insert_header(header.clone());
        }
        response.content_type("application/problem+json").json(document)
    }
}

/// A path that isn't served.
pub(crate) async fn not_found() -> HttpResponse {
    Problem::new(
        StatusCode::NOT_FOUND,
        "NOT_FOUND",
        "Nothing is served here. There are /, /shop, /livez, /readyz, /healthz, /status, /metrics, /api/v1, /api/docs/, \
         /ws and /asyncapi.json.",
    )
    .response()
}

/// A path that is served, asked by another method than these.
pub(super) fn not_allowed(methods: &str) -> HttpResponse {
    let detail = format!("This path takes the methods {methods}.");
    let mut problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "ERR", detail);
    if let Ok(methods) = HeaderValue::from_str(methods) {
        problem = problem.header(ALLOW, methods);
    }
    problem.response()
}

/// A path that is served, asked by another method than GET or HEAD.
pub(super) async fn read_only() -> HttpResponse {
    not_allowed("GET, HEAD")
}

/// The answer could not be put together.
pub(super) fn internal(detail: &'static str) -> HttpResponse {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "ERR", detail).response()
}
