//! Errors as RFC 9457 problem documents.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;
use serde::Serialize;

/// One error. `type` is left out: it would be `about:blank`, which is what its absence means.
#[derive(Serialize)]
struct Problem {
    title: &'static str,
    status: u16,
    detail: Cow<'static, str>,
    /// The word a RESP client would read.
    code: &'static str,
}

pub(super) fn answer(
    status: StatusCode,
    code: &'static str,
    detail: impl Into<Cow<'static, str>>,
) -> HttpResponse {
    let title = status.canonical_reason().unwrap_or("Error");
    let problem = Problem { title, status: status.as_u16(), detail: detail.into(), code };
    let mut response = HttpResponse::build(status).json(problem);
    response.headers_mut().insert(
        actix_web::http::header::CONTENT_TYPE,
        actix_web::http::header::HeaderValue::from_static("application/problem+json"),
    );
    response
}

/// A path that isn't served.
pub(super) async fn not_found() -> HttpResponse {
    answer(
        StatusCode::NOT_FOUND,
        "NOT_FOUND",
        "Nothing is served here. There are /livez, /readyz, /healthz, /status and /metrics.",
    )
}

/// A path that is served, asked by another method than GET or HEAD.
pub(super) async fn read_only() -> HttpResponse {
    let mut response =
        answer(StatusCode::METHOD_NOT_ALLOWED, "ERR", "This path can only be read, by GET or HEAD.");
    response.headers_mut().insert(ALLOW, actix_web::http::header::HeaderValue::from_static("GET, HEAD"));
    response
}

/// The answer could not be put together.
pub(super) fn internal(detail: &'static str) -> HttpResponse {
    answer(StatusCode::INTERNAL_SERVER_ERROR, "ERR", detail)
}
