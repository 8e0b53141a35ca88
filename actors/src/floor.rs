//! One thread of the house: the actors that live on it, and what reaches them.
//!
//! What one read of one connection asks of a floor's actors comes as one delivery, and what they did goes to the journal as
//! one submission, however many of them were asked: over a thousand SKUs nearly every order is of another actor.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, ActorContext, ArbiterHandle, Context, StreamHandler};
use futures_util::stream::poll_fn;
use tidegate_persistence::{Lane, State, Ticket};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::ask::{Body, Fault, Outcome, Reply};
use crate::desk_actor::DeskActor;
use crate::house::Shared;
use crate::load::Load;
use crate::office::{Changed, Office};
use crate::rebuild::RebuildError;
use crate::release::{Parcel, Release};

/// From so many asks on, looking ahead is worth it: for fewer there is too little to fetch at the same time.
const WARM_FROM: usize = 4;

/// Where an actor lives on its floor, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) usize);

/// What reaches a floor.
pub(crate) enum Delivery {
    /// Somebody comes to live here.
    MoveIn(Place, Box<DeskActor>),
    /// A body for one actor.
    Visit {
        place: Place,
        body: Body,
        to: oneshot::Sender<Outcome>,
        /// Whether the replies may be told before they are durable, if all of them are such as [`Reply::goes_ahead`] says.
        ahead: bool,
    },
    /// Bodies for several actors, whose outcomes are awaited together. In their order.
    Round { visits: Vec<(Place, Body)>, to: oneshot::Sender<Vec<Outcome>> },
    /// An actor's timer ran out.
    TimeUp(Place),
    /// The clock was set forward: an actor's timer is not to be relied on.
    Wake(Place),
    /// Another floor wants to know when what was done here until now is durable.
    Word(oneshot::Sender<()>),
    /// An actor's state was made anew, or could not be.
    Rebuilt(Place, Box<Result<Option<State>, RebuildError>>),
}

/// The way to a floor, from any thread.
#[derive(Debug)]
pub(crate) struct Stairs {
    /// Which floor it is, from 0.
    pub(crate) number: usize,
    deliveries: mpsc::UnboundedSender<Delivery>,
    /// What the actors there count.
    pub(crate) load: Arc<Load>,
    /// Bodies that may wait for one actor.
    pub(crate) mailbox_capacity: usize,
}

impl Stairs {
    /// Sends a delivery.
    ///
    /// # Errors
    /// The delivery, if the floor is closed.
    pub(crate) fn send(&self, delivery: Delivery) -> Result<(), Delivery> {
        self.deliveries.send(delivery).map_err(|mpsc::error::SendError(delivery)| delivery)
    }

    /// The way there for whoever does not keep the floor open.
    pub(crate) fn downgrade(&self) -> mpsc::WeakUnboundedSender<Delivery> {
        self.deliveries.downgrade()
    }
}

/// A thread on which actors live.
#[derive(Debug)]
pub(crate) struct Floor {
    arbiter: ArbiterHandle,
    release: Arc<Release>,
    stairs: Arc<Stairs>,
}

impl Floor {
    /// Opens it, and starts the task that sends held replies and news on.
    pub(crate) fn open(
        number: usize,
        (arbiter, lane, wake): (ArbiterHandle, Lane, Arc<Notify>),
        shared: Arc<Shared>,
    ) -> Self {
        let release = Arc::new(Release::new(lane, wake, shared.options.news.clone()));
        arbiter.spawn(Arc::clone(&release).run());
        // No bound of its own: how many bodies wait for one actor is bounded, and a connection has one batch on its way.
        let (deliveries, mut arriving) = mpsc::unbounded_channel();
        let office = Office::new(Arc::clone(&shared), Arc::clone(&release), deliveries.downgrade());
        // An arbiter that is gone drops what arrives, and whoever sends is told that the house is closing.
        let _ = arbiter.spawn_fn(move || {
            FloorActor::create(|ctx| {
                FloorActor::add_stream(poll_fn(move |task| arriving.poll_recv(task)), ctx);
                FloorActor { number, desks: Vec::new(), office }
            });
        });
        let mailbox_capacity = shared.options.mailbox_capacity;
        let stairs = Stairs { number, deliveries, load: Arc::clone(release.load()), mailbox_capacity };
        Self { arbiter, release, stairs: Arc::new(stairs) }
    }

