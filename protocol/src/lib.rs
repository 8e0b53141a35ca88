//! The wire: one command table; RESP and JSON are two encodings of it.
//!
//! The crate stands alone. The server decodes requests and writes replies with it, the load generator
//! writes requests and reads replies with it, and neither needs to know how the other works.
//!
//! * [`resp`]: bytes to arguments and back, RESP2 and RESP3, within limits.
//! * [`command`]: the table of commands, and from arguments to typed calls.
//! * [`json`]: the same commands and replies in JSON.
//! * [`document`]: SKU documents and campaign files, with errors that name the field.
//! * [`reply`] and [`status`]: what commands answer, field by field and word by word.
//! * [`error`]: what is answered instead, when the caller or the server is at fault.

pub mod command;
pub mod document;
pub mod error;
pub mod json;
pub mod reply;
pub mod resp;
pub mod status;
