//! Reads what is durable while the writer goes on: one actor made again from the snapshot and its own groups.

use std::sync::Arc;

use crate::chain::{Chain, ChainError, Step};
use crate::epoch::Epochs;
use crate::lane::Shared;
use crate::replay::{RecoveredActor, ReplayError, Replayer, Whose};
use crate::snapshot::{SnapshotError, Snapshots};
use crate::{ActorId, DirLock, EpochNumber, JournalError, Tail};

/// Reads a journal that is being written.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) snapshots: Option<Snapshots>,
    pub(crate) shared: Arc<Shared>,
    /// The directory stays ours as long as somebody reads it.
    pub(crate) _lock: Option<Arc<DirLock>>,
}

/// An actor that can't be made again.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The journal can't be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Its events can't be applied.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The snapshot can't be used.
    #[error("snapshot: {0}")]
    Snapshot(#[from] SnapshotError),
    /// The directory of snapshots can't be read.
    #[error("the directory of snapshots: {0}")]
    Io(#[from] std::io::Error),
    /// Epochs were deleted, and no snapshot is there that stands for them.
    #[error("the journal begins only with {0}, and there is no snapshot of what was before it")]
    NoBeginning(EpochNumber),
    /// The whole journal was read, and does not know it.
    #[error("{0} has nothing in the journal")]
    Unknown(ActorId),
}

impl From<JournalError> for RebuildError {
    fn from(error: JournalError) -> Self {
        Self::Chain(ChainError::Journal(error))
    }
}

impl RebuildError {
    /// Whether it is the disk or the system that failed, so that it may go well at another time. What lies there and is not
    /// as it was stays so.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Io(_) | Self::Snapshot(SnapshotError::Io(_)) => true,
            Self::Chain(ChainError::Journal(error)) => error.may_pass(),
            Self::Chain(_)
            | Self::Replay(_)
            | Self::Snapshot(_)
            | Self::NoBeginning(_)
            | Self::Unknown(_) => false,
        }
    }
}

impl Reader {
    /// Makes one actor's state again from everything that is durable at the time of the call. The caller sees to
    /// it that all groups of the actor are: until then they are missing from the state. Takes as long as reading
    /// the journal since the last snapshot does; call it from a thread that may wait.
    ///
    /// # Errors
    /// If the journal can't be read, or says of this actor what can't have happened.
    pub fn rebuild(&self, actor: ActorId, seed: u64) -> Result<RecoveredActor, RebuildError> {
        let upto = self.shared.durable_sequence();
        let _kept = self.epochs.keep();
        let there = self.epochs.list()?;
        let begins = there.first().copied().unwrap_or(EpochNumber::FIRST);
        let mut reason = RebuildError::NoBeginning(begins);
        for base in self.bases(&there)? {
            match self.rebuild_from(base, actor, seed, upto) {
                Err(
                    error @ (RebuildError::Snapshot(_) | RebuildError::Replay(ReplayError::Section { .. })),
                ) => {
                    tracing::warn!(%actor, %error, "a snapshot is passed over");
                    // With the older one it may be damage, and with this one nothing at another time.
                    if !reason.may_pass() {
                        reason = error;
                    }
                }
                other => return other,
            }
        }
        Err(reason)
    }

    /// The snapshots to try, newest first, `None` for the empty beginning.
    fn bases(&self, there: &[EpochNumber]) -> Result<Vec<Option<EpochNumber>>, RebuildError> {
        let mut bases = Vec::new();
        if let Some(snapshots) = &self.snapshots {
            bases.extend(
                snapshots.list()?.into_iter().filter(|covers| there.contains(&covers.next())).map(Some),
            );
        }
        if there.first() == Some(&EpochNumber::FIRST) {
            bases.push(None);
        }
        Ok(bases)
    }

    fn rebuild_from(
        &self,
        base: Option<EpochNumber>,
        actor: ActorId,
        seed: u64,
        upto: u64,
    ) -> Result<RecoveredActor, RebuildError> {
        let mut replayer = Replayer::new(Whose::One(actor), seed);
        let (mut first, mut tail) = (EpochNumber::FIRST, Tail::EMPTY);
        if let (Some(covers), Some(snapshots)) = (base, &self.snapshots) {
            let (footer, _) = snapshots.footer(covers)?;
            snapshots
                .read(footer.covers, |frame| -> Result<(), RebuildError> { Ok(replayer.frame(&frame)?) })?;
            (first, tail) = (footer.covers.next(), footer.tail);
        }
        let mut ahead = self.epochs.list()?;
        ahead.retain(|epoch| *epoch >= first);
        let mut chain = Chain::new(&self.epochs, ahead, tail, None)?;
        while chain.tail().sequence <= upto {
            let first_sequence = chain.tail().sequence;
            match chain.step()? {
                Step::Block(block) => replayer.block(&block, first_sequence)?,
                // Everything up to `upto` is durable: whatever is torn or missing before it is damage.
                Step::Torn(torn) => {
                    let (epoch, block, damage) = (torn.epoch, torn.block, torn.damage);
                    return Err(ChainError::Damaged { epoch, block, damage }.into());
                }
                Step::End => {
                    return Err(ChainError::BelowMark { block: chain.tail().block - 1, mark: upto }.into());
                }
            }
        }
        replayer.into_actors().pop().ok_or(RebuildError::Unknown(actor))
    }
}
