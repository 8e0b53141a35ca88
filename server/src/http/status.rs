//! `/status`: everything at once, as JSON. `docs/OPERATIONS.md` documents each field; fields are added, never
//! renamed or given another unit.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use tidegate_protocol::json;

use super::Sources;
use crate::metrics::{
    CommandTotals, FeedReading, GroupReading, JournalStatus, Percentiles, Readiness, Recovery,
    StatusSnapshot, resident_bytes,
};
use crate::webhooks::{Progress, WebhookStatus};

/// Names listed of SKUs in trouble; their number is always the true one.
const MAX_NAMES: usize = 100;

#[derive(Serialize)]
struct Document {
    build: Build,
    started_at: Value,
    uptime_ms: u64,
    readiness: ReadinessDocument,
    actors: Actors,
    connections: Connections,
    mailboxes: Mailboxes,
    pushes: Pushes,
    journal: Journal,
    feed: Option<Feed>,
    webhooks: BTreeMap<String, Webhook>,
    commands: BTreeMap<&'static str, Command>,
    memory: Memory,
    recovery: Option<RecoveryDocument>,
}

#[derive(Serialize)]
struct Build {
    version: &'static str,
    profile: &'static str,
    os: &'static str,
    arch: &'static str,
}

#[derive(Serialize)]
struct ReadinessDocument {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct Actors {
    arbiters: usize,
    skus: usize,
    campaigns: usize,
    rebuilding: Skus,
    quarantined: Skus,
}

#[derive(Serialize)]
struct Skus {
    count: usize,
    names: Vec<String>,
}

#[derive(Serialize)]
struct Connections {
    open: usize,
    accepted: u64,
    refused: u64,
}

#[derive(Serialize)]
struct Mailboxes {
    capacity: usize,
    deepest: usize,
    waiting: usize,
}

#[derive(Serialize)]
struct Pushes {
    channels: usize,
    delivered: u64,
    coalesced: u64,
    cut: u64,
}

#[derive(Serialize)]
struct Journal {
    durable_sequence: u64,
    lag_bytes: u64,
    lag_groups: u64,
    epoch: u64,
    epoch_bytes: u64,
    snapshot_sequence: Option<u64>,
    snapshot_running: bool,
    commits: Commits,
    trouble: Option<String>,
}

#[derive(Serialize)]
struct Commits {
    count: u64,
    size_bytes: Percentiles,
    duration_us: Percentiles,
    sync_us: Percentiles,
}

#[derive(Serialize)]
struct Feed {
    waiting_readers: u64,
    entries_read: u64,
    entries_delivered: u64,
    reads: Reads,
    groups: Groups,
}

#[derive(Serialize)]
struct Reads {
    count: u64,
    failed: u64,
    running: u64,
    waiting: u64,
    limit: u64,
}

#[derive(Serialize)]
struct Groups {
    count: u64,
    limit: u64,
    by_name: BTreeMap<String, Group>,
}

#[derive(Serialize)]
struct Group {
    lag: Option<u64>,
    pending: u64,
    oldest_pending_ms: u64,
    consumers: u64,
}

#[derive(Serialize)]
struct Webhook {
    state: &'static str,
    lag: Option<u64>,
    attempts: u64,
    failures: u64,
    delivered: u64,
    skipped: u64,
    lost: u64,
    given_up: u64,
    dead_letters: u64,
    last_success_at: Option<Value>,
    trouble: Option<String>,
}

#[derive(Serialize)]
struct Command {
    count: u64,
    outcomes: BTreeMap<&'static str, u64>,
    latency_us: Percentiles,
}

#[derive(Serialize)]
struct Memory {
    resident_bytes: Option<u64>,
}

#[derive(Serialize)]
struct RecoveryDocument {
    snapshot_sequence: Option<u64>,
    replayed: u64,
    warnings: Vec<String>,
    took_ms: u64,
}

pub(super) async fn status(sources: web::Data<Sources>) -> HttpResponse {
    let now = sources.status.snapshot();
    let (feed, webhooks) = (sources.status.feed().await, sources.webhooks.look().await);
    HttpResponse::Ok().json(document(now, sources.metrics.commands(), feed, webhooks))
}

/// The same as a value.
pub(crate) fn status_document(
    now: StatusSnapshot,
    commands: Vec<CommandTotals>,
    feed: Option<FeedReading>,
    webhooks: Vec<WebhookStatus>,
) -> Value {
    // Fields and numbers: there is nothing that JSON can't say.
    serde_json::to_value(document(now, commands, feed, webhooks)).unwrap_or_default()
}

fn document(
    now: StatusSnapshot,
    commands: Vec<CommandTotals>,
    feed: Option<FeedReading>,
    webhooks: Vec<WebhookStatus>,
) -> Document {
    let StatusSnapshot { actors, connections, mailboxes, pushes, .. } = now;
    Document {
        build: Build {
            version: env!("CARGO_PKG_VERSION"),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
        },
        started_at: json::time(now.started_at_ms),
        uptime_ms: millis(now.uptime),
        readiness: readiness(now.readiness),
        actors: Actors {
            arbiters: actors.arbiters,
            skus: actors.skus,
            campaigns: actors.campaigns,
            rebuilding: skus(actors.rebuilding),
            quarantined: skus(actors.quarantined),
        },
        connections: Connections {
            open: connections.open,
            accepted: connections.accepted,
            refused: connections.refused,
        },
        mailboxes: Mailboxes {
            capacity: mailboxes.capacity,
            deepest: mailboxes.deepest,
            waiting: mailboxes.waiting,
        },
        pushes: Pushes {
            channels: pushes.channels,
            delivered: pushes.delivered,
            coalesced: pushes.coalesced,
            cut: pushes.cut,
        },
        journal: journal(now.journal),
        feed: feed.map(feed_document),
        webhooks: webhooks.into_iter().map(webhook).collect(),
        commands: commands.into_iter().map(command).collect(),
        memory: Memory { resident_bytes: resident_bytes() },
        recovery: now.recovery.map(recovery),
    }
}

fn readiness(readiness: Readiness) -> ReadinessDocument {
    let state = state_name(&readiness);
    let (replayed, reason) = match readiness {
        Readiness::Loading { replayed } => (Some(replayed), None),
        Readiness::JournalFailed { reason } => (None, Some(reason)),
        Readiness::Ready | Readiness::Draining => (None, None),
    };
    ReadinessDocument { state, replayed, reason }
}

/// The states' names on the wire, in `/status` and as a label in `/metrics`.
pub(super) const STATES: [&str; 4] = ["loading", "ready", "draining", "journal_failed"];

pub(super) fn state_name(readiness: &Readiness) -> &'static str {
    match readiness {
        Readiness::Loading { .. } => STATES[0],
        Readiness::Ready => STATES[1],
        Readiness::Draining => STATES[2],
        Readiness::JournalFailed { .. } => STATES[3],
    }
}

