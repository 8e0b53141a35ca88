//! The commands of one read: sorted by actor on the way in, put back in order on the way out.

use std::sync::Arc;
use std::time::Instant;

use tidegate_actors::{Ask, Body, Fault, Outcome, Seat};
use tidegate_protocol::command::{self, COMMANDS, Call, Command};
use tidegate_protocol::error::WireError;
use tidegate_protocol::resp::{Args, Protocol, Writer};

use super::Edge;
use super::connection::KEPT_BYTES;
use super::labels::Label;
use super::session::Session;
use super::visits::Visits;
use crate::convert::{self, Absent, Errand};
use crate::metrics::Recorder;

/// What one read asks. Its buffers are reused from read to read.
pub(super) struct Batch {
    edge: Arc<Edge>,
    recorder: Arc<Recorder>,
    /// Replies that need no actor, end to end.
    ready: Vec<u8>,
    /// How the output is put together.
    pieces: Vec<Piece>,
    visits: Visits,
    /// What the ready replies are counted as.
    labels: Vec<(Option<Command>, Label)>,
}

/// A piece of the output.
#[derive(Clone, Copy)]
enum Piece {
    /// `ready`, from where the last such piece ended to here.
    Ready { end: usize },
    /// The reply of an actor to one ask.
    Asked { visit: usize, ask: usize, sent: Sent },
}

impl Batch {
    pub(super) fn new(edge: Arc<Edge>, recorder: Arc<Recorder>) -> Self {
        Self {
            edge,
            recorder,
            ready: Vec::new(),
            pieces: Vec::new(),
            visits: Visits::default(),
            labels: Vec::new(),
        }
    }

    /// Bytes of replies that are ready.
    pub(super) fn ready_bytes(&self) -> usize {
        self.ready.len()
    }

    /// Takes in one command.
    pub(super) fn add(&mut self, args: Args<'_>, session: &mut Session) {
        let command = command::lookup(args);
        let known = command.as_ref().ok().copied();
        let done = command.and_then(|command| {
            let call = command.parse(args)?;
            self.dispatch(command, call, session)
        });
        if let Err(error) = done {
            error.write(&mut Writer::new(&mut self.ready, session.protocol()));
            self.labels.push((known, Label::Error(error.code())));
        }
    }

    fn dispatch(&mut self, command: Command, call: Call<'_>, session: &mut Session) -> Result<(), WireError> {
        let protocol = session.protocol();
        let sent = Sent { command, protocol, part: false };
        match convert::errand(call) {
            Errand::Connection(call) => {
                let edge = Arc::clone(&self.edge);
                session.answer(call, &edge, &mut self.ready)?;
                self.labels.push((Some(command), Label::Ok));
                Ok(())
            }
            Errand::Look(sku) => self.look(sent, sku),
            Errand::LookAll(skus) => {
                if self.edge.house()?.journal_failed() {
                    return Err(self.fault(Fault::JournalFailed));
                }
                Writer::new(&mut self.ready, protocol).array(skus.len());
                for sku in skus.texts() {
                    // The array is begun: one SKU that can't be shown is an error in its place.
                    if let Err(error) = self.look(Sent { part: true, ..sent }, sku) {
                        error.write(&mut Writer::new(&mut self.ready, protocol));
                    }
                }
                self.labels.push((Some(command), Label::Ok));
                Ok(())
            }
            Errand::Ask { sku, ask } => {
                let visit = self.visits.by_name(self.edge.house()?, sku);
                self.ask(sent, visit, Absent::Nil, |body| body.push(ask))
            }
            Errand::Command { sku, command } => {
                let visit = self.visits.by_name(self.edge.house_for_writing()?, sku);
                self.ask(sent, visit, Absent::NotFound, |body| body.push_command(&command))
            }
            Errand::Put { sku, document } => {
                let house = self.edge.house_for_writing()?;
                let put = convert::put(document)?;
                let retry = self.edge.limits.retry_ms;
                let seat = house.find_or_create(sku).map_err(|error| convert::not_created(error, retry))?;
                let visit = self.visits.by_seat(seat);
                self.ask(sent, Some(visit), Absent::NotFound, |body| body.push_command(&put))
            }
            Errand::Nowhere(absent) => {
                self.edge.house()?;
                self.answer_absent(sent, absent);
                Ok(())
            }
        }
    }

