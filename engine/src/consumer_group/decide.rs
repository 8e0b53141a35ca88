//! What a command to a consumer group comes to.

use std::collections::BTreeSet;

use smallvec::{SmallVec, smallvec};

use super::{
    Claimed, ConsumerGroup, ConsumerGroupAnswer as Answer, ConsumerGroupCommand as Command,
    ConsumerGroupEvent as Event, ConsumerGroupLimits, ConsumerGroupState,
};
use crate::Millis;

/// The events of one decision, in the order in which they are to be applied.
pub type ConsumerGroupEvents<'a> = SmallVec<[Event<'a>; 1]>;

/// What happens, and what the caller is told.
pub type ConsumerGroupJudged<'a> = (ConsumerGroupEvents<'a>, Answer);

/// So many entries are looked at for each one that may be taken over, as in Redis.
const LOOKS: usize = 10;

/// How entries are taken over.
struct ClaimTerms {
    /// Entries before this are forgotten.
    kept_from: u64,
    /// It counts as a delivery.
    counts: bool,
    /// One that is named twice is taken over twice, as in Redis: it need not have been delivered long ago.
    again: bool,
}

fn only<'a>(answer: Answer) -> ConsumerGroupJudged<'a> {
    (SmallVec::new(), answer)
}

impl ConsumerGroupState {
    /// What `command` comes to at `now`. Without events nothing changes.
    #[must_use]
    pub fn decide<'a>(
        &self,
        command: &Command<&'a str>,
        now: Millis,
        limits: &ConsumerGroupLimits,
    ) -> ConsumerGroupJudged<'a> {
        let Some(group) = &self.group else {
            return match command {
                Command::Create { after } => (smallvec![Event::Created { after: *after }], Answer::Done),
                // Nobody waits for anything.
                Command::Destroy | Command::Acknowledge { .. } => only(Answer::Count(0)),
                _ => only(Answer::Missing),
            };
        };
        match command {
            Command::Create { .. } => only(Answer::Exists),
            Command::Move { after } if *after == group.last_delivered => only(Answer::Done),
            Command::Move { after } => (smallvec![Event::Moved { after: *after }], Answer::Done),
            Command::Destroy => (smallvec![Event::Destroyed], Answer::Count(1)),
            Command::AddConsumer { consumer } => group.add_consumer(consumer, limits),
            Command::RemoveConsumer { consumer } => match group.find(consumer) {
                Some((_, known)) => {
                    let count = known.pending.len() as u64;
                    (smallvec![Event::ConsumerRemoved { consumer }], Answer::Count(count))
                }
                None => only(Answer::Count(0)),
            },
            Command::Deliver { consumer, after, entries, no_ack } => {
                group.deliver(consumer, *after, (entries, *no_ack), limits)
            }
            Command::Repeat { consumer, which } => group.repeat(consumer, which, limits),
            Command::Acknowledge { entries } => group.acknowledge(entries),
            Command::Claim { consumer, min_idle, which, kept_from, counts } => {
                let wanted = |entry: u64| {
                    let pending = group.pending.get(&entry);
                    pending.is_some_and(|pending| now.0.saturating_sub(pending.delivered_at.0) >= *min_idle)
                };
                let terms = ClaimTerms { kept_from: *kept_from, counts: *counts, again: *min_idle == 0 };
                group.claim(consumer, which, terms, wanted, limits)
            }
        }
    }
}

