//! Reads blocks in order and checks that each is the one that belongs there.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::block::{Block, BlockDamage, Tail};
use crate::epoch::Epochs;
use crate::{Epoch, EpochNumber, JournalError, Mark};

/// A journal that can't be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A block is damaged, missing or not of this journal.
    #[error(
        "{epoch}, block {block}: {damage}. Blocks behind it are there, so this is no interrupted write: restore the data directory from a backup; `tidegate inspect` shows what is left"
    )]
    Damaged {
        /// Where.
        epoch: EpochNumber,
        /// The number of the block that should be there.
        block: u64,
        /// What is wrong.
        damage: BlockDamage,
    },
    /// An epoch is not there.
    #[error("{0} is missing from the journal; restore the data directory from a backup")]
    Missing(EpochNumber),
    /// An event is not there, and those around it are.
    #[error(
        "{epoch} should hold event {sequence} and does not: restore the data directory from a backup; `tidegate inspect` shows what is left"
    )]
    Hole {
        /// Where it should be, or behind it.
        epoch: EpochNumber,
        /// Its sequence.
        sequence: u64,
    },
    /// The journal ends too early.
    #[error(
        "the journal ends with block {block}, but block {mark} was acknowledged: acknowledged orders are missing; restore the data directory from a backup; `tidegate inspect` shows what is left"
    )]
    BelowMark {
        /// The last block that is there.
        block: u64,
        /// The block at the high-water mark.
        mark: u64,
    },
    /// The storage fails.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What comes next in the journal.
#[derive(Debug)]
pub(crate) enum Step {
    /// A verified block.
    Block(Vec<u8>),
    /// The last block was not written to its end and nobody was told of it.
    Torn(Torn),
    /// There is no more.
    End,
}

/// The remains of an interrupted write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    pub(crate) epoch: EpochNumber,
    /// The number it would have had.
    pub(crate) block: u64,
    /// Under which sequence it is filed.
    pub(crate) sequence: u64,
    pub(crate) bytes: usize,
    pub(crate) damage: BlockDamage,
}

/// A walk along the journal.
pub(crate) struct Chain<'a> {
    epochs: &'a Epochs,
    ahead: VecDeque<EpochNumber>,
    here: Option<(EpochNumber, Arc<dyn Epoch>)>,
    /// The bytes of the blocks read in this epoch.
    epoch_bytes: u64,
    tail: Tail,
    mark: Option<Mark>,
}

impl<'a> Chain<'a> {
    /// Begins at `tail`, with the first of `ahead`. Without a mark the end is taken as it is found.
    pub(crate) fn new(
        epochs: &'a Epochs,
        ahead: Vec<EpochNumber>,
        tail: Tail,
        mark: Option<Mark>,
    ) -> Result<Self, ChainError> {
        for pair in ahead.windows(2) {
            if pair[1] != pair[0].next() {
                return Err(ChainError::Missing(pair[0].next()));
            }
        }
        Ok(Self { epochs, ahead: ahead.into(), here: None, epoch_bytes: 0, tail, mark })
    }

    /// The end of what was read so far.
    pub(crate) fn tail(&self) -> Tail {
        self.tail
    }

    /// The epoch that was read last.
    pub(crate) fn epoch(&self) -> Option<EpochNumber> {
        self.here.as_ref().map(|(number, _)| *number)
    }

    /// The epoch that was read last, the bytes of its blocks, and the epoch itself.
    pub(crate) fn here(&self) -> Option<(EpochNumber, u64, Arc<dyn Epoch>)> {
        self.here.as_ref().map(|(number, epoch)| (*number, self.epoch_bytes, Arc::clone(epoch)))
    }

    pub(crate) fn step(&mut self) -> Result<Step, ChainError> {
        loop {
            if let Some((number, epoch)) = self.here.clone()
                && let Some(stored) = epoch.block_from(self.tail.sequence)?
            {
                return self.check(number, &*epoch, stored.first_sequence, stored.bytes);
            }
            let Some(number) = self.ahead.pop_front() else { return self.end() };
            self.here = Some((number, self.epochs.get(number)?));
            self.epoch_bytes = 0;
        }
    }

    fn check(
        &mut self,
        number: EpochNumber,
        epoch: &dyn Epoch,
        filed: u64,
        bytes: Vec<u8>,
    ) -> Result<Step, ChainError> {
        match self.follow(number, filed, &bytes) {
            Ok(tail) => {
                self.tail = tail;
                self.epoch_bytes += bytes.len() as u64;
                Ok(Step::Block(bytes))
            }
            Err(damage) => {
                let block = self.tail.block;
                if damage.may_be_torn() && self.is_last(epoch, filed)? && self.is_beyond_mark() {
                    let bytes = bytes.len();
                    return Ok(Step::Torn(Torn { epoch: number, block, sequence: filed, bytes, damage }));
                }
                Err(ChainError::Damaged { epoch: number, block, damage })
            }
        }
    }

    fn follow(&self, number: EpochNumber, filed: u64, bytes: &[u8]) -> Result<Tail, BlockDamage> {
        if filed != self.tail.sequence {
            let expected = self.tail.sequence;
            return Err(BlockDamage::Chain { what: "first sequence", found: filed, expected });
        }
        let tail = self.tail.follow(number, &Block::parse(bytes)?)?;
        match self.mark {
            Some(mark) if mark.block.checked_add(1) == Some(tail.block) && mark.hash != tail.hash => {
                Err(BlockDamage::Chain {
                    what: "hash, which the high-water mark knows,",
                    found: tail.hash,
                    expected: mark.hash,
                })
            }
            _ => Ok(tail),
        }
    }

    /// Whether nothing at all is behind the block filed under this sequence.
    fn is_last(&self, epoch: &dyn Epoch, filed: u64) -> Result<bool, ChainError> {
        if epoch.block_from(filed + 1)?.is_some() {
            return Ok(false);
        }
        for number in &self.ahead {
            if self.epochs.get(*number)?.block_from(0)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_beyond_mark(&self) -> bool {
        self.mark.is_none_or(|mark| self.tail.block > mark.block)
    }

    fn end(&self) -> Result<Step, ChainError> {
        match self.mark {
            Some(mark) if self.tail.block <= mark.block => {
                Err(ChainError::BelowMark { block: self.tail.block - 1, mark: mark.block })
            }
            _ => Ok(Step::End),
        }
    }

    /// The epochs that were not opened yet, when the walk ends early.
    pub(crate) fn into_ahead(self) -> VecDeque<EpochNumber> {
        self.ahead
    }
}
