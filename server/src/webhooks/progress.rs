//! How it goes with one endpoint, for who looks at the status.

use std::time::{SystemTime, UNIX_EPOCH};

/// What an endpoint's task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    /// Waits for entries.
    #[default]
    Idle,
    /// Passes over entries of types that are not wanted, and has not come to the end of them.
    CatchingUp,
    /// Sends.
    Sending,
    /// Waits until it tries an entry again.
    Retrying,
    /// Waits for room: as many entries are dead letters as the group may have pending.
    Full,
    /// Can't read the feed.
    Stuck,
    /// Sends nothing until a restart: the endpoint said that it is gone.
    Off,
}

impl State {
    /// All of them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Idle, Self::CatchingUp, Self::Sending, Self::Retrying, Self::Full, Self::Stuck, Self::Off];

    /// The word for it on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::CatchingUp => "catching_up",
            Self::Sending => "sending",
            Self::Retrying => "retrying",
            Self::Full => "full",
            Self::Stuck => "stuck",
            Self::Off => "off",
        }
    }
}

/// What one endpoint's task did since the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    pub(crate) state: State,
    /// Requests sent.
    pub(crate) attempts: u64,
    /// Of these, the ones that failed.
    pub(crate) failures: u64,
    /// Entries that the endpoint took.
    pub(crate) delivered: u64,
    /// Entries of types that it does not want.
    pub(crate) skipped: u64,
    /// Entries that were not kept any more when they were to be sent.
    pub(crate) lost: u64,
    /// Entries given up.
    pub(crate) given_up: u64,
    /// Dead letters there are now.
    pub(crate) dead_letters: u64,
    /// When an entry was taken last, in epoch milliseconds.
    pub(crate) last_success_ms: Option<i64>,
    /// Why it does not go on, or the last attempt failed.
    pub(crate) trouble: Option<String>,
}

impl Progress {
    pub(super) fn taken(&mut self) {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_success_ms = i64::try_from(since_epoch.as_millis()).ok();
        self.delivered += 1;
        self.trouble = None;
    }

    /// Nothing is in the way.
    pub(super) fn rests(&mut self) {
        self.state = State::Idle;
        self.trouble = None;
    }

    /// Nothing is in the way, and there is more to look through.
    pub(super) fn catches_up(&mut self) {
        self.state = State::CatchingUp;
        self.trouble = None;
    }
}
