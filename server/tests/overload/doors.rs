//! More connections than there are places, at every door.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::crowd::{Member, write};
use super::siege::{PER_CONNECTION, Siege, Size};

/// How long somebody stays who was let in.
const STAY: Duration = Duration::from_millis(20);

#[test]
fn a_flood_of_connections_is_told_that_there_is_no_place() {
    let mut siege = Siege::begin("connections over TCP", "[limits]\nmax_connections = 64");
    let expected = &["-ERR max number of clients reached (limits.max_connections)", "let in"];
    siege.storm(200 * Size::of_this_run().times, expected, async |member: Member| {
        let Some(mut stream) = member.connect(member.tcp).await else { return };
        if timeout(STAY, member.listen("", &mut stream)).await.is_err() {
            member.note("let in");
        }
    });
    siege.lift(64 * PER_CONNECTION);
}

#[test]
fn a_flood_of_http_requests_is_told_that_there_is_no_place() {
    let mut siege = Siege::begin("requests over HTTP", "[http]\nmax_connections = 8");
    let expected = &["HTTP/1.1 503", "HTTP/1.1 200", "HTTP/1.1 408", "closed"];
    siege.storm(100 * Size::of_this_run().times, expected, async |member: Member| {
        let Some(mut stream) = member.connect(member.http).await else { return };
        let asks = match member.number % 4 {
            // It says nothing, so others go before it.
            0 => "",
            // It takes a place and keeps it.
            1 => {
                "POST /api/v1/skus/lamp/pause HTTP/1.1\r\nhost: 127.0.0.1\r\nidempotency-key: r\r\n\
                 content-type: application/json\r\ncontent-length: 2\r\n\r\n"
            }
            _ => "GET /status HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n",
        };
        write(&mut stream, asks.as_bytes()).await;
        member.listen("", &mut stream).await;
    });
    // As many may be open and ask nothing, and never fewer than 64.
    siege.lift((8 + 64) * PER_CONNECTION);
}

#[test]
fn a_flood_of_websockets_is_told_that_there_is_no_place() {
    let mut siege = Siege::begin("connections over WebSocket", "[ws]\nmax_connections = 16");
    siege.storm(
        100 * Size::of_this_run().times,
        &["HTTP/1.1 503", "HTTP/1.1 101"],
        async |member: Member| {
            let Some(mut stream) = member.connect(member.http).await else { return };
            let answer = upgrade(&mut stream).await;
            member.note(answer.lines().next().unwrap_or("closed"));
            if answer.contains(" 101 ") {
                sleep(STAY).await;
            }
        },
    );
    siege.lift((16 + 256 + 256) * PER_CONNECTION);
}

/// Asks for a WebSocket: the head of the answer.
pub(crate) async fn upgrade(stream: &mut tokio::net::TcpStream) -> String {
    let asks = "GET /ws HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut answer = Vec::new();
    if stream.write_all(asks.as_bytes()).await.is_ok() {
        // One byte after the other: what follows the head is not to be taken.
        while !answer.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => answer.push(byte),
                Err(_) => break,
            }
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}
