//! What was acknowledged is there again: after a stop, after SIGTERM in the rush, after `kill -9`.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use common::{Client, Process, Server, document, run, show};

const SKUS: [&str; 3] = ["iphone", "rose.bowl", "x"];

/// One command that was acknowledged, and how.
#[derive(Debug, Clone)]
struct Promise {
    line: String,
    answer: String,
}

/// What becomes of the `n`th order of a buyer.
fn pays(n: usize) -> bool {
    n % 3 == 1
}

fn cancels(n: usize) -> bool {
    n % 3 == 2
}

/// Buys for as long as the server is there, sixteen orders at a time, and returns what was acknowledged.
fn buy(
    address: SocketAddr,
    buyer: &str,
    acknowledged: &AtomicUsize,
    enough: &mpsc::Sender<()>,
    many: usize,
) -> Vec<Promise> {
    let mut client = Client::connect(address);
    let mut promises = Vec::new();
    for first in (0..).step_by(16) {
        let reserve = |n: usize| format!("ORDER.RESERVE {} r{n} {buyer} 1", SKUS[n % SKUS.len()]);
        let lines: Vec<_> = (first..first + 16).map(reserve).collect();
        let held = acknowledgements(&mut client, &lines);
        let next: Vec<_> = held
            .iter()
            .enumerate()
            .filter_map(|(at, promise)| {
                let order = promise.answer.strip_prefix("[RESERVED ")?.split(' ').next()?;
                match first + at {
                    n if pays(n) => Some(format!("ORDER.PAY {order} p{n} 500 pay-{buyer}-{n}")),
                    n if cancels(n) => Some(format!("ORDER.CANCEL {order} c{n}")),
                    _ => None,
                }
            })
            .collect();
        let broken = held.len() < lines.len();
        promises.extend(held);
        if broken {
            return promises;
        }
        let ended = acknowledgements(&mut client, &next);
        let broken = ended.len() < next.len();
        promises.extend(ended);
        if acknowledged.fetch_add(promises_of_a_round(), Ordering::Relaxed) >= many {
            // Said more than once, and heard at least once.
            let _ = enough.send(());
        }
        if broken {
            return promises;
        }
    }
    promises
}

fn promises_of_a_round() -> usize {
    16 + (0..16).filter(|n| pays(*n) || cancels(*n)).count()
}

/// Sends these lines in one write. The answers that came, up to the first that did not.
fn acknowledgements(client: &mut Client, lines: &[String]) -> Vec<Promise> {
    let mut bytes = Vec::new();
    for line in lines {
        let words: Vec<_> = line.split(' ').map(str::as_bytes).collect();
        tidegate_protocol::resp::encode_command(&mut bytes, &words);
    }
    // A server that dies breaks the connection here or below; what it answered before it died still counts.
    let _ = client.write(&bytes);
    let mut promises = Vec::new();
    for line in lines {
        let Ok(Some(reply)) = client.next() else { break };
        let answer = show(&reply);
        if answer.starts_with("-READONLY ") {
            break;
        }
        let accepted = ["[RESERVED ", "[PAID ", "[CANCELLED]"].iter().any(|word| answer.starts_with(word));
        assert!(accepted, "{line}: {answer}");
        promises.push(Promise { line: line.clone(), answer });
    }
    promises
}

/// Four buyers rush until `many` commands are acknowledged; then `end` ends the server. Everything they were told.
fn rush(process: Process, round: usize, many: usize, end: impl FnOnce(Process)) -> Vec<Promise> {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let (enough, heard) = mpsc::channel();
    let buyers: Vec<_> = (0..4)
        .map(|buyer| {
            let (acknowledged, enough, address) = (Arc::clone(&acknowledged), enough.clone(), process.tcp());
            std::thread::spawn(move || {
                buy(address, &format!("u{round}.{buyer}"), &acknowledged, &enough, many)
            })
        })
        .collect();
    heard.recv().unwrap();
    end(process);
    buyers.into_iter().flat_map(|buyer| buyer.join().unwrap()).collect()
}

