//! Why connections end.

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client closed it.
    Client,
    /// The client said goodbye.
    Quit,
    /// The rest of a command did not come in time.
    Late,
    /// The client did not say in time who it is.
    Stranger,
    /// The client did not take its replies.
    Unread,
    /// What came was no command.
    BadFrame,
    /// The network says so.
    Broken,
    /// The server stops.
    Stop,
}

impl Ended {
    pub(super) const ALL: [Self; 8] = [
        Self::Client,
        Self::Quit,
        Self::Late,
        Self::Stranger,
        Self::Unread,
        Self::BadFrame,
        Self::Broken,
        Self::Stop,
    ];

    /// Its name as a label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Quit => "quit",
            Self::Late => "late",
            Self::Stranger => "stranger",
            Self::Unread => "unread",
            Self::BadFrame => "bad_frame",
            Self::Broken => "broken",
            Self::Stop => "stop",
        }
    }
}
