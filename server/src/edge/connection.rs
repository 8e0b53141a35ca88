//! One connection: read what is there, answer all of it, read again.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tidegate_protocol::resp::{FramingError, RequestDecoder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::Edge;
use super::batch::{Added, Batch};
use super::client::Guest;
use super::ended::Ended;
use super::session::Session;
use crate::metrics::Recorder;
use crate::pool::OWN_BYTES;

/// What a connection's read buffer begins with; it grows to `limits.read_buffer_bytes` when that is used.
const FIRST_READ: usize = 4 << 10;

/// After a broken frame, as much of what the client still sends is taken off the socket, for as long.
const LINGER_BYTES: usize = 1 << 20;
const LINGER: Duration = Duration::from_millis(500);

/// The largest buffer that a connection keeps without needing it, in bytes.
pub(super) const KEPT_BYTES: usize = 64 << 10;

/// Serves one connection to its end. Nothing it does can fail for anybody else.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    guest: Guest,
    edge: Arc<Edge>,
    recorder: Arc<Recorder>,
    stopped: watch::Receiver<bool>,
) {
    let mut connection = Connection {
        stream,
        session: Session::new(guest, &edge),
        decoder: RequestDecoder::new(edge.request_limits()),
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

/// What a client does while a command of it waits.
enum Meanwhile {
    /// It closes.
    Goes,
    /// It sends more than may be kept for later. From then on it would not be noticed that it goes.
    SendsTooMuch,
}

/// Keeps what a client sends meanwhile for later, as much as a read buffer holds.
async fn meanwhile<S: AsyncRead + Unpin>(stream: &mut S, input: &mut BytesMut, most: usize) -> Meanwhile {
    while input.len() < most {
        match stream.read_buf(input).await {
            Ok(0) | Err(_) => return Meanwhile::Goes,
            Ok(_) => {}
        }
    }
    Meanwhile::SendsTooMuch
}

/// The stream is the socket itself, or TLS over it.
struct Connection<S> {
    stream: S,
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
    /// Something is to be pushed.
    Push,
    /// The client closed.
    End,
    /// The rest of a command did not come in time.
    Late,
    /// It did not say in time who it is.
    Stranger,
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

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn run(&mut self) -> io::Result<Ended> {
        loop {
            // Looked at before the read, which then brings what was sent by now. Whoever never stops sending must
            // not keep the server from stopping.
            let stopping = *self.stopped.borrow();
            let next = match self.read().await? {
                Read::Bytes => self.answer().await?,
                Read::Push => Next::GoOn,
                Read::End => Next::Close(Ended::Client),
                Read::Stop => Next::Close(Ended::Stop),
                Read::Late => {
                    let patience = self.edge.limits.partial_command_timeout_ms;
                    self.session.write_late(patience, &mut self.output);
                    self.write().await?;
                    Next::CloseEarly(Ended::Late)
                }
                Read::Stranger => {
                    self.session.write_stranger(self.edge.security.login_timeout(), &mut self.output);
                    self.write().await?;
                    Next::CloseEarly(Ended::Stranger)
                }
            };
            if matches!(next, Next::GoOn) && !self.session.pushes().is_empty() {
                self.push().await?;
            }
            let ended = match next {
                Next::GoOn if !stopping => continue,
                Next::GoOn => Ended::Stop,
                Next::Close(ended) => ended,
                Next::CloseEarly(ended) => {
                    self.close_early().await?;
                    return Ok(ended);
                }
            };
            self.shut_down().await?;
            return Ok(ended);
        }
    }

    /// TLS has a last word to say, and the client may never take it.
    async fn shut_down(&mut self) -> io::Result<()> {
        tokio::time::timeout(LINGER, self.stream.shutdown()).await.unwrap_or(Ok(()))
    }

    /// Closing over bytes that nobody read resets the connection, and the client may never see why. So they are
    /// read, within bounds, and thrown away.
    async fn close_early(&mut self) -> io::Result<()> {
        self.shut_down().await?;
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
        // Only half a command, or a stranger, is waited for with impatience; an idle connection may stay.
        let half = self
            .half_since
            .map(|since| self.edge.limits.partial_command_timeout_ms.saturating_sub(since.elapsed()));
        let stranger = self.session.standing().time_to_log_in(self.edge.security.login_timeout());
        let (patience, late) = match (half, stranger) {
            (None, None) => (None, Read::Late),
            (half, Some(stranger)) if half.is_none_or(|half| stranger < half) => {
                (Some(stranger), Read::Stranger)
            }
            (half, _) => (half, Read::Late),
        };
        if patience.is_some_and(|patience| patience.is_zero()) {
            return Ok(late);
        }
        let read = async {
            let reading = self.stream.read_buf(&mut self.input);
            match patience {
                None => Ok(reading.await),
                Some(patience) => tokio::time::timeout(patience, reading).await,
            }
        };
        let pushes = self.session.pushes();
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
                Err(_) => Ok(late),
            },
            _ = self.stopped.changed() => Ok(Read::Stop),
            () = pushes.ready(), if !pushes.is_empty() => Ok(Read::Push),
        }
    }

    /// Writes what is to be pushed and is there, between batches of replies: a buffer full at most, and then commands
    /// are looked for.
    async fn push(&mut self) -> io::Result<()> {
        if self.session.standing().buyer().is_some_and(|buyer| buyer.is_valid().is_err()) {
            return Err(io::Error::other("the token of a subscriber has run out"));
        }
        let pushes = self.session.pushes();
        let limits = &self.edge.limits;
        // What waits beyond can still be replaced by what is newer.
        let cut = match pushes.fill(OWN_BYTES, self.session.protocol(), &mut self.output) {
            Ok(()) if self.output.is_empty() => return Ok(()),
            Ok(()) => tokio::select! {
                biased;
                written = write(&mut self.stream, &self.output, limits.partial_command_timeout_ms) => {
                    self.give_back();
                    return written;
                }
                cut = pushes.cut() => cut,
                _ = self.stopped.changed() => return Err(io::Error::other("the client does not read what is pushed")),
            },
            Err(cut) => cut,
        };
        tracing::warn!(client = self.session.id(), "a subscriber is cut off: {cut}");
        Err(io::Error::other(cut))
    }

    /// Answers every complete command in the input.
    async fn answer(&mut self) -> io::Result<Next> {
        loop {
            let since = Instant::now();
            let filled = self.fill();
            let (taken, framing) = match filled {
                Ok(0) if !self.batch.is_waiting() => {
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
            self.batch.visit(&mut self.session).await;
            // The time that a command waited is no time that it took.
            let Some(since) = self.read_feed(since).await else {
                return Ok(Next::Close(Ended::Client));
            };
            let mut written = 0;
            while !self.batch.put_together(since, self.batch.allowance.bytes(), &mut self.output) {
                if !self.batch.allowance.grow() {
                    written += self.write().await?;
                }
            }
            if let Some(error) = &framing {
                if matches!(error, FramingError::HttpRequest) {
                    tracing::warn!(client = self.session.id(), "closed: {error}");
                }
                // A fixed text, and the connection ends: a web page can't smuggle commands in (CVE-2016-10517).
                self.session.write_framing_error(error, &mut self.output);
            }
            written += self.write().await?;
            self.batch.allowance.end();
            self.batch.written(taken, written);
            if framing.is_some() {
                return Ok(Next::CloseEarly(Ended::BadFrame));
            }
            if self.session.is_over() {
                return Ok(Next::Close(Ended::Quit));
            }
        }
    }

    /// Carries out a command about the feed, which may wait for an entry: since when it did not wait any more, or `None`
    /// if the client is gone before that.
    async fn read_feed(&mut self, mut since: Instant) -> Option<Instant> {
        if !self.batch.is_feed() {
            return Some(since);
        }
        let Ok(feed) = self.edge.feed().cloned() else { return Some(since) };
        // The next read has to learn of a stop too.
        let mut stopped = self.stopped.clone();
        loop {
            let Some(call) = self.batch.read_feed().await else { return Some(since) };
            let is_over = tokio::select! {
                () = feed.more(call) => false,
                () = call.expired() => true,
                does = meanwhile(&mut self.stream, &mut self.input, self.edge.limits.read_buffer_bytes) => match does {
                    Meanwhile::Goes => return None,
                    Meanwhile::SendsTooMuch => true,
                },
                _ = stopped.wait_for(|stopped| *stopped) => true,
            };
            since = Instant::now();
            if is_over {
                call.give_up();
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
                    if !request.args.is_empty() {
                        match self.batch.add(request.args, &mut self.session) {
                            Added::Taken => {}
                            Added::Last => return Ok(taken + request.consumed),
                            Added::Again => return Ok(taken),
                        }
                    }
                    taken += request.consumed;
                }
                Err(error) => return Err((taken, error)),
            }
            // Replies that are ready count too, so that a batch of large ones can't pile up.
            let is_full = !self.batch.allowance.admits(self.batch.reply_bytes());
            if self.session.is_over() || is_full {
                break;
            }
        }
        Ok(taken)
    }

    /// Writes what there is, and says how many bytes that was.
    async fn write(&mut self) -> io::Result<usize> {
        let bytes = self.output.len();
        write(&mut self.stream, &self.output, self.edge.limits.partial_command_timeout_ms).await?;
        self.give_back();
        Ok(bytes)
    }

    /// Keeps no large buffer that the last batch did not need: one burst must not cost memory for as long as the
    /// connection lives.
    fn give_back(&mut self) {
        // What it needs beyond its own is lent, and has to go back with it.
        if self.output.capacity() > KEPT_BYTES {
            self.output = Vec::new();
        }
        self.output.clear();
        if self.input.is_empty() && self.input.capacity() > KEPT_BYTES.max(4 * self.last_read) {
            self.input = BytesMut::with_capacity(FIRST_READ);
            self.room = FIRST_READ;
        }
    }
}

// A client that does not read what it asked for is not waited for.
async fn write<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8], patience: Duration) -> io::Result<()> {
    let writing = async {
        stream.write_all(bytes).await?;
        // TLS may keep something back; a socket does not.
        stream.flush().await
    };
    match tokio::time::timeout(patience, writing).await {
        Ok(written) => written,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its replies")),
    }
}
