//! The high-water mark: how far the journal is known to reach.
//!
//! It lies in a file of its own, in two slots written in turn, so that a torn write leaves the older one. It is
//! a lower bound: written after the commit it speaks of, never in its way.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::{EpochNumber, JournalError, dirs};

const MAGIC: [u8; 4] = *b"TGHW";
const VERSION: u16 = 1;
const SLOT: usize = 48;
/// Slots lie in different sectors, so that one torn write can't hurt both.
const SLOT_AT: [u64; 2] = [0, 4096];
const FILE_BYTES: u64 = 8192;

/// Everything up to here was durable when this was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The epoch of the last durable block.
    pub epoch: EpochNumber,
    /// The number of that block.
    pub block: u64,
    /// Its hash.
    pub hash: u64,
    /// The sequence of its last event.
    pub sequence: u64,
}

impl Mark {
    fn encode(&self) -> [u8; SLOT] {
        let mut slot = [0; SLOT];
        slot[..4].copy_from_slice(&MAGIC);
        slot[4..6].copy_from_slice(&VERSION.to_le_bytes());
        slot[8..12].copy_from_slice(&self.epoch.0.to_le_bytes());
        slot[16..24].copy_from_slice(&self.block.to_le_bytes());
        slot[24..32].copy_from_slice(&self.hash.to_le_bytes());
        slot[32..40].copy_from_slice(&self.sequence.to_le_bytes());
        let crc = crc32c::crc32c(&slot[..44]);
        slot[44..].copy_from_slice(&crc.to_le_bytes());
        slot
    }

    fn decode(slot: &[u8; SLOT]) -> Option<Self> {
        let number = |at: usize| slot[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        let crc = slot[44..].try_into().map(u32::from_le_bytes).ok()?;
        let version = u16::from_le_bytes([slot[4], slot[5]]);
        if slot[..4] != MAGIC || version != VERSION || crc32c::crc32c(&slot[..44]) != crc {
            return None;
        }
        Some(Self {
            epoch: EpochNumber(slot[8..12].try_into().map(u32::from_le_bytes).ok()?),
            block: number(16)?,
            hash: number(24)?,
            sequence: number(32)?,
        })
    }
}

/// The newer of the two slots. A slot of zeros was never written.
///
/// # Errors
/// [`Damaged`] if something was written and none of it can be read.
pub(crate) fn newest(slots: &[[u8; SLOT]; 2]) -> Result<Option<Mark>, Damaged> {
    let readable = slots.iter().filter_map(Mark::decode).max_by_key(|mark| mark.block);
    // The first slot ever written may have been torn; then the other one is still zeros.
    let written = slots.iter().filter(|slot| **slot != [0; SLOT]).count();
    if readable.is_none() && written == 2 { Err(Damaged) } else { Ok(readable) }
}

/// No slot of the mark can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// The file that holds the mark.
#[derive(Debug)]
pub(crate) struct MarkFile {
    path: PathBuf,
    /// Opened and grown to its full size once; which slot is next.
    open: Mutex<Option<(File, usize)>>,
}

impl MarkFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, open: Mutex::new(None) }
    }

    /// Reads the mark; a file that is not there holds none.
    pub(crate) fn read(&self) -> Result<Option<Mark>, JournalError> {
        let slots = match read_slots(&self.path) {
            Ok(slots) => slots,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JournalError::io("cannot read", &self.path, &error)),
        };
        newest(&slots).map_err(|Damaged| JournalError::Mark { path: self.path.display().to_string() })
    }

    /// What is wrong with the file although a mark may be read from it, in words for an operator.
    pub(crate) fn damage(&self) -> Result<Option<String>, JournalError> {
        let failed = |error| JournalError::io("cannot read", &self.path, &error);
        let (slots, bytes) =
            match read_slots(&self.path).and_then(|slots| Ok((slots, fs::metadata(&self.path)?.len()))) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                other => other.map_err(failed)?,
            };
        // It grows to its full size before anything is written into it.
        let what = if bytes != 0 && bytes < FILE_BYTES {
            format!("has only {bytes} of its {FILE_BYTES} bytes")
        } else if slots.iter().any(|slot| *slot != [0; SLOT] && Mark::decode(slot).is_none()) {
            "can't be read in one of its two places".to_owned()
        } else {
            return Ok(None);
        };
        Ok(Some(format!(
            "the high-water mark {} {what}: an older mark counts, or none; a start goes on, with a warning",
            self.path.display()
        )))
    }

    /// Writes the mark into the older slot.
    pub(crate) fn write(&self, mark: Mark) -> Result<(), JournalError> {
        self.try_write(mark).map_err(|error| JournalError::io("cannot write", &self.path, &error))
    }

    fn try_write(&self, mark: Mark) -> io::Result<()> {
        let mut open = self.open.lock();
        let (file, slot) = match open.take() {
            Some(open) => open,
            None => open_file(&self.path)?,
        };
        file.write_all_at(&mark.encode(), SLOT_AT[slot])?;
        file.sync_data()?;
        *open = Some((file, 1 - slot));
        Ok(())
    }
}

