//! Epochs are looked at in copies, since opening one writes to it.

use std::fs;
use std::io;
use std::path::Path;

use super::{CACHE_BYTES, InspectError, Look};
use crate::{EpochNumber, Journal, SledJournal};

/// Copies an epoch of the journal in `source` and shows the copy to `look`.
pub(super) fn look_at(source: &Path, epoch: EpochNumber, look: Look<'_>) -> Result<(), InspectError> {
    let place = tempfile::Builder::new().prefix("tidegate-inspect-").tempdir()?;
    let name = format!("{:010}", epoch.0);
    copy_dir(&source.join(&name), &place.path().join(&name))?;
    match SledJournal::new(place.path(), CACHE_BYTES)?.open(epoch) {
        Ok(copy) => look(Ok(&*copy)),
        Err(error) => look(Err(error)),
    }
    Ok(())
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
