//! What a batch came to, put into the order of its commands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_actors::{Fault, House, Outcome, Reply, Seat};
use tidegate_engine::Millis;
use tidegate_protocol::command::{COMMANDS, Command};
use tidegate_protocol::reply::ReportOf;
use tidegate_protocol::resp::Writer;

use super::super::connection::KEPT_BYTES;
use super::super::labels::Label;
use super::{Batch, CampaignReport, Piece, Place};
use crate::convert::{self, Books};

impl Batch {
    /// Puts replies into `output`, in order, until there are `most` bytes and a reply of them. True when all are there;
    /// otherwise there is more to be had by another call.
    pub(in super::super) fn put_together(
        &mut self,
        since: Instant,
        most: usize,
        output: &mut Vec<u8>,
    ) -> bool {
        if self.pieces.is_empty() {
            std::mem::swap(output, &mut self.ready);
            // Nothing large beside what is being written.
            if self.ready.capacity() > KEPT_BYTES {
                self.ready = Vec::new();
            }
            self.ready.clear();
            self.count(since);
        } else {
            let (now, retry) = (self.edge.now(), self.edge.limits.retry_ms);
            while let Some(piece) = self.pieces.get(self.next.0).copied() {
                if output.len() >= most {
                    return false;
                }
                self.put(piece, now, retry, output);
                self.next.0 += 1;
            }
            self.count(since);
            self.clear();
        }
        true
    }

    fn put(&mut self, piece: Piece, now: Millis, retry: Duration, output: &mut Vec<u8>) {
        match piece {
            Piece::Ready { end } => {
                output.extend_from_slice(&self.ready[self.next.1..end]);
                self.next.1 = end;
            }
            Piece::Asked { visit, ask, sent } => {
                let mut writer = Writer::new(output, sent.protocol);
                let (seat, outcome) = &self.outcomes[visit];
                let label = match (&outcome.replies, outcome.body.asks().get(ask)) {
                    (Ok(replies), Some(asked)) if ask < replies.len() => {
                        match (&replies[ask], self.edge.house()) {
                            (Reply::Campaign(view), Ok(house)) => {
                                let members = members(house, seat.name());
                                convert::write_campaign(
                                    seat.name(),
                                    view.as_ref(),
                                    &members,
                                    now,
                                    &mut writer,
                                );
                                Label::Ok
                            }
                            (reply, _) => {
                                convert::write_reply(seat.name(), asked, reply, now, retry, &mut writer)
                            }
                        }
                    }
                    // An actor replies to each ask, or says why it replied to none.
                    (replies, _) => {
                        let fault = replies.as_ref().err().copied().unwrap_or(Fault::Panicked);
                        write_fault(fault, retry, &mut writer)
                    }
                };
                self.label(sent, label);
                if !sent.part {
                    self.clockings.visited(visit, sent.command);
                }
            }
            Piece::Put { at, sent } => {
                let mut writer = Writer::new(output, sent.protocol);
                let label = match self.put.get(at) {
                    Some(put) => convert::write_put(put, retry, &mut writer),
                    None => write_fault(Fault::Panicked, retry, &mut writer),
                };
                self.label(sent, label);
            }
            Piece::Report { at, sent } => {
                let mut writer = Writer::new(output, sent.protocol);
                let CampaignReport { campaign, buyers, asks } = &self.reports[at];
                let label = match books(asks, &self.outcomes) {
                    Ok(mut books) => {
                        books.set_buyers(*buyers);
                        books.write(ReportOf::Campaign(campaign), &mut writer);
                        Label::Ok
                    }
                    Err(fault) => write_fault(fault, retry, &mut writer),
                };
                self.label(sent, label);
            }
        }
    }

    fn clear(&mut self) {
        self.ready.clear();
        self.pieces.clear();
        self.due = 0;
        self.reports.clear();
        self.put.clear();
        self.next = (0, 0);
        if self.ready.capacity() > KEPT_BYTES {
            self.ready = Vec::new();
        }
        self.visits.take_back(self.outcomes.drain(..));
    }

    /// Counts what was answered. All commands of a batch were read and answered together, and took the same time.
    fn count(&mut self, since: Instant) {
        let now = Instant::now();
        let mut sheet = self.recorder.lock();
        sheet.read(self.labels.len() as u64, self.outcomes.len() as u64);
        let mut times = [0u64; COMMANDS.len() + 1];
        for (command, label) in self.labels.drain(..) {
            // An unknown command counts as "other": the place after the last.
            let command = command.map_or(COMMANDS.len(), Command::index);
            sheet.count(command, label.index(), 1);
            times[command] += 1;
        }
        for (command, times) in times.iter().copied().enumerate().filter(|(_, times)| *times > 0) {
            sheet.latency(command, now - since, times);
        }
        self.clockings.note((since, now), &times, &self.outcomes, &mut sheet);
    }

    /// The replies are written, so many bytes of them for so many bytes of commands.
    pub(in super::super) fn written(&mut self, received: usize, sent: usize) {
        let mut sheet = self.recorder.lock();
        sheet.traffic(received as u64, sent as u64);
        self.clockings.written(&mut sheet);
    }
}

/// The sums of these reports.
fn books(asks: &[Place], outcomes: &[(Arc<Seat>, Outcome)]) -> Result<Books, Fault> {
    let mut books = Books::default();
    for Place { visit, ask } in asks {
        let (_, outcome) = &outcomes[*visit];
        match outcome.replies.as_ref().map_err(|fault| *fault)?.get(*ask) {
            Some(Reply::Report(Some(report))) => books.add(&report.0, &report.1),
            _ => return Err(Fault::Panicked),
        }
    }
    Ok(books)
}

fn write_fault(fault: Fault, retry: Duration, writer: &mut Writer<'_>) -> Label {
    let error = convert::fault(fault, retry);
    error.write(writer);
    Label::Error(error.code())
}

/// Names and currencies of the SKUs that are part of a campaign.
pub(super) fn members(house: &House, campaign: &str) -> Vec<(String, String)> {
    let currency = |seat: &Seat| {
        seat.shown().view().as_ref().map(|view| view.terms.currency.code().to_owned()).unwrap_or_default()
    };
    house.members(campaign).iter().map(|seat| (seat.name().to_owned(), currency(seat))).collect()
}
