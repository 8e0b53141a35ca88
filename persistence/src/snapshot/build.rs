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

/// Makes the snapshot that covers `upto`, which must be closed, unless there is one. `None` if `stopping` says so.
pub(crate) fn build_snapshot(
    epochs: &Epochs,
    snapshots: &Snapshots,
    upto: EpochNumber,
    pass_events: u64,
    seed: u64,
    stopping: &dyn Fn() -> bool,
) -> Result<Option<SnapshotInfo>, BuildError> {
    let _kept = epochs.keep();
    let mut bases = Vec::new();
    for covers in snapshots.list()? {
        match snapshots.footer(covers) {
            Ok((_, info)) if covers >= upto => return Ok(Some(info)),
            Ok((footer, _)) => bases.push(Some(footer)),
            Err(error) => tracing::warn!(covers = covers.0, %error, "a snapshot is passed over"),
        }
    }
    bases.push(None);
    let written = bases.into_iter().find_map(|base| {
        let build = Build { epochs, snapshots, upto, base, pass_events, seed, stopping };
        match build.write().and_then(|()| verify(snapshots, upto, seed, stopping)) {
            // A damaged base: the one before may do.
            Err(error @ (BuildError::Snapshot(_) | BuildError::Replay(ReplayError::Section { .. })))
                if base.is_some() =>
            {
                tracing::warn!(%error, "a snapshot can't be built upon");
                None
            }
            other => Some(other),
        }
    });
    match written.unwrap_or(Err(BuildError::Stopped)) {
        Ok(()) => {
            snapshots.store().finish(upto)?;
            Ok(Some(snapshots.footer(upto)?.1))
        }
        Err(error) => {
            // What can't be deleted now is deleted at the next start; why there is no snapshot says more.
            if let Err(error) = snapshots.store().abandon(upto) {
                tracing::warn!(%error, "an unfinished snapshot stays");
            }
            if matches!(error, BuildError::Stopped) { Ok(None) } else { Err(error) }
        }
    }
}

struct Build<'a> {
    epochs: &'a Epochs,
    snapshots: &'a Snapshots,
    upto: EpochNumber,
    base: Option<Footer>,
    pass_events: u64,
    seed: u64,
    stopping: &'a dyn Fn() -> bool,
}

impl Build<'_> {
    fn write(&self) -> Result<(), BuildError> {
        let mut frames = FrameWriter::new(self.snapshots.store().begin(self.upto)?)?;
        let passes = self.passes()?;
        let (mut tail, mut next_actor) = (Tail::EMPTY, 0);
        for pass in 0..passes {
            let (replayer, end) = self.replay(Whose::Part { part: pass, of: passes })?;
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

    fn replay(&self, whose: Whose) -> Result<(Replayer, Tail), BuildError> {
        let mut replayer = Replayer::new(whose, self.seed);
        let mut start = (EpochNumber::FIRST, Tail::EMPTY);
        if let Some(base) = self.base {
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
                Step::End => return Ok((replayer, chain.tail())),
            }
        }
    }

    /// Lets others have the processor; an error if the process is about to end.
    fn go_on(&self) -> Result<(), BuildError> {
        std::thread::yield_now();
        if (self.stopping)() { Err(BuildError::Stopped) } else { Ok(()) }
    }
}

/// Reads a snapshot back, one actor at a time, and compares the state hashes.
fn verify(
    snapshots: &Snapshots,
    upto: EpochNumber,
    seed: u64,
    stopping: &dyn Fn() -> bool,
) -> Result<(), BuildError> {
    let everyone = Whose::Part { part: 0, of: 1 };
    let mut replayer = Replayer::new(everyone, seed);
    snapshots.read_unfinished(upto, |frame| -> Result<(), BuildError> {
        if stopping() {
            return Err(BuildError::Stopped);
        }
        if matches!(frame, Frame::Start { .. }) {
            replayer = Replayer::new(everyone, seed);
        }
        Ok(replayer.frame(&frame)?)
    })
}
