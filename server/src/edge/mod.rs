//! The TCP door: reads commands, groups them by the actor that owns the key, writes replies in order.

mod batch;
mod caller;
mod client;
mod clockings;
mod connection;
mod ended;
mod labels;
mod listener;
mod pushes;
mod session;
mod standing;
mod visits;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tidegate_actors::House;
use tidegate_engine::Millis;
use tidegate_persistence::{ActorId, ActorKind};
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::resp;
use tokio::sync::Semaphore;

pub(crate) use caller::Caller;
pub use client::Clients;
pub(crate) use labels::Label;
pub use labels::{command_labels, outcome_labels};
pub(crate) use listener::serve_stream;
pub use listener::{Door, listen};

use crate::config::Limits;
use crate::feed::Feed;
pub use crate::pool::PoolStatus;
use crate::pool::{Allowance, Pool};
use crate::push::Hub;
use crate::security::Security;

/// What all connections share.
pub struct Edge {
    limits: Limits,
    security: Arc<Security>,
    clients: Arc<Clients>,
    /// Lends connections what they hold for their clients.
    pool: Arc<Pool>,
    /// Who translates a long reply for another door: that takes many times its length, and for a moment one processor.
    translating: Semaphore,
    /// Empty while the journal is being replayed.
    house: OnceLock<Arc<House>>,
    feed: OnceLock<Arc<Feed>>,
    draining: AtomicBool,
    information: Arc<dyn Information>,
    hub: Arc<Hub>,
}

/// What the edge tells of the server as a whole.
pub trait Information: Send + Sync + 'static {
    /// Lines for a section of `INFO`, or `None` if there is no such section. Names are in lower case.
    fn section(&self, _name: &str) -> Option<String> {
        None
    }

    /// The sections that `INFO` shows when none is named, in order.
    fn sections(&self) -> &'static [&'static str] {
        &[]
    }
}

impl Edge {
    /// An edge that answers `LOADING` until it is given a house.
    #[must_use]
    pub fn new(
        limits: Limits,
        security: Arc<Security>,
        clients: Arc<Clients>,
        information: Arc<dyn Information>,
        hub: Arc<Hub>,
    ) -> Arc<Self> {
        Arc::new(Self {
            pool: Pool::new(limits.output_pool_bytes),
            translating: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
            limits,
            security,
            clients,
            house: OnceLock::new(),
            feed: OnceLock::new(),
            draining: AtomicBool::new(false),
            information,
            hub,
        })
    }

    /// The journal is replayed: from now on commands reach the house.
    pub fn open(&self, house: Arc<House>) {
        // Opened once, by the composition root.
        let _ = self.house.set(house);
    }

    /// The feed can be read from now on.
    pub(crate) fn open_feed(&self, feed: Arc<Feed>) {
        let _ = self.feed.set(feed);
    }

    /// Refuses writes from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// What one more client may hold of replies.
    fn allowance(&self) -> Allowance {
        Allowance::new(&self.pool, self.limits.output_buffer_bytes)
    }

    /// How much of what is shared for replies is lent.
    #[must_use]
    pub fn pool(&self) -> PoolStatus {
        self.pool.status()
    }

    /// The connections.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Who may do what.
    pub(crate) fn security(&self) -> &Arc<Security> {
        &self.security
    }

    /// What clients may use.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What one command may be.
    fn request_limits(&self) -> resp::Limits {
        let Limits { max_command_bytes, max_arguments, .. } = self.limits;
        resp::Limits { max_command_bytes, max_arguments }
    }

    /// Numbers and names of at most so many SKUs or campaigns, from this number on.
    pub(crate) fn page(
        &self,
        kind: ActorKind,
        from: ActorId,
        most: usize,
    ) -> Result<Vec<(ActorId, String)>, WireError> {
        let seats = self.house()?.page(kind, from, most);
        Ok(seats.iter().map(|seat| (seat.id(), seat.name().to_owned())).collect())
    }

    /// The time as the actors read it; zero before there are any.
    fn now(&self) -> Millis {
        self.house.get().map_or(Millis(0), |house| house.now())
    }

    fn house(&self) -> Result<&Arc<House>, WireError> {
        self.house.get().ok_or_else(|| {
            WireError::new(ErrorCode::Loading, "the journal is being replayed; retry in a moment")
        })
    }

    fn feed(&self) -> Result<&Arc<Feed>, WireError> {
        self.house()?;
        self.feed
            .get()
            .ok_or_else(|| WireError::new(ErrorCode::Loading, "the feed is not open yet; retry in a moment"))
    }

    fn house_for_writing(&self) -> Result<&Arc<House>, WireError> {
        if self.draining.load(Ordering::Acquire) {
            return Err(WireError::new(ErrorCode::ReadOnly, "the server is stopping; nothing was done"));
        }
        self.house()
    }
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edge").field("open", &self.house.get().is_some()).finish_non_exhaustive()
    }
}
