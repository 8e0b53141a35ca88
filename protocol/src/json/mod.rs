//! JSON as the second encoding of the command table: parameters by name in, objects with named fields out.
//!
//! A call becomes the very command that a Redis client would send ([`command`]), and its reply in RESP3 becomes JSON
//! ([`reply`]). Names of parameters and fields come from the command table, so that both encodings say the same.
//! What they hold is declared in `fields`; [`params_schema`] and [`result_schema`] say the same as JSON Schema (2020-12).
//! What pushes are called stands in `news`. Times are RFC 3339 with milliseconds here; money stays whole minor units.

mod fields;
mod news;
mod params;
mod reply;
mod schema;

pub use news::{CART_EVENTS, ORDER_EVENTS, PRICE_FIELDS, REFUND_REASONS, ROOM_EVENTS, STOCK_FIELDS};
pub use params::{Param, ParamError, ParamName, command, method, params};
pub use reply::{JsonError, JsonReply, error, reply, time};
pub use schema::{code_schema, map_schema, params_schema, result_schema, time_schema};
