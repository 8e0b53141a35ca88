//! Replies that wait for the journal, one queue per arbiter.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tidegate_persistence::{Lane, Ticket};
use tokio::sync::{Notify, oneshot};

use crate::ask::{Fault, Outcome};

/// Holds each outcome until the last event that it can reflect is durable (invariant 5).
///
/// Used by the actors of one arbiter and by that arbiter's [`run`](Release::run), all on one thread: the lock is
/// there for the compiler and is never contended.
#[derive(Debug)]
pub(crate) struct Release {
    lane: Lane,
    held: Mutex<VecDeque<Held>>,
    wake: Arc<Notify>,
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
        Self { lane, held: Mutex::default(), wake }
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
            if self.lane.failed().is_some() {
                self.fail();
            } else {
                self.send_durable();
            }
        }
    }

    fn send_durable(&self) {
        let durable = self.lane.durable();
        let mut held = self.held.lock();
        while held.front().is_some_and(|first| first.until <= durable) {
            if let Some(Held { outcome, to, .. }) = held.pop_front() {
                let _ = to.send(outcome);
            }
        }
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
