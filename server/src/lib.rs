//! The Tidegate server: configuration, listeners, status, and the tidegate binary.

mod campaign;
pub mod cli;
pub mod config;
mod convert;
pub mod demo;
pub mod edge;
mod gauges;
pub mod http;
mod inside;
pub mod inspect;
mod levels;
pub mod logging;
pub mod metrics;
pub mod serve;
pub mod shutdown;
mod tour;
