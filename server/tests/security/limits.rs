//! Too many failures, too many commands, too many connections, too slow.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::json;

use super::people::{as_buyer, as_user, get, in_seconds, sign, token, with_tokens, with_users};
use crate::common::{Ask, Client, PATIENCE, Server, Socket, document, until};

/// Milliseconds that a RATELIMITED tells to wait.
fn retry_ms(reply: &str) -> u64 {
    let text = reply.strip_prefix("-RATELIMITED retry_ms=").unwrap_or_else(|| panic!("{reply}"));
    text.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn who_fails_too_often_waits_and_who_was_right_a_moment_ago_does_not() {
    let server = Server::start_with(|config| {
        with_users(config);
        config.logins.failures_per_minute = 3;
    });
    as_user(server.tcp(), "storefront");
    for _ in 0..3 {
        let reply = Client::connect(server.tcp()).ask("AUTH admin guess");
        assert!(reply.starts_with("-WRONGPASS"), "{reply}");
    }
    let wait = retry_ms(&Client::connect(server.tcp()).ask("AUTH admin admin-secret"));
    assert!((1..=20_000).contains(&wait), "one failure is forgiven after 20 s: {wait}");
    retry_ms(&Client::connect(server.tcp()).ask("AUTH nobody guess"));
    let answer = get(server.http(), "/status", "Bearer admin:admin-secret");
    assert_eq!((answer.status, answer.word().as_str()), (429, "RATELIMITED"), "{answer:?}");
    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    // Its secret was right a moment ago and is not hashed again.
    as_user(server.tcp(), "storefront");
}

#[test]
fn bad_tokens_are_failed_logins_and_good_ones_never_wait() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_with(|config| {
        with_users(config);
        with_tokens(config, directory.path());
        config.logins.failures_per_minute = 3;
    });
    let good = format!("Bearer {}", token("ann"));
    let expired = format!("Bearer {}", sign(&json!({ "sub": "ann", "exp": in_seconds(-60) })));
    let forged = format!("{}x", &good[..good.len() - 1]);
    let look =
        |header: &str| Ask::new(server.http(), "GET", "/api/v1/skus").header("authorization", header).send();
    for bad in [&expired, &forged, &expired] {
        assert_eq!(look(bad).word(), "WRONGPASS");
    }
    for bad in [&expired, &forged] {
        let answer = look(bad);
        assert_eq!((answer.status, answer.word()), (429, "RATELIMITED".to_owned()));
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    }
    retry_ms(&Client::connect(server.tcp()).ask(&format!("AUTH token {}", &forged["Bearer ".len()..])));
    retry_ms(&Client::connect(server.tcp()).ask("AUTH admin admin-secret"));
    assert_eq!(look(&good).status, 200);
    as_buyer(server.tcp(), "ann");
}

#[test]
fn commands_beyond_the_rate_of_an_address_are_refused_one_by_one() {
    let server = Server::start_with(|config| config.limits.requests_per_second_per_address = 2);
    let mut client = server.client();
    let replies = client.pipeline(&["PING"; 40]);
    assert_eq!(replies[..2], ["PONG", "PONG"]);
    assert!(retry_ms(&replies[39]) <= 1_000);
    until("the rate to recover", || client.ask("PING"), |reply| reply == "PONG");
    // What is no command costs as much.
    retry_ms(&client.pipeline(&["NO.SUCH"; 40])[39]);
    until("a page", || get(server.http(), "/status", "").status, |status| *status == 200);
    until("a page to be refused", || get(server.http(), "/status", "").status, |status| *status == 429);
    assert_eq!(get(server.http(), "/livez", "").status, 200, "health costs nothing");
}

