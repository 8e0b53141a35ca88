//! Decoding requests: from the bytes a client has sent so far to the arguments of its next command.

use thiserror::Error;

use super::inline;

/// No valid length line (`*3\r\n`, `$65536\r\n`) is longer than this, sign, digits and CRLF included.
const MAX_LENGTH_LINE: usize = 24;

/// Bytes of an empty argument: `$0\r\n\r\n`.
const SHORTEST_ARGUMENT: usize = 6;

/// How much one command may cost before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one command as it stands on the wire, framing included. At most `u32::MAX` is used.
    pub max_command_bytes: usize,
    /// Arguments of one command, its name included.
    pub max_arguments: usize,
}

impl Default for Limits {
    /// 64 KiB and 1,024 arguments.
    fn default() -> Self {
        Limits { max_command_bytes: 64 * 1024, max_arguments: 1024 }
    }
}

/// Why the byte stream can't be followed any further. The connection is closed after one of these: where
/// the next command would begin is unknown.
///
/// The text is what the client is told (after `-ERR `).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FramingError {
    /// `*` is not followed by a whole number that is zero or more.
    #[error("Protocol error: invalid multibulk length")]
    InvalidArrayLength,
    /// `$` is not followed by a whole number that is zero or more.
    #[error("Protocol error: invalid bulk length")]
    InvalidBulkLength,
    /// An argument doesn't begin with `$`.
    #[error("Protocol error: expected '$', got '{}'", .got.escape_ascii())]
    ExpectedBulk {
        /// The byte that stands there instead.
        got: u8,
    },
    /// An argument is not followed by CRLF: its announced length was wrong.
    #[error("Protocol error: an argument is not followed by CRLF")]
    MissingTerminator,
    /// More arguments than [`Limits::max_arguments`].
    #[error("Protocol error: a command takes at most {limit} arguments")]
    TooManyArguments {
        /// The limit in force.
        limit: usize,
    },
    /// More bytes than [`Limits::max_command_bytes`], announced or received.
    #[error("Protocol error: a command takes at most {limit} bytes")]
    TooLarge {
        /// The limit in force.
        limit: usize,
    },
    /// A quote in an inline command is not closed, or is followed by something else than a space.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// Somebody made a browser or a proxy send an HTTP request here (CVE-2016-10517). The connection is
    /// closed before the request's body can be taken for commands. The answer repeats nothing of the request.
    #[error("Protocol error: this port speaks the Redis protocol, not HTTP; status pages are at http.listen")]
    HttpRequest,
}

/// Where an argument lies, relative to the first byte of its command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The arguments of one command, its name first, borrowed from the bytes they were read from.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    /// All of the bytes, or nothing if they are not UTF-8: looked at once for all arguments, which costs a third of looking at each.
    text: &'a str,
    spans: &'a [Span],
}

/// One argument.
#[derive(Clone, Copy, Default)]
pub(crate) struct Word<'a> {
    bytes: &'a [u8],
    /// The same as text; `None` if nobody has looked yet.
    text: Option<&'a str>,
}

impl<'a> Word<'a> {
    /// As it was sent.
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// As text, if it is UTF-8.
    pub(crate) fn text(self) -> Option<&'a str> {
        self.text.or_else(|| std::str::from_utf8(self.bytes).ok())
    }
}

impl<'a> From<&'a str> for Word<'a> {
    fn from(text: &'a str) -> Self {
        Word { bytes: text.as_bytes(), text: Some(text) }
    }
}

impl<'a> Args<'a> {
    /// How many arguments there are, the command's name included.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none: an empty line or `*0`, which is not answered.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`; 0 is the command's name.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let span = self.spans.get(index)?;
        self.bytes.get(span.start as usize..span.end as usize)
    }

    /// The argument at `index`, as bytes or text.
    pub(crate) fn word(&self, index: usize) -> Option<Word<'a>> {
        let span = self.spans.get(index)?;
        let range = span.start as usize..span.end as usize;
        Some(Word { bytes: self.bytes.get(range.clone())?, text: self.text.get(range) })
    }

    /// All arguments in order, the command's name first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let bytes = self.bytes;
        self.spans
            .iter()
            .map(move |span| bytes.get(span.start as usize..span.end as usize).unwrap_or_default())
    }
}

impl std::fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|arg| arg.escape_ascii().to_string())).finish()
    }
}

/// One complete command and how many bytes it took.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The arguments; none for an empty line or `*0`, which the server skips without an answer.
    pub args: Args<'a>,
    /// How many bytes of the buffer the command took: the next one begins there.
    pub consumed: usize,
}

/// How far the command at the front of the buffer has been read.
#[derive(Debug, Clone, Copy)]
enum Progress {
    /// Nothing of it was seen.
    Start,
    /// An inline command; no newline in the first `scanned` bytes.
    Inline { scanned: usize },
    /// An array; the next argument begins at `position`, `missing` are still to come.
    Array { position: usize, missing: usize },
}

