//! Errors as a client sees them: a code that programs act on, and a text for humans.

use std::borrow::Cow;
use std::fmt;

use crate::resp::Writer;

/// The first word of a RESP error. Business outcomes (sold out, limit reached) are never errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The command is wrong: unknown, malformed, or an argument is out of its range.
    Err,
    /// The name or the password is wrong.
    WrongPass,
    /// The connection has to authenticate first.
    NoAuth,
    /// The user's role doesn't include this command.
    NoPerm,
    /// `HELLO` asked for a protocol version that isn't spoken.
    NoProto,
    /// The journal is being replayed; commands on keys have to wait.
    Loading,
    /// The server takes no writes: it is draining, or doesn't own the key.
    ReadOnly,
    /// Another server owns the key.
    Moved,
    /// The keys of one command belong to different servers.
    CrossSlot,
    /// The request id was used before, with other arguments.
    IdempReuse,
    /// This client sends too fast.
    RateLimited,
    /// The server has more work than it may queue.
    Overloaded,
    /// The journal failed. The outcome is unknown until a restart.
    JournalFail,
    /// There is a consumer group of this name already.
    BusyGroup,
    /// There is no such consumer group.
    NoGroup,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [ErrorCode; 15] = [
        ErrorCode::Err,
        ErrorCode::WrongPass,
        ErrorCode::NoAuth,
        ErrorCode::NoPerm,
        ErrorCode::NoProto,
        ErrorCode::Loading,
        ErrorCode::ReadOnly,
        ErrorCode::Moved,
        ErrorCode::CrossSlot,
        ErrorCode::IdempReuse,
        ErrorCode::RateLimited,
        ErrorCode::Overloaded,
        ErrorCode::JournalFail,
        ErrorCode::BusyGroup,
        ErrorCode::NoGroup,
    ];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            ErrorCode::Err => "ERR",
            ErrorCode::WrongPass => "WRONGPASS",
            ErrorCode::NoAuth => "NOAUTH",
            ErrorCode::NoPerm => "NOPERM",
            ErrorCode::NoProto => "NOPROTO",
            ErrorCode::Loading => "LOADING",
            ErrorCode::ReadOnly => "READONLY",
            ErrorCode::Moved => "MOVED",
            ErrorCode::CrossSlot => "CROSSSLOT",
            ErrorCode::IdempReuse => "IDEMPREUSE",
            ErrorCode::RateLimited => "RATELIMITED",
            ErrorCode::Overloaded => "OVERLOADED",
            ErrorCode::JournalFail => "JOURNALFAIL",
            ErrorCode::BusyGroup => "BUSYGROUP",
            ErrorCode::NoGroup => "NOGROUP",
        }
    }

    /// The code with this word.
    pub fn from_word(word: &[u8]) -> Option<ErrorCode> {
        ErrorCode::ALL.into_iter().find(|code| code.word().as_bytes() == word)
    }
}

/// What a client is told when its command could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    code: ErrorCode,
    retry_ms: Option<u32>,
    message: Cow<'static, str>,
}

impl WireError {
    /// An error that says what to do about it. For `OVERLOADED` and `RATELIMITED` see [`WireError::retry`].
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        WireError { code, retry_ms: None, message: message.into() }
    }

    /// `ERR`: the command is wrong.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        WireError::new(ErrorCode::Err, message)
    }

    /// `OVERLOADED` or `RATELIMITED`: the same command may succeed in `retry_ms` milliseconds.
    pub fn retry(code: ErrorCode, retry_ms: u32, message: impl Into<Cow<'static, str>>) -> Self {
        WireError { code, retry_ms: Some(retry_ms), message: message.into() }
    }

    /// What programs act on.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The text for humans, without the code.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// After how many milliseconds to try again, if that makes sense.
    pub fn retry_ms(&self) -> Option<u32> {
        self.retry_ms
    }

    /// Writes it as a RESP error.
    pub fn write(&self, writer: &mut Writer<'_>) {
        match self.retry_ms {
            None => writer.error(self.code.word(), &[&self.message]),
            Some(milliseconds) => {
                let mut digits = itoa::Buffer::new();
                writer
                    .error(self.code.word(), &["retry_ms=", digits.format(milliseconds), " ", &self.message]);
            }
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.code.word())?;
        if let Some(milliseconds) = self.retry_ms {
            write!(f, "retry_ms={milliseconds} ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for WireError {}
