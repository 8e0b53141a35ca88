//! What a receiver can rely on, with the examples of the handbook; and that secrets stay secrets.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::shop::{SECRET, sell, server};
use crate::common::receiver::{Receiver, Webhook, answer};
use crate::common::{Process, Server, now, run};

/// What the handbook shows in this language.
fn example(language: &str) -> String {
    let handbook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATIONS.md");
    let handbook = std::fs::read_to_string(handbook).unwrap();
    let (_, rest) = handbook.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// Runs a program with these webhooks, one a line, and says what it found; `None` if there is no such program here.
fn judged(program: &str, arguments: &[&str], webhooks: &[Webhook]) -> Option<Vec<bool>> {
    let child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: there is no {program}");
        return None;
    };
    let lines = webhooks.iter().map(|webhook| {
        let body = std::str::from_utf8(&webhook.body).unwrap();
        format!("{}\n", json!({ "headers": webhook.headers, "body": body }))
    });
    child.stdin.take().unwrap().write_all(lines.collect::<String>().as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success());
    let said = String::from_utf8(ended.stdout).unwrap();
    Some(said.lines().map(|line| line == "true").collect())
}

/// A webhook that came, the same again, and what somebody made of it.
fn cases(webhook: &Webhook) -> (Vec<Webhook>, Vec<bool>) {
    let with = |name: &str, value: &str| {
        let mut changed = webhook.clone();
        changed.headers.insert("webhook-id".to_owned(), "/tidegate/other".to_owned());
        changed.headers.insert(name.to_owned(), value.to_owned());
        changed
    };
    let mut tampered = webhook.clone();
    tampered.body.extend_from_slice(b" ");
    let timestamp = webhook.header("webhook-timestamp");
    let old = (now() / 1000 - 301).to_string();
    let mut late = webhook.clone();
    late.headers.insert("webhook-timestamp".to_owned(), old.clone());
    let cases = vec![
        (tampered, false),
        (with("webhook-id", "/tidegate/other"), false),
        (with("webhook-timestamp", timestamp), false),
        (with("webhook-signature", "v1,"), false),
        (late, false),
        (webhook.clone(), true),
        // A replay.
        (webhook.clone(), false),
    ];
    cases.into_iter().unzip()
}

#[test]
fn the_examples_take_what_is_ours_once_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|_| answer(200));
    let server = server(dir.path(), &receiver, |_| {});
    sell(&mut server.client(), 1);
    let (mut webhooks, mut expected) = (Vec::new(), Vec::new());
    for webhook in receiver.take(2) {
        let (some, so) = cases(&webhook);
        webhooks.extend(some);
        expected.extend(so);
    }
    let python = format!(
        "{}\nimport json, sys\nseen = set()\nfor line in sys.stdin:\n    one = json.loads(line)\n    \
         print(str(verify('{SECRET}', one['headers'], one['body'].encode(), seen)).lower())\n",
        example("python")
    );
    if let Some(found) = judged("python3", &["-c", &python], &webhooks) {
        assert_eq!(found, expected, "Python");
    }
    let file = dir.path().join("verify.mjs");
    let node = format!(
        "{}\nimport {{ createInterface }} from 'node:readline';\nconst seen = new Set();\n\
         for await (const line of createInterface({{ input: process.stdin }})) {{\n  const one = JSON.parse(line);\n  \
         console.log(verify('{SECRET}', one.headers, Buffer.from(one.body), seen));\n}}\n",
        example("js")
    );
    std::fs::write(&file, node).unwrap();
    if let Some(found) = judged("node", &[file.to_str().unwrap()], &webhooks) {
        assert_eq!(found, expected, "Node");
    }
}

#[test]
fn the_secret_is_told_by_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let receiver =
        Receiver::start(|webhook| answer(if webhook.told().ends_with(":o:1") { 500 } else { 200 }));
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("secret"), SECRET).unwrap();
    let text = format!(
        "[log]\nfilter = 'trace'\n[deliveries]\nmax_attempts = 2\nfirst_retry_ms = 10\n\
         [[webhooks]]\nname = 'shop'\nurl = '{}'\nsecret_file = '{}'\nevents = ['order.reserved']\n",
        receiver.url(),
        path("secret"),
    );
    std::fs::write(path("tidegate.toml"), text).unwrap();
    let secret = SECRET.strip_prefix("whsec_").unwrap();
    let (code, shown, stderr) = run(&["check-config", &path("tidegate.toml")]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(shown.contains("[[webhooks]]\nname = \"shop\"\n"), "{shown}");
    assert!(!shown.contains(secret), "{shown}");
    let mut process =
        Process::start_listening(&dir.path().join("data"), &["--config", &path("tidegate.toml")]);
    process.wait_for("ready");
    let mut client = process.client();
    sell(&mut client, 2);
    receiver.take(3);
    process.wait_for_that("of the dead letter", |line| line.starts_with("an entry is a dead letter"));
    process.terminate();
    let log = process.rest_of_log();
    assert!(!log.contains(secret) && !log.contains("seventeen-and-more"), "the log tells it");
}

#[test]
fn a_secret_that_is_none_keeps_the_server_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    for (text, expected) in [("hunter2", "holds no secret"), ("whsec_aHVudGVyMg==", "24 to 64 bytes")] {
        let refused = Server::try_start_in(&dir.path().join("data"), |config| {
            super::shop::send_to(config, dir.path(), "shop", "https://shop.example.com/".to_owned());
            std::fs::write(dir.path().join("webhook-secret"), text).unwrap();
        });
        let reason = format!("{:#}", refused.err().unwrap());
        assert!(reason.contains("webhook shop") && reason.contains(expected), "{reason}");
        assert!(!reason.contains(text), "{reason}");
    }
}
