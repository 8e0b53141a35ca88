//! Messages out of the bytes that a client sends.
//!
//! What a client announces is believed only up to a bound: a frame that says that it is larger is refused when it says
//! so, not when it has been received.

use actix_http::ws::{CloseReason, OpCode, Parser, ProtocolError};
use actix_web::web::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

/// In the first byte of a frame: it is the last one of its message.
const LAST: u8 = 0x80;
/// In the first byte of a frame: it is about the connection. Such frames come whole.
const CONTROL: u8 = 0x08;

/// One whole message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Text(String),
    /// To be answered with a pong that says the same.
    Ping(Vec<u8>),
    Pong,
    Close(Option<CloseReason>),
}

/// Why no more messages can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("a message may have at most {0} bytes (ws.max_frame_bytes)")]
    TooLarge(usize),
    #[error("messages are text: send JSON in text frames, not binary ones")]
    Binary,
    #[error("a text message has to be UTF-8")]
    NotUtf8,
    #[error("{0}")]
    Framing(ProtocolError),
    /// The connection itself ended.
    #[error("the connection ended")]
    Lost,
}

/// Reads one connection.
pub(super) struct Reader<P> {
    payload: P,
    bytes: BytesMut,
    /// A message of which frames are missing. `None`: the next frame begins one.
    begun: Option<Vec<u8>>,
    most: usize,
}

impl<P: Stream<Item = Result<Bytes, E>> + Unpin, E> Reader<P> {
    pub(super) fn new(payload: P, most: usize) -> Self {
        Self { payload, bytes: BytesMut::new(), begun: None, most }
    }

    /// The next message. Nothing is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Incoming, Broken> {
        loop {
            if let Some(message) = self.received()? {
                return Ok(message);
            }
            match self.payload.next().await {
                Some(Ok(bytes)) => self.bytes.extend_from_slice(&bytes),
                Some(Err(_)) | None => return Err(Broken::Lost),
            }
        }
    }

    /// A message that is here already.
    pub(super) fn received(&mut self) -> Result<Option<Incoming>, Broken> {
        while let Some((is_last, code, payload)) = self.frame()? {
            let payload = payload.unwrap_or_default();
            match (code, &mut self.begun) {
                (OpCode::Ping, _) => return Ok(Some(Incoming::Ping(payload.to_vec()))),
                (OpCode::Pong, _) => return Ok(Some(Incoming::Pong)),
                (OpCode::Close, _) => {
                    return Parser::try_parse_close_payload(&payload)
                        .map(|reason| Some(Incoming::Close(reason)))
                        .map_err(Broken::Framing);
                }
                (OpCode::Text, None) if is_last => return text(payload.to_vec()).map(Some),
                (OpCode::Text, begun @ None) => *begun = Some(payload.to_vec()),
                (OpCode::Continue, Some(begun)) => {
                    begun.extend_from_slice(&payload);
                    if is_last {
                        return text(self.begun.take().unwrap_or_default()).map(Some);
                    }
                }
                (OpCode::Binary, _) => return Err(Broken::Binary),
                (OpCode::Text, Some(_)) => return Err(Broken::Framing(ProtocolError::ContinuationStarted)),
                (OpCode::Continue, None) => {
                    return Err(Broken::Framing(ProtocolError::ContinuationNotStarted));
                }
                (OpCode::Bad, _) => return Err(Broken::Framing(ProtocolError::BadOpCode)),
            }
        }
        Ok(None)
    }

    /// Reads until the client has said goodbye or gone.
    pub(super) async fn farewell(&mut self) {
        loop {
            match self.next().await {
                Ok(Incoming::Close(_)) | Err(Broken::Lost) => return,
                Ok(_) => {}
                // Nothing can be made out any more.
                Err(_) => self.bytes.clear(),
            }
        }
    }

    /// The next frame, if all of it is here and it may be as large.
    fn frame(&mut self) -> Result<Option<(bool, OpCode, Option<BytesMut>)>, Broken> {
        let begun = self.begun.as_ref().map_or(0, Vec::len);
        let Some(length) = announced(&self.bytes) else { return Ok(None) };
        if usize::try_from(length).map_or(true, |length| length > self.most - begun) {
            return Err(Broken::TooLarge(self.most));
        }
        let first = self.bytes.first().copied().unwrap_or(LAST);
        if first & LAST == 0 && first & CONTROL != 0 {
            return Err(Broken::Framing(ProtocolError::ContinuationFragment(OpCode::from(first & 0x0f))));
        }
        Parser::parse(&mut self.bytes, true, self.most).map_err(Broken::Framing)
    }
}

/// How many bytes of payload the frame at the front says that it has.
fn announced(bytes: &[u8]) -> Option<u64> {
    match *bytes.get(1)? & 0x7f {
        126 => {
            bytes.get(2..4).and_then(|length| length.try_into().ok()).map(u16::from_be_bytes).map(u64::from)
        }
        127 => bytes.get(2..10).and_then(|length| length.try_into().ok()).map(u64::from_be_bytes),
        length => Some(u64::from(length)),
    }
}

fn text(bytes: Vec<u8>) -> Result<Incoming, Broken> {
    String::from_utf8(bytes).map(Incoming::Text).map_err(|_| Broken::NotUtf8)
}
