//! Encoding replies.

use super::Protocol;

/// Appends RESP to a buffer, in the version that the connection speaks.
///
/// Nothing is allocated apart from the buffer's own growth. Aggregates are written as a header with a
/// count, then that many values; the caller keeps count.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
}

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Writer { out, protocol }
    }

    /// The version this writer encodes to.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The header of an array: `count` values follow.
    pub fn array(&mut self, count: usize) {
        self.header(b'*', count);
    }

    /// The header of a map: `count` pairs of key and value follow. RESP2 has no maps: a flat array.
    pub fn map(&mut self, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', count * 2),
            Protocol::Resp3 => self.header(b'%', count),
        }
    }

    /// The header of a set: `count` values follow. RESP2 has no sets: an array.
    pub fn set(&mut self, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', count),
            Protocol::Resp3 => self.header(b'~', count),
        }
    }

    /// The header of a push, a message nobody asked for: `count` values follow. In RESP2 an array.
    pub fn push(&mut self, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', count),
            Protocol::Resp3 => self.header(b'>', count),
        }
    }

    /// A bulk string: any bytes.
    pub fn bulk(&mut self, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        self.header(b'$', value.len());
        self.out.extend_from_slice(value);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Values that are encoded already.
    pub fn encoded(&mut self, values: &[u8]) {
        self.out.extend_from_slice(values);
    }

    /// A bulk string, or null.
    pub fn bulk_or_null(&mut self, value: Option<impl AsRef<[u8]>>) {
        match value {
            Some(value) => self.bulk(value),
            None => self.null(),
        }
    }

    /// A simple string such as `OK`. Line breaks, which would end it early, become spaces.
    pub fn simple(&mut self, text: &str) {
        self.out.push(b'+');
        self.line(&[text]);
    }

    /// A signed integer.
    pub fn int(&mut self, value: i64) {
        self.number(b':', value);
    }

    /// An unsigned integer. RESP integers are signed 64-bit; a larger value is written as `i64::MAX`. (No
    /// count, amount or time of this protocol comes near it.)
    pub fn uint(&mut self, value: u64) {
        self.int(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// An unsigned integer, or null.
    pub fn uint_or_null(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.uint(value),
            None => self.null(),
        }
    }

    /// A boolean; 1 or 0 in RESP2.
    pub fn bool(&mut self, value: bool) {
        match (self.protocol, value) {
            (Protocol::Resp2, value) => self.int(value.into()),
            (Protocol::Resp3, true) => self.out.extend_from_slice(b"#t\r\n"),
            (Protocol::Resp3, false) => self.out.extend_from_slice(b"#f\r\n"),
        }
    }

    /// Null: nothing is there.
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n".as_slice(),
            Protocol::Resp3 => b"_\r\n".as_slice(),
        });
    }

    /// Null where there would be an array.
    pub fn null_array(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.out.extend_from_slice(b"*-1\r\n"),
            Protocol::Resp3 => self.null(),
        }
    }

    /// An error: its code, such as `ERR`, then a text for humans, given in parts so that a number in it
    /// costs no string. Line breaks become spaces.
    pub fn error(&mut self, code: &str, text: &[&str]) {
        self.out.push(b'-');
        self.out.extend_from_slice(code.as_bytes());
        self.out.push(b' ');
        self.line(text);
    }

    fn line(&mut self, parts: &[&str]) {
        let bytes = parts.iter().flat_map(|part| part.bytes());
        self.out.extend(bytes.map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
        self.out.extend_from_slice(b"\r\n");
    }

    fn header(&mut self, kind: u8, count: usize) {
        // Most replies are short: their headers need no number formatting.
        if let (true, Ok(digit)) = (count < 10, u8::try_from(count)) {
            self.out.extend_from_slice(&[kind, b'0' + digit, b'\r', b'\n']);
        } else {
            self.number(kind, count);
        }
    }

    fn number(&mut self, kind: u8, value: impl itoa::Integer) {
        self.out.push(kind);
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }
}