/// Finds commands in a stream of bytes.
///
/// One decoder belongs to one connection. It remembers how far it got in an incomplete command, so a
/// command that trickles in byte by byte is not parsed anew for each byte. Its memory (argument positions,
/// and the unquoted text of an inline command) is reused and bounded by the [`Limits`].
#[derive(Debug)]
pub struct RequestDecoder {
    limits: Limits,
    progress: Progress,
    spans: Vec<Span>,
    unquoted: Vec<u8>,
}

impl RequestDecoder {
    /// A decoder at the beginning of a stream.
    pub fn new(limits: Limits) -> Self {
        let limits = Limits { max_command_bytes: limits.max_command_bytes.min(u32::MAX as usize), ..limits };
        RequestDecoder { limits, progress: Progress::Start, spans: Vec::new(), unquoted: Vec::new() }
    }

    /// The next complete command in `buf`, or `None` if more bytes are needed.
    ///
    /// `buf` begins where the last command ended. After `None`, the next call passes the same bytes with
    /// more behind them. `None` is never returned for a command that already exceeds the limits, also when
    /// it only announces to do so: a caller who reads on after `None` holds at most
    /// [`Limits::max_command_bytes`] plus the size of one read.
    pub fn decode<'a>(&'a mut self, buf: &'a [u8]) -> Result<Option<Request<'a>>, FramingError> {
        let consumed = match self.progress {
            Progress::Start => match buf.first() {
                None => None,
                Some(b'*') => self.array(buf)?,
                Some(_) => self.inline(buf, 0)?,
            },
            Progress::Inline { scanned } => self.inline(buf, scanned)?,
            Progress::Array { position, missing } => self.arguments(buf, position, missing)?,
        };
        let Some((consumed, inline)) = consumed else { return Ok(None) };
        self.progress = Progress::Start;
        let bytes = if inline { &self.unquoted[..] } else { &buf[..consumed] };
        // What is no text as a whole is looked at word by word. (Nor is a word text because all are: those of an inline command
        // stand end to end, and one may end inside a character.)
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        Ok(Some(Request { args: Args { bytes, text, spans: &self.spans }, consumed }))
    }

    /// Reads the array's header. The count is judged before anything waits for so many arguments.
    fn array(&mut self, buf: &[u8]) -> Result<Option<(usize, bool)>, FramingError> {
        let Some((count, position)) =
            length_line(buf).map_err(|BadLength| FramingError::InvalidArrayLength)?
        else {
            return Ok(None);
        };
        if count > self.limits.max_arguments {
            return Err(FramingError::TooManyArguments { limit: self.limits.max_arguments });
        }
        self.spans.clear();
        self.arguments(buf, position, count)
    }

    /// Reads `missing` arguments from `position` on.
    fn arguments(
        &mut self,
        buf: &[u8],
        mut position: usize,
        mut missing: usize,
    ) -> Result<Option<(usize, bool)>, FramingError> {
        let within = &buf[..buf.len().min(self.limits.max_command_bytes)];
        while missing > 0 {
            let rest = within.get(position..).unwrap_or_default();
            match rest {
                [] => return self.wait_or_refuse(buf, position, missing),
                [b'$', ..] => {}
                [got, ..] => return Err(FramingError::ExpectedBulk { got: *got }),
            }
            let Some((length, header)) =
                length_line(rest).map_err(|BadLength| FramingError::InvalidBulkLength)?
            else {
                return self.wait_or_refuse(buf, position, missing);
            };
            let end = header.saturating_add(length);
            match rest.get(end..).and_then(|behind| behind.get(..2)) {
                Some(b"\r\n") => {}
                Some(_) => return Err(FramingError::MissingTerminator),
                None => return self.wait_or_refuse(buf, position, missing),
            }
            // Both fit: `within` is cut to a length that is at most u32::MAX.
            self.spans.push(Span { start: (position + header) as u32, end: (position + end) as u32 });
            position += end + 2;
            missing -= 1;
        }
        Ok(Some((position, false)))
    }

    /// More bytes are needed. Refuses at once if the command is or announces to be too large.
    fn wait_or_refuse(
        &mut self,
        buf: &[u8],
        position: usize,
        missing: usize,
    ) -> Result<Option<(usize, bool)>, FramingError> {
        let limit = self.limits.max_command_bytes;
        let rest = buf.get(position..).unwrap_or_default();
        let announced = match length_line(rest).map_err(|BadLength| FramingError::InvalidBulkLength)? {
            Some((length, header)) => header.saturating_add(length).saturating_add(2),
            None => SHORTEST_ARGUMENT,
        };
        let others = missing.saturating_sub(1).saturating_mul(SHORTEST_ARGUMENT);
        if position.saturating_add(announced).saturating_add(others) > limit || buf.len() > limit {
            return Err(FramingError::TooLarge { limit });
        }
        self.progress = Progress::Array { position, missing };
        Ok(None)
    }

