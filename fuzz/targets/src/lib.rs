//! What is fuzzed, and what must hold of it.
//!
//! Each function is one target: it is given any bytes, and panics if they show a defect. cargo-fuzz runs them under libFuzzer
//! (`fuzz/fuzz_targets`), and the tests of this crate run the very same functions over the seeds in `fuzz/seeds` and over
//! random changes to them, so that every toolchain tries them.
//!
//! | Target | What the bytes are |
//! |---|---|
//! | [`resp_requests`] | what a client of the Redis protocol sends |
//! | [`resp_replies`] | what a server answers, as the load generator reads it |
//! | [`commands`] | commands, read to typed calls |
//! | [`documents`] | a SKU or campaign document in JSON |
//! | [`campaign_files`] | a campaign file in TOML or JSON, loaded into a server |
//! | [`json_rpc`] | JSON-RPC messages, one a line, to a server |
//! | [`ws_frames`] | what a WebSocket client sends |
//! | [`blocks`] | a block of the journal, or groups that are put into blocks |
//! | [`snapshots`] | a snapshot's file, or frames that are put into one |
//! | [`sessions`] | a script: what clients say to a server that is stopped and started in between |

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a target fails by panicking")]

mod blocks;
mod books;
mod campaign_files;
mod canonical;
mod commands;
mod documents;
mod json_rpc;
mod memory;
mod recovery;
mod resp_replies;
mod resp_requests;
mod seeds;
mod sessions;
mod snapshots;
mod stage;
mod ws_frames;

pub use blocks::blocks;
pub use campaign_files::campaign_files;
pub use commands::commands;
pub use documents::documents;
pub use json_rpc::json_rpc;
pub use resp_replies::resp_replies;
pub use resp_requests::resp_requests;
pub use seeds::seeds;
pub use sessions::sessions;
pub use snapshots::snapshots;
pub use ws_frames::ws_frames;

/// A target: its name, and what is called with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 10] = [
    ("resp_requests", resp_requests),
    ("resp_replies", resp_replies),
    ("commands", commands),
    ("documents", documents),
    ("campaign_files", campaign_files),
    ("json_rpc", json_rpc),
    ("ws_frames", ws_frames),
    ("blocks", blocks),
    ("snapshots", snapshots),
    ("sessions", sessions),
];
