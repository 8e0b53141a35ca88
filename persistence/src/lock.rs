//! One process at a time in a data directory.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use fs4::fs_std::FileExt;

use crate::dirs;

/// The name of the lock file in a data directory.
const FILE: &str = "tidegate.lock";

/// Holds a data directory until it is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub struct DirLock {
    dir: PathBuf,
    /// The lock belongs to this open file.
    _file: File,
}

/// A data directory that can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("the data directory {dir} is in use by {holder}; stop that one first, or use another directory")]
    Held {
        /// The directory.
        dir: PathBuf,
        /// "process 17", or "another process".
        holder: String,
    },
    /// The lock file can't be used.
    #[error("cannot lock the data directory {dir}: {cause}")]
    Io {
        /// The directory.
        dir: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
}

impl DirLock {
    /// Locks `dir`, which is made if it does not exist, and is there after a power cut.
    ///
    /// # Errors
    /// If another process (or another lock in this one) holds it, or the file system refuses.
    pub fn take(dir: &Path) -> Result<Self, LockError> {
        let failed = |cause| LockError::Io { dir: dir.to_owned(), cause };
        dirs::make(dir).map_err(failed)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join(FILE))
            .map_err(failed)?;
        take(&mut file, dir)?;
        write_holder(&mut file).map_err(failed)?;
        Ok(Self { dir: dir.to_owned(), _file: file })
    }

    /// Locks `dir` without writing anything. `None` if no process ever locked it.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_untouched(dir: &Path) -> Result<Option<Self>, LockError> {
        let mut file = match File::open(dir.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|cause| LockError::Io { dir: dir.to_owned(), cause })?,
        };
        take(&mut file, dir)?;
        Ok(Some(Self { dir: dir.to_owned(), _file: file }))
    }

    /// The directory that is locked.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

fn take(file: &mut File, dir: &Path) -> Result<(), LockError> {
    match FileExt::try_lock_exclusive(file) {
        Ok(true) => Ok(()),
        Ok(false) => Err(LockError::Held { dir: dir.to_owned(), holder: holder(file) }),
        Err(cause) => Err(LockError::Io { dir: dir.to_owned(), cause }),
    }
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(32).read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok()) {
        Some(id) => format!("process {id}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_refused_and_told_who_is_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirLock::take(dir.path()).unwrap();
        let refused = DirLock::take(dir.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        assert!(DirLock::take_untouched(dir.path()).is_err());
        drop(first);
        DirLock::take(dir.path()).unwrap();
    }

    #[test]
    fn looking_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        assert!(DirLock::take_untouched(dir.path()).unwrap().is_none());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
