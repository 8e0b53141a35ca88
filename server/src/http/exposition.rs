//! `/metrics`: the numbers in Prometheus' text format. Names follow its conventions: base units, `_total` for
//! what only grows. Labels come from fixed lists (commands, outcomes, states), never from a client.

use actix_web::{HttpResponse, web};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{TEXT_FORMAT, TextEncoder};

use super::status::{STATES, state_name};
use super::{Sources, problem};
use crate::metrics::{
    CommandTotals, Distribution, JournalStatus, Percentiles, Readiness, StatusSnapshot, resident_bytes,
};
use crate::push::HubStatus;
use crate::webhooks::{Progress, State, WebhookStatus};
use crate::ws::{Sockets, SocketsStatus};

/// Upper bounds of the latency histogram, in microseconds: 50 µs to 10 s.
const TIME_BOUNDS: [u64; 16] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];
const MICROS_PER_SECOND: f64 = 1e6;

pub(super) async fn metrics(sources: web::Data<Sources>, sockets: web::Data<Sockets>) -> HttpResponse {
    let now = sources.status.snapshot();
    let mut page = page(&now, &sources.metrics.commands());
    websockets(&mut page, sockets.status());
    webhooks(&mut page, &sources.webhooks.look().await);
    match TextEncoder::new().encode_to_string(&page.0) {
        Ok(text) => HttpResponse::Ok().content_type(TEXT_FORMAT).body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            problem::internal("The metrics could not be written; the log says why.")
        }
    }
}

fn page(now: &StatusSnapshot, commands: &[CommandTotals]) -> Page {
    let mut page = Page::default();
    server(&mut page, now);
    command_families(&mut page, commands);
    let connections = &now.connections;
    page.gauge("connections", "TCP connections open now.", connections.open as f64);
    page.counter("connections_accepted_total", "TCP connections accepted.", connections.accepted);
    page.counter("connections_refused_total", "TCP connections over the limit.", connections.refused);
    let actors = &now.actors;
    page.gauge("arbiters", "Threads that actors are spread over.", actors.arbiters as f64);
    page.gauge("skus", "SKUs in this server.", actors.skus as f64);
    page.gauge("campaigns", "Campaigns in this server.", actors.campaigns as f64);
    page.gauge("skus_rebuilding", "SKUs being rebuilt after a panic.", actors.rebuilding.len() as f64);
    page.gauge(
        "skus_quarantined",
        "SKUs out of service after a failed rebuild.",
        actors.quarantined.len() as f64,
    );
    let mailboxes = &now.mailboxes;
    page.gauge(
        "mailbox_capacity_groups",
        "Groups of commands that fit one mailbox.",
        mailboxes.capacity as f64,
    );
    page.gauge("mailbox_deepest_groups", "Groups waiting in the fullest mailbox.", mailboxes.deepest as f64);
    page.gauge("mailbox_waiting_groups", "Groups waiting in all mailboxes.", mailboxes.waiting as f64);
    pushes(&mut page, &now.pushes);
    journal(&mut page, &now.journal);
    page
}

fn websockets(page: &mut Page, now: SocketsStatus) {
    page.gauge("websockets", "WebSocket connections open now.", now.open as f64);
    page.counter("websockets_accepted_total", "WebSocket connections accepted.", now.accepted);
    page.counter("websockets_refused_total", "WebSocket upgrades refused.", now.refused);
    page.counter("websocket_messages_received_total", "Messages received over WebSocket.", now.received);
    page.counter("websocket_messages_sent_total", "Messages sent over WebSocket.", now.sent);
}

