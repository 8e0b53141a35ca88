//! The HTTP door over real sockets, with levels that the tests set.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

mod common;

use actix_web::dev::ServerHandle;
use common::{Answer, Ask, Exposition, exchange};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate_server::config::{Config, Http, Origins};
use tidegate_server::edge::{Edge, Information};
use tidegate_server::http;
use tidegate_server::metrics::{
    ActorsStatus, ConnectionsStatus, JournalStatus, MailboxesStatus, Metrics, Percentiles, Readiness,
    Recovery, StatusSnapshot, StatusSource,
};
use tidegate_server::push::{Hub, HubStatus};
use tidegate_server::security::Security;
use tidegate_server::webhooks::Webhooks;
use tidegate_server::ws::Sockets;

const COMMANDS: [&str; 3] = ["ORDER.RESERVE", "SKU.GET", "PING"];
const OUTCOMES: [&str; 3] = ["RESERVED", "SOLD_OUT", "OK"];

/// Levels as the test last set them.
struct Levels(Mutex<StatusSnapshot>);

impl StatusSource for Levels {
    fn snapshot(&self) -> StatusSnapshot {
        self.0.lock().clone()
    }
}

/// No section of `INFO`.
struct Nothing;

impl Information for Nothing {
    fn section(&self, _: &str) -> Option<String> {
        None
    }

    fn sections(&self) -> &'static [&'static str] {
        &[]
    }
}

/// A running door. Dropping it stops the server and waits for its threads.
struct Door {
    address: SocketAddr,
    levels: Arc<Levels>,
    metrics: Arc<Metrics>,
    handle: ServerHandle,
    system: Option<JoinHandle<()>>,
}

impl Door {
    fn open() -> Self {
        Self::open_with(|_| {})
    }

    fn open_with(adjust: impl FnOnce(&mut Http)) -> Self {
        let mut settings = Config::default().http;
        settings.listen = "127.0.0.1:0".parse().unwrap();
        adjust(&mut settings);
        let levels = Arc::new(Levels(Mutex::new(levels())));
        let metrics = Metrics::new(&COMMANDS, &OUTCOMES);
        let security = Security::new(&Config::default()).unwrap();
        let (sender, receiver) = mpsc::channel();
        let system = std::thread::spawn({
            let (levels, metrics) = (Arc::clone(&levels), Arc::clone(&metrics));
            // Nobody is in: what is asked of the sale is answered LOADING.
            let hub = Hub::new(Config::default().push);
            let edge = Edge::new(Config::default().limits, security, Arc::default(), Arc::new(Nothing), hub);
            let sockets = Sockets::new(Config::default().ws, Origins::default(), Arc::clone(&edge));
            let webhooks = Webhooks::new(&Config::default()).unwrap();
            move || {
                actix_web::rt::System::new().block_on(async {
                    let running =
                        http::start(&settings, levels, metrics, edge, sockets, webhooks, None).unwrap();
                    sender.send((running.address, running.server.handle())).unwrap();
                    running.server.await.unwrap();
                });
            }
        });
        let (address, handle) = receiver.recv().unwrap();
        Self { address, levels, metrics, handle, system: Some(system) }
    }

    fn set(&self, readiness: Readiness) {
        self.levels.0.lock().readiness = readiness;
    }

    fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(self.address, method, path)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // The command is sent by the call; only its completion would have to be awaited.
        drop(self.handle.stop(false));
        if let Some(system) = self.system.take() {
            system.join().unwrap();
        }
    }
}

fn levels() -> StatusSnapshot {
    StatusSnapshot {
        started_at_ms: 1_323_075_661_042,
        uptime: Duration::from_millis(61_500),
        readiness: Readiness::Ready,
        actors: ActorsStatus { arbiters: 2, skus: 1_000, ..ActorsStatus::default() },
        connections: ConnectionsStatus { open: 50, accepted: 75, refused: 3 },
        journal: JournalStatus {
            durable_sequence: 880,
            lag_bytes: 2_048,
            lag_groups: 4,
            epoch: 2,
            epoch_bytes: 65_536,
            snapshot_sequence: Some(500),
            snapshot_running: true,
            commits: 20,
            commit_bytes: Percentiles { p50: 1_000, p90: 2_000, p99: 3_000, p999: 4_000, max: 5_000 },
            commit_us: Percentiles { p50: 300, p90: 400, p99: 500, p999: 600, max: 700 },
            sync_us: Percentiles { p50: 200, p90: 210, p99: 220, p999: 230, max: 240 },
            trouble: None,
        },
        mailboxes: MailboxesStatus { capacity: 4_096, deepest: 7, waiting: 12 },
        pushes: HubStatus { channels: 5, delivered: 600, coalesced: 70, cut: 1 },
        recovery: Some(Recovery {
            snapshot_sequence: Some(500),
            replayed: 300,
            warnings: Vec::new(),
            took: Duration::from_millis(1_250),
        }),
    }
}

