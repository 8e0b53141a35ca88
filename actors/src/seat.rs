//! The place of a SKU, campaign or consumer group: where it is asked, and what may be read without asking.

use std::sync::Arc;

use tidegate_persistence::{ActorId, ActorKind};
use tokio::sync::oneshot;

use crate::ask::{Body, Fault, Outcome, Reply, heard};
use crate::floor::{Delivery, Place, Stairs};
use crate::shown::Shown;

/// The place of a SKU or a campaign in the house: where to send what is asked of it, and what may be read without asking.
#[derive(Debug)]
pub struct Seat {
    id: ActorId,
    kind: ActorKind,
    name: Box<str>,
    /// To the floor that the actor lives on.
    stairs: Arc<Stairs>,
    place: Place,
    shown: Arc<Shown>,
}

impl Seat {
    pub(crate) fn new(
        (id, kind, name): (ActorId, ActorKind, &str),
        (stairs, place): (Arc<Stairs>, Place),
        shown: Arc<Shown>,
    ) -> Self {
        Self { id, kind, name: name.into(), stairs, place, shown }
    }

    /// The same place under another name.
    pub(crate) fn named(&self, name: &str) -> Self {
        let Self { id, kind, name: _, stairs, place, shown } = self;
        let (stairs, shown) = (Arc::clone(stairs), Arc::clone(shown));
        Self { id: *id, kind: *kind, name: name.into(), stairs, place: *place, shown }
    }

    /// Whether it is a SKU's or a campaign's.
    #[must_use]
    pub fn kind(&self) -> ActorKind {
        self.kind
    }

    /// The actor's number.
    #[must_use]
    pub fn id(&self) -> ActorId {
        self.id
    }

    /// The name of the SKU or campaign.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What may be read without asking.
    #[must_use]
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Sends a body. The outcome comes when everything that it reflects is durable.
    ///
    /// # Errors
    /// The body and why it was not taken: too much is waiting, or the house is closing.
    pub fn send(&self, body: Body) -> Result<oneshot::Receiver<Outcome>, (Body, Fault)> {
        self.send_as(body, false)
    }

    /// Sends a body and waits for the replies.
    ///
    /// # Errors
    /// As [`Self::send`], and what became of the turn.
    pub async fn ask(&self, body: Body) -> Result<Vec<Reply>, Fault> {
        self.ask_as(body, false).await
    }

    /// The same; `ahead` as in [`Delivery::Visit`].
    pub(crate) async fn ask_as(&self, body: Body, ahead: bool) -> Result<Vec<Reply>, Fault> {
        heard(self.send_as(body, ahead).map_err(|(_, fault)| fault)?).await
    }

    /// Asks for facts alone: what is told of those does not change any more, and so need not wait for the disk.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn ask_for_facts(&self, body: Body) -> Result<oneshot::Receiver<Outcome>, (Body, Fault)> {
        self.send_as(body, true)
    }

    /// The same; `ahead` as in [`Delivery::Visit`].
    pub(crate) fn send_as(
        &self,
        body: Body,
        ahead: bool,
    ) -> Result<oneshot::Receiver<Outcome>, (Body, Fault)> {
        if let Err(fault) = self.admit() {
            return Err((body, fault));
        }
        let (to, outcome) = oneshot::channel();
        match self.stairs.send(Delivery::Visit { place: self.place, body, to, ahead }) {
            Ok(()) => Ok(outcome),
            Err(back) => {
                self.shown.begun();
                let body = if let Delivery::Visit { body, .. } = back { body } else { Body::default() };
                Err((body, Fault::Stopping))
            }
        }
    }

    /// Where the actor lives, and on which floor.
    pub(crate) fn home(&self) -> (&Arc<Stairs>, Place) {
        (&self.stairs, self.place)
    }

    /// Counts a body that is about to be sent.
    ///
    /// # Errors
    /// [`Fault::Overloaded`] if too many wait for this actor.
    pub(crate) fn admit(&self) -> Result<(), Fault> {
        if self.shown.sent() < self.stairs.mailbox_capacity {
            return Ok(());
        }
        self.shown.begun();
        self.stairs.load.full();
        Err(Fault::Overloaded)
    }

    /// Has the actor look at the clock.
    pub(crate) fn wake(&self) {
        // Of a floor that is closed nothing ends any more.
        let _ = self.stairs.send(Delivery::Wake(self.place));
    }
}
