//! A seat without an actor.

use std::sync::Arc;

use tidegate_persistence::ActorId;

use crate::shown::Shown;

/// What the directory knows of a seat.
#[derive(Debug)]
pub(crate) struct Seat {
    id: ActorId,
    name: Box<str>,
    shown: Arc<Shown>,
}

impl Seat {
    pub(crate) fn new(id: ActorId, name: &str) -> Self {
        Self { id, name: name.into(), shown: Arc::default() }
    }

    pub(crate) fn id(&self) -> ActorId {
        self.id
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn shown(&self) -> &Shown {
        &self.shown
    }

    pub(crate) fn named(&self, name: &str) -> Self {
        Self { id: self.id, name: name.into(), shown: Arc::clone(&self.shown) }
    }
}
