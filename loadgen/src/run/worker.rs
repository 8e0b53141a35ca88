//! One worker: its connections, its share of the load, its part of the ledger. Single-threaded and free of I/O
//! waits; [`super::engine`] brings it bytes and time.

use std::collections::VecDeque;
use std::sync::Arc;

use tidegate_protocol::resp::{CommandWriter, Field, Reply, ReplyError, ReplyKind, decode_reply};

use super::config::{Pace, UNIT_PRICE};
use super::orders::{OpenOrders, OwnOrder, Sample};
use super::templates::{Templates, req_id};
use crate::choice::{Action, Chooser};
use crate::ledger::{Ledger, Step};
use crate::link::{Driven, Outbox};
use crate::outcome::{CommandStats, leaves_doubt};
use crate::schedule::Schedule;

/// A request that is not answered yet.
#[derive(Debug, Clone, Copy)]
struct InFlight {
    due_ns: u64,
    amount: u64,
    sku: u32,
    buyer: u32,
    action: Action,
}

/// One connection. Its reading half belongs to the task that drives it.
#[derive(Debug, Default)]
struct Line {
    outbox: Outbox,
    in_flight: VecDeque<InFlight>,
}

/// The measured part of a run, in nanoseconds since the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Window {
    fn contains(&self, at_ns: u64) -> bool {
        (self.start_ns..self.end_ns).contains(&at_ns)
    }
}

/// What a worker counts besides its ledger.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    /// Answers that arrived inside the window.
    pub(crate) answered_in_window: u64,
    pub(crate) accepted: u64,
    pub(crate) errors: u64,
    pub(crate) lost_connections: u64,
    /// Requests whose answer never came, reads included.
    pub(crate) unanswered: u64,
    pub(crate) last_answer_ns: u64,
}

impl Counters {
    /// Adds what another worker counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.answered_in_window += other.answered_in_window;
        self.accepted += other.accepted;
        self.errors += other.errors;
        self.lost_connections += other.lost_connections;
        self.unanswered += other.unanswered;
        self.last_answer_ns = self.last_answer_ns.max(other.last_answer_ns);
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Worker {
    chooser: Chooser,
    templates: Arc<Templates>,
    schedule: Option<Schedule>,
    window: Window,
    pipeline: usize,
    /// Requests that may still be sent.
    allowance: u64,
    lines: Vec<Line>,
    /// The line that the next tick begins with.
    turn: usize,
    next_req: u64,
    open_orders: Option<OpenOrders>,
    pub(crate) sample: Sample,
    pub(crate) ledger: Ledger,
    /// By [`Action`].
    pub(crate) stats: [CommandStats; 4],
    pub(crate) counters: Counters,
}

/// What a worker is made from.
pub(crate) struct WorkerParts {
    pub(crate) number: u8,
    pub(crate) chooser: Chooser,
    pub(crate) templates: Arc<Templates>,
    pub(crate) pace: Pace,
    pub(crate) window: Window,
    pub(crate) pipeline: usize,
    pub(crate) allowance: u64,
    pub(crate) connections: usize,
    pub(crate) acts_on_orders: bool,
    pub(crate) sample: usize,
    pub(crate) ledger: Ledger,
}

impl Worker {
    pub(crate) fn new(parts: WorkerParts) -> Self {
        let schedule = match parts.pace {
            Pace::Open { rate } => Some(Schedule::new(rate, parts.window.end_ns)),
            Pace::Closed => None,
        };
        Self {
            chooser: parts.chooser,
            templates: parts.templates,
            schedule,
            window: parts.window,
            pipeline: parts.pipeline,
            allowance: parts.allowance,
            lines: (0..parts.connections).map(|_| Line::default()).collect(),
            turn: 0,
            next_req: u64::from(parts.number) << 56,
            open_orders: parts.acts_on_orders.then(OpenOrders::default),
            sample: Sample::new(parts.sample),
            ledger: parts.ledger,
            stats: Default::default(),
            counters: Counters::default(),
        }
    }

    /// Everything in flight becomes unknown; called for every line at the end.
    pub(crate) fn give_up_on(&mut self, line: usize) {
        for request in self.lines[line].in_flight.drain(..) {
            self.counters.unanswered += 1;
            doubt(&mut self.ledger, &request);
        }
    }

