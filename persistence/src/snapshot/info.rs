//! What a snapshot says of itself at its end.

use crate::{EpochNumber, Tail};

/// A finished snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// The last epoch whose events are all in it.
    pub covers: EpochNumber,
    /// How many actors it holds.
    pub actors: u64,
    /// The sequence of the last event in it.
    pub last_sequence: u64,
    /// The size of its file.
    pub bytes: u64,
}

/// The footer of a snapshot's file: where the journal goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) covers: EpochNumber,
    /// One more than the highest actor that was ever born.
    pub(crate) next_actor: u32,
    pub(crate) sections: u64,
    /// The end of the last covered epoch.
    pub(crate) tail: Tail,
}

impl Footer {
    pub(crate) fn info(&self, bytes: u64) -> SnapshotInfo {
        SnapshotInfo {
            covers: self.covers,
            actors: self.sections,
            last_sequence: self.tail.sequence - 1,
            bytes,
        }
    }
}
