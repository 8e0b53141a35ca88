//! RESP, the Redis serialization protocol: framing only, no meaning.
//!
//! Server side: [`RequestDecoder`] and [`Writer`]. Client side: [`encode_command`], [`CommandWriter`] and
//! [`Reply`]. Both directions are bounded: a peer can never make this module hold more than the limits
//! say, nor make it recurse deeper than [`MAX_REPLY_DEPTH`].

mod command_writer;
mod inline;
mod reply;
mod request;
mod value;
mod writer;

pub use command_writer::{CommandWriter, encode_command};
pub use reply::{Field, Fields, MAX_REPLY_DEPTH, Reply, ReplyError, ReplyKind, decode_reply};
pub(crate) use request::Word;
pub use request::{Args, FramingError, Limits, Request, RequestDecoder};
pub use value::Value;
pub use writer::Writer;

/// The protocol version a connection speaks. Every connection starts in RESP2 and may ask for RESP3 with
/// `HELLO 3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// RESP2: maps are flat arrays, null is a bulk string of length -1.
    #[default]
    Resp2,
    /// RESP3: maps, null, booleans and pushes have types of their own.
    Resp3,
}

impl Protocol {
    /// The number that `HELLO` uses for this version.
    pub fn number(self) -> u8 {
        match self {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }
}
