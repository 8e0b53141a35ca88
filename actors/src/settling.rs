//! Telling lines of carts what became of their carts, and the rounds of asking in which that is done.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate_engine::{
    CampaignState, CartNumber, CartSettlement, Command, Given, LineState, OrderState, Sku,
};
use tidegate_persistence::State;

use crate::ask::{Body, Fault, Reply, heard};
use crate::directory::Directory;
use crate::house::Resident;
use crate::seat::Seat;

/// How long to wait before a SKU is told again that could not listen.
pub(crate) const RETRY: Duration = Duration::from_millis(5);

/// So often a line is told again whose SKU fails over it alone. Then it waits for the next start.
const MOST_FAILURES: u32 = 3;

/// If a turn fails over many lines, nobody knows which of them it was: the next turns get so much fewer.
const FEWER: usize = 8;

/// If a SKU fails over so many lines, one after the other, it is not the lines: each further one would have it rebuilt again.
const MOST_GIVEN_UP: u32 = 8;

/// Questions to several SKUs, sent all at once.
#[derive(Default)]
pub(crate) struct Round {
    visits: Vec<Visit>,
    by_actor: HashMap<u32, usize, foldhash::fast::RandomState>,
}

/// Questions to one of them, each with whoever asks it.
struct Visit {
    seat: Arc<Seat>,
    body: Body,
    askers: Vec<usize>,
}

impl Round {
    /// Where this asker is to put its one question to this SKU.
    pub(crate) fn ask(&mut self, seat: &Arc<Seat>, asker: usize) -> &mut Body {
        self.ask_among(seat, asker, usize::MAX)
    }

    /// The same, but that the SKU is asked at most so much in one turn.
    fn ask_among(&mut self, seat: &Arc<Seat>, asker: usize, most: usize) -> &mut Body {
        let next = self.visits.len();
        let at = self.by_actor.entry(seat.id().0).or_insert(next);
        if self.visits.get(*at).is_none_or(|visit| visit.askers.len() >= most) {
            *at = next;
            self.visits.push(Visit { seat: Arc::clone(seat), body: Body::default(), askers: Vec::new() });
        }
        let visit = &mut self.visits[*at];
        visit.askers.push(asker);
        &mut visit.body
    }

    /// Asks, and returns who got which reply.
    pub(crate) async fn make(self, ahead: bool) -> Vec<(usize, Reply)> {
        let sent: Vec<_> = (self.visits.into_iter())
            .map(|Visit { seat, body, askers }| (askers, seat.send_as(body, ahead)))
            .collect();
        let mut replies = Vec::new();
        for (askers, sent) in sent {
            let replied = match sent {
                Ok(outcome) => heard(outcome).await,
                Err((_, fault)) => Err(fault),
            };
            match replied {
                Ok(all) => replies.extend(askers.into_iter().zip(all)),
                Err(fault) => replies.extend(askers.into_iter().map(|asker| (asker, Reply::Failed(fault)))),
            }
        }
        replies
    }
}

