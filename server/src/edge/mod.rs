//! The TCP door: reads commands, groups them by the actor that owns the key, writes replies in order.

mod batch;
mod caller;
mod client;
mod clockings;
mod connection;
mod ended;
mod labels;
mod listener;
mod session;
mod visits;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tidegate_actors::House;
use tidegate_engine::Millis;
use tidegate_protocol::error::{ErrorCode, WireError};

pub(crate) use caller::Caller;
pub use client::Clients;
pub(crate) use labels::Label;
pub use labels::{command_labels, outcome_labels};
pub use listener::{Door, listen};

use crate::config::Limits;

/// What all connections share.
pub struct Edge {
    limits: Limits,
    clients: Arc<Clients>,
    /// Empty while the journal is being replayed.
    house: OnceLock<Arc<House>>,
    draining: AtomicBool,
    information: Arc<dyn Information>,
}

/// What the edge tells of the server as a whole.
pub trait Information: Send + Sync + 'static {
    /// Lines for a section of `INFO`, or `None` if there is no such section. Names are in lower case.
    fn section(&self, name: &str) -> Option<String>;
    /// The sections that `INFO` shows when none is named, in order.
    fn sections(&self) -> &'static [&'static str];
}

impl Edge {
    /// An edge that answers `LOADING` until it is given a house.
    #[must_use]
    pub fn new(limits: Limits, clients: Arc<Clients>, information: Arc<dyn Information>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            clients,
            house: OnceLock::new(),
            draining: AtomicBool::new(false),
            information,
        })
    }

    /// The journal is replayed: from now on commands reach the house.
    pub fn open(&self, house: Arc<House>) {
        // Opened once, by the composition root.
        let _ = self.house.set(house);
    }

    /// Refuses writes from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// The connections.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
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
