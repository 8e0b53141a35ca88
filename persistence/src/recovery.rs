//! The start: from what lies on disk to the states of all actors and a journal that goes on.
//!
//! The newest good snapshot first, then the epochs after it: one reader verifies every block, workers apply.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
use tidegate_engine::Millis;

use crate::chain::{Chain, ChainError, Step, Torn};
use crate::epoch::Epochs;
use crate::error::panic_message;
use crate::identity::{IdentityError, UNIDENTIFIED, known_identity};
use crate::replay::{RecoveredActor, ReplayError, Replayer, Whose};
use crate::snapshot::{Frame, SnapshotDir, SnapshotError, SnapshotInfo, SnapshotStore, Snapshots};
use crate::{
    ActorId, DirLock, Epoch, EpochNumber, Journal, JournalError, Options, OptionsError, SledJournal, Tail,
};

/// Blocks go to the workers in batches of about this many bytes: enough that each of some thousand actors has dozens of
/// events in it, which it takes one after the other.
const BATCH_BYTES: usize = 4 << 20;
/// Batches, or frames of a snapshot (up to 256 KiB each), that may wait for one worker: this bounds what a start needs beside the
/// states themselves.
const BATCHES_WAITING: usize = 4;

/// What an operator is told of a journal that holds something and has no mark. A crash just after the first sale can be
/// the cause; anything else is damage.
pub(crate) const UNMARKED: &str = "there is no high-water mark: the journal is taken as it is, and it can't be told whether acknowledged orders are missing at its end; a start goes on, with a warning";

/// Everything a start needs to know.
#[derive(Debug)]
pub struct Recovered {
    /// The actors, for each worker those it owns ([`ActorId::worker`]), by number.
    pub workers: Vec<Vec<RecoveredActor>>,
    /// The number of the next actor that is born.
    pub next_actor: ActorId,
    /// The sequence of the next event.
    pub next_sequence: u64,
    /// The latest time in the journal; the clock must not show less.
    pub last_at: Millis,
    /// The journal, ready to go on.
    pub journal: OpenJournal,
    /// How it went.
    pub report: RecoveryReport,
}

/// How a start went.
#[derive(Clone, Debug, Default)]
pub struct RecoveryReport {
    /// The snapshot it began with.
    pub snapshot: Option<SnapshotInfo>,
    /// Blocks replayed after it.
    pub blocks: u64,
    /// Events in them.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
    /// What an operator should know: a torn tail that was cut, a damaged snapshot that was passed over.
    pub warnings: Vec<String>,
}

/// A journal that was read to its end and is not written to yet.
#[derive(Debug)]
pub struct OpenJournal {
    pub(crate) lock: Option<Arc<DirLock>>,
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) snapshots: Option<Snapshots>,
    pub(crate) tail: Tail,
    pub(crate) epoch: EpochNumber,
    pub(crate) epoch_bytes: u64,
    pub(crate) current: Arc<dyn Epoch>,
    pub(crate) seed: u64,
}

