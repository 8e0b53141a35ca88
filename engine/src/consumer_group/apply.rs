//! What an event does to a consumer group. Nothing is judged here: it happened.

use super::{Consumer, ConsumerGroup, ConsumerGroupEvent as Event, ConsumerGroupState, Pending};
use crate::{Contradiction, Millis};

impl ConsumerGroupState {
    /// Makes an event so, live and in replay alike (invariant 6).
    ///
    /// # Errors
    /// A [`Contradiction`] if the event can't have happened to this state, which is then not to be used further.
    pub fn apply(&mut self, event: &Event<'_>, at: Millis) -> Result<(), Contradiction> {
        match (&mut self.group, event) {
            (empty @ None, Event::Created { after }) => {
                *empty = Some(ConsumerGroup { last_delivered: *after, ..ConsumerGroup::default() });
            }
            (None, _) | (Some(_), Event::Created { .. }) => return Err(Contradiction::Creation),
            (place, Event::Destroyed) => *place = None,
            (Some(group), event) => group.apply(event, at)?,
        }
        self.changes += 1;
        self.last_event_at = self.last_event_at.max(at);
        Ok(())
    }
}

impl ConsumerGroup {
    fn apply(&mut self, event: &Event<'_>, at: Millis) -> Result<(), Contradiction> {
        match event {
            Event::Created { .. } | Event::Destroyed => return Err(Contradiction::Creation),
            Event::Moved { after } => self.last_delivered = *after,
            Event::ConsumerAdded { consumer } => {
                if self.find(consumer).is_some() {
                    return Err(Contradiction::Buyer);
                }
                self.add(consumer, at)?;
            }
            Event::ConsumerRemoved { consumer } => {
                let number = self.number(consumer)?;
                let removed = self.consumers.remove(&number);
                for entry in removed.into_iter().flat_map(|consumer| consumer.pending) {
                    self.pending.remove(&entry);
                }
            }
            Event::Delivered { consumer, entries, no_ack } => {
                let number = self.number(consumer)?;
                self.touch(number, at)?;
                for entry in entries {
                    self.last_delivered = self.last_delivered.max(*entry);
                    if !no_ack {
                        // A group that was moved back delivers again what somebody may have.
                        let deliveries = self.take(*entry).map_or(0, |before| before.deliveries);
                        self.give(
                            *entry,
                            Pending { consumer: number, delivered_at: at, deliveries: deliveries + 1 },
                        )?;
                    }
                }
            }
            Event::Redelivered { consumer, entries, counts } => {
                let number = self.number(consumer)?;
                self.touch(number, at)?;
                for entry in entries {
                    let before = self.take(*entry).ok_or(Contradiction::Parts)?;
                    let deliveries = before.deliveries.saturating_add(u32::from(*counts));
                    self.give(*entry, Pending { consumer: number, delivered_at: at, deliveries })?;
                }
            }
            Event::Settled { entries } => {
                for entry in entries {
                    self.take(*entry).ok_or(Contradiction::Parts)?;
                }
            }
        }
        Ok(())
    }

    /// Adds a consumer with the first number that is free.
    fn add(&mut self, name: &str, at: Millis) -> Result<(), Contradiction> {
        let free = (0..=u32::MAX).find(|number| !self.consumers.contains_key(number));
        let consumer = Consumer { name: name.into(), active_at: at, pending: Default::default() };
        self.consumers.insert(free.ok_or(Contradiction::Buyer)?, consumer);
        Ok(())
    }

    pub(super) fn number(&self, name: &str) -> Result<u32, Contradiction> {
        self.find(name).map(|(number, _)| number).ok_or(Contradiction::Buyer)
    }

    fn touch(&mut self, number: u32, at: Millis) -> Result<(), Contradiction> {
        self.consumer_mut(number)?.active_at = at;
        Ok(())
    }

    fn consumer_mut(&mut self, number: u32) -> Result<&mut Consumer, Contradiction> {
        self.consumers.get_mut(&number).ok_or(Contradiction::Buyer)
    }

    fn take(&mut self, entry: u64) -> Option<Pending> {
        let pending = self.pending.remove(&entry)?;
        if let Ok(consumer) = self.consumer_mut(pending.consumer) {
            consumer.pending.remove(&entry);
        }
        Some(pending)
    }

    pub(super) fn give(&mut self, entry: u64, pending: Pending) -> Result<(), Contradiction> {
        self.consumer_mut(pending.consumer)?.pending.insert(entry);
        self.pending.insert(entry, pending);
        Ok(())
    }
}
