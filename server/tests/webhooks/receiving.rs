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

/// What a receiver did with a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    /// 401, and nothing.
    Refused,
    /// 2xx, and the work.
    Worked,
    /// 2xx, and nothing.
    Knew,
    /// The work failed: 500, and nothing.
    Failed,
}

/// What the receiver's database is told to do in the middle of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Well,
    Fail,
    Die,
}

/// A receiver made of the handbook's example, and its database. Each run is a process of its own.
struct Shop<'a> {
    program: &'a str,
    arguments: Vec<String>,
    database: String,
}

impl Shop<'_> {
    /// Gives it these webhooks, one after the other, and says what it did with each; `None` if there is no such program
    /// here. One that dies says nothing of what it died of.
    fn receive<'w>(&self, webhooks: impl IntoIterator<Item = (&'w Webhook, Fate)>) -> Option<Vec<Did>> {
        let mut command = Command::new(self.program);
        command.args(&self.arguments).arg(&self.database).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            eprintln!("skipped: there is no {}", self.program);
            return None;
        };
        let (mut lines, mut dies) = (String::new(), false);
        for (webhook, fate) in webhooks {
            let body = std::str::from_utf8(&webhook.body).unwrap();
            let fate_in_words = format!("{fate:?}");
            let line = json!({ "headers": webhook.headers, "body": body, "fate": fate_in_words });
            lines += &format!("{line}\n");
            dies |= fate == Fate::Die;
        }
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.success(), !dies, "{}", self.program);
        Some(String::from_utf8(ended.stdout).unwrap().lines().map(did).collect())
    }
}

/// In a line of the receiver: the status, and how much more work was done than before.
fn did(line: &str) -> Did {
    match line {
        "401 0" => Did::Refused,
        "204 1" => Did::Worked,
        "204 0" => Did::Knew,
        "500 0" => Did::Failed,
        other => panic!("the receiver says {other:?}"),
    }
}

/// The examples, each with something that calls it.
fn shops(dir: &Path) -> [Shop<'static>; 2] {
    let file = |name: &str, text: String| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let table = example("sql");
    let python = format!(
        "{}\nSECRET, TABLE = {SECRET:?}, {table:?}\n{}",
        example("python"),
        include_str!("receiver.py")
    );
    let node = format!("{}\nconst SECRET = {SECRET:?};\n{}", example("js"), include_str!("receiver.mjs"));
    let shop = |program, caller: String, database: &str| Shop {
        program,
        arguments: vec![caller],
        database: dir.join(database).to_str().unwrap().to_owned(),
    };
    [
        shop("python3", file("receiver.py", python), "orders.sqlite"),
        shop("node", file("receiver.mjs", node), "orders.json"),
    ]
}

/// Two webhooks and what came when their answers were lost: two attempts of each.
fn attempts(dir: &Path) -> (Server, [[Webhook; 2]; 2]) {
    let mut is_first = true;
    let receiver = Receiver::start(move |_| {
        let status = if is_first { 503 } else { 200 };
        is_first = !is_first;
        answer(status)
    });
    let server = server(dir, &receiver, |_| {});
    sell(&mut server.client(), 1);
    let pair = || [receiver.next(), receiver.next()];
    (server, [pair(), pair()])
}

/// What somebody may make of a webhook, or send much later.
fn forgeries(webhook: &Webhook) -> Vec<Webhook> {
    let with = |name: &str, value: Option<&str>| {
        let mut changed = webhook.clone();
        match value {
            Some(value) => changed.headers.insert(name.to_owned(), value.to_owned()),
            None => changed.headers.remove(name),
        };
        changed
    };
    let mut tampered = webhook.clone();
    tampered.body.extend_from_slice(b" ");
    let old = (now() / 1000 - 301).to_string();
    let mut forged = vec![
        tampered,
        with("webhook-id", Some("/tidegate/other")),
        with("webhook-timestamp", Some(&old)),
        with("webhook-timestamp", Some("soon")),
        with("webhook-signature", Some("v1,")),
        with("webhook-signature", Some("v1,\u{e9}")),
    ];
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    forged.extend(headers.map(|name| with(name, None)));
    forged
}

#[test]
fn the_examples_refuse_a_forgery_work_once_and_answer_a_retry_well() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, attempts) = attempts(dir.path());
    let (mut webhooks, mut expected) = (Vec::new(), Vec::new());
    for [first, again] in attempts {
        assert_eq!(first.header("webhook-id"), again.header("webhook-id"));
        for forged in forgeries(&first) {
            webhooks.push(forged);
            expected.push(Did::Refused);
        }
        webhooks.extend([first.clone(), again.clone(), first]);
        expected.extend([Did::Worked, Did::Knew, Did::Knew]);
        // Who knows an id learns nothing by it.
        webhooks.extend(forgeries(&again));
        expected.extend(forgeries(&again).iter().map(|_| Did::Refused));
    }
    for shop in shops(dir.path()) {
        let Some(found) = shop.receive(webhooks.iter().map(|webhook| (webhook, Fate::Well))) else {
            continue;
        };
        assert_eq!(found, expected, "{}", shop.program);
        // It knows them after a restart too.
        let again = webhooks.iter().zip(&expected).filter(|(_, did)| **did == Did::Worked);
        let found = shop.receive(again.map(|(webhook, _)| (webhook, Fate::Well)));
        assert_eq!(found, Some(vec![Did::Knew; 2]), "{}", shop.program);
    }
}

#[test]
fn a_crash_between_the_work_and_its_mark_drops_nothing_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, [[first, again], [other, _]]) = attempts(dir.path());
    for shop in shops(dir.path()) {
        let Some(found) = shop.receive([(&first, Fate::Die)]) else { continue };
        assert_eq!(found, [], "{}", shop.program);
        let found = shop.receive([
            (&again, Fate::Fail),
            (&again, Fate::Well),
            (&again, Fate::Well),
            (&other, Fate::Well),
        ]);
        let expected = vec![Did::Failed, Did::Worked, Did::Knew, Did::Worked];
        assert_eq!(found, Some(expected), "{}", shop.program);
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
