//! The actor around a desk: runs turns, journals them, keeps the clock, and survives a panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message, SpawnHandle};
use tidegate_engine::Millis;
use tidegate_persistence::{ActorId, EncodedGroup, State, Ticket};
use tokio::sync::oneshot;

use crate::ask::{Body, Fault, Outcome, Reply};
use crate::desk::Desk;
use crate::house::Shared;
use crate::news::Reporter;
use crate::rebuild::{RebuildError, make_anew};
use crate::release::Release;
use crate::settling::settle;
use crate::shown::{Condition, Shown};

/// How long to wait before looking again for room in the journal, when reservations are to be ended.
const RETRY: Duration = Duration::from_millis(5);

/// A body for this actor.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) body: Body,
    pub(crate) to: oneshot::Sender<Outcome>,
    /// Whether the replies may be told before they are durable, if all of them are such as [`Reply::goes_ahead`] says.
    pub(crate) ahead: bool,
}

impl Message for Turn {
    type Result = ();
}

/// The clock was set forward: the timer is not to be relied on.
#[derive(Debug)]
pub(crate) struct Wake;

impl Message for Wake {
    type Result = ();
}

/// The end of a rebuild.
struct Rebuilt(Result<Option<State>, RebuildError>);

impl Message for Rebuilt {
    type Result = ();
}

/// One SKU, campaign or consumer group.
pub(crate) struct DeskActor {
    id: ActorId,
    desk: Box<dyn Desk>,
    /// No turn's time is before this (invariant 7).
    last_turn: Millis,
    condition: Condition,
    shown: Arc<Shown>,
    release: Arc<Release>,
    shared: Arc<Shared>,
    /// The last group that this actor gave to the journal.
    last_ticket: Ticket,
    /// The journal has something of it, or will have.
    is_journaled: bool,
    timer: Option<(Millis, SpawnHandle)>,
    /// The last turn without a body panicked.
    failed_alone: bool,
    /// Reused from turn to turn.
    groups: Vec<EncodedGroup>,
}

impl DeskActor {
    pub(crate) fn new(
        (id, desk): (ActorId, Box<dyn Desk>),
        shown: Arc<Shown>,
        release: Arc<Release>,
        shared: Arc<Shared>,
    ) -> Self {
        desk.show(&shown);
        Self {
            id,
            last_turn: desk.last_event_at(),
            is_journaled: desk.last_event_at() > Millis(0),
            desk,
            condition: Condition::Live,
            shown,
            release,
            shared,
            last_ticket: Ticket::default(),
            timer: None,
            failed_alone: false,
            groups: Vec::new(),
        }
    }

    /// Why nothing can be asked at the moment.
    fn fault(&self) -> Option<Fault> {
        match self.condition {
            _ if self.release.lane().failed().is_some() => Some(Fault::JournalFailed),
            Condition::Rebuilding => Some(Fault::Rebuilding),
            Condition::Quarantined => Some(Fault::Quarantined),
            Condition::Live if !self.release.lane().has_room() => Some(Fault::Overloaded),
            Condition::Live => None,
        }
    }

    /// One turn, and what is counted of it.
    fn counted_turn(&mut self, body: &mut Body, ctx: &mut Context<Self>) -> Result<Vec<Reply>, Fault> {
        let began = Instant::now();
        let replies = self.turn(body, ctx);
        let ended = Instant::now();
        body.stages_mut().turned(began, ended);
        self.release.load().turned(body.len(), ended - began, &replies);
        replies
    }

