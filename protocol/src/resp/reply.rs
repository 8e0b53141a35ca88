//! Reading replies, for clients.
//!
//! A load generator reads several hundred thousand replies a second and wants to know of each where it
//! ends, whether it is an error, and its first few fields. [`decode_reply`] finds the end without building
//! a tree; [`Reply::value`] builds one, through the library, where it is wanted.

use thiserror::Error;

use super::request::{BadLength, length_line};
use super::value::Value;

/// Aggregates may be nested this deep. The deepest reply of the server (`COMMAND DOCS`) needs half of it.
pub const MAX_REPLY_DEPTH: usize = 16;

/// No reply is larger than this; a peer that announces more is not believed.
const MAX_REPLY_BYTES: usize = 64 << 20;

/// Why a stream of replies can't be followed any further.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// A value begins with a byte that RESP doesn't know.
    #[error("a reply begins with '{}', which is no RESP type", .0.escape_ascii())]
    UnknownType(u8),
    /// A count or a length that is not a whole number.
    #[error("a reply announces an invalid length")]
    InvalidLength,
    /// A string is not followed by CRLF.
    #[error("a string in a reply is not followed by CRLF")]
    MissingTerminator,
    /// More than 64 MiB.
    #[error("a reply is larger than 64 MiB")]
    TooLarge,
    /// Nested deeper than [`MAX_REPLY_DEPTH`].
    #[error("a reply is nested deeper than {MAX_REPLY_DEPTH} levels")]
    TooDeep,
    /// A number or a boolean that is none.
    #[error("a reply holds a value that its type doesn't allow")]
    InvalidValue,
}

/// What a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyKind {
    /// A RESP error: the caller's or the server's fault, never a business outcome.
    Error,
    /// A simple or a bulk string.
    Text,
    /// An integer.
    Integer,
    /// Nothing is there.
    Null,
    /// An array; a map or a set in RESP2.
    Array,
    /// A map (RESP3 only).
    Map,
    /// A set (RESP3 only).
    Set,
    /// A message nobody asked for (RESP3 only). It answers no request.
    Push,
    /// A boolean, double, big number or verbatim string (RESP3 only).
    Other,
}

/// One complete reply, still as bytes.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    bytes: &'a [u8],
    kind: ReplyKind,
    resp3: bool,
}

/// One field of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// A simple or a bulk string.
    Text(&'a [u8]),
    /// An integer.
    Integer(i64),
    /// Nothing is there.
    Null,
    /// An array, a map or another type, as it stands on the wire.
    Other(&'a [u8]),
}

/// The first complete reply in `buf`, or `None` if more bytes are needed. The next one begins
/// [`Reply::wire_len`] bytes further.
pub fn decode_reply(buf: &[u8]) -> Result<Option<Reply<'_>>, ReplyError> {
    let mut resp3 = false;
    match value_end(buf, 0, &mut resp3)? {
        Some(end) => {
            let bytes = &buf[..end];
            Ok(Some(Reply { bytes, kind: kind_of(bytes), resp3 }))
        }
        None if buf.len() > MAX_REPLY_BYTES => Err(ReplyError::TooLarge),
        None => Ok(None),
    }
}

impl<'a> Reply<'a> {
    /// How many bytes it takes.
    pub fn wire_len(&self) -> usize {
        self.bytes.len()
    }

    /// What it is.
    pub fn kind(&self) -> ReplyKind {
        self.kind
    }

    /// The text of an error, its code first.
    pub fn error(&self) -> Option<&'a [u8]> {
        match self.kind {
            ReplyKind::Error if self.bytes.starts_with(b"!") => Some(bulk_body(self.bytes)),
            ReplyKind::Error => Some(line_body(self.bytes)),
            _ => None,
        }
    }

    /// The first word of an error: `OVERLOADED` of `-OVERLOADED retry_ms=5 ...`.
    pub fn error_code(&self) -> Option<&'a [u8]> {
        self.error()?.split(|&byte| byte == b' ').next()
    }

    /// The status word: the first field, if it is a text.
    pub fn status(&self) -> Option<&'a [u8]> {
        match self.fields().next() {
            Some(Field::Text(word)) => Some(word),
            _ => None,
        }
    }

    /// The fields of an aggregate in order (of a map: key, value, key, value), without those nested in
    /// them. Of anything else: itself.
    pub fn fields(&self) -> Fields<'a> {
        match self.kind {
            ReplyKind::Array | ReplyKind::Map | ReplyKind::Set | ReplyKind::Push => {
                let body = self.bytes.iter().position(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
                Fields { bytes: &self.bytes[body..] }
            }
            _ => Fields { bytes: self.bytes },
        }
    }

    /// The whole reply as a tree.
    pub fn value(&self) -> Result<Value, ReplyError> {
        Value::decode(self.bytes, self.resp3)
    }
}

