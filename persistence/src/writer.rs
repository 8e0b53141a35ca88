//! The one thread that writes the journal. What waits while a commit is made durable is the next commit.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, unbounded};

use crate::block::BlockBuilder;
use crate::error::panic_message;
use crate::keeper::{Hands, Housekeeping, Keeper};
use crate::lane::{Committed, Lane, Message, Shared, Wake};
use crate::status::{Commit, JournalMeasures, JournalStatus, Measured, micros};
use crate::sync::Sender;
use crate::{Epoch, EpochNumber, JournalError, Mark, OpenJournal, Options, Reader, Tail};

/// How often a commit makes way for more of what it could take along.
const MAX_YIELDS: usize = 64;
/// How long it makes way while a snapshot is made. Linux makes some 80 µs of it.
const BESIDE_A_SNAPSHOT: Duration = Duration::from_micros(20);

/// The running journal. Dropping it stops it too, but tells nobody whether that went well: call [`Self::stop`].
#[derive(Debug)]
pub struct Writer {
    messages: Sender<Message>,
    thread: Option<JoinHandle<()>>,
    keeper: Keeper,
    shared: Arc<Shared>,
    measured: Arc<Measured>,
    reader: Reader,
}

/// A journal that did not end well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopError {
    /// It failed before, or in its last commit.
    #[error("the journal failed: {0}; what was not acknowledged by then may be lost")]
    Failed(String),
    /// A thread can't be started.
    #[error("cannot start the journal's threads: {0}")]
    Thread(String),
}

impl OpenJournal {
    /// Begins to write: one lane for each wake callback, in their order.
    ///
    /// # Errors
    /// If a thread can't be started.
    pub fn start(self, options: &Options, wakes: Vec<Wake>) -> Result<(Writer, Vec<Lane>), StopError> {
        let Parts { messages, commits, hands, lanes, shared, measured, reader } = self.parts(options, wakes);
        let failed = |error: std::io::Error| StopError::Thread(error.to_string());
        let keeper = Keeper::start(hands).map_err(failed)?;
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(|| commits.run());
        let thread = Some(thread.map_err(failed)?);
        Ok((Writer { messages, thread, keeper, shared, measured, reader }, lanes))
    }

    /// The same without threads: whoever calls this has each of their steps done. For simulations.
    #[must_use]
    pub fn start_stepped(self, options: &Options, wakes: Vec<Wake>) -> (SteppedWriter, Vec<Lane>) {
        let Parts { commits, hands, lanes, reader, .. } = self.parts(options, wakes);
        (SteppedWriter { commits, hands, reader }, lanes)
    }

    fn parts(self, options: &Options, wakes: Vec<Wake>) -> Parts {
        let Self { lock, epochs, snapshots, tail, epoch, epoch_bytes, current, seed } = self;
        let (messages, inbox) = unbounded();
        let shared = Arc::new(Shared::new(wakes, tail.sequence - 1, options.max_inflight_bytes));
        let measured = Arc::new(Measured::new(epoch, epoch_bytes));
        let (hands, keeper) = Hands::new(Housekeeping {
            epochs: Arc::clone(&epochs),
            snapshots: snapshots.clone(),
            epoch,
            mark_interval: options.mark_interval,
            retention_epochs: options.retention_epochs,
            pass_events: options.snapshot_pass_events,
            seed,
        });
        let reader = Reader { epochs, snapshots, shared: Arc::clone(&shared), _lock: lock };
        let commits = CommitLoop {
            inbox,
            shared: Arc::clone(&shared),
            measured: Arc::clone(&measured),
            keeper,
            current,
            epoch,
            epoch_bytes,
            tail,
            max_commit_bytes: options.max_commit_bytes,
            max_epoch_bytes: options.epoch_bytes,
            next_requested_at: 0,
            block: BlockBuilder::default(),
            touched: BTreeMap::new(),
        };
        let lanes = Shared::open_lanes(&shared, &messages);
        Parts { messages, commits, hands, lanes, shared, measured, reader }
    }
}

/// What a running journal is made of.
struct Parts {
    messages: Sender<Message>,
    commits: CommitLoop,
    hands: Hands,
    lanes: Vec<Lane>,
    shared: Arc<Shared>,
    measured: Arc<Measured>,
    reader: Reader,
}

/// A running journal without threads: nothing happens until one of its steps is called. For simulations, in which the
/// order of everything is chosen.
#[derive(Debug)]
pub struct SteppedWriter {
    commits: CommitLoop,
    hands: Hands,
    reader: Reader,
}

