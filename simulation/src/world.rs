//! Runs a plan: life after life of one server on one disk.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_actors::{Clock, ManualClock};
use tidegate_engine::Millis;
use tidegate_persistence::{Crash, EpochNumber, MemoryJournal, SnapshotStore, recover_from};

use crate::archive::Archive;
use crate::auditor::Auditor;
use crate::chronicle;
use crate::clients::Clients;
use crate::life::{self, Life, SEED, Unavailable};
use crate::photograph::Photograph;
use crate::plan::{Plan, Step};
use crate::readers::Readers;
use crate::sale::BEGIN;

/// A server that is started so often without a crash between does not start.
const MOST_STARTS: u32 = 500;

/// A sale in which something went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What.
    pub what: String,
    /// Steps done by then.
    pub step: usize,
    /// It has not come to an end, and still goes on.
    pub is_stuck: bool,
}

/// A sale in which nothing went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Of all states at the end: the same seed, the same hash.
    pub hash: u64,
    /// Requests sent, each once.
    pub requests: usize,
    /// Starts, after crashes and stops.
    pub starts: u32,
    /// Epochs that were deleted because a snapshot covers them.
    pub deleted: usize,
    /// How often each kind of reply was heard.
    pub replies: BTreeMap<String, u64>,
}

/// Runs a sale on this thread. `progress` shows the steps that were begun.
///
/// # Errors
/// What went wrong.
pub(crate) fn run(plan: &Plan, progress: &AtomicUsize) -> Result<Finished, Failure> {
    let mut world = World::new(plan, progress);
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    let done = ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("a panic: {}", text.or_else(|| panic.downcast_ref().copied()).unwrap_or("no message")))
    });
    done.map_err(|what| Failure { what, step: world.step, is_stuck: false })
}

/// How a life ends.
enum End {
    Crash(Crash),
    /// It was stopped in order.
    Stop,
    /// The sale is over.
    Over,
}

struct World<'p> {
    plan: &'p Plan,
    progress: &'p AtomicUsize,
    disk: MemoryJournal,
    archive: Archive,
    clock: Arc<ManualClock>,
    /// The latest that the clock ever showed.
    latest: u64,
    /// The last event that was durable when anybody was told anything, by its sequence.
    promised: u64,
    clients: Clients,
    readers: Readers,
    /// The snapshot that was damaged.
    damaged: Option<EpochNumber>,
    step: usize,
    starts: u32,
}

impl<'p> World<'p> {
    fn new(plan: &'p Plan, progress: &'p AtomicUsize) -> Self {
        let disk = MemoryJournal::new();
        Self {
            plan,
            progress,
            archive: Archive::new(disk.clone()),
            disk,
            clock: Arc::new(ManualClock::new(Millis(BEGIN))),
            latest: BEGIN,
            promised: 0,
            clients: Clients::new(Auditor::new(plan.setup.clone())),
            readers: Readers::default(),
            damaged: None,
            step: 0,
            starts: 0,
        }
    }

    fn run(&mut self) -> Result<Finished, String> {
        if self.plan.lying_disk {
            self.disk.lie();
        }
        loop {
            let system = actix::System::with_tokio_rt(paused_runtime);
            let end = system.block_on(self.live())?;
            // Every actor is gone with it.
            drop(system);
            self.clients.cut_off();
            self.readers.cut_off()?;
            match end {
                End::Crash(left) => self.disk.crash(left),
                End::Stop => self.disk.crash(Crash::LoseUnsynced),
                End::Over => return self.finish(),
            }
        }
    }

