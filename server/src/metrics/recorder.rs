//! What one thread counts about the commands it answers.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tidegate_actors::Stages;
use tidegate_persistence::Powers;

use super::distribution::Distribution;
use super::stage::{Stage, StageTimes};
use super::{MAX_MICROS, micros};

/// One thread's sheet of numbers. Lock it once per batch, write, and let go before any await: then the lock
/// costs some ten nanoseconds, because only a reader of `/status` or `/metrics` ever competes for it.
#[derive(Debug)]
pub struct Recorder(Mutex<Sheet>);

impl Recorder {
    pub(super) fn new(commands: usize, outcomes: usize) -> Self {
        Self(Mutex::new(Sheet::new(commands, outcomes)))
    }

    /// The sheet, to write one batch on.
    pub fn lock(&self) -> MutexGuard<'_, Sheet> {
        self.0.lock()
    }
}

/// Counts by command and outcome, and latencies by command. An index beyond the lists given to
/// [`super::Metrics::new`] counts as [`super::OTHER`].
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Row-major: one row per command.
    counts: Vec<u64>,
    outcomes: usize,
    /// Made when a command is first seen: most commands of the table never are, and each takes 20 KiB.
    latencies: Vec<Option<Box<Distribution>>>,
    /// Likewise.
    stages: Vec<Option<Box<StageTimes>>>,
    reads: Reads,
}

/// What reads of TCP connections brought and took away.
#[derive(Debug, Clone, Default)]
pub struct Reads {
    /// Commands of each read that held some.
    pub commands: Powers,
    /// Actors asked by each read that asked any.
    pub actors: Powers,
    /// Bytes of commands.
    pub received: u64,
    /// Bytes of replies.
    pub sent: u64,
}

/// Everything that was counted since the start.
#[derive(Debug, Clone)]
pub struct Totals {
    /// By command; only commands that were seen.
    pub commands: Vec<CommandTotals>,
    /// By read.
    pub reads: Reads,
}

/// One command since the start.
#[derive(Debug, Clone)]
pub struct CommandTotals {
    /// The command's name.
    pub command: &'static str,
    /// How often it ended in which outcome; only outcomes that were seen.
    pub outcomes: Vec<(&'static str, u64)>,
    /// Microseconds from decoding the command to handing its reply to the socket.
    pub micros: Distribution,
    /// Where that time went.
    pub stages: StageTimes,
}

impl Sheet {
    pub(super) fn new(commands: usize, outcomes: usize) -> Self {
        Self {
            counts: vec![0; commands * outcomes],
            outcomes,
            latencies: (0..commands).map(|_| None).collect(),
            stages: (0..commands).map(|_| None).collect(),
            reads: Reads::default(),
        }
    }

    /// `times` commands of this kind ended in `outcome`.
    pub fn count(&mut self, command: usize, outcome: usize, times: u64) {
        let row = self.row(command);
        let column = outcome.min(self.outcomes - 1);
        self.counts[row * self.outcomes + column] += times;
    }

    /// `times` commands of this kind took `latency` each: one call for all of a kind in a batch, since they
    /// were read and answered together. Told apart from 1 µs to 60 s by about 1 %.
    pub fn latency(&mut self, command: usize, latency: Duration, times: u64) {
        let row = self.row(command);
        self.latencies[row]
            .get_or_insert_with(|| Box::new(Distribution::new(MAX_MICROS)))
            .record_n(micros(latency), times);
    }

    /// `times` commands of this kind spent so long each in this stage.
    pub fn stage(&mut self, command: usize, stage: Stage, took: Duration, times: u64) {
        self.stages_of(command).record(stage, took, times);
    }

    /// `times` commands of this kind came back from an actor, which says where their time went.
    pub fn visit(&mut self, command: usize, stages: &Stages, times: u64) {
        self.stages_of(command).record_visit(stages, times);
    }

    fn stages_of(&mut self, command: usize) -> &mut StageTimes {
        let row = self.row(command);
        self.stages[row].get_or_insert_default()
    }