/// A start that must not go on. Nothing was changed, unless a torn tail was cut before.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The options can't be.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The journal is damaged.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The journal contradicts itself.
    #[error("replaying the journal failed: {0}")]
    Replay(#[from] ReplayError),
    /// No snapshot is good, and the journal alone does not reach back to the beginning.
    #[error(
        "no snapshot can be used and the journal begins only with {first}: {reason}; restore the snapshot from a backup"
    )]
    Uncovered {
        /// The first epoch that is there.
        first: EpochNumber,
        /// What is wrong with the snapshots.
        reason: String,
    },
    /// There is no journal where there was one: its disk is not mounted, or somebody has deleted it.
    #[error(
        "the journal holds nothing, but {sign} is there, so there was one before: mount it, or restore the data directory from a backup; to begin anew, use an empty data directory"
    )]
    Gone {
        /// What says that there was one.
        sign: &'static str,
    },
    /// What tells the data directory from every other is damaged.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A snapshot can't be used.
    #[error("snapshot: {0}")]
    Snapshot(#[from] SnapshotError),
    /// The directory of snapshots can't be read.
    #[error("the directory of snapshots: {0}")]
    Io(#[from] std::io::Error),
    /// A worker panicked.
    #[error("a defect was met while replaying: {0}")]
    Panic(String),
}

impl From<JournalError> for RecoveryError {
    fn from(error: JournalError) -> Self {
        Self::Chain(ChainError::Journal(error))
    }
}

/// Recovers what the locked data directory holds, for `workers` owners of actors. The lock is taken by the caller,
/// who can so learn early, before a long replay, that the directory is in use; it stays with the journal. `seed` is
/// the key of the states' hash tables; `progress` is told the number of events read so far.
///
/// # Errors
/// If what the directory holds is damaged in a way that acknowledged orders may be missing.
pub fn recover(
    lock: impl Into<Arc<DirLock>>,
    options: &Options,
    workers: usize,
    seed: u64,
    progress: &dyn Fn(u64),
) -> Result<Recovered, RecoveryError> {
    options.validate()?;
    let lock = lock.into();
    let dir = lock.dir();
    let journal = SledJournal::new(&dir.join("journal"), options.cache_bytes)?;
    journal.tidy()?;
    let is_identified = known_identity(dir)?.is_some();
    if is_identified && journal.epochs()?.is_empty() && journal.mark()?.is_none() {
        return Err(RecoveryError::Gone { sign: "the data directory's identity" });
    }
    let damaged_mark = journal.damage_of_mark()?;
    let snapshots = SnapshotDir::new(dir.join("snapshots"));
    let mut recovered = recover_from(Arc::new(journal), Some(Arc::new(snapshots)), workers, seed, progress)?;
    recovered.report.warnings.extend(damaged_mark);
    // A lost file of a line is no reason not to sell.
    if !is_identified && recovered.next_sequence > Tail::EMPTY.sequence {
        recovered.report.warnings.push(UNIDENTIFIED.to_owned());
    }
    recovered.journal.lock = Some(lock);
    Ok(recovered)
}

/// As [`recover`], from any journal. Snapshots are kept in `snapshots`; without one, none are made.
///
/// # Errors
/// As [`recover`].
pub fn recover_from(
    journal: Arc<dyn Journal>,
    snapshots: Option<Arc<dyn SnapshotStore>>,
    workers: usize,
    seed: u64,
    progress: &dyn Fn(u64),
) -> Result<Recovered, RecoveryError> {
    let snapshots = snapshots.map(Snapshots::new);
    if let Some(snapshots) = &snapshots {
        snapshots.store().tidy()?;
    }
    let began = Instant::now();
    let epochs = Arc::new(Epochs::new(journal));
    if epochs.list()?.is_empty() {
        if let Some(mark) = epochs.journal().mark()? {
            return Err(ChainError::BelowMark { block: 0, mark: mark.block }.into());
        }
        if let Some(snapshots) = &snapshots
            && !snapshots.list()?.is_empty()
        {
            return Err(RecoveryError::Gone { sign: "a snapshot" });
        }
        drop(epochs.create(EpochNumber::FIRST)?);
    }
    let mut warnings = Vec::new();
    for base in bases(&epochs, snapshots.as_ref(), &mut warnings)? {
        let attempt =
            Attempt { epochs: &epochs, snapshots: snapshots.as_ref(), base, workers, seed, progress };
        match attempt.run() {
            Ok(read) => return read.finish(epochs, snapshots, seed, warnings, began),
            Err(
                error @ (RecoveryError::Snapshot(_) | RecoveryError::Replay(ReplayError::Section { .. })),
            ) => warnings.push(format!(
                "the snapshot of {} was passed over: {error}",
                base.unwrap_or(EpochNumber::FIRST)
            )),
            Err(error) => return Err(error),
        }
    }
    let first = epochs.list()?.first().copied().unwrap_or(EpochNumber::FIRST);
    let reason = if warnings.is_empty() { "there is none".to_owned() } else { warnings.join("; ") };
    Err(RecoveryError::Uncovered { first, reason })
}

/// The snapshots to try, newest first, `None` for the empty beginning; only those that the epochs go on from.
///
/// A snapshot is made of an epoch that is closed, and that one is closed only once the next is there: without it, what
/// was written since is lost. Of older snapshots, one that was to be deleted may have come back with the power.
fn bases(
    epochs: &Epochs,
    snapshots: Option<&Snapshots>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Option<EpochNumber>>, RecoveryError> {
    let there = epochs.list()?;
    let mut bases = Vec::new();
    if let Some(snapshots) = snapshots {
        let mut newest = None;
        for covers in snapshots.list()? {
            let footer = snapshots.footer(covers);
            if footer.is_ok() {
                newest.get_or_insert(covers);
            }
            match footer {
                Err(error) => warnings.push(format!("the snapshot of {covers} was passed over: {error}")),
                Ok(_) if there.contains(&covers.next()) => bases.push(Some(covers)),
                Ok(_) if newest == Some(covers) => return Err(ChainError::Missing(covers.next()).into()),
                Ok(_) => warnings
                    .push(format!("the snapshot of {covers} was passed over: {} is missing", covers.next())),
            }
        }
    }
    if there.first() == Some(&EpochNumber::FIRST) {
        bases.push(None);
    }
    Ok(bases)
}

/// One try to start, from one snapshot or from nothing.
struct Attempt<'a> {
    epochs: &'a Epochs,
    snapshots: Option<&'a Snapshots>,
    base: Option<EpochNumber>,
    workers: usize,
    seed: u64,
    progress: &'a dyn Fn(u64),
}

/// What a try came to.
struct Read {
    replayers: Vec<Replayer>,
    tail: Tail,
    /// Whether a mark says how far the journal must reach.
    is_marked: bool,
    here: (EpochNumber, u64, Arc<dyn Epoch>),
    torn: Option<Torn>,
    report: RecoveryReport,
}

/// What a worker is given.
enum Work {
    Frame(Frame),
    /// Verified blocks with their first sequences, shared by all workers.
    Blocks(Arc<Vec<(Vec<u8>, u64)>>),
}

impl Attempt<'_> {
    fn run(&self) -> Result<Read, RecoveryError> {
        let count = self.workers.max(1);
        let mut ahead = self.epochs.list()?;
        ahead.retain(|epoch| *epoch >= self.first());
        std::thread::scope(|scope| {
            let (begun, begins) = unbounded();
            let (journal, to_fetch, has_snapshot) =
                (self.epochs.journal(), ahead.clone(), self.base.is_some());
            let fetcher = scope.spawn(move || fetch(&**journal, &to_fetch, has_snapshot, &begins));
            let (outboxes, handles): (Vec<_>, Vec<_>) = (0..count)
                .map(|part| {
                    let (outbox, inbox) = bounded(BATCHES_WAITING);
                    let replayer = Replayer::new(Whose::Part { part, of: count }, self.seed);
                    (outbox, scope.spawn(move || work(replayer, &inbox)))
                })
                .unzip();
            let read = self.feed(ahead, &outboxes, &begun);
            // The workers and the fetcher end when there is nothing more to come.
            drop((outboxes, begun));
            let fetched = fetcher.join().map_err(|panic| RecoveryError::Panic(panic_message(&*panic)))?;
            let mut replayers = Vec::with_capacity(count);
            for handle in handles {
                let worker = handle.join().map_err(|panic| RecoveryError::Panic(panic_message(&*panic)))?;
                replayers.push(worker?);
            }
            // A worker's error came first: the reader only noticed that it was gone.
            let mut read = read?;
            fetched?;
            read.replayers = replayers;
            Ok(read)
        })
    }

    /// The epoch that it goes on with.
    fn first(&self) -> EpochNumber {
        self.base.map_or(EpochNumber::FIRST, EpochNumber::next)
    }

    /// Reads the snapshot and the journal, and hands everything to the workers. Says when it begins with an epoch.
    fn feed(
        &self,
        ahead: Vec<EpochNumber>,
        outboxes: &[Sender<Work>],
        begun: &Sender<()>,
    ) -> Result<Read, RecoveryError> {
        let mut report = RecoveryReport::default();
        let tail = match (self.base, self.snapshots) {
            (Some(covers), Some(snapshots)) => {
                let (footer, info) = snapshots.footer(covers)?;
                report.snapshot = Some(info);
                feed_snapshot(snapshots, covers, outboxes)?;
                footer.tail
            }
            _ => Tail::EMPTY,
        };
        let mark = self.epochs.journal().mark()?;
        let mut chain = Chain::new(self.epochs, ahead, tail, mark)?;
        let (mut batch, mut batch_bytes, mut epoch) = (Vec::new(), 0, None);
        let torn = loop {
            let first_sequence = chain.tail().sequence;
            let step = chain.step()?;
            if epoch != chain.epoch() {
                epoch = chain.epoch();
                // Without a fetcher, it takes longer.
                let _ = begun.send(());
            }
            match step {
                Step::Block(block) => {
                    report.blocks += 1;
                    report.bytes += block.len() as u64;
                    batch_bytes += block.len();
                    batch.push((block, first_sequence));
                    if batch_bytes >= BATCH_BYTES {
                        batch_bytes = 0;
                        send_blocks(outboxes, std::mem::take(&mut batch));
                        (self.progress)(chain.tail().sequence - tail.sequence);
                    }
                }
                Step::Torn(torn) => break Some(torn),
                Step::End => break None,
            }
        };
        send_blocks(outboxes, batch);
        report.events = chain.tail().sequence - tail.sequence;
        (self.progress)(report.events);
        let end = chain.tail();
        let mut here = chain.here();
        // Behind a torn block there can only be epochs made ahead of time, and empty.
        for number in chain.into_ahead() {
            here = Some((number, 0, self.epochs.get(number)?));
        }
        let here = here.ok_or(ChainError::Missing(self.first()))?;
        Ok(Read { replayers: Vec::new(), tail: end, is_marked: mark.is_some(), here, torn, report })
    }
}

