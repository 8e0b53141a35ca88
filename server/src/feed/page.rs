//! Pages of the feed: entries one behind the other, as they stand in a reply.

use std::collections::BTreeMap;

use tidegate_persistence::WalkedBlock;

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

impl Feed {
    /// The first entries of a stretch.
    pub(super) fn page(&self, stretch: Stretch) -> Result<Page, FeedError> {
        let Stretch { from, most, .. } = stretch;
        let to = stretch.to.min(self.reader.durable_sequence());
        let mut page = Page { next: from, ..Page::default() };
        let mut writer = EntryWriter::new(&self.source);
        let mut last: Option<WalkedBlock> = None;
        while page.next <= to && page.ids.len() < most && page.entries.len() < self.max_page_bytes {
            let blocks = self.chunk(last.take(), page.next, to, most - page.ids.len())?;
            let Some(end) = blocks.last() else { break };
            let (first, end) = (page.next, end.last_sequence().min(to));
            let mut scene = Scene::new(self, &blocks, first..=end, |_| true)?;
            scene.keep(most - page.ids.len(), false);
            let complete = page.ids.len() + scene.len() < most;
            let (ids, next) = (&mut page.ids, &mut page.next);
            let (mut bytes, mut cut) = (page.entries.len(), false);
            let written = scene.write(self, &mut writer, &mut page.entries, |sequence, entry| {
                ids.push(sequence);
                *next = sequence + 1;
                bytes += entry.len();
                cut = bytes >= self.max_page_bytes;
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

    /// The last entries of a stretch, the last first.
    pub(super) fn page_backwards(&self, stretch: Stretch) -> Result<Page, FeedError> {
        let Stretch { from, most, .. } = stretch;
        let mut to = stretch.to.min(self.reader.durable_sequence());
        let mut page = Page::default();
        let mut writer = EntryWriter::new(&self.source);
        while to >= from && to > 0 && page.ids.len() < most && page.entries.len() < self.max_page_bytes {
            let Some(block) = self.reader.block_at(to)? else { break };
            let first = block.first_sequence;
            if first > to {
                break;
            }
            let blocks = [block];
            let mut scene = Scene::new(self, &blocks, from..=to, |_| true)?;
            scene.keep(most - page.ids.len(), true);
            scene.reverse();
            let ids = &mut page.ids;
            let mut bytes = page.entries.len();
            let written = scene.write(self, &mut writer, &mut page.entries, |sequence, entry| {
                ids.push(sequence);
                bytes += entry.len();
                bytes < self.max_page_bytes
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

    /// These entries, as far as they are kept: by sequence.
    pub(super) fn entries(&self, ids: &[u64]) -> Result<BTreeMap<u64, Vec<u8>>, FeedError> {
        let mut found = BTreeMap::new();
        let mut writer = EntryWriter::new(&self.source);
        let mut left = ids;
        let mut out = Vec::new();
        while let Some(&first) = left.first() {
            let Some(block) = self.reader.block_at(first)? else { break };
            let last = block.last_sequence();
            let (here, behind) = left.split_at(left.partition_point(|id| *id <= last));
            let blocks = [block];
            let scene =
                Scene::new(self, &blocks, first..=last, |sequence| here.binary_search(&sequence).is_ok())?;
            out.clear();
            scene.write(self, &mut writer, &mut out, |sequence, entry| {
                found.insert(sequence, entry.to_vec());
                true
            })?;
            // One that is not kept any more lies before the first block there is.
            left = if here.is_empty() { left.get(1..).unwrap_or_default() } else { behind };
        }
        self.usage.read(found.len());
        Ok(found)
    }
}
