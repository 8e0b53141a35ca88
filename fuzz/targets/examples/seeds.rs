//! Writes seeds of the targets `blocks` and `snapshots`: what a server leaves on its disk that plays the seeds of `sessions`.
//!
//! `cargo run -p tidegate-fuzz-targets --example seeds`

#![allow(clippy::unwrap_used, reason = "somebody looks on")]

use std::path::Path;

use tidegate_fuzz_targets::seeds;

fn main() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds");
    for (target, name, bytes) in seeds(&directory.join("sessions")) {
        std::fs::write(directory.join(target).join(name), bytes).unwrap();
    }
}
