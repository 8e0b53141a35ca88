//! The house: all arbiters, all actors, and the way in.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::ArbiterHandle;
use tidegate_engine::SkuState;
use tidegate_persistence::{ActorId, Lane};
use tokio::sync::Notify;

use crate::arbiter::Floor;
use crate::ask::{Body, Fault};
use crate::clerk::ClerkOptions;
use crate::clock::Clock;
use crate::clock_watch;
use crate::directory::{Condition, CreateError, Directory, Seat, Shown};
use crate::sku_actor::SkuActor;

/// Something that looks at every body after its turn, before anything of it is journaled. Tests use it to panic.
pub type Probe = dyn Fn(&Body) + Send + Sync;

/// How the house is run.
pub struct HouseOptions {
    /// Bodies that may wait for one actor; more are refused.
    pub mailbox_capacity: usize,
    /// SKUs that there may be.
    pub max_skus: usize,
    /// Limits of each SKU and each turn.
    pub clerk: ClerkOptions,
    /// How often to look whether the clock was set forward, so that holds end in time.
    pub look_at_clock: Duration,
    /// Key of all hash tables: a number that callers can't guess.
    pub seed: u64,
    /// See [`Probe`].
    pub probe: Option<Box<Probe>>,
}

impl fmt::Debug for HouseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HouseOptions")
            .field("mailbox_capacity", &self.mailbox_capacity)
            .field("max_skus", &self.max_skus)
            .field("clerk", &self.clerk)
            .field("look_at_clock", &self.look_at_clock)
            .finish_non_exhaustive()
    }
}

/// Makes one actor's state anew from what is durable.
pub trait Rebuild: Send + Sync + 'static {
    /// The state after the actor's last durable event. `seed` as in [`SkuState::new`].
    ///
    /// # Errors
    /// Why it can't be made.
    fn rebuild(&self, id: ActorId, seed: u64) -> Result<SkuState, RebuildError>;
}

/// Why a state can't be made anew, in words for the log and the status page.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RebuildError(pub String);

/// A SKU that was there before the start.
#[derive(Debug)]
pub struct Resident {
    /// Its number.
    pub id: ActorId,
    /// Its name.
    pub name: Box<str>,
    /// Its state.
    pub state: SkuState,
}

/// What all actors share.
pub(crate) struct Shared {
    pub(crate) options: HouseOptions,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) rebuild: Box<dyn Rebuild>,
    /// How many rebuilds went well.
    pub(crate) rebuilt: AtomicU64,
}

/// All actors of one server.
pub struct House {
    floors: Vec<Floor>,
    directory: Arc<Directory>,
    shared: Arc<Shared>,
}

/// How the house stands.
#[derive(Clone, Debug, Default)]
pub struct HouseStatus {
    /// SKUs with an actor.
    pub skus: usize,
    /// Bodies that were sent and not yet begun, over all actors.
    pub waiting: usize,
    /// The most of them for one actor.
    pub waiting_most: usize,
    /// SKUs that were rebuilt after a panic and are back in service, counted since the start.
    pub rebuilt: u64,
    /// SKUs that are being rebuilt.
    pub rebuilding: Vec<String>,
    /// SKUs that are out of service.
    pub quarantined: Vec<String>,
}

impl House {
    /// Starts an actor for each resident on the arbiter that its number says. Each arbiter comes with its lane into
    /// the journal and with what that lane's wake callback notifies.
    #[must_use]
    pub fn open(
        arbiters: Vec<(ArbiterHandle, Lane, Arc<Notify>)>,
        residents: impl IntoIterator<Item = Resident>,
        next: ActorId,
        clock: impl Clock,
        rebuild: impl Rebuild,
        options: HouseOptions,
    ) -> Self {
        let directory = Arc::new(Directory::new(next, options.max_skus));
        let shared = Arc::new(Shared {
            options,
            clock: Box::new(clock),
            rebuild: Box::new(rebuild),
            rebuilt: AtomicU64::new(0),
        });
        let floors: Vec<_> =
            arbiters.into_iter().map(|(arbiter, lane, wake)| Floor::start(arbiter, lane, wake)).collect();
        let house = Self { floors, directory, shared };
        for Resident { id, name, state } in residents {
            house.directory.add(house.seat(id, &name, state));
        }
        if let Some(floor) = house.floors.first() {
            floor.run(clock_watch::watch(Arc::clone(&house.shared), Arc::downgrade(&house.directory)));
        }
        house
    }

    fn seat(&self, id: ActorId, name: &str, state: SkuState) -> Seat {
        let shown = Arc::new(Shown::default());
        let floor = &self.floors[id.worker(self.floors.len())];
        let (shared, actor_shown, actor_name) =
            (Arc::clone(&self.shared), Arc::clone(&shown), name.to_owned());
        // Shown at once, so that a reader who comes before the actor has started sees it.
        shown.publish(state.sku().map(tidegate_engine::Sku::view));
        let addr = floor.house(self.shared.options.mailbox_capacity, move |release| {
            SkuActor::new((id, &actor_name, state), actor_shown, release, shared)
        });
        Seat::new(id, name, addr, shown)
    }

    /// The seat of this SKU, if it has one. A seat may be empty: its SKU was not created yet.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<Seat>> {
        self.directory.find(name)
    }

    /// The seat of this SKU, a new and empty one if need be.
    ///
    /// # Errors
    /// [`CreateError::Full`] beyond the configured number; [`CreateError::Refused`] while the journal takes nothing.
    pub fn find_or_create(&self, name: &str) -> Result<Arc<Seat>, CreateError> {
        if let Some(seat) = self.find(name) {
            return Ok(seat);
        }
        // A seat stays, and counts: none is made for a SKU that its actor would refuse to create.
        if self.journal_failed() {
            return Err(CreateError::Refused(Fault::JournalFailed));
        }
        if self.floors.first().is_some_and(|floor| !floor.release().lane().has_room()) {
            return Err(CreateError::Refused(Fault::Overloaded));
        }
        self.directory.find_or_add(name, |id| self.seat(id, name, SkuState::new(self.shared.options.seed)))
    }

    /// How many SKUs have an actor.
    #[must_use]
    pub fn sku_count(&self) -> usize {
        self.directory.len()
    }

    /// The time, as the actors read it.
    #[must_use]
    pub fn now(&self) -> tidegate_engine::Millis {
        self.shared.clock.now()
    }

    /// Whether the journal has failed; nothing is acknowledged any more.
    #[must_use]
    pub fn journal_failed(&self) -> bool {
        self.floors.first().is_some_and(|floor| floor.release().lane().failed().is_some())
    }

    /// How the house stands. Walks all seats.
    #[must_use]
    pub fn status(&self) -> HouseStatus {
        let rebuilt = self.shared.rebuilt.load(Ordering::Relaxed);
        let mut status = HouseStatus { skus: self.directory.len(), rebuilt, ..HouseStatus::default() };
        self.directory.for_each(|seat| {
            let waiting = seat.shown().waiting();
            status.waiting += waiting;
            status.waiting_most = status.waiting_most.max(waiting);
            match seat.shown().condition() {
                Condition::Live => {}
                Condition::Rebuilding => status.rebuilding.push(seat.name().to_owned()),
                Condition::Quarantined => status.quarantined.push(seat.name().to_owned()),
            }
        });
        status
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House")
            .field("arbiters", &self.floors.len())
            .field("skus", &self.directory.len())
            .finish()
    }
}
