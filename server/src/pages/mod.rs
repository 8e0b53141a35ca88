//! The pages: the operations dashboard at `/` and a storefront to try a sale by hand at `/shop`. Their files stand beside
//! this one and are part of the program; they know the server as any other page would: by its WebSocket, and the
//! storefront the lists of the administration.
//!
//! * `dashboard.*`, `chart.js`: the dashboard.
//! * `shop.*`, `intentions.js`, `orders.js`, `room.js`, `words.js`: the storefront.
//! * `base.css`, `line.js`, `page.js`: what both need: colours and type; the connection; numbers, times and elements.

use std::sync::LazyLock;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETag, EntityTag, IfNoneMatch, REFERRER_POLICY,
};
use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::http::{not_found, page};

/// What the pages may load and whom they may ask: their own server. Nothing that stands in them is run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// One file.
struct File {
    name: &'static str,
    content_type: &'static str,
    body: &'static str,
}

macro_rules! files {
    ($($name:literal: $kind:expr,)+) => {
        &[$(File { name: $name, content_type: $kind, body: include_str!($name) },)+]
    };
}

/// All of them. The first two are the pages.
static FILES: &[File] = files! {
    "dashboard.html": HTML,
    "shop.html": HTML,
    "base.css": CSS,
    "dashboard.css": CSS,
    "shop.css": CSS,
    "chart.js": SCRIPT,
    "dashboard.js": SCRIPT,
    "intentions.js": SCRIPT,
    "line.js": SCRIPT,
    "orders.js": SCRIPT,
    "page.js": SCRIPT,
    "room.js": SCRIPT,
    "shop.js": SCRIPT,
    "words.js": SCRIPT,
    "icon.svg": PICTURE,
};

/// What each of them is known by, in their order.
static TAGS: LazyLock<Vec<EntityTag>> = LazyLock::new(|| {
    let tag = |file: &File| EntityTag::new_strong(URL_SAFE_NO_PAD.encode(Sha256::digest(file.body)));
    FILES.iter().map(tag).collect()
});

pub(crate) fn routes(app: &mut web::ServiceConfig) {
    for (path, file) in [("/", "dashboard.html"), ("/shop", "shop.html")] {
        let show = move |known: web::Header<IfNoneMatch>| async move { send(file, &known).await };
        app.service(page(path, show));
    }
    let part =
        |name: web::Path<String>, known: web::Header<IfNoneMatch>| async move { send(&name, &known).await };
    app.service(page("/pages/{file}", part));
}

/// Sends a file to whoever does not have it as it is.
async fn send(name: &str, known: &IfNoneMatch) -> HttpResponse {
    let Some(at) = FILES.iter().position(|file| file.name == name) else { return not_found().await };
    let (file, tag) = (&FILES[at], &TAGS[at]);
    let is_known = match known {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|known| known.weak_eq(tag)),
    };
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        // Kept, and asked for each time whether it is still the same: another release may have answered before.
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header(ETag(tag.clone()))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((REFERRER_POLICY, "no-referrer"));
    if is_known { response.finish() } else { response.content_type(file.content_type).body(file.body) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tidegate_protocol::error::ErrorCode;

    /// An error code that the page does not know would be counted among what the rules reject.
    #[test]
    fn the_dashboard_counts_every_error_code_as_a_refusal() {
        let (_, rest) = include_str!("dashboard.js").split_once("const REFUSED = new Set(").unwrap();
        let (list, _) = rest.split_once(".split").unwrap();
        let words = list.split(|letter: char| !letter.is_ascii_uppercase()).filter(|word| !word.is_empty());
        let known: BTreeSet<&str> = ErrorCode::WORDS.iter().copied().collect();
        assert_eq!(words.collect::<BTreeSet<&str>>(), known);
    }
}
