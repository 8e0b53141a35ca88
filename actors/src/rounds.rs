//! What one read of one connection asks of several actors, sent and awaited together.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::ask::{Body, Fault, Outcome};
use crate::floor::Delivery;
use crate::house::House;
use crate::seat::Seat;

/// Bodies that were sent to several actors: those of one floor went there as one round.
#[must_use = "their outcomes are to be awaited"]
pub struct Rounds {
    stops: Vec<(Arc<Seat>, Stop)>,
    /// By floor.
    rounds: Vec<Option<oneshot::Receiver<Vec<Outcome>>>>,
}

/// Where a body went.
enum Stop {
    /// To the floor of this number, with others.
    Floor(usize),
    Alone(oneshot::Receiver<Outcome>),
    Refused(Body, Fault),
}

impl House {
    /// Sends bodies to several seats, as [`Self::send`] does each. Must be called on a thread of an actix arbiter.
    pub fn send_all(&self, bodies: impl IntoIterator<Item = (Arc<Seat>, Body)>) -> Rounds {
        let mut visits: Vec<Vec<_>> = Vec::new();
        visits.resize_with(self.arbiter_count(), Vec::new);
        let stops = bodies.into_iter().map(|(seat, body)| {
            if body.has_carts() {
                let sent = self.send(&seat, body);
                let stop = sent.map_or_else(|(body, fault)| Stop::Refused(body, fault), Stop::Alone);
                return (seat, stop);
            }
            if let Err(fault) = seat.admit() {
                return (seat, Stop::Refused(body, fault));
            }
            let (stairs, place) = seat.home();
            let floor = stairs.number;
            visits[floor].push((place, body));
            (seat, Stop::Floor(floor))
        });
        let stops: Vec<(Arc<Seat>, Stop)> = stops.collect();
        let rounds = visits.into_iter().enumerate().map(|(floor, visits)| {
            if visits.is_empty() {
                return None;
            }
            let (to, outcomes) = oneshot::channel();
            if self.stairs(floor).send(Delivery::Round { visits, to }).is_err() {
                // Of a floor that is closed nobody answers.
                let unsent = stops.iter().filter(|(_, stop)| matches!(stop, Stop::Floor(at) if *at == floor));
                unsent.for_each(|(seat, _)| seat.shown().begun());
            }
            Some(outcomes)
        });
        let rounds = rounds.collect();
        Rounds { rounds, stops }
    }
}

impl Rounds {
    /// Waits for all outcomes, in the order of the bodies.
    pub async fn outcomes(self) -> Vec<(Arc<Seat>, Outcome)> {
        let mut heard = Vec::with_capacity(self.rounds.len());
        for round in self.rounds {
            let outcomes = match round {
                // A floor that drops a round unanswered is being closed.
                Some(round) => round.await.unwrap_or_default(),
                None => Vec::new(),
            };
            heard.push(outcomes.into_iter());
        }
        let mut outcomes = Vec::with_capacity(self.stops.len());
        for (seat, stop) in self.stops {
            let outcome = match stop {
                Stop::Floor(floor) => heard.get_mut(floor).and_then(Iterator::next),
                Stop::Alone(outcome) => outcome.await.ok(),
                Stop::Refused(body, fault) => Some(Outcome { body, replies: Err(fault) }),
            };
            let stopping = || Outcome { body: Body::default(), replies: Err(Fault::Stopping) };
            outcomes.push((seat, outcome.unwrap_or_else(stopping)));
        }
        outcomes
    }
}

impl fmt::Debug for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rounds").field("stops", &self.stops.len()).finish_non_exhaustive()
    }
}
