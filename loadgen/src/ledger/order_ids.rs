//! Which order ids a SKU has given out, so that none is given out twice.

use std::collections::{HashMap, HashSet};

/// Numbers of one page: 1,024 bits, 128 bytes.
const PAGE_BITS: u64 = 1_024;
const WORDS: usize = (PAGE_BITS / 64) as usize;

/// A set of numbers in pages of bits: one bit a number where numbers are dense, at most about 150 bytes a number
/// where each stands alone.
#[derive(Debug, Clone, Default)]
struct NumberSet {
    pages: HashMap<u64, Box<[u64; WORDS]>>,
    len: u64,
}

impl NumberSet {
    /// Adds a number. False if it was there.
    fn insert(&mut self, number: u64) -> bool {
        let page = self.pages.entry(number / PAGE_BITS).or_insert_with(|| Box::new([0; WORDS]));
        let bit = number % PAGE_BITS;
        let word = &mut page[(bit / 64) as usize];
        let mask = 1 << (bit % 64);
        let new = *word & mask == 0;
        *word |= mask;
        self.len += u64::from(new);
        new
    }

    /// Adds all numbers of `other` and returns how many were in both.
    fn absorb(&mut self, other: &Self) -> u64 {
        let mut common = 0;
        for (number, theirs) in &other.pages {
            let ours = self.pages.entry(*number).or_insert_with(|| Box::new([0; WORDS]));
            for (ours, theirs) in ours.iter_mut().zip(theirs.iter()) {
                common += u64::from((*ours & *theirs).count_ones());
                *ours |= *theirs;
            }
        }
        self.len += other.len - common;
        common
    }
}

/// The order ids of one SKU. Ids of the form `{sku}:o:N` cost about a bit each, any other id about 18 bytes (a
/// 64-bit hash in a hash set).
#[derive(Debug, Clone, Default)]
pub struct OrderIds {
    numbered: NumberSet,
    hashed: HashSet<u64>,
}

impl OrderIds {
    /// Adds an id. False if it was given out before.
    pub fn insert(&mut self, sku: &str, id: &[u8]) -> bool {
        match order_number(sku, id) {
            Some(number) => self.numbered.insert(number),
            None => self.hashed.insert(hash(id)),
        }
    }

    /// Adds all ids of `other` and returns how many were in both.
    pub fn absorb(&mut self, other: &Self) -> u64 {
        let repeated = other.hashed.iter().filter(|id| !self.hashed.insert(**id)).count() as u64;
        self.numbered.absorb(&other.numbered) + repeated
    }
}

/// N of `{sku}:o:N`, if the id has that form (and could not be written in another way).
fn order_number(sku: &str, id: &[u8]) -> Option<u64> {
    let rest = id.strip_prefix(b"{")?.strip_prefix(sku.as_bytes())?.strip_prefix(b"}:o:")?;
    if rest.is_empty() || rest.len() > 18 || (rest[0] == b'0' && rest.len() > 1) {
        return None;
    }
    rest.iter().try_fold(0_u64, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
    })
}

/// The same id has the same hash in every thread of this process.
fn hash(id: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(id);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once() {
        let mut ids = OrderIds::default();
        for id in ["{tea}:o:1", "{tea}:o:2", "{tea}:o:99999999999999999999", "{tea}:o:01", "1700-0"] {
            assert!(ids.insert("tea", id.as_bytes()), "{id}");
            assert!(!ids.insert("tea", id.as_bytes()), "{id}");
        }
    }

    #[test]
    fn ids_that_look_alike_are_not_the_same() {
        assert_eq!(order_number("tea", b"{tea}:o:17"), Some(17));
        for id in ["{tea}:o:", "{tea}:o:017", "{tea}:o:1x", "{te}:o:1", "{tea}:r:1", "{tea}:o:-1", "17"] {
            assert_eq!(order_number("tea", id.as_bytes()), None, "{id}");
        }
    }

    #[test]
    fn two_workers_with_the_same_id_are_found_when_they_are_joined() {
        let mut one = OrderIds::default();
        let mut two = OrderIds::default();
        for number in 0..5_000 {
            one.insert("tea", format!("{{tea}}:o:{}", number * 2).as_bytes());
            two.insert("tea", format!("{{tea}}:o:{}", number * 2 + 1).as_bytes());
        }
        two.insert("tea", b"{tea}:o:4000");
        two.insert("tea", b"opaque");
        one.insert("tea", b"opaque");
        assert_eq!(one.absorb(&two), 2);
        assert_eq!(one.numbered.len, 10_000);
    }

    #[test]
    fn dense_numbers_cost_about_a_bit() {
        let mut numbers = NumberSet::default();
        for number in 0..1_000_000 {
            assert!(numbers.insert(number));
        }
        assert_eq!(numbers.len, 1_000_000);
        assert_eq!(numbers.pages.len(), 977);
    }
}