#[test]
fn every_http_request_costs_its_address_one_whatever_becomes_of_it() {
    let server = Server::start_with(|config| config.limits.requests_per_second_per_address = 2);
    let malformed = Ask::new(server.http(), "POST", "/api/v1/skus/lamp/pause").key("r-1").body("{");
    assert_eq!(malformed.send().status, 400);
    until("a malformed body to be refused", || malformed.send().status, |status| *status == 429);
    for (path, usual) in [
        ("/nothing", 404),
        ("/asyncapi.json", 200),
        ("/api/openapi.json", 200),
        ("/api/docs/", 200),
        ("/api/v1/nothing", 404),
        ("/pages/page.js", 200),
        ("/ws", 426),
    ] {
        until(path, || get(server.http(), path, "").status, |status| *status == usual);
        until(path, || get(server.http(), path, "").status, |status| *status == 429);
    }
    assert_eq!(get(server.http(), "/livez", "").status, 200, "health costs nothing");
}

#[test]
fn a_page_of_a_list_is_one_request_however_much_is_on_it() {
    let server = Server::start_with(|config| {
        with_users(config);
        config.limits.requests_per_second_per_address = 20;
        config.limits.requests_per_second_per_user = 2;
    });
    as_user(server.tcp(), "admin").says(&format!("SKU.PUT lamp {}", document(10, 1250, "")), "[CREATED]");
    let page = Ask::new(server.http(), "GET", "/api/v1/skus/lamp/orders?limit=200")
        .header("authorization", "Bearer storefront:storefront-secret");
    let first = page.send();
    assert_eq!((first.status, first.json()["items"].as_array().unwrap().len()), (200, 0), "{first:?}");
    until("the user's own rate", || page.send().status, |status| *status == 429);
    until("the rate to recover", || page.send().status, |status| *status == 200);
}

#[test]
fn commands_beyond_the_rate_of_a_user_are_refused_and_others_go_on() {
    let server = Server::start_with(|config| {
        with_users(config);
        config.limits.requests_per_second_per_user = 3;
    });
    let mut shop = as_user(server.tcp(), "storefront");
    let replies = shop.pipeline(&["SKU.GET lamp"; 40]);
    assert_eq!(replies[..3], ["nil", "nil", "nil"]);
    assert!(replies[39].starts_with("-RATELIMITED retry_ms="), "{}", replies[39]);
    as_user(server.tcp(), "observer").says("REPORT lamp", "nil");
}

#[test]
fn what_a_websocket_asks_costs_the_same_whatever_it_is() {
    let server = Server::start_with(|config| config.limits.requests_per_second_per_address = 2);
    // One for all: to connect costs something too.
    let mut socket = Socket::connect(server.http());
    for call in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "auth", "params": {"token": "none"}}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "unsubscribe"}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "sku.get", "params": {"sku": "lamp"}}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "no.such"}),
        json!("no request"),
        json!({"jsonrpc": "2.0", "id": 1, "method": "sku.get", "params": {"nope": 1}}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "auth"}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {"channels": ["nope"]}}),
    ] {
        socket.send(&json!(vec![&call; 40]));
        let answers = socket.receive();
        let last = &answers[39]["error"]["data"];
        assert_eq!(last["code"], "RATELIMITED", "{call}: {answers}");
        assert!(last["retry_ms"].as_u64().unwrap() <= 1_000, "{last}");
    }
}

#[test]
fn one_address_may_not_take_all_connections() {
    let server = Server::start_with(|config| config.limits.max_connections_per_address = 2);
    let (mut one, two) = (server.client(), server.client());
    one.says("PING", "PONG");
    until(
        "a third connection to be refused",
        || server.client().rest_or_pong(),
        |said| said.contains("limits.max_connections_per_address"),
    );
    drop(two);
    until("a place to be free", || server.client().rest_or_pong(), |said| said == "PONG");
}

