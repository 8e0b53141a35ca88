//! The same sale by every door, from one table of cases.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

mod common;

use common::door::{Door, Resp};
use common::http_door::Http;
use common::{Server, Socket, story};

/// Plays the story at a door of a new server, and makes sure that it told all there is to tell.
fn plays_at(open: impl FnOnce(&Server) -> Box<dyn Door>) {
    let server = Server::start();
    let mut door = open(&server);
    let mut seen = Vec::new();
    story::play(&mut *door, &mut |method, _, came| seen.push((method.to_owned(), came.clone())));
    assert_eq!(story::unseen(&seen), [""; 0], "the command table names more than the story shows");
}

#[test]
fn over_tcp() {
    plays_at(|server| Box::new(Resp::connect(server)));
}

#[test]
fn over_http() {
    plays_at(|server| Box::new(Http::connect(server)));
}

#[test]
fn over_websocket() {
    plays_at(|server| Box::new(Socket::connect(server.http())));
}
