//! Makes states from snapshot frames and blocks: the same way at the start, for a snapshot and for one actor.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use tidegate_engine::{Contradiction, Millis};

use crate::block::{events_told, payload};
use crate::codec::{CodecError, Cursor};
use crate::group::{Group, Groups};
use crate::snapshot::Frame;
use crate::state::{State, StateRestorer, Unfit};
use crate::{ActorId, ActorKind};

/// An actor as the journal knows it.
#[derive(Debug)]
pub struct RecoveredActor {
    /// Its number.
    pub id: ActorId,
    /// Its name: the SKU's, the campaign's or the consumer group's.
    pub name: Box<str>,
    /// Its state.
    pub state: State,
    /// When its last turn was; the next must not be before it.
    pub last_at: Millis,
}

/// A journal or snapshot whose bytes are sound but can't have happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A record can't be decoded.
    #[error("at sequence {sequence}: {cause}")]
    Codec {
        /// Where: the first sequence of the group.
        sequence: u64,
        /// What is wrong.
        cause: CodecError,
    },
    /// An event contradicts the state before it.
    #[error("{actor}, at sequence {sequence}: {cause}; run `tidegate inspect` and report this as a defect")]
    Contradiction {
        /// Whose event.
        actor: ActorId,
        /// Its sequence.
        sequence: u64,
        /// What is wrong.
        cause: Contradiction,
    },
    /// A block holds other events than its header tells of, so that those behind it have other sequences.
    #[error("the block at sequence {sequence} holds {found} events, and its header tells of {told}")]
    Events {
        /// The first sequence of the block.
        sequence: u64,
        /// How many events there are.
        found: u64,
        /// How many there should be.
        told: u32,
    },
    /// An actor acts that was not born, or is born again.
    #[error("{actor}, at sequence {sequence}: {what}")]
    Birth {
        /// Who.
        actor: ActorId,
        /// The first sequence of its group.
        sequence: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A section of a snapshot does not make the state that it was made of.
    #[error("the snapshot's section of {actor}: {what}")]
    Section {
        /// Whose section.
        actor: ActorId,
        /// What is wrong.
        what: String,
    },
}

/// Which actors are replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// One of several equal parts.
    Part { part: usize, of: usize },
    /// A single actor.
    One(ActorId),
}

impl Whose {
    pub(crate) fn is(self, actor: ActorId) -> bool {
        match self {
            Self::Part { part, of } => actor.worker(of) == part,
            Self::One(one) => one == actor,
        }
    }
}

/// Which of some groups is whose: its actor in the upper half, and in the lower one its place among them. One number is put in
/// order faster than two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ByActor(u64);

impl ByActor {
    /// A group takes at least ten bytes, and all but the last block of a batch are a few megabytes, so `at` does not overflow: the
    /// length of a block is a u32.
    fn new(actor: ActorId, at: u32) -> Self {
        Self(u64::from(actor.0) << 32 | u64::from(at))
    }

    fn actor(self) -> u64 {
        self.0 >> 32
    }

    fn at(self) -> usize {
        self.0 as u32 as usize
    }
}

/// Applies what it is given to the states of its actors.
#[derive(Debug)]
pub(crate) struct Replayer {
    whose: Whose,
    seed: u64,
    actors: BTreeMap<ActorId, RecoveredActor>,
    section: Option<Section>,
    /// Over all groups seen, also of other actors.
    next_actor: u32,
    last_at: Millis,
}

/// The section of a snapshot that is being read.
#[derive(Debug)]
struct Section {
    id: ActorId,
    name: Box<str>,
    restorer: StateRestorer,
    parts: u64,
    last_at: Millis,
}

impl Replayer {
    pub(crate) fn new(whose: Whose, seed: u64) -> Self {
        let (actors, section) = (BTreeMap::new(), None);
        Self { whose, seed, actors, section, next_actor: 0, last_at: Millis::default() }
    }

    /// One more than the highest actor seen.
    pub(crate) fn next_actor(&self) -> u32 {
        self.next_actor
    }

    /// The latest time seen.
    pub(crate) fn last_at(&self) -> Millis {
        self.last_at
    }

    /// The actors, by number.
    pub(crate) fn into_actors(self) -> Vec<RecoveredActor> {
        self.actors.into_values().collect()
    }

    /// Takes the groups of a verified block.
    pub(crate) fn block(&mut self, block: &[u8], first_sequence: u64) -> Result<(), ReplayError> {
        self.blocks(std::iter::once((block, first_sequence)))
    }

    /// Takes the groups of verified blocks, each with its first sequence. An actor takes all of its own, one after the other,
    /// before the next one does: then its state has to come from main memory once for many of them. Of several errors in the same
    /// blocks, the one that is told need not be the first.
    pub(crate) fn blocks<'a>(
        &mut self,
        blocks: impl Iterator<Item = (&'a [u8], u64)>,
    ) -> Result<(), ReplayError> {
        let mut groups = Vec::new();
        for (block, first_sequence) in blocks {
            self.gather(block, first_sequence, &mut groups)?;
        }
        // An actor's groups stay in their order.
        let mut order: Vec<_> =
            groups.iter().zip(0..).map(|(group, at)| ByActor::new(group.actor, at)).collect();
        order.sort_unstable();
        let mut of_one = Vec::new();
        for places in order.chunk_by(|one, next| one.actor() == next.actor()) {
            of_one.clear();
            of_one.extend(places.iter().map(|place| groups[place.at()]));
            of_one.chunk_by(|_, next| next.birth.is_none()).try_for_each(|run| self.run(run))?;
        }
        Ok(())
    }

