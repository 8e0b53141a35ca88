//! Reads the journal along, block by block, while it is written to: never beyond what is durable.
//!
//! No epoch is deleted during one step. Between two steps one may be: whoever falls behind what is kept is told so.

use crate::block::{Block, BlockDamage, Tail};
use crate::chain::ChainError;
use crate::lane::Wake;
use crate::{EpochNumber, Groups, Reader, StoredBlock};

/// A block that was read and verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkedBlock {
    /// The epoch it is in.
    pub epoch: EpochNumber,
    /// The sequence of its first event.
    pub first_sequence: u64,
    /// How many events it holds, at least one.
    pub events: u32,
    /// How the next block has to follow it.
    tail: Tail,
    bytes: Vec<u8>,
}

impl WalkedBlock {
    /// Its groups.
    #[must_use]
    pub fn groups(&self) -> Groups<'_> {
        Groups::new(crate::block::payload(&self.bytes), self.first_sequence)
    }

    /// The sequence of its last event.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.first_sequence + u64::from(self.events) - 1
    }

    /// Its length on disk.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds nothing; no writer makes such a block.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// Verifies a block that goes on from `before`. Of one that is read first, the block's own word is taken for that.
    pub(crate) fn read(
        epoch: EpochNumber,
        stored: StoredBlock,
        before: Option<Tail>,
    ) -> Result<Self, ChainError> {
        let StoredBlock { first_sequence, bytes } = stored;
        let mut number = before.map_or(0, |tail| tail.block);
        let parsed = Block::parse(&bytes).and_then(|block| {
            number = before.map_or(block.number, |_| number);
            let its_own = Tail { block: block.number, hash: block.previous, sequence: first_sequence };
            Ok((before.unwrap_or(its_own).follow(epoch, &block)?, block.events))
        });
        match parsed {
            Ok((tail, events)) => Ok(Self { epoch, first_sequence, events, tail, bytes }),
            Err(damage) => Err(ChainError::Damaged { epoch, block: number, damage }),
        }
    }
}

impl Reader {
    /// The sequence of the last durable event; 0 before the first.
    #[must_use]
    pub fn durable_sequence(&self) -> u64 {
        self.shared.durable_sequence()
    }

    /// Why nothing more becomes durable, if so.
    #[must_use]
    pub fn failed(&self) -> Option<&str> {
        self.shared.failed()
    }

    /// Has this called after every commit, and when the journal fails. Only the first call counts.
    pub fn on_durable(&self, wake: Wake) {
        self.shared.watch(wake);
    }

    /// The sequence of the first event that is kept; `None` as long as there is none.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn oldest_sequence(&self) -> Result<Option<u64>, ChainError> {
        let _kept = self.epochs.keep();
        // The last epoch may be empty, no other one.
        let epochs = self.epochs.list()?;
        let Some(oldest) = epochs.first() else { return Ok(None) };
        match self.epochs.first_sequence(*oldest)? {
            Some(first) => Ok(Some(first).filter(|first| *first <= self.durable_sequence())),
            None if epochs.len() == 1 => Ok(None),
            None => Err(ChainError::Missing(*oldest)),
        }
    }

    /// The block that holds this event, or the first one there is if it lies before all that is kept; `None` beyond what is
    /// durable.
    ///
    /// # Errors
    /// If the journal can't be read, the block is damaged, or it is missing among those that are kept.
    pub fn block_at(&self, sequence: u64) -> Result<Option<WalkedBlock>, ChainError> {
        let durable = self.durable_sequence();
        if sequence > durable {
            return Ok(None);
        }
        let _kept = self.epochs.keep();
        let epochs = self.epochs.list()?;
        let at = self.epoch_of(&epochs, sequence)?;
        let Some(&begins) = epochs.get(at) else { return Ok(None) };
        for number in epochs.into_iter().skip(at) {
            let epoch = self.epochs.reading(number)?;
            let stored = match epoch.block_of(sequence)? {
                None => epoch.block_from(sequence)?,
                // The one before it may have ended before it.
                Some(stored) => {
                    let block = WalkedBlock::read(number, stored, None)?;
                    if block.last_sequence() >= sequence {
                        return Ok(Some(block).filter(|block| block.last_sequence() <= durable));
                    }
                    epoch.block_from(sequence)?
                }
            };
            if let Some(stored) = stored {
                let block = WalkedBlock::read(number, stored, None)?;
                let is_kept = self.epochs.first_sequence(begins)?.is_some_and(|first| first <= sequence);
                if block.first_sequence > sequence && is_kept {
                    return Err(ChainError::Hole { epoch: begins, sequence });
                }
                return Ok(Some(block).filter(|block| block.last_sequence() <= durable));
            }
        }
        // It is durable, so it was there.
        Err(ChainError::Hole { epoch: begins, sequence })
    }

    /// The block behind this one; `None` beyond what is durable, or if it is not kept any more.
    ///
    /// # Errors
    /// If the journal can't be read, or what is there is not the block that belongs there.
    pub fn block_after(&self, before: &WalkedBlock) -> Result<Option<WalkedBlock>, ChainError> {
        let durable = self.durable_sequence();
        let wanted = before.last_sequence() + 1;
        if wanted > durable {
            return Ok(None);
        }
        let _kept = self.epochs.keep();
        let epochs = self.epochs.list()?;
        for number in [before.epoch, before.epoch.next()] {
            // The epoch that was read last may be gone by now; the next one then goes on.
            if !epochs.contains(&number) {
                continue;
            }
            let Some(stored) = self.epochs.reading(number)?.block_from(wanted)? else { continue };
            if stored.first_sequence != wanted && number != before.epoch && !epochs.contains(&before.epoch) {
                // What lay between is not kept any more.
                return Ok(None);
            }
            if stored.first_sequence != wanted {
                let found = stored.first_sequence;
                let damage = BlockDamage::Chain { what: "first sequence", found, expected: wanted };
                return Err(ChainError::Damaged { epoch: number, block: before.tail.block, damage });
            }
            let block = WalkedBlock::read(number, stored, Some(before.tail))?;
            return Ok(Some(block).filter(|block| block.last_sequence() <= durable));
        }
        Ok(None)
    }

    /// The place in the list of the last epoch that begins at or before this event; the first, if none does.
    fn epoch_of(&self, epochs: &[EpochNumber], sequence: u64) -> Result<usize, ChainError> {
        let (mut low, mut high) = (0, epochs.len());
        while high - low > 1 {
            let middle = (low + high) / 2;
            match self.epochs.first_sequence(epochs[middle])? {
                Some(first) if first <= sequence => low = middle,
                // An empty epoch was made ahead of time.
                _ => high = middle,
            }
        }
        Ok(low)
    }
}
