//! What a disk holds, to be damaged and put onto a new disk.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use tidegate_persistence::{
    Block, EpochNumber, Journal, Mark, MemoryJournal, Options, SnapshotStore, recover_from,
};

use crate::common::SEED;
use crate::sale::{Hashes, Sale};

/// Blocks by epoch and first sequence, snapshots, the mark.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) epochs: BTreeMap<EpochNumber, BTreeMap<u64, Vec<u8>>>,
    pub(crate) snapshots: BTreeMap<EpochNumber, Vec<u8>>,
    pub(crate) mark: Option<Mark>,
}

/// Where a block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) epoch: EpochNumber,
    pub(crate) sequence: u64,
}

impl Image {
    /// What a sale of so many turns leaves, and what was known after each of them.
    pub(crate) fn of_a_sale(options: &Options, turns: u32) -> (Self, Vec<Hashes>) {
        let disk = MemoryJournal::new();
        let snapshots = Some(Arc::new(disk.snapshots()) as Arc<dyn SnapshotStore>);
        let recovered = recover_from(Arc::new(disk.clone()), snapshots, 1, SEED, &|_| {}).unwrap();
        let known = Sale::go_on(recovered, options).sell_all(turns);
        let image = Self::read(&disk);
        assert_eq!(image.blocks().len(), turns as usize, "one block a turn");
        (image, known)
    }

    pub(crate) fn read(disk: &MemoryJournal) -> Self {
        let mut epochs: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for epoch in disk.epochs().unwrap() {
            let blocks = epochs.entry(epoch).or_default();
            let (epoch, mut from) = (disk.open(epoch).unwrap(), 0);
            while let Some(stored) = epoch.block_from(from).unwrap() {
                from = stored.first_sequence + 1;
                blocks.insert(stored.first_sequence, stored.bytes);
            }
        }
        let store = disk.snapshots();
        let read = |covers| {
            let mut bytes = Vec::new();
            store.open(covers).unwrap().read_to_end(&mut bytes).unwrap();
            (covers, bytes)
        };
        let snapshots = store.list().unwrap().into_iter().map(read).collect();
        Self { epochs, snapshots, mark: disk.mark().unwrap() }
    }

    /// A disk with this on it.
    pub(crate) fn disk(&self) -> MemoryJournal {
        let disk = MemoryJournal::new();
        for (number, blocks) in &self.epochs {
            let epoch = disk.create(*number).unwrap();
            blocks.iter().for_each(|(sequence, bytes)| epoch.append(*sequence, bytes).unwrap());
            epoch.sync().unwrap();
        }
        let store = disk.snapshots();
        for (covers, bytes) in &self.snapshots {
            let mut file = store.begin(*covers).unwrap();
            file.write_all(bytes).unwrap();
            file.sync().unwrap();
            store.finish(*covers).unwrap();
        }
        if let Some(mark) = self.mark {
            disk.set_mark(mark).unwrap();
        }
        disk
    }

    /// All blocks in their order.
    pub(crate) fn blocks(&self) -> Vec<Place> {
        let places = self.epochs.iter().flat_map(|(epoch, blocks)| {
            blocks.keys().map(|sequence| Place { epoch: *epoch, sequence: *sequence })
        });
        places.collect()
    }

    pub(crate) fn block(&mut self, place: Place) -> &mut Vec<u8> {
        self.epochs.get_mut(&place.epoch).unwrap().get_mut(&place.sequence).unwrap()
    }

    pub(crate) fn lose(&mut self, place: Place) {
        self.epochs.get_mut(&place.epoch).unwrap().remove(&place.sequence).unwrap();
    }

    /// The mark as it was written after this block, from 1 on.
    pub(crate) fn mark_at(&self, block: usize) -> Mark {
        let Place { epoch, sequence } = self.blocks()[block - 1];
        let bytes = &self.epochs[&epoch][&sequence];
        let parsed = Block::parse(bytes).unwrap();
        Mark {
            epoch,
            block: parsed.number,
            hash: parsed.hash(),
            sequence: sequence + u64::from(parsed.events) - 1,
        }
    }
}

/// Gives a block that was changed a checksum that is right.
pub(crate) fn seal(block: &mut [u8]) {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&block[..44]), &block[48..]);
    block[44..48].copy_from_slice(&crc.to_le_bytes());
}
