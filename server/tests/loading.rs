//! What a server does before it sells: it answers, it keeps its data directory, it can be stopped.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use common::{PATIENCE, Process, Server, Socket, document, run, until};
use serde_json::json;

const SKUS: [&str; 3] = ["iphone", "rose.bowl", "x"];
const LOADING: &str = "-LOADING the journal is being replayed; retry in a moment";

#[test]
fn a_loading_server_says_so_until_it_sells() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start_in(&data, |_| {});
    let mut client = server.client();
    client.says(&format!("SKU.PUT iphone {}", document(10, 500, "")), "[CREATED]");
    client.reserve("iphone", "r1", "u1", 1);
    server.stop().unwrap();

    // It goes on loading until it has read its campaign file, which is a pipe that nobody has written to yet.
    let campaign = pipe(dir.path(), "campaign.json");
    let mut process = Process::start_listening(&data, &["--campaign", campaign.to_str().unwrap()]);
    process.wait_for("journal replayed");
    let mut client = process.client();
    for line in [
        "SKU.GET iphone",
        "SKU.MGET iphone other",
        "ORDER.RESERVE iphone r1 u1 1",
        "ORDER.GET {iphone}:o:1",
        "ORDER.GET nonsense",
        "ORDER.PAY nonsense p 1 pay",
        "REPORT iphone",
        &format!("SKU.PUT other {}", document(1, 1, "")),
    ] {
        client.says(line, LOADING);
    }
    client.says("PING", "PONG");
    assert!(client.ask("INFO persistence").contains("loading:1"));
    let mut watcher = Socket::connect(process.http());
    let told = watcher.call("subscribe", json!({"channels": ["status"]})).unwrap();
    let told = &told["snapshots"][0]["data"];
    assert_eq!(
        (&told["status"]["readiness"]["state"], &told["stock"]["skus"]),
        (&json!("loading"), &json!(0))
    );
    assert!(told["server_time"].as_str().unwrap() > "2020", "it has a time before there is a sale");
    let more = format!(r#"{{"skus": {{"other": {}}}}}"#, document(3, 700, ""));
    std::fs::write(&campaign, more).unwrap();
    process.wait_for("ready");
    assert!(client.ask("INFO persistence").contains("loading:0"));
    let state = || watcher.receive()["params"]["data"]["status"]["readiness"]["state"].clone();
    until("the status to say so too", state, |state| state == "ready");
    assert_eq!(client.books("iphone"), "total=10 available=9 reserved=1 sold=0");
    assert_eq!(client.books("other"), "total=3 available=3 reserved=0 sold=0");
}

#[test]
fn a_server_that_replays_says_so_and_keeps_its_directory() {
    const ORDERS: usize = 200_000;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start_in(&data, |_| {});
    let mut client = server.client();
    for sku in SKUS {
        client.says(&format!("SKU.PUT {sku} {}", document(10_000_000, 500, "")), "[CREATED]");
    }
    for first in (0..ORDERS).step_by(1_000) {
        let reserve = |n: usize| format!("ORDER.RESERVE {} r{n} u{n} 1", SKUS[n % SKUS.len()]);
        let lines: Vec<_> = (first..first + 1_000).map(reserve).collect();
        assert!(client.pipeline(&lines).iter().all(|answer| answer.starts_with("[RESERVED ")));
    }
    let shown = client.ask("SKU.GET iphone");
    server.stop().unwrap();

    // The replay looks for a snapshot first, and the newest one is a pipe that nobody writes to.
    let snapshot = pipe(&data.join("snapshots"), "0000000007.snap");
    let mut process = Process::start_listening(&data, &[]);
    let mut client = process.client();
    client.says("SKU.GET iphone", LOADING);
    client.says("ORDER.RESERVE iphone r0 u0 1", LOADING);
    client.says("PING", "PONG");
    assert!(client.ask("INFO persistence").contains("loading:1"));
    let (tcp, http) = (process.tcp().to_string(), process.http().to_string());
    let listen = ["--tcp-listen", &tcp, "--http-listen", &http];
    let (code, _, stderr) = run(&[&["serve", "--data-dir", data.to_str().unwrap()][..], &listen].concat());
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(&format!("is in use by process {}", process.id())), "{stderr}");

    // With a writer it opens, and is no snapshot; the journal is there from its beginning.
    let (opened, pipe) = mpsc::channel();
    std::thread::spawn(move || opened.send(File::options().write(true).open(&snapshot)).unwrap());
    let _pipe = pipe.recv_timeout(PATIENCE).expect("the replay looks at no snapshot").unwrap();
    let answer = until("the end of the replay", || client.ask("SKU.GET iphone"), |answer| answer != LOADING);
    assert_eq!(answer, shown);
    assert_eq!(process.wait_for("journal replayed")["events"], ORDERS + SKUS.len());
    for sku in SKUS {
        client.books(sku);
    }
}

#[test]
fn a_server_that_is_told_to_stop_while_it_loads_stops() {
    let dir = tempfile::tempdir().unwrap();
    let campaign = pipe(dir.path(), "campaign.json");
    let data = dir.path().join("data");
    let process = Process::start_listening(&data, &["--campaign", campaign.to_str().unwrap()]);
    process.client().says("SKU.GET iphone", LOADING);
    process.terminate();
    let ended = process.end();
    assert_eq!((ended.code(), ended.signal()), (Some(0), None));
}

/// A named pipe.
fn pipe(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    path
}
