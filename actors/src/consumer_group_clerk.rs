//! A consumer group's state and what one turn does to it.

use tidegate_engine::{
    ConsumerGroup, ConsumerGroupAnswer, ConsumerGroupCommand, ConsumerGroupState, Millis, NoChange, Rejection,
};
use tidegate_persistence::{ActorId, ActorKind, Birth, State};

use crate::ask::{Ask, Body, Reply};
use crate::desk::{Desk, DeskOptions, TurnEnd};
use crate::news::Reporter;
use crate::scribe::{Draft, Scribe, discard_turn};
use crate::shown::Shown;

/// A consumer group's state with its name and number. The number stays when the group is destroyed; the name is that of the
/// last group that there was.
#[derive(Debug)]
pub(crate) struct ConsumerGroupClerk {
    id: ActorId,
    name: Box<str>,
    state: ConsumerGroupState,
}

impl ConsumerGroupClerk {
    /// Takes over a state, fresh or recovered.
    pub(crate) fn new(id: ActorId, name: &str, state: ConsumerGroupState) -> Self {
        Self { id, name: name.into(), state }
    }

    /// What a command comes to if it is meant for the group that is here. A new one may have any name.
    fn is_meant(&self, group: &str, command: &ConsumerGroupCommand<&str>) -> bool {
        let may_be_named =
            self.state.group().is_none() && matches!(command, ConsumerGroupCommand::Create { .. });
        may_be_named || *self.name == *group
    }

    fn carry_out(
        &mut self,
        group: &str,
        command: &ConsumerGroupCommand<&str>,
        now: Millis,
        options: &DeskOptions,
        scribe: &mut Scribe<'_>,
    ) -> ConsumerGroupAnswer {
        if !self.is_meant(group, command) {
            return ConsumerGroupAnswer::Missing;
        }
        let (events, answer) = self.state.decide(command, now, &options.consumer_group);
        // What belongs together is in one group of the journal, and so in one commit.
        scribe.make_room();
        for event in &events {
            let birth = self.state.group().is_none().then_some(group);
            if let Err(contradiction) = self.state.apply(event, now) {
                discard_turn(&self.name, contradiction, event);
            }
            if let Some(name) = birth.filter(|name| *self.name != **name) {
                self.name = name.into();
            }
            let birth = birth.map(|name| Birth { kind: ActorKind::ConsumerGroup, name });
            scribe.event(birth).push_consumer_group(event);
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
        now: Millis,
        body: &Body,
        options: &DeskOptions,
        replies: &mut Vec<Reply>,
        draft: &mut Draft,
        // Nobody subscribes to a group.
        _reporter: Option<&mut Reporter>,
    ) -> TurnEnd {
        let mut scribe = Scribe::new(self.id, now, draft, None);
        for ask in body.asks() {
            let reply = match ask {
                Ask::ConsumerGroup(group, command) => {
                    let (group, command) = (body.text(*group), command.map(|span| body.text(*span)));
                    Reply::ConsumerGroup(Box::new(self.carry_out(group, &command, now, options, &mut scribe)))
                }
                Ask::JudgeConsumerGroup(group, command) => {
                    let (group, command) = (body.text(*group), command.map(|span| body.text(*span)));
                    let answer = match self.is_meant(group, &command) {
                        true => self.state.decide(&command, now, &options.consumer_group).1,
                        false => ConsumerGroupAnswer::Missing,
                    };
                    Reply::ConsumerGroup(Box::new(answer))
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
        TurnEnd { changed: scribe.changed, next_expiry: None, shows_others: false }
    }

    fn show(&self, shown: &Shown) {
        shown.set_vacant(self.state.group().is_none());
    }

    fn last_event_at(&self) -> Millis {
        self.state.last_event_at()
    }

    fn replace(&mut self, state: Option<State>, _: u64) {
        self.state = match state {
            Some(State::ConsumerGroup(state)) => state,
            _ => ConsumerGroupState::default(),
        };
    }
}
