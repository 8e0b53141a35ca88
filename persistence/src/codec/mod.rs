//! Domain types as bytes. Every enum has stable codes of its own here; `docs/JOURNAL.md` lists them.
//!
//! Codes are never reused. What a release does not know is an error, not a guess.

mod answer;
mod campaign;
mod cart;
mod consumer_group;
mod event;
mod part;
mod room;
mod store;
mod terms;
mod wire;

pub(crate) use campaign::{get_campaign_event, get_campaign_part, put_campaign_event, put_campaign_part};
pub(crate) use consumer_group::{
    get_consumer_group_event, get_consumer_group_part, put_consumer_group_event, put_consumer_group_part,
};
pub(crate) use event::{EventDecoder, EventEncoder};
pub(crate) use part::{get_part, put_part};
pub(crate) use wire::{Cursor, put_text, put_varint};

/// Bytes that can't be read back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes end too early.
    #[error("the record ends in the middle of its {0}")]
    Truncated(&'static str),
    /// There are bytes left over.
    #[error("{0} bytes are left over after the last record")]
    LeftOver(usize),
    /// A code from another release.
    #[error(
        "{what} code {code} is unknown to format version {version}; a later release of tidegate wrote it: use that release"
    )]
    Unknown {
        /// What the code stands for.
        what: &'static str,
        /// The code.
        code: u8,
        /// The format version that this release reads.
        version: u16,
    },
    /// A value that can't be.
    #[error("the {0} is out of its range")]
    Range(&'static str),
    /// A text that is not UTF-8.
    #[error("the {0} is not valid UTF-8")]
    Text(&'static str),
}

fn unknown(what: &'static str, code: u8) -> CodecError {
    CodecError::Unknown { what, code, version: crate::block::FORMAT_VERSION }
}

#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
mod tests;
