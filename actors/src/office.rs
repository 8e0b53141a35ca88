//! What the actors of one floor share, and what they did that the journal does not have yet.

use std::sync::Arc;
use std::time::Instant;

use tidegate_engine::Millis;
use tidegate_persistence::{EncodedGroups, Ticket};
use tokio::sync::mpsc;

use crate::floor::{Delivery, Place};
use crate::house::Shared;
use crate::news::News;
use crate::release::Release;
use crate::scribe::Draft;

/// What a round has for the journal is handed over before its end above this many bytes.
const HAND_OVER_BYTES: usize = 128 << 10;

/// Room that is made for groups at once, at most.
const USUAL_BYTES: usize = 16 << 10;

/// An actor whose turn changed something.
pub(crate) struct Changed {
    pub(crate) place: Place,
    /// What is to be told of it when it is durable.
    pub(crate) news: Vec<News>,
    /// Others may act on it as soon as the journal has it.
    pub(crate) is_awaited: bool,
}

/// What the actors of one floor share. Groups collect here until they are handed over.
pub(crate) struct Office {
    pub(crate) shared: Arc<Shared>,
    release: Arc<Release>,
    deliveries: mpsc::WeakUnboundedSender<Delivery>,
    groups: EncodedGroups,
    /// Those whose groups they are.
    changed: Vec<Changed>,
    /// One of them is awaited.
    is_awaited: bool,
    /// A reply of the delivery at hand shows what other actors did, which the journal may not have yet.
    pub(crate) shows_others: bool,
    pub(crate) draft: Draft,
    /// What the clock showed when the delivery at hand began.
    pub(crate) now: Millis,
    /// When it began, or its last turn ended.
    pub(crate) since: Instant,
}

impl Office {
    pub(crate) fn new(
        shared: Arc<Shared>,
        release: Arc<Release>,
        deliveries: mpsc::WeakUnboundedSender<Delivery>,
    ) -> Self {
        let (groups, changed, is_awaited, shows_others, draft, now) = Default::default();
        let since = Instant::now();
        Self { shared, release, deliveries, groups, changed, is_awaited, shows_others, draft, now, since }
    }

    /// A delivery has come. The clock is read once for all its turns.
    pub(crate) fn begin(&mut self) {
        (self.now, self.since) = (self.shared.clock.now(), Instant::now());
        self.shows_others = false;
    }

    pub(crate) fn release(&self) -> &Arc<Release> {
        &self.release
    }

    /// The way back to this floor, for what goes on beside it.
    pub(crate) fn deliveries(&self) -> mpsc::WeakUnboundedSender<Delivery> {
        self.deliveries.clone()
    }

    /// The turn at hand is over, and happened.
    pub(crate) fn keep(&mut self, changed: Changed) {
        for group in self.draft.groups() {
            self.release.load().journaled(group.bytes().len());
            self.groups.push(group);
        }
        self.draft.clear();
        self.is_awaited |= changed.is_awaited;
        self.changed.push(changed);
    }

    /// Whether what happened is to be handed over before the next turn: it is much, or somebody may act on it.
    pub(crate) fn wants_to_hand_over(&self) -> bool {
        self.is_awaited || self.groups.bytes().len() > HAND_OVER_BYTES
    }

    /// What was done until now is counted as time of turns, and what comes is measured from now on.
    pub(crate) fn handed_over(&mut self) {
        let now = Instant::now();
        self.release.load().spent(now - std::mem::replace(&mut self.since, now));
    }

    /// Hands over what happened, if anything did. Those whose it was are to be told ([`Self::take_changed`]).
    pub(crate) fn submit(&mut self) -> Option<Ticket> {
        if self.groups.is_empty() {
            return None;
        }
        self.is_awaited = false;
        // The next ones are about as many.
        let next = EncodedGroups::with_capacity(self.groups.bytes().len().min(USUAL_BYTES));
        Some(self.release.lane().submit(std::mem::replace(&mut self.groups, next)))
    }

    /// Those whose groups were handed over, for whoever tells them.
    pub(crate) fn take_changed(&mut self) -> Vec<Changed> {
        std::mem::take(&mut self.changed)
    }

    /// Takes the list back, whose room is used again.
    pub(crate) fn give_back(&mut self, changed: Vec<Changed>) {
        self.changed = changed;
    }
}