fn skus(mut names: Vec<String>) -> Skus {
    let count = names.len();
    names.truncate(MAX_NAMES);
    Skus { count, names }
}

fn journal(now: JournalStatus) -> Journal {
    Journal {
        durable_sequence: now.durable_sequence,
        lag_bytes: now.lag_bytes,
        lag_groups: now.lag_groups,
        epoch: now.epoch,
        epoch_bytes: now.epoch_bytes,
        snapshot_sequence: now.snapshot_sequence,
        snapshot_running: now.snapshot_running,
        commits: Commits {
            count: now.commits,
            size_bytes: now.commit_bytes,
            duration_us: now.commit_us,
            sync_us: now.sync_us,
        },
        trouble: now.trouble,
    }
}

fn feed_document(now: FeedReading) -> Feed {
    let reads = now.reads;
    Feed {
        waiting_readers: now.waiting_readers,
        entries_read: now.entries_read,
        entries_delivered: now.entries_delivered,
        reads: Reads {
            count: reads.durations.count(),
            failed: reads.failed,
            running: reads.running,
            waiting: reads.waiting,
            limit: reads.limit,
        },
        groups: Groups {
            count: now.groups,
            limit: now.groups_limit,
            by_name: now.told.iter().map(group).collect(),
        },
    }
}

fn group(now: &GroupReading) -> (String, Group) {
    let GroupReading { name, consumers, pending, oldest_idle, lag } = now;
    let oldest_pending_ms = millis(*oldest_idle);
    (name.to_string(), Group { lag: *lag, pending: *pending, oldest_pending_ms, consumers: *consumers })
}

fn webhook(WebhookStatus { name, lag, progress }: WebhookStatus) -> (String, Webhook) {
    let Progress { state, attempts, failures, delivered, skipped, lost, given_up, dead_letters, .. } =
        progress;
    let webhook = Webhook {
        state: state.name(),
        lag,
        attempts,
        failures,
        delivered,
        skipped,
        lost,
        given_up,
        dead_letters,
        last_success_at: progress.last_success_ms.map(json::time),
        trouble: progress.trouble,
    };
    (name, webhook)
}

fn command(totals: CommandTotals) -> (&'static str, Command) {
    let command = Command {
        count: totals.outcomes.iter().map(|(_, count)| count).sum(),
        outcomes: totals.outcomes.into_iter().collect(),
        latency_us: totals.micros.percentiles(),
    };
    (totals.command, command)
}

fn recovery(recovery: Recovery) -> RecoveryDocument {
    RecoveryDocument {
        snapshot_sequence: recovery.snapshot_sequence,
        replayed: recovery.replayed,
        warnings: recovery.warnings.clone(),
        took_ms: millis(recovery.took),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
