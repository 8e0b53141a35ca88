//! The actor around a desk: takes turns, keeps the clock, and survives a panic.
//!
//! It is an actor in that it alone owns its state and does one thing after the other. It has no mailbox and no task of
//! its own: its floor runs it (ADR 17).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tidegate_engine::Millis;
use tidegate_persistence::{ActorId, State, Ticket};
use tokio::task::JoinHandle;

use crate::ask::{Body, Fault, Reply};
use crate::desk::Desk;
use crate::floor::{Delivery, Place, deliver};
use crate::news::{News, Reporter};
use crate::office::{Changed, Office};
use crate::rebuild::{RebuildError, make_anew};
use crate::release::Parcel;
use crate::settling::settle;
use crate::shown::{Condition, Shown};

/// How long to wait before looking again for room in the journal, when reservations are to be ended.
const RETRY: Duration = Duration::from_millis(5);

/// One SKU, campaign or consumer group.
pub(crate) struct DeskActor {
    id: ActorId,
    place: Place,
    desk: Box<dyn Desk>,
    /// No turn's time is before this (invariant 7).
    last_turn: Millis,
    condition: Condition,
    shown: Arc<Shown>,
    /// The last group of this actor that the journal was given.
    last_ticket: Ticket,
    /// The last turn changed something that was not given to the journal yet.
    is_unsubmitted: bool,
    /// The journal has something of it, or will have.
    is_journaled: bool,
    timer: Option<Timer>,
    /// The last turn without a body panicked.
    failed_alone: bool,
}

/// When an actor is to look at the clock.
struct Timer {
    /// The beginning of time: as soon as may be.
    at: Millis,
    task: Option<JoinHandle<()>>,
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.task.iter().for_each(JoinHandle::abort);
    }
}

impl DeskActor {
    pub(crate) fn new((id, place): (ActorId, Place), desk: Box<dyn Desk>, shown: Arc<Shown>) -> Self {
        desk.show(&shown);
        Self {
            id,
            place,
            last_turn: desk.last_event_at(),
            is_journaled: desk.last_event_at() > Millis(0),
            desk,
            condition: Condition::Live,
            shown,
            last_ticket: Ticket::default(),
            is_unsubmitted: false,
            timer: None,
            failed_alone: false,
        }
    }

    /// It lives on its floor from now on.
    pub(crate) fn moved_in(&mut self, office: &Office) {
        // What ran out while the house was closed is ended in a turn of its own.
        if self.desk.has_timers() {
            self.wake_after(Duration::ZERO, Millis(0), office);
        }
    }

    /// The last group of this actor that the journal was given.
    pub(crate) fn last_ticket(&self) -> Ticket {
        self.last_ticket
    }

    /// Whether the last turn changed something that was not given to the journal yet.
    pub(crate) fn is_unsubmitted(&self) -> bool {
        self.is_unsubmitted
    }

    /// Fetches what any turn needs from memory.
    pub(crate) fn glance(&self) {
        if self.condition == Condition::Live {
            self.desk.glance();
        }
    }

    /// Fetches what this body's turn needs from memory.
    pub(crate) fn warm(&self, body: &Body) {
        if self.condition == Condition::Live {
            self.desk.warm(body);
        }
    }

    /// A body has come.
    pub(crate) fn visited(&mut self, body: &mut Body, office: &mut Office) -> Result<Vec<Reply>, Fault> {
        self.shown.begun();
        self.counted_turn(body, office)
    }

    /// Why nothing can be asked at the moment.
    fn fault(&self, office: &Office) -> Option<Fault> {
        let lane = office.release().lane();
        match self.condition {
            _ if lane.failed().is_some() => Some(Fault::JournalFailed),
            Condition::Rebuilding => Some(Fault::Rebuilding),
            Condition::Quarantined => Some(Fault::Quarantined),
            Condition::Live if !lane.has_room() => Some(Fault::Overloaded),
            Condition::Live => None,
        }
    }

