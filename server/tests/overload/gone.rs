//! Clients that are gone without a word: a machine without power, a cut cable. Their sockets are made deaf by a filter that
//! throws away all that comes, so that not even their system confirms or answers anything.

use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use serde_json::json;
use socket2::{SockFilter, SockRef};

use super::siege::{PER_CONNECTION, Siege, Size};
use crate::common::{Client, Socket, until};

/// `BPF_RET | BPF_K` of nothing: no byte of any packet is let through.
const NOTHING: SockFilter = SockFilter::new(0x06, 0, 0, 0);

/// From here on the client is gone; the server has not been told.
fn vanish(stream: &TcpStream) {
    SockRef::from(stream).attach_filter(&[NOTHING]).unwrap();
}

/// A client that was there: idle, or waiting for news.
fn guest((tcp, http): (SocketAddr, SocketAddr), number: usize) -> TcpStream {
    match number % 4 {
        0 => {
            let mut socket = Socket::connect(http);
            socket.call("subscribe", json!({"channels": ["stock:{lamp}", "price:{lamp}"]})).unwrap();
            socket.stream().try_clone().unwrap()
        }
        1 => {
            let mut client = Client::connect(tcp);
            client.ask("SUBSCRIBE stock:{lamp}");
            client.stream()
        }
        2 => {
            let mut client = Client::connect(tcp);
            client.send("XREAD BLOCK 0 STREAMS orders $");
            client.stream()
        }
        _ => {
            let mut client = Client::connect(tcp);
            client.says("PING", "PONG");
            client.stream()
        }
    }
}

#[test]
fn the_places_of_those_who_are_gone_without_a_word_are_given_to_others() {
    let count = 40 * Size::of_this_run().times;
    let mut siege = Siege::begin(
        "clients that are gone without a word",
        &format!(
            "[tcp]\nkeepalive_ms = 1000\n[ws]\nping_ms = 500\npong_timeout_ms = 500\n\
             [limits]\nmax_connections = {}",
            count + 1
        ),
    );
    let doors = siege.doors();
    // With the seller, they have all the places.
    let guests: Vec<TcpStream> = (0..count).map(|number| guest(doors, number)).collect();
    let said = Client::connect(doors.0).rest_or_pong();
    assert!(said.contains("limits.max_connections"), "{said}");
    siege.weather(|| {
        guests.iter().for_each(vanish);
        let mut others = 0;
        let mut held = Vec::new();
        // Nobody among these goes either.
        until(
            "all places to be free again",
            || {
                let mut other = Client::connect(doors.0);
                if other.rest_or_pong() == "PONG" {
                    others += 1;
                    held.push(other);
                }
                others
            },
            |others| *others == count,
        );
        Instant::now()
    });
    drop(guests);
    siege.lift(count as u64 * PER_CONNECTION);
}
