//! The Tidegate server: configuration, listeners, status, and the tidegate binary.

mod campaign;
pub mod cli;
pub mod config;
mod convert;
pub mod credentials;
pub mod demo;
pub mod edge;
mod feed;
mod gauges;
pub mod http;
pub mod in_memory;
mod inside;
pub mod inspect;
mod levels;
pub mod logging;
pub mod metrics;
mod pages;
mod pool;
#[cfg(test)]
mod pool_runs;
pub mod push;
pub mod security;
pub mod serve;
pub mod shutdown;
mod sync;
mod tour;
pub mod webhooks;
pub mod ws;
