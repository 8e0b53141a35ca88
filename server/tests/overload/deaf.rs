//! Clients that ask and never read: the server keeps what one of them may have, and not more.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::crowd::{Member, command, write};
use super::doors::upgrade;
use super::siege::{PER_CONNECTION, PER_WEBSOCKET, Siege, Size};
use crate::common::{Client, Server, show, until};

/// Sends this for as long as the server takes it, and reads nothing.
async fn ask_for_ever(member: &Member, stream: &mut TcpStream, asks: &[u8]) {
    while write(stream, asks).await {}
    member.note("cut off");
}

/// A text message of a client.
pub(crate) fn text(message: &serde_json::Value) -> Vec<u8> {
    let text = message.to_string();
    let mut frame = match u16::try_from(text.len()) {
        Ok(length) => [&[0x81, 0x80 | 126][..], &length.to_be_bytes()].concat(),
        Err(_) => [&[0x81, 0x80 | 127][..], &(text.len() as u64).to_be_bytes()].concat(),
    };
    // The mask is nothing.
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// As many bytes, at least, as the SKU that [`put_chain`] puts takes to show.
pub(crate) const CHAIN_BYTES: usize = 20_000;

/// Puts a SKU that takes 40 KB to show, so that a few bytes ask for many.
pub(crate) fn put_chain(client: &mut Client) {
    let store = |at: u32| json!({"id": format!("store-{at}"), "lat": 31.2, "lon": 121.4, "stock": 1});
    let stores: Vec<_> = (0..900).map(store).collect();
    let document = json!({"title": "Chain", "currency": "GBP", "price": {"fixed": 1}, "stores": stores});
    client.says(&format!("SKU.PUT chain {document}"), "[CREATED]");
}

#[test]
fn who_never_reads_replies_is_cut_off_and_costs_what_one_may() {
    let count = 48 * Size::of_this_run().times;
    let mut siege = Siege::begin("pipelines that nobody reads", "");
    put_chain(&mut siege.client());
    siege.storm(count, &["cut off"], async |member: Member| {
        let Some(mut stream) = member.connect_narrow(member.tcp).await else { return };
        ask_for_ever(&member, &mut stream, &command("SKU.GET chain").repeat(1_000)).await;
    });
    siege.lift(count as u64 * PER_CONNECTION);
}

#[test]
fn who_never_reads_cannot_take_for_each_connection_what_one_alone_might() {
    const POOL: u64 = 8 << 20;
    let count = 48 * Size::of_this_run().times;
    let mut siege = Siege::begin(
        "pipelines that nobody reads, with large buffers",
        "[limits]\noutput_buffer_bytes = 4194304\noutput_pool_bytes = 8388608\nmax_batch_commands = 1024",
    );
    put_chain(&mut siege.client());
    siege.storm(count, &["cut off"], async |member: Member| {
        let Some(mut stream) = member.connect_narrow(member.tcp).await else { return };
        // Or as much of the feed as there is.
        let asks = match member.number % 8 {
            0 => "XRANGE orders - +".to_owned(),
            // One reply of three megabytes.
            1 => format!("SKU.MGET{}", " chain".repeat(80)),
            _ => "SKU.GET chain".to_owned(),
        };
        ask_for_ever(&member, &mut stream, &command(&asks).repeat(1_000)).await;
    });
    siege.lift(count as u64 * PER_CONNECTION + POOL);
}

#[test]
fn who_never_reads_its_websocket_is_cut_off_and_costs_what_one_may() {
    let count = 24 * Size::of_this_run().times;
    let mut siege = Siege::begin("WebSockets that nobody reads", "");
    siege.storm(count, &["cut off"], async |member: Member| {
        let Some(mut stream) = member.connect_narrow(member.http).await else { return };
        upgrade(&mut stream).await;
        let skus = vec!["lamp"; 100];
        let asks = json!({"jsonrpc": "2.0", "id": 1, "method": "sku.mget", "params": {"skus": skus}});
        ask_for_ever(&member, &mut stream, &text(&asks).repeat(100)).await;
    });
    siege.lift(count as u64 * PER_WEBSOCKET);
}

#[test]
fn what_a_websocket_asks_behind_answers_that_it_does_not_read_takes_little_more_than_its_text() {
    let count = 160 * Size::of_this_run().times;
    let mut siege = Siege::begin("WebSockets whose long requests wait", "");
    siege.storm(count, &["cut off"], async |member: Member| {
        let Some(mut stream) = member.connect_narrow(member.http).await else { return };
        upgrade(&mut stream).await;
        let call =
            |method, params| text(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}));
        let answered_at_length = call("sku.mget", json!({"skus": vec!["lamp"; 100]})).repeat(8);
        // What comes behind it is not carried out before the answers are taken.
        let barrier = call("unsubscribe", json!({"channels": ["status"]}));
        // As much as comes in one piece, so that it is read together with what is in front of it.
        let waits = match member.number % 2 {
            // In vain, but as JSON it takes most.
            0 => call("sku.mget", json!({"skus": vec![json!({"": 0}); 6_500]})),
            _ => {
                let one = json!({"jsonrpc": "2.0", "id": 1, "method": "sku.mget", "params": {"skus": vec!["a"; 1_000]}});
                text(&json!(vec![one; 12]))
            }
        };
        ask_for_ever(&member, &mut stream, &[answered_at_length, barrier, waits].concat()).await;
    });
    siege.lift(count as u64 * PER_WEBSOCKET);
}

