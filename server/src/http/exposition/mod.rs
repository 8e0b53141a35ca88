//! `/metrics`: the numbers in Prometheus' text format. [`crate::metrics::families`] declares every family; here each
//! gets its samples, in the same order.

mod arbiters;
mod feed;
mod journal;
mod page;
mod sale;
mod webhooks;

use actix_web::{HttpResponse, web};
use prometheus::{TEXT_FORMAT, TextEncoder};

pub(in crate::http) use self::page::{Page, Unit};
use super::meter::Meter;
use super::status::{STATES, state_name};
use super::{Sources, problem};
use crate::edge::PoolStatus;
use crate::metrics::families as f;
use crate::metrics::process::{self, LASTING};
use crate::metrics::{Readiness, Readings, StatusSnapshot, Totals, resident_bytes};
use crate::push::HubStatus;
use crate::ws::{Sockets, SocketsStatus};

pub(super) async fn metrics(
    sources: web::Data<Sources>,
    meter: web::Data<Meter>,
    sockets: web::Data<Sockets>,
) -> HttpResponse {
    let (now, readings) = (sources.status.snapshot(), sources.status.readings());
    let mut page = Page::default();
    server(&mut page, &now, &readings);
    recovery(&mut page, &now, &readings);
    sale::invariants(&mut page, &now, &readings);
    commands(&mut page, &sources.metrics.totals());
    connections(&mut page, &now, &readings);
    output_pool(&mut page, sources.edge.pool());
    pushes(&mut page, &now.pushes, sockets.status());
    if let Some(reading) = sources.status.feed().await {
        feed::write(&mut page, &reading);
    }
    webhooks::write(&mut page, &sources.webhooks.look().await);
    meter.write(&mut page);
    arbiters::write(&mut page, &now, &readings);
    journal::write(&mut page, &now.journal, &readings);
    sale::write(&mut page, &now, &readings);
    machine(&mut page, &now, &readings);
    match TextEncoder::new().encode_to_string(page.families()) {
        Ok(text) => HttpResponse::Ok().content_type(TEXT_FORMAT).body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            problem::internal("The metrics could not be written; the log says why.")
        }
    }
}

fn server(page: &mut Page, now: &StatusSnapshot, readings: &Readings) {
    page.samples(&f::BUILD_INFO, [([env!("CARGO_PKG_VERSION")], 1.0)]);
    let state = state_name(&now.readiness);
    page.samples(&f::STATE, STATES.map(|name| ([name], f64::from(u8::from(name == state)))));
    page.gauge(&f::SKUS_REBUILDING, now.actors.rebuilding.len() as f64);
    page.gauge(&f::SKUS_QUARANTINED, now.actors.quarantined.len() as f64);
    page.counter(&f::REBUILT, readings.rebuilt);
    page.counter(&f::CLOCK_LEAPS, readings.clock_leaps);
}

fn recovery(page: &mut Page, now: &StatusSnapshot, readings: &Readings) {
    let done = now.recovery.as_ref();
    let events = match (&now.readiness, done) {
        (_, Some(recovery)) => recovery.replayed,
        (Readiness::Loading { replayed }, None) => *replayed,
        (_, None) => 0,
    };
    let replay = readings.replay.unwrap_or_default();
    page.gauge(&f::RECOVERY_SECONDS, done.map_or(0.0, |recovery| recovery.took.as_secs_f64()));
    page.gauge(&f::RECOVERY_EVENTS, events as f64);
    page.gauge(&f::RECOVERY_BLOCKS, replay.blocks as f64);
    page.gauge(&f::RECOVERY_BYTES, replay.bytes as f64);
    let snapshot = done.and_then(|recovery| recovery.snapshot_sequence).unwrap_or(0);
    page.gauge(&f::RECOVERY_SNAPSHOT, snapshot as f64);
    page.gauge(&f::RECOVERY_WARNINGS, done.map_or(0, |recovery| recovery.warnings.len()) as f64);
}

