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

/// The scribe of one turn of one actor.
pub(crate) struct Scribe<'j> {
    id: ActorId,
    /// The time of the turn.
    pub(crate) now: Millis,
    encoder: Option<GroupEncoder>,
    journal: &'j mut Vec<EncodedGroup>,
    /// Whether anything happened.
    pub(crate) changed: bool,
    /// Who tells subscribers of it, if there are any.
    pub(crate) reporter: Option<&'j mut Reporter>,
}

impl<'j> Scribe<'j> {
    pub(crate) fn new(
        id: ActorId,
        now: Millis,
        journal: &'j mut Vec<EncodedGroup>,
        reporter: Option<&'j mut Reporter>,
    ) -> Self {
        Self { id, now, encoder: None, journal, changed: false, reporter }
    }

    /// Where one more event is to be written. `birth` is said of the first event of an actor, or of a consumer group, alone.
    pub(crate) fn event(&mut self, birth: Option<Birth<'_>>) -> &mut GroupEncoder {
        let (id, now) = (self.id, self.now);
        self.changed = true;
        if birth.is_some() {
            // It stands at the head of a group.
            self.close();
        }
        self.encoder.get_or_insert_with(|| GroupEncoder::new(id, now, birth))
    }

    /// Closes a group that is long enough. Before events that belong together: those are in one group.
    pub(crate) fn make_room(&mut self) {
        if self.encoder.as_ref().is_some_and(|encoder| encoder.len() > GROUP_BYTES) {
            self.close();
        }
    }

    /// The turn is over, or its group long enough.
    pub(crate) fn close(&mut self) {
        self.journal.extend(self.encoder.take().and_then(GroupEncoder::finish));
    }
}
