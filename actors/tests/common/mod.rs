//! A house on a journal in memory, whose parts a test can stop: the clock, the disk, an actor's turn, a rebuild.

#![allow(dead_code, unused_imports, reason = "each story uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod gate;

use std::sync::Arc;
use std::time::Duration;

use actix::Arbiter;
use tidegate_actors::{
    Ask, Body, DeskOptions, Document, Fault, House, HouseOptions, ManualClock, NewsSink, Outcome, Probe,
    Rebuild, RebuildError, Reply, Resident, Seat,
};
use tidegate_engine::{
    Answer, Command, Currency, LatePayment, Limits, Millis, OrderNumber, Price, Report, SkuTerms, SkuView,
};
use tidegate_persistence::{ActorId, Journal, Options, Reader, Recovered, State, Wake, Writer, recover_from};
use tokio::sync::{Notify, oneshot};

pub(crate) use gate::{Gate, GatedJournal};

pub(crate) const SEED: u64 = 7;
pub(crate) const HOLD_MS: u32 = 600_000;

/// How long anything may take before a test gives up. Nothing waits this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a test can choose.
pub(crate) struct Plan {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) options: Options,
    pub(crate) mailbox_capacity: usize,
    pub(crate) max_skus: usize,
    pub(crate) expiries_per_turn: usize,
    pub(crate) arbiters: usize,
    /// Whoever waits on an arbiter need not, when nobody has anything else to do.
    pub(crate) is_impatient: bool,
    pub(crate) look_at_clock: Duration,
    pub(crate) now: u64,
    pub(crate) probe: Option<Box<Probe>>,
    pub(crate) news: Option<Arc<dyn NewsSink>>,
    /// Makes the rebuilder; the default reads the journal.
    pub(crate) rebuild: Box<dyn FnOnce(Reader) -> Box<dyn Rebuild>>,
}

impl Plan {
    pub(crate) fn on(journal: impl Journal + 'static) -> Self {
        Self {
            journal: Arc::new(journal),
            options: Options::default(),
            mailbox_capacity: 64,
            max_skus: 1_000,
            expiries_per_turn: 1_000,
            arbiters: 1,
            is_impatient: false,
            // A clock that stories move is looked at when they say so.
            look_at_clock: Duration::from_secs(3_600),
            now: 1_000_000,
            probe: None,
            news: None,
            rebuild: Box::new(|reader| Box::new(reader)),
        }
    }

    pub(crate) fn probe(mut self, probe: impl Fn(&Body) + Send + Sync + 'static) -> Self {
        self.probe = Some(Box::new(probe));
        self
    }

    pub(crate) fn rebuild<R: Rebuild>(mut self, rebuild: impl FnOnce(Reader) -> R + 'static) -> Self {
        self.rebuild = Box::new(|reader| Box::new(rebuild(reader)));
        self
    }
}

/// An open house, its journal and its clock.
pub(crate) struct Shop {
    pub(crate) house: House,
    pub(crate) clock: Arc<ManualClock>,
    writer: Writer,
    arbiters: Vec<Arbiter>,
}

/// Runs a story on an actix system.
pub(crate) fn story<F: Future<Output = ()>>(plan: Plan, tell: impl FnOnce(Shop) -> F) {
    actix::System::new().block_on(async { tell(Shop::open(plan)).await });
}

impl Shop {
    pub(crate) fn open(plan: Plan) -> Self {
        let impatient = || {
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
        };
        let arbiter = || if plan.is_impatient { Arbiter::with_tokio_rt(impatient) } else { Arbiter::new() };
        let arbiters: Vec<_> = (0..plan.arbiters).map(|_| arbiter()).collect();
        let Recovered { workers, next_actor, journal, .. } =
            recover_from(plan.journal, None, arbiters.len(), SEED, &|_| {}).unwrap();
        let notifies: Vec<Arc<Notify>> = arbiters.iter().map(|_| Arc::default()).collect();
        let wakes = notifies.iter().map(|notify| {
            let notify = Arc::clone(notify);
            Arc::new(move || notify.notify_one()) as Wake
        });
        let (writer, lanes) = journal.start(&plan.options, wakes.collect()).unwrap();
        let floors = arbiters.iter().zip(lanes).zip(notifies);
        let floors = floors.map(|((arbiter, lane), notify)| (arbiter.handle(), lane, notify)).collect();
        let residents = workers.into_iter().flatten();
        let residents =
            residents.map(|actor| Resident { id: actor.id, name: actor.name, state: actor.state });
        let clock = Arc::new(ManualClock::new(Millis(plan.now)));
        let options = HouseOptions {
            mailbox_capacity: plan.mailbox_capacity,
            max_skus: plan.max_skus,
            max_campaigns: 100,
            max_consumer_groups: 100,
            desk: DeskOptions {
                limits: Limits {
                    max_orders: 100_000,
                    max_requests: 100_000,
                    max_buyers: 100_000,
                    ..Limits::default()
                },
                expiries_per_turn: plan.expiries_per_turn,
                ..DeskOptions::default()
            },
            look_at_clock: plan.look_at_clock,
            seed: SEED,
            probe: plan.probe,
            news: plan.news,
        };
        let rebuild = (plan.rebuild)(writer.reader());
        let house = House::open(floors, residents, next_actor, Arc::clone(&clock), Boxed(rebuild), options);
        Self { house, clock, writer, arbiters }
    }

