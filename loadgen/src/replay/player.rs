//! Who plays which line of the trace next. Free of I/O waits; [`super::engine`] brings bytes and time.
//!
//! All lines of a SKU go over one connection, so they reach the server in the order of the trace and the outcome does
//! not depend on the pace. Every write has a
//! request id of its own, so what a broken connection left unanswered is simply sent again.

use std::collections::VecDeque;
use std::sync::Arc;

use tidegate_protocol::resp::{CommandWriter, Field, Reply, ReplyError, ReplyKind, decode_reply};

use crate::choice::Action;
use crate::ledger::{Ledger, Step};
use crate::link::{Driven, Outbox};
use crate::outcome::CommandStats;
use crate::trace::{EventKind, Trace, TraceEvent};

/// What became of a purchase of the trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Not answered yet.
    Waiting,
    /// Accepted; the order and what it costs.
    Held { order: Vec<u8>, amount: u64 },
    /// Paid.
    Paid { order: Vec<u8>, amount: u64 },
    /// Cancelled.
    Cancelled { order: Vec<u8>, amount: u64 },
    /// Its payment came too late.
    RefundDue { order: Vec<u8>, amount: u64 },
    /// Refused or failed, or an answer that leaves open what became of it.
    Gone,
}

/// A request: what to do about which purchase, and since when it is due.
#[derive(Debug, Clone, Copy)]
struct Task {
    action: Action,
    /// Position of the purchase in the trace.
    reserve: u32,
    due_ns: u64,
}

#[derive(Debug, Default)]
struct Line {
    outbox: Outbox,
    /// Positions of the events this line plays, in order.
    script: Vec<u32>,
    next: usize,
    /// Payments that follow from answers, and what a broken connection left unanswered; it goes before the script.
    ready: VecDeque<Task>,
    in_flight: VecDeque<Task>,
}

/// When events are due.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clock {
    /// As fast as they are answered.
    Closed,
    /// So many nanoseconds per millisecond of the trace.
    Paced { ns_per_ms: f64 },
}

/// What is counted besides the ledger.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PlayCounters {
    pub(super) sent: u64,
    pub(super) answered: u64,
    pub(super) errors: u64,
    pub(super) lost_connections: u64,
    pub(super) sold_out_answers: u64,
    pub(super) nothing_to_cancel: u64,
    /// The latest event that was answered, on the trace's clock.
    pub(super) trace_ms: u64,
    pub(super) last_answer_ns: u64,
}

#[derive(Debug)]
pub(super) struct Player {
    trace: Arc<Trace>,
    clock: Clock,
    pipeline: usize,
    lines: Vec<Line>,
    /// By event; cancellations stay `Waiting`.
    pub(super) fates: Vec<Fate>,
    /// By event: whether it is a purchase that the trace cancels later.
    cancelled_later: Vec<bool>,
    pub(super) ledger: Ledger,
    /// By [`Action`].
    pub(super) stats: [CommandStats; 4],
    pub(super) counters: PlayCounters,
    /// By SKU: units held or sold just now, and when the last unit was taken first.
    pub(super) shelves: Vec<Shelf>,
}

/// A SKU as the answers show it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shelf {
    pub(super) taken: u64,
    pub(super) asked_units: u64,
    pub(super) refused_lines: u64,
    pub(super) refused_units: u64,
    /// When the last unit was taken first, on the trace's clock.
    pub(super) emptied_at_ms: Option<u64>,
    /// When somebody was told SOLD_OUT first, on the trace's clock.
    pub(super) first_refused_at_ms: Option<u64>,
}

impl Player {
    pub(super) fn new(
        trace: Arc<Trace>,
        ledger: Ledger,
        clock: Clock,
        connections: usize,
        pipeline: usize,
    ) -> Self {
        let mut lines: Vec<_> = (0..connections).map(|_| Line::default()).collect();
        let mut cancelled_later = vec![false; trace.events.len()];
        for (event, position) in trace.events.iter().zip(0..) {
            if let EventKind::Cancel { reserve } = event.kind {
                cancelled_later[reserve as usize] = true;
            }
            let line = purchase(&trace, position).sku as usize % connections;
            lines[line].script.push(position);
        }
        Self {
            clock,
            pipeline,
            lines,
            fates: vec![Fate::Waiting; trace.events.len()],
            cancelled_later,
            ledger,
            stats: Default::default(),
            counters: PlayCounters::default(),
            shelves: vec![Shelf::default(); trace.skus.len()],
            trace,
        }
    }

    /// Sends what has become due.
    pub(super) fn tick(&mut self, now_ns: u64) {
        for line in 0..self.lines.len() {
            self.fill(line, now_ns);
            self.lines[line].outbox.flush();
        }
    }

