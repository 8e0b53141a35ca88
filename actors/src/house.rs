//! The house: all arbiters, all actors, and the way in.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use actix::ArbiterHandle;
use parking_lot::Mutex;
use tidegate_engine::{CartNumber, CartSettlement, ConsumerGroupAnswer, ConsumerGroupCommand};
use tidegate_persistence::{ActorId, ActorKind, Lane, State};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::ask::{Body, Fault, Outcome, Reply};
use crate::campaign_clerk::CampaignClerk;
use crate::checkout::Checkout;
use crate::clerk::Clerk;
use crate::clock::Clock;
use crate::clock_watch;
use crate::consumer_group_clerk::ConsumerGroupClerk;
use crate::desk::{Desk, DeskOptions};
use crate::desk_actor::DeskActor;
use crate::directory::{CreateError, Directory};
use crate::floor::{Delivery, Floor, Place, Stairs};
use crate::ledger::{Ledger, Ledgers};
use crate::load::LoadReading;
use crate::news::NewsSink;
use crate::rebuild::Rebuild;
use crate::seat::Seat;
use crate::settling::{Unsettled, settle};
use crate::shown::{Condition, Shown};

/// Something that looks at every body after its turn, before anything of it is journaled. Tests use it to panic.
pub type Probe = dyn Fn(&Body) + Send + Sync;

/// How the house is run.
pub struct HouseOptions {
    /// Bodies that may wait for one actor; more are refused.
    pub mailbox_capacity: usize,
    /// SKUs that there may be.
    pub max_skus: usize,
    /// Campaigns that there may be.
    pub max_campaigns: usize,
    /// Consumer groups that there may be at once.
    pub max_consumer_groups: usize,
    /// Limits of each SKU, each campaign and each turn.
    pub desk: DeskOptions,
    /// How often to look whether the clock was set forward, so that holds end in time.
    pub look_at_clock: Duration,
    /// Key of all hash tables: a number that callers can't guess.
    pub seed: u64,
    /// See [`Probe`].
    pub probe: Option<Box<Probe>>,
    /// Where news go, if anywhere.
    pub news: Option<Arc<dyn NewsSink>>,
}

impl fmt::Debug for HouseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HouseOptions")
            .field("mailbox_capacity", &self.mailbox_capacity)
            .field("max_skus", &self.max_skus)
            .field("max_campaigns", &self.max_campaigns)
            .field("max_consumer_groups", &self.max_consumer_groups)
            .field("desk", &self.desk)
            .field("look_at_clock", &self.look_at_clock)
            .finish_non_exhaustive()
    }
}

/// A SKU or campaign that was there before the start.
#[derive(Debug)]
pub struct Resident {
    /// Its number.
    pub id: ActorId,
    /// Its name.
    pub name: Box<str>,
    /// Its state.
    pub state: State,
}

/// What all actors share.
pub(crate) struct Shared {
    pub(crate) options: HouseOptions,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) rebuild: Box<dyn Rebuild>,
    /// How many rebuilds went well.
    pub(crate) rebuilt: AtomicU64,
    /// How often one was tried, whatever came of it.
    pub(crate) attempts: AtomicU64,
    /// How often the clock was set forward.
    pub(crate) leaps: AtomicU64,
    /// All SKUs. They don't keep each other.
    pub(crate) skus: Weak<Directory>,
    /// The way to each floor, by number. Neither do these.
    pub(crate) floors: OnceLock<Box<[mpsc::WeakUnboundedSender<Delivery>]>>,
}

/// All actors of one server.
pub struct House {
    floors: Vec<Floor>,
    directory: Arc<Directory>,
    campaigns: Arc<Directory>,
    consumer_groups: Arc<Directory>,
    /// Lines of carts that are to be told something, since the house was opened: by campaign.
    untold: Mutex<Vec<(Box<str>, Vec<CartSettlement>)>>,
    ledgers: Arc<Ledgers>,
    /// Held while documents are judged and taken.
    documents: tokio::sync::Mutex<()>,
    /// Held while a consumer group is created.
    new_groups: tokio::sync::Mutex<()>,
    shared: Arc<Shared>,
}

