//! Webhooks: `[[webhooks]]` in the file, a list as that of users is.

use std::net::IpAddr;
use std::path::PathBuf;

use actix_web::http::Uri;
use actix_web::http::uri::Scheme;
use figment::value::{Dict, Value};
use serde::Serialize;

use super::problem::Problems;
use crate::convert::entry::TYPES;

/// The key in the file.
pub(super) const KEY: &str = "webhooks";

/// How many endpoints there may be.
const MOST: usize = 100;

/// The longest URL.
const MAX_URL_BYTES: usize = 2_048;

const FIELDS: [&str; 4] = ["name", "url", "secret_file", "events"];

/// An endpoint that entries of the feed are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// What it is called in the status, in metrics, and in its consumer group, `webhook.{name}`.
    pub name: String,
    /// Where entries are sent.
    pub url: String,
    /// The file of the secrets that they are signed with.
    pub secret_file: PathBuf,
    /// The types that it wants; empty: all.
    pub events: Vec<String>,
}

impl Webhook {
    /// Whether what is sent to it can be read on its way.
    pub(super) fn is_open_to_others(&self) -> bool {
        let Ok(url) = self.url.parse::<Uri>() else { return false };
        url.scheme() == Some(&Scheme::HTTP) && !url.host().is_some_and(is_loopback)
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// An endpoint as the effective configuration shows it.
#[derive(Serialize)]
pub(super) struct ShownWebhook {
    name: String,
    url: String,
    secret_file: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<String>,
}

impl From<&Webhook> for ShownWebhook {
    fn from(webhook: &Webhook) -> Self {
        let Webhook { name, url, secret_file, events } = webhook.clone();
        Self { name, url, secret_file: secret_file.display().to_string(), events }
    }
}

/// Checks the endpoints that a file lists. `None` exactly if a problem was found.
pub(super) fn check(listed: &[Value], problems: &mut Problems) -> Option<Vec<Webhook>> {
    let before = problems.len();
    if listed.len() > MOST {
        problems.add(KEY, format!("at most {MOST} endpoints, but there are {}", listed.len()));
    }
    let mut webhooks: Vec<Webhook> = Vec::new();
    for (at, value) in listed.iter().enumerate() {
        let key = format!("{KEY}[{at}]");
        let Some(webhook) = check_one(&key, value, problems) else { continue };
        if webhooks.iter().any(|other| other.name == webhook.name) {
            problems.add(format!("{key}.name"), format!("there is another one called {:?}", webhook.name));
        }
        webhooks.push(webhook);
    }
    (problems.len() == before).then_some(webhooks)
}

fn check_one(key: &str, value: &Value, problems: &mut Problems) -> Option<Webhook> {
    let Some(fields) = value.as_dict() else {
        problems.add(key, "is no table; write [[webhooks]] and name, url and secret_file below");
        return None;
    };
    for field in fields.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
        problems
            .add(format!("{key}.{field}"), format!("unknown key; a webhook may have {}", FIELDS.join(", ")));
    }
    let name = problems.check(&format!("{key}.name"), name(fields));
    let url = problems.check(&format!("{key}.url"), url(fields));
    let secret_file = problems.check(&format!("{key}.secret_file"), secret_file(fields));
    let events = problems.check(&format!("{key}.events"), events(fields));
    Some(Webhook { name: name?, url: url?, secret_file: secret_file?, events: events? })
}

fn text<'f>(fields: &'f Dict, name: &str) -> &'f str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn name(fields: &Dict) -> Result<String, String> {
    let name = text(fields, "name");
    let is_name = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    is_name
        .then(|| name.to_owned())
        .ok_or_else(|| "must be 1 to 64 characters of A-Z a-z 0-9 . _ -".to_owned())
}

/// Does not repeat what was written: there may be a secret in it.
fn url(fields: &Dict) -> Result<String, String> {
    let written = text(fields, "url");
    let wrong = || "must be an address such as https://shop.example.com/hooks/tidegate".to_owned();
    let url: Uri = written.parse().map_err(|_| wrong())?;
    let authority = url.authority().ok_or_else(wrong)?;
    let is_web = url.scheme() == Some(&Scheme::HTTP) || url.scheme() == Some(&Scheme::HTTPS);
    if !is_web || written.len() > MAX_URL_BYTES || authority.host().is_empty() {
        return Err(wrong());
    }
    if authority.as_str().contains('@') {
        return Err("can't hold a user and a password; the signature says who sends".to_owned());
    }
    Ok(written.to_owned())
}

fn secret_file(fields: &Dict) -> Result<PathBuf, String> {
    let file = text(fields, "secret_file");
    if file.is_empty() || file.contains('\0') {
        return Err("must name the file that holds the secret, whsec_ and base64".to_owned());
    }
    Ok(PathBuf::from(file))
}

fn events(fields: &Dict) -> Result<Vec<String>, String> {
    let Some(written) = fields.get("events") else { return Ok(Vec::new()) };
    let event = |value: &Value| {
        let known = value.as_str().filter(|kind| TYPES.contains(kind));
        known.map(str::to_owned).ok_or_else(|| format!("must be a list of {}", TYPES.join(", ")))
    };
    match written.as_array() {
        Some(written) if !written.is_empty() => written.iter().map(event).collect(),
        _ => Err("must be a list of types of entries; without it all are sent".to_owned()),
    }
}
