//! One attempt to send an entry.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use anyhow::{Context as _, ensure};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use super::consumer::Entry;
use super::retry::asked_for;
use super::secret::Secrets;
use crate::config::Deliveries;

/// The most that is read of an answer, so that its connection can be used again. Nothing in it matters.
const MAX_ANSWER_BYTES: usize = 16 << 10;

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The endpoint has it.
    Taken,
    /// It is to be tried again, not before the time that the endpoint wants.
    Failed {
        /// Why.
        reason: String,
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// The endpoint wants nothing more.
    Gone,
}

/// Sends to one endpoint.
pub(super) struct Poster {
    client: awc::Client,
    url: String,
    /// Of the entries.
    source: String,
    patience: Duration,
}

impl Poster {
    pub(super) fn new((url, source): (&str, &str), trust: &Arc<ClientConfig>, settings: &Deliveries) -> Self {
        let connector =
            awc::Connector::new().rustls_0_23(Arc::clone(trust)).timeout(settings.timeout_ms).limit(1);
        // The time of an attempt is watched as a whole, below.
        let client =
            awc::Client::builder().connector(connector).disable_redirects().disable_timeout().finish();
        Self { client, url: url.to_owned(), source: source.to_owned(), patience: settings.timeout_ms }
    }

    /// Sends an entry, signed at this moment.
    pub(super) async fn post(&self, entry: &Entry, secrets: &Secrets) -> Outcome {
        let now = SystemTime::now();
        let timestamp = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let id = entry.webhook_id(&self.source);
        let request = self
            .client
            .post(&self.url)
            .insert_header((CONTENT_TYPE, "application/cloudevents+json; charset=utf-8"))
            .insert_header((USER_AGENT, concat!("Tidegate/", env!("CARGO_PKG_VERSION"))))
            .insert_header(("webhook-signature", secrets.sign(&id, timestamp, &entry.event)))
            .insert_header(("webhook-timestamp", timestamp.to_string()))
            .insert_header(("webhook-id", id))
            .send_body(entry.event.clone());
        let mut answer = match timeout(self.patience, request).await {
            Err(_) => return failed("no answer in time (deliveries.timeout_ms)".to_owned(), None),
            Ok(Err(error)) => return failed(error.to_string(), None),
            Ok(Ok(answer)) => answer,
        };
        // Whatever comes behind the head, the status has been said.
        let _ = timeout(self.patience, answer.body().limit(MAX_ANSWER_BYTES)).await;
        match answer.status() {
            StatusCode::GONE => Outcome::Gone,
            status if status.is_success() => Outcome::Taken,
            status => {
                let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                failed(format!("answered {}", status.as_u16()), after.and_then(|value| asked_for(value, now)))
            }
        }
    }
}

fn failed(reason: String, after: Option<Duration>) -> Outcome {
    Outcome::Failed { reason, after }
}

/// Whose certificates are believed.
///
/// # Errors
/// The file that is configured can't be read, or holds no certificate.
pub(super) fn trust(settings: &Deliveries) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match &settings.ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let context = || format!("deliveries.ca_file: {}", file.display());
            for certificate in CertificateDer::pem_file_iter(file).with_context(context)? {
                roots.add(certificate.with_context(context)?).with_context(context)?;
            }
            ensure!(!roots.is_empty(), "{} holds no certificate", context());
        }
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}
