//! Who did what the journal tells: actors by number, named once.

use std::fmt;

/// The number that stands for an actor in the journal, given when it is born, dense from 0.
///
/// The remainder of this number by the count of workers says which of them owns the actor, here in recovery and
/// where the actors run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId(pub u32);

impl ActorId {
    /// Which of `workers` owns this actor: 0 up to `workers - 1`.
    #[must_use]
    pub fn worker(self, workers: usize) -> usize {
        self.0 as usize % workers.max(1)
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "actor {}", self.0)
    }
}

/// What sort of actor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// A SKU; its state is [`tidegate_engine::SkuState`].
    Sku,
    /// A campaign; its state is [`tidegate_engine::CampaignState`].
    Campaign,
    /// A consumer group of the feed; its state is [`tidegate_engine::ConsumerGroupState`].
    ConsumerGroup,
}

/// What the first group of an actor says about it, and no later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth<'a> {
    /// What sort of actor it is.
    pub kind: ActorKind,
    /// Its name: the SKU's, the campaign's or the consumer group's.
    pub name: &'a str,
}
