//! Makes a snapshot from the one before and the epochs after it.
//!
//! Memory is bounded by passes: each replays the actors of one part of all events, so that about
//! `snapshot_pass_events` events' worth of states is held at a time, or the largest single actor's if that is more.

use super::frame::{Frame, FrameWriter, SnapshotError};
use super::info::{Footer, SnapshotInfo};
use super::store::Snapshots;
use crate::block::{Block, Tail};
use crate::chain::{Chain, ChainError, Step};
use crate::epoch::Epochs;
use crate::replay::{ReplayError, Replayer, Whose};
use crate::walk::WalkedBlock;
use crate::{EpochNumber, JournalError};

/// A snapshot that can't be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error("the journal can't be read: {0}")]
    Chain(#[from] ChainError),
    #[error("the journal can't be replayed: {0}")]
    Replay(#[from] ReplayError),
    #[error("snapshot: {0}")]
    Snapshot(#[from] SnapshotError),
    #[error("snapshot: {0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Journal(#[from] JournalError),
    #[error("{0} is closed and ends with a torn block")]
    Torn(EpochNumber),
    /// The process is about to end.
    #[error("stopped")]
    Stopped,
}

/// A snapshot that is wanted.
pub(crate) struct Build<'a> {
    pub(crate) epochs: &'a Epochs,
    pub(crate) snapshots: &'a Snapshots,
    /// What it is to cover up to. It must be closed.
    pub(crate) upto: EpochNumber,
    /// How that ended, if somebody knows.
    pub(crate) tail: Option<Tail>,
    pub(crate) pass_events: u64,
    pub(crate) seed: u64,
    /// Whether the process is about to end.
    pub(crate) stopping: &'a dyn Fn() -> bool,
}

/// Whether a snapshot has its name.
#[derive(Clone, Copy)]
enum Form {
    Finished,
    Unfinished,
}

/// What became of it.
pub(crate) enum Built {
    /// It is there, and was read back.
    New {
        info: SnapshotInfo,
        /// That on which it was built, which was read to its end too.
        base: Option<EpochNumber>,
    },
    /// It was there before, and is good.
    There(SnapshotInfo),
    Stopped,
}

impl Build<'_> {
    /// Makes it, unless there is a good one.
    pub(crate) fn run(&self) -> Result<Built, BuildError> {
        match self.try_to_run() {
            Err(BuildError::Stopped) => Ok(Built::Stopped),
            other => other,
        }
    }

    fn try_to_run(&self) -> Result<Built, BuildError> {
        let _kept = self.epochs.keep();
        let mut bases = Vec::new();
        for covers in self.snapshots.list()? {
            match self.snapshots.footer(covers) {
                // A good footer says nothing of the rest, and what is deleted for a snapshot can't be made again.
                Ok((_, info)) if covers >= self.upto => match self.verify(covers, Form::Finished) {
                    Ok(()) => return Ok(Built::There(info)),
                    Err(BuildError::Stopped) => return Err(BuildError::Stopped),
                    Err(error) => tracing::warn!(covers = covers.0, %error, "a snapshot is made anew"),
                },
                Ok((footer, _)) => bases.push(Some(footer)),
                Err(error) => tracing::warn!(covers = covers.0, %error, "a snapshot is passed over"),
            }
        }
        bases.push(None);
        let written = bases.into_iter().find_map(|base| {
            let covers = base.map(|base: Footer| base.covers);
            match self.write(base).and_then(|()| self.verify(self.upto, Form::Unfinished)) {
                // A damaged base: the one before may do.
                Err(error @ (BuildError::Snapshot(_) | BuildError::Replay(ReplayError::Section { .. })))
                    if covers.is_some() =>
                {
                    tracing::warn!(%error, "a snapshot can't be built upon");
                    None
                }
                other => Some(other.map(|()| covers)),
            }
        });
        match written.unwrap_or(Err(BuildError::Stopped)) {
            Ok(base) => {
                self.snapshots.store().finish(self.upto)?;
                Ok(Built::New { info: self.snapshots.footer(self.upto)?.1, base })
            }
            Err(error) => {
                // What can't be deleted now is deleted at the next start; why there is no snapshot says more.
                if let Err(error) = self.snapshots.store().abandon(self.upto) {
                    tracing::warn!(%error, "an unfinished snapshot stays");
                }
                Err(error)
            }
        }
    }

    fn write(&self, base: Option<Footer>) -> Result<(), BuildError> {
        let mut frames = FrameWriter::new(self.snapshots.store().begin(self.upto)?)?;
        let passes = self.passes()?;
        let (mut tail, mut next_actor) = (Tail::EMPTY, 0);
        for pass in 0..passes {
            let (replayer, end) = self.replay(base, Whose::Part { part: pass, of: passes })?;
            (tail, next_actor) = (end, replayer.next_actor().max(next_actor));
            for actor in replayer.into_actors() {
                self.go_on()?;
                frames.start(actor.id, actor.state.kind(), &actor.name, actor.last_at)?;
                actor.state.write_parts(|part| frames.part(part))?;
                frames.end(actor.state.hash())?;
            }
        }
        let (mut file, _) = frames.finish(self.upto, next_actor, tail)?;
        Ok(file.sync()?)
    }

    /// How many passes keep each within its bound, if actors are about equal.
    fn passes(&self) -> Result<usize, BuildError> {
        let last = self.epochs.get(self.upto)?.block_of(u64::MAX)?;
        let block = last.as_ref().and_then(|stored| Block::parse(&stored.bytes).ok());
        let events = block.map_or(0, |block| block.first_sequence + u64::from(block.events));
        Ok(usize::try_from(events.div_ceil(self.pass_events).clamp(1, 1_000)).unwrap_or(1))
    }

    fn replay(&self, base: Option<Footer>, whose: Whose) -> Result<(Replayer, Tail), BuildError> {
        let mut replayer = Replayer::new(whose, self.seed);
        let mut start = (EpochNumber::FIRST, Tail::EMPTY);
        if let Some(base) = base {
            self.snapshots.read(base.covers, |frame| -> Result<(), BuildError> {
                self.go_on()?;
                Ok(replayer.frame(&frame)?)
            })?;
            start = (base.covers.next(), base.tail);
        }
        let mut ahead = self.epochs.list()?;
        ahead.retain(|epoch| (start.0..=self.upto).contains(epoch));
        if ahead.first() != Some(&start.0) {
            return Err(ChainError::Missing(start.0).into());
        }
        let mut chain = Chain::new(self.epochs, ahead, start.1, None)?;
        loop {
            self.go_on()?;
            let first_sequence = chain.tail().sequence;
            match chain.step()? {
                Step::Block(block) => replayer.block(&block, first_sequence)?,
                Step::Torn(torn) => return Err(BuildError::Torn(torn.epoch)),
                Step::End => break,
            }
        }
        self.is_whole(chain.tail())?;
        Ok((replayer, chain.tail()))
    }

    /// Whether the epochs end as they were written. What is missing at their end would be missing from the snapshot, and then
    /// they are deleted.
    fn is_whole(&self, tail: Tail) -> Result<(), BuildError> {
        if let Some(written) = self.tail.filter(|written| *written != tail) {
            let (block, mark) = (tail.block - 1, written.block - 1);
            return Err(ChainError::BelowMark { block, mark }.into());
        }
        let next = self.upto.next();
        if self.epochs.list()?.contains(&next)
            && let Some(first) = self.epochs.get(next)?.block_from(0)?
        {
            WalkedBlock::read(next, first, Some(tail))?;
        }
        Ok(())
    }

    /// Lets others have the processor; an error if the process is about to end.
    fn go_on(&self) -> Result<(), BuildError> {
        std::thread::yield_now();
        if (self.stopping)() { Err(BuildError::Stopped) } else { Ok(()) }
    }

    /// Reads a snapshot, one actor at a time, and compares the state hashes.
    fn verify(&self, covers: EpochNumber, form: Form) -> Result<(), BuildError> {
        let everyone = Whose::Part { part: 0, of: 1 };
        let mut replayer = Replayer::new(everyone, self.seed);
        let compare = |frame| {
            self.go_on()?;
            if matches!(frame, Frame::Start { .. }) {
                replayer = Replayer::new(everyone, self.seed);
            }
            Ok(replayer.frame(&frame)?)
        };
        match form {
            Form::Finished => self.snapshots.read(covers, compare),
            Form::Unfinished => self.snapshots.read_unfinished(covers, compare),
        }
    }
}
