//! Some blocks of the journal: what entries are in them, and what has to be asked about those.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use tidegate_actors::{Ask, Body, Fault, Outcome, Reply, Seat};
use tidegate_engine::SkuView;
use tidegate_persistence::{ActorId, ActorKind, Group, WalkedBlock};
use tokio::sync::oneshot;

use super::{Feed, FeedError};
use crate::convert::entry::{Draft, Entry, EntryWriter, Fact, Who, campaign_entries, sku_entries};

/// Entries that are to be written, and those they happened to.
pub(super) struct Scene<'b> {
    drafts: Vec<(usize, Draft<'b>)>,
    cast: Vec<Actor>,
    by_id: HashMap<u32, usize, foldhash::fast::RandomState>,
}

/// Somebody an entry is about.
struct Actor {
    seat: Arc<Seat>,
    view: Option<Arc<SkuView>>,
    body: Body,
    replies: Option<Result<Vec<Reply>, Fault>>,
}

/// What is known of a draft: whose reply, and which.
type Known = Option<(usize, usize)>;

impl<'b> Scene<'b> {
    /// The entries of these blocks that are wanted, of those in `span`, in order.
    pub(super) fn new(
        feed: &Feed,
        blocks: &'b [WalkedBlock],
        span: RangeInclusive<u64>,
        wanted: impl Fn(u64) -> bool,
    ) -> Result<Self, FeedError> {
        let mut scene = Self { drafts: Vec::new(), cast: Vec::new(), by_id: HashMap::default() };
        for block in blocks {
            for group in block.groups() {
                let group = group?;
                // Most of a block may be read already.
                let behind = group.first_sequence + u64::from(group.count);
                if group.first_sequence <= *span.end() && behind > *span.start() {
                    scene.group(feed, &group, &|sequence| span.contains(&sequence) && wanted(sequence))?;
                }
            }
        }
        Ok(scene)
    }

    fn group(
        &mut self,
        feed: &Feed,
        group: &Group<'b>,
        wanted: &impl Fn(u64) -> bool,
    ) -> Result<(), FeedError> {
        let actor = self.find(feed, group.actor).ok_or(FeedError::Unknown(group.first_sequence))?;
        let drafts = &mut self.drafts;
        let add = |sequence, entry: Entry<'b>| {
            if wanted(sequence) {
                drafts.push((actor, Draft { sequence, at: group.at, entry }));
            }
        };
        match self.cast[actor].seat.kind() {
            ActorKind::Sku => sku_entries(group, add)?,
            ActorKind::Campaign => campaign_entries(group, add)?,
            // Readers are no part of what they read.
            ActorKind::ConsumerGroup => {}
        }
        Ok(())
    }

    fn find(&mut self, feed: &Feed, id: ActorId) -> Option<usize> {
        if let Some(known) = self.by_id.get(&id.0) {
            return Some(*known);
        }
        Some(self.add(feed.seats.find(&feed.house, id)?))
    }

    fn add(&mut self, seat: Arc<Seat>) -> usize {
        let known = self.by_id.entry(seat.id().0).or_insert(self.cast.len());
        if *known == self.cast.len() {
            let view = seat.shown().view().clone();
            self.cast.push(Actor { seat, view, body: Body::default(), replies: None });
        }
        *known
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.drafts.len()
    }

    /// Keeps the first entries, or the last.
    pub(super) fn keep(&mut self, most: usize, last: bool) {
        if last {
            self.drafts.drain(..self.drafts.len().saturating_sub(most));
        } else {
            self.drafts.truncate(most);
        }
    }

    /// Turns the order of the entries round.
    pub(super) fn reverse(&mut self) {
        self.drafts.reverse();
    }

    /// Asks all that has to be, and writes the entries: each is handed on with its sequence. `take` says false when it
    /// does not take one: that and what is behind it is not written.
    ///
    /// # Errors
    /// At the first entry that nobody can be asked about. Those before it were handed on.
    pub(super) fn write(
        mut self,
        feed: &Feed,
        writer: &mut EntryWriter,
        out: &mut Vec<u8>,
        mut take: impl FnMut(u64, &[u8]) -> bool,
    ) -> Result<(), FeedError> {
        let known = self.ask(feed);
        for ((actor, draft), known) in self.drafts.iter().zip(known) {
            let sequence = draft.sequence;
            let reply = match known {
                None if draft.entry.fact().is_some() => return Err(FeedError::Unknown(sequence)),
                None => None,
                Some((asked, at)) => {
                    let Actor { seat, replies, .. } = &self.cast[asked];
                    match replies {
                        Some(Ok(replies)) => replies.get(at),
                        other => {
                            let fault = other.as_ref().and_then(|r| r.as_ref().err()).copied();
                            let fault = fault.unwrap_or(Fault::Stopping);
                            return Err(FeedError::Unasked { sequence, name: seat.name().into(), fault });
                        }
                    }
                }
            };
            let Actor { seat, view, .. } = &self.cast[*actor];
            let before = out.len();
            if !writer.write(draft, Who { name: seat.name(), view: view.as_deref() }, reply, out) {
                return Err(FeedError::Unknown(sequence));
            }
            if !take(sequence, &out[before..]) {
                out.truncate(before);
                break;
            }
        }
        Ok(())
    }

    /// Asks everybody at once, each in one body.
    fn ask(&mut self, feed: &Feed) -> Vec<Known> {
        let facts: Vec<_> = self.drafts.iter().map(|(actor, draft)| (*actor, draft.entry.fact())).collect();
        let mut known = Vec::with_capacity(facts.len());
        for (actor, fact) in facts {
            let asked = match fact {
                None => None,
                Some(Fact::Order(order)) => Some((actor, Ask::Facts(order))),
                Some(Fact::Cart(cart)) => Some((actor, Ask::CartFacts(cart))),
                Some(Fact::OrderOf(sku, order)) => {
                    feed.house.find(sku).map(|seat| (self.add(seat), Ask::Facts(order)))
                }
            };
            known.push(asked.map(|(actor, ask)| {
                let body = &mut self.cast[actor].body;
                body.push(ask);
                (actor, body.len() - 1)
            }));
        }
        let mut sent: Vec<(usize, Result<oneshot::Receiver<Outcome>, Fault>)> = Vec::new();
        for (at, actor) in self.cast.iter_mut().enumerate().filter(|(_, actor)| !actor.body.is_empty()) {
            let body = std::mem::take(&mut actor.body);
            sent.push((at, actor.seat.ask_for_facts(body).map_err(|(_, fault)| fault)));
        }
        for (at, sent) in sent {
            // This thread may wait. An actor that drops a body unanswered is one that is being stopped.
            let replies = sent.and_then(|outcome| {
                outcome.blocking_recv().map_or(Err(Fault::Stopping), |outcome| outcome.replies)
            });
            self.cast[at].replies = Some(replies);
        }
        known
    }
}