    /// One turn, and what is counted of it.
    fn counted_turn(&mut self, body: &mut Body, office: &mut Office) -> Result<Vec<Reply>, Fault> {
        let replies = self.turn(body, office);
        let ended = Instant::now();
        // What comes between two turns of a round is little, and is of the second.
        let began = std::mem::replace(&mut office.since, ended);
        body.stages_mut().turned(began, ended);
        office.release().load().turned(body.len(), ended - began, &replies);
        replies
    }

    /// One turn. Either all of it happens, or (if it panics) none.
    fn turn(&mut self, body: &Body, office: &mut Office) -> Result<Vec<Reply>, Fault> {
        if let Some(fault) = self.fault(office) {
            return Err(fault);
        }
        let Office { shared, draft, now, .. } = &mut *office;
        let mut replies = Vec::with_capacity(body.len());
        let now = (*now).max(self.last_turn);
        self.last_turn = now;
        let (desk, options) = (&mut self.desk, &shared.options);
        let mut reporter = Reporter::for_turn(options.news.as_ref(), desk.name());
        let end = catch_unwind(AssertUnwindSafe(|| {
            let end = desk.turn(now, body, &options.desk, &mut replies, draft, reporter.as_mut());
            options.probe.as_deref().inspect(|probe| probe(body));
            end
        }));
        match end {
            Ok(end) => {
                self.failed_alone &= !body.is_empty();
                office.shows_others |= end.shows_others;
                if end.changed {
                    self.is_unsubmitted = true;
                    let news = reporter.map(Reporter::into_news).unwrap_or_default();
                    let is_awaited = self.desk.is_awaited();
                    office.keep(Changed { place: self.place, news, is_awaited });
                }
                self.set_timer(end.next_expiry, now, office);
                Ok(replies)
            }
            Err(panic) => {
                office.draft.clear();
                self.desk.discarded();
                let said = panic_text(&*panic);
                tracing::error!(name = self.desk.name(), panic = said, "a turn failed and is discarded");
                // A turn that nobody asked for would fail again and again.
                if body.is_empty() && std::mem::replace(&mut self.failed_alone, true) {
                    tracing::error!(
                        name = self.desk.name(),
                        "quarantined: its clock fails after a rebuild too"
                    );
                    self.set_condition(Condition::Quarantined, office);
                } else {
                    self.rebuild(office);
                }
                Err(Fault::Panicked)
            }
        }
    }

    /// The last turn's groups are with the journal.
    pub(crate) fn submitted(&mut self, ticket: Ticket, news: Vec<News>, office: &Office) {
        self.last_ticket = ticket;
        self.is_unsubmitted = false;
        self.is_journaled = true;
        let (desk, shown) = (&mut self.desk, &self.shown);
        let published = catch_unwind(AssertUnwindSafe(|| {
            desk.submitted();
            desk.show(shown);
        }));
        if !news.is_empty() {
            office.release().hold(ticket, Parcel::News { of: self.desk.name().into(), news });
        }
        self.tell(office);
        if let Err(panic) = published {
            // What happened is with the journal, and from there the actor is made anew.
            let said = panic_text(&*panic);
            tracing::error!(name = self.desk.name(), panic = said, "how it stands could not be published");
            if self.condition == Condition::Live {
                self.rebuild(office);
            }
        }
    }

    /// Tells lines of carts what the clock made of them. They hear it after it was handed to the journal.
    fn tell(&mut self, office: &Office) {
        let told = self.desk.to_tell();
        if let Some(skus) = office.shared.skus.upgrade().filter(|_| !told.is_empty()) {
            let campaign: Box<str> = self.desk.name().into();
            actix_rt::spawn(async move {
                settle(&skus, &campaign, &told).await;
            });
        }
    }

    /// Wakes this actor when the next hold may end.
    fn set_timer(&mut self, next: Option<Millis>, now: Millis, office: &Office) {
        match (next, &self.timer) {
            (Some(at), Some(Timer { at: set, .. })) if *set <= at && (*set == Millis(0) || at > now) => {}
            // More ran out than one turn ends, perhaps because the clock was set forward: go on at once.
            (Some(at), _) if at <= now => self.wake_after(Duration::ZERO, Millis(0), office),
            (Some(at), _) => {
                let left = Duration::from_millis(at.0.saturating_sub(now.0));
                self.wake_after(left / office.shared.clock.speed().max(1), at, office);
            }
            (None, _) => {}
        }
    }

