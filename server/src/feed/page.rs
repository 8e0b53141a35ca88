//! Pages of the feed: entries one behind the other, as they stand in a reply.

use std::collections::BTreeMap;

use tidegate_persistence::WalkedBlock;

use super::budget::Budget;
use super::reply::{MISSING_BYTES, put_kept};
use super::scene::Scene;
use super::{Feed, FeedError};
use crate::convert::entry::EntryWriter;

/// Blocks are taken together until they have so many bytes: each actor is asked once for all of them.
const CHUNK_BYTES: usize = 1 << 20;

/// Entries in a row.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Their sequences.
    pub(super) ids: Vec<u64>,
    /// All of them, encoded one behind the other.
    pub(super) entries: Vec<u8>,
    /// Everything before this was looked at.
    pub(super) next: u64,
}

/// Which entries are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// From this sequence,
    pub(super) from: u64,
    /// to this one.
    pub(super) to: u64,
    /// The most entries.
    pub(super) most: usize,
}

/// Some entries, each by itself.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// By sequence, as far as they are kept.
    pub(super) entries: BTreeMap<u64, Vec<u8>>,
    /// Those from here on were not looked for: the reply is full before.
    pub(super) until: Option<u64>,
}

impl Found {
    /// These of them one behind the other, and for those that are not kept any more their id and nil.
    pub(super) fn page(&self, ids: &[u64]) -> Page {
        let mut page = Page { ids: ids.to_vec(), ..Page::default() };
        for sequence in ids {
            put_kept(&mut page.entries, *sequence, self.entries.get(sequence).map(Vec::as_slice));
        }
        page
    }

    /// How long an entry is in a reply; `None` if it was not looked for.
    pub(super) fn length(&self, sequence: u64) -> Option<usize> {
        self.until
            .is_none_or(|until| sequence < until)
            .then(|| self.entries.get(&sequence).map_or(MISSING_BYTES, Vec::len))
    }
}

impl Feed {
    /// The first entries of a stretch, as far as they fit.
    pub(super) fn page(&self, stretch: Stretch, budget: &mut Budget) -> Result<Page, FeedError> {
        let Stretch { from, most, .. } = stretch;
        let to = stretch.to.min(self.reader.durable_sequence());
        let mut page = Page { next: self.tail.skip(from), ..Page::default() };
        let mut writer = EntryWriter::new(&self.source);
        let mut last: Option<WalkedBlock> = None;
        while page.next <= to && page.ids.len() < most && !budget.is_spent() {
            let room = (most - page.ids.len()).min(budget.room());
            let blocks = self.chunk(last.take(), page.next, to, room)?;
            let Some(end) = blocks.last() else { break };
            let (first, end) = (page.next, end.last_sequence().min(to));
            let mut scene = Scene::new(self, &blocks, first..=end, |_| true)?;
            scene.keep(room, false);
            let complete = scene.len() < room;
            let (ids, next, mut cut) = (&mut page.ids, &mut page.next, false);
            let written = scene.write(self, &mut writer, &mut page.entries, |sequence, entry| {
                cut = !budget.take(entry.len());
                if !cut {
                    ids.push(sequence);
                    *next = sequence + 1;
                }
                !cut
            });
            match written {
                Ok(()) if complete && !cut => page.next = end + 1,
                Ok(()) => {}
                // What comes before is told first.
                Err(_) if !page.ids.is_empty() => break,
                Err(error) => return Err(error),
            }
            last = blocks.into_iter().next_back();
        }
        self.usage.read(page.ids.len());
        let empty = page.ids.last().map_or(from, |last| last + 1);
        if page.next > empty {
            self.tail.note(empty, page.next);
        }
        Ok(page)
    }

    /// The next blocks: as many as may hold so many entries.
    fn chunk(
        &self,
        before: Option<WalkedBlock>,
        from: u64,
        to: u64,
        most: usize,
    ) -> Result<Vec<WalkedBlock>, FeedError> {
        let first = match before {
            // The last one was not read to its end.
            Some(block) if block.last_sequence() >= from => Some(block),
            Some(block) => self.reader.block_after(&block)?,
            None => {
                let block = self.reader.block_at(from)?;
                // Sequences have no gaps: what is missing is not kept any more.
                if let Some(oldest) = block.as_ref().map(|b| b.first_sequence).filter(|first| *first > from) {
                    return Err(FeedError::Trimmed { asked: from, oldest });
                }
                block
            }
        };
        let mut blocks: Vec<WalkedBlock> = first.into_iter().collect();
        let mut bytes = 0;
        while let Some(block) = blocks.last() {
            bytes += block.len();
            let events = (block.last_sequence() + 1).saturating_sub(from);
            if bytes >= CHUNK_BYTES || events >= most as u64 || block.last_sequence() >= to {
                break;
            }
            match self.reader.block_after(block)? {
                Some(next) => blocks.push(next),
                None => break,
            }
        }
        Ok(blocks)
    }

    /// The last entries of a stretch, the last first, as far as they fit.
    pub(super) fn page_backwards(&self, stretch: Stretch, budget: &mut Budget) -> Result<Page, FeedError> {
        let Stretch { from, most, .. } = stretch;
        let mut to = stretch.to.min(self.reader.durable_sequence());
        let mut page = Page::default();
        let mut writer = EntryWriter::new(&self.source);
        while to >= from && to > 0 && page.ids.len() < most && !budget.is_spent() {
            let Some(block) = self.reader.block_at(to)? else { break };
            let first = block.first_sequence;
            if first > to {
                break;
            }
            let blocks = [block];
            let mut scene = Scene::new(self, &blocks, from..=to, |_| true)?;
            scene.keep((most - page.ids.len()).min(budget.entries()), true);
            scene.reverse();
            let ids = &mut page.ids;
            let written = scene.write(self, &mut writer, &mut page.entries, |sequence, entry| {
                let fits = budget.take(entry.len());
                ids.extend(fits.then_some(sequence));
                fits
            });
            match written {
                Ok(()) => {}
                Err(_) if !page.ids.is_empty() => break,
                Err(error) => return Err(error),
            }
            to = first - 1;
        }
        self.usage.read(page.ids.len());
        Ok(page)
    }

    /// These entries, which ascend, as far as they fit.
    pub(super) fn entries(&self, ids: &[u64], mut budget: Budget) -> Result<Found, FeedError> {
        let mut found = Found::default();
        let mut writer = EntryWriter::new(&self.source);
        let mut left = ids;
        let mut out = Vec::new();
        while let (Some(&first), None) = (left.first(), found.until) {
            let Some(block) = self.reader.block_at(first)? else { break };
            let last = block.last_sequence();
            let (here, behind) = left.split_at(left.partition_point(|id| *id <= last));
            let blocks = [block];
            let scene =
                Scene::new(self, &blocks, first..=last, |sequence| here.binary_search(&sequence).is_ok())?;
            out.clear();
            let Found { entries, until } = &mut found;
            scene.write(self, &mut writer, &mut out, |sequence, entry| {
                let fits = budget.take(entry.len());
                if fits {
                    entries.insert(sequence, entry.to_vec());
                } else {
                    *until = Some(sequence);
                }
                fits
            })?;
            // One that is not kept any more lies before the first block there is.
            left = if here.is_empty() { left.get(1..).unwrap_or_default() } else { behind };
        }
        self.usage.read(found.entries.len());
        Ok(found)
    }
}
