//! The flash sale on a real Redis. Skipped, and said, where no redis-server is installed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_loadgen::choice::Mix;
use tidegate_loadgen::ledger::FindingKind;
use tidegate_loadgen::run::{RunConfig, TargetKind, run};
use tidegate_protocol::resp::encode_command;

struct Redis {
    process: Child,
    address: String,
    _directory: TempDir,
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn redis() -> Option<Redis> {
    if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: redis-server is not installed");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let process = Command::new("redis-server")
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ])
        .arg(directory.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let redis = Redis { process, address: format!("127.0.0.1:{port}"), _directory: directory };
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(&redis.address).is_err() {
        assert!(Instant::now() < deadline, "redis-server does not listen on {}", redis.address);
        std::thread::yield_now();
    }
    Some(redis)
}

fn config(redis: &Redis, per_buyer_limit: u32) -> RunConfig {
    RunConfig {
        kind: TargetKind::RedisLua,
        duration: Duration::from_secs(60),
        requests: Some(3_000),
        connections: 4,
        pipeline: 8,
        mix: Mix::parse("reserve=80,get=20").unwrap(),
        skus: 3,
        stock: 300,
        buyers: 150,
        per_buyer_limit,
        prefix: format!("limit{per_buyer_limit}-"),
        ..RunConfig::new(&redis.address).unwrap()
    }
}

#[test]
fn the_script_sells_what_there_is_within_the_limit() {
    let Some(redis) = redis() else { return };
    for (limit, accepted) in [(0, 900), (1, 450), (2, 900)] {
        let result = run(&config(&redis, limit), |_| {}).unwrap();
        assert!(result.verdict.ok, "limit {limit}: {:?}", result.verdict.findings);
        let outcomes = &result.commands["EVALSHA"].outcomes;
        assert_eq!(outcomes["RESERVED"], result.verdict.accepted.orders);
        // 800 tries for 300 units of each SKU; 150 buyers with one each leave half of them.
        let least = accepted * 9 / 10;
        assert!((least..=accepted).contains(&result.verdict.accepted.orders), "limit {limit}: {outcomes:?}");
        assert_eq!(outcomes.contains_key("LIMIT"), limit > 0, "limit {limit}: {outcomes:?}");
        assert_eq!(result.requests.errors, 0);
    }
}

#[test]
fn an_order_that_nobody_asked_for_is_found_on_redis_too() {
    use std::io::{Read, Write};

    let Some(redis) = redis() else { return };
    let mut command = Vec::new();
    encode_command(&mut command, &[b"XADD", b"{limit1-0}:orders", b"*", b"buyer", b"nobody"]);
    let mut stream = TcpStream::connect(&redis.address).unwrap();
    stream.write_all(&command).unwrap();
    assert!(stream.read(&mut [0; 64]).unwrap() > 0);

    let result = run(&config(&redis, 1), |_| {}).unwrap();
    assert!(!result.verdict.ok);
    let kinds: Vec<_> = result.verdict.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [FindingKind::Unbalanced, FindingKind::ExtraOrder], "{:?}", result.verdict.findings);
}
