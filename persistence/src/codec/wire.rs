//! Numbers and texts as bytes.

use super::CodecError;

/// Appends a number in groups of seven bits, lowest first.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number, small ones of either sign short.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends a text after its length in bytes.
#[inline]
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Appends `0`, or `1` and the value.
pub(super) fn put_option(out: &mut Vec<u8>, value: Option<u64>) {
    match value {
        None => out.push(0),
        Some(value) => {
            out.push(1);
            put_varint(out, value);
        }
    }
}

/// Reads what the `put_` functions wrote.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not read yet.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next byte, zero if there is none. It is not taken for read.
    pub(crate) fn first(&self) -> u8 {
        self.rest.first().copied().unwrap_or_default()
    }

    /// The last byte, likewise.
    pub(crate) fn last(&self) -> u8 {
        self.rest.last().copied().unwrap_or_default()
    }

    /// An error unless everything was read.
    pub(crate) fn finish(&self) -> Result<(), CodecError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CodecError::LeftOver(self.rest.len())) }
    }

    #[inline]
    pub(crate) fn byte(&mut self, what: &'static str) -> Result<u8, CodecError> {
        let (first, rest) = self.rest.split_first().ok_or(CodecError::Truncated(what))?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    pub(crate) fn bytes(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(CodecError::Truncated(what))?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(CodecError::Truncated(what))?;
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn varint(&mut self, what: &'static str) -> Result<u64, CodecError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return Err(CodecError::Range(what));
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(CodecError::Range(what))
    }

    #[inline]
    pub(crate) fn small(&mut self, what: &'static str) -> Result<u32, CodecError> {
        u32::try_from(self.varint(what)?).map_err(|_| CodecError::Range(what))
    }

    pub(super) fn signed(&mut self, what: &'static str) -> Result<i64, CodecError> {
        let value = self.varint(what)?;
        Ok(((value >> 1) as i64) ^ -((value & 1) as i64))
    }

    pub(super) fn flag(&mut self, what: &'static str) -> Result<bool, CodecError> {
        match self.byte(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CodecError::Range(what)),
        }
    }

    pub(super) fn option(&mut self, what: &'static str) -> Result<Option<u64>, CodecError> {
        if self.flag(what)? { self.varint(what).map(Some) } else { Ok(None) }
    }

    pub(super) fn small_option(&mut self, what: &'static str) -> Result<Option<u32>, CodecError> {
        if self.flag(what)? { self.small(what).map(Some) } else { Ok(None) }
    }

    #[inline]
    pub(crate) fn text(&mut self, what: &'static str) -> Result<&'a str, CodecError> {
        let length = usize::try_from(self.varint(what)?).map_err(|_| CodecError::Range(what))?;
        std::str::from_utf8(self.bytes(length, what)?).map_err(|_| CodecError::Text(what))
    }
}
