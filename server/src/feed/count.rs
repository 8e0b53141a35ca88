//! How many entries there are, counted as far as somebody wants to know.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tidegate_persistence::{ActorKind, EpochNumber, WalkedBlock};

use super::{Feed, FeedError};
use crate::convert::entry::{campaign_entries, sku_entries};

/// From so many events on, what was counted is written down: where to begin when part of it is asked for.
const STRIDE: u64 = 8192;

/// Blocks that are counted at most until others may look at what was counted.
const STEP: usize = 256;

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// Entries of each epoch.
    epochs: BTreeMap<EpochNumber, u64>,
    /// Everything before this was counted.
    next: u64,
    /// How many entries there were in all before some sequences.
    before: BTreeMap<u64, u64>,
    /// The same before the places of groups, as far as somebody asked: from there it is not far to where they are next.
    places: HashMap<Box<str>, (u64, u64)>,
    all: u64,
    /// The last entry.
    pub(super) last: Option<u64>,
    block: Option<WalkedBlock>,
}

/// How many entries are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) entries: u64,
    /// Those that this server has counted, also of epochs that are gone by now.
    pub(super) ever: u64,
    pub(super) last: Option<u64>,
}

impl Feed {
    /// Runs something that counts. One at a time, and beside the reads that are permitted: the first time after a start all
    /// that is kept is counted, and whoever only reads must not wait for that.
    pub(super) async fn counting<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self, &mut Count) -> Result<T, FeedError> + Send + 'static,
    ) -> Result<T, FeedError> {
        let mut count = Arc::clone(&self.count).lock_owned().await;
        let feed = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&feed, &mut count));
        done.await.unwrap_or(Err(FeedError::Panicked))
    }

    /// Counts what came since the last time.
    pub(super) fn counted(&self, count: &mut Count) -> Result<Counted, FeedError> {
        self.count_on(count, usize::MAX)?;
        Ok(Counted { entries: count.epochs.values().sum(), ever: count.all, last: count.last })
    }

    /// Counts some of what came since the last time. Whether that was all.
    pub(super) fn count_a_little(&self, count: &mut Count) -> Result<bool, FeedError> {
        self.count_on(count, STEP)
    }

    /// How many entries are kept from this sequence on.
    pub(super) fn count_from(&self, count: &mut Count, sequence: u64) -> Result<u64, FeedError> {
        self.count_on(count, usize::MAX)?;
        Ok(count.all.saturating_sub(self.count_before(count, sequence, None)?))
    }

    /// How many entries are kept behind the place of a group, of those that were counted.
    pub(super) fn count_behind(&self, count: &mut Count, group: &str, after: u64) -> Result<u64, FeedError> {
        let sequence = after.saturating_add(1);
        let known = count.places.get(group).copied();
        let before = self.count_before(count, sequence, known)?;
        if sequence > count.next {
            // What comes before it is still to be counted.
            return Ok(count.all.saturating_sub(before));
        }
        // Who named a group may name many.
        if count.places.len() >= self.limits.max_groups {
            count.places.clear();
        }
        count.places.insert(group.into(), (sequence, before));
        Ok(count.all.saturating_sub(before))
    }

    /// How many entries there were in all before this sequence. `known`: how many before another.
    fn count_before(
        &self,
        count: &Count,
        sequence: u64,
        known: Option<(u64, u64)>,
    ) -> Result<u64, FeedError> {
        let gone = count.all - count.epochs.values().sum::<u64>();
        let oldest = self.oldest()?;
        let marked = count.before.range(..=sequence).next_back().map(|(at, before)| (*at, *before));
        let known = known.filter(|(at, _)| (oldest..=sequence).contains(at));
        let (mut at, mut before) = marked.max(known).unwrap_or((oldest, gone));
        if at >= sequence {
            return Ok(before);
        }
        let mut block = self.reader.block_at(at)?;
        while let Some(here) = block.take_if(|block| block.first_sequence < sequence) {
            before += self.entries_of(&here, at, sequence)?.0;
            at = here.last_sequence() + 1;
            block = self.reader.block_after(&here)?;
        }
        Ok(before)
    }

    /// Counts on, so many blocks at most. Whether that was all.
    fn count_on(&self, count: &mut Count, most: usize) -> Result<bool, FeedError> {
        let oldest = self.oldest()?;
        let mut block = match count.block.take().filter(|block| block.last_sequence() + 1 >= oldest) {
            Some(last) => {
                let next = self.reader.block_after(&last)?;
                count.block = Some(last);
                next
            }
            None => self.reader.block_at(count.next.max(oldest))?,
        };
        let mut left = most;
        while let Some(here) = block.take_if(|_| left > 0) {
            left -= 1;
            let (entries, last) = self.entries_of(&here, 0, u64::MAX)?;
            let behind = count.before.last_key_value().map_or(0, |(at, _)| *at);
            if here.first_sequence >= behind + STRIDE {
                count.before.insert(here.first_sequence, count.all);
            }
            *count.epochs.entry(here.epoch).or_default() += entries;
            count.all += entries;
            count.last = last.or(count.last);
            count.next = here.last_sequence() + 1;
            block = self.reader.block_after(&here)?;
            count.block = Some(here);
        }
        // What is not kept any more does not count.
        let kept = self.reader.block_at(oldest)?.map(|block| block.epoch);
        count.epochs.retain(|epoch, _| kept.is_none_or(|kept| *epoch >= kept));
        count.before.retain(|at, _| *at >= oldest);
        Ok(block.is_none())
    }

    /// How many entries a block has from one sequence to just before another, and the last of them.
    fn entries_of(
        &self,
        block: &WalkedBlock,
        from: u64,
        before: u64,
    ) -> Result<(u64, Option<u64>), FeedError> {
        let (mut entries, mut last) = (0, None);
        for group in block.groups() {
            let group = group?;
            let seat = self.seats.find(&self.house, group.actor);
            let seat = seat.ok_or(FeedError::Unknown(group.first_sequence))?;
            let mut add = |sequence| {
                if (from..before).contains(&sequence) {
                    entries += 1;
                    last = Some(sequence);
                }
            };
            match seat.kind() {
                ActorKind::Sku => sku_entries(&group, |sequence, _| add(sequence))?,
                ActorKind::Campaign => campaign_entries(&group, |sequence, _| add(sequence))?,
                ActorKind::ConsumerGroup => {}
            }
        }
        Ok((entries, last))
    }
}
