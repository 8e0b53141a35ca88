//! A command about the feed that is being carried out, for as long as it waits.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tidegate_protocol::command::StreamCall;
use tidegate_protocol::resp::Protocol;
use tokio::sync::watch;

use super::usage::Present;
use crate::pool::Loan;

/// A command about the feed.
#[derive(Debug)]
pub(crate) struct FeedCall {
    pub(super) asked: StreamCall,
    pub(super) protocol: Protocol,
    /// For each stream that is read, where to look next; `None` for one that there is not.
    pub(super) places: Option<Vec<Option<u64>>>,
    /// For a consumer: what it waits for, since it has looked.
    pub(super) wait: Option<GroupWait>,
    /// How often it has looked and found nothing.
    pub(super) looks: u32,
    /// What its reply may have if it is of entries and turns out to be long.
    loan: Arc<Loan>,
    /// Until when to wait for an entry.
    patience: Patience,
    /// Where it counts while it waits.
    waiting: Arc<AtomicU64>,
}

/// What a consumer waits for.
#[derive(Debug)]
pub(super) struct GroupWait {
    /// An entry from here on,
    pub(super) place: u64,
    /// or that the group is moved or destroyed.
    pub(super) over: watch::Receiver<bool>,
}

/// How long to wait.
#[derive(Clone, Copy, Debug)]
enum Patience {
    No,
    Until(Instant),
    Forever,
}

impl FeedCall {
    pub(crate) fn new(asked: StreamCall, protocol: Protocol, loan: Arc<Loan>) -> Self {
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
        Self { asked, protocol, places: None, wait: None, looks: 0, loan, patience, waiting: Arc::default() }
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

    /// From where on an entry is waited for. In streams that there are not, none ever comes.
    pub(super) fn place(&self) -> u64 {
        let places = self.places.iter().flatten().flatten().copied();
        self.wait.as_ref().map(|wait| wait.place).into_iter().chain(places).min().unwrap_or(u64::MAX)
    }

    /// Waits until the group that is read for is moved or destroyed.
    pub(super) async fn group_is_over(&self) {
        match &self.wait {
            // Who could say so is gone: that is the end too.
            Some(wait) => drop(wait.over.clone().wait_for(|over| *over).await),
            None => std::future::pending().await,
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

    /// What its reply may have beyond a little.
    pub(crate) fn loan(&self) -> &Arc<Loan> {
        &self.loan
    }

    /// Does not wait any more.
    pub(crate) fn give_up(&mut self) {
        self.patience = Patience::No;
    }
}
