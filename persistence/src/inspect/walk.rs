//! Goes along all blocks, and replays those that a start would. It judges as a start does, block by block, but goes on
//! behind what is wrong.

use std::fmt::Display;

use super::EpochInspection;
use crate::block::{Block, BlockDamage, Tail};
use crate::replay::{RecoveredActor, Replayer, Whose};
use crate::{Epoch, EpochNumber, JournalError, Mark, StoredBlock};

/// All actors.
pub(super) const EVERYONE: Whose = Whose::Part { part: 0, of: 1 };
/// Nothing outside can choose what is hashed here and see the time it takes.
pub(super) const SEED: u64 = 0;

/// The walk, and what was found so far.
pub(super) struct Walk {
    mark: Option<Mark>,
    /// The last epoch of the snapshot that replaying begins with, and its end.
    base: Option<(EpochNumber, Tail)>,
    /// The states so far; `None` once it is known that a start refuses.
    states: Option<Replayer>,
    /// How the next block has to go on, once that is known.
    tail: Option<Tail>,
    last_epoch: Option<EpochNumber>,
    /// The number of the last whole block.
    reached: u64,
    /// An interrupted write was met, and nothing behind it yet.
    torn: bool,
}

impl Walk {
    pub(super) fn new(mark: Option<Mark>) -> Self {
        let states = Some(Replayer::new(EVERYONE, SEED));
        Self { mark, base: None, states, tail: None, last_epoch: None, reached: 0, torn: false }
    }

    /// Begins with a snapshot, unless a newer one was found before.
    pub(super) fn begin(&mut self, covers: EpochNumber, tail: Tail, states: Replayer) {
        if self.base.is_none() {
            self.base = Some((covers, tail));
            // What was refused stays refused.
            self.states = self.states.take().map(|_| states);
        }
    }

    /// Notes what keeps a start from going on, in words for an operator.
    pub(super) fn refuse(&mut self, what: impl Display) -> String {
        self.states = None;
        format!("a start refuses: {what}")
    }

    /// The same of something in an epoch, which a start does not read if the snapshot covers it.
    fn wrong(&mut self, epoch: EpochNumber, what: impl Display) -> String {
        if self.is_covered(epoch) {
            format!("a start does not read it, for a snapshot covers it, but the feed does: {what}")
        } else {
            self.refuse(what)
        }
    }

    /// Whether replaying begins with a snapshot.
    pub(super) fn is_based(&self) -> bool {
        self.base.is_some()
    }

    fn is_covered(&self, epoch: EpochNumber) -> bool {
        self.base.is_some_and(|(covers, _)| epoch <= covers)
    }

    /// What an epoch holds. `epoch` is an error if it can't be opened. What is missing before it goes to `damage`.
    pub(super) fn epoch(
        &mut self,
        number: EpochNumber,
        epoch: Result<&dyn Epoch, JournalError>,
        damage: &mut Vec<String>,
    ) -> EpochInspection {
        let mut found = EpochInspection::empty(number);
        damage.extend(self.enter(number));
        let read = epoch.and_then(|epoch| {
            let mut from = 0;
            while let Some(stored) = epoch.block_from(from)? {
                from = stored.first_sequence.saturating_add(1);
                self.stored(number, epoch, &stored, &mut found)?;
            }
            Ok(())
        });
        if let Err(error) = read {
            let what = match error {
                // What it says besides is of no use here: it may be of a copy.
                JournalError::Corrupt { cause, .. } => format!("its storage is damaged: {cause}"),
                other => other.to_string(),
            };
            found.damage.push(self.wrong(number, what));
            // What of it can't be read is not known, nor how it ends.
            self.tail = None;
        }
        found
    }

    /// What is wrong between the epoch before and this one.
    fn enter(&mut self, number: EpochNumber) -> Vec<String> {
        let mut wrong = Vec::new();
        match self.last_epoch {
            Some(last) if number != last.next() => {
                let missing = last.next();
                wrong.push(self.wrong(missing, format_args!("{missing} is missing")));
                self.tail = None;
            }
            None if number == EpochNumber::FIRST => self.tail = Some(Tail::EMPTY),
            None if self.base.is_none_or(|(covers, _)| covers.next() < number) => {
                wrong.push(self.refuse(format_args!("no good snapshot reaches {number}")));
            }
            _ => {}
        }
        // The snapshot knows how the journal goes on, whatever became of the epochs before.
        if let Some((covers, end)) = self.base
            && number == covers.next()
        {
            if self.tail.is_some_and(|tail| tail != end) {
                let known = end.block - 1;
                let what = format_args!("it does not end with the block {known} that its snapshot knows");
                wrong.push(format!("{covers}: {}", self.wrong(covers, what)));
            }
            self.tail = Some(end);
            self.reached = self.reached.max(end.block - 1);
            self.torn = false;
        }
        self.last_epoch = Some(number);
        wrong
    }

