//! The numbers that hot paths write: commands by outcome, and their latency.
//!
//! Every thread that answers commands owns one [`Recorder`] and locks it once per batch, so its lock is never
//! contended except for the moment in which `/status` or `/metrics` reads. Reading adds all recorders up.
//! What others know anyway (connections, mailboxes, the journal) is not written here: it is asked for
//! when someone looks, through [`StatusSource`].

mod distribution;
pub mod families;
pub mod process;
pub(crate) mod rates;
mod readings;
mod recorder;
mod stage;
mod status;

use std::sync::Arc;

use parking_lot::Mutex;

pub use distribution::{Distribution, Percentiles};
pub use readings::{
    ArbiterReading, CensusReading, FeedReading, GroupReading, LimitReadings, Readings, ReadsReading,
    ReplayReading,
};
pub use recorder::{CommandTotals, Reads, Recorder, Sheet, Totals};
pub use stage::{Stage, StageTimes};
pub use status::{
    ActorsStatus, ConnectionsStatus, JournalStatus, MailboxesStatus, Readiness, Recovery, StatusSnapshot,
    StatusSource,
};

/// What anything beyond the given lists is counted as, so that a label can never be unbounded.
pub const OTHER: &str = "other";

/// The greatest duration that is told apart, in microseconds (60 s); longer ones count as this.
const MAX_MICROS: u64 = 60_000_000;

/// All numbers of one server.
#[derive(Debug)]
pub struct Metrics {
    commands: Arc<[&'static str]>,
    outcomes: Arc<[&'static str]>,
    recorders: Mutex<Vec<Arc<Recorder>>>,
}

impl Metrics {
    /// `commands` and `outcomes` are the labels, in the order of the indexes that [`Sheet`] is given. Outcomes
    /// are status words and error codes.
    pub fn new(commands: &[&'static str], outcomes: &[&'static str]) -> Arc<Self> {
        let with_other = |names: &[&'static str]| names.iter().copied().chain([OTHER]).collect();
        Arc::new(Self {
            commands: with_other(commands),
            outcomes: with_other(outcomes),
            recorders: Mutex::default(),
        })
    }

    /// A recorder for one thread. It stays for the life of the server: ask once per thread, never per
    /// connection.
    pub fn recorder(&self) -> Arc<Recorder> {
        let recorder = Arc::new(Recorder::new(self.commands.len(), self.outcomes.len()));
        self.recorders.lock().push(Arc::clone(&recorder));
        recorder
    }

    /// What all recorders have counted since the start, by command; only commands that were seen.
    pub fn commands(&self) -> Vec<CommandTotals> {
        self.totals().commands
    }

    /// Everything that all recorders have counted since the start.
    pub fn totals(&self) -> Totals {
        let recorders = self.recorders.lock().clone();
        let mut sum = Sheet::new(self.commands.len(), self.outcomes.len());
        for recorder in recorders {
            // Copied under the lock and added up outside it: adding takes ten times as long, and a selling thread
            // must not wait for that.
            let copy = recorder.lock().clone();
            sum.add(&copy);
        }
        sum.into_totals(&self.commands, &self.outcomes)
    }
}

/// Resident memory of this process in bytes; `None` where the system doesn't tell.
pub fn resident_bytes() -> Option<u64> {
    memory_stats::memory_stats().map(|memory| memory.physical_mem as u64)
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