fn sell(metrics: &Metrics) {
    let recorder = metrics.recorder();
    let mut sheet = recorder.lock();
    sheet.count(0, 0, 20);
    sheet.count(0, 1, 80);
    sheet.latency(0, Duration::from_micros(400), 99);
    sheet.latency(0, Duration::from_millis(30), 1);
    sheet.count(1, 2, 7);
    sheet.latency(1, Duration::from_micros(40), 7);
}

#[test]
fn traffic_is_kept_away_while_the_journal_is_replayed_and_while_the_server_drains() {
    let door = Door::open();
    let life = [
        (
            Readiness::Loading { replayed: 42 },
            [200, 503, 503],
            "[-] recovery: replaying the journal, 42 events",
        ),
        (Readiness::Ready, [200, 200, 200], "[+] recovery ok"),
        (Readiness::JournalFailed { reason: "disk full".to_owned() }, [503, 503, 503], "[-] journal: failed"),
        (Readiness::Draining, [200, 503, 503], "[-] serving: the server is stopping"),
    ];
    for (readiness, expected, line) in life {
        door.set(readiness.clone());
        let answers = ["/livez", "/readyz", "/healthz"].map(|path| door.get(path).status);
        assert_eq!(answers, expected, "{readiness:?}");
        let verbose = door.get("/readyz?verbose");
        assert_eq!(verbose.status, expected[1]);
        assert!(verbose.body.contains(line), "{}", verbose.body);
        assert!(verbose.body.ends_with(if expected[1] == 200 {
            "readyz passed\n"
        } else {
            "readyz failed\n"
        }));
    }
}

#[test]
fn a_quarantined_sku_is_a_matter_for_people_and_not_for_the_load_balancer() {
    let door = Door::open();
    assert_eq!(door.get("/healthz").body, "ok\n");
    door.levels.0.lock().actors.quarantined.push("iphone".to_owned());
    assert_eq!(door.get("/readyz").status, 200);
    let health = door.get("/healthz");
    assert_eq!(health.status, 503);
    assert_eq!(health.body, "[-] skus: 1 quarantined of 1000; /status names them\nhealthz failed\n");
}

#[test]
fn status_tells_everything_at_once() {
    let door = Door::open();
    sell(&door.metrics);
    {
        let mut levels = door.levels.0.lock();
        levels.actors.quarantined = (0..150).map(|number| format!("sku-{number}")).collect();
        levels.actors.rebuilding = vec!["iphone".to_owned()];
        levels.journal.trouble = Some("no snapshot: disk nearly full".to_owned());
    }
    let answer = door.get("/status");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let mut status = answer.json();

    let resident = status["memory"]["resident_bytes"].take();
    assert!(resident.as_u64().unwrap() > 1 << 20, "{resident}");
    assert_eq!(status["build"]["version"], env!("CARGO_PKG_VERSION"));
    let build = status["build"].take();
    assert_eq!(build.as_object().unwrap().keys().collect::<Vec<_>>(), ["arch", "os", "profile", "version"]);
    for (name, expected) in [("ORDER.RESERVE", 400), ("SKU.GET", 40)] {
        let latency = status["commands"][name]["latency_us"].take();
        let p50 = latency["p50"].as_u64().unwrap();
        assert!((expected..=expected + expected / 100).contains(&p50), "{name}: {latency}");
        assert_eq!(latency.as_object().unwrap().len(), 5, "{latency}");
    }
    let names = status["actors"]["quarantined"]["names"].take();
    assert_eq!(names.as_array().unwrap().len(), 100, "the list is cut, the count is not");

    assert_eq!(
        status,
        json!({
            "build": null,
            "started_at": "2011-12-05T09:01:01.042Z",
            "uptime_ms": 61_500,
            "readiness": {"state": "ready"},
            "actors": {"arbiters": 2, "skus": 1_000, "campaigns": 0, "rebuilding": {"count": 1, "names": ["iphone"]},
                       "quarantined": {"count": 150, "names": null}},
            "connections": {"open": 50, "accepted": 75, "refused": 3},
            "mailboxes": {"capacity": 4_096, "deepest": 7, "waiting": 12},
            "pushes": {"channels": 5, "delivered": 600, "coalesced": 70, "cut": 1},
            "webhooks": {},
            "feed": null,
            "journal": {
                "durable_sequence": 880, "lag_bytes": 2_048, "lag_groups": 4, "epoch": 2, "epoch_bytes": 65_536,
                "snapshot_sequence": 500, "snapshot_running": true, "trouble": "no snapshot: disk nearly full",
                "commits": {
                    "count": 20,
                    "size_bytes": {"p50": 1_000, "p90": 2_000, "p99": 3_000, "p999": 4_000, "max": 5_000},
                    "duration_us": {"p50": 300, "p90": 400, "p99": 500, "p999": 600, "max": 700},
                    "sync_us": {"p50": 200, "p90": 210, "p99": 220, "p999": 230, "max": 240},
                },
            },
            "commands": {
                "ORDER.RESERVE": {"count": 100, "outcomes": {"RESERVED": 20, "SOLD_OUT": 80}, "latency_us": null},
                "SKU.GET": {"count": 7, "outcomes": {"OK": 7}, "latency_us": null},
            },
            "memory": {"resident_bytes": null},
            "recovery": {"snapshot_sequence": 500, "replayed": 300, "warnings": [], "took_ms": 1_250},
        })
    );
}

