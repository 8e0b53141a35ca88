//! What the actors of one floor share, and what they did that the journal does not have yet.

use std::sync::Arc;
use std::time::Instant;

use tidegate_engine::Millis;
use tidegate_persistence::{EncodedGroups, Ticket};
use tokio::sync::mpsc;

use crate::floor::{Errand, Place};
use crate::house::Shared;
use crate::news::News;
use crate::release::Release;
use crate::scribe::Draft;

/// An actor whose turn changed something.
pub(crate) struct Changed {
    pub(crate) place: Place,
    /// What is to be told of it when it is durable.
    pub(crate) news: Vec<News>,
}

/// What the actors of one floor share. Groups collect here until they are handed over.
pub(crate) struct Office {
    pub(crate) shared: Arc<Shared>,
    release: Arc<Release>,
    errands: mpsc::WeakUnboundedSender<Errand>,
    groups: EncodedGroups,
    /// Those whose groups they are.
    changed: Vec<Changed>,
    pub(crate) draft: Draft,
    /// What the clock showed when the errand at hand began.
    pub(crate) now: Millis,
    /// When it began, or its last turn ended.
    pub(crate) since: Instant,
}

impl Office {
    pub(crate) fn new(
        shared: Arc<Shared>,
        release: Arc<Release>,
        errands: mpsc::WeakUnboundedSender<Errand>,
    ) -> Self {
        let (groups, changed, draft, now) = Default::default();
        Self { shared, release, errands, groups, changed, draft, now, since: Instant::now() }
    }

    /// An errand has come. The clock is read once for all its turns.
    pub(crate) fn begin(&mut self) {
        (self.now, self.since) = (self.shared.clock.now(), Instant::now());
    }

    pub(crate) fn release(&self) -> &Arc<Release> {
        &self.release
    }

    /// The way back to this floor, for what goes on beside it.
    pub(crate) fn errands(&self) -> mpsc::WeakUnboundedSender<Errand> {
        self.errands.clone()
    }

    /// The turn at hand is over, and happened.
    pub(crate) fn keep(&mut self, changed: Changed) {
        for group in self.draft.groups() {
            self.release.load().journaled(group.bytes().len());
            self.groups.push(group);
        }
        self.draft.clear();
        self.changed.push(changed);
    }

    /// Bytes that wait to be handed over.
    pub(crate) fn groups_bytes(&self) -> usize {
        self.groups.bytes().len()
    }

    /// Hands over what happened, if anything did. Whose it was is to be told, each by [`Self::for_each_changed`].
    pub(crate) fn submit(&mut self) -> Option<Ticket> {
        if self.groups.is_empty() {
            return None;
        }
        // The next ones are about as many.
        let next = EncodedGroups::with_capacity(self.groups.bytes().len());
        Some(self.release.lane().submit(std::mem::replace(&mut self.groups, next)))
    }

    pub(crate) fn for_each_changed(&mut self, mut tell: impl FnMut(Changed, &mut Self)) {
        let mut changed = std::mem::take(&mut self.changed);
        changed.drain(..).for_each(|changed| tell(changed, self));
        // Its room is used again.
        self.changed = changed;
    }
}
