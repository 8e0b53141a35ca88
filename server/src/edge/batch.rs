//! The commands of one read: sorted by actor on the way in, put back in order on the way out.

mod gate;
mod replies;

use std::sync::Arc;

use tidegate_actors::{Ask, Body, Document, Fault, Outcome, PutError, Reply, Seat};
use tidegate_protocol::command::{self, Call, Command, Flag, Words};
use tidegate_protocol::error::WireError;
use tidegate_protocol::resp::{Args, Protocol, Writer};

use super::Edge;
use super::clockings::Clockings;
use super::labels::Label;
use super::session::Session;
use super::visits::Visits;
use crate::convert::{self, Absent, Errand};
use crate::feed::FeedCall;
use crate::metrics::Recorder;
use crate::pool::{Allowance, OWN_BYTES};
pub(super) use gate::Added;
use gate::Gate;
use replies::members;

/// What a SKU takes in a reply about its campaign besides its name, in bytes.
const MEMBER_BYTES: usize = 8;

/// What one read asks. Its buffers are reused from read to read.
pub(super) struct Batch {
    edge: Arc<Edge>,
    recorder: Arc<Recorder>,
    /// What there may be of replies.
    pub(super) allowance: Allowance,
    /// Replies that need no actor, end to end.
    ready: Vec<u8>,
    /// How the output is put together.
    pieces: Vec<Piece>,
    /// Bytes of the long ones among the replies that actors are asked for.
    due: usize,
    visits: Visits,
    /// What the visits brought back, until all of it is put together.
    outcomes: Vec<(Arc<Seat>, Outcome)>,
    /// The next piece of the output, and where it begins in `ready`.
    next: (usize, usize),
    /// Documents to be put, and what that came to.
    puts: Vec<(Box<str>, Document)>,
    put: Vec<Result<Reply, PutError>>,
    /// Campaigns whose books are asked for, and the asks that make them up.
    reports: Vec<CampaignReport>,
    /// A command about the feed. It has its batch to itself: it may wait, and others must not wait with it.
    feed: Option<(Command, FeedCall)>,
    /// A command that only begins a batch came behind others, and is to come again.
    is_postponed: bool,
    /// What the ready replies are counted as.
    labels: Vec<(Option<Command>, Label)>,
    /// What has to be known before the next command can be judged.
    gate: Gate,
    clockings: Clockings,
}

/// A piece of the output.
#[derive(Clone, Copy)]
enum Piece {
    /// `ready`, from where the last such piece ended to here.
    Ready { end: usize },
    /// The reply of an actor to one ask.
    Asked { visit: usize, ask: usize, sent: Sent },
    /// The books of a campaign, by position in `reports`.
    Report { at: usize, sent: Sent },
    /// A document, by position in `puts` and `put`.
    Put { at: usize, sent: Sent },
}

/// One ask of one visit.
#[derive(Clone, Copy)]
struct Place {
    visit: usize,
    ask: usize,
}

/// The books of a campaign, and where those of its SKUs are asked for.
struct CampaignReport {
    campaign: Box<str>,
    /// How many buyers the campaign had when they were asked for: who is among them is durable when the answers come.
    buyers: u64,
    asks: Vec<Place>,
}

impl Batch {
    pub(super) fn new(edge: Arc<Edge>, recorder: Arc<Recorder>) -> Self {
        Self {
            allowance: edge.allowance(),
            edge,
            recorder,
            ready: Vec::new(),
            pieces: Vec::new(),
            due: 0,
            visits: Visits::default(),
            outcomes: Vec::new(),
            next: (0, 0),
            puts: Vec::new(),
            put: Vec::new(),
            reports: Vec::new(),
            feed: None,
            is_postponed: false,
            labels: Vec::new(),
            gate: Gate::default(),
            clockings: Clockings::default(),
        }
    }

    /// Bytes of replies that are ready or, if they may be long, asked for.
    pub(super) fn reply_bytes(&self) -> usize {
        self.ready.len() + self.due
    }

    /// Whether the next command has to wait for a visit.
    pub(super) fn is_waiting(&self) -> bool {
        self.gate.is_waiting()
    }

    /// Whether it is a command about the feed.
    pub(super) fn is_feed(&self) -> bool {
        self.feed.is_some()
    }