/// A connection to the HTTP door that stays.
fn visit(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Asks for a page and does not go: the status and the answer, or why there is none.
fn ask(socket: &mut TcpStream, path: &str) -> Result<(u16, String), std::io::Error> {
    write!(socket, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")?;
    let mut answer = String::new();
    let mut bytes = [0; 4_096];
    loop {
        let whole = answer.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            length.is_some_and(|length| body.len() >= length.parse::<usize>().unwrap())
        });
        if whole {
            return Ok((answer.split(' ').nth(1).unwrap().parse().unwrap(), answer));
        }
        match socket.read(&mut bytes)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => answer.push_str(std::str::from_utf8(&bytes[..read]).unwrap()),
        }
    }
}

#[test]
fn an_http_connection_without_a_place_is_told_so_and_health_is_answered() {
    let server = Server::start_with(|config| config.http.max_connections = 2);
    let mut guests = [visit(server.http()), visit(server.http())];
    for guest in &mut guests {
        assert_eq!(ask(guest, "/asyncapi.json").unwrap().0, 200);
    }
    let mut late = visit(server.http());
    let (status, answer) = ask(&mut late, "/status").unwrap();
    assert!(
        status == 503 && answer.contains("OVERLOADED") && answer.contains("http.max_connections"),
        "{answer}"
    );
    assert!(answer.contains("retry-after: 1\r\n") && answer.contains("connection: close\r\n"), "{answer}");
    assert_eq!(late.read(&mut [0]).unwrap(), 0, "it is closed");
    let (status, answer) = ask(&mut visit(server.http()), "/livez").unwrap();
    assert!(status == 200 && answer.contains("connection: close\r\n"), "{answer}");
    // WebSockets have a limit of their own, and give their places back.
    let _sockets: Vec<Socket> = (0..3).map(|_| Socket::connect(server.http())).collect();
    assert_eq!(ask(&mut guests[0], "/status").unwrap().0, 200, "who has a place keeps it");
    drop(guests);
    let _sockets: Vec<Socket> = (0..3).map(|_| Socket::connect(server.http())).collect();
    until(
        "a place to be free",
        || ask(&mut visit(server.http()), "/status").unwrap().0,
        |status| *status == 200,
    );
}

#[test]
fn a_thousand_silent_connections_keep_nobody_out() {
    let server = Server::start_with(|config| config.http.max_connections = 2);
    let silent: Vec<TcpStream> = (0..1_000).map(|_| visit(server.http())).collect();
    for _ in 0..3 {
        assert_eq!(get(server.http(), "/status", "").status, 200);
    }
    let open = |server: &Server| {
        let page = get(server.http(), "/metrics", "").body;
        let line = page.lines().find_map(|line| line.strip_prefix("tidegate_http_connections ")).unwrap();
        line.parse::<f64>().unwrap()
    };
    assert!(open(&server) <= 66.0, "the older ones had to go");
    drop(silent);
    until("the others to have gone", || open(&server), |open| *open <= 2.0);
}

#[test]
fn one_address_may_not_take_all_http_connections() {
    let server = Server::start_with(|config| config.limits.max_connections_per_address = 2);
    let mut guests = [visit(server.http()), visit(server.http())];
    assert_eq!(ask(&mut guests[0], "/status").unwrap().0, 200);
    assert!(ask(&mut visit(server.http()), "/livez").is_err(), "closed at once, also the silent one counts");
    drop(guests);
    until("a place to be free", || ask(&mut visit(server.http()), "/status").ok(), Option::is_some);
}

#[test]
fn a_stranger_who_says_nothing_is_not_waited_for() {
    let server = Server::start_with(|config| {
        with_users(config);
        config.logins.timeout_ms = Duration::from_millis(700);
    });
    let mut known = as_user(server.tcp(), "storefront");
    let closed = ["-NOAUTH closed: not authenticated within 700 ms (logins.timeout_ms)"];
    assert_eq!(Client::connect(server.tcp()).rest(), closed);
    // Half a command does not buy more time than a whole one.
    let mut dripping = Client::connect(server.tcp());
    dripping.write(b"*2\r\n$4\r\nAU").unwrap();
    assert_eq!(dripping.rest(), closed);
    known.says("SKU.GET lamp", "nil");
}
