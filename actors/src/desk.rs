//! What an actor does in a turn, apart from threads: of a SKU in [`crate::Clerk`], of a campaign in
//! [`crate::campaign_clerk`], of a consumer group in [`crate::consumer_group_clerk`].

use tidegate_engine::{CampaignLimits, CartSettlement, ConsumerGroupLimits, Limits, Millis};
use tidegate_persistence::State;

use crate::ask::{Body, Reply};
use crate::news::Reporter;
use crate::scribe::Draft;
use crate::shown::Shown;

/// How much a desk may remember, and do in one turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeskOptions {
    /// Limits of each SKU.
    pub limits: Limits,
    /// Limits of each campaign.
    pub campaign: CampaignLimits,
    /// Limits of each consumer group.
    pub consumer_group: ConsumerGroupLimits,
    /// Reservations ended by the clock in one turn.
    pub expiries_per_turn: usize,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnEnd {
    /// Whether the state changed.
    pub changed: bool,
    /// The clock has nothing to do here before this; `None`: it never has.
    pub next_expiry: Option<Millis>,
    /// A reply shows what other actors did, which the journal may not have yet.
    pub shows_others: bool,
}

/// A state and what one turn does to it.
pub(crate) trait Desk: Send {
    /// The name of the SKU, campaign or consumer group.
    fn name(&self) -> &str;

    /// One turn: does what the clock asks, then what is asked, in order. Groups for the journal go to `draft`,
    /// replies to `replies`, news to `reporter`, if anybody wants to hear them. `now` does not run backwards from turn to
    /// turn, and is not before [`Self::last_event_at`] (invariant 7).
    ///
    /// # Panics
    /// If the engine contradicts itself. The state is then not to be used any more, and nothing of this turn that
    /// is in `draft` happened: the caller gives it on only after the turn.
    fn turn(
        &mut self,
        now: Millis,
        body: &Body,
        options: &DeskOptions,
        replies: &mut Vec<Reply>,
        draft: &mut Draft,
        reporter: Option<&mut Reporter>,
    ) -> TurnEnd;

    /// Fetches what any turn needs from memory. Changes nothing.
    fn glance(&self) {}

    /// Fetches what this body needs from memory, after [`Self::glance`]. Changes nothing.
    fn warm(&self, _: &Body) {}

    /// When the last event happened here; the beginning of time, if none did.
    fn last_event_at(&self) -> Millis;

    /// Publishes how things stand.
    fn show(&self, _: &Shown) {}

    /// The last turn's groups are with the journal.
    fn submitted(&mut self) {}

    /// Whether others may act on what the last turn did, as soon as the journal has it.
    fn is_awaited(&self) -> bool {
        false
    }

    /// What lines of carts are to be told because of the last turn, which nobody asked for.
    fn to_tell(&mut self) -> Vec<CartSettlement> {
        Vec::new()
    }

    /// The last turn panicked and is discarded.
    fn discarded(&mut self) {}

    /// Puts another state in place of one that is not to be used any more: what the journal has of it, or `None` if
    /// that is nothing. `seed` as in [`State::new`].
    fn replace(&mut self, state: Option<State>, seed: u64);

    /// Whether the clock has anything to do here.
    fn has_timers(&mut self) -> bool {
        false
    }
}