impl SteppedWriter {
    /// Commits what waits. False if that was nothing.
    pub fn commit(&mut self) -> bool {
        if self.failed().is_some() {
            return false;
        }
        let Ok(first) = self.commits.inbox.try_recv() else { return false };
        let committed = catch_unwind(AssertUnwindSafe(|| self.commits.commit_from(first, Instant::now())));
        self.commits.end(committed.map(|committed| committed.map(drop)));
        true
    }

    /// Writes the high-water mark, if there is a newer one.
    pub fn write_mark(&self) {
        self.hands.marker.step();
    }

    /// Makes the next epoch, if the writer has asked for it.
    pub fn make_epoch(&mut self) {
        self.hands.epoch_maker.step();
    }

    /// What went wrong last beside the writer, as [`JournalStatus::trouble`] tells it.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.hands.trouble()
    }

    /// Makes a snapshot of what was closed, and deletes what is not needed any more, if anything was closed.
    pub fn make_snapshot(&self) {
        self.hands.snapshotter.step();
    }

    /// Why nothing will be acknowledged any more, if so.
    #[must_use]
    pub fn failed(&self) -> Option<&str> {
        self.commits.shared.failed()
    }

    /// As [`Writer::reader`].
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }
}

impl Writer {
    /// Makes everything submitted before this call durable, ends the threads and closes the journal.
    ///
    /// # Errors
    /// If the journal failed, now or before.
    pub fn stop(mut self) -> Result<(), StopError> {
        self.end();
        match self.shared.failed() {
            Some(reason) => Err(StopError::Failed(reason.to_owned())),
            None => Ok(()),
        }
    }

    fn end(&mut self) {
        let _ = self.messages.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic in a commit is caught inside and is a failure of the journal.
            let _ = thread.join();
        }
        self.keeper.stop();
    }

    /// Why nothing will be acknowledged any more, if so.
    #[must_use]
    pub fn failed(&self) -> Option<&str> {
        self.shared.failed()
    }

    /// How the journal is doing.
    #[must_use]
    pub fn status(&self) -> JournalStatus {
        let (snapshot, snapshot_running, trouble) = self.keeper.report();
        let (groups_in_flight, bytes_in_flight) = self.shared.in_flight();
        let mut status = JournalStatus {
            durable_sequence: self.shared.durable_sequence(),
            groups_in_flight,
            bytes_in_flight,
            commits: 0,
            commit_bytes: Default::default(),
            commit_us: Default::default(),
            sync_us: Default::default(),
            epoch: EpochNumber::FIRST,
            epoch_bytes: 0,
            snapshot,
            snapshot_running,
            failed: self.shared.failed().map(str::to_owned),
            trouble,
        };
        self.measured.report(&mut status);
        status
    }

    /// What the journal counted since the start.
    #[must_use]
    pub fn measures(&self) -> JournalMeasures {
        let (snapshot, keeper) = self.keeper.counts();
        let (snapshot_bytes, snapshot_actors) =
            snapshot.map_or((0, 0), |snapshot| (snapshot.bytes, snapshot.actors));
        JournalMeasures {
            waiting_groups: self.shared.untaken(),
            snapshot_bytes,
            snapshot_actors,
            keeper,
            ..self.measured.measures()
        }
    }

    /// Reads what is durable while the writer goes on. Clone it freely; the data directory stays locked as long
    /// as one is left.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.end();
        }
    }
}

/// The state of the writer's thread.
struct CommitLoop {
    inbox: Receiver<Message>,
    shared: Arc<Shared>,
    measured: Arc<Measured>,
    keeper: crate::keeper::Handle,
    current: Arc<dyn Epoch>,
    epoch: EpochNumber,
    epoch_bytes: u64,
    tail: Tail,
    max_commit_bytes: usize,
    max_epoch_bytes: u64,
    /// The size of the epoch at which the next one is asked for (again); 0: at three quarters.
    next_requested_at: u64,
    block: BlockBuilder,
    /// Groups of the commit at hand, by lane.
    touched: BTreeMap<u32, u64>,
}

impl fmt::Debug for CommitLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitLoop")
            .field("epoch", &self.epoch)
            .field("tail", &self.tail)
            .finish_non_exhaustive()
    }
}

