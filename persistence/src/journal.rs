//! What keeps blocks: a journal made of epochs. One implementation is on sled, one in memory for tests.

use std::fmt::Debug;
use std::sync::Arc;

use crate::{EpochNumber, Mark};

/// Where blocks are kept. Epochs are numbered without gaps; the highest is the one written to.
pub trait Journal: Debug + Send + Sync {
    /// The epochs that exist, ascending.
    ///
    /// # Errors
    /// If the place can't be read.
    fn epochs(&self) -> Result<Vec<EpochNumber>, JournalError>;

    /// Makes a new, empty epoch that survives a crash from now on, and opens it.
    ///
    /// # Errors
    /// If it can't be made; then it does not exist.
    fn create(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError>;

    /// Opens an epoch that exists. It must not be open already; that its last handle is still closing it may be, and
    /// is waited for.
    ///
    /// # Errors
    /// If it can't be read.
    fn open(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError>;

    /// Fetches from the disk what opening this epoch will read, if this process did not read it before. For whoever will open it
    /// and has something else to do until then.
    ///
    /// # Errors
    /// If it can't be read, or can't be synced before.
    fn fetch(&self, _: EpochNumber) -> Result<(), JournalError> {
        Ok(())
    }

    /// Deletes an epoch for good.
    ///
    /// # Errors
    /// If it can't be deleted; the next start tries again.
    fn remove(&self, epoch: EpochNumber) -> Result<(), JournalError>;

    /// The high-water mark, `None` if none was ever written.
    ///
    /// # Errors
    /// If it can't be read, or if what is there is damaged.
    fn mark(&self) -> Result<Option<Mark>, JournalError>;

    /// Replaces the high-water mark; durable on return.
    ///
    /// # Errors
    /// If it can't be written. The old one stands then.
    fn set_mark(&self, mark: Mark) -> Result<(), JournalError>;
}

/// One epoch. Reading goes on while it is written to.
pub trait Epoch: Debug + Send + Sync {
    /// Adds a block, whole or not at all, not durable yet. After an error nothing more may be added.
    ///
    /// # Errors
    /// If it can't be written.
    fn append(&self, first_sequence: u64, block: &[u8]) -> Result<(), JournalError>;

    /// Makes everything added durable. After an error nothing more may be added, and what of the last blocks is
    /// there is not known.
    ///
    /// # Errors
    /// If the disk does not confirm.
    fn sync(&self) -> Result<(), JournalError>;

    /// The first block whose first sequence is at least this one.
    ///
    /// # Errors
    /// If it can't be read.
    fn block_from(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError>;

    /// The last block whose first sequence is at most this one: the block that holds it, if it is here.
    ///
    /// # Errors
    /// If it can't be read.
    fn block_of(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError>;

    /// Drops every block whose first sequence is at least this one; durable on return.
    ///
    /// # Errors
    /// If that can't be done.
    fn cut(&self, sequence: u64) -> Result<(), JournalError>;

    /// Whether something has failed here. Who only reads then does better with a handle that is opened anew; as long as
    /// somebody holds this one, it may be tried again.
    fn is_doubtful(&self) -> bool {
        false
    }
}

/// A block as it was found: nothing about it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// The first sequence it is filed under.
    pub first_sequence: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A journal that can't be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The operating system says so.
    #[error("{action} {path}: {cause}")]
    Io {
        /// What was tried, as in "cannot write".
        action: &'static str,
        /// On what.
        path: String,
        /// The system's words.
        cause: String,
    },
    /// The storage below the blocks is damaged.
    #[error(
        "the storage of {epoch} in {path} is damaged ({cause}); restore it from a backup, or run `tidegate inspect` to see what is left"
    )]
    Corrupt {
        /// Which epoch.
        epoch: EpochNumber,
        /// Where.
        path: String,
        /// What the storage library says.
        cause: String,
    },
    /// The high-water mark is unreadable.
    #[error(
        "the high-water mark {path} is damaged, so it can't be told whether acknowledged orders are missing; restore it from a backup, or delete it to accept the journal as it is"
    )]
    Mark {
        /// Where it is.
        path: String,
    },
    /// The disk is full, or a test says so.
    #[error("no space is left for the journal ({0}); free some and restart")]
    Full(String),
}

impl JournalError {
    /// Whether the system refused something that it may grant at another time.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Full(_))
    }

    /// Describes what the operating system refused.
    pub(crate) fn io(action: &'static str, path: &std::path::Path, cause: &std::io::Error) -> Self {
        if cause.kind() == std::io::ErrorKind::StorageFull {
            return Self::Full(format!("{action} {}", path.display()));
        }
        Self::Io { action, path: path.display().to_string(), cause: cause.to_string() }
    }
}
