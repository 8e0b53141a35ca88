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
use super::session::Session;
use crate::metrics::Recorder;

/// What a connection's read buffer begins with; it grows to `limits.read_buffer_bytes` when that is used.
const FIRST_READ: usize = 4 << 10;

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
        output: Vec::new(),
        batch: Batch::new(Arc::clone(&edge), recorder),
        edge,
        stopped,
    };
    if let Err(error) = connection.run().await {
        tracing::debug!(client = connection.session.id(), %error, "connection ended");
    }
}

struct Connection {
    stream: TcpStream,
    session: Session,
    decoder: RequestDecoder,
    input: BytesMut,
    output: Vec<u8>,
    batch: Batch,
    edge: Arc<Edge>,
    stopped: watch::Receiver<bool>,
}

/// Why reading ended.
enum Read {
    Bytes,
    /// The client closed, or has been silent for too long in the middle of a command.
    End,
    /// The server stops: what was sent by now is still answered.
    Stop,
}

impl Connection {
    async fn run(&mut self) -> io::Result<()> {
        loop {
            let read = self.read().await?;
            if matches!(read, Read::End) || !self.answer().await? || matches!(read, Read::Stop) {
                return self.stream.shutdown().await;
            }
        }
    }

    async fn read(&mut self) -> io::Result<Read> {
        if self.input.capacity() - self.input.len() < FIRST_READ / 2 {
            // Doubles up to the limit: a pipelining client gets a large buffer, an idle one stays small.
            let more = self.input.len().max(FIRST_READ).min(self.edge.limits.read_buffer_bytes);
            self.input.reserve(more);
        }
        // Only half a command is waited for with impatience; an idle connection may stay.
        let patience =
            if self.input.is_empty() { Duration::MAX } else { self.edge.limits.partial_command_timeout_ms };
        let read = async {
            let reading = self.stream.read_buf(&mut self.input);
            if patience == Duration::MAX {
                Ok(reading.await)
            } else {
                tokio::time::timeout(patience, reading).await
            }
        };
        tokio::select! {
            biased;
            read = read => match read {
                Ok(Ok(0)) | Err(_) => Ok(Read::End),
                Ok(Ok(_)) => Ok(Read::Bytes),
                Ok(Err(error)) => Err(error),
            },
            _ = self.stopped.changed() => Ok(Read::Stop),
        }
    }

    /// Answers every complete command in the input. `false`: the connection is to be closed.
    async fn answer(&mut self) -> io::Result<bool> {
        loop {
            let since = Instant::now();
            let filled = self.fill();
            let (taken, framing) = match filled {
                Ok(0) => return Ok(true),
                Ok(taken) => (taken, None),
                Err((taken, error)) => (taken, Some(error)),
            };
            self.input.advance(taken);
            self.batch.finish(since, &mut self.output).await;
            if let Some(error) = &framing {
                // Whoever sent HTTP is no client of ours and is not answered (CVE-2016-10517).
                if !matches!(error, FramingError::HttpRequest) {
                    self.session.write_framing_error(error, &mut self.output);
                }
            }
            self.write().await?;
            if framing.is_some() || self.session.is_over() {
                return Ok(false);
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
                    taken += request.consumed;
                    if !request.args.is_empty() {
                        self.batch.add(request.args, &mut self.session);
                    }
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

    async fn write(&mut self) -> io::Result<()> {
        let writing = self.stream.write_all(&self.output);
        // A client that does not read what it asked for is not waited for.
        match tokio::time::timeout(self.edge.limits.partial_command_timeout_ms, writing).await {
            Ok(written) => written?,
            Err(_) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its replies"));
            }
        }
        self.output.clear();
        if self.output.capacity() > self.edge.limits.output_buffer_bytes {
            self.output = Vec::new();
        }
        Ok(())
    }
}