    /// From a start to the next end.
    async fn live(&mut self) -> Result<End, String> {
        self.starts += 1;
        if self.starts > MOST_STARTS {
            return Err("the server was started again and again".to_owned());
        }
        // What happens to the disk first happens to the start.
        while let Some(Step::Mishap { after, mishap }) = self.plan.steps.get(self.step).copied() {
            self.begin_step();
            self.disk.mishap_after(after.into(), mishap);
        }
        let mut life = match Life::begin(&self.disk, &self.archive, &self.plan.setup, &self.clock) {
            Ok(life) => life,
            Err(_) if self.disk.has_failed() => return Ok(End::Crash(Crash::LoseUnsynced)),
            Err(error) => return Err(format!("the server does not start: {error}")),
        };
        self.find_promised(life.writer.reader().durable_sequence())?;
        let prepared = life.prepare(&self.plan.setup).await;
        self.note_promised(&life);
        if let Some(end) = self.judge(prepared, &life, "the server does not get ready")? {
            return Ok(end);
        }
        if let Some(end) = self.audit(&mut life).await? {
            return Ok(end);
        }
        while let Some(step) = self.plan.steps.get(self.step).copied() {
            self.begin_step();
            if let Some(end) = self.take(step, &mut life).await? {
                return Ok(end);
            }
            let healed = life.heal().await;
            if let Some(end) = self.judge(healed, &life, "an actor that panicked is not back in service")? {
                return Ok(end);
            }
            self.note_time();
            self.collect(&life)?;
            life.check_puts().await?;
        }
        if self.step == self.plan.steps.len() {
            // Once more: whatever was on its way is lost.
            self.begin_step();
            return Ok(End::Crash(Crash::LoseUnsynced));
        }
        self.conclude(&mut life).await
    }

    fn begin_step(&mut self) {
        self.step += 1;
        self.progress.store(self.step, Ordering::Relaxed);
    }

    /// Whether a life goes on after this. It must, unless it can't write its journal any more: an operation of the disk
    /// that failed once is no excuse.
    fn judge(
        &self,
        done: Result<(), Unavailable>,
        life: &Life,
        otherwise: &str,
    ) -> Result<Option<End>, String> {
        match done {
            Ok(()) => Ok(None),
            Err(_) if self.is_over(life) => Ok(Some(End::Crash(Crash::KeepUnsynced))),
            Err(why) => Err(format!("{otherwise}: {why:?}")),
        }
    }

    fn is_over(&self, life: &Life) -> bool {
        self.disk.is_dead() || life.writer.failed().is_some()
    }

    async fn audit(&mut self, life: &mut Life) -> Result<Option<End>, String> {
        let carts = self.clients.auditor.carts().map(|(cart, _)| cart).max().unwrap_or(0);
        let photograph = match Photograph::take(life, carts).await {
            Ok(photograph) => photograph,
            Err(why) => return self.judge(Err(why), life, "the server does not say how it stands"),
        };
        self.note_time();
        self.clients.auditor.audit(&photograph, self.latest)?;
        self.readers.audit(&photograph.groups)?;
        let read = || chronicle::audit(&life.writer.reader(), &life.numbers(), &photograph, self.latest);
        // Who reads the feed asks again, and the disk fails once.
        let audited = match read() {
            Err(chronicle::Failed::Unreadable(_)) => read(),
            audited => audited,
        };
        match audited {
            Ok(()) => Ok(None),
            Err(chronicle::Failed::Wrong(what)) => Err(what),
            Err(chronicle::Failed::Unreadable(_)) if self.is_over(life) => {
                Ok(Some(End::Crash(Crash::KeepUnsynced)))
            }
            Err(chronicle::Failed::Unreadable(error)) => Err(format!("the journal can't be read: {error}")),
        }
    }

    fn note_time(&mut self) {
        self.latest = self.latest.max(self.clock.now().0);
    }

    async fn take(&mut self, step: Step, life: &mut Life) -> Result<Option<End>, String> {
        match step {
            Step::Ask { question, joined } => self.clients.ask(question, joined, life),
            Step::Put { edition } => life.put(&self.plan.setup, edition),
            Step::Read { reading } => self.readers.ask(reading, life).await,
            Step::Repeat { of } => self.clients.repeat(of.into(), life),
            Step::Leave { who } => {
                let (clients, readers) = (self.clients.waiting(), self.readers.waiting());
                match usize::from(who).checked_rem(clients + readers) {
                    Some(who) if who < clients => self.clients.leave(who),
                    Some(who) => self.readers.leave(who - clients),
                    None => {}
                }
            }
            Step::Run { rounds } => life::run(rounds).await,
            Step::Commit => drop(life.writer.commit()),
            Step::Mark => life.writer.write_mark(),
            Step::MakeEpoch => life.writer.make_epoch(),
            Step::Snapshot => life.writer.make_snapshot(),
            Step::Pass { ms } => {
                life.pass(Duration::from_millis(ms.into())).await;
                self.note_time();
            }
            Step::SetClock { by } => {
                let now = self.clock.now().0.saturating_add_signed(by);
                self.clock.set(Millis(now));
                self.clients.auditor.clock_set(now);
                self.note_time();
                life.house.wake();
            }
            Step::Mishap { after, mishap } => self.disk.mishap_after(after.into(), mishap),
            Step::FailSync { after } => self.disk.fail_sync_after(after.into()),
            Step::Fill { bytes } => self.disk.set_capacity(self.disk.bytes() + u64::from(bytes)),
            Step::Panic { fails } => life.panic(fails),
            Step::Damage { at } => self.damage(at),
            Step::Crash { left } => return Ok(Some(End::Crash(left))),
            Step::Stop => {
                // What was asked is answered, as far as the disk lets it.
                life.settle().await;
                self.collect(life)?;
                life.writer.write_mark();
                return Ok(Some(End::Stop));
            }
        }
        Ok(None)
    }

