//! One connection: read what is there, answer all of it, read again.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tidegate_protocol::resp::{FramingError, Limits, RequestDecoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Edge;
use super::batch::Batch;
use super::client::Guest;
use super::ended::Ended;
use super::session::Session;
use crate::metrics::Recorder;

/// What a connection's read buffer begins with; it grows to `limits.read_buffer_bytes` when that is used.
const FIRST_READ: usize = 4 << 10;

/// After a broken frame, as much of what the client still sends is taken off the socket, for as long.
const LINGER_BYTES: usize = 1 << 20;
const LINGER: Duration = Duration::from_millis(500);

/// The largest buffer that a connection keeps without needing it, in bytes.
pub(super) const KEPT_BYTES: usize = 64 << 10;

/// Serves one connection to its end. Nothing it does can fail for anybody else.
pub(super) async fn serve(
    stream: TcpStream,
    guest: Guest,
    edge: Arc<Edge>,
    recorder: Arc<Recorder>,
    stopped: watch::Receiver<bool>,
) {
    let limits =
        Limits { max_command_bytes: edge.limits.max_command_bytes, max_arguments: edge.limits.max_arguments };
    let mut connection = Connection {
        stream,
        session: Session::new(guest),
        decoder: RequestDecoder::new(limits),
        input: BytesMut::with_capacity(FIRST_READ),
        room: FIRST_READ,
        last_read: 0,
        output: Vec::new(),
        batch: Batch::new(Arc::clone(&edge), recorder),
        half_since: None,
        edge,
        stopped,
    };
    let ended = connection.run().await.unwrap_or_else(|error| {
        tracing::debug!(client = connection.session.id(), %error, "connection ended");
        // The system's own timeout has a number: that is a peer that is gone without a word.
        let unread = error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none();
        if unread { Ended::Unread } else { Ended::Broken }
    });
    connection.session.ended(ended);
}

struct Connection {
    stream: TcpStream,
    session: Session,
    decoder: RequestDecoder,
    input: BytesMut,
    /// What the input is made ready to take in one read.
    room: usize,
    /// Bytes that the last read brought.
    last_read: usize,
    output: Vec<u8>,
    batch: Batch,
    /// Since when the input begins with the same half of a command.
    half_since: Option<Instant>,
    edge: Arc<Edge>,
    stopped: watch::Receiver<bool>,
}

/// Why reading ended.
enum Read {
    Bytes,
    /// The client closed.
    End,
    /// The rest of a command did not come in time.
    Late,
    /// The server stops, and nothing more was sent.
    Stop,
}

/// What becomes of the connection.
enum Next {
    GoOn,
    Close(Ended),
    /// Close, although the client may still be sending.
    CloseEarly(Ended),
}

impl Connection {
    async fn run(&mut self) -> io::Result<Ended> {
        loop {
            // Looked at before the read, which then brings what was sent by now. Whoever never stops sending must
            // not keep the server from stopping.
            let stopping = *self.stopped.borrow();
            let next = match self.read().await? {
                Read::Bytes => self.answer().await?,
                Read::End => Next::Close(Ended::Client),
                Read::Stop => Next::Close(Ended::Stop),
                Read::Late => {
                    let patience = self.edge.limits.partial_command_timeout_ms;
                    self.session.write_late(patience, &mut self.output);
                    self.write().await?;
                    Next::CloseEarly(Ended::Late)
                }
            };
            let ended = match next {
                Next::GoOn if !stopping => continue,
                Next::GoOn => Ended::Stop,
                Next::Close(ended) => ended,
                Next::CloseEarly(ended) => {
                    self.close_early().await?;
                    return Ok(ended);
                }
            };
            self.stream.shutdown().await?;
            return Ok(ended);
        }
    }

