//! Errors as a client sees them: a code that programs act on, and a text for humans.

use std::borrow::Cow;
use std::fmt;

use crate::resp::Writer;
use crate::status::words;

words! {
    /// The first word of a RESP error. Business outcomes (sold out, limit reached) are never errors.
    ErrorCode {
        /// The command is wrong: unknown, malformed, or an argument is out of its range.
        Err = "ERR",
        /// The name or the password is wrong.
        WrongPass = "WRONGPASS",
        /// The connection has to authenticate first.
        NoAuth = "NOAUTH",
        /// The user's role doesn't include this command.
        NoPerm = "NOPERM",
        /// `HELLO` asked for a protocol version that isn't spoken.
        NoProto = "NOPROTO",
        /// The journal is being replayed; commands on keys have to wait.
        Loading = "LOADING",
        /// The server takes no writes: it is draining, or doesn't own the key.
        ReadOnly = "READONLY",
        /// Another server owns the key.
        Moved = "MOVED",
        /// The keys of one command belong to different servers.
        CrossSlot = "CROSSSLOT",
        /// The request id was used before, with other arguments.
        IdempReuse = "IDEMPREUSE",
        /// This client sends too fast.
        RateLimited = "RATELIMITED",
        /// The server has more work than it may queue.
        Overloaded = "OVERLOADED",
        /// The journal failed. The outcome is unknown until a restart.
        JournalFail = "JOURNALFAIL",
        /// There is a consumer group of this name already.
        BusyGroup = "BUSYGROUP",
        /// There is no such consumer group.
        NoGroup = "NOGROUP",
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
