//! What is lent for an answer is counted for as long as the answer is there: until its client has taken it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use serde_json::json;
use tidegate_server::config::Config;

use super::crowd::command;
use super::deaf::put_chain;
use crate::common::{Ask, Exposition, PATIENCE, Server, Socket, narrow, until};

/// So many SKUs in one answer that it takes four megabytes and more, which no buffer of the system takes for a client that reads
/// nothing. A second question would be lent for anyhow, beside the first.
const SKUS: usize = 200;
/// Bytes of the pool that one such answer takes, at least. What is put together of it without being lent first takes four megabytes.
const LEAST: f64 = 6.0 * 1024.0 * 1024.0;

fn server() -> Server {
    let server = Server::start_with(|config: &mut Config| {
        config.limits.output_buffer_bytes = 8 << 20;
        config.ws.write_timeout_ms = PATIENCE;
    });
    put_chain(&mut server.client());
    server
}

fn lent(server: &Server) -> f64 {
    let page = Ask::new(server.http(), "GET", "/metrics").send().body;
    Exposition::parse(&page).sample("tidegate_output_pool_bytes")
}

/// Nobody takes the answers: they wait, and what was lent for them stays lent. Once they are taken it comes back.
fn is_lent_until_taken(server: &Server, stream: &mut TcpStream) {
    // Until no buffer takes more it may go back and be lent again.
    let stays = || (0..100).all(|_| lent(server) >= LEAST);
    until("what is lent for an answer that waits", stays, |stays| *stays);
    let mut reader = stream.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(1..) = reader.read(&mut bytes) {}
    });
    until("what was lent to come back", || lent(server), |bytes| *bytes == 0.0);
    stream.shutdown(Shutdown::Both).unwrap();
    reader.join().unwrap();
}

#[test]
fn what_an_array_of_skus_takes_is_lent_until_its_client_has_taken_it() {
    let server = server();
    let mut stream = narrow(server.tcp());
    let asks = command(&format!("SKU.MGET{}", " chain".repeat(SKUS)));
    stream.write_all(&asks).unwrap();
    is_lent_until_taken(&server, &mut stream);
}

#[test]
fn what_a_message_of_a_websocket_takes_is_lent_until_its_client_has_taken_it() {
    let server = server();
    let mut socket = Socket::connect_narrow(server.http());
    let asks =
        json!({"jsonrpc": "2.0", "id": 1, "method": "sku.mget", "params": {"skus": vec!["chain"; SKUS]}});
    socket.send(&asks);
    is_lent_until_taken(&server, socket.stream());
}
