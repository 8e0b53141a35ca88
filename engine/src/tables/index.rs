//! A hash index over row numbers that grows one bucket at a time (extendible hashing, Fagin et al. 1979).

use super::Chunks;
use super::bucket::Bucket;

/// The most bits that the directory uses. Beyond it buckets grow as they must.
const MAX_DEPTH: u32 = 22;

/// Row numbers by the hash of something in the row. It holds no keys: the caller compares.
#[derive(Debug)]
pub(crate) struct Index {
    /// 2^depth entries, each the number of a bucket. The highest bits of a hash say which.
    directory: Vec<u32>,
    depth: u32,
    /// In chunks, for a list of many megabytes must not move either.
    buckets: Chunks<Bucket>,
}

impl Default for Index {
    fn default() -> Self {
        let mut buckets = Chunks::default();
        buckets.push(Bucket::default());
        Self { directory: vec![0], depth: 0, buckets }
    }
}

/// The half of a hash that is kept, and of which everything else is derived.
fn kept(hash: u64) -> u32 {
    #[allow(clippy::cast_possible_truncation)]
    let upper = (hash >> 32) as u32;
    upper
}

/// The highest `bits` bits.
fn prefix(hash: u32, bits: u32) -> usize {
    // A shift by the whole width is what no bits need.
    (u64::from(hash) >> (32 - bits)) as usize
}

impl Index {
    /// The row with this hash that `is_it` accepts.
    pub(crate) fn find(&self, hash: u64, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let hash = kept(hash);
        self.buckets.get(self.directory[prefix(hash, self.depth)] as usize)?.find(hash, is_it)
    }

    /// Reads what a search for this hash reads first, so that it is in the cache when the search comes.
    pub(crate) fn touch(&self, hash: u64) -> u64 {
        let hash = kept(hash);
        let bucket = self.buckets.get(self.directory[prefix(hash, self.depth)] as usize);
        bucket.map_or(0, |bucket| bucket.touch(hash))
    }

    /// Adds a row that is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, row: u32) {
        let hash = kept(hash);
        loop {
            let number = self.directory[prefix(hash, self.depth)] as usize;
            // Always there: the directory names no bucket that was not pushed.
            let Some(bucket) = self.buckets.get_mut(number) else { return };
            if !bucket.is_full() || bucket.depth() == MAX_DEPTH {
                return bucket.add(hash, row);
            }
            let sibling = bucket.split();
            self.add_sibling(hash, sibling);
        }
    }

    /// Adds the upper half of a bucket that was split, in which this hash belonged.
    fn add_sibling(&mut self, hash: u32, sibling: Bucket) {
        let depth = sibling.depth();
        if depth > self.depth {
            self.directory = self.directory.iter().flat_map(|bucket| [*bucket, *bucket]).collect();
            self.depth = depth;
        }
        // Fewer buckets than rows, and rows are numbered by u32.
        #[allow(clippy::cast_possible_truncation)]
        let number = self.buckets.len() as u32;
        self.buckets.push(sibling);
        // The directory's entries for the upper half: those that begin with the bits shared before, then a one.
        let width = 1 << (self.depth - depth);
        let first = (prefix(hash, depth - 1) << 1 | 1) * width;
        self.directory[first..first + width].fill(number);
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
            index.insert(hash(row), row);
        }
        assert!((0..100_000).all(|row| index.find(hash(row), |r| r == row) == Some(row)));
        assert!((100_000..101_000).all(|row| index.find(hash(row), |r| r == row).is_none()));
        assert!(index.buckets.len() > 200, "it has split");
    }

    #[test]
    fn rows_of_one_hash_share_a_bucket_that_grows() {
        let mut index = Index::default();
        for row in 0..3000 {
            index.insert(42 << 32, row);
        }
        assert!((0..3000).all(|row| index.find(42 << 32, |r| r == row) == Some(row)));
    }
}
