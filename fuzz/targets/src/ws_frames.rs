//! Frames: however what a client sends is cut into pieces, it is answered alike; and what it is sent are frames of a server.

use serde_json::Value;

use crate::json_rpc;
use crate::stage::{self, Stage};

/// More is not sent.
const MOST_BYTES: usize = 32 << 10;

/// The longest payload of a frame about the connection (RFC 6455, 5.5).
const MOST_CONTROL: usize = 125;

/// The largest message, as configured, and what is told to who announces a larger one (RFC 6455, 7.4.1).
const MOST_PAYLOAD: u64 = 128 << 10;
const TOO_LARGE: [u8; 2] = 1009_u16.to_be_bytes();

/// What a client sends after the upgrade.
///
/// # Panics
/// If pieces make a difference, something that is sent is no frame or no answer, or a frame that is too large is waited for.
pub fn ws_frames(bytes: &[u8]) {
    if bytes.len() > MOST_BYTES {
        return;
    }
    let whole = talk(bytes, bytes.len());
    if let [_, second, n0, n1, n2, n3, n4, n5, n6, n7, ..] = bytes
        && second & 0x7f == 127
        && u64::from_be_bytes([*n0, *n1, *n2, *n3, *n4, *n5, *n6, *n7]) > MOST_PAYLOAD
    {
        let last = whole.last().expect("nothing is told to who announces too much");
        assert!(last.code == 8 && last.payload.starts_with(&TOO_LARGE), "{last:?}");
    }
    let pieces = talk(bytes, 1 + bytes.first().map_or(0, |byte| usize::from(*byte) % 7));
    assert_eq!(by_kind(whole), by_kind(pieces), "in pieces it is answered otherwise");
}

/// Pongs, and all else: a pong need not wait for the answers to what came before its ping (RFC 6455, 5.5.3).
fn by_kind(frames: Vec<Frame>) -> (Vec<Frame>, Vec<Frame>) {
    frames.into_iter().partition(|frame| frame.code == 10)
}

/// Sends it in pieces of this size, and hears the answers.
fn talk(bytes: &[u8], piece: usize) -> Vec<Frame> {
    stage::run(async || {
        let mut stage = Stage::open().await;
        let mut client = stage.websocket();
        for piece in bytes.chunks(piece.max(1)) {
            client.send(piece).await;
            if piece.len() < bytes.len() {
                stage.server.step().await;
            }
        }
        stage.settle().await;
        client.finish().await;
        stage.settle().await;
        answers(&client.heard());
        frames(&client.heard())
    })
}

/// A frame that a server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    code: u8,
    payload: Vec<u8>,
}

/// A whole message of a client. Its mask is zero, which is a mask too.
pub(crate) fn text(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match message.len() {
        length @ ..126 => frame.push(0x80 | length as u8),
        length @ ..65_536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(message);
    frame
}

/// Takes apart what a server sent.
fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert_eq!(first & 0xf0, 0x80, "a server sends whole messages: {first:#x}");
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let (length, rest) = match second {
            126 => (usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap())), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            length => (usize::from(*length), rest),
        };
        let (payload, rest) = rest.split_at_checked(length).expect("half a frame");
        frames.push(Frame { code: first & 0x0f, payload: payload.to_vec() });
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a frame");
    frames
}

/// The messages that a server sent, each an answer, answers or a notification.
///
/// # Panics
/// If they are not, or something comes behind the last word.
pub(crate) fn answers(bytes: &[u8]) -> Vec<Value> {
    let mut answers = Vec::new();
    let mut is_closed = false;
    for Frame { code, payload } in frames(bytes) {
        assert!(!is_closed, "something comes behind the close frame");
        assert!(
            code == 1 || payload.len() <= MOST_CONTROL,
            "{} bytes in a frame of code {code}",
            payload.len()
        );
        match code {
            1 => answers.push(json_rpc::checked(&payload)),
            8 => {
                is_closed = true;
                assert!(payload.len() != 1, "a close frame of one byte");
                assert!(
                    std::str::from_utf8(payload.get(2..).unwrap_or_default()).is_ok(),
                    "a reason that is no text"
                );
            }
            9 | 10 => {}
            other => panic!("a server sends no frame of code {other}"),
        }
    }
    answers
}
