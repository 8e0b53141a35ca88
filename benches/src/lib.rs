//! Criterion benches and side-by-side runs against peers.
//!
//! `cargo bench -p tidegate-benches --bench engine` times single decisions of the pure engine, and
//! `cargo run --release -p tidegate-benches --bin memory` measures what an order costs in memory, and the longest
//! turn while a SKU grows.

mod ids;
mod sale;

pub use ids::{ID_BYTES, Id};
pub use sale::{PRICE, Sale};
