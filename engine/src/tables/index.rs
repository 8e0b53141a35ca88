//! A hash index over row numbers that grows one bucket at a time (extendible hashing, Fagin et al. 1979).

use hashbrown::HashTable;

/// Entries of a full bucket: seven eighths of the 2,048 slots that a hash table of that size has. Splitting one
/// takes well under a millisecond, however large the index is.
const BUCKET: usize = 1792;

/// The directory's bits are taken from here upwards; hashbrown uses the lowest and the seven highest bits itself.
const DIRECTORY_SHIFT: u32 = 32;

/// The most bits that the directory uses. Beyond it buckets grow like any hash table.
const MAX_DEPTH: u32 = 20;

/// Row numbers by the hash of something in the row. It holds four bytes a row and no keys: the caller compares.
#[derive(Debug)]
pub(crate) struct Index {
    /// 2^depth entries, each the number of a bucket.
    directory: Vec<u32>,
    depth: u32,
    buckets: Vec<Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    /// How many bits of the hash all entries here share.
    depth: u32,
    rows: HashTable<u32>,
}

impl Default for Index {
    fn default() -> Self {
        Self { directory: vec![0], depth: 0, buckets: vec![Bucket::default()] }
    }
}

impl Index {
    fn slot(&self, hash: u64) -> usize {
        (hash >> DIRECTORY_SHIFT) as usize & ((1 << self.depth) - 1)
    }

    /// The row with this hash that `is_it` accepts.
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let bucket = &self.buckets[self.directory[self.slot(hash)] as usize];
        bucket.rows.find(hash, |row| is_it(*row)).copied()
    }

    /// Adds a row that is not there yet. `hash_of` gives the hash of any row that was added before.
    pub(crate) fn insert(&mut self, hash: u64, row: u32, hash_of: impl Fn(u32) -> u64) {
        loop {
            let number = self.directory[self.slot(hash)] as usize;
            let bucket = &mut self.buckets[number];
            if bucket.rows.len() < BUCKET || bucket.depth == MAX_DEPTH {
                bucket.rows.insert_unique(hash, row, |row| hash_of(*row));
                return;
            }
            self.split(number, hash, &hash_of);
        }
    }

    fn split(&mut self, number: usize, hash: u64, hash_of: &impl Fn(u32) -> u64) {
        let depth = self.buckets[number].depth;
        if depth == self.depth {
            self.directory.extend_from_within(..);
            self.depth += 1;
        }
        let bit = 1u64 << (DIRECTORY_SHIFT + depth);
        let rows = std::mem::take(&mut self.buckets[number].rows);
        let half = rows.len() / 2;
        let (mut low, mut high) = (HashTable::with_capacity(half), HashTable::with_capacity(half));
        for row in rows {
            let hash = hash_of(row);
            let side = if hash & bit == 0 { &mut low } else { &mut high };
            side.insert_unique(hash, row, |row| hash_of(*row));
        }
        self.buckets[number] = Bucket { depth: depth + 1, rows: low };
        // Fewer buckets than rows, and rows are numbered by u32.
        #[allow(clippy::cast_possible_truncation)]
        let sibling = self.buckets.len() as u32;
        self.buckets.push(Bucket { depth: depth + 1, rows: high });
        // The directory's entries for the upper half: those that end in the bits shared so far and a one.
        let first = (hash >> DIRECTORY_SHIFT) as usize & ((1 << depth) - 1) | 1 << depth;
        for entry in self.directory.iter_mut().skip(first).step_by(1 << (depth + 1)) {
            *entry = sibling;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(row: u32) -> u64 {
        use std::hash::BuildHasher;
        foldhash::quality::FixedState::with_seed(7).hash_one(row)
    }

    #[test]
    fn every_row_is_found_after_many_splits() {
        let mut index = Index::default();
        for row in 0..100_000 {
            index.insert(hash(row), row, hash);
        }
        assert!((0..100_000).all(|row| index.find(hash(row), |r| r == row) == Some(row)));
        assert!((100_000..101_000).all(|row| index.find(hash(row), |r| r == row).is_none()));
        assert!(index.buckets.iter().all(|bucket| bucket.rows.len() <= BUCKET));
    }

    #[test]
    fn rows_of_one_hash_share_a_bucket_that_grows() {
        let mut index = Index::default();
        for row in 0..3000 {
            index.insert(42, row, |_| 42);
        }
        assert!((0..3000).all(|row| index.find(42, |r| r == row) == Some(row)));
    }
}
