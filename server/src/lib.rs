//! The Tidegate server: configuration, listeners, status, and the tidegate binary.

pub mod cli;
pub mod config;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod shutdown;
