//! The directory of snapshots: one file each, named by the last epoch it covers.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::frame::{FOOTER_BYTES, Frame, FrameReader, SnapshotError, read_footer};
use super::info::{Footer, SnapshotInfo};
use crate::EpochNumber;

const SUFFIX: &str = ".snap";
/// The end of the name of a snapshot that is being written.
const UNFINISHED: &str = ".tmp";
const READ_BYTES: usize = 256 << 10;

/// Where snapshots are.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotDir {
    path: PathBuf,
}

impl SnapshotDir {
    /// The directory, which need not exist.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Makes the directory and deletes what an interrupted snapshot left.
    pub(crate) fn tidy(&self) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self, covers: EpochNumber) -> PathBuf {
        self.path.join(format!("{:010}{SUFFIX}", covers.0))
    }

    pub(super) fn unfinished(&self, covers: EpochNumber) -> PathBuf {
        self.path.join(format!("{:010}{SUFFIX}{UNFINISHED}", covers.0))
    }

    /// The epochs that snapshots cover, newest first, good or not.
    pub(crate) fn list(&self) -> io::Result<Vec<EpochNumber>> {
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

    /// The footer of a snapshot: cheap, and verified by its own checksum alone.
    pub(crate) fn footer(&self, covers: EpochNumber) -> Result<(Footer, SnapshotInfo), SnapshotError> {
        let mut file = File::open(self.file(covers))?;
        let bytes = file.metadata()?.len();
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
        read_file(&self.file(covers), visit)
    }

    /// Deletes all snapshots but the newest ones.
    pub(crate) fn keep_newest(&self, count: usize) -> io::Result<()> {
        for covers in self.list()?.into_iter().skip(count) {
            fs::remove_file(self.file(covers))?;
        }
        Ok(())
    }
}

/// Hands every frame of a file to `visit`.
pub(super) fn read_file<E: From<SnapshotError>>(
    path: &Path,
    mut visit: impl FnMut(Frame) -> Result<(), E>,
) -> Result<(), E> {
    let file = File::open(path).map_err(SnapshotError::from)?;
    let mut frames = FrameReader::new(BufReader::with_capacity(READ_BYTES, file))?;
    loop {
        let frame = frames.next()?;
        let last = matches!(frame, Frame::Footer(_));
        visit(frame)?;
        if last {
            return Ok(());
        }
    }
}
