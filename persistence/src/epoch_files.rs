//! The files of one epoch, and of the directory that epochs lie in, below whatever keeps blocks in them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::{JournalError, dirs, files};

/// A kill during an open leaves such a file, and the next open would take it for damage.
pub(crate) fn remove_half_made_index(epoch: &Path) -> Result<(), JournalError> {
    for name in names(epoch)? {
        if name.starts_with("snap.") && name.ends_with(".generating") {
            let path = epoch.join(name);
            fs::remove_file(&path).map_err(|error| JournalError::io("cannot delete", &path, &error))?;
        }
    }
    Ok(())
}

pub(crate) fn names(dir: &Path) -> Result<Vec<String>, JournalError> {
    let read = || -> io::Result<Vec<String>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    read().map_err(|error| JournalError::io("cannot read", dir, &error))
}

pub(crate) fn remove_dir(path: &Path) -> Result<(), JournalError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(JournalError::io("cannot delete", path, &error))
        }
        _ => Ok(()),
    }
}

/// Reads all that sled reads when it opens this directory, if it is there.
pub(crate) fn read_through(epoch: &Path) -> Result<(), JournalError> {
    if !epoch.try_exists().map_err(|error| JournalError::io("cannot read", epoch, &error))? {
        return Ok(());
    }
    for name in names(epoch)? {
        let path = epoch.join(name);
        let read = || -> io::Result<()> {
            let file = File::open(&path)?;
            if file.metadata()?.is_file() { files::read_through(&file) } else { Ok(()) }
        };
        read().map_err(|error| JournalError::io("cannot read", &path, &error))?;
    }
    Ok(())
}

/// What is not on disk of sled's log by now is not read either.
pub(crate) fn settle_log(epoch: &Path) -> Result<(), JournalError> {
    File::open(epoch.join("db"))
        .and_then(|log| files::settle(&log))
        .map_err(|error| JournalError::io("cannot sync", epoch, &error))
}

pub(crate) fn sync_path(path: &Path) -> Result<(), JournalError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| JournalError::io("cannot sync", path, &error))
}

pub(crate) fn sync_dir(path: &Path) -> Result<(), JournalError> {
    dirs::sync(path).map_err(|error| JournalError::io("cannot sync", path, &error))
}
