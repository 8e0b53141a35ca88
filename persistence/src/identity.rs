//! What tells a data directory from every other: a number made once, at random.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::{DirLock, dirs};

/// The name of the file in a data directory.
const FILE: &str = "identity";

/// What it is written as before it is there.
const UNFINISHED: &str = "identity.tmp";

/// The number in hexadecimal.
const DIGITS: usize = 32;

/// What an operator is told of a journal that holds something and has no identity beside it. A server makes it before it sells,
/// so it was lost, or not restored.
pub(crate) const UNIDENTIFIED: &str = "the data directory has no identity, though its journal holds something: a start makes a new one and goes on, with a warning. Unless feed.source is set, the feed has another source from then on, and receivers of webhooks may be sent again, under another webhook-id, what they have acted on; to keep the old one, put the file `identity` back from a backup while no server runs";

/// An identity that can't be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file can't be read or written.
    #[error("cannot read or make the identity {file}: {cause}")]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// There is something else in it.
    #[error(
        "{file} holds no identity of {DIGITS} hexadecimal digits; put back what it held, or delete it to have a new one made: what the feed tells is then of another source"
    )]
    Damaged {
        /// The file.
        file: PathBuf,
    },
}

/// The identity of a data directory, in hexadecimal. A directory that has none gets `fresh`, which is on disk when this
/// returns: call it once the journal is there.
///
/// # Errors
/// If the file can't be read or made, or holds something else.
pub fn identity(lock: &DirLock, fresh: [u8; 16]) -> Result<String, IdentityError> {
    let dir = lock.dir();
    if let Some(identity) = known_identity(dir)? {
        return Ok(identity);
    }
    let text = format!("{:032x}", u128::from_be_bytes(fresh));
    write(dir, &text).map_err(|cause| IdentityError::Io { file: dir.join(FILE), cause })?;
    Ok(text)
}

/// The identity that is there. It is made once there is a journal: where there is one, there was the other.
pub(crate) fn known_identity(dir: &Path) -> Result<Option<String>, IdentityError> {
    let file = dir.join(FILE);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(IdentityError::Damaged { file });
        }
        Err(cause) => return Err(IdentityError::Io { file, cause }),
    };
    let text = text.trim_end();
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_one = text.len() == DIGITS && text.bytes().all(is_digit);
    if is_one { Ok(Some(text.to_owned())) } else { Err(IdentityError::Damaged { file }) }
}

/// It is there whole, or not at all.
fn write(dir: &Path, text: &str) -> io::Result<()> {
    let unfinished = dir.join(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&unfinished, dir.join(FILE))?;
    dirs::sync(dir)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DirLock::take(dir.path()).unwrap();
        // What a crash has left.
        fs::write(dir.path().join(UNFINISHED), "0").unwrap();
        assert_eq!(identity(&lock, [0; 16]).unwrap(), "0".repeat(DIGITS));
        assert_eq!(identity(&lock, [1; 16]).unwrap(), "0".repeat(DIGITS));
        let other = tempfile::tempdir().unwrap();
        let lock = DirLock::take(other.path()).unwrap();
        assert_eq!(identity(&lock, [0xAB; 16]).unwrap(), "ab".repeat(16));
    }

    #[test]
    fn what_is_none_is_not_taken_for_one_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DirLock::take(dir.path()).unwrap();
        for damaged in [&b""[..], b"ab", b"xyz", &[0xFF; 32], &[b'A'; 32], &[b'a'; 33]] {
            fs::write(dir.path().join(FILE), damaged).unwrap();
            let error = identity(&lock, [1; 16]).unwrap_err();
            assert!(matches!(error, IdentityError::Damaged { .. }), "{error}");
            assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), damaged);
        }
    }
}