    pub(crate) fn load(&self) -> &Arc<Load> {
        self.release.load()
    }

    pub(crate) fn release(&self) -> &Arc<Release> {
        &self.release
    }

    pub(crate) fn stairs(&self) -> &Arc<Stairs> {
        &self.stairs
    }

    /// Runs a task here until it or the arbiter ends.
    pub(crate) fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        // An arbiter that is gone has nothing to run for.
        let _ = self.arbiter.spawn(task);
    }
}

/// All that happens on a floor, one delivery after the other.
struct FloorActor {
    number: usize,
    /// By place.
    desks: Vec<Option<DeskActor>>,
    office: Office,
}

impl Actor for FloorActor {
    type Context = Context<Self>;
}

impl StreamHandler<Delivery> for FloorActor {
    fn handle(&mut self, delivery: Delivery, _: &mut Context<Self>) {
        self.office.begin();
        match delivery {
            Delivery::MoveIn(place, desk) => self.move_in(place, *desk),
            Delivery::Visit { place, body, to, ahead } => self.visit_one(place, body, to, ahead),
            Delivery::Round { visits, to } => self.make_round(visits, to),
            Delivery::TimeUp(place) => {
                self.with(place, DeskActor::time_up);
                self.hand_over();
            }
            Delivery::Wake(place) => {
                self.with(place, DeskActor::wake);
                self.hand_over();
            }
            Delivery::Word(to) => {
                let release = self.office.release();
                release.hold(release.lane().submitted(), Parcel::Word(to));
            }
            Delivery::Rebuilt(place, state) => {
                self.with(place, |desk, office| desk.rebuilt(*state, office));
            }
        }
    }

    fn finished(&mut self, ctx: &mut Context<Self>) {
        // The house is gone.
        ctx.stop();
    }
}

impl FloorActor {
    /// Has the actor that lives here do something, if there is one. One that panics where it is not made anew for it is out of
    /// service, and others go on.
    fn with<T>(&mut self, place: Place, act: impl FnOnce(&mut DeskActor, &mut Office) -> T) -> Option<T> {
        let desk = self.desks.get_mut(place.0)?.as_mut()?;
        let office = &mut self.office;
        match catch_unwind(AssertUnwindSafe(|| act(desk, office))) {
            Ok(done) => Some(done),
            Err(panic) => {
                desk.failed(&*panic, office);
                None
            }
        }
    }

    fn move_in(&mut self, place: Place, desk: DeskActor) {
        if self.desks.len() <= place.0 {
            self.desks.resize_with(place.0 + 1, || None);
        }
        self.desks[place.0] = Some(desk);
        self.with(place, |desk, office| desk.moved_in(office));
    }

    /// One actor's turn, and until when its replies wait if it changed nothing. What it changed waits to be handed over.
    fn visit(&mut self, place: Place, mut body: Body) -> (Outcome, Ticket) {
        if self.with(place, |desk, _| desk.is_unsubmitted()) == Some(true) {
            // Should this turn fail, the one before is in the journal, from which the actor is made anew.
            self.hand_over();
        }
        let turn = self.with(place, |desk, office| (desk.visited(&mut body, office), desk.last_ticket()));
        // Nobody is sent to where nobody lives: it failed.
        let (replies, until) = turn.unwrap_or((Err(Fault::Panicked), Ticket::default()));
        (Outcome { body, replies }, until)
    }

    fn visit_one(&mut self, place: Place, body: Body, to: oneshot::Sender<Outcome>, ahead: bool) {
        let (outcome, before) = self.visit(place, body);
        let until = self.hand_over().unwrap_or(before);
        let at_once = match &outcome.replies {
            Err(_) => true,
            Ok(replies) => ahead && go_ahead(&outcome.body, replies),
        };
        if at_once {
            // Who is gone needs no answer.
            let _ = to.send(outcome);
        } else {
            self.hold(until, Parcel::Reply { outcome, to });
        }
    }