fn put_all(client: &mut Client) {
    for sku in SKUS {
        client.says(&format!("SKU.PUT {sku} {}", document(10_000_000, 500, "")), "[CREATED]");
    }
}

/// Every promise is kept: the same request has the same answer, the order is in the state that was told, and the
/// books balance.
#[track_caller]
fn keeps(client: &mut Client, promises: &[Promise]) {
    for part in promises.chunks(500) {
        let lines: Vec<_> = part.iter().map(|promise| &promise.line).collect();
        for (promise, answer) in part.iter().zip(client.pipeline(&lines)) {
            assert_eq!(answer, promise.answer, "{}", promise.line);
        }
        let orders: Vec<_> = part
            .iter()
            .filter(|promise| !promise.line.starts_with("ORDER.RESERVE "))
            .map(|promise| promise.line.split(' ').nth(1).unwrap())
            .collect();
        let asks: Vec<_> = orders.iter().map(|order| format!("ORDER.GET {order}")).collect();
        let ended = part.iter().filter(|promise| !promise.line.starts_with("ORDER.RESERVE "));
        for (promise, shown) in ended.zip(client.pipeline(&asks)) {
            let state =
                if promise.line.starts_with("ORDER.PAY ") { " state PAID " } else { " state CANCELLED " };
            assert!(shown.contains(state), "{}: {shown}", promise.line);
        }
    }
    for sku in SKUS {
        client.books(sku);
    }
}

