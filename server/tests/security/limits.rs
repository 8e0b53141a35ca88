//! Too many failures, too many commands, too many connections, too slow.

use std::time::Duration;

use serde_json::json;

use super::people::{as_user, get, with_users};
use crate::common::{Client, Server, Socket, until};

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
    for call in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "auth", "params": {"token": "none"}}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "unsubscribe"}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "sku.get", "params": {"sku": "lamp"}}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "no.such"}),
        json!("no request"),
    ] {
        let mut socket = Socket::connect(server.http());
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
