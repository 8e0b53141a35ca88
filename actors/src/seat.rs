//! The place of a SKU, campaign or consumer group: where it is asked, and what may be read without asking.

use std::sync::Arc;

use actix::Addr;
use tidegate_persistence::{ActorId, ActorKind};
use tokio::sync::oneshot;

use crate::ask::{Body, Fault, Outcome, Reply, heard};
use crate::desk_actor::{DeskActor, Turn, Wake};
use crate::load::Load;
use crate::shown::Shown;

/// The place of a SKU or a campaign in the house: where to send what is asked of it, and what may be read without asking.
#[derive(Debug)]
pub struct Seat {
    id: ActorId,
    kind: ActorKind,
    name: Box<str>,
    addr: Addr<DeskActor>,
    shown: Arc<Shown>,
    /// Of the arbiter that the actor lives on.
    load: Arc<Load>,
}

impl Seat {
    pub(crate) fn new(
        (id, kind, name): (ActorId, ActorKind, &str),
        addr: Addr<DeskActor>,
        (shown, load): (Arc<Shown>, Arc<Load>),
    ) -> Self {
        Self { id, kind, name: name.into(), addr, shown, load }
    }

    /// The same place under another name.
    pub(crate) fn named(&self, name: &str) -> Self {
        let Self { id, kind, name: _, addr, shown, load } = self;
        let (addr, shown, load) = (addr.clone(), Arc::clone(shown), Arc::clone(load));
        Self { id: *id, kind: *kind, name: name.into(), addr, shown, load }
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

    /// The same; `ahead` as in [`Turn`].
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

    /// The same; `ahead` as in [`Turn`].
    pub(crate) fn send_as(
        &self,
        body: Body,
        ahead: bool,
    ) -> Result<oneshot::Receiver<Outcome>, (Body, Fault)> {
        let (to, outcome) = oneshot::channel();
        self.shown.sent();
        match self.addr.try_send(Turn { body, to, ahead }) {
            Ok(()) => Ok(outcome),
            Err(error) => {
                self.shown.begun();
                Err(match error {
                    actix::dev::SendError::Full(turn) => {
                        self.load.full();
                        (turn.body, Fault::Overloaded)
                    }
                    actix::dev::SendError::Closed(turn) => (turn.body, Fault::Stopping),
                })
            }
        }
    }

    /// Has the actor look at the clock.
    pub(crate) fn wake(&self) {
        // One whose mailbox is full looks at it anyway.
        let _ = self.addr.try_send(Wake);
    }
}
