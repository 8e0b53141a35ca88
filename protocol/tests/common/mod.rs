//! What several tests of the command table need.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

use tidegate_protocol::resp::{Args, Limits, RequestDecoder, encode_command};

/// Sends a command through the decoder, as a client would, and lets `look` see its arguments.
pub(crate) fn with_args<T>(args: &[&[u8]], look: impl FnOnce(Args<'_>) -> T) -> T {
    let mut bytes = Vec::new();
    encode_command(&mut bytes, args);
    let mut decoder = RequestDecoder::new(Limits::default());
    look(decoder.decode(&bytes).unwrap().unwrap().args)
}
