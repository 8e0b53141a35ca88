//! From ids to sequences, and what of the feed is still kept.

use tidegate_protocol::command::{Bound, StreamId, first_of};

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
