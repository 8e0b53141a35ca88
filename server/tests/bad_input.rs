//! Everything a client should not send. Each time it gets one clear error or is closed, and nobody else notices.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use common::{Client, PATIENCE, Process, Server, document, seed, show, until};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidegate_server::config::Config;

/// A server with a sale, and a buyer who was there before anything happened.
struct Shop {
    server: Server,
    buyer: Client,
    orders: u32,
}

impl Shop {
    fn open() -> Self {
        Self::open_with(|_| {})
    }

    fn open_with(adjust: impl FnOnce(&mut Config)) -> Self {
        let server = Server::start_with(adjust);
        let mut buyer = server.client();
        buyer.says(&format!("SKU.PUT iphone {}", document(1_000, 500, "")), "[CREATED]");
        Self { server, buyer, orders: 0 }
    }

    fn client(&self) -> Client {
        self.server.client()
    }

    /// The buyer buys, and the books agree with all that he bought and with nothing else.
    #[track_caller]
    fn goes_on(&mut self, after: &str) {
        self.orders += 1;
        let n = self.orders;
        let held = self.buyer.reserve("iphone", &format!("r{n}"), "u1", 1);
        assert_eq!(held.order, format!("{{iphone}}:o:{n}"), "after {after}");
        let books = format!("total=1000 available={} reserved={n} sold=0", 1_000 - n);
        assert_eq!(self.buyer.books("iphone"), books, "after {after}");
    }
}

fn bulk(length: usize) -> Vec<u8> {
    [format!("${length}\r\n").as_bytes(), &vec![b'x'; length], b"\r\n"].concat()
}