/// Fetches each epoch from the disk while the one before it is replayed, the first one while the snapshot is: opening an epoch
/// reads all of it. Not earlier, for the kernel forgets what is too much.
fn fetch(
    journal: &dyn Journal,
    ahead: &[EpochNumber],
    has_snapshot: bool,
    begins: &Receiver<()>,
) -> Result<(), JournalError> {
    let Some((first, later)) = ahead.split_first() else { return Ok(()) };
    if has_snapshot {
        journal.fetch(*first)?;
    }
    for epoch in later {
        if begins.recv().is_err() {
            break;
        }
        journal.fetch(*epoch)?;
    }
    Ok(())
}

fn feed_snapshot(
    snapshots: &Snapshots,
    covers: EpochNumber,
    outboxes: &[Sender<Work>],
) -> Result<(), RecoveryError> {
    let mut owner = 0;
    snapshots.read(covers, |frame| -> Result<(), RecoveryError> {
        match frame {
            Frame::Footer(_) => {
                for outbox in outboxes {
                    let _ = outbox.send(Work::Frame(frame.clone()));
                }
            }
            frame => {
                if let Frame::Start { actor, .. } = &frame {
                    owner = actor.worker(outboxes.len());
                }
                let _ = outboxes[owner].send(Work::Frame(frame));
            }
        }
        Ok(())
    })
}

