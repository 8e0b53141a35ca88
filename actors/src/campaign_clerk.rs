//! A campaign's state and what one turn does to it.

use std::collections::HashSet;
use std::sync::Arc;

use tidegate_engine::{
    Answer, Campaign, CampaignCommand, CampaignEvent, CampaignState, CartNumber, CartSettlement, Fingerprint,
    Granted, Millis, NoChange, Refusal, Rejection,
};
use tidegate_persistence::{ActorId, ActorKind, Birth, State};

use crate::ask::{Ask, Body, Inner, Reply};
use crate::desk::{Desk, DeskOptions, TurnEnd};
use crate::ledger::Ledger;
use crate::news::Reporter;
use crate::scribe::{Draft, Scribe, discard_turn};
use crate::shown::Shown;

/// A campaign's state with its name and number.
#[derive(Debug)]
pub(crate) struct CampaignClerk {
    id: ActorId,
    name: Box<str>,
    state: CampaignState,
    ledger: Arc<Ledger>,
    /// Coupons of this turn, to be entered in the ledger: buyer and grant.
    granted: Vec<(Box<str>, tidegate_engine::Grant)>,
    /// The highest number of a cart that was ever given out, be it a cart or not.
    last_cart: CartNumber,
    /// Requests whose carts are being put together: buyer and id.
    begun: HashSet<Cart>,
    /// Those of them that are of this turn.
    begun_now: Vec<Cart>,
    /// What lines of carts are to be told because the clock ended their carts.
    ended: Vec<CartSettlement>,
}

/// Whose a cart is, and the id of the request for it.
type Cart = (Box<str>, Box<str>);

impl CampaignClerk {
    /// Takes over a state, fresh or recovered, and enters its coupons in the ledger. `last_cart` is the highest number
    /// of a cart that a line of any SKU is known to be of.
    pub(crate) fn new(
        id: ActorId,
        name: &str,
        state: CampaignState,
        ledger: Arc<Ledger>,
        last_cart: CartNumber,
    ) -> Self {
        let last_cart = last_cart.max(state.last_cart());
        let clerk = Self {
            id,
            name: name.into(),
            state,
            ledger,
            granted: Vec::new(),
            last_cart,
            begun: HashSet::new(),
            begun_now: Vec::new(),
            ended: Vec::new(),
        };
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
        scribe: &mut Scribe<'_>,
    ) -> Reply {
        if let CampaignCommand::Trigger(trigger) = command
            && self.begun.contains(&(Box::from(trigger.buyer), Box::from(trigger.req)))
        {
            // The same request id is about to become a cart, or not.
            return Reply::Refused(Refusal::InProgress);
        }
        let (events, answer) = match self.state.decide(command, now, &options.campaign) {
            Ok(decided) => decided,
            Err(NoChange::Repeated(answer)) => return self.accepted(command, answer),
            Err(no) => return no.into(),
        };
        self.apply(&events, now, scribe);
        self.accepted(command, answer)
    }

    /// An accepted command about a cart is told with what the lines are to hear.
    fn accepted(&self, command: &CampaignCommand<&str>, answer: Answer) -> Reply {
        let cart = match (command, answer) {
            (_, Answer::CartReserved { cart, .. }) => cart,
            (CampaignCommand::PayCart { cart, .. } | CampaignCommand::CancelCart { cart, .. }, _) => *cart,
            _ => return Reply::Accepted(answer),
        };
        Reply::Inner(Inner::Settle(answer, self.state.settlements(cart)))
    }

    fn begin(
        &mut self,
        (buyer, req, asked): (&str, &str, Fingerprint),
        now: Millis,
        options: &DeskOptions,
    ) -> Reply {
        if let Err(no) = self.state.begin_cart((buyer, req, asked), &options.campaign) {
            return no.into();
        }
        let Some(next) = self.last_cart.0.checked_add(1).map(CartNumber) else {
            return Reply::Refused(Refusal::Full { limit: "carts" });
        };
        let cart: Cart = (buyer.into(), req.into());
        if !self.begun.insert(cart.clone()) {
            return Reply::Refused(Refusal::InProgress);
        }
        self.begun_now.push(cart);
        self.last_cart = next;
        Reply::Inner(Inner::Begun(next, now))
    }

