//! One bucket of an index: a small hash table of rows with their hashes.

/// The most slots of a bucket that can split instead: 4 KiB.
const MAX_SLOTS: usize = 512;

/// Slots that a large bucket grows by. With eight bytes a slot, its sizes are size classes of the allocator. Half of it takes 0.7
/// bytes an entry less at five million (0.2 to 2 at other numbers), and places each seven times instead of four before its bucket
/// splits.
const STEP: usize = 128;

/// Slots above which a bucket grows by [`STEP`], and below which it doubles.
const DOUBLING: usize = 256;

/// No entry.
const EMPTY: u64 = u64::MAX;

/// Entries by hash, open addressing with linear probing (Knuth 6.4, algorithm L), never removed.
///
/// A general hash table would take a byte a slot for its tags and only have powers of two of slots: 17 bytes an entry
/// at five million, where this takes 11 (and 13 where its buckets have just split). The hash is kept, because computing
/// it again when the bucket grows or splits would read the row and its text, two cache misses for each entry, which took
/// a third of a reservation's time.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// Each [`EMPTY`], or a hash in the upper half and a row in the lower one.
    slots: Box<[u64]>,
    len: u32,
    /// How many of their highest hash bits all entries share.
    depth: u32,
}

impl Bucket {
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether it should be split rather than grow.
    pub(crate) fn is_full(&self) -> bool {
        self.slots.len() >= MAX_SLOTS && self.is_crowded()
    }

    /// Four fifths of the slots are taken. Above that, a search that finds nothing looks at more than a dozen.
    fn is_crowded(&self) -> bool {
        self.len as usize * 5 >= self.slots.len() * 4
    }

    /// The row with this hash that `is_it` accepts.
    pub(crate) fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let (before, from) = self.slots.split_at(self.home(hash));
        for entry in from.iter().chain(before) {
            if *entry == EMPTY {
                return None;
            }
            if hash_of(*entry) == hash && is_it(row_of(*entry)) {
                return Some(row_of(*entry));
            }
        }
        None
    }

    /// Reads the first slot that a search for this hash looks at.
    pub(crate) fn touch(&self, hash: u32) -> u64 {
        self.slots.get(self.home(hash)).map_or(EMPTY, |slot| *slot)
    }

    /// Adds an entry, growing if need be.
    pub(crate) fn add(&mut self, hash: u32, row: u32) {
        if self.is_crowded() {
            self.resize(match self.slots.len() {
                0 => 4,
                few if few < DOUBLING => few * 2,
                many => many + STEP,
            });
        }
        self.place(u64::from(hash) << 32 | u64::from(row));
    }

    /// Keeps the entries whose next bit is zero and gives away those whose next bit is one.
    pub(crate) fn split(&mut self) -> Self {
        let entries = std::mem::take(&mut self.slots);
        self.depth += 1;
        let bit = 1u64 << (64 - self.depth);
        let above = entries.iter().filter(|entry| **entry != EMPTY && **entry & bit != 0).count();
        let below = self.len as usize - above;
        let mut sibling = Self { depth: self.depth, ..Self::default() };
        (self.len, sibling.len) = (0, 0);
        self.resize(slots_for(below));
        sibling.resize(slots_for(above));
        for entry in entries.iter().filter(|entry| **entry != EMPTY) {
            let side = if entry & bit == 0 { &mut *self } else { &mut sibling };
            side.place(*entry);
        }
        sibling
    }

    fn resize(&mut self, slots: usize) {
        let entries = std::mem::replace(&mut self.slots, vec![EMPTY; slots].into_boxed_slice());
        self.len = 0;
        for entry in entries.iter().filter(|entry| **entry != EMPTY) {
            self.place(*entry);
        }
    }

    fn place(&mut self, entry: u64) {
        let (before, from) = self.slots.split_at_mut(self.home(hash_of(entry)));
        if let Some(free) = from.iter_mut().chain(before).find(|slot| **slot == EMPTY) {
            *free = entry;
            self.len += 1;
        }
    }

    /// The slot at which a search for this hash begins. It goes on to the last one, and then from the first.
    fn home(&self, hash: u32) -> usize {
        // The highest bits are the same for the whole bucket: spread the others (Fibonacci hashing, Knuth 6.4), and
        // scale to the number of slots, which is no power of two.
        let spread = u64::from(hash.wrapping_mul(0x9E37_79B9));
        ((spread * self.slots.len() as u64) >> 32) as usize
    }
}

/// Slots for so many entries and a few more.
fn slots_for(entries: usize) -> usize {
    (entries * 5 / 4 + 1).next_multiple_of(STEP)
}

fn hash_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

fn row_of(entry: u64) -> u32 {
    #[allow(clippy::cast_possible_truncation)]
    let row = entry as u32;
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_while_it_grows_and_after_it_split() {
        let mut low = Bucket::default();
        // The bit that will be split by comes out even.
        let hash = |row: u32| row.wrapping_mul(0x85EB_CA6B).rotate_left(7);
        let mut rows = 0;
        while !low.is_full() {
            low.add(hash(rows), rows);
            rows += 1;
        }
        assert_eq!(low.slots.len(), MAX_SLOTS);
        assert!((0..rows).all(|row| low.find(hash(row), |r| r == row) == Some(row)));
        let high = low.split();
        assert_eq!(low.len + high.len, rows);
        for row in 0..rows {
            let (mine, other) = if hash(row) >> 31 == 0 { (&low, &high) } else { (&high, &low) };
            assert_eq!(mine.find(hash(row), |r| r == row), Some(row));
            assert_eq!(other.find(hash(row), |r| r == row), None);
        }
    }

    #[test]
    fn one_hash_may_have_many_rows() {
        let mut bucket = Bucket::default();
        for row in 0..2000 {
            bucket.add(u32::MAX, row);
        }
        assert!((0..2000).all(|row| bucket.find(u32::MAX, |r| r == row) == Some(row)));
        assert_eq!(bucket.find(u32::MAX, |_| false), None);
        assert_eq!(bucket.find(7, |_| true), None);
    }
}