#[test]
fn a_broken_frame_is_told_and_ends_the_connection() {
    let mut shop = Shop::open();
    let many = [b"*10001\r\n$8\r\nSKU.MGET\r\n".as_slice(), &b"$1\r\na\r\n".repeat(10_000)].concat();
    let large = [b"*2\r\n$4\r\nECHO\r\n".as_slice(), &bulk(65 << 10)].concat();
    let inline = [b"ECHO ".as_slice(), &[b'x'; 65 << 10], b"\r\n"].concat();
    let table: &[(&[u8], &str)] = &[
        (b"*-2\r\n", "invalid multibulk length"),
        (b"*x\r\n", "invalid multibulk length"),
        (b"*18446744073709551616\r\n", "invalid multibulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$99999999999999999999999\r\n", "invalid bulk length"),
        (b"*1\r\n$4294967296\r\n", "a command takes at most 65536 bytes"),
        (b"*1\r\n$9223372036854775807\r\n", "a command takes at most 65536 bytes"),
        (b"*1000000000\r\n", "a command takes at most 1024 arguments"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\n$4\r\nPINGPONG\r\n", "an argument is not followed by CRLF"),
        (b"ECHO \"half\r\n", "unbalanced quotes in request"),
        (&many, "a command takes at most 1024 arguments"),
        (&large, "a command takes at most 65536 bytes"),
        (&inline, "a command takes at most 65536 bytes"),
    ];
    for (bytes, reason) in table {
        let shown = bytes[..bytes.len().min(40)].escape_ascii().to_string();
        let mut client = shop.client();
        // What came before the break is answered; what comes behind it is not looked at.
        let stream = [b"*1\r\n$4\r\nPING\r\n", *bytes, b"*1\r\n$4\r\nPING\r\n"].concat();
        // A long command may be refused, and the connection closed, before it is sent in full.
        let _ = client.write(&stream);
        assert_eq!(client.rest(), ["PONG".to_owned(), format!("-ERR Protocol error: {reason}")], "{shown}");
        shop.goes_on(&shown);
    }
}

#[test]
fn a_wrong_command_is_told_and_the_connection_goes_on() {
    let mut shop = Shop::open();
    let mut client = shop.client();
    for (line, told) in [
        ("SKU.GIVE iphone", "ERR unknown command 'SKU.GIVE'"),
        ("GET iphone", "ERR unknown command 'GET'"),
        ("FLUSHALL", "ERR unknown command 'FLUSHALL'"),
        ("EVAL return 0", "ERR unknown command 'EVAL'"),
        ("SKU.GET", "ERR wrong number of arguments for 'sku.get' command"),
        ("ORDER.RESERVE iphone r1 u1", "ERR wrong number of arguments for 'order.reserve' command"),
        ("ORDER.RESERVE iphone r1 u1 one", "ERR qty must be a whole number from 1 to 1000000"),
        ("ORDER.RESERVE iphone r1 u1 0", "ERR qty must be a whole number from 1 to 1000000"),
        ("ORDER.RESERVE iphone r1 u1 -1", "ERR qty must be a whole number from 1 to 1000000"),
        ("ORDER.RESERVE iphone r1 u1 1e3", "ERR qty must be a whole number from 1 to 1000000"),
        (
            "ORDER.RESERVE iphone r1 u1 18446744073709551617",
            "ERR qty must be a whole number from 1 to 1000000",
        ),
        ("ORDER.RESERVE iphone r1 u1 1 MAXPRICE -1", "ERR MAXPRICE must be a whole number"),
        ("ORDER.RESERVE iphone r1 u1 1 CHEAPLY", "ERR syntax error: unexpected 'CHEAPLY'"),
        ("ORDER.PAY {iphone}:o:1 p -5 pay", "ERR amount must be a whole number"),
        ("ORDER.PAY {iphone}:o:1 p 9007199254740992 pay", "ERR amount must be a whole number"),
        ("SKU.RESTOCK iphone s1 9223372036854775808", "ERR delta must be a whole number"),
        ("SKU.RESTOCK iphone s1 9007199254740991", "ERR the stock would be above"),
        ("SKU.GET a/b", "ERR sku must be 1 to 64 characters"),
        ("XLEN", "ERR wrong number of arguments for 'xlen' command"),
        ("CART.RESERVE fair r1 u1 iphone", "ERR wrong number of arguments"),
        ("HELLO 9", "NOPROTO unsupported protocol version"),
        ("AUTH me secret", "WRONGPASS no users are configured"),
        ("SELECT 1", "ERR DB index is out of range"),
        ("CLIENT TRACKING ON", "ERR CLIENT 'TRACKING' is not supported"),
        ("CLIENT MAINT_NOTIFICATIONS ON", "ERR CLIENT 'MAINT_NOTIFICATIONS' is not supported"),
        ("CONFIG SET maxclients 1", "ERR CONFIG 'SET' is not supported"),
    ] {
        let reply = client.ask(line);
        assert!(reply.starts_with(&format!("-{told}")), "{line}\n told: {reply}\n want: -{told}");
        client.says("PING", "PONG");
    }
    let words: &[&[&[u8]]] = &[
        &[b"SKU.GET", b"\xff\xfe"],
        &[b"SKU.GET", b"iphone\0"],
        &[b"SKU.GET", b""],
        &[b"ORDER.RESERVE", b"iphone", b"r\xc3\x28", b"u1", b"1"],
        &[b"ORDER.RESERVE", b"iphone", b"r1", b"u\0", b"1"],
        &[b"ORDER.RESERVE", b"iphone", b"r1", b"u 1", b"1"],
        &[b"ORDER.RESERVE", b"iphone", b"r1", &[b'u'; 65], b"1"],
        &[b"ORDER.GET", &[b'o'; 129]],
        &[b"ORDER.CANCEL", b"{iphone}:o:1", b"c", b"REASON", b"\xff"],
        &[b"SKU.PUT", b"iphone", b"\xff"],
        &[b"\xff\0"],
        &[b""],
    ];
    for words in words {
        let mut bytes = Vec::new();
        tidegate_protocol::resp::encode_command(&mut bytes, words);
        client.write(&bytes).unwrap();
        let reply = show(&client.reply());
        assert!(reply.starts_with("-ERR ") && reply.is_ascii(), "{words:?}: {reply}");
        client.says("PING", "PONG");
    }
    shop.goes_on("wrong commands");
}

#[test]
fn a_wrong_document_is_told_by_its_field() {
    let mut shop = Shop::open();
    let mut client = shop.client();
    let good = document(1, 1, "");
    let with = |more: &str| document(1, 1, more);
    for (json, told) in [
        ("{}".to_owned(), "title: "),
        (with(r#","colour":"red""#), "colour: "),
        (good.replace("fixed", "fixd"), "price."),
        (good.replace(r#""stock":1"#, r#""stock":-1"#), "stock: "),
        (good.replace(r#""stock":1"#, r#""stock":1.5"#), "stock: "),
        (good.replace(r#""stock":1"#, r#""stock":"1""#), "stock: "),
        (good.replace(r#""stock":1"#, r#""stock":18446744073709551616"#), "stock: "),
        (good.replace(r#""stock":1"#, r#""stock":1e99"#), "stock: "),
        (good.replace("GBP", "gbp"), "currency: "),
        (good.replace(r#"{"fixed":1}"#, "1"), "price: "),
        (good.replace(r#"{"fixed":1}"#, r#"{"fixed":0}"#), "price.fixed: "),
        (good.replace(r#"{"fixed":1}"#, r#"{"fixed":-1}"#), "price.fixed: "),
        (good.replace(r#"{"fixed":1}"#, r#"{"ladder":{}}"#), "price.ladder.start: "),
        (with(r#","hold_s":0"#), "hold_s: "),
        (with(r#","hold_s":99999999999"#), "hold_s: "),
        (with(r#","starts_at":"yesterday""#), "starts_at: "),
        (with(r#","starts_at":2000,"ends_at":1000"#), "ends_at: "),
        (with(r#","per_buyer_limit":-1"#), "per_buyer_limit: "),
        (with(r#","late_payment":"keep""#), "late_payment: "),
        (with(r#","allow":["u1",7]"#), "allow"),
        (with(r#","group_buy":{}"#), "group_buy.tiers: "),
        (with(r#","stock":2"#), "stock: "),
    ] {
        let reply = client.ask(&format!("SKU.PUT new {json}"));
        assert!(reply.starts_with(&format!("-ERR {told}")), "{json}\n told: {reply}\n want: -ERR {told}");
    }
    for json in ["", "[]", "7", "{", "nonsense", &"[".repeat(10_000), &r#"{"a":"#.repeat(5_000)] {
        let reply = client.ask(&format!("SKU.PUT new {json}"));
        assert!(reply.starts_with("-ERR "), "{json:.40}: {reply}");
    }
    client.says("SKU.GET new", "nil");
    client.says(&format!("SKU.PUT new {good}"), "[CREATED]");
    client.reserve("new", "r1", "u1", 1);
    let fixed = client.ask(&format!("SKU.PUT new {}", good.replace("GBP", "EUR")));
    assert_eq!(fixed, "-ERR currency: fixed after the first order");
    shop.goes_on("wrong documents");
}

#[test]
fn a_command_of_exactly_the_limit_is_taken() {
    let mut shop = Shop::open();
    let mut client = shop.client();
    let text = "x".repeat((64 << 10) - "*2\r\n$4\r\nECHO\r\n$65506\r\n\r\n".len());
    client.says(&format!("ECHO {text}"), &text);
    let names = ["nothing"; 1_023].join(" ");
    client.says(&format!("SKU.MGET {names}"), &format!("[{}]", ["nil"; 1_023].join(" ")));
    shop.goes_on("large commands");
}

#[test]
fn half_a_command_is_waited_for_only_so_long() {
    let mut shop = Shop::open_with(|config| {
        config.limits.partial_command_timeout_ms = Duration::from_millis(200);
    });
    for half in ["*", "*2\r\n$7\r\nSKU.GET\r\n$6\r\nipho", "SKU.GET ipho", "*1\r\n$4\r\nPING\r"] {
        let mut client = shop.client();
        client.says("PING", "PONG");
        client.write(half.as_bytes()).unwrap();
        let told = "-ERR Protocol error: the rest of a command did not come within 200 ms \
                    (limits.partial_command_timeout_ms)";
        assert_eq!(client.rest(), [told], "{half:?}");
        shop.goes_on(half);
    }
    // Whoever is merely idle may stay for longer than that.
    let began = Instant::now();
    let mut idle = shop.client();
    until("the time of half a command to pass", || began.elapsed(), |took| took.as_millis() > 300);
    idle.says("PING", "PONG");
}

#[test]
fn half_a_command_is_not_kept_alive_by_drops() {
    let mut shop = Shop::open_with(|config| {
        config.limits.partial_command_timeout_ms = Duration::from_millis(200);
    });
    let mut client = shop.client();
    client.write(b"*2\r\n$4\r\nECHO\r\n$60000\r\n").unwrap();
    let began = Instant::now();
    let mut drops = 0;
    while client.write(b"x").is_ok() {
        drops += 1;
        assert!(drops < 60_000 && began.elapsed() < PATIENCE, "still there after {drops} drops");
        shop.buyer.says("PING", "PONG");
    }
    shop.goes_on("drops");
}

#[test]
fn a_browser_is_told_so_and_not_served() {
    let mut shop = Shop::open();
    let command = "*4\r\n$10\r\nSKU.RESUME\r\n";
    for request in [
        format!("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{command}SKU.PAUSE iphone\r\n"),
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nSKU.PAUSE iphone\r\n".to_owned(),
        "Host: localhost\r\n\r\nSKU.PAUSE iphone\r\n".to_owned(),
    ] {
        let mut client = shop.client();
        client.write(request.as_bytes()).unwrap();
        let replies = client.rest();
        let (last, before) = replies.split_last().unwrap();
        assert!(before.iter().all(|reply| reply.starts_with("-ERR unknown command 'GET'")), "{replies:?}");
        assert_eq!(
            last,
            "-ERR Protocol error: this port speaks the Redis protocol, not HTTP; status pages are at http.listen"
        );
        shop.goes_on(&request);
    }
}

#[test]
fn who_does_not_read_is_dropped_and_costs_little() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tidegate.toml");
    std::fs::write(&config, "[limits]\npartial_command_timeout_ms = 500\noutput_buffer_bytes = 65536\n")
        .unwrap();
    let mut process =
        Process::start_listening(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    process.wait_for("ready");
    let mut other = process.client();
    other.says(&format!("SKU.PUT iphone {}", document(10, 500, "")), "[CREATED]");
    let before = resident(&mut other);
    let mut client = process.client();
    // Each is answered with some kilobytes: this asks for a gigabyte and more.
    let asks = b"*2\r\n$7\r\nCOMMAND\r\n$4\r\nDOCS\r\n".repeat(1_000);
    let mut sent = 0;
    let ended = loop {
        match client.write(&asks) {
            Ok(()) => sent += asks.len(),
            Err(error) => break error,
        }
        assert!(sent < 256 << 20, "the server goes on reading");
    };
    assert!(matches!(ended.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{ended}");
    let grown = resident(&mut other).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
    other.reserve("iphone", "r1", "u1", 1);
    assert_eq!(other.books("iphone"), "total=10 available=9 reserved=1 sold=0");
}

fn resident(client: &mut Client) -> u64 {
    let text = client.ask("INFO memory");
    let line = text.split("\\r\\n").find_map(|line| line.strip_prefix("used_memory_rss:"));
    line.unwrap().parse().unwrap()
}

#[test]
fn one_connection_too_many_is_told_so() {
    let mut shop = Shop::open_with(|config| config.limits.max_connections = 3);
    let second = shop.client();
    let mut third = shop.client();
    third.says("PING", "PONG");
    let told = ["-ERR max number of clients reached (limits.max_connections)"];
    for _ in 0..5 {
        let mut fourth = shop.client();
        let _ = fourth.write(b"PING\r\n");
        assert_eq!(fourth.rest(), told);
    }
    shop.goes_on("too many connections");
    drop(second);
    let again = || {
        let mut client = shop.server.client();
        let _ = client.write(b"PING\r\n");
        client.finish();
        client.rest()
    };
    until("a place to come free", again, |replies| replies == &["PONG"]);
    shop.goes_on("a new connection");
}

#[test]
fn noise_disturbs_nobody() {
    let mut shop = Shop::open_with(|config| {
        config.limits.partial_command_timeout_ms = Duration::from_millis(100);
    });
    let good = b"*5\r\n$13\r\nORDER.RESERVE\r\n$5\r\nother\r\n$2\r\nr1\r\n$2\r\nu1\r\n$1\r\n1\r\n*2\r\n$7\r\nSKU.GET\r\n$6\r\niphone\r\n";
    let mut seeded = StdRng::seed_from_u64(seed());
    let mut random = |below: usize| seeded.random_range(0..below);
    for round in 0..200 {
        let mut stream = good.repeat(3);
        for _ in 0..=random(8) {
            let at = random(stream.len());
            match random(if stream.len() > 1 { 3 } else { 1 }) {
                0 => stream[at] = u8::try_from(random(256)).unwrap(),
                1 => drop(stream.remove(at)),
                _ => stream.truncate(at.max(1)),
            }
        }
        let mut client = shop.client();
        let _ = client.write(&stream);
        client.finish();
        // Replies or none: in any case the connection ends, and each reply is one.
        client.rest();
        if round % 20 == 0 {
            shop.goes_on("noise");
        }
    }
    until("all to be gone", || shop.buyer.ask("CLIENT LIST").matches("id=").count(), |open| *open == 1);
    shop.goes_on("noise");
}
