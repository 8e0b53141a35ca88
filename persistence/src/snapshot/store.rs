//! Where snapshots are kept, and how they are read whatever that is.

use std::fmt::Debug;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use super::frame::{FOOTER_BYTES, Frame, FrameReader, SnapshotError, read_footer};
use super::info::{Footer, SnapshotInfo};
use crate::EpochNumber;

const READ_BYTES: usize = 256 << 10;

/// Keeps snapshots, named by the last epoch that they cover. One implementation is a directory, one in memory for tests.
///
/// A snapshot that is being made is unfinished: it has its own place and is no snapshot until [`Self::finish`].
pub trait SnapshotStore: Debug + Send + Sync {
    /// Deletes what an interrupted snapshot left.
    ///
    /// # Errors
    /// If the place can't be read or written.
    fn tidy(&self) -> io::Result<()>;

    /// The epochs that snapshots cover, newest first, good or not.
    ///
    /// # Errors
    /// If the place can't be read.
    fn list(&self) -> io::Result<Vec<EpochNumber>>;

    /// Opens a snapshot.
    ///
    /// # Errors
    /// If there is none, or it can't be read.
    fn open(&self, covers: EpochNumber) -> io::Result<Box<dyn SnapshotSource>>;

    /// Begins an unfinished snapshot, in place of one that is there.
    ///
    /// # Errors
    /// If it can't be made.
    fn begin(&self, covers: EpochNumber) -> io::Result<Box<dyn SnapshotTarget>>;

    /// Opens an unfinished snapshot.
    ///
    /// # Errors
    /// If there is none, or it can't be read.
    fn open_unfinished(&self, covers: EpochNumber) -> io::Result<Box<dyn SnapshotSource>>;

    /// Makes an unfinished snapshot, which is synced, a snapshot; it survives a crash on return.
    ///
    /// # Errors
    /// If that can't be. Whether it is a snapshot then is not known.
    fn finish(&self, covers: EpochNumber) -> io::Result<()>;

    /// Deletes an unfinished snapshot, if there is one.
    ///
    /// # Errors
    /// If it can't be deleted; the next start tries again.
    fn abandon(&self, covers: EpochNumber) -> io::Result<()>;

    /// Deletes a snapshot.
    ///
    /// # Errors
    /// If it can't be deleted.
    fn remove(&self, covers: EpochNumber) -> io::Result<()>;
}

/// What a snapshot is read from.
pub trait SnapshotSource: Read + Seek + Send {}

impl<T: Read + Seek + Send> SnapshotSource for T {}

/// What an unfinished snapshot is written to.
pub trait SnapshotTarget: Write + Send {
    /// Makes everything written durable.
    ///
    /// # Errors
    /// If the disk does not confirm.
    fn sync(&mut self) -> io::Result<()>;
}

/// The snapshots of one journal.
#[derive(Clone, Debug)]
pub(crate) struct Snapshots(Arc<dyn SnapshotStore>);

impl Snapshots {
    pub(crate) fn new(store: Arc<dyn SnapshotStore>) -> Self {
        Self(store)
    }

    pub(crate) fn store(&self) -> &dyn SnapshotStore {
        &*self.0
    }

    /// The epochs that snapshots cover, newest first, good or not.
    pub(crate) fn list(&self) -> io::Result<Vec<EpochNumber>> {
        self.0.list()
    }

    /// The footer of a snapshot: cheap, and verified by its own checksum alone.
    pub(crate) fn footer(&self, covers: EpochNumber) -> Result<(Footer, SnapshotInfo), SnapshotError> {
        let mut file = self.0.open(covers)?;
        let bytes = file.seek(SeekFrom::End(0))?;
        if bytes < FOOTER_BYTES as u64 {
            return Err(SnapshotError::Damaged("it ends too early"));
        }
        file.seek(SeekFrom::End(-(FOOTER_BYTES as i64)))?;
        let mut last = [0; FOOTER_BYTES];
        file.read_exact(&mut last)?;
        let footer = read_footer(&last)?;
        if footer.covers != covers {
            return Err(SnapshotError::Damaged("its name is not that of what it covers"));
        }
        Ok((footer, footer.info(bytes)))
    }

    /// How many bytes a snapshot has.
    pub(crate) fn bytes(&self, covers: EpochNumber) -> io::Result<u64> {
        self.0.open(covers)?.seek(SeekFrom::End(0))
    }

    /// The newest snapshot with a good footer.
    pub(crate) fn newest_info(&self) -> Option<SnapshotInfo> {
        let covers = self.list().ok()?;
        covers.into_iter().find_map(|covers| self.footer(covers).ok()).map(|(_, info)| info)
    }

    /// Hands every frame to `visit`, the footer last. Each is verified before.
    pub(crate) fn read<E: From<SnapshotError>>(
        &self,
        covers: EpochNumber,
        visit: impl FnMut(Frame) -> Result<(), E>,
    ) -> Result<(), E> {
        read_frames(self.0.open(covers), visit)
    }

    /// The same of an unfinished one.
    pub(super) fn read_unfinished<E: From<SnapshotError>>(
        &self,
        covers: EpochNumber,
        visit: impl FnMut(Frame) -> Result<(), E>,
    ) -> Result<(), E> {
        read_frames(self.0.open_unfinished(covers), visit)
    }

    /// Deletes all snapshots but these.
    pub(crate) fn keep(&self, kept: &[EpochNumber]) -> io::Result<()> {
        let others = self.list()?.into_iter().filter(|covers| !kept.contains(covers));
        others.into_iter().try_for_each(|covers| self.0.remove(covers))
    }
}

fn read_frames<E: From<SnapshotError>>(
    file: io::Result<Box<dyn SnapshotSource>>,
    mut visit: impl FnMut(Frame) -> Result<(), E>,
) -> Result<(), E> {
    let file = BufReader::with_capacity(READ_BYTES, file.map_err(SnapshotError::from)?);
    let mut frames = FrameReader::new(file)?;
    loop {
        let frame = frames.next()?;
        let last = matches!(frame, Frame::Footer(_));
        visit(frame)?;
        if last {
            return Ok(());
        }
    }
}