    /// Closing over bytes that nobody read resets the connection, and the client may never see why. So they are
    /// read, within bounds, and thrown away.
    async fn close_early(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let discard = async {
            let mut left = LINGER_BYTES;
            while left > 0 {
                self.input.clear();
                match self.stream.read_buf(&mut self.input).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => left = left.saturating_sub(read),
                }
            }
        };
        // In time or not: it is closed now.
        let _ = tokio::time::timeout(LINGER, discard).await;
        Ok(())
    }

    async fn read(&mut self) -> io::Result<Read> {
        // A pipelining client gets a larger buffer each time it fills one, an idle one stays small.
        if self.input.capacity() - self.input.len() < self.room / 2 {
            self.input.reserve(self.room);
        }
        // Only half a command is waited for with impatience; an idle connection may stay.
        let patience = match self.half_since {
            None => None,
            Some(since) => match self.edge.limits.partial_command_timeout_ms.checked_sub(since.elapsed()) {
                None => return Ok(Read::Late),
                left => left,
            },
        };
        let read = async {
            let reading = self.stream.read_buf(&mut self.input);
            match patience {
                None => Ok(reading.await),
                Some(patience) => tokio::time::timeout(patience, reading).await,
            }
        };
        tokio::select! {
            biased;
            read = read => match read {
                Ok(Ok(0)) => Ok(Read::End),
                Ok(Ok(bytes)) => {
                    self.last_read = bytes;
                    if self.input.len() == self.input.capacity() {
                        self.room = (2 * self.room).min(self.edge.limits.read_buffer_bytes);
                    }
                    Ok(Read::Bytes)
                }
                Ok(Err(error)) => Err(error),
                Err(_) => Ok(Read::Late),
            },
            _ = self.stopped.changed() => Ok(Read::Stop),
        }
    }

    /// Answers every complete command in the input.
    async fn answer(&mut self) -> io::Result<Next> {
        loop {
            let since = Instant::now();
            let filled = self.fill();
            let (taken, framing) = match filled {
                Ok(0) => {
                    // The clock of a half command runs until the command is whole, however many reads that takes.
                    let half = (!self.input.is_empty()).then_some(since);
                    self.half_since = half.and(self.half_since.or(half));
                    return Ok(Next::GoOn);
                }
                Ok(taken) => (taken, None),
                Err((taken, error)) => (taken, Some(error)),
            };
            self.input.advance(taken);
            self.half_since = None;
            self.batch.visit().await;
            let most = self.edge.limits.output_buffer_bytes;
            let mut written = 0;
            while !self.batch.put_together(since, most, &mut self.output) {
                written += self.write().await?;
            }
            if let Some(error) = &framing {
                if matches!(error, FramingError::HttpRequest) {
                    tracing::warn!(client = self.session.id(), "closed: {error}");
                }
                // A fixed text, and the connection ends: a web page can't smuggle commands in (CVE-2016-10517).
                self.session.write_framing_error(error, &mut self.output);
            }
            written += self.write().await?;
            self.batch.written(taken, written);
            if framing.is_some() {
                return Ok(Next::CloseEarly(Ended::BadFrame));
            }
            if self.session.is_over() {
                return Ok(Next::Close(Ended::Quit));
            }
        }
    }

    /// Decodes commands into the batch: how many bytes they took, and what ended it if that was no command.
    fn fill(&mut self) -> Result<usize, (usize, FramingError)> {
        let mut taken = 0;
        for _ in 0..self.edge.limits.max_batch_commands {
            match self.decoder.decode(&self.input[taken..]) {
                Ok(None) => break,
                Ok(Some(request)) => {
                    if !request.args.is_empty() && !self.batch.add(request.args, &mut self.session) {
                        break;
                    }
                    taken += request.consumed;
                }
                Err(error) => return Err((taken, error)),
            }
            // Replies that are ready count too, so that a batch of large ones can't pile up.
            if self.session.is_over() || self.batch.ready_bytes() > self.edge.limits.output_buffer_bytes {
                break;
            }
        }
        Ok(taken)
    }

    /// Writes what there is, and says how many bytes that was.
    async fn write(&mut self) -> io::Result<usize> {
        let bytes = self.output.len();
        let writing = self.stream.write_all(&self.output);
        // A client that does not read what it asked for is not waited for.
        match tokio::time::timeout(self.edge.limits.partial_command_timeout_ms, writing).await {
            Ok(written) => written?,
            Err(_) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its replies"));
            }
        }
        self.give_back();
        Ok(bytes)
    }

    /// Keeps no large buffer that the last batch did not need: one burst must not cost memory for as long as the
    /// connection lives.
    fn give_back(&mut self) {
        if self.output.capacity() > KEPT_BYTES.max(2 * self.output.len()) {
            self.output = Vec::new();
        }
        self.output.clear();
        if self.input.is_empty() && self.input.capacity() > KEPT_BYTES.max(4 * self.last_read) {
            self.input = BytesMut::with_capacity(FIRST_READ);
            self.room = FIRST_READ;
        }
    }
}
