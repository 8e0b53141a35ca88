//! Runs a plan: life after life of one server on one disk.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tidegate_actors::{Body, Clock, ManualClock, Outcome};
use tidegate_engine::Millis;
use tidegate_persistence::{Crash, EpochNumber, Journal, MemoryJournal, SnapshotStore, recover_from};
use tokio::sync::oneshot;

use crate::auditor::Auditor;
use crate::life::{self, Life, SEED, Unavailable};
use crate::photograph::Photograph;
use crate::plan::{BUYERS, Plan, Question, Step};
use crate::request::{Request, What, Whom};
use crate::sale::SKUS;

/// When a sale begins.
const BEGIN: u64 = 1_000_000_000;

/// A server that is started so often without a crash between does not start.
const MOST_STARTS: u32 = 500;

/// Messages that may be on their way.
const MOST_WAITING: usize = 32;

/// A sale in which something went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What.
    pub what: String,
    /// Steps done by then.
    pub step: usize,
}

/// A sale in which nothing went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Of all states at the end: the same seed, the same hash.
    pub hash: u64,
    /// Requests sent, each once.
    pub requests: usize,
    /// Starts, after crashes and stops.
    pub starts: u32,
    /// How often each kind of reply was heard.
    pub replies: BTreeMap<String, u64>,
}

/// Runs a sale.
///
/// # Errors
/// What went wrong.
pub fn run(plan: &Plan) -> Result<Finished, Failure> {
    let mut world = World::new(plan);
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    let done = ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("a panic: {}", text.or_else(|| panic.downcast_ref().copied()).unwrap_or("no message")))
    });
    done.map_err(|what| Failure { what, step: world.step })
}

/// How a life ends.
enum End {
    Crash(Crash),
    /// It was stopped in order.
    Stop,
    /// The sale is over.
    Over,
}

struct World<'p> {
    plan: &'p Plan,
    disk: MemoryJournal,
    clock: Arc<ManualClock>,
    /// The latest that the clock ever showed.
    latest: u64,
    auditor: Auditor,
    /// Everything that was sent, once each.
    requests: Vec<Request>,
    waiting: Vec<Waiting>,
    /// Questions for the message that is being put together, by number, and who is asked.
    joined: Option<(Whom, Vec<usize>)>,
    /// A snapshot was damaged.
    has_damage: bool,
    step: usize,
    starts: u32,
}

/// A message on its way.
struct Waiting {
    /// By number, and whether it was accepted before.
    requests: Vec<(usize, bool)>,
    outcome: oneshot::Receiver<Outcome>,
}

