//! The OpenAPI document and the page that shows it. The page's files are part of the program.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY};
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::{Config, serve};

use super::openapi::DOCUMENT;
use crate::http::page;
use crate::http::problem::{internal, not_found};

const DOCUMENT_PATH: &str = "/api/openapi.json";
const PAGE_PATH: &str = "/api/docs/";

/// The page loads its own files and asks its own server. Its pictures are in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> =
    // Nothing is to be told to a validator elsewhere.
    LazyLock::new(|| Arc::new(Config::from(DOCUMENT_PATH).validator_url("none")));

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(page(DOCUMENT_PATH, document))
        .service(page("/api/docs", to_page))
        .service(page("/api/docs/{file:.*}", file));
}

async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.as_str())
}

async fn file(name: web::Path<String>) -> HttpResponse {
    match serve(&name, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => HttpResponse::Ok()
            .content_type(file.content_type)
            .insert_header((CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .body(file.bytes.into_owned()),
        Ok(None) => not_found().await,
        Err(_) => internal("The page can't be put together."),
    }
}

/// Without the slash its files would be looked for elsewhere.
async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, PAGE_PATH)).finish()
}
