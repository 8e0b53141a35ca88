//! From ids to sequences, and what of the feed is still kept.

use tidegate_protocol::command::{Bound, StreamId};

use super::{Feed, FeedError};

impl Feed {
    /// The sequence of the first event that is kept; where nothing is, of the next one.
    pub(super) fn oldest(&self) -> Result<u64, FeedError> {
        let oldest = self.reader.oldest_sequence()?;
        Ok(oldest.unwrap_or_else(|| self.reader.durable_sequence() + 1))
    }

    /// Where to go on behind this id. Zero is the beginning, whatever is kept of it.
    pub(super) fn after(&self, id: StreamId) -> Result<u64, FeedError> {
        if id.first == 0 { self.oldest() } else { self.kept(id.first.saturating_add(1)) }
    }

    /// Where a range begins.
    pub(super) fn begin(&self, bound: Bound) -> Result<u64, FeedError> {
        match bound {
            Bound::Least => self.oldest(),
            Bound::Most => Ok(u64::MAX),
            Bound::At(StreamId { first: 0, .. }) | Bound::Beside(StreamId { first: 0, .. }) => self.oldest(),
            bound => self.kept(first_of(bound)),
        }
    }

    /// This sequence, if it is still kept.
    pub(super) fn kept(&self, asked: u64) -> Result<u64, FeedError> {
        let oldest = self.oldest()?;
        if asked < oldest { Err(FeedError::Trimmed { asked, oldest }) } else { Ok(asked) }
    }
}

/// The first sequence of a range that begins so.
pub(super) fn first_of(bound: Bound) -> u64 {
    match bound {
        Bound::Least => 0,
        Bound::Most => u64::MAX,
        // All entries have a zero behind the `-`.
        Bound::At(id) => id.first.saturating_add(u64::from(id.second > 0)),
        Bound::Beside(id) => id.first.saturating_add(1),
    }
}

/// The last sequence of a range that ends so; `None` if there is none.
pub(super) fn last_of(bound: Bound) -> Option<u64> {
    match bound {
        Bound::Least => None,
        Bound::Most => Some(u64::MAX),
        Bound::At(id) => Some(id.first),
        Bound::Beside(id) if id.second > 0 => Some(id.first),
        Bound::Beside(id) => id.first.checked_sub(1),
    }
}