/// Only commands that were seen: the table has many that a storefront never sends.
fn commands(page: &mut Page, totals: &Totals) {
    let Totals { commands, reads } = totals;
    let counts = commands
        .iter()
        .flat_map(|of| of.outcomes.iter().map(|(outcome, count)| ([of.command, *outcome], *count as f64)));
    page.samples(&f::COMMANDS, counts);
    page.latencies(&f::COMMAND_SECONDS, commands.iter().map(|of| ([of.command], &of.micros)));
    let stages = commands
        .iter()
        .flat_map(|of| of.stages.iter().map(|(stage, times)| ([of.command, stage.name()], times)));
    page.powers(&f::STAGE_SECONDS, Unit::Nanos, stages);
    page.powers::<0, &str>(&f::READ_COMMANDS, Unit::Things, [([], &reads.commands)]);
    page.powers::<0, &str>(&f::READ_ACTORS, Unit::Things, [([], &reads.actors)]);
    page.counter(&f::RECEIVED_BYTES, reads.received);
    page.counter(&f::SENT_BYTES, reads.sent);
}

fn connections(page: &mut Page, now: &StatusSnapshot, readings: &Readings) {
    let connections = &now.connections;
    page.gauge(&f::CONNECTIONS, connections.open as f64);
    page.gauge(&f::CONNECTIONS_LIMIT, readings.limits.connections as f64);
    page.counter(&f::CONNECTIONS_ACCEPTED, connections.accepted);
    page.counter(&f::CONNECTIONS_REFUSED, connections.refused);
    let closed = readings.closed.iter().map(|(reason, count)| ([*reason], *count as f64));
    page.samples(&f::CONNECTIONS_CLOSED, closed);
    page.counter(&f::ACCEPT_ERRORS, readings.accept_errors);
}

fn output_pool(page: &mut Page, pool: PoolStatus) {
    page.gauge(&f::OUTPUT_POOL, pool.lent as f64);
    page.gauge(&f::OUTPUT_POOL_LIMIT, pool.limit as f64);
    page.counter(&f::OUTPUT_POOL_REFUSED, pool.refused);
}

fn pushes(page: &mut Page, pushes: &HubStatus, sockets: SocketsStatus) {
    page.gauge(&f::WEBSOCKETS, sockets.open as f64);
    page.counter(&f::WEBSOCKETS_ACCEPTED, sockets.accepted);
    page.counter(&f::WEBSOCKETS_REFUSED, sockets.refused);
    page.counter(&f::WEBSOCKET_RECEIVED, sockets.received);
    page.counter(&f::WEBSOCKET_SENT, sockets.sent);
    page.gauge(&f::PUSH_CHANNELS, pushes.channels as f64);
    page.counter(&f::PUSH_MESSAGES, pushes.delivered);
    page.counter(&f::PUSH_COALESCED, pushes.coalesced);
    page.counter(&f::PUSH_CUT, pushes.cut);
}

fn machine(page: &mut Page, now: &StatusSnapshot, readings: &Readings) {
    let process = process::process();
    if let Some(process) = process {
        page.samples::<0, &str>(&f::PROCESS_CPU, [([], process.cpu.as_secs_f64())]);
    }
    if let Some(bytes) = resident_bytes() {
        page.gauge(&f::PROCESS_RESIDENT, bytes as f64);
    }
    if let Some(process) = process {
        page.gauge(&f::PROCESS_VIRTUAL, process.virtual_bytes as f64);
        page.gauge(&f::PROCESS_OPEN_FDS, process.open_fds as f64);
        page.gauge(&f::PROCESS_MAX_FDS, process.max_fds.map_or(f64::INFINITY, |most| most as f64));
        page.gauge(&f::PROCESS_THREADS, process.threads as f64);
    }
    page.gauge(&f::PROCESS_START, now.started_at_ms as f64 / 1e3);
    let threads = &readings.threads;
    page.samples(&f::THREADS, threads.iter().map(|(kind, group)| ([*kind], group.count as f64)));
    let lasting = || threads.iter().filter(|(kind, _)| LASTING.contains(kind));
    page.samples(&f::THREAD_CPU, lasting().map(|(kind, group)| ([*kind], group.sum.cpu.as_secs_f64())));
    page.samples(&f::THREAD_WAIT, lasting().map(|(kind, group)| ([*kind], group.sum.waited.as_secs_f64())));
    if let Some((free, size)) = readings.disk {
        page.gauge(&f::DATA_FREE, free as f64);
        page.gauge(&f::DATA_SIZE, size as f64);
    }
}
