//! The wire: one command table, RESP as its first encoding.
//!
//! The crate stands alone. The server decodes requests and writes replies with it, the load generator
//! writes requests and reads replies with it, and neither needs to know how the other works.
//!
//! * [`resp`]: bytes to arguments and back, RESP2 and RESP3, within limits.

pub mod resp;
