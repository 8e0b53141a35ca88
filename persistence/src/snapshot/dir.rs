//! The directory of snapshots: one file each, named by the last epoch it covers.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::path::PathBuf;

use super::store::{SnapshotSource, SnapshotStore, SnapshotTarget};
use crate::{EpochNumber, dirs};

const SUFFIX: &str = ".snap";
/// The end of the name of a snapshot that is being written.
const UNFINISHED: &str = ".tmp";
/// Bytes that are written at once.
const WRITE_BYTES: usize = 1 << 20;

/// A directory of snapshots.
#[derive(Clone, Debug)]
pub struct SnapshotDir {
    path: PathBuf,
}

impl SnapshotDir {
    /// The directory, which need not exist.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn file(&self, covers: EpochNumber) -> PathBuf {
        self.path.join(format!("{:010}{SUFFIX}", covers.0))
    }

    fn unfinished(&self, covers: EpochNumber) -> PathBuf {
        self.path.join(format!("{:010}{SUFFIX}{UNFINISHED}", covers.0))
    }
}

impl SnapshotStore for SnapshotDir {
    /// Makes the directory too, and has the names in it on disk: epochs are deleted because a snapshot is there.
    fn tidy(&self) -> io::Result<()> {
        dirs::make(&self.path)?;
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
                fs::remove_file(entry.path())?;
            }
        }
        dirs::sync(&self.path)
    }

    fn list(&self) -> io::Result<Vec<EpochNumber>> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok());
            found.extend(number.map(EpochNumber).filter(|epoch| self.file(*epoch).ends_with(&name)));
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found)
    }

    fn open(&self, covers: EpochNumber) -> io::Result<Box<dyn SnapshotSource>> {
        Ok(Box::new(File::open(self.file(covers))?))
    }

    fn begin(&self, covers: EpochNumber) -> io::Result<Box<dyn SnapshotTarget>> {
        let file = File::create(self.unfinished(covers))?;
        Ok(Box::new(BufWriter::with_capacity(WRITE_BYTES, Trickle { file, written: 0 })))
    }

    fn open_unfinished(&self, covers: EpochNumber) -> io::Result<Box<dyn SnapshotSource>> {
        Ok(Box::new(File::open(self.unfinished(covers))?))
    }

    fn finish(&self, covers: EpochNumber) -> io::Result<()> {
        fs::rename(self.unfinished(covers), self.file(covers))?;
        dirs::sync(&self.path)
    }

    fn abandon(&self, covers: EpochNumber) -> io::Result<()> {
        match fs::remove_file(self.unfinished(covers)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn remove(&self, covers: EpochNumber) -> io::Result<()> {
        fs::remove_file(self.file(covers))
    }
}

impl SnapshotTarget for BufWriter<Trickle> {
    fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.get_ref().file.sync_all()
    }
}

/// A file that goes to the disk while it is written, and not all at once when it is synced: the journal's own syncs would
/// wait behind that, for a file system writes what belongs to its own log before it says that anything in it is there.
#[derive(Debug)]
struct Trickle {
    file: File,
    written: u64,
}

impl Write for Trickle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.file.write(bytes)?;
        start_writing(&self.file, self.written, taken);
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Begins to bring this part of a file to the disk: that is what Linux does with pages that are not wanted any more and not
/// written yet. A hint: the sync at the end is what counts.
#[cfg(target_os = "linux")]
fn start_writing(file: &File, from: u64, bytes: usize) {
    if let Some(bytes) = NonZeroU64::new(bytes as u64) {
        let _ = rustix::fs::fadvise(file, from, Some(bytes), rustix::fs::Advice::DontNeed);
    }
}

/// Elsewhere it is written when the system thinks fit.
#[cfg(not(target_os = "linux"))]
fn start_writing(_: &File, _: u64, _: usize) {}
