//! What can go wrong outside the sale itself.

use std::io;
use std::path::PathBuf;

/// The generator could not do its work. A sale that does not add up is not an error but a finding, see
/// [`crate::ledger::Verdict`].
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// An option has a value that makes no sense.
    #[error("{0}")]
    Config(String),
    /// The target could not be reached.
    #[error("cannot connect to {target}: {source}; is the server running there?")]
    Connect {
        /// The address tried.
        target: String,
        /// Why not.
        source: io::Error,
    },
    /// The connection broke while nothing could be lost by it (setting up, or verifying).
    #[error("lost the connection to {target} while {doing}: {source}")]
    Lost {
        /// The address.
        target: String,
        /// What the generator was doing.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The server stayed in `LOADING` longer than the generator waits.
    #[error("{target} was still loading its journal after {waited_s} s; try again when it is ready")]
    StillLoading {
        /// The address.
        target: String,
        /// Seconds waited.
        waited_s: u64,
    },
    /// The server refused something the generator cannot do without, or answered in a shape that the protocol
    /// does not have.
    #[error("{command} was answered with {reply}")]
    Unexpected {
        /// The command sent.
        command: String,
        /// The reply, shortened.
        reply: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A trace or data file does not have the documented form.
    #[error("{}, record {record}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The record, counted from 1.
        record: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A thread of the generator could not be started or ended in a panic.
    #[error("a worker thread of the generator failed: {0}")]
    Worker(String),
}

impl LoadError {
    /// Wraps an I/O error with the file it is about.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