    fn stored(
        &mut self,
        number: EpochNumber,
        epoch: &dyn Epoch,
        stored: &StoredBlock,
        found: &mut EpochInspection,
    ) -> Result<(), JournalError> {
        let filed = stored.first_sequence;
        match Block::parse(&stored.bytes) {
            Ok(block) => self.block(number, filed, &block, &stored.bytes, found),
            Err(damage) => {
                let expected = self.tail.map(|tail| tail.block);
                let is_last = epoch.block_from(filed.saturating_add(1))?.is_none();
                let is_beyond = self.mark.is_none_or(|mark| expected > Some(mark.block));
                let is_next = self.tail.is_some_and(|tail| tail.sequence == filed);
                let judged = if is_last && is_beyond && is_next && damage.may_be_torn() {
                    self.torn = true;
                    format!("a start cuts it if nothing is behind it: {damage}")
                } else {
                    // How the block behind it must go on can't be told.
                    self.tail = None;
                    self.wrong(number, damage)
                };
                let which = expected
                    .map_or_else(|| format!("a block at sequence {filed}"), |block| format!("block {block}"));
                found.damage.push(format!("{which}: {judged}"));
            }
        }
        Ok(())
    }

    fn block(
        &mut self,
        number: EpochNumber,
        filed: u64,
        block: &Block<'_>,
        bytes: &[u8],
        found: &mut EpochInspection,
    ) {
        if std::mem::take(&mut self.torn) {
            let judged = self.wrong(number, "it lies behind a torn block");
            found.damage.push(format!("block {}: {judged}", block.number));
        }
        let next = Tail {
            block: block.number.saturating_add(1),
            hash: block.hash(),
            sequence: block.first_sequence.saturating_add(u64::from(block.events)),
        };
        for what in self.misfits(number, filed, block, next) {
            let judged = self.wrong(number, what);
            found.damage.push(format!("block {}: {judged}", block.number));
        }
        self.tail = Some(next);
        self.reached = self.reached.max(block.number);
        found.blocks += 1;
        found.bytes += bytes.len() as u64;
        found.first_block.get_or_insert(block.number);
        found.first_sequence.get_or_insert(block.first_sequence);
        found.last_sequence = Some(next.sequence - 1);
        if !self.is_covered(number)
            && let Some(states) = &mut self.states
            && let Err(error) = states.block(bytes, block.first_sequence)
        {
            let judged = self.refuse(error);
            found.damage.push(format!("block {}: {judged}", block.number));
        }
    }

    /// Why a whole block is not the one that belongs here.
    fn misfits(&self, number: EpochNumber, filed: u64, block: &Block<'_>, next: Tail) -> Vec<String> {
        let mut misfits = Vec::new();
        if filed != block.first_sequence {
            let (what, found, expected) = ("place in the storage", filed, block.first_sequence);
            misfits.push(BlockDamage::Chain { what, found, expected }.to_string());
        }
        if let Some(Err(damage)) = self.tail.map(|tail| tail.follow(number, block)) {
            misfits.push(damage.to_string());
        }
        if self.mark.is_some_and(|mark| mark.block == block.number && mark.hash != next.hash) {
            misfits.push("it is not the one that the high-water mark knows".to_owned());
        }
        misfits
    }

    /// What is missing at the end, and the actors as a start would have them: none if it refuses.
    pub(super) fn conclude(mut self) -> (Option<String>, Vec<RecoveredActor>) {
        let last = self.reached;
        let missing = self.mark.filter(|mark| last < mark.block).map(|mark| {
            self.refuse(format_args!(
                "the journal ends with block {last}, but block {} was acknowledged",
                mark.block
            ))
        });
        (missing, self.states.map(Replayer::into_actors).unwrap_or_default())
    }
}
