//! One commit as the journal holds it: a header that ties it to the block before, and the groups.
//!
//! ```text
//! offset  0  magic "TGBK"            4  format version: u16      6  zero: u16
//!         8  epoch: u32             12  events: u32             16  block number: u64
//!        24  hash of the block before: u64                      32  first sequence: u64
//!        40  bytes of groups: u32   44  CRC32C of all but these four: u32
//!        48  groups
//! ```
//! All numbers are little-endian. The hash is XXH3-64 of the whole block before, zero for block 1.

use xxhash_rust::xxh3::xxh3_64;

use crate::group::Groups;

/// The version of the journal's format that this release writes, and the newest that it reads.
pub const FORMAT_VERSION: u16 = 1;
/// Bytes before the groups.
pub(crate) const HEADER: usize = 48;

const MAGIC: [u8; 4] = *b"TGBK";
const CRC_AT: usize = 44;

/// One part of the journal: a whole sled directory, named by its number from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochNumber(pub u32);

impl EpochNumber {
    /// The first epoch of every journal.
    pub const FIRST: Self = Self(1);

    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl std::fmt::Display for EpochNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "epoch {}", self.0)
    }
}

/// What is wrong with a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockDamage {
    /// Not a block, or not all of it.
    #[error("its bytes are damaged: {0}")]
    Bytes(&'static str),
    /// Written by a later release.
    #[error(
        "it has format version {found}, this release reads up to {FORMAT_VERSION}: use the release that wrote it"
    )]
    Version {
        /// The block's format version.
        found: u16,
    },
    /// A whole block that tells of what can't be.
    #[error("its {what} is {found}: no journal has that, so a defective program wrote it")]
    Impossible {
        /// What can't be so.
        what: &'static str,
        /// What the block says.
        found: u64,
    },
    /// A whole block, but not the one that belongs here.
    #[error("its {what} is {found} and not {expected}: a block is missing, or it is from another journal")]
    Chain {
        /// What does not fit.
        what: &'static str,
        /// What the block says.
        found: u64,
        /// What belongs here.
        expected: u64,
    },
}

impl BlockDamage {
    /// Whether an interrupted write can have left this behind.
    #[must_use]
    pub fn may_be_torn(&self) -> bool {
        matches!(self, Self::Bytes(_))
    }
}

/// Where a journal ends: what the next block has to say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The number of the next block, from 1.
    pub block: u64,
    /// The hash of the last block; zero if there is none.
    pub hash: u64,
    /// The sequence of the next event, from 1.
    pub sequence: u64,
}

impl Tail {
    /// The end of an empty journal.
    pub const EMPTY: Self = Self { block: 1, hash: 0, sequence: 1 };

    /// The tail after this block, if the block is the one that belongs here.
    ///
    /// # Errors
    /// Says what does not fit.
    pub fn follow(&self, epoch: EpochNumber, block: &Block<'_>) -> Result<Self, BlockDamage> {
        let checks = [
            ("number", block.number, self.block),
            ("epoch", u64::from(block.epoch.0), u64::from(epoch.0)),
            ("first sequence", block.first_sequence, self.sequence),
            ("hash of the block before", block.previous, self.hash),
        ];
        for (what, found, expected) in checks {
            if found != expected {
                return Err(BlockDamage::Chain { what, found, expected });
            }
        }
        Ok(Self {
            block: self.block + 1,
            hash: block.hash(),
            sequence: self.sequence + u64::from(block.events),
        })
    }
}

/// A block read back, its checksum verified.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// The epoch it is in.
    pub epoch: EpochNumber,
    /// Its number, from 1 over all epochs.
    pub number: u64,
    /// The hash of the block before.
    pub previous: u64,
    /// The sequence of its first event.
    pub first_sequence: u64,
    /// How many events it holds.
    pub events: u32,
    bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// Reads a block and checks that it is whole.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BlockDamage> {
        let (header, groups) =
            bytes.split_first_chunk::<HEADER>().ok_or(BlockDamage::Bytes("it ends within its header"))?;
        if header[..4] != MAGIC {
            return Err(BlockDamage::Bytes("it does not begin as a block does"));
        }
        // A later version may have another header: look at the version before anything behind it.
        let version = u16::from_le_bytes([header[4], header[5]]);
        if version > FORMAT_VERSION && crc_of(bytes) == u32_at(header, CRC_AT) {
            return Err(BlockDamage::Version { found: version });
        }
        if u32_at(header, 40) as usize != groups.len() {
            return Err(BlockDamage::Bytes("its length is not what its header says"));
        }
        if crc_of(bytes) != u32_at(header, CRC_AT) {
            return Err(BlockDamage::Bytes("its checksum is wrong"));
        }
        if version != FORMAT_VERSION {
            return Err(BlockDamage::Version { found: version });
        }
        let block = Self {
            epoch: EpochNumber(u32_at(header, 8)),
            events: u32_at(header, 12),
            number: u64_at(header, 16),
            previous: u64_at(header, 24),
            first_sequence: u64_at(header, 32),
            bytes,
        };
        // The next block has a number, and its first event a sequence.
        let follows = block.first_sequence.checked_add(block.events.into()).is_some();
        let checks = [
            ("number", block.number, (1..u64::MAX).contains(&block.number)),
            ("number of events", block.events.into(), block.events > 0),
            ("first sequence", block.first_sequence, block.first_sequence > 0 && follows),
        ];
        match checks.into_iter().find(|(.., can_be)| !can_be) {
            Some((what, found, _)) => Err(BlockDamage::Impossible { what, found }),
            None => Ok(block),
        }
    }

    /// What the next block calls this one.
    #[must_use]
    pub fn hash(&self) -> u64 {
        xxh3_64(self.bytes)
    }

    /// Its groups.
    #[must_use]
    pub fn groups(&self) -> Groups<'a> {
        Groups::new(payload(self.bytes), self.first_sequence)
    }

    /// Bytes, with the header.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// The groups of a block that was verified.
