//! Criterion benches and side-by-side runs against peers.
//!
//! `cargo bench -p tidegate-benches` times single decisions of the pure engine and what JSON costs more, and
//! `cargo run --release -p tidegate-benches --bin memory` measures what an order costs in memory, and the longest
//! turn while a SKU grows. What the scripts of this directory measure is in `docs/BENCHMARKS.md`.

mod ids;
mod sale;

pub use ids::{ID_BYTES, Id};
pub use sale::{PRICE, Sale};