impl<'p> World<'p> {
    fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            disk: MemoryJournal::new(),
            clock: Arc::new(ManualClock::new(Millis(BEGIN))),
            latest: BEGIN,
            auditor: Auditor::default(),
            requests: Vec::new(),
            waiting: Vec::new(),
            joined: None,
            has_damage: false,
            step: 0,
            starts: 0,
        }
    }

    fn run(&mut self) -> Result<Finished, String> {
        if self.plan.lying_disk {
            self.disk.lie();
        }
        loop {
            let system = actix::System::with_tokio_rt(paused_runtime);
            let end = system.block_on(self.live())?;
            // Every actor is gone with it.
            drop(system);
            self.waiting.clear();
            self.joined = None;
            match end {
                End::Crash(left) => self.disk.crash(left),
                End::Stop => self.disk.crash(Crash::LoseUnsynced),
                End::Over => return self.finish(),
            }
        }
    }

    /// From a start to the next end.
    async fn live(&mut self) -> Result<End, String> {
        self.starts += 1;
        if self.starts > MOST_STARTS {
            return Err("the server was started again and again".to_owned());
        }
        let mut life = match Life::begin(&self.disk, &self.plan.setup, &self.clock) {
            Ok(life) => life,
            Err(_) if self.disk.has_failed() => return Ok(End::Crash(Crash::LoseUnsynced)),
            Err(error) => return Err(format!("the server does not start: {error}")),
        };
        let prepared = life.prepare(&self.plan.setup).await;
        if let Some(end) = self.judge(prepared, "the server does not get ready")? {
            return Ok(end);
        }
        if let Some(end) = self.audit(&mut life).await? {
            return Ok(end);
        }
        while let Some(step) = self.plan.steps.get(self.step).copied() {
            self.step += 1;
            if let Some(end) = self.take(step, &mut life).await? {
                return Ok(end);
            }
            let healed = life.heal().await;
            if let Some(end) = self.judge(healed, "an actor that panicked is not back in service")? {
                return Ok(end);
            }
            self.note_time();
            self.collect()?;
        }
        if self.step == self.plan.steps.len() {
            // Once more: whatever was on its way is lost.
            self.step += 1;
            return Ok(End::Crash(Crash::LoseUnsynced));
        }
        self.conclude(&mut life).await
    }

    /// Whether a life goes on after this. It must, as long as nothing has happened to the disk.
    fn judge(&self, done: Result<(), Unavailable>, otherwise: &str) -> Result<Option<End>, String> {
        match done {
            Ok(()) => Ok(None),
            Err(_) if self.disk.has_failed() => Ok(Some(End::Crash(Crash::KeepUnsynced))),
            Err(why) => Err(format!("{otherwise}: {why:?}")),
        }
    }

    async fn audit(&mut self, life: &mut Life) -> Result<Option<End>, String> {
        let carts = self.auditor.carts().map(|(cart, _)| cart).max().unwrap_or(0);
        match Photograph::take(life, carts).await {
            Ok(photograph) => {
                self.note_time();
                self.auditor.audit(&photograph, &self.plan.setup, self.latest).map(|()| None)
            }
            Err(why) => self.judge(Err(why), "the server does not say how it stands"),
        }
    }

    fn note_time(&mut self) {
        self.latest = self.latest.max(self.clock.now().0);
    }

    async fn take(&mut self, step: Step, life: &mut Life) -> Result<Option<End>, String> {
        match step {
            Step::Ask { question, joined } => {
                let request = self.request(question);
                self.requests.push(request);
                self.ask(self.requests.len() - 1, joined, life);
            }
            Step::Repeat { of } => {
                if let Some(at) = usize::from(of).checked_rem(self.requests.len()) {
                    self.ask(at, false, life);
                }
            }
            Step::Leave { who } => {
                if let Some(at) = usize::from(who).checked_rem(self.waiting.len()) {
                    self.waiting.remove(at);
                }
            }
            Step::Run { rounds } => life::run(rounds).await,
            Step::Commit => drop(life.writer.commit()),
            Step::Mark => life.writer.write_mark(),
            Step::MakeEpoch => life.writer.make_epoch(),
            Step::Snapshot => life.writer.make_snapshot(),
            Step::Pass { ms } => {
                life.pass(Duration::from_millis(ms.into())).await;
                self.note_time();
            }
            Step::SetClock { by } => {
                let now = self.clock.now().0.saturating_add_signed(by);
                self.clock.set(Millis(now));
                self.note_time();
                life.house.wake();
            }
            Step::Mishap { after, mishap } => self.disk.mishap_after(after.into(), mishap),
            Step::FailSync { after } => self.disk.fail_sync_after(after.into()),
            Step::Fill { bytes } => self.disk.set_capacity(self.disk.bytes() + u64::from(bytes)),
            Step::Panic => life.panic(),
            Step::Damage { at } if !self.has_damage => self.has_damage = self.disk.tamper_snapshot(at.into()),
            Step::Damage { .. } => {}
            Step::Crash { left } => return Ok(Some(End::Crash(left))),
            Step::Stop => {
                // What was asked is answered, as far as the disk lets it.
                for _ in 0..4 {
                    life::run(16).await;
                    while life.writer.commit() {}
                }
                life::run(16).await;
                self.collect()?;
                life.writer.write_mark();
                return Ok(Some(End::Stop));
            }
        }
        Ok(None)
    }

    /// Sends a request, or puts it into the message that is sent with the next one.
    fn ask(&mut self, at: usize, joined: bool, life: &Life) {
        let whom = self.requests[at].whom();
        let mut asked = match self.joined.take() {
            Some((before, asked)) if before == whom => asked,
            Some((before, asked)) => {
                self.send(before, asked, life);
                Vec::new()
            }
            None => Vec::new(),
        };
        asked.push(at);
        if joined { self.joined = Some((whom, asked)) } else { self.send(whom, asked, life) }
    }

    fn send(&mut self, whom: Whom, requests: Vec<usize>, life: &Life) {
        let mut body = Body::default();
        let mut asked = Vec::with_capacity(requests.len());
        for at in requests {
            let request = &self.requests[at];
            asked.push((at, self.auditor.sent(request)));
            request.push(&mut body);
        }
        if let Some(outcome) = life.send(whom, body) {
            self.waiting.push(Waiting { requests: asked, outcome });
            if self.waiting.len() > MOST_WAITING {
                self.waiting.remove(0);
            }
        }
    }

    /// Hears what was answered meanwhile.
    fn collect(&mut self) -> Result<(), String> {
        let mut at = 0;
        while at < self.waiting.len() {
            match self.waiting[at].outcome.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => at += 1,
                Err(oneshot::error::TryRecvError::Closed) => drop(self.waiting.remove(at)),
                Ok(outcome) => {
                    let Waiting { requests, .. } = self.waiting.remove(at);
                    for ((at, was_accepted), reply) in
                        requests.into_iter().zip(outcome.replies.unwrap_or_default())
                    {
                        self.auditor.heard(&self.requests[at], was_accepted, &reply)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Where nobody was told of an order or a cart yet, mostly another question: for one.
    fn instead(&self, question: Question) -> Question {
        let (has_orders, has_carts) = (self.auditor.orders().len() > 0, self.auditor.carts().len() > 0);
        match question {
            Question::Pay { order, .. } | Question::Cancel { order } | Question::Refund { order, .. }
                if !has_orders && order % 8 > 0 =>
            {
                let [sku, buyer] = order.to_be_bytes();
                let (sku, buyer) = (sku % SKUS.len() as u8, buyer % BUYERS);
                Question::Reserve { sku, buyer, qty: 1, coupon: false }
            }
            Question::PayCart { cart, .. } | Question::CancelCart { cart } if !has_carts && cart % 8 > 0 => {
                Question::Cart { buyer: (cart % u16::from(BUYERS)) as u8, qty: [1, 1, 0], coupon: false }
            }
            question => question,
        }
    }

    /// What a question is about, out of what is known now.
    fn request(&self, question: Question) -> Request {
        let number = self.requests.len();
        let buyer = |buyer: u8| format!("buyer-{buyer}");
        let payment = |shared: bool| if shared { "pay".to_owned() } else { format!("pay-{number}") };
        let order = |pick: u16| {
            let mut orders = self.auditor.orders();
            let known = usize::from(pick).checked_rem(orders.len()).and_then(|at| orders.nth(at));
            known.unwrap_or((usize::from(pick) % SKUS.len(), 1, 1_000))
        };
        let cart = |pick: u16| {
            let mut carts = self.auditor.carts();
            let known = usize::from(pick).checked_rem(carts.len()).and_then(|at| carts.nth(at));
            known.unwrap_or((1, 1_000))
        };
        let coupon = |wanted: bool| if wanted { self.auditor.coupon() } else { None };
        let what = match self.instead(question) {
            Question::Reserve { sku, buyer: who, qty, coupon: wanted } => {
                What::Reserve { sku: sku.into(), buyer: buyer(who), qty: qty.into(), coupon: coupon(wanted) }
            }
            Question::Open { sku, buyer: who } => What::Open { sku: sku.into(), buyer: buyer(who) },
            Question::Join { sku, room, buyer: who } => {
                What::Join { sku: sku.into(), room: u32::from(room) + 1, buyer: buyer(who) }
            }
            Question::Pay { order: pick, wrong, shared_payment } => {
                let (sku, order, amount) = order(pick);
                What::Pay { sku, order, amount: amount + u64::from(wrong), payment: payment(shared_payment) }
            }
            Question::Cancel { order: pick } => {
                let (sku, order, _) = order(pick);
                What::Cancel { sku, order }
            }
            Question::Refund { order: pick, restock } => {
                let (sku, order, _) = order(pick);
                What::Refund { sku, order, restock }
            }
            Question::Trigger { buyer: who } => What::Trigger { buyer: buyer(who), code: number as u128 + 1 },
            Question::Cart { buyer: who, qty, coupon: wanted } => {
                let lines = qty.into_iter().enumerate().filter(|(_, qty)| *qty > 0);
                let mut lines: Vec<(usize, u32)> = lines.map(|(sku, qty)| (sku, qty.into())).collect();
                if lines.is_empty() {
                    lines.push((0, 1));
                }
                What::Cart { buyer: buyer(who), lines, coupon: coupon(wanted) }
            }
            Question::PayCart { cart: pick, wrong } => {
                let (cart, amount) = cart(pick);
                What::PayCart { cart, amount: amount + u64::from(wrong), payment: payment(false) }
            }
            Question::CancelCart { cart: pick } => What::CancelCart { cart: cart(pick).0 },
            Question::Restock { sku, delta } => What::Restock { sku: sku.into(), delta: delta.into() },
            Question::Pause { sku } => What::Pause { sku: sku.into() },
            Question::Resume { sku } => What::Resume { sku: sku.into() },
        };
        Request { id: format!("r{number:04}"), what }
    }

    /// The end of a sale: everything is asked once more, and answered.
    async fn conclude(&mut self, life: &mut Life) -> Result<End, String> {
        for at in 0..self.requests.len() {
            let mut body = Body::default();
            let request = &self.requests[at];
            let was_accepted = self.auditor.sent(request);
            request.push(&mut body);
            let replies = life.ask(request.whom(), body).await;
            let replies = replies.map_err(|why| format!("{request:?} is not answered: {why:?}"))?;
            let [reply] = &replies[..] else { return Err(format!("{request:?} is answered {replies:?}")) };
            self.auditor.heard(request, was_accepted, reply)?;
        }
        self.audit(life).await?;
        life.writer.write_mark();
        Ok(End::Over)
    }

    /// The states that the next start would find, with snapshots and without.
    fn finish(&mut self) -> Result<Finished, String> {
        self.disk.crash(Crash::LoseUnsynced);
        let hash = |snapshots: Option<Arc<dyn SnapshotStore>>| -> Result<u64, String> {
            let recovered = recover_from(Arc::new(self.disk.clone()), snapshots, 1, SEED, &|_| {});
            let mut actors = recovered.map_err(|error| error.to_string())?.workers.remove(0);
            actors.sort_by_key(|actor| actor.id);
            // FNV's way of mixing: all that is wanted is that no two sales agree by chance.
            let mix = |hash: u64, more: u64| (hash ^ more).wrapping_mul(0x0100_0000_01b3).rotate_left(29);
            Ok(actors.iter().fold(0xcbf2_9ce4_8422_2325, |all, actor| mix(all, actor.state.hash())))
        };
        let with = hash(Some(Arc::new(self.disk.snapshots())))?;
        let epochs = self.disk.epochs().map_err(|error| error.to_string())?;
        if epochs.first() == Some(&EpochNumber::FIRST) && hash(None)? != with {
            return Err("snapshot and journal lead to another state than the journal alone".to_owned());
        }
        let (requests, replies) = (self.requests.len(), self.auditor.replies().clone());
        Ok(Finished { hash: with, requests, starts: self.starts, replies })
    }
}

/// A runtime whose time stands still until somebody moves it.
#[allow(clippy::expect_used, reason = "a runtime without I/O needs nothing that the system could refuse")]
fn paused_runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime")
}
