//! Writes the events of one turn down for the journal.

use std::fmt;

use tidegate_engine::{Contradiction, Millis};
use tidegate_persistence::{ActorId, Birth, EncodedGroup, GroupEncoder};

use crate::news::Reporter;

/// A turn's journal group is closed and another one begun above this many bytes.
const GROUP_BYTES: usize = 128 << 10;

/// A defect of the engine: an event contradicts the state that it is of. The turn must not be half done: unwinding
/// discards all of it.
pub(crate) fn discard_turn(name: &str, contradiction: Contradiction, event: &dyn fmt::Debug) -> ! {
    std::panic::panic_any(format!("{name}: an event contradicts the state: {contradiction}: {event:?}"))
}

/// The groups of the turn at hand. Used for one turn after the other.
#[derive(Debug, Default)]
pub struct Draft {
    groups: Vec<EncodedGroup>,
    /// For the next group.
    buffer: Vec<u8>,
}

impl Draft {
    /// The groups, in order.
    #[must_use]
    pub fn groups(&self) -> &[EncodedGroup] {
        &self.groups
    }

    /// Makes it empty for the next turn. The largest of its buffers is used again.
    pub fn clear(&mut self) {
        for group in self.groups.drain(..) {
            let buffer = group.into_buffer();
            if buffer.capacity() > self.buffer.capacity() && buffer.capacity() <= 2 * GROUP_BYTES {
                self.buffer = buffer;
            }
        }
    }
}

/// The scribe of one turn of one actor.
pub(crate) struct Scribe<'j> {
    id: ActorId,
    /// The time of the turn.
    pub(crate) now: Millis,
    encoder: Option<GroupEncoder>,
    draft: &'j mut Draft,
    /// Whether anything happened.
    pub(crate) changed: bool,
    /// Whether a reply shows what other actors did, which the journal may not have yet.
    pub(crate) shows_others: bool,
    /// Who tells subscribers of it, if there are any.
    pub(crate) reporter: Option<&'j mut Reporter>,
}

impl<'j> Scribe<'j> {
    pub(crate) fn new(
        id: ActorId,
        now: Millis,
        draft: &'j mut Draft,
        reporter: Option<&'j mut Reporter>,
    ) -> Self {
        Self { id, now, encoder: None, draft, changed: false, shows_others: false, reporter }
    }

    /// Where one more event is to be written. `birth` is said of the first event of an actor, or of a consumer group, alone.
    pub(crate) fn event(&mut self, birth: Option<Birth<'_>>) -> &mut GroupEncoder {
        let (id, now) = (self.id, self.now);
        self.changed = true;
        if birth.is_some() {
            // It stands at the head of a group.
            self.close();
        }
        let buffer = &mut self.draft.buffer;
        self.encoder.get_or_insert_with(|| GroupEncoder::with_buffer(std::mem::take(buffer), id, now, birth))
    }

    /// Closes a group that is long enough. Before events that belong together: those are in one group.
    pub(crate) fn make_room(&mut self) {
        if self.encoder.as_ref().is_some_and(|encoder| encoder.len() > GROUP_BYTES) {
            self.close();
        }
    }

    /// The turn is over, or its group long enough.
    pub(crate) fn close(&mut self) {
        self.draft.groups.extend(self.encoder.take().and_then(GroupEncoder::finish));
    }
}
