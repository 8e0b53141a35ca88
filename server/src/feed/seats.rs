//! Who is who in the journal: from the number of an actor to its seat.

use std::sync::Arc;

use parking_lot::RwLock;
use tidegate_actors::{House, Seat};
use tidegate_persistence::ActorId;

/// Seats by number, as far as they were needed.
#[derive(Default)]
pub(super) struct Seats {
    known: RwLock<Vec<Option<Arc<Seat>>>>,
}

impl Seats {
    /// The seat of this actor. Whoever is in the journal has one.
    pub(super) fn find(&self, house: &House, id: ActorId) -> Option<Arc<Seat>> {
        let at = id.0 as usize;
        if let Some(known) = self.known.read().get(at).cloned().flatten() {
            return Some(known);
        }
        // Somebody new: all that are there now are learnt at once.
        let mut known = self.known.write();
        house.look_at_seats(|seat| {
            let at = seat.id().0 as usize;
            if at >= known.len() {
                known.resize(at + 1, None);
            }
            known[at] = Some(Arc::clone(seat));
        });
        known.get(at).cloned().flatten()
    }
}