fn read_slots(path: &Path) -> io::Result<[[u8; SLOT]; 2]> {
    let file = File::open(path)?;
    let mut slots = [[0; SLOT]; 2];
    for (slot, at) in slots.iter_mut().zip(SLOT_AT) {
        // A short file is one that was never written in full: its missing slots are zeros.
        match file.read_exact_at(slot, at) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => *slot = [0; SLOT],
            other => other?,
        }
    }
    Ok(slots)
}

fn open_file(path: &Path) -> io::Result<(File, usize)> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    if file.metadata()?.len() < FILE_BYTES {
        file.set_len(FILE_BYTES)?;
        file.sync_all()?;
        if let Some(parent) = path.parent() {
            dirs::sync(parent)?;
        }
    }
    let slots = read_slots(path)?;
    let [first, second] = slots.map(|slot| Mark::decode(&slot).map(|mark| mark.block));
    Ok((file, usize::from(first > second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(block: u64) -> Mark {
        Mark { epoch: EpochNumber(3), block, hash: block * 7, sequence: block * 100 }
    }

    fn file() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mark");
        (dir, path)
    }

    #[test]
    fn a_mark_reads_back_the_newest() {
        let (_dir, path) = file();
        assert_eq!(MarkFile::new(path.clone()).read(), Ok(None));
        for block in 1..=5 {
            // A new handle each time: the slot to write is found in the file, not remembered.
            MarkFile::new(path.clone()).write(mark(block)).unwrap();
            assert_eq!(MarkFile::new(path.clone()).read(), Ok(Some(mark(block))));
        }
    }

    #[test]
    fn a_torn_write_leaves_the_mark_before() {
        let (_dir, path) = file();
        let marks = MarkFile::new(path.clone());
        marks.write(mark(1)).unwrap();
        marks.write(mark(2)).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(b"torn", SLOT_AT[1] + 20).unwrap();
        assert_eq!(MarkFile::new(path.clone()).read(), Ok(Some(mark(1))));
        assert!(MarkFile::new(path.clone()).damage().unwrap().is_some());
        // The damaged slot is the one that is written next.
        MarkFile::new(path.clone()).write(mark(3)).unwrap();
        assert_eq!(MarkFile::new(path.clone()).read(), Ok(Some(mark(3))));
        assert_eq!(MarkFile::new(path).damage(), Ok(None));
    }

    #[test]
    fn two_damaged_slots_are_an_error_and_a_torn_first_write_is_none() {
        let (_dir, path) = file();
        MarkFile::new(path.clone()).write(mark(1)).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(b"torn", SLOT_AT[0] + 20).unwrap();
        assert_eq!(MarkFile::new(path.clone()).read(), Ok(None));
        file.write_all_at(b"torn", SLOT_AT[1] + 20).unwrap();
        assert!(matches!(MarkFile::new(path).read(), Err(JournalError::Mark { .. })));
    }

    #[test]
    fn the_bytes_of_a_mark_are_fixed() {
        let mark = Mark { epoch: EpochNumber(2), block: 3, hash: 4, sequence: 5 };
        let mut expected = Vec::new();
        expected.extend_from_slice(b"TGHW\x01\0\0\0\x02\0\0\0\0\0\0\0");
        for number in [3u64, 4, 5] {
            expected.extend_from_slice(&number.to_le_bytes());
        }
        expected.extend_from_slice(&[0; 4]);
        assert_eq!(mark.encode()[..44], expected[..]);
        assert_eq!(Mark::decode(&mark.encode()), Some(mark));
    }
}
