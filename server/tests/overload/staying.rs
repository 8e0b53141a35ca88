//! Clients that read a long answer and stay: what it took to answer them is not kept for them.

use std::time::Duration;

use serde_json::json;
use tidegate_protocol::resp::decode_reply;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::crowd::{Member, command, write};
use super::deaf::{CHAIN_BYTES, put_chain, text};
use super::doors::upgrade;
use super::siege::{PER_CONNECTION, Siege, Size};

/// How many SKUs are asked for at once, each of 40 KB and more.
const SKUS: usize = 45;
const BUFFER: u64 = 2 << 20;
const POOL: u64 = 8 << 20;

/// The buffers of one answer, in its forms and as they grow, for each processor: so many answers are made at once.
fn answering() -> u64 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u64) * 20 * BUFFER
}

fn besieged(name: &'static str) -> Siege {
    let siege = Siege::begin(name, "[limits]\noutput_buffer_bytes = 2097152\noutput_pool_bytes = 8388608");
    put_chain(&mut siege.client());
    siege
}

fn websockets() -> usize {
    60 * Size::of_this_run().times
}

/// What one of these is answered takes half as much, and is soon answered.
fn connections() -> usize {
    240 * Size::of_this_run().times
}

/// One has its answer, of so many bytes, and stays, if that is all of it. Else it was refused, for the pool is empty,
/// and leaves the others their turn.
async fn stay_with(length: usize, member: &Member, count: usize) {
    if length < SKUS * CHAIN_BYTES {
        member.note("refused");
        return sleep(Duration::from_millis(50)).await;
    }
    if member.next_number() + 1 == count as u64 {
        member.note("all stay");
    }
    sleep(Duration::from_secs(3600)).await;
}

#[test]
fn who_reads_a_long_answer_over_a_websocket_and_stays_costs_no_more_for_it() {
    let mut siege = besieged("WebSockets that read a long answer and stay");
    siege.storm(websockets(), &["all stay"], async |member: Member| {
        let Some(mut stream) = member.connect(member.http).await else { return };
        upgrade(&mut stream).await;
        let asks =
            json!({"jsonrpc": "2.0", "id": 1, "method": "sku.mget", "params": {"skus": vec!["chain"; SKUS]}});
        write(&mut stream, &text(&asks)).await;
        match message(&mut stream).await {
            Ok(length) => stay_with(length, &member, websockets()).await,
            Err(_) => member.note("closed"),
        }
    });
    siege.lift(websockets() as u64 * PER_CONNECTION + 2 * POOL + answering());
}

#[test]
fn who_reads_a_long_answer_over_tcp_and_stays_costs_no_more_for_it() {
    let mut siege = besieged("connections that read a long answer and stay");
    siege.storm(connections(), &["all stay"], async |member: Member| {
        let Some(mut stream) = member.connect(member.tcp).await else { return };
        write(&mut stream, &command(&format!("SKU.MGET{}", " chain".repeat(SKUS)))).await;
        let mut heard = Vec::new();
        while let Ok(None) = decode_reply(&heard) {
            if !matches!(stream.read_buf(&mut heard).await, Ok(1..)) {
                return member.note("closed");
            }
        }
        stay_with(heard.len(), &member, connections()).await;
    });
    siege.lift(connections() as u64 * PER_CONNECTION + POOL);
}

/// Takes a message of the server, in however many frames it comes: how long it was.
async fn message(stream: &mut TcpStream) -> std::io::Result<usize> {
    let mut length = 0;
    loop {
        let [first, second] = [stream.read_u8().await?, stream.read_u8().await?];
        let bytes = match second {
            126 => usize::from(stream.read_u16().await?),
            127 => usize::try_from(stream.read_u64().await?).unwrap(),
            bytes => usize::from(bytes),
        };
        stream.read_exact(&mut vec![0; bytes]).await?;
        length += bytes;
        // The last frame of a message says so.
        if first & 0x80 != 0 {
            return Ok(length);
        }
    }
}
