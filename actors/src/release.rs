//! Replies that wait for the journal, one queue per arbiter.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tidegate_persistence::{Lane, Ticket};
use tokio::sync::{Notify, oneshot};

use crate::ask::{Fault, Outcome};
use crate::load::Load;

/// Holds each outcome until the last event that it can reflect is durable (invariant 5).
///
/// Used by the actors of one arbiter and by that arbiter's [`run`](Release::run), all on one thread: the lock is
/// there for the compiler and is never contended.
#[derive(Debug)]
pub(crate) struct Release {
    lane: Lane,
    held: Mutex<VecDeque<Held>>,
    wake: Arc<Notify>,
    load: Arc<Load>,
}

#[derive(Debug)]
struct Held {
    until: Ticket,
    outcome: Outcome,
    to: oneshot::Sender<Outcome>,
}

impl Release {
    /// `wake` is notified whenever the lane's durable ticket moves or the journal fails.
    pub(crate) fn new(lane: Lane, wake: Arc<Notify>) -> Self {
        Self { lane, held: Mutex::default(), wake, load: Arc::default() }
    }

    /// What the actors of this arbiter count.
    pub(crate) fn load(&self) -> &Arc<Load> {
        &self.load
    }

    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Sends the outcome on when `until` is durable: now, or later in the order of holding.
    pub(crate) fn hold(&self, until: Ticket, outcome: Outcome, to: oneshot::Sender<Outcome>) {
        let mut held = self.held.lock();
        if held.is_empty() && until <= self.lane.durable() {
            drop(held);
            // A connection that is gone needs no answer.
            let _ = to.send(outcome);
        } else {
            held.push_back(Held { until, outcome, to });
            self.load.holds(held.len());
            drop(held);
            if self.lane.failed().is_some() {
                // The failure's own wake may have come before this was held.
                self.wake.notify_one();
            }
        }
    }

    /// Sends on what has become durable, for as long as the arbiter lives. One wake per commit.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            self.wake.notified().await;
            self.load.woken();
            if self.lane.failed().is_some() {
                self.fail();
            } else {
                self.send_durable();
            }
        }
    }

    fn send_durable(&self) {
        let (durable, now, sync) = (self.lane.durable(), Instant::now(), self.lane.last_sync());
        let mut held = self.held.lock();
        while held.front().is_some_and(|first| first.until <= durable) {
            if let Some(Held { mut outcome, to, .. }) = held.pop_front() {
                outcome.body.stages_mut().durable(now, sync);
                let _ = to.send(outcome);
            }
        }
        self.load.holds(held.len());
    }

    fn fail(&self) {
        // What was durable before the failure is answered as it is (invariant 10: nothing after it).
        self.send_durable();
        for Held { mut outcome, to, .. } in self.held.lock().drain(..) {
            outcome.replies = Err(Fault::JournalFailed);
            let _ = to.send(outcome);
        }
    }
}