    /// Reads an inline command, as typed into telnet: words on one line.
    fn inline(&mut self, buf: &[u8], scanned: usize) -> Result<Option<(usize, bool)>, FramingError> {
        let limit = self.limits.max_command_bytes;
        let within = &buf[..buf.len().min(limit)];
        let rest = within.get(scanned..).unwrap_or_default();
        let Some(newline) = rest.iter().position(|&byte| byte == b'\n').map(|found| scanned + found) else {
            if buf.len() >= limit {
                return Err(FramingError::TooLarge { limit });
            }
            self.progress = Progress::Inline { scanned: within.len() };
            return Ok(None);
        };
        let line = &within[..newline];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        inline::split(line, self.limits.max_arguments, &mut self.unquoted, &mut self.spans)?;
        Ok(Some((newline + 1, true)))
    }
}

/// The digits after `*` or `$` are no length.
pub(super) struct BadLength;

/// Reads a line like `*3\r\n` or `$11\r\n`: the length and how many bytes the line takes. `None` if the line
/// is not complete yet. The first byte is not looked at.
#[inline]
pub(super) fn length_line(bytes: &[u8]) -> Result<Option<(usize, usize)>, BadLength> {
    match bytes {
        [_, ones @ b'0'..=b'9', b'\r', b'\n', ..] => Ok(Some((usize::from(ones - b'0'), 4))),
        [_, tens @ b'0'..=b'9', ones @ b'0'..=b'9', b'\r', b'\n', ..] => {
            Ok(Some((usize::from(tens - b'0') * 10 + usize::from(ones - b'0'), 5)))
        }
        _ => any_length_line(bytes),
    }
}

/// The same for those that are not nearly all of them.
#[inline(never)]
fn any_length_line(bytes: &[u8]) -> Result<Option<(usize, usize)>, BadLength> {
    let mut length: usize = 0;
    for (index, &byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b'0'..=b'9' if index < MAX_LENGTH_LINE - 2 => {
                length = length
                    .checked_mul(10)
                    .and_then(|length| length.checked_add(usize::from(byte - b'0')))
                    .ok_or(BadLength)?;
            }
            b'\r' if index > 1 => {
                return match bytes.get(index + 1) {
                    None => Ok(None),
                    Some(b'\n') => Ok(Some((length, index + 2))),
                    Some(_) => Err(BadLength),
                };
            }
            _ => return Err(BadLength),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::resp::encode_command;

    /// Whether each word of the one command in `bytes` is text, asked both ways.
    fn judged(bytes: &[u8]) -> Vec<(Option<String>, Option<String>)> {
        let mut decoder = RequestDecoder::new(Limits::default());
        let Ok(Some(request)) = decoder.decode(bytes) else { panic!("{bytes:?} is no whole command") };
        let args = request.args;
        let alone = |index| args.get(index).and_then(|word| std::str::from_utf8(word).ok());
        let as_text = |index| args.word(index).and_then(Word::text);
        (0..args.len())
            .map(|index| (as_text(index).map(str::to_owned), alone(index).map(str::to_owned)))
            .collect()
    }

    #[test]
    fn a_word_is_text_by_itself_whatever_stands_beside_it() {
        // Two halves of one character, end to end; a broken word behind an empty one.
        for line in
            [&b"\"\\xc3\" \"\\xa9\"\r\n"[..], b"\"\" \"\\xff\"\r\n", b"caf\xc3\xa9 lamp\n", b"lamp \xff\n"]
        {
            for (together, alone) in judged(line) {
                assert_eq!(together, alone, "{}", line.escape_ascii());
            }
        }
        assert_eq!(judged(b"\"\\xc3\" \"\\xa9\"\r\n")[0].0, None);
        assert_eq!(judged(b"lamp \xff\n")[0].0.as_deref(), Some("lamp"));
    }

    proptest! {
        #[test]
        fn words_judged_together_are_text_as_each_by_itself(
            words in proptest::collection::vec(
                prop_oneof![
                    "[a-z]{0,6}".prop_map(String::into_bytes),
                    "\\PC{0,4}".prop_map(String::into_bytes),
                    proptest::collection::vec(any::<u8>(), 0..4),
                ],
                1..6,
            ),
            behind in proptest::collection::vec(any::<u8>(), 0..4),
        ) {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let mut bytes = Vec::new();
            encode_command(&mut bytes, &words);
            // What is sent behind it is of no concern to it.
            bytes.extend(behind);
            for (together, alone) in judged(&bytes) {
                prop_assert_eq!(together, alone);
            }
        }
    }

    #[test]
    fn a_short_length_is_read_like_a_long_one() {
        let numbers = (0..1000).map(|length| length.to_string());
        for digits in numbers.chain(["00", "05", "007", "0000000012"].map(str::to_owned)) {
            let line = format!("${digits}\r\n");
            let length: usize = digits.parse().unwrap_or(usize::MAX);
            assert!(
                matches!(length_line(line.as_bytes()), Ok(Some(read)) if read == (length, line.len())),
                "{digits}"
            );
            for part in 1..line.len() {
                assert!(
                    matches!(length_line(&line.as_bytes()[..part]), Ok(None)),
                    "{part} bytes of {digits}"
                );
            }
            assert!(length_line(format!("${digits}\rx").as_bytes()).is_err(), "{digits}");
            assert!(length_line(format!("${digits}x\r\n").as_bytes()).is_err(), "{digits}");
        }
        assert!(length_line(b"$\r\n").is_err());
    }
}
