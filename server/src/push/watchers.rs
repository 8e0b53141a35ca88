//! Who subscribed to the status.

use std::sync::Arc;

use parking_lot::Mutex;
use tidegate_actors::Fault;
use tokio::sync::{Notify, watch};

use super::inbox::{Inbox, Slot};
use super::message::Message;
use super::topic::Audience;

/// The subscribers of the status, and what they were told last.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    audience: Mutex<Audience>,
    /// Nothing while nobody watches: who comes later must not begin with what was long ago.
    latest: watch::Sender<Option<Arc<Message>>>,
    came: Notify,
}

impl Watchers {
    /// Adds one, and says whether it is the first.
    pub(super) fn add(&self, slot: Slot, inbox: &Arc<Inbox>) -> bool {
        let mut audience = self.audience.lock();
        audience.insert(slot, Arc::clone(inbox));
        let is_first = audience.len() == 1;
        if is_first {
            self.came.notify_one();
        }
        is_first
    }

    /// Takes one away, and says whether it was the last.
    pub(super) fn remove(&self, slot: Slot) -> bool {
        let mut audience = self.audience.lock();
        let was_last = audience.remove(&slot).is_some() && audience.is_empty();
        if was_last {
            self.latest.send_replace(None);
        }
        was_last
    }

    /// Whether anybody watches.
    pub(super) fn are_there(&self) -> bool {
        !self.audience.lock().is_empty()
    }

    /// Waits until somebody watches.
    pub(super) async fn come(&self) {
        while !self.are_there() {
            self.came.notified().await;
        }
    }

    /// Tells all of them how the server stands.
    pub(super) fn tell(&self, message: &Arc<Message>) {
        let audience = self.audience.lock();
        if audience.is_empty() {
            return;
        }
        self.latest.send_replace(Some(Arc::clone(message)));
        for (slot, inbox) in &*audience {
            inbox.offer_state(*slot, message);
        }
    }

    /// What they were told last; whoever is the first waits for it.
    ///
    /// # Errors
    /// If it is not wanted any more.
    pub(super) async fn latest(&self, is_wanted: impl Fn() -> bool) -> Result<Arc<Message>, Fault> {
        let mut told = self.latest.subscribe();
        loop {
            if let Some(message) = &*told.borrow_and_update() {
                return Ok(Arc::clone(message));
            }
            if !is_wanted() || told.changed().await.is_err() {
                return Err(Fault::Stopping);
            }
        }
    }
}
