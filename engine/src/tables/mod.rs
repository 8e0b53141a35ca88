//! Compact tables that grow in small steps.
//!
//! One SKU may have tens of millions of orders. A `Vec` or a hash map of that size stops the sale for a second
//! when it doubles, and wastes half of what it asked for. These tables grow by a chunk or a bucket at a time.

mod bucket;
mod by_order;
mod chunks;
mod index;
mod texts;

pub(crate) use by_order::ByOrder;
pub(crate) use chunks::Chunks;
pub(crate) use index::Index;
pub use texts::MAX_TEXT;
pub(crate) use texts::{TextRef, Texts};
