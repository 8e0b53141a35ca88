//! The commands of one read: sorted by actor on the way in, put back in order on the way out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_actors::{Ask, Body, Fault, House, Outcome, Reply, Seat};
use tidegate_engine::{Command as SkuCommand, Millis};
use tidegate_protocol::command::{self, COMMANDS, Call, Command, Flag};
use tidegate_protocol::error::WireError;
use tidegate_protocol::reply::ReportOf;
use tidegate_protocol::resp::{Args, Protocol, Writer};

use super::Edge;
use super::connection::KEPT_BYTES;
use super::labels::Label;
use super::session::Session;
use super::visits::Visits;
use crate::convert::{self, Absent, Books, Errand};
use crate::feed::FeedCall;
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
    /// What the visits brought back, until all of it is put together.
    outcomes: Vec<(Arc<Seat>, Outcome)>,
    /// Documents that can't be answered as done.
    untold: Vec<(Place, Fault)>,
    /// The next piece of the output, and where it begins in `ready`.
    next: (usize, usize),
    /// Documents that were put: SKUs may have to be told.
    puts: Vec<Put>,
    /// Campaigns whose books are asked for, and the asks that make them up.
    reports: Vec<CampaignReport>,
    /// A command about the feed. It has its batch to itself: it may wait, and others must not wait with it.
    feed: Option<(Command, FeedCall)>,
    /// A command about the feed came behind others, and is to come again.
    is_postponed: bool,
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
    /// The books of a campaign, by position in `reports`.
    Report { at: usize, sent: Sent },
}

/// One ask of one visit.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    visit: usize,
    ask: usize,
}

/// The books of a campaign, and where those of its SKUs are asked for.
struct CampaignReport {
    campaign: Box<str>,
    asks: Vec<Place>,
}

/// A document that was put.
struct Put {
    place: Place,
    /// The SKU; `None`: it was a campaign's.
    sku: Option<Box<str>>,
}

impl Batch {
    pub(super) fn new(edge: Arc<Edge>, recorder: Arc<Recorder>) -> Self {
        Self {
            edge,
            recorder,
            ready: Vec::new(),
            pieces: Vec::new(),
            visits: Visits::default(),
            outcomes: Vec::new(),
            untold: Vec::new(),
            next: (0, 0),
            puts: Vec::new(),
            reports: Vec::new(),
            feed: None,
            is_postponed: false,
            labels: Vec::new(),
        }
    }

    /// Bytes of replies that are ready.
    pub(super) fn ready_bytes(&self) -> usize {
        self.ready.len()
    }

    /// Takes in one command. False if it has to come again in the next batch.
    pub(super) fn add(&mut self, args: Args<'_>, session: &mut Session) -> bool {
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
        !std::mem::take(&mut self.is_postponed)
    }