    /// A read held so many commands, which asked so many actors.
    pub fn read(&mut self, commands: u64, actors: u64) {
        self.reads.commands.record_n(commands, 1);
        if actors > 0 {
            self.reads.actors.record_n(actors, 1);
        }
    }

    /// So many bytes were taken and given.
    pub fn traffic(&mut self, received: u64, sent: u64) {
        self.reads.received += received;
        self.reads.sent += sent;
    }

    /// The last row and the last column are the catch-all ones, so there is always at least one.
    fn row(&self, command: usize) -> usize {
        command.min(self.latencies.len() - 1)
    }

    pub(super) fn add(&mut self, other: &Sheet) {
        for (sum, more) in self.counts.iter_mut().zip(&other.counts) {
            *sum += more;
        }
        for (sum, more) in self.latencies.iter_mut().zip(&other.latencies) {
            if let Some(more) = more {
                sum.get_or_insert_with(|| Box::new(Distribution::new(MAX_MICROS))).add(more);
            }
        }
        for (sum, more) in self.stages.iter_mut().zip(&other.stages) {
            if let Some(more) = more {
                sum.get_or_insert_default().add(more);
            }
        }
        self.reads.commands.add(&other.reads.commands);
        self.reads.actors.add(&other.reads.actors);
        self.traffic(other.reads.received, other.reads.sent);
    }

    pub(super) fn into_totals(self, commands: &[&'static str], outcomes: &[&'static str]) -> Totals {
        let measured = self.latencies.into_iter().zip(self.stages);
        let rows = self.counts.chunks_exact(self.outcomes).zip(measured).zip(commands);
        let rows = rows.map(|((counts, (latencies, stages)), command)| CommandTotals {
            command,
            outcomes: outcomes
                .iter()
                .zip(counts)
                .filter(|(_, count)| **count > 0)
                .map(|(outcome, count)| (*outcome, *count))
                .collect(),
            micros: latencies.map_or_else(|| Distribution::new(MAX_MICROS), |boxed| *boxed),
            stages: stages.map_or_else(StageTimes::default, |boxed| *boxed),
        });
        let seen = rows.filter(|totals| !totals.outcomes.is_empty() || totals.micros.count() > 0);
        Totals { commands: seen.collect(), reads: self.reads }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Metrics, OTHER};
    use super::*;

    const COMMANDS: [&str; 2] = ["PING", "ORDER.RESERVE"];
    const OUTCOMES: [&str; 2] = ["RESERVED", "SOLD_OUT"];

    #[test]
    fn two_threads_write_their_own_sheets_and_a_reader_sees_the_sum() {
        let metrics = Metrics::new(&COMMANDS, &OUTCOMES);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let recorder = metrics.recorder();
                scope.spawn(move || {
                    for _ in 0..1_000 {
                        let mut sheet = recorder.lock();
                        sheet.count(1, 0, 3);
                        sheet.count(1, 1, 61);
                        sheet.latency(1, Duration::from_micros(250), 64);
                    }
                });
            }
        });
        let totals = metrics.commands();
        let [reserve] = totals.as_slice() else { panic!("only one command was used: {totals:?}") };
        assert_eq!(reserve.command, "ORDER.RESERVE");
        assert_eq!(reserve.outcomes, [("RESERVED", 6_000), ("SOLD_OUT", 122_000)]);
        assert_eq!(reserve.micros.count(), 128_000);
        assert_eq!(reserve.micros.sum(), 128_000 * 250);
    }

    #[test]
    fn what_is_not_in_the_lists_is_counted_as_other() {
        let metrics = Metrics::new(&COMMANDS, &OUTCOMES);
        metrics.recorder().lock().count(99, 2, 5);
        metrics.recorder().lock().count(0, usize::MAX, 1);
        let totals = metrics.commands();
        assert_eq!((totals[0].command, &totals[0].outcomes[..]), ("PING", &[(OTHER, 1)][..]));
        assert_eq!((totals[1].command, &totals[1].outcomes[..]), (OTHER, &[(OTHER, 5)][..]));
    }
}
