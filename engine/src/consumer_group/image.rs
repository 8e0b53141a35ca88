//! A consumer group's state as a list of parts, for snapshots.

use xxhash_rust::xxh3::Xxh3;

use super::{Consumer, ConsumerGroup, ConsumerGroupState, Pending};
use crate::{Contradiction, Millis};

/// One part of a consumer group's state: the head, then consumers by number, then what they have not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerGroupPart<'a> {
    /// The group itself.
    Head {
        /// Everything up to here was delivered; `None`: the group is destroyed, and nothing follows.
        last_delivered: Option<u64>,
        /// How many events made this state.
        changes: u64,
        /// When the last of them happened.
        last_event_at: Millis,
    },
    /// A consumer.
    Consumer {
        /// Its number.
        number: u32,
        /// Its name.
        name: &'a str,
        /// When it was last delivered something, or made.
        active_at: Millis,
    },
    /// An entry that was delivered and not acknowledged.
    Pending {
        /// The entry.
        entry: u64,
        /// The number of its consumer.
        consumer: u32,
        /// When it was last delivered.
        delivered_at: Millis,
        /// How often.
        deliveries: u32,
    },
}

impl ConsumerGroupState {
    /// The state as parts, in the order in which [`ConsumerGroupRestorer::push`] takes them; none if nothing ever
    /// happened.
    pub fn parts(&self) -> impl Iterator<Item = ConsumerGroupPart<'_>> {
        let head = ConsumerGroupPart::Head {
            last_delivered: self.group.as_ref().map(|group| group.last_delivered),
            changes: self.changes,
            last_event_at: self.last_event_at,
        };
        let consumers = self.group.iter().flat_map(|group| {
            group.consumers.iter().map(|(number, consumer)| {
                let Consumer { name, active_at, .. } = consumer;
                ConsumerGroupPart::Consumer { number: *number, name, active_at: *active_at }
            })
        });
        let pending = self.group.iter().flat_map(|group| &group.pending).map(|(entry, pending)| {
            let Pending { consumer, delivered_at, deliveries } = *pending;
            ConsumerGroupPart::Pending { entry: *entry, consumer, delivered_at, deliveries }
        });
        (self.changes > 0).then_some(head).into_iter().chain(consumers).chain(pending)
    }

    /// XXH3 over everything that the journal decides, as [`crate::Sku::state_hash`]; zero if nothing ever happened.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        if self.changes == 0 {
            return 0;
        }
        let mut digest = Xxh3::new();
        let mut number = |number: u64| digest.update(&number.to_le_bytes());
        let mut names = Vec::new();
        for part in self.parts() {
            match part {
                ConsumerGroupPart::Head { last_delivered, changes, last_event_at } => {
                    number(u64::from(last_delivered.is_some()));
                    [last_delivered.unwrap_or(0), changes, last_event_at.0].into_iter().for_each(&mut number);
                }
                ConsumerGroupPart::Consumer { number: at, name, active_at } => {
                    [1, u64::from(at), name.len() as u64, active_at.0].into_iter().for_each(&mut number);
                    names.push(name);
                }
                ConsumerGroupPart::Pending { entry, consumer, delivered_at, deliveries } => {
                    let of = u64::from(consumer) | u64::from(deliveries) << 32;
                    [2, entry, of, delivered_at.0].into_iter().for_each(&mut number);
                }
            }
        }
        names.iter().for_each(|name| digest.update(name.as_bytes()));
        digest.digest()
    }
}

/// Makes a consumer group's state from its parts.
#[derive(Debug, Default)]
pub struct ConsumerGroupRestorer {
    state: Option<ConsumerGroupState>,
}

impl ConsumerGroupRestorer {
    /// Takes the next part.
    ///
    /// # Errors
    /// A [`Contradiction`] if it can't be part of what came before.
    pub fn push(&mut self, part: ConsumerGroupPart<'_>) -> Result<(), Contradiction> {
        match (&mut self.state, part) {
            (empty @ None, ConsumerGroupPart::Head { last_delivered, changes, last_event_at }) => {
                let group = last_delivered
                    .map(|last_delivered| ConsumerGroup { last_delivered, ..ConsumerGroup::default() });
                *empty = Some(ConsumerGroupState { group, changes, last_event_at });
                Ok(())
            }
            (None, _) | (Some(_), ConsumerGroupPart::Head { .. }) => Err(Contradiction::Parts),
            (Some(state), part) => {
                let group = state.group.as_mut().ok_or(Contradiction::Parts)?;
                match part {
                    ConsumerGroupPart::Head { .. } => Err(Contradiction::Parts),
                    ConsumerGroupPart::Consumer { number, name, active_at } => {
                        if group.consumers.last_key_value().is_some_and(|(last, _)| number <= *last) {
                            return Err(Contradiction::Parts);
                        }
                        let pending = Default::default();
                        group.consumers.insert(number, Consumer { name: name.into(), active_at, pending });
                        Ok(())
                    }
                    ConsumerGroupPart::Pending { entry, consumer, delivered_at, deliveries } => {
                        group.give(entry, Pending { consumer, delivered_at, deliveries })
                    }
                }
            }
        }
    }

    /// The whole state.
    ///
    /// # Errors
    /// A [`Contradiction`] if there was no head.
    pub fn finish(self) -> Result<ConsumerGroupState, Contradiction> {
        self.state.ok_or(Contradiction::Parts)
    }
}