pub(crate) fn payload(block: &[u8]) -> &[u8] {
    block.get(HEADER..).unwrap_or_default()
}

/// How many events the header of a block that was verified tells of.
pub(crate) fn events_told(block: &[u8]) -> u32 {
    block.first_chunk::<HEADER>().map_or(0, |header| u32_at(header, 12))
}

/// Puts a block together, group by group, in a buffer that is used again.
#[derive(Debug, Default)]
pub(crate) struct BlockBuilder {
    bytes: Vec<u8>,
    events: u32,
}

impl BlockBuilder {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADER, 0);
        self.events = 0;
    }

    pub(crate) fn push(&mut self, group: &[u8], events: u32) {
        self.bytes.extend_from_slice(group);
        self.events += events;
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Fills in the header: the whole block, and the tail after it.
    pub(crate) fn seal(&mut self, epoch: EpochNumber, tail: &Tail) -> (&[u8], Tail) {
        let length = (self.bytes.len() - HEADER) as u32;
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&MAGIC);
        header[4..6].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        header[8..12].copy_from_slice(&epoch.0.to_le_bytes());
        header[12..16].copy_from_slice(&self.events.to_le_bytes());
        header[16..24].copy_from_slice(&tail.block.to_le_bytes());
        header[24..32].copy_from_slice(&tail.hash.to_le_bytes());
        header[32..40].copy_from_slice(&tail.sequence.to_le_bytes());
        header[40..44].copy_from_slice(&length.to_le_bytes());
        self.bytes[..HEADER].copy_from_slice(&header);
        let crc = crc_of(&self.bytes);
        self.bytes[CRC_AT..HEADER].copy_from_slice(&crc.to_le_bytes());
        let next = Tail {
            block: tail.block + 1,
            hash: xxh3_64(&self.bytes),
            sequence: tail.sequence + u64::from(self.events),
        };
        (&self.bytes, next)
    }
}

fn crc_of(block: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&block[..CRC_AT]), &block[HEADER..])
}

fn u32_at(header: &[u8; HEADER], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&header[at..at + 4]);
    u32::from_le_bytes(bytes)
}

fn u64_at(header: &[u8; HEADER], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&header[at..at + 8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(tail: &Tail) -> (Vec<u8>, Tail) {
        let mut builder = BlockBuilder::default();
        builder.clear();
        builder.push(b"groups", 3);
        let (bytes, next) = builder.seal(EpochNumber(2), tail);
        (bytes.to_vec(), next)
    }

    /// The bytes of format version 1: what exists on disks can't change.
    #[test]
    fn the_bytes_of_a_block_are_fixed() {
        let (bytes, next) = sealed(&Tail { block: 5, hash: 6, sequence: 7 });
        let mut expected = b"TGBK\x01\0\0\0\x02\0\0\0\x03\0\0\0".to_vec();
        for number in [5u64, 6, 7] {
            expected.extend_from_slice(&number.to_le_bytes());
        }
        expected.extend_from_slice(&[6, 0, 0, 0]);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&expected), b"groups");
        expected.extend_from_slice(&crc.to_le_bytes());
        expected.extend_from_slice(b"groups");
        assert_eq!(bytes, expected);
        assert_eq!(next, Tail { block: 6, hash: xxh3_64(&bytes), sequence: 10 });
        let block = Block::parse(&bytes).unwrap();
        assert_eq!(Tail { block: 5, hash: 6, sequence: 7 }.follow(EpochNumber(2), &block), Ok(next));
    }

    #[test]
    fn a_block_of_a_later_version_says_so_and_is_not_taken_for_a_torn_one() {
        let (mut bytes, _) = sealed(&Tail::EMPTY);
        bytes[4] = 9;
        assert!(Block::parse(&bytes).unwrap_err().may_be_torn(), "a flipped bit is no later version");
        let crc = crc_of(&bytes);
        bytes[CRC_AT..HEADER].copy_from_slice(&crc.to_le_bytes());
        let damage = Block::parse(&bytes).unwrap_err();
        assert_eq!(damage, BlockDamage::Version { found: 9 });
        assert!(!damage.may_be_torn());
    }

    #[test]
    fn a_block_of_numbers_that_no_journal_has_is_not_taken_for_a_torn_one() {
        let (sound, _) = sealed(&Tail::EMPTY);
        let cases = [
            (12..16, 0, "number of events"),
            (16..24, 0, "number"),
            (16..24, 0xff, "number"),
            (32..40, 0, "first sequence"),
            (32..40, 0xff, "first sequence"),
        ];
        for (field, byte, named) in cases {
            let mut bytes = sound.clone();
            bytes[field].fill(byte);
            let crc = crc_of(&bytes);
            bytes[CRC_AT..HEADER].copy_from_slice(&crc.to_le_bytes());
            let damage = Block::parse(&bytes).unwrap_err();
            assert!(matches!(damage, BlockDamage::Impossible { what, .. } if what == named), "{damage}");
            assert!(!damage.may_be_torn());
        }
    }

    #[test]
    fn a_block_follows_only_the_one_before_it() {
        let tail = Tail { block: 5, hash: 6, sequence: 7 };
        let (bytes, _) = sealed(&tail);
        let block = Block::parse(&bytes).unwrap();
        assert!(tail.follow(EpochNumber(3), &block).is_err());
        for other in [Tail { block: 4, ..tail }, Tail { hash: 7, ..tail }, Tail { sequence: 8, ..tail }] {
            assert!(matches!(other.follow(EpochNumber(2), &block), Err(BlockDamage::Chain { .. })));
        }
    }
}
