//! A campaign's state and what one turn does to it.

use std::sync::Arc;

use tidegate_engine::{
    Campaign, CampaignCommand, CampaignEvent, CampaignState, Granted, Millis, NoChange, Rejection,
};
use tidegate_persistence::{ActorId, ActorKind, Birth, EncodedGroup, GroupEncoder, State};

use crate::ask::{Ask, Body, Reply};
use crate::clerk::GROUP_BYTES;
use crate::desk::{Desk, DeskOptions, TurnEnd};
use crate::directory::Shown;
use crate::ledger::Ledger;

/// A campaign's state with its name and number.
#[derive(Debug)]
pub(crate) struct CampaignClerk {
    id: ActorId,
    name: Box<str>,
    state: CampaignState,
    ledger: Arc<Ledger>,
    /// No turn's time is before this (invariant 7).
    last_turn: Millis,
    /// Coupons of this turn, to be entered in the ledger: buyer and grant.
    granted: Vec<(Box<str>, tidegate_engine::Grant)>,
}

impl CampaignClerk {
    /// Takes over a state, fresh or recovered, and enters its coupons in the ledger.
    pub(crate) fn new(id: ActorId, name: &str, state: CampaignState, ledger: Arc<Ledger>) -> Self {
        let last_turn = state.campaign().map_or(Millis(0), Campaign::last_event_at);
        let clerk = Self { id, name: name.into(), state, ledger, last_turn, granted: Vec::new() };
        for (buyer, grant) in clerk.state.campaign().into_iter().flat_map(Campaign::grants) {
            clerk.ledger.grant(buyer, grant);
        }
        clerk.publish_terms();
        clerk
    }

    fn publish_terms(&self) {
        if let Some(campaign) = self.state.campaign() {
            self.ledger.set_terms(campaign.view().terms);
        }
    }

    fn carry_out(
        &mut self,
        command: &CampaignCommand<&str>,
        now: Millis,
        options: &DeskOptions,
        scribe: &mut CampaignScribe<'_>,
    ) -> Reply {
        let (events, answer) = match self.state.decide(command, now, &options.campaign) {
            Ok(decided) => decided,
            Err(no) => return no.into(),
        };
        for event in &events {
            let unborn = self.state.campaign().is_none();
            if let Err(contradiction) = self.state.apply(event, now) {
                // A defect of the engine. The turn must not be half done: unwinding discards all of it.
                std::panic::panic_any(format!(
                    "{}: an event contradicts the state: {contradiction}: {event:?}",
                    self.name
                ));
            }
            if let CampaignEvent::Granted(Granted { buyer, grant, .. }) = event {
                self.granted.push(((*buyer).into(), grant.clone()));
            }
            scribe.write(unborn.then_some(Birth { kind: ActorKind::Campaign, name: &self.name }), event);
        }
        Reply::Accepted(answer)
    }
}

impl Desk for CampaignClerk {
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
    ) -> TurnEnd {
        let now = clock.max(self.last_turn);
        self.last_turn = now;
        let mut scribe = CampaignScribe { id: self.id, now, encoder: None, journal, changed: false };
        for ask in body.asks() {
            let reply = match ask {
                Ask::Campaign(command) => {
                    let command = command.map(|span| body.text(*span));
                    self.carry_out(&command, now, options, &mut scribe)
                }
                Ask::View => Reply::Campaign(self.state.campaign().map(Campaign::view)),
                // Meant for a SKU, and this is none.
                _ => NoChange::Rejected(Rejection::NotFound).into(),
            };
            replies.push(reply);
        }
        scribe.close();
        TurnEnd { changed: scribe.changed, next_expiry: None, now }
    }

    fn show(&self, shown: &Shown) {
        shown.publish_campaign(self.state.campaign().map(Campaign::view));
    }

    fn submitted(&mut self) {
        self.granted.drain(..).for_each(|(buyer, grant)| self.ledger.grant(&buyer, grant));
        self.publish_terms();
    }

    fn discarded(&mut self) {
        self.granted.clear();
    }

    fn replace(&mut self, state: Option<State>, seed: u64) {
        self.state = match state {
            Some(State::Campaign(state)) => state,
            _ => CampaignState::new(seed),
        };
    }

    fn has_timers(&mut self) -> bool {
        false
    }
}

/// Writes the events of a turn down for the journal.
struct CampaignScribe<'j> {
    id: ActorId,
    now: Millis,
    encoder: Option<GroupEncoder>,
    journal: &'j mut Vec<EncodedGroup>,
    changed: bool,
}

impl CampaignScribe<'_> {
    fn write(&mut self, birth: Option<Birth<'_>>, event: &CampaignEvent<'_>) {
        if self.encoder.as_ref().is_some_and(|encoder| encoder.len() > GROUP_BYTES) {
            self.close();
        }
        let (id, now) = (self.id, self.now);
        self.encoder.get_or_insert_with(|| GroupEncoder::new(id, now, birth)).push_campaign(event);
        self.changed = true;
    }

    fn close(&mut self) {
        self.journal.extend(self.encoder.take().and_then(GroupEncoder::finish));
    }
}
