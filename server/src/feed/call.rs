//! A command about the feed that is being carried out, for as long as it waits.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tidegate_protocol::command::StreamCall;
use tidegate_protocol::resp::Protocol;

use super::usage::Present;

/// A command about the feed.
#[derive(Debug)]
pub(crate) struct FeedCall {
    pub(super) asked: StreamCall,
    pub(super) protocol: Protocol,
    /// For each stream that is read, where to look next; `None` for one that there is not.
    pub(super) places: Option<Vec<Option<u64>>>,
    /// Until when to wait for an entry.
    patience: Patience,
    /// Where it counts while it waits.
    waiting: Arc<AtomicU64>,
}

/// How long to wait.
#[derive(Clone, Copy, Debug)]
enum Patience {
    No,
    Until(Instant),
    Forever,
}

impl FeedCall {
    pub(crate) fn new(asked: StreamCall, protocol: Protocol) -> Self {
        let patience = match &asked {
            StreamCall::Read { block_ms, .. } | StreamCall::ReadGroup { block_ms, .. } => match block_ms {
                None => Patience::No,
                Some(0) => Patience::Forever,
                // A time that no clock reaches is for ever.
                Some(ms) => (Instant::now().checked_add(Duration::from_millis(*ms)))
                    .map_or(Patience::Forever, Patience::Until),
            },
            _ => Patience::No,
        };
        Self { asked, protocol, places: None, patience, waiting: Arc::default() }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Counts here while it waits.
    pub(super) fn counts_in(&mut self, waiting: &Arc<AtomicU64>) {
        self.waiting = Arc::clone(waiting);
    }

    /// Whether to wait when there is nothing.
    pub(super) fn may_wait(&self) -> bool {
        match self.patience {
            Patience::No => false,
            Patience::Until(end) => Instant::now() < end,
            Patience::Forever => true,
        }
    }

    /// Waits until the time is over.
    pub(crate) async fn expired(&self) {
        let _waits = Present::new(&self.waiting);
        match self.patience {
            Patience::No => {}
            Patience::Until(end) => tokio::time::sleep_until(end.into()).await,
            Patience::Forever => std::future::pending().await,
        }
    }

    /// Does not wait any more.
    pub(crate) fn give_up(&mut self) {
        self.patience = Patience::No;
    }
}
