//! What the stories share: a real server, in this process or in one of its own, and a client that shows replies.

#![allow(dead_code, unused_imports, reason = "each story uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test by panicking")]

mod chance;
mod client;
pub(crate) mod description;
pub(crate) mod door;
mod exposition;
pub(crate) mod fair;
mod feed;
pub(crate) mod http_door;
mod process;
pub(crate) mod promises;
pub(crate) mod receiver;
mod server;
mod socket;
pub(crate) mod story;
mod web;

pub(crate) use chance::{not_checked, seed, times};
pub(crate) use client::{Client, Reserved, show};
pub(crate) use exposition::Exposition;
pub(crate) use feed::{Entry, disagreements, entries, streamed};
pub(crate) use process::{Process, run};
pub(crate) use server::Server;
pub(crate) use socket::{Socket, narrow};
pub(crate) use web::{Answer, Ask, exchange};

/// How long anything may take before a test gives up. Nothing waits this long unless it is broken.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// A SKU document of a fixed price, with more fields behind it, such as `,"hold_s":1`.
pub(crate) fn document(stock: u64, price: u64, more: &str) -> String {
    format!(r#"{{"title":"Rose_bowl","stock":{stock},"currency":"GBP","price":{{"fixed":{price}}}{more}}}"#)
}

/// Asks until `done` says that this is the answer; fails the test when it takes too long.
pub(crate) fn until<T: std::fmt::Debug>(
    what: &str,
    mut ask: impl FnMut() -> T,
    done: impl Fn(&T) -> bool,
) -> T {
    let began = std::time::Instant::now();
    loop {
        let answer = ask();
        if done(&answer) {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited too long for {what}; the last answer was {answer:?}");
        // What is waited for may need this processor.
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// The time now, in epoch milliseconds.
pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
