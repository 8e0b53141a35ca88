//! A hash index over row numbers that grows one bucket at a time (extendible hashing, Fagin et al. 1979).

use hashbrown::HashTable;

use super::Chunks;

/// Entries of a full bucket: seven eighths of the 512 slots that a hash table of that size has. Splitting one reads
/// each row and its text again, two cache misses apiece, so its size bounds the longest turn. With 1,792 the turns
/// that split (p99.99) took 0.6 ms; with this they take 0.2 ms, at the same memory, but every 150th turn splits.
const BUCKET: usize = 448;

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
    /// In chunks, for a list of many megabytes must not move either.
    buckets: Chunks<Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    /// How many bits of the hash all entries here share.
    depth: u32,
    rows: HashTable<u32>,
}

impl Default for Index {
    fn default() -> Self {
        let mut buckets = Chunks::default();
        buckets.push(Bucket::default());
        Self { directory: vec![0], depth: 0, buckets }
    }
}

impl Index {
    fn slot(&self, hash: u64) -> usize {
        (hash >> DIRECTORY_SHIFT) as usize & ((1 << self.depth) - 1)
    }

    /// The row with this hash that `is_it` accepts.
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let bucket = self.buckets.get(self.directory[self.slot(hash)] as usize)?;
        bucket.rows.find(hash, |row| is_it(*row)).copied()
    }

    /// Adds a row that is not there yet. `hash_of` gives the hash of any row that was added before.
    pub(crate) fn insert(&mut self, hash: u64, row: u32, hash_of: impl Fn(u32) -> u64) {
        loop {
            let number = self.directory[self.slot(hash)] as usize;
            // Always there: the directory names no bucket that was not pushed.
            let Some(bucket) = self.buckets.get_mut(number) else { return };
            if bucket.rows.len() < BUCKET || bucket.depth == MAX_DEPTH {
                bucket.rows.insert_unique(hash, row, |row| hash_of(*row));
                return;
            }
            let depth = bucket.depth;
            let rows = std::mem::take(&mut bucket.rows);
            let (low, high) = divide(rows, 1 << (DIRECTORY_SHIFT + depth), &hash_of);
            *bucket = Bucket { depth: depth + 1, rows: low };
            self.add_sibling(hash, Bucket { depth: depth + 1, rows: high });
        }
    }

    /// Adds the upper half of a bucket that was split, whose entries share this hash's bits but for the last.
    fn add_sibling(&mut self, hash: u64, sibling: Bucket) {
        let depth = sibling.depth - 1;
        if depth == self.depth {
            self.directory.extend_from_within(..);
            self.depth += 1;
        }
        // Fewer buckets than rows, and rows are numbered by u32.
        #[allow(clippy::cast_possible_truncation)]
        let number = self.buckets.len() as u32;
        self.buckets.push(sibling);
        // The directory's entries for the upper half: those that end in the bits shared so far and a one.
        let first = (hash >> DIRECTORY_SHIFT) as usize & ((1 << depth) - 1) | 1 << depth;
        for entry in self.directory.iter_mut().skip(first).step_by(1 << (depth + 1)) {
            *entry = number;
        }
    }
}

/// The rows whose hash lacks this bit, and those whose hash has it.
fn divide(rows: HashTable<u32>, bit: u64, hash_of: &impl Fn(u32) -> u64) -> (HashTable<u32>, HashTable<u32>) {
    let half = rows.len() / 2;
    let (mut low, mut high) = (HashTable::with_capacity(half), HashTable::with_capacity(half));
    for row in rows {
        let hash = hash_of(row);
        let side = if hash & bit == 0 { &mut low } else { &mut high };
        side.insert_unique(hash, row, |row| hash_of(*row));
    }
    (low, high)
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