#[test]
fn a_stopped_server_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_in(dir.path(), |_| {});
    let mut client = server.client();
    client.says(&format!("SKU.PUT iphone {}", document(10, 500, r#","per_buyer_limit":4"#)), "[CREATED]");
    let lines = [
        "ORDER.RESERVE iphone r1 u1 2",
        "ORDER.RESERVE iphone r2 u2 1",
        "ORDER.RESERVE iphone r3 u3 1",
        "ORDER.RESERVE iphone r4 u4 1 MAXPRICE 600",
        "ORDER.PAY {iphone}:o:1 p1 1000 pay-1",
        "ORDER.CANCEL {iphone}:o:2 c1 REASON no-need",
        "ORDER.PAY {iphone}:o:2 p2 500 pay-2",
        "ORDER.PAY {iphone}:o:3 p3 500 pay-3",
        "ORDER.REFUND {iphone}:o:3 f3 RESTOCK",
        "SKU.RESTOCK iphone s1 -2",
        "BUYER.BLOCK iphone u9",
        "SKU.PAUSE iphone",
    ];
    let answers = client.pipeline(&lines);
    let shows =
        ["SKU.GET iphone", "ORDER.GET {iphone}:o:1", "ORDER.GET {iphone}:o:2", "ORDER.GET {iphone}:o:4"];
    let before = client.pipeline(&shows);
    let books = client.books("iphone");
    assert_eq!(books, "total=8 available=5 reserved=1 sold=2");
    server.stop().unwrap();

    let server = Server::start_in(dir.path(), |_| {});
    let mut client = server.client();
    assert_eq!(client.pipeline(&shows), before);
    assert_eq!(client.pipeline(&lines), answers, "every request id is known again");
    assert_eq!(client.pipeline(&shows), before, "and nothing was done twice");
    assert_eq!(client.books("iphone"), books);
    let reused = "-IDEMPREUSE this request id was used before with other arguments; use a new one";
    for line in [
        "ORDER.RESERVE iphone r1 u1 1",
        "ORDER.PAY {iphone}:o:1 p1 1001 pay-1",
        "ORDER.CANCEL {iphone}:o:2 c1",
        "ORDER.REFUND {iphone}:o:3 f3",
        "SKU.RESTOCK iphone s1 -1",
    ] {
        client.says(line, reused);
    }
    client.says("SKU.RESUME iphone", "[RESUMED]");
    client.says("ORDER.RESERVE iphone r1 u9 1", "[BLOCKED]");
    client.says("ORDER.RESERVE iphone r5 u1 3", "[LIMIT 2]");
    assert_eq!(client.reserve("iphone", "r5", "u1", 2).order, "{iphone}:o:5");
}

#[test]
fn a_hold_that_ran_out_while_nobody_served_is_ended_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_in(dir.path(), |_| {});
    let mut client = server.client();
    client.says(&format!("SKU.PUT iphone {}", document(1, 500, r#","hold_s":1"#)), "[CREATED]");
    let held = client.reserve("iphone", "r1", "u1", 1);
    server.stop().unwrap();
    common::until("the end of the hold", common::now, |now| *now > held.expires_at);
    let server = Server::start_in(dir.path(), |_| {});
    let mut client = server.client();
    client.says("ORDER.CANCEL {iphone}:o:1 c1", "[EXPIRED]");
    client.reserve("iphone", "r1", "u2", 1);
    assert_eq!(client.books("iphone"), "total=1 available=0 reserved=1 sold=0");
}

#[test]
fn a_stopping_server_ends_with_everything_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let process = Process::start(dir.path());
    put_all(&mut process.client());
    let idle = process.client();
    let promises = rush(process, 0, 1_000, |process| {
        process.terminate();
        let ended = process.end();
        assert_eq!(ended.code(), Some(0), "{ended}");
    });
    drop(idle);
    assert!(promises.len() >= 1_000);
    assert!(inspect(dir.path()).contains("Verified: "), "{}", inspect(dir.path()));
    let process = Process::start(dir.path());
    keeps(&mut process.client(), &promises);
}

#[test]
fn who_never_stops_sending_does_not_keep_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tidegate.toml");
    std::fs::write(&config, "[shutdown]\ndrain_ms = 3600000\n").unwrap();
    let mut process =
        Process::start_listening(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    process.wait_for("ready");
    let mut writer = process.client();
    writer.says("PING", "PONG");
    let mut reader = writer.twin();
    let reading = std::thread::spawn(move || while let Ok(Some(_)) = reader.next() {});
    let pings = b"PING\r\n".repeat(1_000);
    let writing = std::thread::spawn(move || while writer.write(&pings).is_ok() {});
    process.terminate();
    assert_eq!(process.end().code(), Some(0));
    writing.join().unwrap();
    reading.join().unwrap();
}

/// `TIDEGATE_KILLS` says how often; each round goes on where the last one was killed.
#[test]
fn a_killed_server_has_lost_nothing_it_acknowledged() {
    let kills = std::env::var("TIDEGATE_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut promises: Vec<Promise> = Vec::new();
    for round in 0..kills {
        let process = Process::start(dir.path());
        if round == 0 {
            put_all(&mut process.client());
        }
        keeps(&mut process.client(), &promises);
        // Not always at the same place.
        let many = 300 + round * 271 % 1_000;
        promises.extend(rush(process, round, many, Process::kill));
        println!("killed {} times, {} promises", round + 1, promises.len());
    }
    let inspected = inspect(dir.path());
    assert!(inspected.contains("Verified: "), "{inspected}");
    let process = Process::start(dir.path());
    keeps(&mut process.client(), &promises);
    process.terminate();
    assert_eq!(process.end().code(), Some(0));
}

fn inspect(dir: &Path) -> String {
    let (code, stdout, stderr) = run(&["inspect", dir.to_str().unwrap()]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    stdout
}

#[test]
fn a_campaign_file_is_as_many_puts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("campaign.toml");
    let text = "[skus.iphone]\ntitle = \"Phone\"\nstock = 10\ncurrency = \"CNY\"\nprice = { fixed = 599900 }\n\
                starts_at = 2024-11-11T00:00:00+08:00\n[skus.x]\ntitle = \"X\"\nstock = 1\ncurrency = \"CNY\"\n\
                price = { fixed = 1 }\n";
    std::fs::write(&file, text).unwrap();
    let data = dir.path().join("data");
    let server = Server::start_in(&data, |config| config.campaigns = vec![file.clone()]);
    let mut client = server.client();
    let names = ["title", "available", "starts_at"];
    assert_eq!(client.fields("SKU.GET iphone", &names), "title=Phone available=10 starts_at=1731254400000");
    client.reserve("iphone", "r1", "u1", 1);
    server.stop().unwrap();
    // Loaded again, it changes nothing of what was sold.
    let server = Server::start_in(&data, |config| config.campaigns = vec![file.clone()]);
    assert_eq!(server.client().fields("SKU.GET iphone", &["available", "seq"]), "available=9 seq=2");
    server.stop().unwrap();

    for (change, told) in [
        (("stock = 1\n", "stock = -1\n"), "skus.x.stock: "),
        (("fixed = 1 ", "fixd = 1 "), "skus.x.price"),
        (("[skus.x]", "[skus.\"x y\"]"), "skus.x y: "),
        (("[skus.x]", "[sku.x]"), "sku: "),
        (("\"X\"", "\"X"), "TOML"),
    ] {
        std::fs::write(&file, text.replace(change.0, change.1)).unwrap();
        let error =
            Server::try_start_in(&data, |config| config.campaigns = vec![file.clone()]).err().unwrap();
        let error = format!("{error:#}");
        assert!(error.contains("campaign.toml") && error.contains(told), "{error}\nshould name {told}");
        assert!(!error.contains("ERR "), "{error}");
    }
    // What the engine refuses is told by its field too.
    std::fs::write(&file, text.replace("\"CNY\"", "\"EUR\"")).unwrap();
    let error = Server::try_start_in(&data, |config| config.campaigns = vec![file.clone()]).err().unwrap();
    assert!(format!("{error:#}").contains("skus.iphone.currency: fixed after the first order"), "{error:#}");
    std::fs::remove_file(&file).unwrap();
    let error = Server::try_start_in(&data, |config| config.campaigns = vec![file.clone()]).err().unwrap();
    assert!(format!("{error:#}").contains("campaign.toml"), "{error:#}");
}

#[test]
fn a_data_directory_belongs_to_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let process = Process::start(dir.path());
    put_all(&mut process.client());
    let told = format!("{data} is in use by process {}", process.id());
    let (tcp, http) = (process.tcp().to_string(), process.http().to_string());
    // Also one that is the same in everything is told of the directory, not of a port.
    for (tcp, http) in [("127.0.0.1:0", "127.0.0.1:0"), (&*tcp, &*http)] {
        let (code, _, stderr) =
            run(&["serve", "--data-dir", data, "--tcp-listen", tcp, "--http-listen", http]);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains(&told) && stderr.contains("stop that one first"), "{stderr}");
    }
    let (code, _, stderr) = run(&["inspect", data]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(&told), "{stderr}");
    // The first one was not disturbed, and a port that is taken is named too.
    process.client().reserve("iphone", "r1", "u1", 1);
    let other = tempfile::tempdir().unwrap();
    let (code, _, stderr) = run(&[
        "serve",
        "--data-dir",
        other.path().to_str().unwrap(),
        "--tcp-listen",
        &tcp,
        "--http-listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(&tcp) && stderr.contains("tcp.listen"), "{stderr}");
}

#[test]
fn a_configuration_is_checked_by_its_fields() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tidegate.toml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "[limits]\nmax_connections = 7\n").unwrap();
    let (code, stdout, stderr) = run(&["check-config", path]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains("max_connections = 7"), "{stdout}");
    std::fs::write(
        &file,
        "[limits]\nmax_connections = 0\nmax_conections = 7\n[tcp]\nlisten = \"0.0.0.0:1\"\n",
    )
    .unwrap();
    for arguments in [&["check-config", path][..], &["serve", "--config", path]] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        for key in ["limits.max_connections", "limits.max_conections", "tcp.listen"] {
            assert!(stderr.contains(key), "{stderr}");
        }
    }
}
