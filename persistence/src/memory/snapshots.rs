//! Snapshots in memory.

use std::io::{self, Cursor, Write};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{State, Unfinished};
use crate::{EpochNumber, JournalError, SnapshotSource, SnapshotStore, SnapshotTarget};

/// The snapshots on the disk of a [`MemoryJournal`](crate::MemoryJournal).
#[derive(Clone, Debug)]
pub struct MemorySnapshots {
    pub(super) state: Arc<Mutex<State>>,
}

impl MemorySnapshots {
    fn on<T>(&self, work: impl FnOnce(&mut State) -> Result<T, JournalError>) -> io::Result<T> {
        self.state.lock().operate(work).map_err(io::Error::other)
    }
}

impl SnapshotStore for MemorySnapshots {
    fn tidy(&self) -> io::Result<()> {
        self.on(|disk| {
            disk.unfinished.clear();
            disk.count_bytes();
            Ok(())
        })
    }

    fn list(&self) -> io::Result<Vec<EpochNumber>> {
        self.on(|disk| Ok(disk.snapshots.keys().rev().copied().collect()))
    }

    fn open(&self, covers: EpochNumber) -> io::Result<Box<dyn SnapshotSource>> {
        let found = self.on(|disk| Ok(disk.snapshots.get(&covers).cloned()))?;
        found.map(source).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn begin(&self, covers: EpochNumber) -> io::Result<Box<dyn SnapshotTarget>> {
        self.on(|disk| {
            disk.unfinished.insert(covers, Unfinished::default());
            disk.count_bytes();
            Ok(())
        })?;
        Ok(Box::new(Target { covers, snapshots: self.clone() }))
    }

    fn open_unfinished(&self, covers: EpochNumber) -> io::Result<Box<dyn SnapshotSource>> {
        let found = self.on(|disk| Ok(disk.unfinished.get(&covers).map(|file| file.bytes.clone())))?;
        found.map(Arc::new).map(source).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn finish(&self, covers: EpochNumber) -> io::Result<()> {
        self.on(|disk| {
            if let Some(Unfinished { mut bytes, synced }) = disk.unfinished.remove(&covers) {
                // What was not synced is not there after a crash, whatever it is called.
                bytes.truncate(synced);
                disk.snapshots.insert(covers, Arc::new(bytes));
            }
            Ok(())
        })
    }

    fn abandon(&self, covers: EpochNumber) -> io::Result<()> {
        self.on(|disk| {
            disk.unfinished.remove(&covers);
            disk.count_bytes();
            Ok(())
        })
    }

    fn remove(&self, covers: EpochNumber) -> io::Result<()> {
        self.on(|disk| {
            disk.snapshots.remove(&covers);
            disk.count_bytes();
            Ok(())
        })
    }
}

fn source(bytes: Arc<Vec<u8>>) -> Box<dyn SnapshotSource> {
    Box::new(Cursor::new(Bytes(bytes)))
}

struct Bytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

struct Target {
    covers: EpochNumber,
    snapshots: MemorySnapshots,
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.snapshots.on(|disk| {
            disk.grow(bytes.len())?;
            if let Some(file) = disk.unfinished.get_mut(&self.covers) {
                file.bytes.extend_from_slice(bytes);
            }
            Ok(bytes.len())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SnapshotTarget for Target {
    fn sync(&mut self) -> io::Result<()> {
        self.snapshots.on(|disk| {
            if let Some(file) = disk.unfinished.get_mut(&self.covers) {
                file.synced = file.bytes.len();
            }
            Ok(())
        })
    }
}