    /// What is durable now must stay: answers may have told of it, also those of which nothing can be seen afterwards.
    fn note_promised(&mut self, life: &Life) {
        self.promised = self.promised.max(life.writer.reader().durable_sequence());
    }

    /// Whether a journal that now ends with this sequence has all that was promised.
    fn find_promised(&self, last: u64) -> Result<(), String> {
        match last < self.promised {
            true => Err(format!(
                "events are missing: {} was durable, and the journal ends at {last}",
                self.promised
            )),
            false => Ok(()),
        }
    }

    /// Damages the newest snapshot, unless one that was damaged before is there: the one before it can only make up for one.
    fn damage(&mut self, at: u16) {
        let covered = self.disk.snapshots().list().unwrap_or_default();
        if self.damaged.is_none_or(|damaged| !covered.contains(&damaged))
            && self.disk.tamper_snapshot(at.into())
        {
            self.damaged = covered.first().copied();
        }
    }

    /// Hears what was answered meanwhile.
    fn collect(&mut self, life: &Life) -> Result<(), String> {
        self.note_promised(life);
        self.clients.collect()?;
        self.readers.collect()
    }

    /// The end of a sale: everything is asked once more, and answered.
    async fn conclude(&mut self, life: &mut Life) -> Result<End, String> {
        for at in 0..self.clients.requests().len() {
            self.clients.insist(at, life).await?;
        }
        life.settle().await;
        self.note_promised(life);
        self.readers.cut_off()?;
        // The crash before this life has ended whatever was to happen to the disk.
        if self.audit(life).await?.is_some() {
            return Err("the server does not say how it stands at the end".to_owned());
        }
        life.writer.write_mark();
        Ok(End::Over)
    }

    /// The states that the next start would find, with snapshots and without.
    fn finish(&mut self) -> Result<Finished, String> {
        self.disk.crash(Crash::LoseUnsynced);
        let hash = |journal, snapshots: Option<Arc<dyn SnapshotStore>>| -> Result<u64, String> {
            let recovered = recover_from(journal, snapshots, 1, SEED, &|_| {});
            let mut recovered = recovered.map_err(|error| error.to_string())?;
            self.find_promised(recovered.next_sequence - 1)?;
            let mut actors = recovered.workers.remove(0);
            actors.sort_by_key(|actor| actor.id);
            // FNV's way of mixing: all that is wanted is that no two sales agree by chance.
            let mix = |hash: u64, more: u64| (hash ^ more).wrapping_mul(0x0100_0000_01b3).rotate_left(29);
            Ok(actors.iter().fold(0xcbf2_9ce4_8422_2325, |all, actor| mix(all, actor.state.hash())))
        };
        let with = hash(Arc::new(self.disk.clone()), Some(Arc::new(self.disk.snapshots())))?;
        let whole = self.archive.whole().map_err(|error| error.to_string())?;
        if hash(Arc::new(whole), None)? != with {
            return Err("snapshot and journal lead to another state than the journal alone".to_owned());
        }
        let mut replies = self.clients.auditor.replies().clone();
        replies.extend(self.readers.heard().clone());
        let requests = self.clients.requests().len();
        Ok(Finished { hash: with, requests, starts: self.starts, deleted: self.archive.deleted(), replies })
    }
}

/// A runtime whose time stands still until somebody moves it.
#[allow(clippy::expect_used, reason = "a runtime without I/O needs nothing that the system could refuse")]
fn paused_runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime")
}
