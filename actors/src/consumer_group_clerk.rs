//! A consumer group's state and what one turn does to it.

use tidegate_engine::{
    ConsumerGroup, ConsumerGroupAnswer, ConsumerGroupCommand, ConsumerGroupState, Millis, NoChange, Rejection,
};
use tidegate_persistence::{ActorId, ActorKind, Birth, EncodedGroup, State};

use crate::ask::{Ask, Body, Reply};
use crate::desk::{Desk, DeskOptions, TurnEnd};
use crate::directory::Shown;
use crate::news::Reporter;
use crate::scribe::Scribe;

/// A consumer group's state with its name and number.
#[derive(Debug)]
pub(crate) struct ConsumerGroupClerk {
    id: ActorId,
    name: Box<str>,
    state: ConsumerGroupState,
    /// No turn's time is before this (invariant 7).
    last_turn: Millis,
}

impl ConsumerGroupClerk {
    /// Takes over a state, fresh or recovered.
    pub(crate) fn new(id: ActorId, name: &str, state: ConsumerGroupState) -> Self {
        let last_turn = state.last_event_at();
        Self { id, name: name.into(), state, last_turn }
    }

    fn carry_out(
        &mut self,
        command: &ConsumerGroupCommand<&str>,
        now: Millis,
        options: &DeskOptions,
        scribe: &mut Scribe<'_>,
    ) -> ConsumerGroupAnswer {
        let (events, answer) = self.state.decide(command, now, &options.consumer_group);
        // What belongs together is in one group of the journal, and so in one commit.
        scribe.make_room();
        for event in &events {
            let unborn = self.state.changes() == 0;
            if let Err(contradiction) = self.state.apply(event, now) {
                // A defect of the engine. The turn must not be half done: unwinding discards all of it.
                std::panic::panic_any(format!(
                    "{}: an event contradicts the state: {contradiction}: {event:?}",
                    self.name
                ));
            }
            scribe
                .event(unborn.then_some(Birth { kind: ActorKind::ConsumerGroup, name: &self.name }))
                .push_consumer_group(event);
        }
        answer
    }
}

impl Desk for ConsumerGroupClerk {
    fn name(&self) -> &str {
        &self.name
    }

    fn turn(
        &mut self,
        clock: Millis,
        body: &Body,
        options: &DeskOptions,
        replies: &mut Vec<Reply>,
        journal: &mut Vec<EncodedGroup>,
        // Nobody subscribes to a group.
        _reporter: Option<&mut Reporter>,
    ) -> TurnEnd {
        let now = clock.max(self.last_turn);
        self.last_turn = now;
        let mut scribe = Scribe::new(self.id, now, journal, None);
        for ask in body.asks() {
            let reply = match ask {
                Ask::ConsumerGroup(command) => {
                    let command = command.map(|span| body.text(*span));
                    Reply::ConsumerGroup(Box::new(self.carry_out(&command, now, options, &mut scribe)))
                }
                Ask::View => {
                    Reply::ConsumerGroupView(self.state.group().map(ConsumerGroup::view).map(Box::new))
                }
                Ask::Pending(span) => {
                    let span = span.map(|consumer| body.text(*consumer));
                    Reply::Pending(self.state.group().map(|group| group.pending(&span, now)))
                }
                // Meant for a SKU or a campaign, and this is none.
                _ => NoChange::Rejected(Rejection::NotFound).into(),
            };
            replies.push(reply);
        }
        scribe.close();
        TurnEnd { changed: scribe.changed, next_expiry: None, now }
    }

    fn show(&self, _: &Shown) {}

    fn submitted(&mut self) {}

    fn discarded(&mut self) {}

    fn replace(&mut self, state: Option<State>, _: u64) {
        self.state = match state {
            Some(State::ConsumerGroup(state)) => state,
            _ => ConsumerGroupState::default(),
        };
    }

    fn has_timers(&mut self) -> bool {
        false
    }
}
