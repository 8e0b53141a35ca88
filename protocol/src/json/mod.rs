//! JSON as the second encoding of the command table: parameters by name in, objects with named fields out.
//!
//! A call becomes the very command that a Redis client would send ([`command`]), and its reply in RESP3 becomes JSON
//! ([`reply`]). Names of parameters and fields come from the command table, so that both encodings say the same.
//! Times are RFC 3339 with milliseconds here; money stays whole minor units.

mod params;
mod reply;

pub use params::{Param, ParamError, ParamName, command, method, params};
pub use reply::{JsonError, JsonReply, error, reply, time};
