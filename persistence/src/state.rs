//! What an actor owns, by its kind.

use tidegate_engine::{
    Campaign, CampaignRestorer, CampaignState, ConsumerGroupRestorer, ConsumerGroupState, Contradiction,
    Event, Millis, Restorer, Sku, SkuState,
};

use crate::ActorKind;
use crate::codec::{
    CodecError, Cursor, get_campaign_part, get_consumer_group_part, get_part, put_campaign_part,
    put_consumer_group_part, put_part,
};
use crate::group::Group;

/// The state of one actor.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // nearly all are SKUs
pub enum State {
    /// Of a SKU's.
    Sku(SkuState),
    /// Of a campaign's.
    Campaign(CampaignState),
    /// Of a consumer group's.
    ConsumerGroup(ConsumerGroupState),
}

/// Why a group can't be replayed.
pub(crate) enum Unfit {
    Codec(CodecError),
    Contradiction(Contradiction),
}

impl State {
    /// The empty state of an actor of this kind. `seed` as in [`SkuState::new`].
    #[must_use]
    pub fn new(kind: ActorKind, seed: u64) -> Self {
        match kind {
            ActorKind::Sku => Self::Sku(SkuState::new(seed)),
            ActorKind::Campaign => Self::Campaign(CampaignState::new(seed)),
            ActorKind::ConsumerGroup => Self::ConsumerGroup(ConsumerGroupState::default()),
        }
    }

    /// The kind of its actor.
    #[must_use]
    pub fn kind(&self) -> ActorKind {
        match self {
            Self::Sku(_) => ActorKind::Sku,
            Self::Campaign(_) => ActorKind::Campaign,
            Self::ConsumerGroup(_) => ActorKind::ConsumerGroup,
        }
    }

    /// Whether this is the place of a consumer group, and there is none.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        matches!(self, Self::ConsumerGroup(state) if state.group().is_none())
    }

    /// The SKU, if it is one that was created.
    #[must_use]
    pub fn sku(&self) -> Option<&Sku> {
        match self {
            Self::Sku(state) => state.sku(),
            Self::Campaign(_) | Self::ConsumerGroup(_) => None,
        }
    }

    /// The campaign, if it is one that was created.
    #[must_use]
    pub fn campaign(&self) -> Option<&Campaign> {
        match self {
            Self::Campaign(state) => state.campaign(),
            Self::Sku(_) | Self::ConsumerGroup(_) => None,
        }
    }

    /// The hash of the state; zero if it is empty.
    #[must_use]
    pub fn hash(&self) -> u64 {
        if let Self::ConsumerGroup(state) = self {
            return state.state_hash();
        }
        let campaign = self.campaign().map(Campaign::state_hash);
        self.sku().map(Sku::state_hash).or(campaign).unwrap_or(0)
    }

    /// Applies the events of groups in order. Invariant 6: replay applies and never decides. The error says at which sequence.
    pub(crate) fn apply(&mut self, groups: &[Group<'_>]) -> Result<(), (u64, Unfit)> {
        match self {
            Self::Sku(state) => apply_to_sku(state, groups),
            Self::Campaign(state) => groups.iter().try_for_each(|group| {
                each(group, group.campaign_events(), |event| state.apply(event, group.at))
            }),
            Self::ConsumerGroup(state) => groups.iter().try_for_each(|group| {
                each(group, group.consumer_group_events(), |event| state.apply(event, group.at))
            }),
        }
    }

    /// Hands on every part of the state as bytes.
    pub(crate) fn write_parts<E>(&self, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut bytes = Vec::new();
        for part in self.sku().into_iter().flat_map(Sku::parts) {
            bytes.clear();
            put_part(&mut bytes, &part);
            write(&bytes)?;
        }
        for part in self.campaign().into_iter().flat_map(Campaign::parts) {
            bytes.clear();
            put_campaign_part(&mut bytes, &part);
            write(&bytes)?;
        }
        if let Self::ConsumerGroup(state) = self {
            for part in state.parts() {
                bytes.clear();
                put_consumer_group_part(&mut bytes, &part);
                write(&bytes)?;
            }
        }
        Ok(())
    }
}

