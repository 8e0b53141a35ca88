//! Webhooks: entries of the feed that are sent to endpoints, signed, and what becomes of them when these fail.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

mod common;

#[path = "webhooks/failing.rs"]
mod failing;
#[path = "webhooks/receiving.rs"]
mod receiving;
#[path = "webhooks/sending.rs"]
mod sending;
#[path = "webhooks/shop.rs"]
mod shop;