    /// Adds the groups of a block that are to be replayed.
    fn gather<'a>(
        &mut self,
        block: &'a [u8],
        first_sequence: u64,
        groups: &mut Vec<Group<'a>>,
    ) -> Result<(), ReplayError> {
        let mut sequence = first_sequence;
        for group in Groups::new(payload(block), first_sequence) {
            let group = group.map_err(|cause| ReplayError::Codec { sequence, cause })?;
            sequence += u64::from(group.count);
            self.next_actor = self.next_actor.max(group.actor.0.saturating_add(1));
            self.last_at = self.last_at.max(group.at);
            if self.whose.is(group.actor) {
                groups.push(group);
            }
        }
        let (found, told) = (sequence - first_sequence, events_told(block));
        if found != u64::from(told) {
            return Err(ReplayError::Events { sequence: first_sequence, found, told });
        }
        Ok(())
    }

    /// Takes some of one actor's groups in a row, of which only the first may tell of its birth.
    fn run(&mut self, groups: &[Group<'_>]) -> Result<(), ReplayError> {
        let [group, ..] = groups else { return Ok(()) };
        let (actor, first) = (group.actor, group.first_sequence);
        let birth = |what| ReplayError::Birth { actor, sequence: first, what };
        let place = match (self.actors.entry(actor), group.birth) {
            (Entry::Occupied(place), None) => place.into_mut(),
            (Entry::Vacant(place), Some(birth)) => place.insert(RecoveredActor {
                id: actor,
                name: birth.name.into(),
                state: State::new(birth.kind, self.seed),
                last_at: group.at,
            }),
            // The place of a consumer group that was destroyed is given to the next one, whatever that is called.
            (Entry::Occupied(place), Some(birth))
                if birth.kind == ActorKind::ConsumerGroup && place.get().state.is_vacant() =>
            {
                let place = place.into_mut();
                place.name = birth.name.into();
                place
            }
            (Entry::Occupied(_), Some(_)) => return Err(birth("it is born a second time")),
            (Entry::Vacant(_), None) => return Err(birth("it acts but was never born")),
        };
        place.state.apply(groups).map_err(|(sequence, unfit)| match unfit {
            Unfit::Codec(cause) => ReplayError::Codec { sequence, cause },
            Unfit::Contradiction(cause) => ReplayError::Contradiction { actor, sequence, cause },
        })?;
        place.last_at = groups.last().map_or(place.last_at, |group| group.at);
        Ok(())
    }

    /// Takes a frame of a snapshot. Frames of other actors are passed over.
    pub(crate) fn frame(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        match frame {
            Frame::Start { actor, kind, name, last_at } => {
                self.last_at = self.last_at.max(*last_at);
                self.section = self.whose.is(*actor).then(|| Section {
                    id: *actor,
                    name: name.clone(),
                    restorer: StateRestorer::new(*kind, self.seed),
                    parts: 0,
                    last_at: *last_at,
                });
            }
            Frame::Parts(bytes) => {
                if let Some(section) = &mut self.section {
                    section.parts(bytes)?;
                }
            }
            Frame::End { parts, state_hash } => {
                if let Some(section) = self.section.take() {
                    let actor = section.finish(*parts, *state_hash, self.seed)?;
                    self.actors.insert(actor.id, actor);
                }
            }
            Frame::Footer(footer) => self.next_actor = self.next_actor.max(footer.next_actor),
        }
        Ok(())
    }
}

impl Section {
    fn parts(&mut self, bytes: &[u8]) -> Result<(), ReplayError> {
        let mut from = Cursor::new(bytes);
        while from.left() > 0 {
            self.restorer.push(&mut from).map_err(|cause| wrong(self.id, cause))?;
            self.parts += 1;
        }
        Ok(())
    }

    fn finish(self, parts: u64, state_hash: u64, seed: u64) -> Result<RecoveredActor, ReplayError> {
        let Self { id, name, restorer, parts: found, last_at } = self;
        if found != parts {
            return Err(wrong(id, format!("it has {found} parts and not {parts}")));
        }
        // An actor that was born and did nothing has no parts.
        let state = match found {
            0 => State::new(restorer.kind(), seed),
            _ => restorer.finish().map_err(|cause| wrong(id, cause.to_string()))?,
        };
        if state.hash() != state_hash {
            return Err(wrong(id, "its state hash is not the one it was written with".to_owned()));
        }
        Ok(RecoveredActor { id, name, state, last_at })
    }
}

fn wrong(actor: ActorId, what: String) -> ReplayError {
    ReplayError::Section { actor, what }
}
