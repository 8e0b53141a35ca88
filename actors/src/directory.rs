//! Who is where: from the name of a SKU or a campaign to its seat.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tidegate_persistence::ActorId;

use crate::ask::Fault;
use crate::seat::Seat;
use crate::shown::Condition;
use crate::sync::{AtomicU32, DashMap, Entry, RwLock};

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
    seats: DashMap<Box<str>, Arc<Seat>>,
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
        self.by_number.write().insert(seat.id().0, Arc::clone(&seat));
        self.seats.insert(seat.name().into(), seat);
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
        match self.seats.entry(name.into()) {
            Entry::Occupied(seat) => Ok(Arc::clone(seat.get())),
            Entry::Vacant(place) => {
                // Numbered under the lock: who has seen a number has seen all that are smaller. Counted under it too: of
                // those who come at once, no more get in than there is room for.
                let mut by_number = self.by_number.write();
                if by_number.len() >= self.max {
                    return Err(CreateError::Full { limit: self.limit });
                }
                let seat = Arc::new(make(ActorId(self.next.fetch_add(1, Ordering::Relaxed))));
                by_number.insert(seat.id().0, Arc::clone(&seat));
                place.insert(Arc::clone(&seat));
                Ok(seat)
            }
        }
    }

    /// At most so many seats from this number on, by number, as far as somebody sits there.
    pub(crate) fn page(&self, from: ActorId, most: usize) -> Vec<Arc<Seat>> {
        let by_number = self.by_number.read();
        let seats = by_number.range(from.0..).map(|(_, seat)| seat);
        seats.filter(|seat| seat.shown().is_there()).take(most).cloned().collect()
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
            from = some.last()?.id().0.checked_add(1)?;
            if let Some(found) = some.iter().find_map(&mut find) {
                return Some(found);
            }
        }
    }

    /// A place of a consumer group that is nobody's, and whose actor is in service.
    pub(crate) fn find_vacant(&self) -> Option<Arc<Seat>> {
        self.find_map(|seat| {
            let is_free = seat.shown().is_vacant() && seat.shown().condition() == Condition::Live;
            is_free.then(|| Arc::clone(seat))
        })
    }

    /// This place has another name from now on.
    pub(crate) fn rename(&self, seat: &Seat, name: &str) {
        self.seats.remove(seat.name());
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
