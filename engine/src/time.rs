//! Time as the engine sees it: a number that somebody else read off a clock.

use std::fmt;

/// A point in time, in milliseconds since the Unix epoch.
///
/// The engine never asks for the time. Whoever calls it takes one reading per turn and passes it in, never
/// running backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// This point plus `duration_ms` milliseconds. Saturates at the end of time.
    #[must_use]
    pub const fn plus(self, duration_ms: u64) -> Self {
        Self(self.0.saturating_add(duration_ms))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}
