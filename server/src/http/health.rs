//! Three questions with yes or no for an answer.
//!
//! * `/livez`: is a restart pointless? No only when the journal has failed: nothing but a restart helps then.
//! * `/readyz`: may traffic be sent here?
//! * `/healthz`: is there nothing a person should look at? Also no while a single SKU is quarantined.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::Sources;
use crate::metrics::{Readiness, StatusSnapshot};

/// One thing that is looked at. `trouble` is `None` when it is as it should be.
struct Check {
    name: &'static str,
    trouble: Option<String>,
}

pub(super) async fn livez(request: HttpRequest, sources: web::Data<Sources>) -> HttpResponse {
    let now = sources.status.snapshot();
    answer("livez", &request, &[Check { name: "process", trouble: None }, journal(&now)])
}

pub(super) async fn readyz(request: HttpRequest, sources: web::Data<Sources>) -> HttpResponse {
    let now = sources.status.snapshot();
    answer("readyz", &request, &[recovery(&now), journal(&now), serving(&now)])
}

pub(super) async fn healthz(request: HttpRequest, sources: web::Data<Sources>) -> HttpResponse {
    let now = sources.status.snapshot();
    answer("healthz", &request, &[recovery(&now), journal(&now), serving(&now), skus(&now)])
}

fn recovery(now: &StatusSnapshot) -> Check {
    let trouble = match now.readiness {
        Readiness::Loading { replayed } => Some(format!("replaying the journal, {replayed} events so far")),
        _ => None,
    };
    Check { name: "recovery", trouble }
}

fn journal(now: &StatusSnapshot) -> Check {
    let trouble = match &now.readiness {
        Readiness::JournalFailed { reason } => {
            Some(format!("failed, nothing is acknowledged until a restart: {reason}"))
        }
        _ => None,
    };
    Check { name: "journal", trouble }
}

fn serving(now: &StatusSnapshot) -> Check {
    let trouble = matches!(now.readiness, Readiness::Draining).then(|| "the server is stopping".to_owned());
    Check { name: "serving", trouble }
}

fn skus(now: &StatusSnapshot) -> Check {
    let quarantined = now.actors.quarantined.len();
    let trouble = (quarantined > 0)
        .then(|| format!("{quarantined} quarantined of {}; /status names them", now.actors.skus));
    Check { name: "skus", trouble }
}

fn answer(question: &str, request: &HttpRequest, checks: &[Check]) -> HttpResponse {
    let well = checks.iter().all(|check| check.trouble.is_none());
    let verbose = request.query_string().split('&').any(|part| part.split('=').next() == Some("verbose"));
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status)
        .content_type("text/plain; charset=utf-8")
        .body(text(question, checks, well, verbose))
}

/// The verdict; with `verbose` after one line per check. Trouble is always told.
fn text(question: &str, checks: &[Check], well: bool, verbose: bool) -> String {
    let mut text = String::new();
    for check in checks {
        match &check.trouble {
            None if verbose => text.push_str(&format!("[+] {} ok\n", check.name)),
            None => {}
            Some(trouble) => text.push_str(&format!("[-] {}: {trouble}\n", check.name)),
        }
    }
    match (well, verbose) {
        (true, false) => text.push_str("ok\n"),
        (true, true) => text.push_str(&format!("{question} passed\n")),
        (false, _) => text.push_str(&format!("{question} failed\n")),
    }
    text
}