    fn abandon(&mut self, buyer: &str, req: &str) {
        self.begun.remove(&(Box::from(buyer), Box::from(req)));
    }

    /// Ends carts whose hold ran out.
    fn expire(&mut self, most: usize, now: Millis, scribe: &mut Scribe<'_>) {
        for _ in 0..most {
            let Some((_, cart)) = self.state.next_cart_expiry().filter(|(at, _)| *at <= now) else { return };
            self.apply(&[CampaignEvent::CartExpired { cart }], now, scribe);
            self.ended.extend(self.state.settlements(cart));
        }
    }

    fn apply(&mut self, events: &[CampaignEvent<'_>], now: Millis, scribe: &mut Scribe<'_>) {
        // What belongs together is in one group, and so in one commit.
        scribe.make_room();
        for event in events {
            let unborn = self.state.campaign().is_none();
            if let Err(contradiction) = self.state.apply(event, now) {
                discard_turn(&self.name, contradiction, event);
            }
            if let CampaignEvent::Granted(Granted { buyer, grant, .. }) = event {
                self.granted.push(((*buyer).into(), grant.clone()));
            }
            scribe
                .event(unborn.then_some(Birth { kind: ActorKind::Campaign, name: &self.name }))
                .push_campaign(event);
            if let Some(reporter) = &mut scribe.reporter {
                reporter.cart(event, &self.state);
            }
        }
    }
}

impl Desk for CampaignClerk {
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
        self.begun_now.clear();
        self.expire(options.expiries_per_turn, now, &mut scribe);
        for ask in body.asks() {
            let reply = match ask {
                Ask::Campaign(command) => {
                    let command = command.map(|span| body.text(*span));
                    let reply = self.carry_out(&command, now, options, &mut scribe);
                    if let CampaignCommand::CommitCart { new, .. } = &command {
                        self.abandon(new.buyer, new.req);
                    }
                    reply
                }
                Ask::BeginCart { buyer, req, fingerprint } => {
                    self.begin((body.text(*buyer), body.text(*req), *fingerprint), now, options)
                }
                Ask::AbandonCart { buyer, req } => {
                    self.abandon(body.text(*buyer), body.text(*req));
                    Reply::Inner(Inner::Abandoned)
                }
                Ask::Cart(cart) | Ask::CartFacts(cart) => Reply::Cart(self.state.cart(*cart).map(Box::new)),
                Ask::View => Reply::Campaign(self.state.campaign().map(Campaign::view)),
                // Meant for a SKU, and this is none.
                _ => NoChange::Rejected(Rejection::NotFound).into(),
            };
            replies.push(reply);
        }
        scribe.close();
        let next_expiry = self.state.next_cart_expiry().map(|(at, _)| at);
        TurnEnd { changed: scribe.changed, next_expiry, shows_others: false }
    }

    fn last_event_at(&self) -> Millis {
        self.state.campaign().map_or(Millis(0), Campaign::last_event_at)
    }

    fn show(&self, shown: &Shown) {
        shown.publish_campaign(self.state.campaign().map(Campaign::view));
    }

    fn is_awaited(&self) -> bool {
        // Its terms and the coupons it grants are for its SKUs.
        true
    }

    fn submitted(&mut self) {
        self.granted.drain(..).for_each(|(buyer, grant)| self.ledger.grant(&buyer, grant));
        self.publish_terms();
    }

    fn to_tell(&mut self) -> Vec<CartSettlement> {
        std::mem::take(&mut self.ended)
    }

    fn discarded(&mut self) {
        self.granted.clear();
        self.ended.clear();
        for cart in self.begun_now.drain(..) {
            self.begun.remove(&cart);
        }
    }

    fn replace(&mut self, state: Option<State>, seed: u64) {
        self.state = match state {
            Some(State::Campaign(state)) => state,
            _ => CampaignState::new(seed),
        };
    }

    fn has_timers(&mut self) -> bool {
        self.state.next_cart_expiry().is_some()
    }
}
