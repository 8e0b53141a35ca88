//! Who is where: from the name of a SKU or a campaign to its actor and its published view.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};

use actix::Addr;
use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use parking_lot::RwLock;
use tidegate_engine::{CampaignView, SkuView};
use tidegate_persistence::{ActorId, ActorKind};
use tokio::sync::oneshot;

use crate::ask::{Body, Fault, Outcome, Reply, heard};
use crate::desk_actor::{DeskActor, Turn, Wake};
use crate::load::Load;

/// The place of a SKU or a campaign in the house: where to send what is asked of it, and what may be read without asking.
#[derive(Debug)]
pub struct Seat {
    id: ActorId,
    kind: ActorKind,
    name: Box<str>,
    addr: Addr<DeskActor>,
    shown: Arc<Shown>,
    /// Of the arbiter that the actor lives on.
    load: Arc<Load>,
}

/// What an actor shows the edge without being asked. Written by the actor after each turn that changed something.
///
/// A view may be one commit ahead of what is durable: it is for shoppers to look at, not to act on.
#[derive(Debug, Default)]
pub struct Shown {
    view: ArcSwapOption<SkuView>,
    campaign: ArcSwapOption<CampaignView>,
    condition: AtomicU8,
    waiting: AtomicUsize,
    vacant: AtomicBool,
}

/// Whether an actor is in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// In service.
    Live,
    /// Failed, and being rebuilt from the journal.
    Rebuilding,
    /// Failed while it was rebuilt: out of service.
    Quarantined,
}

impl Shown {
    /// The last published view; `None` if there is no such SKU (yet).
    pub fn view(&self) -> arc_swap::Guard<Option<Arc<SkuView>>> {
        self.view.load()
    }

    /// The same of a campaign.
    pub fn campaign(&self) -> arc_swap::Guard<Option<Arc<CampaignView>>> {
        self.campaign.load()
    }

    /// Whether there is a SKU or a campaign, not only a seat for one.
    fn is_there(&self) -> bool {
        self.view.load().is_some() || self.campaign.load().is_some()
    }

    /// Whether the actor is in service.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match self.condition.load(Ordering::Acquire) {
            0 => Condition::Live,
            1 => Condition::Rebuilding,
            _ => Condition::Quarantined,
        }
    }

    /// Bodies that were sent and not yet begun.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether this is the place of a consumer group, and there is none.
    pub(crate) fn set_vacant(&self, vacant: bool) {
        self.vacant.store(vacant, Ordering::Release);
    }

    /// The same.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        self.vacant.load(Ordering::Acquire)
    }

    pub(crate) fn publish(&self, view: Option<SkuView>) {
        self.view.store(view.map(Arc::new));
    }

    pub(crate) fn publish_campaign(&self, view: Option<CampaignView>) {
        self.campaign.store(view.map(Arc::new));
    }

    pub(crate) fn set_condition(&self, condition: Condition) {
        self.condition.store(condition as u8, Ordering::Release);
    }

    pub(crate) fn begun(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Seat {
    pub(crate) fn new(
        (id, kind, name): (ActorId, ActorKind, &str),
        addr: Addr<DeskActor>,
        (shown, load): (Arc<Shown>, Arc<Load>),
    ) -> Self {
        Self { id, kind, name: name.into(), addr, shown, load }
    }

    /// The same place under another name.
    fn named(&self, name: &str) -> Self {
        let Self { id, kind, name: _, addr, shown, load } = self;
        let (addr, shown, load) = (addr.clone(), Arc::clone(shown), Arc::clone(load));
        Self { id: *id, kind: *kind, name: name.into(), addr, shown, load }
    }

    /// Whether it is a SKU's or a campaign's.
    #[must_use]
    pub fn kind(&self) -> ActorKind {
        self.kind
    }

    /// The actor's number.
    #[must_use]
    pub fn id(&self) -> ActorId {
        self.id
    }

    /// The name of the SKU or campaign.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What may be read without asking.
    #[must_use]
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Sends a body. The outcome comes when everything that it reflects is durable.
    ///
    /// # Errors
    /// The body and why it was not taken: too much is waiting, or the house is closing.
    pub fn send(&self, body: Body) -> Result<oneshot::Receiver<Outcome>, (Body, Fault)> {
        self.send_as(body, false)
    }

    /// Sends a body and waits for the replies.
    ///
    /// # Errors
    /// As [`Self::send`], and what became of the turn.
    pub async fn ask(&self, body: Body) -> Result<Vec<Reply>, Fault> {
        self.ask_as(body, false).await
    }

    /// The same; `ahead` as in [`Turn`].
    pub(crate) async fn ask_as(&self, body: Body, ahead: bool) -> Result<Vec<Reply>, Fault> {
        heard(self.send_as(body, ahead).map_err(|(_, fault)| fault)?).await
    }

    /// Asks for facts alone: what is told of those does not change any more, and so need not wait for the disk.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn ask_for_facts(&self, body: Body) -> Result<oneshot::Receiver<Outcome>, (Body, Fault)> {
        self.send_as(body, true)
    }

    /// The same; `ahead` as in [`Turn`].
    pub(crate) fn send_as(
        &self,
        body: Body,
        ahead: bool,
    ) -> Result<oneshot::Receiver<Outcome>, (Body, Fault)> {
        let (to, outcome) = oneshot::channel();
        self.shown.waiting.fetch_add(1, Ordering::Relaxed);
        match self.addr.try_send(Turn { body, to, ahead }) {
            Ok(()) => Ok(outcome),
            Err(error) => {
                self.shown.begun();
                Err(match error {
                    actix::dev::SendError::Full(turn) => {
                        self.load.full();
                        (turn.body, Fault::Overloaded)
                    }
                    actix::dev::SendError::Closed(turn) => (turn.body, Fault::Stopping),
                })
            }
        }
    }

    /// Has the actor look at the clock.
    pub(crate) fn wake(&self) {
        // One whose mailbox is full looks at it anyway.
        let _ = self.addr.try_send(Wake);
    }
}