    /// Takes in one command, or says that it is for the next batch: whatever comes behind a document must find it there,
    /// a command about the feed has its batch to itself, and the books of a campaign begin one.
    #[must_use]
    pub(super) fn add(&mut self, args: Args<'_>, session: &mut Session) -> Added {
        let command = command::lookup(args);
        if !self.puts.is_empty() && !command.as_ref().is_ok_and(|command| command.spec().puts_document()) {
            return Added::Again;
        }
        let known = command.as_ref().ok().copied();
        let done = self.gate.charge(session, &self.edge).and(command).and_then(|command| {
            if let Some(refused) = session.refuses(command) {
                return Err(refused);
            }
            session.standing().admit(command.spec())?;
            let call = command.parse(args)?;
            if let Some(added) = self.hold_back(command, &call, session)? {
                return Ok(added);
            }
            self.dispatch(command, call, session)?;
            Ok(match (std::mem::take(&mut self.is_postponed), &self.feed) {
                (true, _) => Added::Again,
                (false, Some(_)) => Added::Last,
                (false, None) => Added::Taken,
            })
        });
        done.unwrap_or_else(|error| {
            error.write(&mut Writer::new(&mut self.ready, session.protocol()));
            self.labels.push((known, Label::Error(error.code())));
            Added::Taken
        })
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
            Errand::Look(sku) => {
                let seat = self.edge.house()?.find(sku);
                self.look(sent, sku, seat)
            }
            Errand::LookAll(skus) => self.look_at_all(sent, skus),
            Errand::Ask { sku, ask } => {
                let visit = self.visits.by_name(self.edge.house()?, sku);
                self.ask(sent, visit, Absent::Nil, |body| body.push(ask))
            }
            Errand::Command { sku, command } => {
                let visit = self.visits.by_name(self.edge.house_for_writing()?, sku);
                self.ask(sent, visit, Absent::NotFound, |body| body.push_command(&command))
            }
            Errand::Put { sku, document } => {
                self.edge.house_for_writing()?;
                let document = convert::put(document)?;
                self.put_document(sent, sku, document);
                Ok(())
            }
            Errand::PutCampaign { campaign, document } => {
                self.edge.house_for_writing()?;
                let terms = convert::campaign(document)?;
                self.put_document(sent, campaign, Document::Campaign(Arc::new(terms)));
                Ok(())
            }
            Errand::Trigger { campaign, req, buyer, event } => {
                let visit = self.visits.by_campaign(self.edge.house_for_writing()?, campaign);
                let trigger = convert::trigger(req, buyer, event)?;
                self.ask(sent, visit, Absent::NotFound, |body| body.push_campaign(&trigger))
            }
            Errand::ReserveCart { campaign, req, buyer, lines, coupon } => {
                let visit = self.visits.by_campaign(self.edge.house_for_writing()?, campaign);
                let cart = convert::cart((req, buyer, coupon), lines, self.edge.limits.max_lines_per_cart)?;
                self.ask(sent, visit, Absent::NotFound, |body| body.push_cart(&cart))
            }
            Errand::CampaignCommand { campaign, command } => {
                let visit = self.visits.by_campaign(self.edge.house_for_writing()?, campaign);
                self.ask(sent, visit, Absent::NotFound, |body| body.push_campaign(&command))
            }
            Errand::LookCart { campaign, cart } => {
                let visit = self.visits.by_campaign(self.edge.house()?, campaign);
                self.ask(sent, visit, Absent::Nil, |body| body.push(Ask::Cart(cart)))
            }
            Errand::LookCampaign(campaign) => self.look_at_campaign(sent, campaign),
            Errand::Report(key) => self.report(sent, key),
            Errand::Feed(asked) => {
                if command.spec().has(Flag::Write) {
                    self.edge.house_for_writing()?;
                }
                self.edge.feed()?;
                if !self.is_postponed() {
                    self.feed = Some((command, FeedCall::new(*asked, protocol, self.allowance.loan())));
                }
                Ok(())
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
    fn look(&mut self, sent: Sent, sku: &str, seat: Option<Arc<Seat>>) -> Result<(), WireError> {
        let house = self.edge.house()?;
        let Some(seat) = seat else {
            self.answer_absent(sent, Absent::Nil);
            return Ok(());
        };
        if let Some(visit) = self.visits.find(&seat) {
            self.due += seat.shown().view().as_deref().map_or(0, convert::view_bytes);
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

    /// The same at several SKUs, in one reply.
    fn look_at_all(&mut self, sent: Sent, skus: Words<'_>) -> Result<(), WireError> {
        let house = self.edge.house()?;
        if house.journal_failed() {
            return Err(self.fault(Fault::JournalFailed));
        }
        let seats: Vec<Option<Arc<Seat>>> = skus.texts().map(|sku| house.find(sku)).collect();
        // A SKU with many stores takes tens of kilobytes, and may be asked for many times over.
        let bytes =
            seats.iter().flatten().map(|seat| seat.shown().view().as_deref().map_or(0, convert::view_bytes));
        let bytes = bytes.sum();
        if bytes > self.edge.limits.output_buffer_bytes {
            return Err(WireError::invalid(
                "the reply would be longer than limits.output_buffer_bytes; ask for fewer SKUs at once",
            ));
        }
        self.admit(bytes)?;
        Writer::new(&mut self.ready, sent.protocol).array(skus.len());
        for (sku, seat) in skus.texts().zip(seats) {
            // The array is begun: one SKU that can't be shown is an error in its place.
            if let Err(error) = self.look(Sent { part: true, ..sent }, sku, seat) {
                error.write(&mut Writer::new(&mut self.ready, sent.protocol));
            }
        }
        self.label(sent, Label::Ok);
        Ok(())
    }

    /// Has room for one reply that is this long.
    fn admit(&mut self, bytes: usize) -> Result<(), WireError> {
        // Beside those that are there: each may have one reply more than it may hold.
        if bytes <= OWN_BYTES || self.allowance.admits(bytes.min(self.edge.limits.output_buffer_bytes) - 1) {
            return Ok(());
        }
        if self.allowance.can_grow() {
            return Err(self.fault(Fault::Overloaded));
        }
        Err(WireError::invalid(
            "the reply would be longer than 64 KiB, and limits.output_pool_bytes is 0: ask for fewer at once, or have it raised",
        ))
    }

    /// Shows a campaign as it shows itself. One that this same batch asked something before is shown by its actor.
    fn look_at_campaign(&mut self, sent: Sent, campaign: &str) -> Result<(), WireError> {
        let house = self.edge.house()?;
        let Some(seat) = house.find_campaign(campaign) else {
            self.answer_absent(sent, Absent::Nil);
            return Ok(());
        };
        let members = members(house, campaign);
        let bytes = members.iter().map(|(name, _)| name.len() + MEMBER_BYTES).sum();
        self.admit(bytes)?;
        if let Some(visit) = self.visits.find(&seat) {
            self.due += bytes;
            return self.ask(sent, Some(visit), Absent::Nil, |body| body.push(Ask::View));
        }
        let house = self.edge.house()?;
        if house.journal_failed() {
            return Err(self.fault(Fault::JournalFailed));
        }
        let view = seat.shown().campaign();
        let writer = &mut Writer::new(&mut self.ready, sent.protocol);
        convert::write_campaign(campaign, view.as_deref(), &members, house.now(), writer);
        self.label(sent, Label::Ok);
        Ok(())
    }

    /// The books of a SKU; if there is none of this name, those of the campaign.
    fn report(&mut self, sent: Sent, key: &str) -> Result<(), WireError> {
        let house = self.edge.house()?;
        let is_sku = house.find(key).is_some_and(|seat| seat.shown().view().is_some());
        let is_campaign = |seat: Arc<Seat>| seat.shown().campaign().is_some();
        if is_sku || !house.find_campaign(key).is_some_and(is_campaign) {
            let visit = self.visits.by_name(house, key);
            return self.ask(sent, visit, Absent::Nil, |body| body.push(Ask::Report));
        }
        // Who paid in front of it is among the buyers when the batch before has been carried out.
        if self.is_postponed() {
            return Ok(());
        }
        let house = self.edge.house()?;
        let buyers = house.ledger(key).buyers();
        let mut asks = Vec::new();
        for seat in house.members(key) {
            let visit = self.visits.by_seat(seat);
            let body = self.visits.body(visit);
            body.push(Ask::Report);
            asks.push(Place { visit, ask: body.len() - 1 });
        }
        self.close_ready();
        self.pieces.push(Piece::Report { at: self.reports.len(), sent });
        self.reports.push(CampaignReport { campaign: key.into(), buyers, asks });
        Ok(())
    }

    /// Whether a command that only begins a batch is to come again, because others are in front of it.
    fn is_postponed(&mut self) -> bool {
        self.is_postponed = !(self.ready.is_empty() && self.pieces.is_empty());
        self.is_postponed
    }

    fn put_document(&mut self, sent: Sent, name: &str, document: Document) {
        self.close_ready();
        self.pieces.push(Piece::Put { at: self.puts.len(), sent });
        self.puts.push((name.into(), document));
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

    /// Visits the actors and waits for them, and for what the next command waits for.
    pub(super) async fn visit(&mut self, session: &mut Session) {
        if !self.pieces.is_empty() {
            // Nearly all reads of a shop's pages ask no actor.
            self.visit_actors().await;
        }
        if self.gate.is_waiting() {
            // Rare, and so not part of what every connection keeps ready.
            Box::pin(self.pass_gate(session)).await;
        }
    }

    async fn visit_actors(&mut self) {
        self.close_ready();
        // There is one since before the first of them was asked for.
        let Ok(house) = self.edge.house().cloned() else { return };
        self.outcomes = self.visits.make(&house, self.clockings.decoded()).await;
        if !self.puts.is_empty() {
            self.put = house.put(std::mem::take(&mut self.puts)).await;
        }
    }

    /// Carries out the command about the feed, if there is one. If it has to wait for something, says so, and is to be
    /// called again.
    pub(super) async fn read_feed(&mut self) -> Option<&mut FeedCall> {
        let (command, mut call) = self.feed.take()?;
        let answered = match self.edge.feed() {
            Ok(feed) => Arc::clone(feed).answer(&mut call, &mut self.ready).await,
            Err(error) => Err(error),
        };
        let label = match answered {
            Ok(true) => Label::Ok,
            Ok(false) => {
                // Nobody waits with what others could use.
                call.loan().end();
                return Some(&mut self.feed.insert((command, call)).1);
            }
            Err(error) => {
                error.write(&mut Writer::new(&mut self.ready, call.protocol()));
                Label::Error(error.code())
            }
        };
        self.allowance.take_over(call.loan());
        self.labels.push((Some(command), label));
        None
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