impl ConsumerGroup {
    /// The event that makes a consumer, if there is none; or the limit that forbids it.
    fn make<'a>(
        &self,
        consumer: &'a str,
        limits: &ConsumerGroupLimits,
    ) -> Result<ConsumerGroupEvents<'a>, Answer> {
        if self.find(consumer).is_some() {
            return Ok(SmallVec::new());
        }
        if self.consumers.len() >= limits.max_consumers as usize {
            return Err(Answer::Full { limit: "consumers" });
        }
        Ok(smallvec![Event::ConsumerAdded { consumer }])
    }

    fn add_consumer<'a>(&self, consumer: &'a str, limits: &ConsumerGroupLimits) -> ConsumerGroupJudged<'a> {
        match self.make(consumer, limits) {
            Ok(events) => {
                let count = events.len() as u64;
                (events, Answer::Count(count))
            }
            Err(full) => only(full),
        }
    }

    fn deliver<'a>(
        &self,
        consumer: &'a str,
        after: u64,
        (entries, no_ack): (&[u64], bool),
        limits: &ConsumerGroupLimits,
    ) -> ConsumerGroupJudged<'a> {
        if after != self.last_delivered {
            return only(Answer::MovedOn { after: self.last_delivered });
        }
        if !no_ack && self.pending.len() + entries.len() > limits.max_pending as usize {
            return only(Answer::Full { limit: "pending entries" });
        }
        let mut events = match self.make(consumer, limits) {
            Ok(events) => events,
            Err(full) => return only(full),
        };
        let entries: Vec<u64> = entries.iter().copied().filter(|entry| *entry > after).collect();
        if !entries.is_empty() {
            events.push(Event::Delivered { consumer, entries: entries.clone(), no_ack });
        }
        (events, Answer::Delivered(entries))
    }

    fn repeat<'a>(
        &self,
        consumer: &'a str,
        which: &Claimed,
        limits: &ConsumerGroupLimits,
    ) -> ConsumerGroupJudged<'a> {
        let mut events = match self.make(consumer, limits) {
            Ok(events) => events,
            Err(full) => return only(full),
        };
        let own = self.find(consumer).map(|(_, known)| &known.pending);
        let entries: Vec<u64> = match (own, which) {
            (None, _) => Vec::new(),
            (Some(own), Claimed::Entries(entries)) => {
                entries.iter().copied().filter(|entry| own.contains(entry)).collect()
            }
            (Some(own), Claimed::From { from, most }) => {
                own.range(*from..).copied().take(*most as usize).collect()
            }
        };
        if !entries.is_empty() {
            events.push(Event::Redelivered { consumer, entries: entries.clone(), counts: true });
        }
        (events, Answer::Delivered(entries))
    }

    fn acknowledge<'a>(&self, entries: &[u64]) -> ConsumerGroupJudged<'a> {
        let mut known: Vec<u64> =
            entries.iter().copied().filter(|entry| self.pending.contains_key(entry)).collect();
        known.sort_unstable();
        known.dedup();
        let count = Answer::Count(known.len() as u64);
        if known.is_empty() { only(count) } else { (smallvec![Event::Settled { entries: known }], count) }
    }

    fn claim<'a>(
        &self,
        consumer: &'a str,
        which: &Claimed,
        ClaimTerms { kept_from, counts, again }: ClaimTerms,
        wanted: impl Fn(u64) -> bool,
        limits: &ConsumerGroupLimits,
    ) -> ConsumerGroupJudged<'a> {
        let mut events = match self.make(consumer, limits) {
            Ok(events) => events,
            Err(full) => return only(full),
        };
        let (looked_at, most): (Vec<u64>, usize) = match which {
            Claimed::Entries(entries) => (entries.clone(), usize::MAX),
            Claimed::From { from, most } => {
                let looks = (*most as usize).saturating_mul(LOOKS);
                (self.pending.range(*from..).map(|(entry, _)| *entry).take(looks).collect(), *most as usize)
            }
        };
        let (mut entries, mut gone, mut last) = (Vec::new(), Vec::new(), None);
        let mut seen = BTreeSet::new();
        for entry in looked_at {
            if entries.len() >= most {
                break;
            }
            last = Some(entry);
            let is_first = seen.insert(entry);
            if !wanted(entry) || !(is_first || again && entry >= kept_from) {
                continue;
            }
            if entry < kept_from { gone.push(entry) } else { entries.push(entry) }
        }
        let next = match (which, last) {
            (Claimed::From { .. }, Some(last)) => {
                self.pending.range(last.saturating_add(1)..).next().map_or(0, |(entry, _)| *entry)
            }
            _ => 0,
        };
        if !entries.is_empty() {
            events.push(Event::Redelivered { consumer, entries: entries.clone(), counts });
        }
        if !gone.is_empty() {
            events.push(Event::Settled { entries: gone.clone() });
        }
        (events, Answer::Claimed { entries, gone, next })
    }
}
