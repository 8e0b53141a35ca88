//! Ids of the entries of a stream.

use super::values::digits;
use crate::error::WireError;

/// The id of an entry: `17-0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    /// What stands before the `-`. In Redis it is a time, here a position.
    pub first: u64,
    /// What stands behind it.
    pub second: u64,
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `-`
    Least,
    /// `+`
    Most,
    /// An id, which is in the range.
    At(StreamId),
    /// An id behind `(`, which is not.
    Beside(StreamId),
}

/// Behind which entry reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// Behind this one.
    After(StreamId),
    /// `$`: behind all that there are now.
    Now,
    /// `+`: with the last one.
    Last,
}

impl StreamId {
    /// Reads an id. What stands behind the `-` may be left out; then it is `second`.
    pub(super) fn parse(word: &[u8], second: u64) -> Result<Self, WireError> {
        let mut parts = word.splitn(2, |byte| *byte == b'-');
        let number = |part: &[u8]| digits(unpadded(part));
        let id = match (parts.next().and_then(number), parts.next()) {
            (Some(first), None) => Some(StreamId { first, second }),
            (Some(first), Some(rest)) => number(rest).map(|second| StreamId { first, second }),
            (None, _) => None,
        };
        id.ok_or_else(|| WireError::invalid("Invalid stream ID specified as stream command argument"))
    }
}

/// A number without what Redis passes over before it.
fn unpadded(number: &[u8]) -> &[u8] {
    let number = number.strip_prefix(b"+").unwrap_or(number);
    let zeros = number.iter().take_while(|digit| **digit == b'0').count();
    // One digit is left of a zero.
    &number[zeros.min(number.len().saturating_sub(1))..]
}

impl Bound {
    /// Where a range begins.
    pub(super) fn start(word: &[u8]) -> Result<Self, WireError> {
        match Self::parse(word, 0)? {
            Bound::Beside(StreamId { first: u64::MAX, second: u64::MAX }) => {
                Err(WireError::invalid("invalid start ID for the interval"))
            }
            bound => Ok(bound),
        }
    }

    /// Where it ends.
    pub(super) fn end(word: &[u8]) -> Result<Self, WireError> {
        match Self::parse(word, u64::MAX)? {
            Bound::Beside(StreamId { first: 0, second: 0 }) => {
                Err(WireError::invalid("invalid end ID for the interval"))
            }
            bound => Ok(bound),
        }
    }

    fn parse(word: &[u8], second: u64) -> Result<Self, WireError> {
        match word {
            b"-" => Ok(Bound::Least),
            b"+" => Ok(Bound::Most),
            [b'(', id @ ..] => StreamId::parse(id, second).map(Bound::Beside),
            id => StreamId::parse(id, second).map(Bound::At),
        }
    }
}

/// Where a range that begins so begins, if all entries have a zero behind the `-`.
#[must_use]
pub fn first_of(bound: Bound) -> u64 {
    match bound {
        Bound::Least => 0,
        Bound::Most => u64::MAX,
        Bound::At(id) => id.first.saturating_add(u64::from(id.second > 0)),
        Bound::Beside(id) => id.first.saturating_add(1),
    }
}

/// Where it ends; `None` if nothing is in it.
#[must_use]
pub fn last_of(bound: Bound) -> Option<u64> {
    match bound {
        Bound::Least => None,
        Bound::Most => Some(u64::MAX),
        Bound::At(id) => Some(id.first),
        Bound::Beside(id) if id.second > 0 => Some(id.first),
        Bound::Beside(id) => id.first.checked_sub(1),
    }
}