/// What so many events will look up is fetched from memory at once.
const TOGETHER: usize = 64;

fn apply_to_sku(state: &mut SkuState, groups: &[Group<'_>]) -> Result<(), (u64, Unfit)> {
    let mut together = Vec::new();
    // They lie anywhere in some megabytes: so the processor waits for many of them at a time.
    std::hint::black_box(groups.iter().fold(0, |touched, group| touched ^ group.touch()));
    for group in groups {
        for (sequence, event) in (group.first_sequence..).zip(group.events()) {
            let event = event.map_err(|cause| (sequence, Unfit::Codec(cause)))?;
            together.push((sequence, group.at, event));
            if together.len() == TOGETHER {
                apply_together(state, &mut together)?;
            }
        }
    }
    apply_together(state, &mut together)
}

fn apply_together(
    state: &mut SkuState,
    events: &mut Vec<(u64, Millis, Event<'_>)>,
) -> Result<(), (u64, Unfit)> {
    state.warm_for(events.iter().map(|(_, _, event)| event));
    for (sequence, at, event) in events.drain(..) {
        state.apply(&event, at).map_err(|cause| (sequence, Unfit::Contradiction(cause)))?;
    }
    Ok(())
}

fn each<E>(
    group: &Group<'_>,
    events: impl Iterator<Item = Result<E, CodecError>>,
    mut apply: impl FnMut(&E) -> Result<(), Contradiction>,
) -> Result<(), (u64, Unfit)> {
    for (sequence, event) in (group.first_sequence..).zip(events) {
        let event = event.map_err(|cause| (sequence, Unfit::Codec(cause)))?;
        apply(&event).map_err(|cause| (sequence, Unfit::Contradiction(cause)))?;
    }
    Ok(())
}

/// Makes a state from its parts.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // one at a time
pub(crate) enum StateRestorer {
    Sku(Restorer),
    Campaign(CampaignRestorer),
    ConsumerGroup(ConsumerGroupRestorer),
}

impl StateRestorer {
    pub(crate) fn new(kind: ActorKind, seed: u64) -> Self {
        match kind {
            ActorKind::Sku => Self::Sku(Restorer::new(seed)),
            ActorKind::Campaign => Self::Campaign(CampaignRestorer::new(seed)),
            ActorKind::ConsumerGroup => Self::ConsumerGroup(ConsumerGroupRestorer::default()),
        }
    }

    pub(crate) fn kind(&self) -> ActorKind {
        match self {
            Self::Sku(_) => ActorKind::Sku,
            Self::Campaign(_) => ActorKind::Campaign,
            Self::ConsumerGroup(_) => ActorKind::ConsumerGroup,
        }
    }

    /// Takes the next part; what is wrong with it, in words.
    pub(crate) fn push(&mut self, from: &mut Cursor<'_>) -> Result<(), String> {
        let pushed = match self {
            Self::Sku(restorer) => restorer.push(get_part(from).map_err(|cause| cause.to_string())?),
            Self::Campaign(restorer) => {
                restorer.push(get_campaign_part(from).map_err(|cause| cause.to_string())?)
            }
            Self::ConsumerGroup(restorer) => {
                restorer.push(get_consumer_group_part(from).map_err(|cause| cause.to_string())?)
            }
        };
        pushed.map_err(|cause| cause.to_string())
    }

    pub(crate) fn finish(self) -> Result<State, Contradiction> {
        Ok(match self {
            Self::Sku(restorer) => State::Sku(restorer.finish()?),
            Self::Campaign(restorer) => State::Campaign(restorer.finish()?),
            Self::ConsumerGroup(restorer) => State::ConsumerGroup(restorer.finish()?),
        })
    }
}
