//! A SKU's state and what one turn does to it. Knows no actix, no thread and no clock.

use std::sync::Arc;

use tidegate_engine::{
    Answer, Command, Event, Limits, Millis, NoChange, Refusal, Rejection, Sku, SkuState, Standing,
};
use tidegate_persistence::{ActorId, ActorKind, Birth, State};

use crate::ask::{Ask, Body, Inner, Reply};
use crate::desk::{Desk, DeskOptions, TurnEnd};
use crate::ledger::Ledgers;
use crate::membership::{Membership, take_up};
use crate::news::Reporter;
use crate::places::nearby;
use crate::rejections::RejectionCounts;
use crate::scribe::{Draft, Scribe, discard_turn};
use crate::shown::Shown;

/// A SKU's state with its name and number.
#[derive(Debug)]
pub struct Clerk {
    id: ActorId,
    name: Box<str>,
    state: SkuState,
    rejections: RejectionCounts,
    membership: Membership,
}

impl Clerk {
    /// Takes over a state, fresh or recovered. If it is part of a campaign, what its orders hold is entered in the
    /// campaign's ledger.
    #[must_use]
    pub fn new(id: ActorId, name: &str, state: SkuState, ledgers: Arc<Ledgers>) -> Self {
        let membership = Membership::new(ledgers, state.sku());
        Self { id, name: name.into(), state, rejections: RejectionCounts::default(), membership }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> &SkuState {
        &self.state
    }

    /// One turn that nobody subscribed to: ends what the clock has ended, then does what is asked, in order. Groups for
    /// the journal go to `draft`, replies to `replies`. `now` must not run backwards from turn to turn, nor be before
    /// the state's last event (invariant 7).
    ///
    /// # Panics
    /// If the engine contradicts itself. The state is then not to be used any more, and nothing of this turn that
    /// is in `draft` happened: the caller gives it on only after the turn.
    pub fn turn(
        &mut self,
        now: Millis,
        body: &Body,
        options: &DeskOptions,
        replies: &mut Vec<Reply>,
        draft: &mut Draft,
    ) -> TurnEnd {
        Desk::turn(self, now, body, options, replies, draft, None)
    }

    fn expire(&mut self, most: usize, scribe: &mut Scribe<'_>) {
        // Looking at the order that ends next takes two cache misses: most turns come before its time.
        if self.state.quiet_until().is_none_or(|until| until > scribe.now) {
            return;
        }
        for _ in 0..most {
            let Some(expiry) = self.state.next_expiry().filter(|expiry| expiry.at <= scribe.now) else {
                return;
            };
            let events = match (expiry.order, expiry.room) {
                (Some(order), _) => self.state.decide_expiry(order, scribe.now),
                (None, Some(room)) => self.state.decide_close(room, scribe.now),
                // Thousands of ended orders were passed over, which is enough for one turn.
                (None, None) => return,
            };
            self.apply(&events, scribe);
        }
    }

    /// Adds which stores are near, for a buyer who says where.
    fn placed(&self, command: &Command<&str>, standing: Standing) -> Standing {
        let Command::Reserve { at: Some(at), .. } = command else { return standing };
        let stores = self.state.sku().and_then(Sku::stores);
        Standing { nearby: stores.map(|stores| nearby(stores, at).into()), ..standing }
    }

    fn apply(&mut self, events: &[Event<'_>], scribe: &mut Scribe<'_>) {
        // What belongs together is in one group, and so in one commit.
        scribe.make_room();
        for event in events {
            self.membership.event(self.state.sku(), event);
            apply(scribe, &mut self.state, &self.name, event);
        }
        if let (Some(reporter), Some(sku)) = (&mut scribe.reporter, self.state.sku()) {
            reporter.orders(events, sku);
        }
    }

    /// Makes a command so, if the rules say yes. A question is only judged, as if its buyer had taken so many units of the
    /// campaign before.
    fn carry_out(
        &mut self,
        command: &Command<&str>,
        question: Option<u32>,
        limits: &Limits,
        scribe: &mut Scribe<'_>,
    ) -> Reply {
        let overdue = self.state.decide_overdue(command, scribe.now);
        self.apply(&overdue, scribe);
        loop {
            let sku = (&*self.name, self.state.sku());
            let (standing, wanted) = self.membership.before(sku, command, scribe.now);
            let mut standing = self.placed(command, standing);
            standing.left = standing.left.saturating_sub(question.unwrap_or(0));
            let judged = self.state.decide_for(command, scribe.now, limits, &standing);
            scribe.shows_others |= self.membership.is_shown_by(&judged, &standing);
            match judged {
                Ok(change) if question.is_some() => return Reply::Accepted(change.answer),
                Ok(change) => {
                    let wanted = wanted.as_ref().filter(|_| take_up(&change.events));
                    if wanted.is_some_and(|wanted| !self.membership.take(&self.name, wanted, scribe.now)) {
                        // Another SKU of the campaign gave the buyer the last of it meanwhile.
                        continue;
                    }
                    self.apply(&change.events, scribe);
                    return Reply::Accepted(change.answer);
                }
                Err(no) => {
                    if let NoChange::Rejected(rejection) = no {
                        self.rejections.count(rejection);
                    }
                    return no.into();
                }
            }
        }
    }

    /// Adds what paid units come with, and which store has reserved ones, to the reply that says so.
    fn with_goods(&self, command: &Command<&str>, reply: Reply) -> Reply {
        let sku = self.state.sku();
        match (command, &reply) {
            (
                Command::Pay { order, .. } | Command::SettleLine { order, .. },
                Reply::Accepted(Answer::Paid),
            ) => sku.and_then(|sku| sku.goods(*order)).map_or(reply, Reply::Paid),
            (
                Command::Reserve { at: Some(_), .. },
                Reply::Accepted(answer @ Answer::Reserved { order, .. }),
            ) => match sku.and_then(|sku| sku.store_of(*order)) {
                Some(store) => Reply::ReservedAt(*answer, store.into()),
                None => reply,
            },
            _ => reply,
        }
    }

    fn answer(&mut self, ask: &Ask, body: &Body, limits: &Limits, scribe: &mut Scribe<'_>) -> Reply {
        match ask {
            Ask::Command(command) => {
                let command = command.map(|span| body.text(*span));
                let reply = self.carry_out(&command, None, limits, scribe);
                self.with_goods(&command, reply)
            }
            Ask::Judge { command, after } => {
                let command = command.map(|span| body.text(*span));
                self.carry_out(&command, Some(*after), limits, scribe)
            }
            Ask::KnowsPayment { payment, order } => {
                let payment = body.text(*payment);
                match self.state.sku().is_some_and(|sku| sku.is_payment_of_another(payment, *order)) {
                    true => Reply::Refused(Refusal::PaymentReused),
                    false => Reply::Inner(Inner::UnknownPayment),
                }
            }
            // Meant for somebody else.
            Ask::Campaign(_)
            | Ask::Cart(_)
            | Ask::CartFacts(_)
            | Ask::ConsumerGroup(..)
            | Ask::JudgeConsumerGroup(..)
            | Ask::Pending(_)
            | Ask::ReserveCart(_)
            | Ask::BeginCart { .. }
            | Ask::AbandonCart { .. } => Reply::Rejected(Rejection::NotFound),
            Ask::View => Reply::View(self.state.sku().map(|sku| Box::new(sku.view()))),
            Ask::Order(number) | Ask::Facts(number) => {
                Reply::Order(self.state.sku().and_then(|sku| sku.order(*number)).map(Box::new))
            }
            Ask::Room(number) => {
                let sku = self.state.sku();
                Reply::Room(sku.and_then(|sku| sku.room(*number, scribe.now)).map(Box::new))
            }
            Ask::Report => {
                // Beside the books stands how many buyers the campaign has.
                scribe.shows_others |= self.membership.is_part();
                Reply::Report(self.state.sku().map(|sku| Box::new((sku.report(), self.rejections))))
            }
        }
    }
}

impl Desk for Clerk {
    fn name(&self) -> &str {
        &self.name
    }

    fn turn(
        &mut self,
        now: Millis,
        body: &Body,
        options: &DeskOptions,
        replies: &mut Vec<Reply>,
        draft: &mut Draft,
        reporter: Option<&mut Reporter>,
    ) -> TurnEnd {
        let mut scribe = Scribe::new(self.id, now, draft, reporter);
        self.expire(options.expiries_per_turn, &mut scribe);
        for ask in body.asks() {
            let reply = self.answer(ask, body, &options.limits, &mut scribe);
            replies.push(reply);
        }
        scribe.close();
        let Scribe { changed, shows_others, reporter, .. } = scribe;
        if let (true, Some(reporter), Some(sku)) = (changed, reporter, self.state.sku()) {
            reporter.sku(sku);
        }
        TurnEnd { changed, next_expiry: self.state.quiet_until(), shows_others }
    }

    fn glance(&self) {
        self.state.glance();
    }

    fn warm(&self, body: &Body) {
        self.state.warm(who_reserves(body));
    }

    fn last_event_at(&self) -> Millis {
        self.state.sku().map_or(Millis(0), Sku::last_event_at)
    }

    fn show(&self, shown: &Shown) {
        shown.publish(self.state.sku().map(Sku::view));
    }

    fn is_awaited(&self) -> bool {
        self.membership.is_awaited()
    }

    fn submitted(&mut self) {
        self.membership.submitted(self.state.sku());
    }

    fn discarded(&mut self) {
        self.membership.discarded();
    }

    /// Counts of rejections go on.
    fn replace(&mut self, state: Option<State>, seed: u64) {
        self.state = match state {
            Some(State::Sku(state)) => state,
            _ => SkuState::new(seed),
        };
    }

    fn has_timers(&mut self) -> bool {
        self.state.next_expiry().is_some()
    }
}

/// The buyer of each reservation that is asked.
fn who_reserves(body: &Body) -> impl Iterator<Item = &str> + Clone {
    body.asks().iter().filter_map(|ask| match ask {
        Ask::Command(Command::Reserve { buyer, .. }) => Some(body.text(*buyer)),
        _ => None,
    })
}

/// Applies an event and writes it down for the journal.
fn apply(scribe: &mut Scribe<'_>, state: &mut SkuState, name: &str, event: &Event<'_>) {
    let unborn = state.sku().is_none();
    let seat = scribe.reporter.as_ref().and_then(|reporter| reporter.seat(event, state.sku()));
    if let Err(contradiction) = state.apply(event, scribe.now) {
        discard_turn(name, contradiction, event);
    }
    scribe.event(unborn.then_some(Birth { kind: ActorKind::Sku, name })).push(event);
    if let (Some(reporter), Some(sku)) = (&mut scribe.reporter, state.sku()) {
        reporter.room(name, event, seat, sku);
    }
}