    /// One turn. Either all of it happens, or (if it panics) none.
    fn turn(&mut self, body: &Body, ctx: &mut Context<Self>) -> Result<Vec<Reply>, Fault> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        let mut replies = Vec::with_capacity(body.len());
        let now = self.shared.clock.now().max(self.last_turn);
        self.last_turn = now;
        let (desk, groups) = (&mut self.desk, &mut self.groups);
        let options = &self.shared.options.desk;
        let mut reporter = Reporter::for_turn(self.shared.options.news.as_ref(), desk.name());
        let probe = self.shared.options.probe.as_deref();
        let end = catch_unwind(AssertUnwindSafe(|| {
            let end = desk.turn(now, body, options, &mut replies, groups, reporter.as_mut());
            probe.inspect(|probe| probe(body));
            end
        }));
        match end {
            Ok(end) => {
                self.failed_alone &= !body.is_empty();
                for group in self.groups.drain(..) {
                    self.release.load().journaled(group.bytes().len());
                    self.last_ticket = self.release.lane().submit(group);
                    self.is_journaled = true;
                }
                if let Some(news) = reporter.map(Reporter::into_news).filter(|news| !news.is_empty()) {
                    self.release.hold_news(self.last_ticket, self.desk.name(), news);
                }
                if end.changed {
                    self.desk.submitted();
                    self.desk.show(&self.shown);
                    self.tell();
                }
                self.set_timer(end.next_expiry, now, ctx);
                Ok(replies)
            }
            Err(panic) => {
                self.groups.clear();
                self.desk.discarded();
                let said = panic_text(&*panic);
                tracing::error!(name = self.desk.name(), panic = said, "a turn failed and is discarded");
                // A turn that nobody asked for would fail again and again.
                if body.is_empty() && std::mem::replace(&mut self.failed_alone, true) {
                    tracing::error!(
                        name = self.desk.name(),
                        "quarantined: its clock fails after a rebuild too"
                    );
                    self.set_condition(Condition::Quarantined);
                } else {
                    self.rebuild(ctx);
                }
                Err(Fault::Panicked)
            }
        }
    }

    /// Tells lines of carts what the clock made of them. They hear it after it was handed to the journal.
    fn tell(&mut self) {
        let told = self.desk.to_tell();
        if let Some(skus) = self.shared.skus.upgrade().filter(|_| !told.is_empty()) {
            let campaign: Box<str> = self.desk.name().into();
            actix_rt::spawn(async move {
                settle(&skus, &campaign, &told).await;
            });
        }
    }

    /// Wakes this actor when the next hold may end.
    fn set_timer(&mut self, next: Option<Millis>, now: Millis, ctx: &mut Context<Self>) {
        match (next, &self.timer) {
            (Some(at), Some((set, _))) if *set <= at && (*set == Millis(0) || at > now) => {}
            // More ran out than one turn ends, perhaps because the clock was set forward: go on at once.
            (Some(at), _) if at <= now => self.wake_after(Duration::ZERO, Millis(0), ctx),
            (Some(at), _) => {
                let left = Duration::from_millis(at.0.saturating_sub(now.0));
                self.wake_after(left / self.shared.clock.speed().max(1), at, ctx);
            }
            (None, _) => {}
        }
    }

    fn wake_after(&mut self, pause: Duration, at: Millis, ctx: &mut Context<Self>) {
        if let Some((_, old)) = self.timer.take() {
            ctx.cancel_future(old);
        }
        let handle = ctx.run_later(pause, |actor, ctx| {
            actor.timer = None;
            if matches!(actor.counted_turn(&mut Body::default(), ctx), Err(Fault::Overloaded)) {
                actor.wake_after(RETRY, Millis(0), ctx);
            }
        });
        self.timer = Some((at, handle));
    }

    /// Makes the state anew from snapshot and journal, while the other actors go on.
    fn rebuild(&mut self, ctx: &mut Context<Self>) {
        tracing::info!(name = self.desk.name(), "rebuilding it from the journal");
        self.set_condition(Condition::Rebuilding);
        let (shared, release, id) = (Arc::clone(&self.shared), Arc::clone(&self.release), self.id);
        let (name, last): (Box<str>, _) = (self.desk.name().into(), self.last_ticket);
        let myself = ctx.address();
        actix_rt::spawn(async move {
            // All that this actor wrote must be on disk before it is read back.
            while release.lane().durable() < last && release.lane().failed().is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let state = make_anew(&shared, release.lane(), (id, &name)).await;
            myself.do_send(Rebuilt(state));
        });
    }

    fn set_condition(&mut self, condition: Condition) {
        self.condition = condition;
        self.shown.set_condition(condition);
        if let (Condition::Quarantined, Some(news)) = (condition, &self.shared.options.news) {
            news.end(Some(self.desk.name()), Fault::Quarantined);
        }
    }
}

/// What a panic said.
fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

impl Actor for DeskActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        // What ran out while the house was closed is ended in a turn of its own, after all are started.
        if self.desk.has_timers() {
            self.wake_after(Duration::ZERO, Millis(0), ctx);
        }
    }
}

impl Handler<Turn> for DeskActor {
    type Result = ();

    fn handle(&mut self, Turn { mut body, to, ahead }: Turn, ctx: &mut Context<Self>) {
        self.shown.begun();
        let replies = self.counted_turn(&mut body, ctx);
        let at_once = match &replies {
            Err(_) => true,
            Ok(replies) => ahead && replies.iter().zip(body.asks()).all(|(reply, ask)| reply.goes_ahead(ask)),
        };
        let outcome = Outcome { body, replies };
        if at_once {
            let _ = to.send(outcome);
        } else {
            self.release.hold(self.last_ticket, outcome, to);
        }
    }
}

impl Handler<Wake> for DeskActor {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Context<Self>) {
        // Without a timer there is nothing that it could be late for. A turn without a body sets the timer again.
        if self.timer.is_some() {
            self.wake_after(Duration::ZERO, Millis(0), ctx);
        }
    }
}

impl Handler<Rebuilt> for DeskActor {
    type Result = ();

    fn handle(&mut self, Rebuilt(state): Rebuilt, ctx: &mut Context<Self>) {
        match state {
            // An empty SKU in its place would sell what is sold, again.
            Ok(None) if self.is_journaled => {
                tracing::error!(
                    name = self.desk.name(),
                    "quarantined: the journal has nothing of it any more"
                );
                self.set_condition(Condition::Quarantined);
            }
            Ok(state) => {
                tracing::info!(name = self.desk.name(), "rebuilt from the journal; back in service");
                self.desk.replace(state, self.shared.options.seed);
                self.desk.show(&self.shown);
                self.shared.rebuilt.fetch_add(1, Ordering::Relaxed);
                self.set_condition(Condition::Live);
                self.wake_after(Duration::ZERO, Millis(0), ctx);
            }
            Err(error) => {
                tracing::error!(name = self.desk.name(), %error, "quarantined: it could not be rebuilt");
                self.set_condition(Condition::Quarantined);
            }
        }
    }
}
