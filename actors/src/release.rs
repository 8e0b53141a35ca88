//! Replies and news that wait for the journal, one queue per arbiter.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::ask::{Fault, Outcome};
use crate::load::Load;
use crate::news::{News, NewsSink};
use crate::sync::{Lane, Mutex, Ticket};

/// Holds each outcome, and the news of each turn, until the last event that they can reflect is durable (invariant 5).
///
/// Used by the actors of one arbiter and by that arbiter's [`run`](Release::run), all on one thread: the lock is
/// there for the compiler and is never contended.
#[derive(Debug)]
pub(crate) struct Release {
    lane: Lane,
    held: Mutex<VecDeque<Held>>,
    wake: Arc<Notify>,
    sink: Option<Arc<dyn NewsSink>>,
    load: Arc<Load>,
}

#[derive(Debug)]
struct Held {
    until: Ticket,
    what: Parcel,
}

/// What waits.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// To one body.
    Reply { outcome: Outcome, to: oneshot::Sender<Outcome> },
    /// To all bodies of a round.
    Round { outcomes: Vec<Outcome>, to: oneshot::Sender<Vec<Outcome>> },
    /// Of a SKU or campaign of this name.
    News { of: Box<str>, news: Vec<News> },
    /// To another floor, which wants to know no more than that it is durable. It hears nothing of a journal that failed.
    Word(oneshot::Sender<()>),
}

impl Parcel {
    /// What was waited for is durable: at `now`, after so long a sync.
    pub(crate) fn durable(&mut self, now: Instant, sync: Duration) {
        for outcome in self.outcomes() {
            outcome.body.stages_mut().durable(now, sync);
        }
    }

    fn outcomes(&mut self) -> &mut [Outcome] {
        match self {
            Self::Reply { outcome, .. } => std::slice::from_mut(outcome),
            Self::Round { outcomes, .. } => outcomes,
            Self::News { .. } | Self::Word(_) => &mut [],
        }
    }
}

impl Release {
    /// `wake` is notified whenever the lane's durable ticket moves or the journal fails.
    pub(crate) fn new(lane: Lane, wake: Arc<Notify>, sink: Option<Arc<dyn NewsSink>>) -> Self {
        Self { lane, held: Mutex::default(), wake, sink, load: Arc::default() }
    }

    /// What the actors of this arbiter count.
    pub(crate) fn load(&self) -> &Arc<Load> {
        &self.load
    }

    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Sends it on when `until` is durable: now, or later in the order of holding.
    pub(crate) fn hold(&self, until: Ticket, what: Parcel) {
        let mut held = self.held.lock();
        if held.is_empty() && until <= self.lane.durable() {
            drop(held);
            self.send(what);
        } else {
            held.push_back(Held { until, what });
            self.load.holds(held.len());
            drop(held);
            if self.lane.failed().is_some() {
                // The failure's own wake may have come before this was held.
                self.wake.notify_one();
            }
        }
    }

    fn send(&self, what: Parcel) {
        match what {
            // A connection that is gone needs no answer.
            Parcel::Reply { outcome, to } => drop(to.send(outcome)),
            Parcel::Round { outcomes, to } => drop(to.send(outcomes)),
            Parcel::Word(to) => drop(to.send(())),
            Parcel::News { of, news } => {
                if let Some(sink) = &self.sink {
                    sink.publish(&of, news);
                }
            }
        }
    }

    /// Sends on what has become durable, for as long as the arbiter lives. One wake per commit.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut has_ended = false;
        loop {
            self.wake.notified().await;
            self.load.woken();
            if self.lane.failed().is_some() {
                self.fail();
                // What is held after the failure wakes it again.
                if let (false, Some(sink)) = (std::mem::replace(&mut has_ended, true), &self.sink) {
                    sink.end(None, Fault::JournalFailed);
                }
            } else {
                self.send_durable();
            }
        }
    }

    fn send_durable(&self) {
        let (durable, now, sync) = (self.lane.durable(), Instant::now(), self.lane.last_sync());
        let mut held = self.held.lock();
        while held.front().is_some_and(|first| first.until <= durable) {
            if let Some(Held { mut what, .. }) = held.pop_front() {
                what.durable(now, sync);
                self.send(what);
            }
        }
        self.load.holds(held.len());
    }

    fn fail(&self) {
        // What was durable before the failure is answered as it is (invariant 10: nothing after it).
        self.send_durable();
        for Held { what, .. } in self.held.lock().drain(..) {
            self.send_failed(what);
        }
    }

    /// Sends on what will never be durable, for the journal has failed.
    pub(crate) fn send_failed(&self, mut what: Parcel) {
        for outcome in what.outcomes() {
            // What was refused was not done, whatever the journal does.
            if outcome.replies.is_ok() {
                outcome.replies = Err(Fault::JournalFailed);
            }
        }
        // News of what may not have happened are told to nobody.
        if !matches!(what, Parcel::News { .. } | Parcel::Word(_)) {
            self.send(what);
        }
    }
}