impl CommitLoop {
    fn run(mut self) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.commit_until_stopped()));
        self.end(outcome);
    }

    /// After an error or a panic nothing more is acknowledged.
    fn end(&self, outcome: std::thread::Result<Result<(), JournalError>>) {
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(panic) => Some(format!("a defect in the journal's writer: {}", panic_message(&*panic))),
        };
        if let Some(reason) = failure {
            tracing::error!(%reason, "the journal failed; nothing is acknowledged any more");
            // Invariant 10: the handle is not touched again.
            self.shared.fail(reason);
        }
    }

    fn commit_until_stopped(&mut self) -> Result<(), JournalError> {
        loop {
            let Ok(first) = self.inbox.recv() else { return Ok(()) };
            let began = Instant::now();
            self.let_others_submit();
            if self.commit_from(first, began)? {
                return Ok(());
            }
        }
    }

    /// Commits what waits from this on, and goes over to another epoch when it is time. True if the journal is to stop.
    fn commit_from(&mut self, first: Message, began: Instant) -> Result<bool, JournalError> {
        let stopping = self.gather(first)?;
        if !self.touched.is_empty() {
            self.shared.take(self.touched.values().sum());
            self.commit(began)?;
        }
        if !stopping {
            self.rotate();
        }
        Ok(stopping)
    }

    /// Lets actors that are ready to run go first, as long as that brings more for this commit. A commit costs the
    /// processor about as much as judging a few hundred orders, whatever is in it: where actors and journal share
    /// cores, one that is begun at the first group takes the processor from those who would have filled it. (Waiting
    /// longer, for as many groups as the last commit had, made fuller commits and fewer orders a second.)
    ///
    /// Beside a snapshot it sleeps instead: where nobody else is ready, a yield gives the processor to the snapshot's thread, which
    /// for all its low priority then has it until the system's next tick, 4 to 9 milliseconds later.
    fn let_others_submit(&self) {
        if self.keeper.is_snapshot_running() {
            return std::thread::sleep(BESIDE_A_SNAPSHOT);
        }
        for _ in 0..MAX_YIELDS {
            let waiting = self.inbox.len();
            std::thread::yield_now();
            if self.inbox.len() == waiting {
                return;
            }
        }
    }

    /// Takes what is waiting, up to the size of a commit. True if the journal is to stop after it.
    fn gather(&mut self, first: Message) -> Result<bool, JournalError> {
        self.block.clear();
        self.touched.clear();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Stop => return Ok(true),
                Message::Groups { lane, groups } => {
                    if let Some(bytes) = groups.misfit() {
                        return Err(JournalError::Io {
                            action: "cannot write",
                            path: "a group".to_owned(),
                            cause: format!("its {bytes} bytes are more than a group may have"),
                        });
                    }
                    self.block.push(groups.bytes(), groups.events());
                    *self.touched.entry(lane).or_default() += groups.len();
                }
            }
            let full = self.block.len() >= self.max_commit_bytes;
            next = if full { None } else { self.inbox.try_recv().ok() };
        }
        Ok(false)
    }

    fn commit(&mut self, began: Instant) -> Result<(), JournalError> {
        let first_sequence = self.tail.sequence;
        let (block, tail) = self.block.seal(self.epoch, &self.tail);
        let bytes = block.len();
        let sealed = Instant::now();
        self.current.append(first_sequence, block)?;
        let written = Instant::now();
        self.current.sync()?;
        self.tail = tail;
        self.epoch_bytes += bytes as u64;
        let now = Instant::now();
        let commit = Commit {
            bytes,
            groups: self.touched.values().sum(),
            events: tail.sequence - first_sequence,
            took: now - began,
            append: written - sealed,
            sync: now - written,
        };

        self.measured.commit(commit, self.epoch, self.epoch_bytes);
        self.shared.acknowledge(&Committed {
            groups: &self.touched,
            bytes: (bytes - crate::block::HEADER) as u64,
            sequence: tail.sequence - 1,
            sync_us: micros(commit.sync),
        });
        self.keeper.mark(Mark {
            epoch: self.epoch,
            block: tail.block - 1,
            hash: tail.hash,
            sequence: tail.sequence - 1,
        });
        Ok(())
    }

    /// Asks for the next epoch in time, and changes over to it between two commits.
    fn rotate(&mut self) {
        if self.next_requested_at == 0 {
            self.next_requested_at = self.max_epoch_bytes / 4 * 3;
        }
        if self.epoch_bytes >= self.next_requested_at {
            self.keeper.request_epoch(self.epoch.next());
            // If it can't be made, it is asked for again a quarter of an epoch later.
            self.next_requested_at = self.epoch_bytes + self.max_epoch_bytes / 4 + 1;
        }
        if self.epoch_bytes < self.max_epoch_bytes {
            return;
        }
        if let Some(next) = self.keeper.take_epoch() {
            let closed = std::mem::replace(&mut self.current, next);
            self.keeper.close_epoch(self.epoch, closed, self.tail);
            self.epoch = self.epoch.next();
            self.epoch_bytes = 0;
            self.next_requested_at = 0;
        }
    }
}