    /// Whether nothing more may be added.
    pub(super) fn is_closed(&self) -> bool {
        self.feed.is_some()
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
                let (terms, stock) = convert::put(document)?;
                house.check_sku(sku, &terms).map_err(|error| WireError::invalid(error.to_string()))?;
                let retry = self.edge.limits.retry_ms;
                let seat = house.find_or_create(sku).map_err(|error| convert::not_created(error, retry))?;
                let put = SkuCommand::Put { terms: Arc::new(terms), stock };
                self.add_put(sent, seat, Some(sku), |body| body.push_command(&put))
            }
            Errand::PutCampaign { campaign, document } => {
                let house = self.edge.house_for_writing()?;
                let terms = convert::campaign(document)?;
                house
                    .check_campaign(campaign, &terms)
                    .map_err(|error| WireError::invalid(error.to_string()))?;
                let retry = self.edge.limits.retry_ms;
                let seat = house.find_or_create_campaign(campaign);
                let seat = seat.map_err(|error| convert::not_created(error, retry))?;
                let put = convert::put_campaign(terms);
                self.add_put(sent, seat, None, |body| body.push_campaign(&put))
            }
            Errand::Trigger { campaign, req, buyer, event } => {
                let seat = self.edge.house_for_writing()?.find_campaign(campaign);
                let trigger = convert::trigger(req, buyer, event)?;
                let visit = seat.map(|seat| self.visits.by_seat(seat));
                self.ask(sent, visit, Absent::NotFound, |body| body.push_campaign(&trigger))
            }
            Errand::ReserveCart { campaign, req, buyer, lines, coupon } => {
                let seat = self.edge.house_for_writing()?.find_campaign(campaign);
                let cart = convert::cart((req, buyer, coupon), lines, self.edge.limits.max_lines_per_cart)?;
                let visit = seat.map(|seat| self.visits.by_seat(seat));
                self.ask(sent, visit, Absent::NotFound, |body| body.push_cart(&cart))
            }
            Errand::CampaignCommand { campaign, command } => {
                let seat = self.edge.house_for_writing()?.find_campaign(campaign);
                let visit = seat.map(|seat| self.visits.by_seat(seat));
                self.ask(sent, visit, Absent::NotFound, |body| body.push_campaign(&command))
            }
            Errand::LookCart { campaign, cart } => {
                let seat = self.edge.house()?.find_campaign(campaign);
                let visit = seat.map(|seat| self.visits.by_seat(seat));
                self.ask(sent, visit, Absent::Nil, |body| body.push(Ask::Cart(cart)))
            }
            Errand::LookCampaign(campaign) => self.look_at_campaign(sent, campaign),
            Errand::Report(key) => self.report(sent, key),
            Errand::Feed(asked) => {
                if command.spec().has(Flag::Write) {
                    self.edge.house_for_writing()?;
                }
                self.edge.feed()?;
                self.is_postponed = !(self.ready.is_empty() && self.pieces.is_empty());
                if !self.is_postponed {
                    self.feed = Some((command, FeedCall::new(*asked, protocol)));
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

    /// Shows a campaign as it shows itself. One that this same batch put before is shown by its actor, without the
    /// SKUs that it does not name.
    fn look_at_campaign(&mut self, sent: Sent, campaign: &str) -> Result<(), WireError> {
        let house = self.edge.house()?;
        let Some(seat) = house.find_campaign(campaign) else {
            self.answer_absent(sent, Absent::Nil);
            return Ok(());
        };
        if let Some(visit) = self.visits.find(&seat) {
            return self.ask(sent, Some(visit), Absent::Nil, |body| body.push(Ask::View));
        }
        if house.journal_failed() {
            return Err(self.fault(Fault::JournalFailed));
        }
        let members = members(house, campaign);
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
        let mut asks = Vec::new();
        for seat in house.members(key) {
            let visit = self.visits.by_seat(seat);
            let body = self.visits.body(visit);
            body.push(Ask::Report);
            asks.push(Place { visit, ask: body.len() - 1 });
        }
        self.close_ready();
        self.pieces.push(Piece::Report { at: self.reports.len(), sent });
        self.reports.push(CampaignReport { campaign: key.into(), asks });
        Ok(())
    }

    /// Adds a document to a visit.
    fn add_put(
        &mut self,
        sent: Sent,
        seat: Arc<Seat>,
        sku: Option<&str>,
        push: impl FnOnce(&mut Body),
    ) -> Result<(), WireError> {
        let visit = self.visits.by_seat(seat);
        self.ask(sent, Some(visit), Absent::NotFound, push)?;
        let ask = self.visits.body(visit).len() - 1;
        self.puts.push(Put { place: Place { visit, ask }, sku: sku.map(Into::into) });
        Ok(())
    }

    /// Tells SKUs what became of their part in campaigns, once the documents are durable, and notes which of the
    /// documents can't be answered as done.
    async fn tell_skus(&mut self) {
        let edge = Arc::clone(&self.edge);
        for Put { place, sku } in self.puts.drain(..) {
            let replies =
                self.outcomes.get(place.visit).and_then(|(_, outcome)| outcome.replies.as_ref().ok());
            let accepted =
                matches!(replies.and_then(|replies| replies.get(place.ask)), Some(Reply::Accepted(_)));
            let Ok(house) = edge.house() else { continue };
            if accepted && let Err(fault) = house.enrol(sku.as_deref()).await {
                self.untold.push((place, fault));
            }
        }
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

    /// Visits the actors and waits for them.
    pub(super) async fn visit(&mut self) {
        if self.pieces.is_empty() {
            // Nearly all reads of a shop's pages ask no actor.
            return;
        }
        self.close_ready();
        // There is one since before the first of them was asked for.
        let Ok(house) = self.edge.house().cloned() else { return };
        self.outcomes = self.visits.make(&house).await;
        if !self.puts.is_empty() {
            self.tell_skus().await;
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
            Ok(false) => return Some(&mut self.feed.insert((command, call)).1),
            Err(error) => {
                error.write(&mut Writer::new(&mut self.ready, call.protocol()));
                Label::Error(error.code())
            }
        };
        self.labels.push((Some(command), label));
        None
    }

    /// Puts replies into `output`, in order, until there are `most` bytes and a reply of them. True when all are there;
    /// otherwise there is more to be had by another call.
    pub(super) fn put_together(&mut self, since: Instant, most: usize, output: &mut Vec<u8>) -> bool {
        if self.pieces.is_empty() {
            std::mem::swap(output, &mut self.ready);
            self.ready.clear();
        } else {
            let (now, retry) = (self.edge.now(), self.edge.limits.retry_ms);
            while let Some(piece) = self.pieces.get(self.next.0).copied() {
                if output.len() >= most {
                    return false;
                }
                self.put(piece, now, retry, output);
                self.next.0 += 1;
            }
            self.clear();
        }
        self.count(since);
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
                let untold = self.untold.iter().find(|(place, _)| *place == Place { visit, ask });
                let label = match (&outcome.replies, outcome.body.asks().get(ask), untold) {
                    (_, _, Some((_, fault))) => write_fault(*fault, retry, &mut writer),
                    (Ok(replies), Some(asked), None) if ask < replies.len() => {
                        convert::write_reply(seat.name(), asked, &replies[ask], now, retry, &mut writer)
                    }
                    // An actor replies to each ask, or says why it replied to none.
                    (replies, _, None) => {
                        let fault = replies.as_ref().err().copied().unwrap_or(Fault::Panicked);
                        write_fault(fault, retry, &mut writer)
                    }
                };
                self.label(sent, label);
            }
            Piece::Report { at, sent } => {
                let mut writer = Writer::new(output, sent.protocol);
                let CampaignReport { campaign, asks } = &self.reports[at];
                let label = match books(asks, &self.outcomes) {
                    Ok(mut books) => {
                        let ledger = self.edge.house().map(|house| house.ledger(campaign));
                        books.set_buyers(ledger.map_or(0, |ledger| ledger.buyers()));
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
        self.reports.clear();
        self.untold.clear();
        self.next = (0, 0);
        if self.ready.capacity() > KEPT_BYTES {
            self.ready = Vec::new();
        }
        self.visits.take_back(self.outcomes.drain(..));
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
fn members(house: &House, campaign: &str) -> Vec<(String, String)> {
    let currency = |seat: &Seat| {
        seat.shown().view().as_ref().map(|view| view.terms.currency.code().to_owned()).unwrap_or_default()
    };
    house.members(campaign).iter().map(|seat| (seat.name().to_owned(), currency(seat))).collect()
}

/// Which command an answer is for, and how it is encoded.
#[derive(Clone, Copy)]
struct Sent {
    command: Command,
    protocol: Protocol,
    /// It is one of several in one reply, which is counted as a whole.
    part: bool,
}
