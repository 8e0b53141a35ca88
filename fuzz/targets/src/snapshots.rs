//! Snapshots: one is used only if it is whole and makes the very states that it was made of; else it is passed over, and
//! without another the start is refused.

use std::io::Write as _;

use tidegate_persistence::{EpochNumber, Journal, MemoryJournal, RecoveryError, SnapshotStore};

use crate::recovery::{Found, recover_both_ways};

/// What the first epoch's snapshot is filed under.
const COVERS: EpochNumber = EpochNumber::FIRST;

/// The kind of a frame that ends a file.
const FOOTER: u8 = 4;

/// The first byte says what follows: a file as it is, if it is 0; else frames, each a kind, two bytes of length and a
/// payload. Headers with checksums are put before them, and the footer tells what is covered and how many sections there are.
///
/// # Panics
/// If something else than a whole snapshot is used.
pub fn snapshots(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let file = if first == 0 { rest.to_vec() } else { framed(rest) };
    let Ok(found) = start(&file) else { return };
    assert!(found.has_snapshot, "the journal does not reach back to the beginning");
    let at = found.next_sequence as usize % (file.len() * 8);
    for at in [at, usize::from(first) % (file.len() * 8), file.len() * 8 - 1] {
        let mut flipped = file.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(start(&flipped).is_err(), "bit {at} is flipped and nobody has noticed");
    }
    for length in [file.len() - 1, file.len() / 2] {
        assert!(start(&file[..length]).is_err(), "half a snapshot is used");
    }
}

/// Starts from this file and an empty epoch behind it.
fn start(file: &[u8]) -> Result<Found, RecoveryError> {
    let disk = MemoryJournal::new();
    disk.create(COVERS.next()).expect("an epoch");
    let snapshots = disk.snapshots();
    let mut target = snapshots.begin(COVERS).expect("a snapshot");
    target.write_all(file).and_then(|()| target.sync()).expect("a snapshot");
    snapshots.finish(COVERS).expect("a snapshot");
    recover_both_ways(&disk, file.len())
}

/// Makes a file of frames. Written from the format as `docs/JOURNAL.md` tells it.
fn framed(mut bytes: &[u8]) -> Vec<u8> {
    let mut file = b"TGSS\x01\0\0\0".to_vec();
    let mut sections = 0_u64;
    while let [kind, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        let mut payload = payload.to_vec();
        sections += u64::from(*kind == 3);
        if let (FOOTER, [c0, c1, c2, c3, _, _, _, _, told @ ..]) = (*kind, &mut payload[..])
            && let Some(told) = told.first_chunk_mut()
        {
            [*c0, *c1, *c2, *c3] = COVERS.0.to_le_bytes();
            *told = sections.to_le_bytes();
        }
        let mut frame = vec![*kind];
        frame.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&frame), &payload);
        frame.extend_from_slice(&checksum.to_le_bytes());
        file.extend_from_slice(&frame);
        file.extend_from_slice(&payload);
        bytes = rest;
    }
    file
}
