//! Clients that begin something and take their time.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::crowd::{Member, write};
use super::doors::upgrade;
use super::siege::{PER_CONNECTION, Siege, Size};

/// Between two bytes of somebody who takes his time.
const DRIP: Duration = Duration::from_millis(20);

/// Sends a byte now and then, until the server has had enough and says why.
async fn drip(member: &Member, what: &str, stream: TcpStream) {
    let (mut reader, mut writer) = stream.into_split();
    let dripping = async {
        while writer.write_all(b"x").await.is_ok() {
            sleep(DRIP).await;
        }
        // What was said before the end may still be read.
        std::future::pending().await
    };
    tokio::select! {
        () = dripping => {}
        () = member.listen(what, &mut reader) => {}
    }
}

#[test]
fn commands_that_come_byte_by_byte_are_not_waited_for() {
    let count = 200 * Size::of_this_run().times;
    let mut siege = Siege::begin("commands in drops", "");
    siege.storm(
        count,
        &["-ERR Protocol error: the rest of a command did not come"],
        async |member: Member| {
            let Some(mut stream) = member.connect(member.tcp).await else { return };
            write(&mut stream, b"*2\r\n$4\r\nECHO\r\n$60000\r\n").await;
            if member.number.is_multiple_of(2) {
                // Most of it at once: the server has to keep that.
                write(&mut stream, &[b'x'; 50_000]).await;
            }
            drip(&member, "", stream).await;
        },
    );
    siege.lift(count as u64 * PER_CONNECTION);
}

#[test]
fn requests_and_messages_that_come_byte_by_byte_are_not_waited_for() {
    let count = 90 * Size::of_this_run().times;
    // A third of them say nothing whole, and go before others when there is no place.
    let places = 64 * Size::of_this_run().times;
    let mut siege = Siege::begin(
        "HTTP requests and WebSocket messages in drops",
        &format!("[http]\nmax_connections = {places}\n[ws]\nping_ms = 500\npong_timeout_ms = 500"),
    );
    siege.storm(count, &["head: HTTP/1.1 408", "body: HTTP/1.1 408", "message: closed"], async |member: Member| {
        let Some(mut stream) = member.connect(member.http).await else { return };
        let what = match member.number % 3 {
            0 => {
                write(&mut stream, b"GET /status HTTP/1.1\r\nhost: ").await;
                "head: "
            }
            1 => {
                let head = "POST /api/v1/skus/lamp/pause HTTP/1.1\r\nhost: 127.0.0.1\r\nidempotency-key: r\r\n\
                            content-type: application/json\r\ncontent-length: 60000\r\n\r\n";
                write(&mut stream, head.as_bytes()).await;
                "body: "
            }
            _ => {
                upgrade(&mut stream).await;
                // A text of 100,000 bytes, masked with nothing, most of which is here.
                let head = [0x81, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa0, 0, 0, 0, 0];
                write(&mut stream, &[&head[..], &[b' '; 90_000]].concat()).await;
                "message: "
            }
        };
        drip(&member, what, stream).await;
    });
    siege.lift(count as u64 * PER_CONNECTION);
}
