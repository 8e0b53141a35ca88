//! What a client is told when an actor or the journal fails: the door before a house whose parts can be broken.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix::Arbiter;
use common::{Ask as Request, Client, document, show, until};
use serde_json::json;
use tidegate_actors::{
    Ask, Body, DeskOptions, House, HouseOptions, Rebuild, RebuildError, Resident, SystemClock,
};
use tidegate_engine::Command;
use tidegate_persistence::{ActorId, Journal, MemoryJournal, Options, Recovered, State, Wake, recover_from};
use tidegate_server::config::{Config, Origins};
use tidegate_server::edge::{self, Edge, Information, command_labels, outcome_labels};
use tidegate_server::http;
use tidegate_server::metrics::{Metrics, StatusSnapshot, StatusSource};
use tidegate_server::push::Hub;
use tidegate_server::security::Security;
use tidegate_server::webhooks::Webhooks;
use tidegate_server::ws::Sockets;
use tokio::sync::{Notify, oneshot};

const SEED: u64 = 7;

/// A server without disk and configuration. A reservation by `boom` panics, and no SKU can be rebuilt.
struct Fragile {
    tcp: SocketAddr,
    http: SocketAddr,
    journal: MemoryJournal,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fragile {
    fn start() -> Self {
        let journal = MemoryJournal::new();
        let (stop, stopped) = oneshot::channel();
        let (ready, addresses) = mpsc::channel();
        let kept = Arc::new(journal.clone());
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async {
                let arbiter = Arbiter::new();
                let writer = serve(&arbiter, kept, &ready);
                // Dropped when the story is over: both mean the same.
                let _ = stopped.await;
                drop(writer);
                arbiter.stop();
                arbiter.join().unwrap();
            });
        });
        let (tcp, http) = addresses.recv().unwrap();
        Self { tcp, http, journal, stop: Some(stop), thread: Some(thread) }
    }

    fn client(&self) -> Client {
        Client::connect(self.tcp)
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn serve(
    arbiter: &Arbiter,
    journal: Arc<dyn Journal>,
    ready: &mpsc::Sender<(SocketAddr, SocketAddr)>,
) -> (tidegate_persistence::Writer, edge::Door) {
    let Recovered { workers, next_actor, journal, .. } =
        recover_from(journal, None, 1, SEED, &|_| {}).unwrap();
    let notify = Arc::new(Notify::new());
    let woken = Arc::clone(&notify);
    let wake: Wake = Arc::new(move || woken.notify_one());
    let (writer, mut lanes) = journal.start(&Options::default(), vec![wake]).unwrap();
    let residents = workers.into_iter().flatten();
    let hub = Hub::new(Config::default().push);
    let house = House::open(
        vec![(arbiter.handle(), lanes.remove(0), notify)],
        residents.map(|actor| Resident { id: actor.id, name: actor.name, state: actor.state }),
        next_actor,
        SystemClock,
        NoRebuild,
        HouseOptions {
            max_consumer_groups: 10,
            mailbox_capacity: 64,
            max_skus: 3,
            max_campaigns: 1,
            desk: DeskOptions {
                limits: tidegate_engine::Limits { max_orders: 2, ..Default::default() },
                expiries_per_turn: 100,
                ..DeskOptions::default()
            },
            look_at_clock: Duration::from_secs(3_600),
            seed: SEED,
            probe: Some(Box::new(|body| assert!(!is_by_boom(body), "boom was here"))),
            news: Some(Arc::clone(&hub) as _),
        },
    );
    let house = Arc::new(house);
    hub.open(&house);
    let edge = Edge::new(
        Config::default().limits,
        Security::new(&Config::default()).unwrap(),
        Arc::default(),
        Arc::new(Nothing),
        hub,
    );
    edge.open(house);
    let metrics = Metrics::new(&command_labels(), &outcome_labels());
    let any = "127.0.0.1:0".parse().unwrap();
    let tcp = tidegate_server::config::Tcp { listen: any, ..Config::default().tcp };
    let door = edge::listen(&tcp, Arc::clone(&edge), vec![arbiter.handle()], &metrics, None).unwrap();
    let settings = tidegate_server::config::Http { listen: any, ..Config::default().http };
    let sockets = Sockets::new(Config::default().ws, Origins::default(), Arc::clone(&edge));
    let webhooks = Webhooks::new(&Config::default()).unwrap();
    let pages = http::start(&settings, Arc::new(Nothing), metrics, edge, sockets, webhooks, None).unwrap();
    actix_rt::spawn(pages.server);
    ready.send((door.address, pages.address)).unwrap();
    (writer, door)
}

fn is_by_boom(body: &Body) -> bool {
    body.asks().iter().any(|ask| match ask {
        Ask::Command(Command::Reserve { buyer, .. }) => body.text(*buyer) == "boom",
        _ => false,
    })
}

struct NoRebuild;

impl Rebuild for NoRebuild {
    fn rebuild(&self, _: ActorId, _: u64) -> Result<Option<State>, RebuildError> {
        Err(RebuildError::Damage("this test has no journal to read".to_owned()))
    }
}

struct Nothing;

impl Information for Nothing {}

impl StatusSource for Nothing {
    fn snapshot(&self) -> StatusSnapshot {
        unreachable!("no story asks for the status")
    }
}

#[test]
fn a_sku_that_failed_is_an_error_in_its_place_and_others_are_served() {
    let server = Fragile::start();
    let mut client = server.client();
    client.says(&format!("SKU.PUT iphone {}", document(10, 500, "")), "[CREATED]");
    client.says(&format!("SKU.PUT other {}", document(10, 500, "")), "[CREATED]");
    let mut follower = server.client();
    follower.says("SUBSCRIBE stock:{iphone}", "[subscribe stock:{iphone} 1]");
    assert!(show(&follower.reply()).starts_with("[message stock:{iphone} "));
    let replies = client.pipeline(&[
        "ORDER.RESERVE other r1 u1 1",
        "ORDER.RESERVE iphone r1 u1 1",
        "ORDER.RESERVE iphone r2 boom 1",
        "SKU.GET iphone",
        "SKU.GET other",
    ]);
    let unknown = "-ERR outcome unknown: this SKU failed and is being rebuilt from the journal; retry the same \
                   request id";
    assert!(replies[0].starts_with("[RESERVED {other}:o:1 "), "{replies:?}");
    assert_eq!(replies[1..4], [unknown; 3]);
    assert!(replies[4].contains(" available 9 "), "{replies:?}");

    let gone =
        "-ERR this SKU is quarantined: it failed while it was rebuilt; see the status page and the log";
    until("it is given up", || client.ask("SKU.GET iphone"), |reply| reply == gone);
    client.says("ORDER.RESERVE iphone r1 u1 1", gone);
    client.says("REPORT iphone", gone);
    client.says("SUBSCRIBE price:{iphone}", gone);
    assert_eq!(follower.rest(), [""; 0], "closed: there will be no more");
    client.says("SUBSCRIBE price:{other}", "[subscribe price:{other} 1]");
    assert!(show(&client.reply()).starts_with("[message price:{other} "));
    client.says("UNSUBSCRIBE", "[unsubscribe price:{other} 0]");
    let replies = client.pipeline(&["SKU.MGET other iphone nothing other", "PING"]);
    let parts: Vec<_> = replies[0].split("] ").collect();
    assert!(replies[0].starts_with("[[sku other "), "{replies:?}");
    assert!(parts[1].starts_with(&format!("{gone} nil [sku other ")), "{replies:?}");
    assert_eq!(replies[1], "PONG");
    // The same where the actor is asked, because something else in the same write asks it.
    let replies = client.pipeline(&["ORDER.RESERVE iphone r1 u1 1", "SKU.MGET other iphone", "PING"]);
    assert!(
        replies[1].starts_with("[[sku other ") && replies[1].ends_with(&format!("] {gone}]")),
        "{replies:?}"
    );
    assert_eq!(replies[2], "PONG");
    assert_eq!(client.books("other"), "total=10 available=9 reserved=1 sold=0");

    let get = |path: &str| Request::new(server.http, "GET", path).send();
    let shown = get("/api/v1/skus/iphone");
    assert_eq!((shown.status, shown.word().as_str()), (500, "ERR"));
    let list = get("/api/v1/skus").json();
    let gone = gone.trim_start_matches("-ERR ");
    assert_eq!(list["items"][0], json!({"sku": "iphone", "error": {"code": "ERR", "detail": gone}}));
    assert_eq!(list["items"][1]["available"], 9);
}

#[test]
fn after_the_journal_failed_reads_are_refused_too() {
    let server = Fragile::start();
    let mut client = server.client();
    client.says(&format!("SKU.PUT iphone {}", document(10, 500, "")), "[CREATED]");
    client.reserve("iphone", "r1", "u1", 1);
    let mut followers = [server.client(), server.client()];
    for (follower, channel) in followers.iter_mut().zip(["stock:{iphone}", "buyer:u1"]) {
        follower.says(&format!("SUBSCRIBE {channel}"), &format!("[subscribe {channel} 1]"));
        assert!(show(&follower.reply()).starts_with(&format!("[message {channel} ")));
    }
    server.journal.fail_sync_after(0);
    let told = "-JOURNALFAIL outcome unknown: the journal failed; retry the same request id after a restart";
    for line in [
        "ORDER.RESERVE iphone r2 u2 1",
        "ORDER.RESERVE iphone r1 u1 1",
        "SKU.GET iphone",
        "SKU.MGET iphone nothing",
        "ORDER.GET {iphone}:o:1",
        "REPORT iphone",
        "SKU.PAUSE iphone",
        "SUBSCRIBE stock:{iphone}",
        &format!("SKU.PUT new {}", document(10, 500, "")),
    ] {
        client.says(line, told);
    }
    for follower in &mut followers {
        assert_eq!(follower.rest(), [""; 0], "closed, and nothing was told that may not have happened");
    }
    client.says("PING", "PONG");
    for path in
        ["/api/v1/skus/iphone", "/api/v1/skus", "/api/v1/skus/iphone/orders", "/api/v1/reports/iphone"]
    {
        let answer = Request::new(server.http, "GET", path).send();
        assert_eq!((answer.status, answer.word().as_str()), (503, "JOURNALFAIL"), "{path}");
    }
}

#[test]
fn limits_are_told_by_name() {
    let server = Fragile::start();
    let mut client = server.client();
    for sku in ["a", "b", "c"] {
        client.says(&format!("SKU.PUT {sku} {}", document(10, 500, "")), "[CREATED]");
    }
    let full = client.ask(&format!("SKU.PUT d {}", document(10, 500, "")));
    assert!(full.starts_with("-ERR ") && full.contains("limits.max_skus"), "{full}");
    client.says("SKU.GET d", "nil");
    client.reserve("a", "r1", "u1", 1);
    client.reserve("a", "r2", "u1", 1);
    let full = client.ask("ORDER.RESERVE a r3 u1 1");
    assert_eq!(full, "-OVERLOADED retry_ms=50 this SKU is at its limit of orders");
    assert_eq!(client.books("a"), "total=10 available=8 reserved=2 sold=0");
}
