//! A server from its start to its end, without doors: recovery, the house, and a journal that goes step by step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::Arbiter;
use actix_rt::task::JoinHandle;
use tidegate_actors::{
    Body, Clock, DeskOptions, Fault, House, HouseOptions, ManualClock, Outcome, PutError, Rebuild,
    RebuildError, Reply, Resident, Seat,
};
use tidegate_engine::ConsumerGroupLimits;
use tidegate_persistence::{
    ActorId, MemoryJournal, Mishap, Options, Reader, Recovered, RecoveryError, State, SteppedWriter, Wake,
    recover_from,
};
use tokio::sync::{Notify, oneshot};

use crate::archive::Archive;
use crate::chronicle::Numbers;
use crate::gate::Gate;
use crate::request::Whom;
use crate::sale::{self, CAMPAIGN, GROUPS, MOST_CONSUMERS, MOST_GROUPS, MOST_PENDING, SKUS};
use crate::setup::Setup;

/// The key of all hash tables.
pub(crate) const SEED: u64 = 7;

/// How often everybody runs before time passes, if nothing comes of it.
const ROUNDS: usize = 32;
/// How much time passes then: as much as who waits to try again waits.
const PAUSE: Duration = Duration::from_millis(5);
/// So often it passes before a reply is given up, which is a defect: somebody would wait for ever.
const PATIENCE: usize = 2_000;

/// How long the word of a rebuild may really take.
const MOST_REBUILD: Duration = Duration::from_secs(30);
/// Actors that are rebuilt one after the other: there are not more.
const MOST_REBUILDS: usize = 8;
/// So often the disk may keep one from being rebuilt in between: it fails once, or for good.
const MOST_FAILED: u64 = 1;

/// The server can't be asked any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// Its journal has failed.
    Failed,
    /// Nothing comes.
    Silent,
}

/// A running server.
pub(crate) struct Life {
    pub(crate) house: Arc<House>,
    pub(crate) writer: SteppedWriter,
    clock: Arc<ManualClock>,
    /// Documents that are being put.
    puts: Vec<JoinHandle<Vec<Result<Reply, PutError>>>>,
    /// The next turn is to panic.
    panics: Arc<AtomicBool>,
    /// The disk is to fail so many operations after the next rebuild has begun.
    fails: Option<u16>,
    disk: MemoryJournal,
    /// Before whoever reads an actor back.
    gate: Arc<Gate>,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.gate.open_for_good();
    }
}

/// Reads an actor back behind a gate.
struct Gated(Reader, Arc<Gate>);

impl Rebuild for Gated {
    fn rebuild(&self, id: ActorId, seed: u64) -> Result<Option<State>, RebuildError> {
        self.1.pass(|| Rebuild::rebuild(&self.0, id, seed))
    }
}

impl Life {
    /// Recovers and opens the house. Must be called on an actix system.
    ///
    /// # Errors
    /// What recovery says.
    pub(crate) fn begin(
        disk: &MemoryJournal,
        archive: &Archive,
        setup: &Setup,
        clock: &Arc<ManualClock>,
    ) -> Result<Self, RecoveryError> {
        let snapshots = Arc::new(disk.snapshots());
        let Recovered { workers, next_actor, journal, .. } =
            recover_from(Arc::new(archive.clone()), Some(snapshots), 1, SEED, &|_| {})?;
        let options = Options {
            max_commit_bytes: setup.commit_bytes,
            epoch_bytes: setup.epoch_bytes,
            retention_epochs: setup.retention_epochs,
            snapshot_pass_events: setup.pass_events,
            ..Options::default()
        };
        let notify: Arc<Notify> = Arc::default();
        let (panics, gate) = (Arc::new(AtomicBool::new(false)), Arc::<Gate>::default());
        let is_to_panic = Arc::clone(&panics);
        let wake = Arc::clone(&notify);
        let (writer, lanes) =
            journal.start_stepped(&options, vec![Arc::new(move || wake.notify_one()) as Wake]);
        // Coupons are known before the orders that used them.
        let (campaigns, skus): (Vec<_>, Vec<_>) =
            workers.into_iter().flatten().partition(|actor| matches!(actor.state, State::Campaign(_)));
        let residents = campaigns.into_iter().chain(skus);
        let house = House::open(
            lanes.into_iter().map(|lane| (Arbiter::current(), lane, Arc::clone(&notify))).collect(),
            residents.map(|actor| Resident { id: actor.id, name: actor.name, state: actor.state }),
            next_actor,
            Arc::clone(clock),
            Gated(writer.reader(), Arc::clone(&gate)),
            HouseOptions {
                mailbox_capacity: 64,
                max_skus: 10,
                max_campaigns: 10,
                max_consumer_groups: MOST_GROUPS,
                desk: DeskOptions {
                    expiries_per_turn: setup.expiries_per_turn,
                    consumer_group: ConsumerGroupLimits {
                        max_consumers: MOST_CONSUMERS,
                        max_pending: MOST_PENDING,
                    },
                    ..DeskOptions::default()
                },
                // Whoever sets the clock wakes the actors itself.
                look_at_clock: Duration::from_secs(1_000_000_000),
                seed: SEED,
                probe: Some(Box::new(move |_| {
                    if is_to_panic.swap(false, Ordering::Relaxed) {
                        std::panic::panic_any("a planned defect");
                    }
                })),
                news: None,
            },
        );
        Ok(Self {
            house: Arc::new(house),
            writer,
            clock: Arc::clone(clock),
            puts: Vec::new(),
            panics,
            fails: None,
            disk: disk.clone(),
            gate,
        })
    }

