//! Connections shared by run and replay: buffered writing, reading without trees, connecting again.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tidegate_protocol::resp::ReplyError;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::client::Client;
use crate::error::LoadError;

/// A pause before a broken connection is tried again.
const RECONNECT_AFTER: Duration = Duration::from_millis(100);
/// Bytes read at once from a connection that has no more: of thousands with one request in flight, each takes so many.
const INPUT: usize = 4 << 10;
/// What comes in longer pieces is read in pieces of up to so many.
const LONG_INPUT: usize = 128 << 10;
/// A reply that does not fit makes the buffer grow up to this.
const LONGEST_INPUT: usize = 64 << 20;

/// The writing half of a connection and what it could not take yet.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    writer: Option<OwnedWriteHalf>,
    /// Commands are appended here and sent by [`Outbox::flush`].
    pub(crate) output: Vec<u8>,
    written: usize,
}

impl Outbox {
    pub(crate) fn connect(&mut self, writer: OwnedWriteHalf) {
        self.writer = Some(writer);
    }

    /// Forgets the connection and what was not sent. False if there was none.
    pub(crate) fn disconnect(&mut self) -> bool {
        self.clear();
        self.writer.take().is_some()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.writer.is_some()
    }

    /// Writes as much as the socket takes; the rest waits for the next tick or reply. An error is left to the
    /// reading half, which sees it as well.
    pub(crate) fn flush(&mut self) {
        let Some(writer) = &self.writer else { return };
        while self.written < self.output.len() {
            match writer.try_write(&self.output[self.written..]) {
                Ok(count) if count > 0 => self.written += count,
                _ => return,
            }
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.output.clear();
        self.written = 0;
    }
}

/// Somebody who is told what happens on his numbered connections.
pub(crate) trait Driven {
    /// What is sent on a connection.
    fn outbox(&mut self, line: usize) -> &mut Outbox;
    /// Fills a connection's free places with what is due; nothing if it is broken.
    fn fill(&mut self, line: usize, now_ns: u64);
    /// A connection is there (again).
    fn connected(&mut self, line: usize, writer: OwnedWriteHalf, now_ns: u64) {
        self.outbox(line).connect(writer);
        self.fill(line, now_ns);
        self.outbox(line).flush();
    }
    /// A connection broke.
    fn disconnected(&mut self, line: usize);
    /// Takes every complete reply from `input` and returns the bytes used. After an error the connection is given
    /// up.
    fn received(&mut self, line: usize, input: &[u8], now_ns: u64) -> Result<usize, ReplyError>;
}

/// Nanoseconds since the start of the load.
pub(crate) fn elapsed_ns(started: Instant) -> u64 {
    started.elapsed().as_nanos() as u64
}

/// A connection as its two halves.
pub(crate) type Halves = (OwnedReadHalf, OwnedWriteHalf);

/// Opens connections to a server that is ready.
pub(crate) async fn open(target: &str, connections: usize) -> Result<Vec<Halves>, LoadError> {
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(Client::connect_ready(target).await?.into_stream().into_split());
    }
    Ok(opened)
}

/// Reads one connection for ever, and connects it again when it breaks.
pub(crate) async fn drive<D: Driven>(
    target: String,
    driven: Rc<RefCell<D>>,
    line: usize,
    mut reader: OwnedReadHalf,
    started: Instant,
) {
    loop {
        read_all(&driven, line, &mut reader, started).await;
        driven.borrow_mut().disconnected(line);
        reader = loop {
            tokio::time::sleep(RECONNECT_AFTER).await;
            if let Ok(client) = Client::connect_ready(&target).await {
                let (reader, writer) = client.into_stream().into_split();
                driven.borrow_mut().connected(line, writer, elapsed_ns(started));
                break reader;
            }
        };
    }
}

/// Returns when the connection is broken or does not speak RESP.
async fn read_all<D: Driven>(driven: &RefCell<D>, line: usize, reader: &mut OwnedReadHalf, started: Instant) {
    let mut input = vec![0; INPUT];
    let mut filled = 0;
    loop {
        match reader.read(&mut input[filled..]).await {
            Ok(count) if count > 0 => filled += count,
            _ => return,
        }
        let has_more = filled == input.len();
        match driven.borrow_mut().received(line, &input[..filled], elapsed_ns(started)) {
            Ok(used) => {
                input.copy_within(used..filled, 0);
                filled -= used;
            }
            Err(_) => return,
        }
        if filled >= LONGEST_INPUT {
            return;
        }
        if filled == input.len() || has_more && input.len() < LONG_INPUT {
            input.resize(input.len() * 2, 0);
        }
    }
}
