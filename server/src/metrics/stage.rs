//! The stages of a command between its bytes and its reply's.

use std::array;
use std::time::Duration;

use tidegate_actors::Stages;
use tidegate_persistence::Powers;

/// Where a command's time goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// From its read until its actor is asked. A command that needs no actor is carried out in it.
    Decode,
    /// Waiting for the actor's turn.
    Mailbox,
    /// The turn: everything that its read asked of the actor is judged and applied.
    Turn,
    /// Waiting until what the reply reflects is durable.
    Journal,
    /// What of that the disk took to sync, in the last commit waited for.
    Sync,
    /// Writing the replies of its read to the socket.
    Reply,
}

impl Stage {
    /// All stages, in the order in which they come.
    pub const ALL: [Self; 6] =
        [Self::Decode, Self::Mailbox, Self::Turn, Self::Journal, Self::Sync, Self::Reply];

    /// Its name as a label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Mailbox => "mailbox",
            Self::Turn => "turn",
            Self::Journal => "journal",
            Self::Sync => "sync",
            Self::Reply => "reply",
        }
    }
}

/// Nanoseconds that commands of one kind spent in each stage.
#[derive(Debug, Clone)]
pub struct StageTimes([Powers; Stage::ALL.len()]);

impl Default for StageTimes {
    fn default() -> Self {
        Self(array::from_fn(|_| Powers::default()))
    }
}

impl StageTimes {
    /// `times` commands spent so long each in this stage.
    pub(super) fn record(&mut self, stage: Stage, took: Duration, times: u64) {
        self.0[stage as usize].record_n(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), times);
    }

    /// `times` commands came back from an actor that says this of where their time went.
    pub(super) fn record_visit(&mut self, stages: &Stages, times: u64) {
        let Some(mailbox) = stages.mailbox() else { return };
        self.record(Stage::Mailbox, mailbox, times);
        self.record(Stage::Turn, stages.turn(), times);
        // Whoever had to wait for nothing is not counted: most of a flash sale is refused, and would hide the rest.
        if !stages.journal().is_zero() {
            self.record(Stage::Journal, stages.journal(), times);
            self.record(Stage::Sync, stages.sync(), times);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            sum.add(more);
        }
    }

    /// Each stage that was seen.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, &Powers)> {
        Stage::ALL.into_iter().zip(&self.0).filter(|(_, times)| times.count() > 0)
    }
}