    fn wake_after(&mut self, pause: Duration, at: Millis, office: &Office) {
        let (deliveries, place) = (office.deliveries(), self.place);
        let ring = move || deliver(&deliveries, Delivery::TimeUp(place));
        let task = if pause.is_zero() {
            ring();
            None
        } else {
            Some(actix_rt::spawn(async move {
                tokio::time::sleep(pause).await;
                ring();
            }))
        };
        self.timer = Some(Timer { at, task });
    }

    /// A timer ran out: this one or, at times, one that was set anew meanwhile. That does no harm: a turn without a body
    /// sets it again.
    pub(crate) fn time_up(&mut self, office: &mut Office) {
        self.timer = None;
        if matches!(self.counted_turn(&mut Body::default(), office), Err(Fault::Overloaded)) {
            self.wake_after(RETRY, Millis(0), office);
        }
    }

    /// The clock was set forward.
    pub(crate) fn wake(&mut self, office: &mut Office) {
        // Without a timer there is nothing that it could be late for, and one that is due is on its way.
        if self.timer.as_ref().is_some_and(|timer| timer.at > Millis(0)) {
            self.time_up(office);
        }
    }

    /// Makes the state anew from snapshot and journal, while the other actors go on.
    fn rebuild(&mut self, office: &Office) {
        tracing::info!(name = self.desk.name(), "rebuilding it from the journal");
        self.set_condition(Condition::Rebuilding, office);
        let (shared, release) = (Arc::clone(&office.shared), Arc::clone(office.release()));
        let (name, last): (Box<str>, _) = (self.desk.name().into(), self.last_ticket);
        let (deliveries, id, place) = (office.deliveries(), self.id, self.place);
        actix_rt::spawn(async move {
            // All that this actor wrote must be on disk before it is read back.
            while release.lane().durable() < last && release.lane().failed().is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let state = make_anew(&shared, release.lane(), (id, &name)).await;
            deliver(&deliveries, Delivery::Rebuilt(place, Box::new(state)));
        });
    }

    /// The rebuild is over.
    pub(crate) fn rebuilt(&mut self, state: Result<Option<State>, RebuildError>, office: &Office) {
        match state {
            // An empty SKU in its place would sell what is sold, again.
            Ok(None) if self.is_journaled => {
                tracing::error!(
                    name = self.desk.name(),
                    "quarantined: the journal has nothing of it any more"
                );
                self.set_condition(Condition::Quarantined, office);
            }
            Ok(state) => {
                tracing::info!(name = self.desk.name(), "rebuilt from the journal; back in service");
                self.desk.replace(state, office.shared.options.seed);
                self.desk.show(&self.shown);
                office.shared.rebuilt.fetch_add(1, Ordering::Relaxed);
                self.set_condition(Condition::Live, office);
                self.wake_after(Duration::ZERO, Millis(0), office);
            }
            Err(error) => {
                tracing::error!(name = self.desk.name(), %error, "quarantined: it could not be rebuilt");
                self.set_condition(Condition::Quarantined, office);
            }
        }
    }

    /// It panicked where making it anew would not help, or did not.
    pub(crate) fn failed(&mut self, panic: &(dyn Any + Send), office: &mut Office) {
        office.draft.clear();
        let said = panic_text(panic);
        tracing::error!(name = self.desk.name(), panic = said, "quarantined: it failed outside a turn");
        self.set_condition(Condition::Quarantined, office);
    }

    fn set_condition(&mut self, condition: Condition, office: &Office) {
        self.condition = condition;
        self.shown.set_condition(condition);
        if let (Condition::Quarantined, Some(news)) = (condition, &office.shared.options.news) {
            news.end(Some(self.desk.name()), Fault::Quarantined);
        }
    }
}

/// What a panic said.
fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