/// The label is a name from the configuration.
fn webhooks(page: &mut Page, all: &[WebhookStatus]) {
    let states = all.iter().flat_map(|webhook| {
        State::ALL.map(|state| {
            let is_it = f64::from(u8::from(state == webhook.progress.state));
            gauge(&[("endpoint", &webhook.name), ("state", state.name())], is_it)
        })
    });
    let help = "1 for the state that a webhook is in, 0 for the others.";
    page.family("webhook_state", help, MetricType::GAUGE, states);
    let number = |of: fn(&WebhookStatus) -> Option<f64>| {
        all.iter()
            .filter_map(move |webhook| Some(gauge(&[("endpoint", &webhook.name)], of(webhook)?)))
            .collect::<Vec<_>>()
    };
    let lags = number(|of| of.lag.map(|lag| lag as f64));
    page.family("webhook_lag_entries", "Entries still to be sent.", MetricType::GAUGE, lags);
    let dead = number(|of| Some(of.progress.dead_letters as f64));
    page.family("webhook_dead_letters", "Entries given up that are kept.", MetricType::GAUGE, dead);
    let last = number(|of| of.progress.last_success_ms.map(|at| at as f64 / 1e3));
    let help = "When an entry was taken last, in seconds since the epoch.";
    page.family("webhook_last_success_time_seconds", help, MetricType::GAUGE, last);
    type Count = fn(&Progress) -> u64;
    let counters: [(&str, &str, Count); 6] = [
        ("webhook_attempts_total", "Requests sent.", |of| of.attempts),
        ("webhook_failures_total", "Requests sent that failed.", |of| of.failures),
        ("webhook_delivered_total", "Entries taken.", |of| of.delivered),
        ("webhook_skipped_total", "Entries of types that are not wanted.", |of| of.skipped),
        ("webhook_lost_total", "Entries not kept long enough to be sent.", |of| of.lost),
        ("webhook_given_up_total", "Entries that became dead letters.", |of| of.given_up),
    ];
    for (name, help, count) in counters {
        let counts = all.iter().map(|webhook| {
            let mut metric = Metric::from_label(labels(&[("endpoint", &webhook.name)]));
            metric.set_counter(counter(count(&webhook.progress)));
            metric
        });
        page.family(name, help, MetricType::COUNTER, counts);
    }
}

fn pushes(page: &mut Page, now: &HubStatus) {
    page.gauge("push_channels", "Channels with at least one subscriber.", now.channels as f64);
    page.counter("push_messages_total", "Messages handed to subscribers.", now.delivered);
    page.counter(
        "push_coalesced_total",
        "Messages replaced by newer ones before their subscriber took them.",
        now.coalesced,
    );
    page.counter(
        "push_cut_total",
        "Subscribers cut off, most of them because they read too slowly.",
        now.cut,
    );
}

fn server(page: &mut Page, now: &StatusSnapshot) {
    let build = [("version", env!("CARGO_PKG_VERSION"))];
    page.family("build_info", "Always 1; the version is a label.", MetricType::GAUGE, [gauge(&build, 1.0)]);
    page.gauge(
        "start_time_seconds",
        "When the process started, in seconds since the epoch.",
        now.started_at_ms as f64 / 1e3,
    );
    let state = state_name(&now.readiness);
    page.family(
        "state",
        "1 for the state the server is in, 0 for the others.",
        MetricType::GAUGE,
        STATES.map(|name| gauge(&[("state", name)], f64::from(u8::from(name == state)))),
    );
    let (replayed, took) = match (&now.readiness, &now.recovery) {
        (_, Some(recovery)) => (recovery.replayed, recovery.took.as_secs_f64()),
        (Readiness::Loading { replayed }, None) => (*replayed, 0.0),
        (_, None) => (0, 0.0),
    };
    page.gauge("recovery_replayed_events", "Events replayed by the last start.", replayed as f64);
    page.gauge(
        "recovery_duration_seconds",
        "How long the last start took to replay; 0 until it is done.",
        took,
    );
    if let Some(bytes) = resident_bytes() {
        page.gauge("resident_memory_bytes", "Memory of the process that is in RAM.", bytes as f64);
    }
}

/// Only commands that were seen: the table has many that a storefront never sends.
fn command_families(page: &mut Page, commands: &[CommandTotals]) {
    let counts = commands.iter().flat_map(|totals| {
        totals.outcomes.iter().map(|(outcome, count)| {
            let mut metric = Metric::from_label(labels(&[("command", totals.command), ("outcome", outcome)]));
            metric.set_counter(counter(*count));
            metric
        })
    });
    page.family("commands_total", "Commands answered, by outcome.", MetricType::COUNTER, counts);
    let durations = commands.iter().map(|totals| {
        let mut metric = Metric::from_label(labels(&[("command", totals.command)]));
        metric.set_histogram(histogram(&totals.micros));
        metric
    });
    let help = "Time from reading a command to handing over its reply.";
    page.family("command_duration_seconds", help, MetricType::HISTOGRAM, durations);
}

