//! What can be read from a consumer group.

use super::{ConsumerGroup, ConsumerGroupState};
use crate::Millis;

/// How a consumer group stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupView {
    /// Everything up to here was delivered, or is not to be.
    pub last_delivered: u64,
    /// Entries that were delivered and not acknowledged.
    pub pending: u64,
    /// The first and the last of them.
    pub span: Option<(u64, u64)>,
    /// The consumers, by name.
    pub consumers: Vec<ConsumerView>,
}

/// How a consumer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerView {
    /// Its name.
    pub name: Box<str>,
    /// Entries that were delivered to it and that it has not acknowledged.
    pub pending: u64,
    /// When it was last delivered something, or made.
    pub active_at: Millis,
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingEntry {
    /// The entry.
    pub entry: u64,
    /// Whose it is.
    pub consumer: Box<str>,
    /// When it was last delivered.
    pub delivered_at: Millis,
    /// How often.
    pub deliveries: u32,
}

/// Which entries somebody wants to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingSpan<S> {
    /// From here,
    pub from: u64,
    /// to here.
    pub to: u64,
    /// The most entries.
    pub most: u32,
    /// Delivered at least so many milliseconds ago.
    pub min_idle: u64,
    /// Of this consumer alone.
    pub consumer: Option<S>,
}

impl<S> PendingSpan<S> {
    /// The same with its text held another way.
    pub fn map<'s, T>(&'s self, text: impl FnOnce(&'s S) -> T) -> PendingSpan<T> {
        let PendingSpan { from, to, most, min_idle, ref consumer } = *self;
        PendingSpan { from, to, most, min_idle, consumer: consumer.as_ref().map(text) }
    }
}

impl ConsumerGroupState {
    /// The group, if there is one.
    #[must_use]
    pub fn group(&self) -> Option<&ConsumerGroup> {
        self.group.as_ref()
    }

    /// How many events made this state.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// When the last of them happened.
    #[must_use]
    pub fn last_event_at(&self) -> Millis {
        self.last_event_at
    }
}

impl ConsumerGroup {
    /// Everything up to here was delivered, or is not to be.
    #[must_use]
    pub fn last_delivered(&self) -> u64 {
        self.last_delivered
    }

    /// How the group stands.
    #[must_use]
    pub fn view(&self) -> ConsumerGroupView {
        let consumers = self.consumers.values().map(|consumer| ConsumerView {
            name: consumer.name.clone(),
            pending: consumer.pending.len() as u64,
            active_at: consumer.active_at,
        });
        let mut consumers: Vec<_> = consumers.collect();
        consumers.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let first = self.pending.first_key_value().map(|(entry, _)| *entry);
        let last = self.pending.last_key_value().map(|(entry, _)| *entry);
        ConsumerGroupView {
            last_delivered: self.last_delivered,
            pending: self.pending.len() as u64,
            span: first.zip(last),
            consumers,
        }
    }

    /// What was delivered and not acknowledged.
    #[must_use]
    pub fn pending(&self, span: &PendingSpan<&str>, now: Millis) -> Vec<PendingEntry> {
        let PendingSpan { from, to, most, min_idle, consumer } = *span;
        if from > to {
            return Vec::new();
        }
        let known = consumer.map(|name| self.find(name));
        let mut found = Vec::new();
        let mut look = |entry: u64| {
            let Some(pending) = self.pending.get(&entry) else { return };
            if now.0.saturating_sub(pending.delivered_at.0) >= min_idle && found.len() < most as usize {
                found.push(PendingEntry {
                    entry,
                    consumer: self
                        .consumers
                        .get(&pending.consumer)
                        .map_or("", |consumer| &consumer.name)
                        .into(),
                    delivered_at: pending.delivered_at,
                    deliveries: pending.deliveries,
                });
            }
        };
        match known {
            None => self.pending.range(from..=to).for_each(|(entry, _)| look(*entry)),
            Some(Some((_, consumer))) => consumer.pending.range(from..=to).for_each(|entry| look(*entry)),
            Some(None) => {}
        }
        found
    }
}
