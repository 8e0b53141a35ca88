//! Consumer groups: what is asked of them, and how they are shown.

use tidegate_engine::{
    Claimed, ConsumerGroupCommand as Command, ConsumerGroupView, Millis, PendingEntry, PendingSpan,
};
use tidegate_protocol::command::{Bound, GroupAsk, StreamId, first_of, last_of};
use tidegate_protocol::resp::Writer;

use crate::feed::id;

/// What has to be known to say what is asked of a group.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    /// The oldest entry that is kept; 0 if it need not be known.
    pub(crate) from: u64,
    /// The last position that is durable.
    pub(crate) durable: u64,
    /// The most entries at once.
    pub(crate) most: usize,
}

impl Kept {
    fn most(self, count: u64) -> u32 {
        u32::try_from(count.min(self.most as u64)).unwrap_or(u32::MAX)
    }
}

/// The command to a group that this stands for; `None` if it only looks.
pub(crate) fn group_command(ask: &GroupAsk, kept: Kept) -> Option<Command<&str>> {
    let position = |after: &Option<StreamId>| match after {
        None => kept.durable,
        // The beginning is what is there now. What is trimmed later is missed by the group, and it has to be told so.
        Some(id) if id.first == 0 => kept.from.saturating_sub(1),
        Some(id) => id.first,
    };
    Some(match ask {
        GroupAsk::Create { after, .. } => Command::Create { after: position(after) },
        GroupAsk::SetId { after } => Command::Move { after: position(after) },
        GroupAsk::Destroy => Command::Destroy,
        GroupAsk::CreateConsumer { consumer } => Command::AddConsumer { consumer },
        GroupAsk::DeleteConsumer { consumer } => Command::RemoveConsumer { consumer },
        GroupAsk::Ack { ids } => Command::Acknowledge { entries: entries(ids) },
        GroupAsk::AutoClaim { consumer, min_idle_ms, from, count, just_id } => {
            let which = Claimed::From { from: first_of(*from), most: kept.most(*count) };
            let (min_idle, kept_from) = (*min_idle_ms, kept.from);
            Command::Claim { consumer, min_idle, which, kept_from, counts: !just_id }
        }
        GroupAsk::Claim { consumer, min_idle_ms, ids, just_id } => {
            let which = Claimed::Entries(entries(ids));
            let (min_idle, kept_from) = (*min_idle_ms, kept.from);
            Command::Claim { consumer, min_idle, which, kept_from, counts: !just_id }
        }
        GroupAsk::PendingSummary | GroupAsk::Pending { .. } | GroupAsk::InfoConsumers => return None,
    })
}

/// Which entries these ids can be. All have a zero behind the `-`.
fn entries(ids: &[StreamId]) -> Vec<u64> {
    ids.iter().filter(|id| id.second == 0).map(|id| id.first).collect()
}

/// Which pending entries are to be shown, if it is those.
pub(crate) fn pending_span(ask: &GroupAsk, most: usize) -> Option<PendingSpan<&str>> {
    let GroupAsk::Pending { min_idle_ms, from, to, count, consumer } = ask else { return None };
    Some(PendingSpan {
        from: first_of(*from),
        // Nothing is before the first.
        to: if *to == Bound::Least { 0 } else { last_of(*to).unwrap_or(0) },
        most: u32::try_from((*count).min(most as u64)).unwrap_or(u32::MAX),
        min_idle: *min_idle_ms,
        consumer: consumer.as_deref(),
    })
}

/// `XPENDING` without a range.
pub(crate) fn put_summary(writer: &mut Writer<'_>, view: &ConsumerGroupView) {
    writer.array(4);
    writer.uint(view.pending);
    let Some((first, last)) = view.span else {
        writer.null();
        writer.null();
        return writer.null_array();
    };
    writer.bulk(id(first));
    writer.bulk(id(last));
    let waiting: Vec<_> = view.consumers.iter().filter(|consumer| consumer.pending > 0).collect();
    writer.array(waiting.len());
    for consumer in waiting {
        writer.array(2);
        writer.bulk(consumer.name.as_bytes());
        writer.bulk(consumer.pending.to_string());
    }
}

/// `XPENDING` with one.
pub(crate) fn put_pending(writer: &mut Writer<'_>, entries: &[PendingEntry], now: Millis) {
    writer.array(entries.len());
    for PendingEntry { entry, consumer, delivered_at, deliveries } in entries {
        writer.array(4);
        writer.bulk(id(*entry));
        writer.bulk(consumer.as_bytes());
        writer.uint(now.0.saturating_sub(delivered_at.0));
        writer.uint(u64::from(*deliveries));
    }
}

/// `XINFO CONSUMERS`
pub(crate) fn put_consumers(writer: &mut Writer<'_>, view: &ConsumerGroupView, now: Millis) {
    writer.array(view.consumers.len());
    for consumer in &view.consumers {
        let idle = now.0.saturating_sub(consumer.active_at.0);
        writer.map(4);
        writer.bulk("name");
        writer.bulk(consumer.name.as_bytes());
        for (name, value) in [("pending", consumer.pending), ("idle", idle), ("inactive", idle)] {
            writer.bulk(name);
            writer.uint(value);
        }
    }
}
