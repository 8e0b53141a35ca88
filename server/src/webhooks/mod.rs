//! Webhooks: entries of the feed, signed and sent to endpoints that are configured.
//!
//! Each endpoint has a consumer group of the feed and a task that reads for it, so what is not acknowledged is sent
//! again, after a kill too, and no endpoint waits for another. All tasks are on one thread that nothing else uses.
//!
//! * `sender.rs`: the task of one endpoint.
//! * `consumer.rs`: its consumer group.
//! * `post.rs`, `secret.rs`: one attempt, and its signature.
//! * `retry.rs`: when the next attempt is made.
//! * `progress.rs`: what the status tells.

mod consumer;
mod post;
mod progress;
mod retry;
mod secret;
mod sender;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use actix_rt::Arbiter;
use anyhow::Context as _;
use parking_lot::Mutex;
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::time::timeout;

pub(crate) use progress::{Progress, State};

use crate::config::{Config, Deliveries};
use crate::edge::Edge;
use crate::feed::Feed;
use crate::metrics::Metrics;
use consumer::{Consumer, SENDER};
use post::Poster;
use secret::Secrets;
use sender::Sender;

/// How long who looks waits for entries to be counted. The first time, all that are kept are.
const COUNTING: Duration = Duration::from_secs(1);

/// All endpoints.
pub struct Webhooks {
    endpoints: Vec<Arc<Endpoint>>,
    settings: Deliveries,
    max_pending: u64,
    /// Nothing is read for nobody.
    trust: Option<Arc<ClientConfig>>,
    closing: watch::Sender<bool>,
    thread: Mutex<Option<Arbiter>>,
    /// Whoever serves the status may be the last to go, and must not keep the data directory.
    feed: OnceLock<Weak<Feed>>,
    counting: Arc<tokio::sync::Mutex<()>>,
}

/// One endpoint.
struct Endpoint {
    name: String,
    group: String,
    url: String,
    /// The types that it wants; empty: all.
    events: Arc<[String]>,
    secrets: Secrets,
    progress: Mutex<Progress>,
}

impl Endpoint {
    fn wants(&self, kind: &str) -> bool {
        self.events.is_empty() || self.events.iter().any(|wanted| wanted == kind)
    }
}

/// How it goes with an endpoint.
pub(crate) struct WebhookStatus {
    pub(crate) name: String,
    /// Entries that it has still to be sent; `None` if they could not be counted in time.
    pub(crate) lag: Option<u64>,
    pub(crate) progress: Progress,
}

impl Webhooks {
    /// As the configuration says.
    ///
    /// # Errors
    /// A secret, or the certificates that are trusted, can't be read.
    pub fn new(config: &Config) -> anyhow::Result<Arc<Self>> {
        let endpoint = |webhook: &crate::config::Webhook| {
            let secrets = Secrets::read(&webhook.secret_file);
            anyhow::Ok(Arc::new(Endpoint {
                name: webhook.name.clone(),
                group: format!("webhook.{}", webhook.name),
                url: webhook.url.clone(),
                events: webhook.events.as_slice().into(),
                secrets: secrets.with_context(|| format!("the secret of webhook {}", webhook.name))?,
                progress: Mutex::default(),
            }))
        };
        let endpoints = config.webhooks.iter().map(endpoint).collect::<anyhow::Result<Vec<_>>>()?;
        let trust = (!endpoints.is_empty()).then(|| post::trust(&config.deliveries)).transpose()?;
        Ok(Arc::new(Self {
            endpoints,
            settings: config.deliveries.clone(),
            max_pending: u64::from(config.feed.max_pending_per_group),
            trust,
            closing: watch::Sender::new(false),
            thread: Mutex::default(),
            feed: OnceLock::new(),
            counting: Arc::default(),
        }))
    }

    /// Begins to send. From then on nothing that happens is missed.
    pub(crate) async fn start(&self, feed: &Arc<Feed>, edge: &Arc<Edge>, metrics: &Metrics) {
        let Some(trust) = &self.trust else { return };
        let _ = self.feed.set(Arc::downgrade(feed));
        let (thread, recorder) = (Arbiter::new(), metrics.recorder());
        for endpoint in &self.endpoints {
            let consumer = Consumer::new(
                Arc::clone(edge),
                Arc::clone(&recorder),
                Arc::clone(feed),
                endpoint.group.clone(),
            );
            // If it can't be now, its task says why, and tries again.
            let is_member = consumer.join().await.is_ok();
            let (endpoint, trust, feed) = (Arc::clone(endpoint), Arc::clone(trust), Arc::clone(feed));
            let (settings, max_pending) = (self.settings.clone(), self.max_pending);
            let closing = self.closing.subscribe();
            thread.spawn_fn(move || {
                let poster = Poster::new((&endpoint.url, feed.source()), &trust, &settings);
                let sender = Sender { endpoint, consumer, poster, feed, settings, max_pending, closing };
                actix_rt::spawn(sender.run(is_member));
            });
        }
        *self.thread.lock() = Some(thread);
    }

    /// Ends in order: who is sending may finish the attempt, within this time.
    pub(crate) async fn stop(&self, patience: Duration) {
        self.closing.send_replace(true);
        if timeout(patience, self.closing.closed()).await.is_err() {
            tracing::warn!(
                "a webhook did not answer in time; what it was sent is sent again after the next start"
            );
        }
        if let Some(thread) = self.thread.lock().take() {
            thread.stop();
        }
    }

    /// How it goes with each endpoint.
    pub(crate) async fn look(&self) -> Vec<WebhookStatus> {
        // Before the lags: whoever is told that an endpoint has stopped is told what it has stopped before.
        let progress: Vec<Progress> =
            self.endpoints.iter().map(|endpoint| endpoint.progress.lock().clone()).collect();
        let lags = self.lags().await;
        let status = |(at, progress): (usize, Progress)| WebhookStatus {
            name: self.endpoints[at].name.clone(),
            lag: lags.get(at).copied().flatten(),
            progress,
        };
        progress.into_iter().enumerate().map(status).collect()
    }

    /// The lag of each endpoint. Whoever comes while somebody counts is not told.
    async fn lags(&self) -> Vec<Option<u64>> {
        let feed = self.feed.get().and_then(Weak::upgrade);
        let counting = Arc::clone(&self.counting).try_lock_owned();
        let (Some(feed), Ok(counting)) = (feed, counting) else { return Vec::new() };
        let groups: Vec<String> = self.endpoints.iter().map(|endpoint| endpoint.group.clone()).collect();
        // It goes on when nobody waits for it any more: the next one finds most of it counted.
        let count = actix_rt::spawn(async move {
            let _counting = counting;
            let mut lags = Vec::with_capacity(groups.len());
            for group in groups {
                lags.push(feed.lag(&group, SENDER).await);
            }
            lags
        });
        timeout(COUNTING, count).await.ok().and_then(Result::ok).unwrap_or_default()
    }
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhooks").field("endpoints", &self.endpoints.len()).finish_non_exhaustive()
    }
}
