//! What browsers are told about pages of other sites (CORS): those that `http.allowed_origins` names may use the API, and
//! nobody else is told anything. No cookies are used here, so credentials are not allowed; a page sends its token itself.
//!
//! Refusals at the door are marked too: a page could not read when to come again otherwise.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};

use super::api::ROOT;
use crate::config::Origins;

/// The methods of the API.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT");
/// The headers that the API reads and that a page may not send unasked.
const READ: HeaderValue = HeaderValue::from_static("authorization, content-type, idempotency-key");
/// The headers that the API answers with and that a page may not read unasked.
const ANSWERED: HeaderValue = HeaderValue::from_static("location, retry-after, www-authenticate");
/// Seconds for which a browser need not ask again.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// What the answer to one request says.
pub(super) struct Cors {
    /// The page's origin, if it is one that may use the API.
    origin: Option<HeaderValue>,
    /// Whether the answer depends on where the page came from.
    varies: bool,
    is_preflight: bool,
}

impl Cors {
    pub(super) fn of(request: &ServiceRequest, allowed: &Origins) -> Self {
        let is_api =
            request.path().strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let headers = request.headers();
        let known = |origin: &&HeaderValue| origin.to_str().is_ok_and(|origin| allowed.contains(origin));
        let origin = headers.get(ORIGIN).filter(|_| is_api).filter(known).cloned();
        let asks_before =
            request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Self { varies: is_api && !allowed.is_empty(), is_preflight: asks_before && origin.is_some(), origin }
    }

    /// The answer to a browser that asks before it sends something, if this is one.
    pub(super) fn preflight(&self) -> Option<HttpResponse> {
        let mut response = HttpResponse::NoContent();
        response
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
            .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, READ))
            .insert_header((ACCESS_CONTROL_MAX_AGE, MAX_AGE));
        self.is_preflight.then(|| response.finish())
    }

    /// Marks the answer, whatever it is.
    pub(super) fn mark(self, headers: &mut HeaderMap) {
        if self.varies {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = self.origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWERED);
        }
    }
}