    /// Sends what has become due, on as few lines as `pipeline` allows: a batch costs both sides about as much as
    /// a single request.
    pub(crate) fn tick(&mut self, now_ns: u64) {
        let lines = self.lines.len();
        if self.schedule.is_some() {
            for offset in 0..lines {
                let line = (self.turn + offset) % lines;
                if self.schedule.as_mut().is_none_or(|schedule| schedule.due(now_ns).is_none()) {
                    self.turn = line;
                    break;
                }
                self.fill(line, now_ns);
            }
        }
        // Also retries what a full socket buffer did not take.
        for line in 0..lines {
            self.lines[line].outbox.flush();
        }
    }

    /// Whether everything was sent and answered.
    pub(crate) fn is_done(&mut self, now_ns: u64) -> bool {
        self.may_send_no_more(now_ns) && self.in_flight() == 0
    }

    /// Requests that were due and not sent.
    pub(crate) fn backlog(&self, now_ns: u64) -> u64 {
        self.schedule.as_ref().map_or(0, |schedule| schedule.backlog(now_ns).min(self.allowance))
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.lines.iter().map(|line| line.in_flight.len() as u64).sum()
    }

    pub(crate) fn lines(&self) -> usize {
        self.lines.len()
    }

    fn may_send_no_more(&mut self, now_ns: u64) -> bool {
        self.allowance == 0
            || now_ns >= self.window.end_ns
                && self.schedule.as_mut().is_none_or(|schedule| schedule.due(now_ns).is_none())
    }

    fn send_one(&mut self, line: usize, due_ns: u64) {
        let mut action = self.chooser.action();
        let mut own = None;
        if matches!(action, Action::Pay | Action::Cancel) {
            own = self.open_orders.as_mut().and_then(|orders| orders.take(&mut self.chooser));
            if own.is_none() {
                action = Action::Reserve;
            }
        }
        let request = match &own {
            Some(order) => {
                InFlight { due_ns, amount: order.amount, sku: order.sku, buyer: order.buyer, action }
            }
            None => {
                let sku = self.chooser.sku();
                let buyer = if action == Action::Reserve { self.chooser.buyer() } else { 0 };
                InFlight { due_ns, amount: UNIT_PRICE, sku, buyer, action }
            }
        };
        let line = &mut self.lines[line];
        match (action, own) {
            (Action::Pay, Some(order)) => {
                self.next_req += 1;
                let req = req_id(self.next_req);
                let mut writer = CommandWriter::new(&mut line.outbox.output, 5);
                writer.arg("ORDER.PAY").arg(order.id()).arg(req).arg_uint(order.amount).arg(req);
            }
            (Action::Cancel, Some(order)) => {
                self.next_req += 1;
                let mut writer = CommandWriter::new(&mut line.outbox.output, 3);
                writer.arg("ORDER.CANCEL").arg(order.id()).arg(req_id(self.next_req));
            }
            (Action::Get, _) => self.templates.get(&mut line.outbox.output, request.sku),
            _ => {
                self.next_req += 1;
                self.templates.reserve(&mut line.outbox.output, request.sku, self.next_req, request.buyer);
            }
        }
        line.in_flight.push_back(request);
    }

    fn settle(&mut self, request: InFlight, reply: Reply<'_>) {
        let stats = &mut self.stats[request.action as usize];
        let word = match (reply.kind(), request.action) {
            (ReplyKind::Error, _) => {
                self.counters.errors += 1;
                if leaves_doubt(reply.error().unwrap_or_default()) {
                    doubt(&mut self.ledger, &request);
                }
                stats.outcomes.count(reply.error_code().unwrap_or(b"ERR"));
                return;
            }
            (ReplyKind::Null, _) => b"NIL",
            (_, Action::Get) => {
                stats.outcomes.count(b"FOUND");
                return;
            }
            _ => reply.status().unwrap_or(b"MALFORMED"),
        };
        stats.outcomes.count(word);
        match request.action {
            Action::Reserve => self.settle_reserve(request, word, reply),
            Action::Pay if word == b"PAID" => self.ledger.paid(request.sku, 1, request.amount),
            Action::Pay if word == b"REFUND_DUE" => self.ledger.refund_due(request.sku, 1, request.amount),
            Action::Cancel if word == b"CANCELLED" => {
                self.ledger.cancelled(request.sku, request.buyer, 1, request.amount);
            }
            Action::Pay | Action::Cancel => self.ledger.contradicted(request.sku, || {
                let word = String::from_utf8_lossy(word);
                format!("an open order of the generator was answered {word} on {}", request.action.word())
            }),
            Action::Get => {}
        }
    }

