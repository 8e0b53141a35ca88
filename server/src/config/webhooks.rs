//! Webhooks: `[[webhooks]]` in the file, a list as that of users is.

use std::path::PathBuf;

use actix_web::http::Uri;
use actix_web::http::uri::Scheme;
use figment::value::{Dict, Value};
use serde::Serialize;

use super::listed::{self, Table, text};
use super::origins::is_this_machine;
use super::problem::Problems;
use crate::convert::entry::TYPES;

/// The longest URL.
const MAX_URL_BYTES: usize = 2_048;

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
        url.scheme() == Some(&Scheme::HTTP) && !url.host().is_some_and(is_this_machine)
    }
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

impl Table for Webhook {
    const KEY: &'static str = "webhooks";
    const ONE: &'static str = "webhook";
    const MOST: usize = 100;
    const REQUIRED: &'static [&'static str] = &["name", "url", "secret_file"];
    const OPTIONAL: &'static [&'static str] = &["events"];

    fn name(&self) -> &str {
        &self.name
    }

    fn read(at: &str, fields: &Dict, problems: &mut Problems) -> Option<Self> {
        let name = problems.check(&format!("{at}.name"), listed::name(fields));
        let url = problems.check(&format!("{at}.url"), url(fields));
        let secret_file = problems.check(&format!("{at}.secret_file"), secret_file(fields));
        let events = problems.check(&format!("{at}.events"), events(fields));
        Some(Self { name: name?, url: url?, secret_file: secret_file?, events: events? })
    }
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