#[test]
fn status_says_why_the_server_is_not_selling() {
    let door = Door::open();
    door.levels.0.lock().recovery = None;
    for (readiness, expected) in [
        (Readiness::Loading { replayed: 42 }, json!({"state": "loading", "replayed": 42})),
        (Readiness::Draining, json!({"state": "draining"})),
        (
            Readiness::JournalFailed { reason: "disk full".to_owned() },
            json!({"state": "journal_failed", "reason": "disk full"}),
        ),
    ] {
        door.set(readiness);
        let status = door.get("/status").json();
        assert_eq!(status["readiness"], expected);
        assert_eq!(status["recovery"], Value::Null);
    }
}

#[test]
fn metrics_are_well_formed_and_say_what_the_levels_are() {
    let door = Door::open();
    sell(&door.metrics);
    let answer = door.get("/metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4");
    let page = Exposition::parse(&answer.body);

    assert_eq!(page.sample("tidegate_state{state=\"ready\"}"), 1.0);
    assert_eq!(page.sample("tidegate_state{state=\"loading\"}"), 0.0);
    assert_eq!(page.sample("tidegate_commands_total{command=\"ORDER.RESERVE\",outcome=\"SOLD_OUT\"}"), 80.0);
    assert_eq!(page.sample("tidegate_connections"), 50.0);
    assert_eq!(page.sample("tidegate_journal_lag_bytes"), 2_048.0);
    assert_eq!(page.sample("tidegate_recovery_duration_seconds"), 1.25);
    let bucket = |le: &str| {
        page.sample(&format!(
            "tidegate_command_duration_seconds_bucket{{command=\"ORDER.RESERVE\",le=\"{le}\"}}"
        ))
    };
    assert_eq!(
        [bucket("0.00025"), bucket("0.0005"), bucket("0.05"), bucket("+Inf")],
        [0.0, 99.0, 100.0, 100.0]
    );
}

#[test]
fn metrics_before_the_first_command_are_well_formed_too() {
    let door = Door::open();
    let page = Exposition::parse(&door.get("/metrics").body);
    assert_eq!(page.sample("tidegate_skus"), 1_000.0);
    assert!(!page.families.contains_key("tidegate_commands_total"));
}

#[test]
fn what_is_not_served_is_a_problem_document() {
    let door = Door::open();
    let answer = door.get("/admin/../etc/passwd");
    assert_eq!(answer.status, 404);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let problem = answer.json();
    assert_eq!(
        (&problem["status"], &problem["title"], &problem["code"]),
        (&json!(404), &json!("Not Found"), &json!("NOT_FOUND"))
    );

    let answer = door.ask("POST", "/status").body("hi").send();
    assert_eq!(answer.status, 405);
    assert_eq!(answer.headers["allow"], "GET, HEAD");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
}

#[test]
fn what_is_asked_of_the_sale_while_the_journal_is_replayed_has_to_wait() {
    let door = Door::open();
    for path in ["/api/v1/skus/lamp", "/api/v1/skus", "/api/v1/skus/lamp/orders", "/api/v1/reports/lamp"] {
        let answer = door.get(path);
        assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, "1"), "{path}");
        assert_eq!(answer.json()["code"], "LOADING", "{path}");
    }
    let pause = door.ask("POST", "/api/v1/skus/lamp/pause");
    assert_eq!(pause.send().json()["code"], "LOADING");
}

#[test]
fn a_head_request_is_answered_without_a_body() {
    let door = Door::open();
    let answer = door.ask("HEAD", "/readyz").send();
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
}

#[test]
fn rubbish_huge_heads_and_half_requests_end_their_own_connection_only() {
    let door = Door::open_with(|settings| settings.request_timeout_ms = Duration::from_secs(1));
    let redis = exchange(door.address, b"*1\r\n$4\r\nPING\r\n");
    assert_eq!(redis.status, 400, "the Redis protocol at the wrong door");
    let http_2 = exchange(door.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(http_2.status, 400, "HTTP/2, which is not spoken here");
    let half = exchange(door.address, b"GET /status HTTP/1.1\r\nhost: he");
    assert_eq!(half.status, 408, "{half:?}");

    // The server stops reading a head that has no end, so the client may not even be able to send all of it.
    let mut endless = TcpStream::connect(door.address).unwrap();
    endless.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut sent = 0_usize;
    let line = format!("x-filler: {}\r\n", "a".repeat(4_000));
    let mut outcome = endless.write_all(b"GET /status HTTP/1.1\r\n");
    while outcome.is_ok() && sent < 64 << 20 {
        outcome = endless.write_all(line.as_bytes());
        sent += line.len();
    }
    assert!(sent < 64 << 20, "the server took {sent} bytes of one request's head");

    assert_eq!(door.get("/readyz").status, 200);
}