/// Why a new SKU or campaign got no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The house is full.
    #[error("there are as many as the configuration admits ({limit}); raise it or use another server")]
    Full {
        /// The setting.
        limit: &'static str,
    },
    /// It would be refused: nothing was made that would stay behind.
    #[error(transparent)]
    Refused(Fault),
}

/// Seats that are looked at together.
const LOOK_AT_ONCE: usize = 1_024;

/// All seats by name.
#[derive(Debug)]
pub(crate) struct Directory {
    seats: DashMap<Box<str>, Arc<Seat>, foldhash::fast::RandomState>,
    /// The same by number, for who goes through all of them bit by bit.
    by_number: RwLock<BTreeMap<u32, Arc<Seat>>>,
    /// Shared with the other directories: numbers are given once.
    next: Arc<AtomicU32>,
    max: usize,
    /// The setting that says how many there may be.
    limit: &'static str,
}

impl Directory {
    pub(crate) fn new(next: Arc<AtomicU32>, max: usize, limit: &'static str) -> Self {
        Self { seats: DashMap::default(), by_number: RwLock::default(), next, max, limit }
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<Seat>> {
        self.seats.get(name).map(|seat| Arc::clone(&seat))
    }

    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn add(&self, seat: Seat) {
        let seat = Arc::new(seat);
        self.by_number.write().insert(seat.id.0, Arc::clone(&seat));
        self.seats.insert(seat.name.clone(), seat);
    }

    /// The seat of this name, made by `make` if there is none. Two who ask at once get the same seat.
    pub(crate) fn find_or_add(
        &self,
        name: &str,
        make: impl FnOnce(ActorId) -> Seat,
    ) -> Result<Arc<Seat>, CreateError> {
        if let Some(seat) = self.find(name) {
            return Ok(seat);
        }
        if self.seats.len() >= self.max {
            return Err(CreateError::Full { limit: self.limit });
        }
        let entry = self.seats.entry(name.into());
        let seat = entry.or_insert_with(|| {
            // Numbered under the lock: who has seen a number has seen all that are smaller.
            let mut by_number = self.by_number.write();
            let seat = Arc::new(make(ActorId(self.next.fetch_add(1, Ordering::Relaxed))));
            by_number.insert(seat.id.0, Arc::clone(&seat));
            seat
        });
        Ok(Arc::clone(&seat))
    }

    /// At most so many seats from this number on, by number, as far as somebody sits there.
    pub(crate) fn page(&self, from: ActorId, most: usize) -> Vec<Arc<Seat>> {
        let by_number = self.by_number.read();
        let seats = by_number.range(from.0..).map(|(_, seat)| seat);
        seats.filter(|seat| seat.shown.is_there()).take(most).cloned().collect()
    }

    /// The first that is found for one of the seats, by number.
    pub(crate) fn find_map<T>(&self, mut find: impl FnMut(&Arc<Seat>) -> Option<T>) -> Option<T> {
        let mut from = 0;
        loop {
            // Bit by bit: there may be a million, and whoever makes one more must not wait for all of them.
            let some: Vec<Arc<Seat>> = self
                .by_number
                .read()
                .range(from..)
                .take(LOOK_AT_ONCE)
                .map(|(_, seat)| Arc::clone(seat))
                .collect();
            from = some.last()?.id.0.checked_add(1)?;
            if let Some(found) = some.iter().find_map(&mut find) {
                return Some(found);
            }
        }
    }

    /// A place of a consumer group that is nobody's, and whose actor is in service.
    pub(crate) fn find_vacant(&self) -> Option<Arc<Seat>> {
        self.find_map(|seat| {
            let is_free = seat.shown.is_vacant() && seat.shown.condition() == Condition::Live;
            is_free.then(|| Arc::clone(seat))
        })
    }

    /// This place has another name from now on.
    pub(crate) fn rename(&self, seat: &Seat, name: &str) {
        self.seats.remove(&seat.name);
        self.add(seat.named(name));
    }

    /// Looks at all seats, by number: the order must not differ from one run of the same sale to the next.
    pub(crate) fn for_each(&self, mut look: impl FnMut(&Arc<Seat>)) {
        self.find_map(|seat| {
            look(seat);
            None::<()>
        });
    }
}