    /// Whether the trace was played and everything is answered.
    pub(super) fn is_done(&self) -> bool {
        self.lines
            .iter()
            .all(|line| line.next == line.script.len() && line.ready.is_empty() && line.in_flight.is_empty())
    }

    pub(super) fn is_connected(&self) -> bool {
        self.lines.iter().all(|line| line.outbox.is_connected())
    }

    fn due_ns(&self, at_ms: u64, now_ns: u64) -> u64 {
        match self.clock {
            Clock::Closed => now_ns,
            Clock::Paced { ns_per_ms } => (at_ms as f64 * ns_per_ms) as u64,
        }
    }

    fn send(&mut self, line: usize, task: Task) {
        let bought = purchase(&self.trace, task.reserve);
        let line = &mut self.lines[line];
        let number = task.reserve;
        let out = &mut line.outbox.output;
        match (task.action, &self.fates[number as usize]) {
            (Action::Pay, Fate::Held { order, amount }) => {
                let mut writer = CommandWriter::new(out, 5);
                writer.arg("ORDER.PAY").arg(order).arg(format!("pay-{number}"));
                writer.arg_uint(*amount).arg(format!("payment-{number}"));
            }
            (Action::Cancel, Fate::Held { order, .. }) => {
                CommandWriter::new(out, 3).arg("ORDER.CANCEL").arg(order).arg(format!("cancel-{number}"));
            }
            _ => {
                let sku = &self.ledger.accounts()[bought.sku as usize].sku;
                let mut writer = CommandWriter::new(out, 5);
                writer.arg("ORDER.RESERVE").arg(sku).arg(format!("reserve-{number}"));
                writer.arg(buyer(&self.trace, number)).arg_uint(bought.qty);
            }
        }
        line.in_flight.push_back(task);
        self.counters.sent += 1;
    }

    fn settle(&mut self, line: usize, task: Task, reply: Reply<'_>, now_ns: u64) {
        let stats = &mut self.stats[task.action as usize];
        stats.latencies.record(now_ns.saturating_sub(task.due_ns), 1);
        let bought = purchase(&self.trace, task.reserve);
        self.counters.trace_ms = self.counters.trace_ms.max(bought.at_ms);
        let fate = std::mem::replace(&mut self.fates[task.reserve as usize], Fate::Gone);
        if reply.kind() == ReplyKind::Error {
            self.counters.errors += 1;
            stats.outcomes.count(reply.error_code().unwrap_or(b"ERR"));
            self.failed(task, fate, reply.error().unwrap_or_default());
            return;
        }
        let word = reply.status().unwrap_or(b"MALFORMED");
        stats.outcomes.count(word);
        let qty = bought.qty;
        let next = match (task.action, word, fate) {
            (Action::Reserve, b"RESERVED", _) => self.reserved(line, task, reply),
            (Action::Reserve, b"SOLD_OUT", _) => {
                self.counters.sold_out_answers += 1;
                let shelf = &mut self.shelves[bought.sku as usize];
                shelf.asked_units += qty;
                shelf.refused_lines += 1;
                shelf.refused_units += qty;
                shelf.first_refused_at_ms.get_or_insert(bought.at_ms);
                Fate::Gone
            }
            (Action::Reserve, _, _) => {
                self.shelves[bought.sku as usize].asked_units += qty;
                Fate::Gone
            }
            (Action::Pay, b"PAID", Fate::Held { order, amount }) => {
                self.ledger.paid(bought.sku, qty, amount);
                Fate::Paid { order, amount }
            }
            (Action::Pay, b"REFUND_DUE", Fate::Held { order, amount }) => {
                self.ledger.refund_due(bought.sku, qty, amount);
                Fate::RefundDue { order, amount }
            }
            (Action::Cancel, b"CANCELLED", Fate::Held { order, amount }) => {
                self.ledger.cancelled(bought.sku, 0, qty, amount);
                let shelf = &mut self.shelves[bought.sku as usize];
                shelf.taken = shelf.taken.saturating_sub(qty);
                Fate::Cancelled { order, amount }
            }
            (action, word, fate) => {
                self.ledger.contradicted(bought.sku, || {
                    let word = String::from_utf8_lossy(word);
                    format!("an open order was answered {word} on {}", action.word())
                });
                fate
            }
        };
        self.fates[task.reserve as usize] = next;
    }

    fn reserved(&mut self, line: usize, task: Task, reply: Reply<'_>) -> Fate {
        let bought = purchase(&self.trace, task.reserve);
        let mut fields = reply.fields().skip(1);
        let (Some(Field::Text(order)), Some(Field::Integer(amount))) = (fields.next(), fields.next()) else {
            self.ledger.contradicted(bought.sku, || "RESERVED without an order id and an amount".to_owned());
            return Fate::Gone;
        };
        let amount = u64::try_from(amount).unwrap_or(u64::MAX);
        self.ledger.reserved(bought.sku, order, 0, bought.qty, amount);
        let shelf = &mut self.shelves[bought.sku as usize];
        shelf.asked_units += bought.qty;
        shelf.taken += bought.qty;
        if shelf.taken >= self.trace.skus[bought.sku as usize].stock {
            shelf.emptied_at_ms.get_or_insert(bought.at_ms);
        }
        // Who does not cancel pays at once; who cancels later keeps the order open until then.
        if !self.cancelled_later[task.reserve as usize] {
            self.lines[line].ready.push_back(Task { action: Action::Pay, ..task });
        }
        Fate::Held { order: order.to_vec(), amount }
    }

