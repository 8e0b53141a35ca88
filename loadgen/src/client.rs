//! A plain client for what happens before and after the load: putting SKUs, asking for reports.

use std::io;
use std::time::{Duration, Instant};

use tidegate_protocol::resp::{ReplyError, Value, decode_reply, encode_command};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::LoadError;

/// Commands sent before their replies are read. Small enough that neither side can fill the other's socket
/// buffers with unread bytes.
const BATCH: usize = 128;
/// How long the generator waits for a server that is replaying its journal.
const LOADING_WAIT: Duration = Duration::from_secs(120);
/// A reply to a single command takes longer than this only if the server hangs.
const REPLY_WAIT: Duration = Duration::from_secs(30);

/// One connection, used a batch at a time.
#[derive(Debug)]
pub(crate) struct Client {
    target: String,
    stream: TcpStream,
    input: Vec<u8>,
}

/// A command as its arguments.
pub(crate) type Command = Vec<Vec<u8>>;

/// A command from text arguments.
pub(crate) fn command<const N: usize>(args: [&str; N]) -> Command {
    args.iter().map(|arg| arg.as_bytes().to_vec()).collect()
}

impl Client {
    /// Connects and waits until the server is not `LOADING` any more.
    pub(crate) async fn connect_ready(target: &str) -> Result<Self, LoadError> {
        let mut client = Self::connect(target).await?;
        client.wait_ready().await?;
        Ok(client)
    }

    async fn connect(target: &str) -> Result<Self, LoadError> {
        let failed = |source| LoadError::Connect { target: target.to_owned(), source };
        let stream = TcpStream::connect(target).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Self { target: target.to_owned(), stream, input: Vec::new() })
    }

    /// The bare connection. Every reply has been read.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    async fn wait_ready(&mut self) -> Result<(), LoadError> {
        let started = Instant::now();
        while started.elapsed() < LOADING_WAIT {
            // Redis answers PING with LOADING; a server that always answers PING is asked for data as well. What
            // else they answer does not matter.
            let ping = self.call(&command(["PING"])).await?;
            let get = self.call(&command(["SKU.GET", "tidegate-loadgen"])).await?;
            if ![ping, get].iter().any(is_loading) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(LoadError::StillLoading { target: self.target.clone(), waited_s: LOADING_WAIT.as_secs() })
    }

    /// Sends one command and returns its reply.
    pub(crate) async fn call(&mut self, command: &Command) -> Result<Value, LoadError> {
        let mut reply = Value::Null;
        self.call_all(std::slice::from_ref(command), |_, value| {
            reply = value;
            Ok(())
        })
        .await?;
        Ok(reply)
    }

    /// Sends all commands, pipelined, and hands over each reply with the position of its command.
    pub(crate) async fn call_all(
        &mut self,
        commands: &[Command],
        mut on_reply: impl FnMut(usize, Value) -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        for (batch, start) in commands.chunks(BATCH).zip((0..).step_by(BATCH)) {
            let mut output = Vec::new();
            for command in batch {
                let args: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
                encode_command(&mut output, &args);
            }
            self.stream.write_all(&output).await.map_err(|source| self.lost(source))?;
            for position in 0..batch.len() {
                let reply = self.reply().await?;
                on_reply(start + position, reply)?;
            }
        }
        Ok(())
    }

    async fn reply(&mut self) -> Result<Value, LoadError> {
        loop {
            match decode_reply(&self.input) {
                Ok(Some(reply)) => {
                    let value = reply.value().map_err(|error| self.garbled(error))?;
                    let consumed = reply.wire_len();
                    self.input.drain(..consumed);
                    return Ok(value);
                }
                Ok(None) => {
                    let read = tokio::time::timeout(REPLY_WAIT, self.stream.read_buf(&mut self.input)).await;
                    let read = read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                    match read.and_then(|count| {
                        if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(count) }
                    }) {
                        Ok(_) => {}
                        Err(source) => return Err(self.lost(source)),
                    }
                }
                Err(error) => return Err(self.garbled(error)),
            }
        }
    }

    fn lost(&self, source: io::Error) -> LoadError {
        LoadError::Lost { target: self.target.clone(), doing: "waiting for a reply", source }
    }

    fn garbled(&self, error: ReplyError) -> LoadError {
        self.lost(io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// Whether a reply says that the server is still replaying its journal.
fn is_loading(reply: &Value) -> bool {
    matches!(reply, Value::Error(text) if text.starts_with("LOADING"))
}

/// The error for a reply that the generator cannot go on with.
pub(crate) fn unexpected(command: &Command, reply: &Value) -> LoadError {
    let words: Vec<_> = command.iter().take(2).map(|arg| String::from_utf8_lossy(arg)).collect();
    let mut reply = match reply {
        Value::Error(text) => format!("the error '{text}'"),
        other => format!("{other:?}"),
    };
    if let Some((cut, _)) = reply.char_indices().nth(200) {
        reply.truncate(cut);
    }
    LoadError::Unexpected { command: words.join(" "), reply }
}

/// Whether a reply is an array that begins with this status.
pub(crate) fn has_status(reply: &Value, status: &str) -> bool {
    reply.items().first().and_then(Value::as_str) == Some(status)
}