/// How the house stands.
#[derive(Clone, Debug, Default)]
pub struct HouseStatus {
    /// SKUs with an actor.
    pub skus: usize,
    /// Campaigns with an actor.
    pub campaigns: usize,
    /// Bodies that were sent and not yet begun, over all actors.
    pub waiting: usize,
    /// The most of them for one actor.
    pub waiting_most: usize,
    /// SKUs, campaigns and consumer groups that were rebuilt after a panic and are back in service, counted since the start.
    pub rebuilt: u64,
    /// Those that are being rebuilt.
    pub rebuilding: Vec<String>,
    /// Those that are out of service.
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
        let next = Arc::new(AtomicU32::new(next.0));
        let directory = Arc::new(Directory::new(Arc::clone(&next), options.max_skus, "limits.max_skus"));
        let campaigns =
            Arc::new(Directory::new(Arc::clone(&next), options.max_campaigns, "limits.max_campaigns"));
        let consumer_groups = Arc::new(Directory::new(next, options.max_consumer_groups, "feed.max_groups"));
        let shared = Arc::new(Shared {
            options,
            clock: Box::new(clock),
            rebuild: Box::new(rebuild),
            rebuilt: AtomicU64::new(0),
            attempts: AtomicU64::new(0),
            leaps: AtomicU64::new(0),
            skus: Arc::downgrade(&directory),
            floors: OnceLock::new(),
        });
        let floors: Vec<_> = arbiters
            .into_iter()
            .enumerate()
            .map(|(number, arbiter)| Floor::open(number, arbiter, Arc::clone(&shared)))
            .collect();
        // Nobody lives there yet, so nobody has looked for it.
        let _ = shared.floors.set(floors.iter().map(|floor| floor.stairs().downgrade()).collect());
        let untold = Mutex::default();
        let (ledgers, documents, new_groups) = Default::default();
        let house = Self {
            floors,
            directory,
            campaigns,
            consumer_groups,
            untold,
            ledgers,
            documents,
            new_groups,
            shared,
        };
        let residents: Vec<_> = residents.into_iter().collect();
        let mut unsettled = Unsettled::of(&residents);
        let mut desks = Vec::with_capacity(residents.len());
        for Resident { id, name, state } in residents {
            let kind = state.kind();
            let is_campaign = kind == ActorKind::Campaign;
            let carts = unsettled.remove(&name).filter(|_| is_campaign).unwrap_or_default();
            if !carts.told.is_empty() {
                house.untold.lock().push((name.clone(), carts.told));
            }
            desks.push((id, kind, house.desk(id, &name, state, carts.last)));
        }
        // An actor begins with what ran out while the house was closed. When a campaign tells lines of its carts, their
        // SKUs must be there to hear it.
        desks.sort_by_key(|(_, kind, _)| *kind == ActorKind::Campaign);
        for (id, kind, desk) in desks {
            house.directory_of(kind).add(house.seat(id, kind, desk));
        }
        if let Some(floor) = house.floors.first() {
            let directories = [&house.directory, &house.campaigns].map(Arc::downgrade);
            floor.run(clock_watch::watch(Arc::clone(&house.shared), directories));
        }
        house
    }

    fn directory_of(&self, kind: ActorKind) -> &Directory {
        match kind {
            ActorKind::Sku => &self.directory,
            ActorKind::Campaign => &self.campaigns,
            ActorKind::ConsumerGroup => &self.consumer_groups,
        }
    }

    fn desk(&self, id: ActorId, name: &str, state: State, last_cart: CartNumber) -> Box<dyn Desk> {
        match state {
            State::Sku(state) => Box::new(Clerk::new(id, name, state, Arc::clone(&self.ledgers))),
            State::Campaign(state) => {
                Box::new(CampaignClerk::new(id, name, state, self.ledgers.of(name), last_cart))
            }
            State::ConsumerGroup(state) => Box::new(ConsumerGroupClerk::new(id, name, state)),
        }
    }

    fn seat(&self, id: ActorId, kind: ActorKind, desk: Box<dyn Desk>) -> Seat {
        let shown = Arc::new(Shown::default());
        let stairs = self.floors[id.worker(self.floors.len())].stairs();
        // Numbers are given in turn, so that each floor fills up without gaps.
        let place = Place(id.0 as usize / self.floors.len());
        let name: Box<str> = desk.name().into();
        // It shows itself at once, so that a reader who comes before it has moved in sees it.
        let actor = DeskActor::new((id, place), desk, Arc::clone(&shown));
        // An arbiter that is gone has no use for it.
        let _ = stairs.send(Delivery::MoveIn(place, Box::new(actor)));
        Seat::new((id, kind, &name), (Arc::clone(stairs), place), shown)
    }

    /// Sends a body to a seat. What concerns carts is asked of their SKUs too; that goes on when nobody waits for the
    /// outcome any more.
    ///
    /// Must be called on a thread of an actix arbiter.
    ///
    /// # Errors
    /// As [`Seat::send`].
    pub fn send(&self, seat: &Arc<Seat>, body: Body) -> Result<oneshot::Receiver<Outcome>, (Body, Fault)> {
        if !body.has_carts() {
            return seat.send(body);
        }
        let (to, outcome) = oneshot::channel();
        let checkout = Checkout {
            campaign: Arc::clone(seat),
            skus: Arc::clone(&self.directory),
            ledger: self.ledgers.of(seat.name()),
        };
        actix_rt::spawn(async move {
            // A connection that is gone needs no answer.
            let _ = to.send(checkout.carry_out(body).await);
        });
        Ok(outcome)
    }

    /// Tells lines of carts what became of them, as far as that was not done before the house was last closed: lines of
    /// carts that did not come to be are withdrawn.
    pub async fn settle_carts(&self) {
        let untold = std::mem::take(&mut *self.untold.lock());
        for (campaign, told) in untold {
            let settled = settle(&self.directory, &campaign, &told).await;
            let failed = settled.iter().filter(|line| line.is_err()).count();
            tracing::info!(%campaign, lines = settled.len(), failed, "told lines what became of their carts");
        }
    }

    pub(crate) fn documents(&self) -> &tokio::sync::Mutex<()> {
        &self.documents
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
        self.find_or_create_of(ActorKind::Sku, name)
    }

    /// The seat of this campaign, if it has one. A seat may be empty: its campaign was not created yet.
    #[must_use]
    pub fn find_campaign(&self, name: &str) -> Option<Arc<Seat>> {
        self.campaigns.find(name)
    }

    /// The seat of this campaign, a new and empty one if need be.
    ///
    /// # Errors
    /// As [`Self::find_or_create`].
    pub fn find_or_create_campaign(&self, name: &str) -> Result<Arc<Seat>, CreateError> {
        self.find_or_create_of(ActorKind::Campaign, name)
    }

    /// The seat of this consumer group, if it has one. A seat may be empty: its group was destroyed.
    #[must_use]
    pub fn find_consumer_group(&self, name: &str) -> Option<Arc<Seat>> {
        self.consumer_groups.find(name)
    }

    /// Creates a consumer group: in its own place if it had one, in that of one that was destroyed, or in a new one. So there
    /// are never more places than there were groups at once.
    ///
    /// # Errors
    /// As [`Self::find_or_create`], and what became of the turn.
    pub async fn create_consumer_group(
        &self,
        name: &str,
        after: u64,
    ) -> Result<ConsumerGroupAnswer, CreateError> {
        // One after the other: two must not take the same place.
        let _turn = self.new_groups.lock().await;
        let known = self.consumer_groups.find(name).or_else(|| self.consumer_groups.find_vacant());
        let seat = match known {
            Some(seat) => seat,
            None => self.find_or_create_of(ActorKind::ConsumerGroup, name)?,
        };
        let mut body = Body::default();
        body.push_consumer_group(name, &ConsumerGroupCommand::Create { after });
        let replies = seat.ask(body).await.map_err(CreateError::Refused)?;
        let Some(Reply::ConsumerGroup(answer)) = replies.into_iter().next() else {
            return Err(CreateError::Refused(Fault::Panicked));
        };
        if *answer == ConsumerGroupAnswer::Done && seat.name() != name {
            self.consumer_groups.rename(&seat, name);
        }
        Ok(*answer)
    }

    /// The seats of all consumer groups, by name.
    #[must_use]
    pub fn consumer_groups(&self) -> Vec<Arc<Seat>> {
        let mut seats = Vec::new();
        self.consumer_groups.for_each(|seat| seats.push(Arc::clone(seat)));
        seats.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        seats
    }

    /// The accounts of a campaign's buyers.
    #[must_use]
    pub fn ledger(&self, campaign: &str) -> Arc<Ledger> {
        self.ledgers.of(campaign)
    }

    /// At most so many SKUs or campaigns from this number on, in the order in which they got their seats. A number
    /// beyond the last is that of who comes next.
    #[must_use]
    pub fn page(&self, kind: ActorKind, from: ActorId, most: usize) -> Vec<Arc<Seat>> {
        self.directory_of(kind).page(from, most)
    }

    pub(crate) fn find_map_seat<T>(&self, find: impl FnMut(&Arc<Seat>) -> Option<T>) -> Option<T> {
        self.directory.find_map(find)
    }

    pub(crate) fn for_each_seat(&self, look: impl FnMut(&Arc<Seat>)) {
        self.directory.for_each(look);
    }

    pub(crate) fn for_each_campaign(&self, look: impl FnMut(&Arc<Seat>)) {
        self.campaigns.for_each(look);
    }

    /// Looks at the seats of all actors, in no particular order.
    pub fn look_at_seats(&self, mut look: impl FnMut(&Arc<Seat>)) {
        self.directory.for_each(&mut look);
        self.campaigns.for_each(&mut look);
        self.consumer_groups.for_each(&mut look);
    }

    fn find_or_create_of(&self, kind: ActorKind, name: &str) -> Result<Arc<Seat>, CreateError> {
        let directory = self.directory_of(kind);
        if let Some(seat) = directory.find(name) {
            return Ok(seat);
        }
        // A seat stays, and counts: none is made for a SKU that its actor would refuse to create.
        if self.journal_failed() {
            return Err(CreateError::Refused(Fault::JournalFailed));
        }
        if self.floors.first().is_some_and(|floor| !floor.release().lane().has_room()) {
            return Err(CreateError::Refused(Fault::Overloaded));
        }
        let state = || State::new(kind, self.shared.options.seed);
        directory.find_or_add(name, |id| self.seat(id, kind, self.desk(id, name, state(), CartNumber(0))))
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

    /// How long it takes until the clock shows `at`, if nobody sets it.
    #[must_use]
    pub fn time_until(&self, at: tidegate_engine::Millis) -> Duration {
        let clock = &self.shared.clock;
        Duration::from_millis(at.0.saturating_sub(clock.now().0)) / clock.speed().max(1)
    }

    /// Whether the journal has failed; nothing is acknowledged any more.
    #[must_use]
    pub fn journal_failed(&self) -> bool {
        self.floors.first().is_some_and(|floor| floor.release().lane().failed().is_some())
    }

    /// How often the clock was set forward since the start, so that timers had to be set anew.
    #[must_use]
    pub fn clock_leaps(&self) -> u64 {
        self.shared.leaps.load(Ordering::Relaxed)
    }

    /// Has every actor look at the clock: it was set. The house finds that out by itself, [a little
    /// later](HouseOptions::look_at_clock).
    pub fn wake(&self) {
        self.look_at_seats(|seat| seat.wake());
    }

    /// How many rebuilds after a panic went well since the start.
    #[must_use]
    pub fn rebuilt(&self) -> u64 {
        self.shared.rebuilt.load(Ordering::Relaxed)
    }

    /// How often a rebuild was tried since the start, whatever came of it: one waits for a disk that fails, and is tried again.
    #[must_use]
    pub fn rebuild_attempts(&self) -> u64 {
        self.shared.attempts.load(Ordering::Relaxed)
    }

    /// What the actors have counted since the start, by arbiter.
    #[must_use]
    pub fn loads(&self) -> Vec<LoadReading> {
        self.floors.iter().map(|floor| floor.load().read()).collect()
    }

    /// The way to the floor of this number.
    pub(crate) fn stairs(&self, floor: usize) -> &Stairs {
        self.floors[floor].stairs()
    }

    pub(crate) fn arbiter_count(&self) -> usize {
        self.floors.len()
    }

    /// How the house stands. Walks all seats.
    #[must_use]
    pub fn status(&self) -> HouseStatus {
        let rebuilt = self.rebuilt();
        let (skus, campaigns) = (self.directory.len(), self.campaigns.len());
        let mut status = HouseStatus { skus, campaigns, rebuilt, ..HouseStatus::default() };
        let look = |seat: &Arc<Seat>| {
            let waiting = seat.shown().waiting();
            status.waiting += waiting;
            status.waiting_most = status.waiting_most.max(waiting);
            match seat.shown().condition() {
                Condition::Live => {}
                Condition::Rebuilding => status.rebuilding.push(seat.name().to_owned()),
                Condition::Quarantined => status.quarantined.push(seat.name().to_owned()),
            }
        };
        self.look_at_seats(look);
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
