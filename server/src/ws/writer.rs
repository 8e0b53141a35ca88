//! Frames for a client, one after the other, no faster than it takes them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason, OpCode, Parser};
use actix_web::body::{BodySize, MessageBody};
use actix_web::web::{Bytes, BytesMut};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::pool::Share;

/// Bytes that are handed to the HTTP library at once. It keeps for good what it once needed for a piece.
const PIECE_BYTES: usize = 32 << 10;

/// What a frame takes besides its text, in bytes.
const FRAME_BYTES: usize = 10;

/// The longest reason that fits a close frame, in bytes.
const MOST_REASON_BYTES: usize = 123;

/// The client has gone, or takes nothing any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    Gone,
    Late,
}

/// Frames, and what was lent for them.
type Lent = (Bytes, Option<Share>);

/// Writes one connection. What is written and not taken is one frame here and what the HTTP library and the kernel
/// hold for a socket; the next one waits.
pub(super) struct Writer {
    frames: Sender<Lent>,
    patience: Duration,
}

impl Writer {
    /// A writer, and the body of the response that brings what it writes.
    pub(super) fn new(patience: Duration) -> (Self, Outgoing) {
        let (frames, outgoing) = mpsc::channel(1);
        (Self { frames, patience }, Outgoing { frames: outgoing, rest: Bytes::new(), share: None })
    }

    /// Hands frames over, as soon as those before are taken. Nothing is sent if the future is dropped.
    pub(super) async fn send(&mut self, frames: Frames) -> Result<(), Unsent> {
        if frames.len() == 0 {
            return Ok(());
        }
        let lent = (frames.bytes.freeze(), frames.share);
        match tokio::time::timeout(self.patience, self.frames.send(lent)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Unsent::Gone),
            Err(_) => Err(Unsent::Late),
        }
    }
}

/// Frames that are handed over together.
#[derive(Default)]
pub(super) struct Frames {
    bytes: BytesMut,
    texts: usize,
    /// What was lent for them.
    share: Option<Share>,
}

impl Frames {
    pub(super) fn text(&mut self, text: &str) {
        Parser::write_message(&mut self.bytes, text, OpCode::Text, true, false);
        self.texts += 1;
    }

    pub(super) fn ping() -> Self {
        Self::control(OpCode::Ping, &[])
    }

    pub(super) fn pong(payload: &[u8]) -> Self {
        Self::control(OpCode::Pong, payload)
    }

    /// The last frame.
    pub(super) fn close(code: CloseCode, reason: &str) -> Self {
        let mut end = reason.len().min(MOST_REASON_BYTES);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let mut frames = Self::default();
        let reason = CloseReason { code, description: Some(reason[..end].to_owned()) };
        Parser::write_close(&mut frames.bytes, Some(reason), false);
        frames
    }

    fn control(code: OpCode, payload: &[u8]) -> Self {
        let mut frames = Self::default();
        Parser::write_message(&mut frames.bytes, payload, code, true, false);
        frames
    }

    /// How many bytes they are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many of them are messages.
    pub(super) fn texts(&self) -> usize {
        self.texts
    }
}

impl Frames {
    /// These texts, and what was lent for them.
    pub(super) fn of(texts: Vec<String>, share: Option<Share>) -> Self {
        let bytes = texts.iter().map(|text| text.len() + FRAME_BYTES).sum();
        let mut frames = Self { bytes: BytesMut::with_capacity(bytes), share, ..Self::default() };
        // Each is here once.
        texts.into_iter().for_each(|text| frames.text(&text));
        frames
    }
}

/// The body of the response to an upgrade: it ends when the writer is dropped, and with it the connection.
pub(super) struct Outgoing {
    frames: Receiver<Lent>,
    /// What of the frames that were taken last is not handed over yet.
    rest: Bytes,
    /// What was lent for these frames. The HTTP library asks for more when it has written most of what it has.
    share: Option<Share>,
}

impl MessageBody for Outgoing {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.rest.is_empty() {
            self.share = None;
            match std::task::ready!(self.frames.poll_recv(context)) {
                Some((frames, share)) => (self.rest, self.share) = (frames, share),
                None => return Poll::Ready(None),
            }
        }
        let piece = PIECE_BYTES.min(self.rest.len());
        Poll::Ready(Some(Ok(self.rest.split_to(piece))))
    }
}
