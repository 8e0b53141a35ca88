//! A consumer group of the feed: how far it was delivered, and what of that nobody has acknowledged.
//!
//! What it delivers are positions in the journal. What stands there it does not know.

mod apply;
mod decide;
mod image;
mod look;

use std::collections::{BTreeMap, BTreeSet};

pub use decide::{ConsumerGroupEvents, ConsumerGroupJudged};
pub use image::{ConsumerGroupPart, ConsumerGroupRestorer};
pub use look::{ConsumerGroupView, ConsumerView, PendingEntry, PendingSpan};

use crate::Millis;

/// The place of one consumer group: empty until it is created, and again when it was destroyed. Owned by one actor.
#[derive(Debug, Default)]
pub struct ConsumerGroupState {
    group: Option<ConsumerGroup>,
    /// Events over all groups that there were in this place.
    changes: u64,
    last_event_at: Millis,
}

/// A consumer group.
#[derive(Debug, Default)]
pub struct ConsumerGroup {
    /// Everything up to here was delivered, or is not to be.
    last_delivered: u64,
    /// By the number that entries know them by. That of a consumer which was deleted is used again.
    consumers: BTreeMap<u32, Consumer>,
    pending: BTreeMap<u64, Pending>,
}

/// Who reads for a group.
#[derive(Debug)]
struct Consumer {
    name: Box<str>,
    /// When it was last delivered something, or made.
    active_at: Millis,
    /// What it has not acknowledged.
    pending: BTreeSet<u64>,
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pending {
    consumer: u32,
    delivered_at: Millis,
    deliveries: u32,
}

/// What can be asked of a consumer group. `S` is how its texts are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerGroupCommand<S> {
    /// Create the group. What comes behind this position is delivered.
    Create {
        /// The position.
        after: u64,
    },
    /// Go on behind another position.
    Move {
        /// The position.
        after: u64,
    },
    /// Forget the group and everything it knows.
    Destroy,
    /// Make a consumer.
    AddConsumer {
        /// Its name.
        consumer: S,
    },
    /// Forget a consumer, and what it has not acknowledged.
    RemoveConsumer {
        /// Its name.
        consumer: S,
    },
    /// Deliver these entries, which are the next ones.
    Deliver {
        /// To whom.
        consumer: S,
        /// They are the next behind this position. If the group has moved on, nothing is delivered.
        after: u64,
        /// The entries, ascending.
        entries: Vec<u64>,
        /// They need no acknowledgement.
        no_ack: bool,
    },
    /// Deliver again what this consumer has not acknowledged.
    Repeat {
        /// To whom.
        consumer: S,
        /// Which of it.
        which: Claimed,
    },
    /// These were worked off.
    Acknowledge {
        /// The entries.
        entries: Vec<u64>,
    },
    /// Take over entries that were delivered long ago.
    Claim {
        /// Who takes them over.
        consumer: S,
        /// How long ago, in milliseconds.
        min_idle: u64,
        /// Which.
        which: Claimed,
        /// Entries before this position are not kept any more: they are forgotten.
        kept_from: u64,
        /// They are delivered by this, and that counts.
        counts: bool,
    },
}

/// Which entries are to be taken over, or delivered again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// These, in this order.
    Entries(Vec<u64>),
    /// Whatever there is from this position on.
    From {
        /// The position.
        from: u64,
        /// The most entries.
        most: u32,
    },
}

/// What happened to a consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerGroupEvent<'a> {
    /// It came to be.
    Created {
        /// It delivers what is behind this position.
        after: u64,
    },
    /// It goes on elsewhere.
    Moved {
        /// It delivers what is behind this position.
        after: u64,
    },
    /// It is forgotten.
    Destroyed,
    /// A consumer came to be.
    ConsumerAdded {
        /// Its name.
        consumer: &'a str,
    },
    /// A consumer is forgotten, and what it has not acknowledged.
    ConsumerRemoved {
        /// Its name.
        consumer: &'a str,
    },
    /// The next entries were delivered.
    Delivered {
        /// To whom.
        consumer: &'a str,
        /// Which, ascending.
        entries: Vec<u64>,
        /// They need no acknowledgement.
        no_ack: bool,
    },
    /// Entries that were delivered before are somebody's again.
    Redelivered {
        /// Whose.
        consumer: &'a str,
        /// Which, in the order in which they were asked for. One that was named twice was delivered twice.
        entries: Vec<u64>,
        /// Whether that is one more delivery of them.
        counts: bool,
    },
    /// Entries are no longer waited for: they were acknowledged, or are not kept any more.
    Settled {
        /// Which, ascending.
        entries: Vec<u64>,
    },
}

/// What a command to a consumer group came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerGroupAnswer {
    /// It is so.
    Done,
    /// So many.
    Count(u64),
    /// There is a group already.
    Exists,
    /// There is no group.
    Missing,
    /// The group has moved on, to this position.
    MovedOn {
        /// The position.
        after: u64,
    },
    /// These were delivered.
    Delivered(Vec<u64>),
    /// These were taken over.
    Claimed {
        /// Those that were.
        entries: Vec<u64>,
        /// Those that are not kept any more.
        gone: Vec<u64>,
        /// Where to go on; 0 if that was all.
        next: u64,
    },
    /// As many as the limit of this name allows are there already.
    Full {
        /// The limit.
        limit: &'static str,
    },
}

/// How much one consumer group may remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerGroupLimits {
    /// Consumers.
    pub max_consumers: u32,
    /// Entries delivered and not acknowledged.
    pub max_pending: u32,
}

impl Default for ConsumerGroupLimits {
    /// What fits 32-bit numbers: in practice no limit but memory.
    fn default() -> Self {
        Self { max_consumers: u32::MAX, max_pending: u32::MAX }
    }
}

impl<S> ConsumerGroupCommand<S> {
    /// The same command with its text held another way.
    pub fn map<T>(&self, mut text: impl FnMut(&S) -> T) -> ConsumerGroupCommand<T> {
        match self {
            Self::Create { after } => ConsumerGroupCommand::Create { after: *after },
            Self::Move { after } => ConsumerGroupCommand::Move { after: *after },
            Self::Destroy => ConsumerGroupCommand::Destroy,
            Self::AddConsumer { consumer } => ConsumerGroupCommand::AddConsumer { consumer: text(consumer) },
            Self::RemoveConsumer { consumer } => {
                ConsumerGroupCommand::RemoveConsumer { consumer: text(consumer) }
            }
            Self::Deliver { consumer, after, entries, no_ack } => ConsumerGroupCommand::Deliver {
                consumer: text(consumer),
                after: *after,
                entries: entries.clone(),
                no_ack: *no_ack,
            },
            Self::Repeat { consumer, which } => {
                ConsumerGroupCommand::Repeat { consumer: text(consumer), which: which.clone() }
            }
            Self::Acknowledge { entries } => ConsumerGroupCommand::Acknowledge { entries: entries.clone() },
            Self::Claim { consumer, min_idle, which, kept_from, counts } => ConsumerGroupCommand::Claim {
                consumer: text(consumer),
                min_idle: *min_idle,
                which: which.clone(),
                kept_from: *kept_from,
                counts: *counts,
            },
        }
    }
}

impl ConsumerGroup {
    fn find(&self, name: &str) -> Option<(u32, &Consumer)> {
        self.consumers
            .iter()
            .find(|(_, consumer)| &*consumer.name == name)
            .map(|(at, consumer)| (*at, consumer))
    }
}
