//! The journal, its epochs and its snapshots.

use std::time::UNIX_EPOCH;

use tidegate_persistence::Powers;

use super::page::{Page, Unit};
use crate::metrics::families::{self as f, Family};
use crate::metrics::{JournalStatus, Readings};

pub(super) fn write(page: &mut Page, now: &JournalStatus, readings: &Readings) {
    let measures = readings.journal.clone().unwrap_or_default();
    let one = |page: &mut Page, family: &Family, unit: Unit, powers: &Powers| {
        page.powers::<0, &str>(family, unit, [([], powers)]);
    };
    page.gauge(&f::DURABLE_SEQUENCE, now.durable_sequence as f64);
    page.counter(&f::EVENTS, measures.events);
    page.gauge(&f::LAG_BYTES, now.lag_bytes as f64);
    page.gauge(&f::LAG_LIMIT_BYTES, readings.limits.inflight_bytes as f64);
    page.gauge(&f::LAG_GROUPS, now.lag_groups as f64);
    page.gauge(&f::CHANNEL_GROUPS, measures.waiting_groups as f64);
    page.counter(&f::COMMITS, now.commits);
    one(page, &f::COMMIT_BYTES, Unit::Bytes, &measures.commit_bytes);
    one(page, &f::COMMIT_GROUPS, Unit::Things, &measures.commit_groups);
    one(page, &f::COMMIT_SECONDS, Unit::Micros, &measures.commit_us);
    one(page, &f::APPEND_SECONDS, Unit::Micros, &measures.append_us);
    one(page, &f::SYNC_SECONDS, Unit::Micros, &measures.sync_us);
    page.gauge(&f::EPOCH, now.epoch as f64);
    page.gauge(&f::EPOCH_BYTES, now.epoch_bytes as f64);
    page.gauge(&f::EPOCH_LIMIT_BYTES, readings.limits.epoch_bytes as f64);
    let keeper = measures.keeper;
    page.counter(&f::EPOCHS_MADE, keeper.epochs);
    page.counter(&f::EPOCHS_REMOVED, keeper.removed_epochs);
    page.counter(&f::MARKS, keeper.marks);
    page.counter(&f::SNAPSHOTS, keeper.snapshots);
    page.gauge(&f::SNAPSHOT_RUNNING, f64::from(u8::from(now.snapshot_running)));
    page.gauge(&f::SNAPSHOT_SEQUENCE, now.snapshot_sequence.unwrap_or(0) as f64);
    page.gauge(&f::SNAPSHOT_BYTES, measures.snapshot_bytes as f64);
    page.gauge(&f::SNAPSHOT_ACTORS, measures.snapshot_actors as f64);
    page.gauge(&f::SNAPSHOT_SECONDS, keeper.snapshot_took.as_secs_f64());
    let finished = keeper.snapshot_at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    page.gauge(&f::SNAPSHOT_TIMESTAMP, finished.map_or(0.0, |since| since.as_secs_f64()));
    let troubles = [
        ("snapshot", keeper.failed_snapshots),
        ("epoch", keeper.failed_epochs),
        ("mark", keeper.failed_marks),
        ("removal", keeper.failed_removals),
    ];
    page.samples(&f::JOURNAL_TROUBLES, troubles.map(|(what, count)| ([what], count as f64)));
}
