//! Where the time of a read's commands went. The clock is read a few times a read, whatever it holds.

use std::sync::Arc;
use std::time::Instant;

use tidegate_actors::{Outcome, Seat};
use tidegate_protocol::command::Command;

use crate::metrics::{Sheet, Stage};

/// What is remembered of one read until it is noted. Its buffers are reused from read to read.
#[derive(Default)]
pub(super) struct Clockings {
    /// When the actors were asked; `None` if none was.
    decoded: Option<Instant>,
    /// When the replies were ready.
    ready: Option<Instant>,
    /// Commands answered by a visit, those of a kind that follow each other in one.
    visited: Vec<(usize, Command, u64)>,
    /// All commands by index.
    answered: Vec<(usize, u64)>,
}

impl Clockings {
    /// All is decoded, and the actors are about to be asked.
    pub(super) fn decoded(&mut self) -> Instant {
        *self.decoded.insert(Instant::now())
    }

    /// A command was answered by this visit.
    pub(super) fn visited(&mut self, visit: usize, command: Command) {
        match self.visited.last_mut() {
            Some((last, kind, times)) if *last == visit && kind.index() == command.index() => *times += 1,
            _ => self.visited.push((visit, command, 1)),
        }
    }

    /// Notes all but the writing, now that the replies are ready: of so many commands of each index.
    pub(super) fn note(
        &mut self,
        (since, now): (Instant, Instant),
        times: &[u64],
        outcomes: &[(Arc<Seat>, Outcome)],
        sheet: &mut Sheet,
    ) {
        self.answered.clear();
        self.answered.extend(times.iter().copied().enumerate().filter(|(_, times)| *times > 0));
        let decode = self.decoded.take().unwrap_or(now).saturating_duration_since(since);
        for (command, times) in &self.answered {
            sheet.stage(*command, Stage::Decode, decode, *times);
        }
        for (visit, command, times) in self.visited.drain(..) {
            if let Some((_, outcome)) = outcomes.get(visit) {
                sheet.visit(command.index(), outcome.body.stages(), times);
            }
        }
        self.ready = Some(now);
    }

    /// Notes the writing, if there is a socket to write to.
    pub(super) fn written(&mut self, sheet: &mut Sheet) {
        if let Some(reply) = self.ready.take().map(|ready| ready.elapsed()) {
            for (command, times) in &self.answered {
                sheet.stage(*command, Stage::Reply, reply, *times);
            }
        }
    }
}
