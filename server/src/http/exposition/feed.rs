//! The feed: its readers, their places, and the consumer groups.

use super::{Page, Unit};
use crate::metrics::families as f;
use crate::metrics::{FeedReading, GroupReading};

/// The label is a name that a client gave; how many are told of is bounded where they are looked at.
pub(super) fn write(page: &mut Page, feed: &FeedReading) {
    let reads = &feed.reads;
    page.gauge(&f::FEED_READS_RUNNING, reads.running as f64);
    page.gauge(&f::FEED_READS_WAITING, reads.waiting as f64);
    page.gauge(&f::FEED_READS_LIMIT, reads.limit as f64);
    page.powers::<0, &str>(&f::FEED_READ_SECONDS, Unit::Nanos, [([], &reads.durations)]);
    page.samples::<0, &str>(&f::FEED_READ_WAIT, [([], reads.waited.as_secs_f64())]);
    page.counter(&f::FEED_READ_ERRORS, reads.failed);
    page.gauge(&f::FEED_WAITING_READERS, feed.waiting_readers as f64);
    page.counter(&f::FEED_ENTRIES_READ, feed.entries_read);
    page.counter(&f::FEED_ENTRIES_DELIVERED, feed.entries_delivered);
    page.gauge(&f::FEED_GROUPS, feed.groups as f64);
    page.gauge(&f::FEED_GROUPS_LIMIT, feed.groups_limit as f64);
    let lags = feed.told.iter().filter_map(|group| Some(([&*group.name], group.lag? as f64)));
    page.samples(&f::FEED_GROUP_LAG, lags);
    let mut each = |family, of: fn(&GroupReading) -> f64| {
        page.samples(family, feed.told.iter().map(|group| ([&*group.name], of(group))));
    };
    each(&f::FEED_GROUP_PENDING, |group| group.pending as f64);
    each(&f::FEED_GROUP_OLDEST, |group| group.oldest_idle.as_secs_f64());
    each(&f::FEED_GROUP_CONSUMERS, |group| group.consumers as f64);
    page.gauge(&f::FEED_PENDING_LIMIT, feed.pending_limit as f64);
}