    /// Ends everything in order.
    pub(crate) fn close(self) {
        for arbiter in self.arbiters {
            arbiter.stop();
            arbiter.join().unwrap();
        }
        // A journal that failed says so again; the tests of that have seen it.
        let _ = self.writer.stop();
    }

    /// A new SKU.
    pub(crate) async fn put(&self, sku: &str, stock: u32) -> Arc<Seat> {
        self.put_with(sku, stock, |_| {}).await
    }

    pub(crate) async fn put_with(
        &self,
        sku: &str,
        stock: u32,
        adjust: impl FnOnce(&mut SkuTerms),
    ) -> Arc<Seat> {
        let mut terms = terms();
        adjust(&mut terms);
        let document = Document::Sku { terms: Arc::new(terms), stock };
        let put = self.house.put(vec![(sku.into(), document)]).await;
        assert!(matches!(put[..], [Ok(Reply::Accepted(Answer::Created))]), "{put:?}");
        self.house.find(sku).unwrap()
    }
}

pub(crate) fn terms() -> SkuTerms {
    let currency = Currency::new("GBP").unwrap();
    SkuTerms { hold_ms: HOLD_MS, ..SkuTerms::new("Rose bowl", currency, Price::Fixed(500)) }
}

struct Boxed(Box<dyn Rebuild>);

impl Rebuild for Boxed {
    fn rebuild(&self, id: ActorId, seed: u64) -> Result<Option<State>, RebuildError> {
        self.0.rebuild(id, seed)
    }
}

pub(crate) fn reserve<'a>(req: &'a str, buyer: &'a str, qty: u32) -> Command<&'a str> {
    Command::Reserve { req, buyer, qty, max_price: None, coupon: None, at: None }
}

pub(crate) fn pay<'a>(order: u32, req: &'a str, payment: &'a str) -> Command<&'a str> {
    Command::Pay { order: OrderNumber(order), req, amount: 500, payment }
}

pub(crate) fn body(commands: &[Command<&str>]) -> Body {
    let mut body = Body::default();
    for command in commands {
        body.push_command(command);
    }
    body
}

/// Sends without waiting.
pub(crate) fn send(seat: &Seat, body: Body) -> oneshot::Receiver<Outcome> {
    seat.send(body).map_err(|(_, fault)| fault).unwrap()
}

/// Waits for an outcome.
pub(crate) async fn outcome(sent: oneshot::Receiver<Outcome>) -> Result<Vec<Reply>, Fault> {
    tokio::time::timeout(PATIENCE, sent).await.unwrap().unwrap().replies
}

/// Sends these commands as one body and waits.
pub(crate) async fn ask(seat: &Seat, commands: &[Command<&str>]) -> Result<Vec<Reply>, Fault> {
    outcome(send(seat, body(commands))).await
}

/// The answers, all of which must be there.
#[track_caller]
pub(crate) fn accepted(replies: &Result<Vec<Reply>, Fault>) -> Vec<Answer> {
    let replies = replies.as_ref().unwrap();
    let answer = |reply: &Reply| match reply {
        Reply::Accepted(answer) => *answer,
        other => panic!("{other:?} is not accepted"),
    };
    replies.iter().map(answer).collect()
}

/// The books of a SKU, which must balance.
pub(crate) async fn report(seat: &Seat) -> Report {
    let mut body = Body::default();
    body.push(Ask::Report);
    let replies = outcome(send(seat, body)).await.unwrap();
    let [Reply::Report(Some(report))] = &replies[..] else { panic!("{replies:?}") };
    assert!(report.0.balanced, "{report:?}");
    report.0.clone()
}

/// Available, reserved and sold units of a view.
pub(crate) fn stock(view: &SkuView) -> (u32, u32, u32) {
    (view.stock.available(), view.stock.reserved(), view.stock.sold())
}

/// The stock that anyone can see.
pub(crate) fn shown(seat: &Seat) -> (u32, u32, u32) {
    seat.shown().view().as_deref().map(stock).unwrap()
}

/// Lets others run until it is so; fails the test when it takes too long.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "waited too long until {what}");
}

/// Whether a text that begins so is anywhere among the ids of reservations in a body.
pub(crate) fn is_by(body: &Body, who: &str) -> bool {
    body.asks().iter().any(|ask| match ask {
        Ask::Command(Command::Reserve { buyer, .. }) => body.text(*buyer) == who,
        _ => false,
    })
}