    /// What a server does before it lets anybody in.
    ///
    /// # Errors
    /// The journal failed.
    pub(crate) async fn prepare(&mut self, setup: &Setup) -> Result<(), Unavailable> {
        let house = Arc::clone(&self.house);
        self.drive(async move { house.settle_carts().await }).await?;
        let house = Arc::clone(&self.house);
        self.drive(async move { house.enrol().await }).await?.map_err(|_| Unavailable::Failed)?;
        let house = Arc::clone(&self.house);
        let documents = sale::documents(setup, 0).unwrap_or_default();
        let put = self.drive(async move { house.put(documents).await }).await?;
        if put.iter().all(|put| matches!(put, Ok(Reply::Accepted(_)))) {
            Ok(())
        } else {
            Err(Unavailable::Failed)
        }
    }

    /// What the clock shows, in milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now().0
    }

    /// Which number the journal knows each of them by.
    pub(crate) fn numbers(&self) -> Numbers {
        let campaign = self.house.find_campaign(CAMPAIGN).map(|seat| seat.id());
        Numbers { skus: SKUS.map(|sku| self.house.find(sku).map(|seat| seat.id())), campaign }
    }

    fn find(&self, whom: Whom) -> Option<Arc<Seat>> {
        match whom {
            Whom::Sku(sku) => self.house.find(SKUS[sku]),
            Whom::Campaign => self.house.find_campaign(CAMPAIGN),
            Whom::Group(group) => self.house.find_consumer_group(GROUPS[group]),
        }
    }

    /// Sends a message; `None` if nobody is there or it is not taken.
    pub(crate) fn send(&self, whom: Whom, body: Body) -> Option<oneshot::Receiver<Outcome>> {
        self.house.send(&self.find(whom)?, body).ok()
    }

    /// Sends messages to several at once; `None` for those who are not there.
    pub(crate) fn send_all(
        &self,
        messages: impl IntoIterator<Item = (Whom, Body)>,
    ) -> Vec<Option<oneshot::Receiver<Outcome>>> {
        let (mut bodies, mut tellers) = (Vec::new(), Vec::new());
        let outcomes = messages.into_iter().map(|(whom, body)| {
            let seat = self.find(whom)?;
            let (to, outcome) = oneshot::channel();
            bodies.push((seat, body));
            tellers.push(to);
            Some(outcome)
        });
        let outcomes = outcomes.collect();
        let rounds = self.house.send_all(bodies);
        actix_rt::spawn(async move {
            for (to, (_, outcome)) in tellers.into_iter().zip(rounds.outcomes().await) {
                // Who does not wait any more need not be told.
                let _ = to.send(outcome);
            }
        });
        outcomes
    }

    /// Asks, and has done whatever is needed until there is an answer.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn ask(&mut self, whom: Whom, body: Body) -> Result<Vec<Reply>, Unavailable> {
        let Some(outcome) = self.send(whom, body) else { return Ok(Vec::new()) };
        match self.drive(outcome).await? {
            Ok(Outcome { replies: Ok(replies), .. }) => Ok(replies),
            Ok(Outcome { replies: Err(Fault::Overloaded), .. }) => Err(Unavailable::Silent),
            _ => Err(Unavailable::Failed),
        }
    }

    /// Puts the documents again, with other titles. Nobody waits for that.
    pub(crate) fn put(&mut self, setup: &Setup, edition: u8) {
        let house = Arc::clone(&self.house);
        let documents = sale::documents(setup, edition).unwrap_or_default();
        self.puts.push(actix_rt::spawn(async move { house.put(documents).await }));
    }

    /// Looks at what became of documents.
    ///
    /// # Errors
    /// One was refused, for another reason than that it could not be taken now.
    pub(crate) async fn check_puts(&mut self) -> Result<(), String> {
        while let Some(at) = self.puts.iter().position(JoinHandle::is_finished) {
            for put in self.puts.remove(at).await.into_iter().flatten() {
                if !matches!(put, Ok(Reply::Accepted(_)) | Err(PutError::Fault(_))) {
                    return Err(format!("a document that differs in its title is not taken: {put:?}"));
                }
            }
        }
        Ok(())
    }

    /// Has everybody run, the journal commit and time pass until this is done.
    ///
    /// # Errors
    /// It does not come to an end.
    async fn drive<T: 'static>(&mut self, what: impl Future<Output = T> + 'static) -> Result<T, Unavailable> {
        let mut done = actix_rt::spawn(what);
        for _ in 0..PATIENCE {
            for _ in 0..ROUNDS {
                run(1).await;
                self.writer.commit();
                if done.is_finished() {
                    return (&mut done).await.map_err(|_| Unavailable::Silent);
                }
            }
            if self.writer.failed().is_some() {
                // Whoever waits for what can't be any more.
                done.abort();
                return Err(Unavailable::Failed);
            }
            self.pass(PAUSE).await;
        }
        done.abort();
        Err(Unavailable::Silent)
    }

    /// The next turn ends in a panic, and the disk fails so many operations after the rebuild has begun.
    pub(crate) fn panic(&mut self, fails: Option<u16>) {
        self.fails = fails;
        self.panics.store(true, Ordering::Relaxed);
    }

    /// Waits until whoever is being rebuilt is back. Another thread does that: it is let through to it when nothing else has
    /// anything left to do, so that everything is the same each time.
    ///
    /// # Errors
    /// It does not come back.
    pub(crate) async fn heal(&mut self) -> Result<(), Unavailable> {
        let house = Arc::clone(&self.house);
        let failed_before = house.rebuild_attempts() - house.rebuilt();
        for _ in 0..MOST_REBUILDS {
            let status = house.status();
            let failed = house.rebuild_attempts() - house.rebuilt() - failed_before;
            if !status.quarantined.is_empty() || failed > MOST_FAILED {
                return Err(Unavailable::Failed);
            }
            if status.rebuilding.is_empty() {
                return Ok(());
            }
            // What it wrote is on the disk before it is read back, and whoever waits for that looks once a millisecond. Who
            // tries again after the disk has failed waits ten of them.
            for _ in 0..4 {
                run(32).await;
                while self.writer.commit() {}
                self.pass(PAUSE).await;
            }
            run(32).await;
            if let Some(after) = self.fails.take() {
                self.disk.mishap_after(after.into(), Mishap::Error);
            }
            let attempts = house.rebuild_attempts();
            if !self.gate.let_one_through() {
                return Err(Unavailable::Silent);
            }
            let began = Instant::now();
            while house.rebuild_attempts() == attempts {
                // It has done its work, and is about to say so.
                run(1).await;
                if began.elapsed() > MOST_REBUILD {
                    return Err(Unavailable::Silent);
                }
            }
            run(32).await;
        }
        Err(Unavailable::Silent)
    }

    /// Has everybody do what is to be done, until nothing is left that does not wait for the clock.
    pub(crate) async fn settle(&mut self) {
        for _ in 0..4 {
            run(16).await;
            while self.writer.commit() {}
        }
        run(16).await;
    }

    /// Time passes.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.advance(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        tokio::time::advance(time).await;
    }
}

/// Has everybody run who can, for so many rounds.
pub(crate) async fn run(rounds: u8) {
    for _ in 0..rounds {
        tokio::task::yield_now().await;
    }
}
