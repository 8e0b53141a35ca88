//! Frames for a client, one after the other, no faster than it takes them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason, OpCode, Parser};
use actix_web::body::{BodySize, MessageBody};
use actix_web::web::{Bytes, BytesMut};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// The longest reason that fits a close frame, in bytes.
const MOST_REASON_BYTES: usize = 123;

/// The client has gone, or takes nothing any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    Gone,
    Late,
}

/// Writes one connection. What is written and not taken is one frame here and what the HTTP library and the kernel
/// hold for a socket; the next one waits.
pub(super) struct Writer {
    frames: Sender<Bytes>,
    patience: Duration,
}

impl Writer {
    /// A writer, and the body of the response that brings what it writes.
    pub(super) fn new(patience: Duration) -> (Self, Outgoing) {
        let (frames, outgoing) = mpsc::channel(1);
        (Self { frames, patience }, Outgoing(outgoing))
    }

    /// Messages that are handed over together.
    pub(super) async fn texts(&mut self, texts: &[String]) -> Result<(), Unsent> {
        let mut frames = BytesMut::new();
        for text in texts {
            Parser::write_message(&mut frames, text, OpCode::Text, true, false);
        }
        if frames.is_empty() { Ok(()) } else { self.send(frames.freeze()).await }
    }

    pub(super) async fn ping(&mut self) -> Result<(), Unsent> {
        self.frame(&[], OpCode::Ping).await
    }

    pub(super) async fn pong(&mut self, payload: &[u8]) -> Result<(), Unsent> {
        self.frame(payload, OpCode::Pong).await
    }

    /// The last frame.
    pub(super) async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Unsent> {
        let mut end = reason.len().min(MOST_REASON_BYTES);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let mut frame = BytesMut::new();
        let reason = CloseReason { code, description: Some(reason[..end].to_owned()) };
        Parser::write_close(&mut frame, Some(reason), false);
        self.send(frame.freeze()).await
    }

    async fn frame(&mut self, payload: &[u8], code: OpCode) -> Result<(), Unsent> {
        let mut frame = BytesMut::new();
        Parser::write_message(&mut frame, payload, code, true, false);
        self.send(frame.freeze()).await
    }

    async fn send(&mut self, frame: Bytes) -> Result<(), Unsent> {
        match tokio::time::timeout(self.patience, self.frames.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Unsent::Gone),
            Err(_) => Err(Unsent::Late),
        }
    }
}

/// The body of the response to an upgrade: it ends when the writer is dropped, and with it the connection.
pub(super) struct Outgoing(Receiver<Bytes>);

impl MessageBody for Outgoing {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.0.poll_recv(context).map(|frame| frame.map(Ok))
    }
}