fn journal(page: &mut Page, now: &JournalStatus) {
    page.gauge("journal_durable_sequence", "Last event that is durable.", now.durable_sequence as f64);
    page.gauge("journal_lag_bytes", "Bytes handed over and not yet durable.", now.lag_bytes as f64);
    page.gauge("journal_lag_groups", "Groups handed over and not yet durable.", now.lag_groups as f64);
    page.gauge("journal_epoch", "The epoch being written.", now.epoch as f64);
    page.gauge("journal_epoch_bytes", "Bytes of the epoch being written.", now.epoch_bytes as f64);
    let snapshot = now.snapshot_sequence.unwrap_or(0);
    page.gauge("journal_snapshot_sequence", "Last event in the newest snapshot.", snapshot as f64);
    let running = f64::from(u8::from(now.snapshot_running));
    page.gauge("journal_snapshot_running", "1 while a snapshot is being made.", running);
    page.counter("journal_commits_total", "Commits.", now.commits);
    let kind = MetricType::GAUGE;
    let bytes = quantiles(now.commit_bytes, 1.0);
    page.family("journal_commit_bytes", "Bytes of a commit, by quantile.", kind, bytes);
    let took = quantiles(now.commit_us, MICROS_PER_SECOND);
    page.family("journal_commit_duration_seconds", "Time of a commit, by quantile.", kind, took);
    let sync = quantiles(now.sync_us, MICROS_PER_SECOND);
    page.family("journal_sync_duration_seconds", "Part of it spent on the disk, by quantile.", kind, sync);
}

/// The journal keeps percentiles and no sums, so this is a gauge for each and not a summary.
fn quantiles(values: Percentiles, per_unit: f64) -> impl Iterator<Item = Metric> {
    let Percentiles { p50, p90, p99, p999, max } = values;
    [("0.5", p50), ("0.9", p90), ("0.99", p99), ("0.999", p999), ("1", max)]
        .into_iter()
        .map(move |(quantile, value)| gauge(&[("quantile", quantile)], value as f64 / per_unit))
}

/// The families in the order of the page.
#[derive(Default)]
struct Page(Vec<MetricFamily>);

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, help, MetricType::GAUGE, [gauge(&[], value)]);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        let mut metric = Metric::default();
        metric.set_counter(counter(value));
        self.family(name, help, MetricType::COUNTER, [metric]);
    }

    /// A family without a sample is left out: the format has no way to say it.
    fn family(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        metrics: impl IntoIterator<Item = Metric>,
    ) {
        let metrics: Vec<Metric> = metrics.into_iter().collect();
        if metrics.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(format!("tidegate_{name}"));
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(metrics);
        self.0.push(family);
    }
}

fn labels(pairs: &[(&str, &str)]) -> Vec<LabelPair> {
    pairs
        .iter()
        .map(|(name, value)| {
            let mut label = LabelPair::default();
            label.set_name((*name).to_owned());
            label.set_value((*value).to_owned());
            label
        })
        .collect()
}

fn gauge(pairs: &[(&str, &str)], value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = Metric::from_label(labels(pairs));
    metric.set_gauge(gauge);
    metric
}

fn counter(value: u64) -> Counter {
    let mut counter = Counter::default();
    counter.set_value(value as f64);
    counter
}

/// Microseconds as a histogram of seconds.
fn histogram(micros: &Distribution) -> Histogram {
    let buckets = TIME_BOUNDS.iter().zip(micros.cumulative(&TIME_BOUNDS)).map(|(bound, count)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound as f64 / MICROS_PER_SECOND);
        bucket.set_cumulative_count(count);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_sample_count(micros.count());
    histogram.set_sample_sum(micros.sum() as f64 / MICROS_PER_SECOND);
    histogram.set_bucket(buckets.collect());
    histogram
}
