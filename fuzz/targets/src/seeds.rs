//! Seeds of the targets whose inputs nobody writes by hand.

use std::io::Read as _;
use std::path::Path;

use tidegate_persistence::{Block, EpochNumber, Journal, MemoryJournal, SnapshotStore};

use crate::sessions;
use crate::stage::{self, Stage};

/// Larger ones are left out.
const MOST_BYTES: usize = 4 << 10;

/// Bytes of a block's header, of a snapshot's and of a frame's.
const BLOCK_HEADER: usize = 48;
const FILE_HEADER: usize = 8;
const FRAME_HEADER: usize = 9;

/// What a server leaves on its disk that plays these scripts: the target, a name, and an input as the target wants it.
///
/// # Panics
/// If a script can't be read or shows a defect.
pub fn seeds(scripts: &Path) -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for script in std::fs::read_dir(scripts).expect("a directory of scripts") {
        let path = script.expect("a script").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let script = std::fs::read(&path).expect("a script");
        // In one epoch, and in one that has ended, with a snapshot of it.
        let disk = played(&script, u64::MAX / 8);
        let blocks = blocks(&disk, EpochNumber::FIRST);
        let whole: Vec<u8> = [&[0][..], &blocks[0]].concat();
        let events: u32 = blocks.iter().map(|block| Block::parse(block).expect("a block").events).sum();
        let mut bodies = vec![1];
        bodies.extend_from_slice(&events.to_le_bytes()[..3]);
        blocks.iter().for_each(|block| bodies.extend_from_slice(&block[BLOCK_HEADER..]));
        seeds.push(("blocks", format!("{name}-first"), whole));
        seeds.push(("blocks", name.clone(), bodies));
        if let Some(file) = snapshot(&played(&script, 1)) {
            seeds.push(("snapshots", format!("{name}-file"), [&[0][..], &file].concat()));
            seeds.push(("snapshots", name, frames(&file)));
        }
    }
    seeds.retain(|(_, _, bytes)| bytes.len() <= MOST_BYTES);
    seeds
}

/// Plays a script and then goes over to another epoch, as soon as there are `epoch_bytes` in this one.
fn played(script: &[u8], epoch_bytes: u64) -> MemoryJournal {
    stage::run(async || {
        let mut stage = sessions::left_by(script, Stage::with_epochs_of(epoch_bytes).await).await;
        stage.server.journal().make_epoch();
        stage.ask(b"CAMPAIGN.PUT last '{\"title\":\"The last word\"}'\r\n").await;
        stage.server.journal().make_epoch();
        stage.ask(b"CAMPAIGN.PUT last '{\"title\":\"The very last\"}'\r\n").await;
        stage.server.journal().make_snapshot();
        stage.disk.clone()
    })
}

fn blocks(disk: &MemoryJournal, epoch: EpochNumber) -> Vec<Vec<u8>> {
    let opened = disk.open(epoch).expect("the first epoch");
    disk.durable_blocks(epoch)
        .into_iter()
        .map(|at| opened.block_from(at).expect("a disk").expect("a block").bytes)
        .collect()
}

/// The oldest snapshot.
fn snapshot(disk: &MemoryJournal) -> Option<Vec<u8>> {
    let snapshots = disk.snapshots();
    let covers = snapshots.list().expect("a disk").pop()?;
    let mut file = Vec::new();
    snapshots.open(covers).and_then(|mut source| source.read_to_end(&mut file)).expect("a snapshot");
    Some(file)
}

/// The frames of a file without their checksums.
fn frames(file: &[u8]) -> Vec<u8> {
    let (mut frames, mut rest) = (vec![1], &file[FILE_HEADER..]);
    while let [kind, l0, l1, l2, l3, ..] = rest {
        let length = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
        frames.push(*kind);
        frames.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
        frames.extend_from_slice(&rest[FRAME_HEADER..FRAME_HEADER + length]);
        rest = &rest[FRAME_HEADER + length..];
    }
    frames
}