    fn make_round(&mut self, visits: Vec<(Place, Body)>, to: oneshot::Sender<Vec<Outcome>>) {
        self.look_ahead(&visits);
        let mut until = Ticket::default();
        let mut outcomes = Vec::with_capacity(visits.len());
        for (place, body) in visits {
            let (outcome, before) = self.visit(place, body);
            outcomes.push(outcome);
            until = until.max(before);
            if self.office.wants_to_hand_over() {
                until = self.hand_over().unwrap_or(until);
            }
        }
        // A later submission has a higher ticket than all before.
        until = self.hand_over().unwrap_or(until);
        if outcomes.iter().all(|outcome| outcome.replies.is_err()) {
            // Who is gone needs no answer.
            let _ = to.send(outcomes);
        } else {
            self.hold(until, Parcel::Round { outcomes, to });
        }
    }

    /// Has it wait until what it shows is durable: until this ticket is, or if it shows what others did, all that was done
    /// until now on this floor and on every other.
    fn hold(&self, until: Ticket, mut parcel: Parcel) {
        let release = self.office.release();
        if !self.office.shows_others {
            return release.hold(until, parcel);
        }
        // Not all that was done here has a reply that waits in front of this one: a cart's lines and the clock have none.
        let until = release.lane().submitted();
        let floors = self.office.shared.floors.get().into_iter().flatten().enumerate();
        let words: Vec<_> = floors
            .filter(|(number, _)| *number != self.number)
            .map(|(_, floor)| ask_for_word(floor))
            .collect();
        if words.is_empty() {
            return release.hold(until, parcel);
        }
        let release = Arc::clone(release);
        actix_rt::spawn(async move {
            for word in words {
                match word.await {
                    Ok(()) => {}
                    Err(_) if release.lane().failed().is_some() => return release.send_failed(parcel),
                    // The house is closing, and nobody is answered any more.
                    Err(_) => return,
                }
            }
            // It waited for others, if not for this floor as well.
            parcel.durable(Instant::now(), release.lane().last_sync());
            release.hold(until, parcel);
        });
    }

    /// Fetches what these turns will need from memory: all at once, where each turn would wait for its own.
    fn look_ahead(&self, visits: &[(Place, Body)]) {
        if visits.iter().map(|(_, body)| body.len()).sum::<usize>() < WARM_FROM {
            return;
        }
        let desk = |place: Place| self.desks.get(place.0)?.as_ref();
        // Nothing is changed. A state that can't be looked at fails in its turn, and alone.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            visits.iter().filter_map(|(place, _)| desk(*place)).for_each(DeskActor::glance);
            for (place, body) in visits {
                desk(*place).inspect(|desk| desk.warm(body));
            }
        }));
    }

    /// Hands what happened since the last time to the journal, and lets everybody know. Says until when its replies wait.
    fn hand_over(&mut self) -> Option<Ticket> {
        let ticket = self.office.submit()?;
        let mut changed = self.office.take_changed();
        for Changed { place, news, .. } in changed.drain(..) {
            self.with(place, |desk, office| desk.submitted(ticket, news, office));
        }
        self.office.give_back(changed);
        self.office.handed_over();
        Some(ticket)
    }
}

/// Whether these replies may be told before they are durable.
fn go_ahead(body: &Body, replies: &[Reply]) -> bool {
    replies.iter().zip(body.asks()).all(|(reply, ask)| reply.goes_ahead(ask))
}

/// Asks a floor to say when what was done there until now is durable. What came to it before has been handed over when it
/// gets to that. One that is closed says nothing.
fn ask_for_word(floor: &mpsc::WeakUnboundedSender<Delivery>) -> oneshot::Receiver<()> {
    let (to, word) = oneshot::channel();
    deliver(floor, Delivery::Word(to));
    word
}

/// Sends a delivery to a floor. One that is closed has no use for it.
pub(crate) fn deliver(floor: &mpsc::WeakUnboundedSender<Delivery>, delivery: Delivery) {
    if let Some(floor) = floor.upgrade() {
        let _ = floor.send(delivery);
    }
}
