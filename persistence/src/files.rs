//! What the disk has of a file, and what the kernel only remembers of it.

use std::fs::File;
use std::io::{self, ErrorKind, Read};

/// Files are read in pieces of so much.
const PIECE_BYTES: usize = 1 << 20;

/// Has on disk what was written to the file, and the kernel read from there what is read next.
///
/// When a sync fails, Linux takes what it could not write for written and goes on remembering it: the next process reads what
/// the disk does not have, its syncs succeed, for nothing is left to write, and it builds on what a power cut takes. What is
/// remembered goes as a whole, for storage that uses places again may have written anywhere in the file.
pub(crate) fn settle(file: &File) -> io::Result<()> {
    file.sync_data()?;
    forget(file)
}

#[cfg(target_os = "linux")]
fn forget(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}

/// Elsewhere there is no way to ask for it, or the kernel forgets of its own accord.
#[cfg(not(target_os = "linux"))]
fn forget(_: &File) -> io::Result<()> {
    Ok(())
}

/// Reads the file to its end: whoever reads it next reads what the kernel remembers of it.
pub(crate) fn read_through(mut file: &File) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