    fn settle_reserve(&mut self, request: InFlight, word: &[u8], reply: Reply<'_>) {
        if word != b"RESERVED" {
            return;
        }
        let mut fields = reply.fields().skip(1);
        let (Some(Field::Text(id)), Some(Field::Integer(amount))) = (fields.next(), fields.next()) else {
            self.ledger.contradicted(request.sku, || "RESERVED without an order id and an amount".to_owned());
            return;
        };
        let amount = u64::try_from(amount).unwrap_or(u64::MAX);
        self.counters.accepted += 1;
        self.ledger.reserved(request.sku, id, request.buyer, 1, amount);
        let own = || OwnOrder::new(request.sku, request.buyer, amount, id);
        self.sample.offer(&mut self.chooser, own);
        if let Some(orders) = &mut self.open_orders
            && let Some(order) = own()
        {
            orders.add(order);
        }
    }
}

impl Driven for Worker {
    fn outbox(&mut self, line: usize) -> &mut Outbox {
        &mut self.lines[line].outbox
    }

    fn fill(&mut self, line: usize, now_ns: u64) {
        if !self.lines[line].outbox.is_connected() {
            return;
        }
        let mut free = (self.pipeline - self.lines[line].in_flight.len()) as u64;
        while free > 0 && self.allowance > 0 {
            let (at_ns, count) = match &mut self.schedule {
                Some(schedule) => match schedule.due(now_ns) {
                    Some(due) => (due.at_ns, due.count.min(free).min(self.allowance)),
                    None => break,
                },
                None if now_ns < self.window.end_ns => (now_ns, free.min(self.allowance)),
                None => break,
            };
            for _ in 0..count {
                self.send_one(line, at_ns);
            }
            if let Some(schedule) = &mut self.schedule {
                schedule.take(count);
            }
            free -= count;
            self.allowance -= count;
            self.counters.sent += count;
        }
    }

    /// Nobody knows what became of the writes on a broken line.
    fn disconnected(&mut self, line: usize) {
        self.counters.lost_connections += u64::from(self.lines[line].outbox.disconnect());
        self.give_up_on(line);
    }

    fn received(&mut self, line: usize, input: &[u8], now_ns: u64) -> Result<usize, ReplyError> {
        let mut used = 0;
        let mut same = SameDue::default();
        let mut answered = 0;
        while used < input.len() {
            let Some(reply) = decode_reply(&input[used..])? else { break };
            // An answer nobody asked for: the two sides no longer agree on where they are.
            let Some(request) = self.lines[line].in_flight.pop_front() else {
                return Err(ReplyError::InvalidValue);
            };
            used += reply.wire_len();
            answered += 1;
            if self.window.contains(request.due_ns) {
                same.add(request.action, request.due_ns, now_ns, &mut self.stats);
            }
            self.settle(request, reply);
        }
        same.flush(now_ns, &mut self.stats);
        if answered > 0 {
            self.counters.answered += answered;
            self.counters.last_answer_ns = now_ns;
            if self.window.contains(now_ns) {
                self.counters.answered_in_window += answered;
            }
            self.fill(line, now_ns);
        }
        self.lines[line].outbox.flush();
        Ok(used)
    }
}

fn doubt(ledger: &mut Ledger, request: &InFlight) {
    let step = match request.action {
        Action::Get => return,
        Action::Reserve => Step::Reserve,
        Action::Pay => Step::Pay,
        Action::Cancel => Step::Cancel,
    };
    ledger.unknown(request.sku, step, request.buyer, 1, request.amount);
}

/// Groups answers of one read that were due at the same moment, so that they are recorded once.
#[derive(Default)]
struct SameDue {
    due_ns: u64,
    counts: [u64; 4],
}

impl SameDue {
    fn add(&mut self, action: Action, due_ns: u64, now_ns: u64, stats: &mut [CommandStats; 4]) {
        if due_ns != self.due_ns {
            self.flush(now_ns, stats);
            self.due_ns = due_ns;
        }
        self.counts[action as usize] += 1;
    }

    fn flush(&mut self, now_ns: u64, stats: &mut [CommandStats; 4]) {
        for (count, stats) in self.counts.iter_mut().zip(stats) {
            if *count > 0 {
                stats.latencies.record(now_ns.saturating_sub(self.due_ns), *count);
                *count = 0;
            }
        }
    }
}