    /// An error to a write: it did not happen, unless the server does not know.
    fn failed(&mut self, task: Task, fate: Fate, error: &[u8]) {
        let bought = purchase(&self.trace, task.reserve);
        let doubt = crate::outcome::leaves_doubt(error);
        let step = match task.action {
            Action::Pay => Step::Pay,
            Action::Cancel => Step::Cancel,
            Action::Reserve | Action::Get => {
                self.shelves[bought.sku as usize].asked_units += bought.qty;
                Step::Reserve
            }
        };
        let price = self.trace.skus[bought.sku as usize].price;
        if doubt {
            self.ledger.unknown(bought.sku, step, 0, bought.qty, price.saturating_mul(bought.qty));
        } else if step != Step::Reserve {
            self.fates[task.reserve as usize] = fate;
        }
    }
}

impl Driven for Player {
    fn outbox(&mut self, line: usize) -> &mut Outbox {
        &mut self.lines[line].outbox
    }

    fn fill(&mut self, line: usize, now_ns: u64) {
        while self.lines[line].outbox.is_connected() && self.lines[line].in_flight.len() < self.pipeline {
            if let Some(mut task) = self.lines[line].ready.pop_front() {
                if matches!(self.clock, Clock::Closed) {
                    task.due_ns = now_ns;
                }
                self.send(line, task);
                continue;
            }
            let Some(position) = self.lines[line].script.get(self.lines[line].next).copied() else { return };
            let event = &self.trace.events[position as usize];
            let due_ns = self.due_ns(event.at_ms, now_ns);
            if due_ns > now_ns {
                return;
            }
            match cancelled_by(event) {
                None => self.send(line, Task { action: Action::Reserve, reserve: position, due_ns }),
                Some(reserve) => match self.fates[reserve as usize] {
                    // Later purchases may live on the units that come back, so the line waits for the answer.
                    Fate::Waiting => return,
                    Fate::Held { .. } => self.send(line, Task { action: Action::Cancel, reserve, due_ns }),
                    _ => self.counters.nothing_to_cancel += 1,
                },
            }
            self.lines[line].next += 1;
        }
    }

    /// What was not answered is asked again under the same request ids: who was heard gets the same answer.
    fn disconnected(&mut self, line: usize) {
        self.counters.lost_connections += u64::from(self.lines[line].outbox.disconnect());
        let line = &mut self.lines[line];
        while let Some(task) = line.in_flight.pop_back() {
            line.ready.push_front(task);
        }
    }

    fn received(&mut self, line: usize, input: &[u8], now_ns: u64) -> Result<usize, ReplyError> {
        let mut used = 0;
        while used < input.len() {
            let Some(reply) = decode_reply(&input[used..])? else { break };
            let Some(task) = self.lines[line].in_flight.pop_front() else {
                return Err(ReplyError::InvalidValue);
            };
            used += reply.wire_len();
            self.counters.answered += 1;
            self.counters.last_answer_ns = now_ns;
            self.settle(line, task, reply, now_ns);
        }
        self.fill(line, now_ns);
        self.lines[line].outbox.flush();
        Ok(used)
    }
}

/// A purchase of the trace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purchase {
    pub(super) at_ms: u64,
    pub(super) sku: u32,
    pub(super) qty: u64,
}

/// The purchase at a position of the trace, or the one that the cancellation there is about.
pub(super) fn purchase(trace: &Trace, position: u32) -> Purchase {
    let event = &trace.events[position as usize];
    match event.kind {
        EventKind::Reserve { sku, qty, .. } => Purchase { at_ms: event.at_ms, sku, qty: u64::from(qty) },
        // A trace refers backwards to reservations only, so this is one step.
        EventKind::Cancel { reserve } => purchase(trace, reserve),
    }
}

/// Who made the purchase at a position of the trace.
pub(super) fn buyer(trace: &Trace, position: u32) -> &str {
    match &trace.events[position as usize].kind {
        EventKind::Reserve { buyer, .. } => buyer,
        EventKind::Cancel { reserve } => buyer(trace, *reserve),
    }
}

fn cancelled_by(event: &TraceEvent) -> Option<u32> {
    match event.kind {
        EventKind::Reserve { .. } => None,
        EventKind::Cancel { reserve } => Some(reserve),
    }
}