    /// A shopper's look at a SKU: from the published view, unless this batch asks the same actor something before
    /// it, whose effect must be seen.
    fn look(&mut self, sent: Sent, sku: &str) -> Result<(), WireError> {
        let house = self.edge.house()?;
        let Some(seat) = house.find(sku) else {
            self.answer_absent(sent, Absent::Nil);
            return Ok(());
        };
        if let Some(visit) = self.visits.find(&seat) {
            return self.ask(sent, Some(visit), Absent::Nil, |body| body.push(Ask::View));
        }
        if house.journal_failed() {
            return Err(self.fault(Fault::JournalFailed));
        }
        if let Some(fault) = convert::out_of_service(seat.shown().condition()) {
            return Err(self.fault(fault));
        }
        let view = seat.shown().view();
        convert::write_view(
            sku,
            view.as_deref(),
            house.now(),
            &mut Writer::new(&mut self.ready, sent.protocol),
        );
        self.label(sent, Label::Ok);
        Ok(())
    }

    /// Adds something to a visit, if there is an actor to visit.
    fn ask(
        &mut self,
        sent: Sent,
        visit: Option<usize>,
        absent: Absent,
        push: impl FnOnce(&mut Body),
    ) -> Result<(), WireError> {
        let Some(visit) = visit else {
            self.answer_absent(sent, absent);
            return Ok(());
        };
        let body = self.visits.body(visit);
        push(body);
        let ask = body.len() - 1;
        self.close_ready();
        self.pieces.push(Piece::Asked { visit, ask, sent });
        Ok(())
    }

    fn answer_absent(&mut self, sent: Sent, absent: Absent) {
        let label = absent.write(&mut Writer::new(&mut self.ready, sent.protocol));
        self.label(sent, label);
    }

    fn label(&mut self, sent: Sent, label: Label) {
        if !sent.part {
            self.labels.push((Some(sent.command), label));
        }
    }

    fn fault(&self, fault: Fault) -> WireError {
        convert::fault(fault, self.edge.limits.retry_ms)
    }

    fn close_ready(&mut self) {
        let end = self.ready.len();
        if end > 0 {
            match self.pieces.last_mut() {
                Some(Piece::Ready { end: last }) => *last = end,
                _ => self.pieces.push(Piece::Ready { end }),
            }
        }
    }

    /// Visits the actors, waits for them, and puts the replies of all commands into `output`, in order.
    pub(super) async fn finish(&mut self, since: Instant, output: &mut Vec<u8>) {
        if self.visits.is_empty() {
            // Nearly all reads of a shop's pages end here.
            std::mem::swap(output, &mut self.ready);
            self.ready.clear();
        } else {
            self.close_ready();
            let outcomes = self.visits.make().await;
            self.put_together(&outcomes, output);
            self.clear(outcomes);
        }
        self.count(since);
    }

    fn put_together(&mut self, outcomes: &[(Arc<Seat>, Outcome)], output: &mut Vec<u8>) {
        let (now, retry) = (self.edge.now(), self.edge.limits.retry_ms);
        let mut from = 0;
        for piece in &self.pieces {
            match *piece {
                Piece::Ready { end } => {
                    output.extend_from_slice(&self.ready[from..end]);
                    from = end;
                }
                Piece::Asked { visit, ask, sent } => {
                    let mut writer = Writer::new(output, sent.protocol);
                    let (seat, outcome) = &outcomes[visit];
                    let label = match (&outcome.replies, outcome.body.asks().get(ask)) {
                        (Ok(replies), Some(asked)) if ask < replies.len() => {
                            convert::write_reply(seat.name(), asked, &replies[ask], now, retry, &mut writer)
                        }
                        (replies, _) => {
                            // An actor replies to each ask, or says why it replied to none.
                            let fault = replies.as_ref().err().copied().unwrap_or(Fault::Panicked);
                            let error = convert::fault(fault, retry);
                            error.write(&mut writer);
                            Label::Error(error.code())
                        }
                    };
                    if !sent.part {
                        self.labels.push((Some(sent.command), label));
                    }
                }
            }
        }
    }

    fn clear(&mut self, outcomes: Vec<(Arc<Seat>, Outcome)>) {
        self.ready.clear();
        self.pieces.clear();
        if self.ready.capacity() > KEPT_BYTES {
            self.ready = Vec::new();
        }
        self.visits.take_back(outcomes);
    }

    /// Counts what was answered. All commands of a batch were read and answered together, and took the same time.
    fn count(&mut self, since: Instant) {
        let took = since.elapsed();
        let mut sheet = self.recorder.lock();
        let mut times = [0u64; COMMANDS.len() + 1];
        for (command, label) in self.labels.drain(..) {
            // An unknown command counts as "other": the place after the last.
            let command = command.map_or(COMMANDS.len(), Command::index);
            sheet.count(command, label.index(), 1);
            times[command] += 1;
        }
        for (command, times) in times.into_iter().enumerate().filter(|(_, times)| *times > 0) {
            sheet.latency(command, took, times);
        }
    }
}

/// Which command an answer is for, and how it is encoded.
#[derive(Clone, Copy)]
struct Sent {
    command: Command,
    protocol: Protocol,
    /// It is one of several in one reply, which is counted as a whole.
    part: bool,
}
