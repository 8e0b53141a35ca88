//! Directories, and names in them that are there after a power cut.
//!
//! A file that was synced is lost with its name, and a name is on disk only when its directory was synced.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Makes a directory, and what is missing above it, unless it is there. Its name is on disk when this returns, also if it
/// was made by a process that was killed before it could see to that.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let was_there = path.is_dir();
    if !was_there {
        if !parent.as_os_str().is_empty() {
            make(parent)?;
        }
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            made => made?,
        }
    }
    match sync(parent) {
        // Where this process may not look, or nobody may write (a volume in a read-only system, which has nothing to sync),
        // somebody else has made the directory for it, long ago.
        Err(error) if was_there && is_not_ours(&error) => Ok(()),
        synced => synced,
    }
}

fn is_not_ours(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, ReadOnlyFilesystem, Unsupported};
    matches!(error.kind(), PermissionDenied | InvalidInput | ReadOnlyFilesystem | Unsupported)
}

/// Has the names in a directory on disk.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_with_what_is_missing_above_it_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c");
        make(&path).unwrap();
        make(&path).unwrap();
        assert!(path.is_dir());
        make(Path::new(".")).unwrap();
        make(Path::new("/")).unwrap();
        fs::write(path.join("file"), "").unwrap();
        assert!(make(&path.join("file")).is_err());
        assert!(make(&path.join("file/d")).is_err());
    }
}