#[test]
fn who_never_reads_its_websocket_cannot_take_what_one_alone_might() {
    const BUFFER: u64 = 1 << 20;
    const POOL: u64 = 4 << 20;
    let count = 24 * Size::of_this_run().times;
    let mut siege = Siege::begin(
        "WebSockets that nobody reads, with large buffers",
        "[limits]\noutput_buffer_bytes = 1048576\noutput_pool_bytes = 4194304",
    );
    put_chain(&mut siege.client());
    siege.storm(count, &["cut off"], async |member: Member| {
        let Some(mut stream) = member.connect_narrow(member.http).await else { return };
        upgrade(&mut stream).await;
        let one = json!({"jsonrpc": "2.0", "id": 1, "method": "sku.get", "params": {"sku": "chain"}});
        let asks = match member.number % 3 {
            0 => one,
            // One message as long as may be: one reply, or many.
            1 => json!({"jsonrpc": "2.0", "id": 1, "method": "sku.mget", "params": {"skus": vec!["chain"; 25]}}),
            _ => json!(vec![one; 50]),
        };
        ask_for_ever(&member, &mut stream, &text(&asks).repeat(100)).await;
    });
    // What is lent is there up to twice, on its way from one form to the next, and each processor translates one message.
    let translating = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    siege.lift(count as u64 * PER_WEBSOCKET + 2 * POOL + translating * 20 * BUFFER);
}

#[test]
fn subscribers_that_never_read_are_cut_off_while_news_pour() {
    let count = 60 * Size::of_this_run().times;
    // They are to be cut off because too much waits for them, not because they took too long.
    let mut siege = Siege::begin(
        "subscribers that never read",
        "[limits]\npartial_command_timeout_ms = 60000\n[ws]\nwrite_timeout_ms = 60000\n[push]\nqueue_length = 64\n\
         interval_ms = 1",
    );
    siege.storm(count, &["cut off"], async |member: Member| match member.number % 3 {
        // Somebody has to make the news.
        0 => {
            let Some(stream) = member.connect(member.tcp).await else { return };
            let news =
                |at: u32| command(&format!("ORDER.RESERVE lamp n-{}-{at} noisy 1", member.next_number()));
            let news: Vec<u8> = (0..200).flat_map(news).collect();
            member.ask_all(stream, &news, 200).await;
        }
        1 => {
            let Some(mut stream) = member.connect_narrow(member.tcp).await else { return };
            write(&mut stream, &command("SUBSCRIBE buyer:noisy stock:{lamp} price:{lamp} status")).await;
            give_signs_of_life(&member, &mut stream, &command("PING")).await;
        }
        _ => {
            let Some(mut stream) = member.connect_narrow(member.http).await else { return };
            upgrade(&mut stream).await;
            let channels = json!({"channels": ["buyer:noisy", "stock:{lamp}", "price:{lamp}", "status"]});
            let asks = json!({"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": channels});
            write(&mut stream, &text(&asks)).await;
            give_signs_of_life(&member, &mut stream, &[0x89, 0x80, 0, 0, 0, 0]).await;
        }
    });
    let cut = siege.metrics().sample("tidegate_push_cut_total");
    assert!(cut > 0.0, "nobody was cut off for what waits");
    siege.lift(count as u64 * PER_CONNECTION);
}

/// Shows now and then that it is there, and reads nothing.
async fn give_signs_of_life(member: &Member, stream: &mut TcpStream, sign: &[u8]) {
    while write(stream, sign).await {
        sleep(Duration::from_millis(20)).await;
    }
    member.note("cut off");
}

#[test]
fn readers_of_the_feed_that_never_read_are_cut_off() {
    let count = 48 * Size::of_this_run().times;
    let mut siege = Siege::begin("readers of the feed that never read", "");
    siege.storm(count, &["cut off"], async |member: Member| {
        let Some(mut stream) = member.connect_narrow(member.tcp).await else { return };
        let asks = match member.number % 3 {
            0 => "XRANGE orders - +",
            1 => "XREAD BLOCK 0 STREAMS orders 0",
            // Waits for what comes, and lets the rest of its commands wait.
            _ => "XREAD BLOCK 0 STREAMS orders $",
        };
        ask_for_ever(&member, &mut stream, &command(asks).repeat(1_000)).await;
    });
    siege.lift(count as u64 * PER_CONNECTION);
}

#[test]
fn who_waits_for_the_feed_sends_too_much_meanwhile_and_goes_keeps_no_place() {
    let server = Server::start();
    let mut other = server.client();
    let mut waits = server.client();
    // More than is read while nothing comes, and more than the system keeps besides.
    let asks = command("XREAD BLOCK 0 STREAMS orders $");
    let pings = command("PING").repeat(100_000);
    waits.write(&[asks, pings].concat()).unwrap();
    // It is not waited for ever for the first, so that the rest is answered.
    assert_eq!((show(&waits.reply()), show(&waits.reply())), ("nil".to_owned(), "PONG".to_owned()));
    drop(waits);
    until(
        "its place to be free",
        || other.ask("INFO clients"),
        |said| said.contains("connected_clients:1\\r"),
    );
}