/// Tells lines what became of their carts, again and again if need be, until it is durable; of those that were paid it
/// says what their units come with. In the order of `told`.
///
/// A line that can't be told is told at the next start: its SKU is out of service or fails over it again and again, or the
/// house is closing.
pub(crate) async fn settle(
    skus: &Directory,
    campaign: &str,
    told: &[CartSettlement],
) -> Vec<Result<Option<Given>, Fault>> {
    // Nobody is told more than what follows from the cart, which is on its way to the disk already; but what units come
    // with is decided only here.
    let ahead = told.iter().all(|line| !matches!(line.state, LineState::Paid { .. }));
    let mut results = vec![Ok(None); told.len()];
    let mut failures = vec![0; told.len()];
    let mut listeners = Listener::all(skus, told);
    loop {
        let mut round = Round::default();
        for listener in &listeners {
            for at in &listener.left {
                let CartSettlement { cart, order, off, state, .. } = &told[*at];
                let state = state.map(|payment| &**payment);
                let (order, cart, off) = (*order, *cart, *off);
                let body = round.ask_among(&listener.seat, *at, listener.at_once);
                body.push_command(&Command::SettleLine { order, campaign, cart, off, state });
            }
        }
        let mut replies: Vec<Option<Reply>> = vec![None; told.len()];
        for (at, reply) in round.make(ahead).await {
            replies[at] = Some(reply);
        }
        for listener in &mut listeners {
            let asked = std::mem::take(&mut listener.left);
            let is_alone = listener.at_once.min(asked.len()) == 1;
            let at_once = (listener.at_once.min(asked.len()) / FEWER).max(1);
            for at in asked {
                match replies[at].take().unwrap_or(Reply::Failed(Fault::Stopping)) {
                    Reply::Accepted(_) => listener.given_up = 0,
                    Reply::Paid(goods) => {
                        listener.given_up = 0;
                        results[at] = Ok(Some(goods));
                    }
                    Reply::Failed(Fault::Overloaded | Fault::Rebuilding) => listener.left.push(at),
                    Reply::Failed(Fault::Panicked) if !is_alone => {
                        listener.left.push(at);
                        listener.at_once = at_once;
                    }
                    Reply::Failed(Fault::Panicked) if failures[at] < MOST_FAILURES => {
                        listener.left.push(at);
                        failures[at] += 1;
                    }
                    Reply::Failed(fault) => {
                        listener.given_up += u32::from(fault == Fault::Panicked);
                        results[at] = Err(fault);
                        not_told(campaign, &told[at], fault);
                    }
                    other => {
                        // A defect: lines are there, and there is room for what they are told.
                        let CartSettlement { cart, sku, order, .. } = &told[at];
                        tracing::error!(campaign, ?cart, %sku, ?order, ?other, "a line was told what became of its cart and did not accept it");
                        results[at] = Err(Fault::Panicked);
                    }
                }
            }
            if listener.given_up >= MOST_GIVEN_UP {
                for at in listener.left.drain(..) {
                    results[at] = Err(Fault::Panicked);
                    not_told(campaign, &told[at], Fault::Panicked);
                }
            }
        }
        if listeners.iter().all(|listener| listener.left.is_empty()) {
            return results;
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// A SKU that is told of its lines.
struct Listener {
    seat: Arc<Seat>,
    /// Lines that it has yet to be told of, in their order.
    left: Vec<usize>,
    /// Of so many in one turn.
    at_once: usize,
    /// Lines that were given up one after the other.
    given_up: u32,
}

impl Listener {
    fn all(skus: &Directory, told: &[CartSettlement]) -> Vec<Self> {
        let mut listeners: Vec<Self> = Vec::new();
        let mut places: HashMap<&str, usize, foldhash::fast::RandomState> = HashMap::default();
        for (at, line) in told.iter().enumerate() {
            let place = places.get(&*line.sku).copied().or_else(|| {
                // A line is of a SKU, and SKUs stay.
                let seat = skus.find(&line.sku)?;
                listeners.push(Self { seat, left: Vec::new(), at_once: usize::MAX, given_up: 0 });
                places.insert(&line.sku, listeners.len() - 1);
                Some(listeners.len() - 1)
            });
            if let Some(place) = place {
                listeners[place].left.push(at);
            }
        }
        listeners
    }
}

/// A line is given up. A house that is closing says nothing of it: the next start comes anyway.
fn not_told(campaign: &str, CartSettlement { cart, sku, order, .. }: &CartSettlement, fault: Fault) {
    if !matches!(fault, Fault::JournalFailed | Fault::Stopping) {
        tracing::error!(campaign, ?cart, %sku, ?order, %fault, "a line is not told what became of its cart until the next start");
    }
}

/// What a start finds of the carts of one campaign.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    /// The highest number of a cart that any line is of.
    pub(crate) last: CartNumber,
    /// What lines don't know yet.
    pub(crate) told: Vec<CartSettlement>,
}

impl Unsettled {
    /// By campaign: looks at all lines of all SKUs.
    pub(crate) fn of(residents: &[Resident]) -> HashMap<Box<str>, Self> {
        let campaigns: HashMap<&str, &CampaignState> = (residents.iter())
            .filter_map(|resident| match &resident.state {
                State::Campaign(state) => Some((&*resident.name, state)),
                State::Sku(_) | State::ConsumerGroup(_) => None,
            })
            .collect();
        let skus = residents.iter().filter_map(|resident| match &resident.state {
            State::Sku(state) => Some((&*resident.name, state.sku()?)),
            State::Campaign(_) | State::ConsumerGroup(_) => None,
        });
        let mut unsettled: HashMap<Box<str>, Self> = HashMap::new();
        for (name, line) in skus.flat_map(|(name, sku)| Sku::lines(sku).map(move |line| (name, line))) {
            if !unsettled.contains_key(line.campaign) {
                unsettled.insert(line.campaign.into(), Self::default());
            }
            let Some(of_campaign) = unsettled.get_mut(line.campaign) else { continue };
            of_campaign.last = of_campaign.last.max(line.cart);
            let is_open = matches!(line.state, OrderState::Reserved | OrderState::Expired);
            let Some(campaign) = campaigns.get(line.campaign).filter(|_| is_open) else { continue };
            let told = campaign.settlement_of(line.cart, name, line.order);
            if line.is_news(&told.state, told.off) {
                of_campaign.told.push(told);
            }
        }
        unsettled
    }
}
