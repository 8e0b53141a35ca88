//! What the commands of one read ask of which actor.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tidegate_actors::{Body, House, Outcome, Seat};
use tidegate_persistence::ActorKind;

use super::connection::KEPT_BYTES;

/// Up to this many actors are found by looking at each; beyond it by an index.
const FEW: usize = 8;

/// The visits that a batch makes, in the order in which their actors were first asked something.
#[derive(Default)]
pub(super) struct Visits {
    all: Vec<Visit>,
    /// Position in `all` by actor number, when there are many.
    by_actor: HashMap<u32, usize, foldhash::fast::RandomState>,
    /// The visit that was asked for last: a pipeline often stays with one SKU.
    last: usize,
    /// Bodies to be used again.
    spare: Vec<Body>,
}

/// What is asked of one actor.
struct Visit {
    seat: Arc<Seat>,
    body: Body,
}

impl Visits {
    /// The visit to the actor of this SKU, a new one if need be; `None` if there is no such actor.
    pub(super) fn by_name(&mut self, house: &House, sku: &str) -> Option<usize> {
        let is_it = |visit: &Visit| visit.seat.kind() == ActorKind::Sku && visit.seat.name() == sku;
        let last = self.all.get(self.last).is_some_and(is_it);
        if !last {
            self.last = self.by_seat(house.find(sku)?);
        }
        Some(self.last)
    }

    /// The visit to the actor of this campaign, a new one if need be; `None` if there is no such actor.
    pub(super) fn by_campaign(&mut self, house: &House, campaign: &str) -> Option<usize> {
        house.find_campaign(campaign).map(|seat| self.by_seat(seat))
    }

    /// The visit to the actor of this seat, a new one if need be.
    pub(super) fn by_seat(&mut self, seat: Arc<Seat>) -> usize {
        if let Some(known) = self.find(&seat) {
            return known;
        }
        let at = self.all.len();
        if at == FEW {
            self.by_actor.extend(self.all.iter().enumerate().map(|(at, visit)| (visit.seat.id().0, at)));
        }
        if at >= FEW {
            self.by_actor.insert(seat.id().0, at);
        }
        self.all.push(Visit { seat, body: self.spare.pop().unwrap_or_default() });
        at
    }

    /// The visit to the actor of this seat, if there is one.
    pub(super) fn find(&self, seat: &Seat) -> Option<usize> {
        if self.all.len() <= FEW {
            self.all.iter().position(|visit| visit.seat.id() == seat.id())
        } else {
            self.by_actor.get(&seat.id().0).copied()
        }
    }

    /// What is asked on this visit.
    pub(super) fn body(&mut self, visit: usize) -> &mut Body {
        &mut self.all[visit].body
    }

    /// Sends every body before it waits for the first, and has measured from `now` on where its time goes. The outcomes
    /// are in the order of the visits.
    pub(super) async fn make(&mut self, house: &House, now: Instant) -> Vec<(Arc<Seat>, Outcome)> {
        let rounds = house.send_all(self.all.drain(..).map(|Visit { seat, mut body }| {
            body.sent(now);
            (seat, body)
        }));
        self.by_actor.clear();
        rounds.outcomes().await
    }

    /// Takes bodies back to be used again.
    pub(super) fn take_back(&mut self, outcomes: impl IntoIterator<Item = (Arc<Seat>, Outcome)>) {
        for (_, Outcome { mut body, .. }) in outcomes {
            if self.spare.len() < FEW && body.capacity_bytes() <= KEPT_BYTES {
                body.clear();
                self.spare.push(body);
            }
        }
    }
}