fn send_blocks(outboxes: &[Sender<Work>], blocks: Vec<(Vec<u8>, u64)>) {
    let blocks = Arc::new(blocks);
    for outbox in outboxes {
        // A worker that is gone has an error to tell.
        let _ = outbox.send(Work::Blocks(Arc::clone(&blocks)));
    }
}

fn work(mut replayer: Replayer, inbox: &Receiver<Work>) -> Result<Replayer, ReplayError> {
    for work in inbox {
        match work {
            Work::Frame(frame) => replayer.frame(&frame)?,
            Work::Blocks(blocks) => {
                replayer.blocks(blocks.iter().map(|(block, first_sequence)| (&**block, *first_sequence)))?;
            }
        }
    }
    Ok(replayer)
}

impl Read {
    /// Cuts a torn tail and puts the result together.
    fn finish(
        self,
        epochs: Arc<Epochs>,
        snapshots: Option<Snapshots>,
        seed: u64,
        mut warnings: Vec<String>,
        began: Instant,
    ) -> Result<Recovered, RecoveryError> {
        let Self { replayers, tail, is_marked, here: (epoch, epoch_bytes, current), torn, mut report } = self;
        if let Some(torn) = torn {
            epochs.get(torn.epoch)?.cut(torn.sequence)?;
            warnings.push(format!(
                "{}, block {}: cut {} bytes of an interrupted write that nobody was told of ({})",
                torn.epoch, torn.block, torn.bytes, torn.damage
            ));
        }
        if !is_marked && tail != Tail::EMPTY {
            warnings.push(UNMARKED.to_owned());
        }
        let next_actor = replayers.iter().map(Replayer::next_actor).max().unwrap_or_default();
        let last_at = replayers.iter().map(Replayer::last_at).max().unwrap_or_default();
        let workers = replayers.into_iter().map(Replayer::into_actors).collect();
        report.took = began.elapsed();
        report.warnings = warnings;
        Ok(Recovered {
            workers,
            next_actor: ActorId(next_actor),
            next_sequence: tail.sequence,
            last_at,
            journal: OpenJournal { lock: None, epochs, snapshots, tail, epoch, epoch_bytes, current, seed },
            report,
        })
    }
}