/// The fields of a reply; see [`Reply::fields`].
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        // The reply was found complete and well-formed, so neither error nor "incomplete" can come back.
        let end = value_end(self.bytes, 0, &mut false).ok().flatten()?;
        let (field, rest) = self.bytes.split_at_checked(end)?;
        self.bytes = rest;
        Some(match kind_of(field) {
            ReplyKind::Null => Field::Null,
            ReplyKind::Text if field.starts_with(b"$") => Field::Text(bulk_body(field)),
            ReplyKind::Text => Field::Text(line_body(field)),
            ReplyKind::Integer => match parse_integer(line_body(field)) {
                Some(value) => Field::Integer(value),
                None => Field::Other(field),
            },
            _ => Field::Other(field),
        })
    }
}

fn kind_of(value: &[u8]) -> ReplyKind {
    match value {
        [b'$' | b'*', b'-', ..] | [b'_', ..] => ReplyKind::Null,
        [b'$' | b'+', ..] => ReplyKind::Text,
        [b':', ..] => ReplyKind::Integer,
        [b'*', ..] => ReplyKind::Array,
        [b'%', ..] => ReplyKind::Map,
        [b'~', ..] => ReplyKind::Set,
        [b'>', ..] => ReplyKind::Push,
        [b'-' | b'!', ..] => ReplyKind::Error,
        _ => ReplyKind::Other,
    }
}

/// What stands between the type byte and CRLF.
fn line_body(value: &[u8]) -> &[u8] {
    value.get(1..value.len().saturating_sub(2)).unwrap_or_default()
}

/// What stands between a string's length line and its CRLF.
fn bulk_body(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    value.get(start..value.len().saturating_sub(2)).unwrap_or_default()
}

fn parse_integer(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Where the value that begins at `start` ends, or `None` if it is not complete. Sets `resp3` if it uses a
/// type that RESP2 doesn't have.
fn value_end(buf: &[u8], start: usize, resp3: &mut bool) -> Result<Option<usize>, ReplyError> {
    // Values still missing on each level of nesting; the innermost is `open[depth]`.
    let mut open = [0usize; MAX_REPLY_DEPTH];
    let mut depth = 0;
    open[0] = 1;
    let mut position = start;
    loop {
        while open[depth] == 0 {
            if depth == 0 {
                return Ok(Some(position));
            }
            depth -= 1;
        }
        open[depth] -= 1;
        let Some(rest) = buf.get(position..).filter(|rest| !rest.is_empty()) else { return Ok(None) };
        let Some(step) = step(rest)? else { return Ok(None) };
        *resp3 |= !matches!(rest[0], b'+' | b'-' | b':' | b'$' | b'*');
        position += step.length;
        if step.children > 0 {
            depth += 1;
            *open.get_mut(depth).ok_or(ReplyError::TooDeep)? = step.children;
        }
    }
}

/// A scalar, or the header of an aggregate.
struct Step {
    length: usize,
    children: usize,
}

fn step(bytes: &[u8]) -> Result<Option<Step>, ReplyError> {
    let scalar = |length| Some(Step { length, children: 0 });
    match bytes[0] {
        b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => Ok(line_length(bytes).and_then(scalar)),
        b'$' | b'*' if bytes.get(1) == Some(&b'-') => match bytes.get(..5) {
            Some(null) if null.ends_with(b"-1\r\n") => Ok(scalar(5)),
            Some(_) => Err(ReplyError::InvalidLength),
            None => Ok(None),
        },
        b'$' | b'=' | b'!' => {
            let Some((length, header)) = length_line(bytes).map_err(|BadLength| ReplyError::InvalidLength)?
            else {
                return Ok(None);
            };
            if length > MAX_REPLY_BYTES {
                return Err(ReplyError::TooLarge);
            }
            let end = header + length;
            match bytes.get(end..end + 2) {
                None => Ok(None),
                Some(b"\r\n") => Ok(scalar(end + 2)),
                Some(_) => Err(ReplyError::MissingTerminator),
            }
        }
        kind @ (b'*' | b'~' | b'>' | b'%') => {
            let Some((count, length)) = length_line(bytes).map_err(|BadLength| ReplyError::InvalidLength)?
            else {
                return Ok(None);
            };
            // The shortest value takes three bytes: `_\r\n`.
            let children = if kind == b'%' { count.saturating_mul(2) } else { count };
            if children > MAX_REPLY_BYTES / 3 {
                return Err(ReplyError::TooLarge);
            }
            Ok(Some(Step { length, children }))
        }
        other => Err(ReplyError::UnknownType(other)),
    }
}

/// The bytes up to and with the first CRLF.
fn line_length(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = bytes[from..].iter().position(|&byte| byte == b'\r') {
        let carriage_return = from + found;
        match bytes.get(carriage_return + 1) {
            Some(b'\n') => return Some(carriage_return + 2),
            Some(_) => from = carriage_return + 1,
            None => return None,
        }
    }
    None
}
