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

/// So often a line is told again whose SKU fails over it. Then it waits for the next start.
const MOST_FAILURES: u32 = 3;

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
        let at = *self.by_actor.entry(seat.id().0).or_insert_with(|| {
            self.visits.push(Visit { seat: Arc::clone(seat), body: Body::default(), askers: Vec::new() });
            self.visits.len() - 1
        });
        let visit = &mut self.visits[at];
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
/// A line that can't be told, because its SKU is out of service or the house is closing, is told at the next start.
pub(crate) async fn settle(
    skus: &Directory,
    campaign: &str,
    told: &[CartSettlement],
) -> Vec<Result<Option<Given>, Fault>> {
    // Nobody is told more than what follows from the cart, which is on its way to the disk already; but what units come
    // with is decided only here.
    let ahead = told.iter().all(|line| !matches!(line.state, LineState::Paid { .. }));
    let mut results = vec![Ok(None); told.len()];
    let mut left: Vec<usize> = (0..told.len()).collect();
    let mut failures = 0;
    loop {
        let mut round = Round::default();
        for at in left.drain(..) {
            let CartSettlement { cart, sku, order, off, state } = &told[at];
            // A line is of a SKU, and SKUs stay.
            let Some(seat) = skus.find(sku) else { continue };
            let state = state.map(|payment| &**payment);
            let (order, cart, off) = (*order, *cart, *off);
            round.ask(&seat, at).push_command(&Command::SettleLine { order, campaign, cart, off, state });
        }
        for (at, reply) in round.make(ahead).await {
            match reply {
                Reply::Accepted(_) => {}
                Reply::Paid(goods) => results[at] = Ok(Some(goods)),
                Reply::Failed(Fault::Overloaded | Fault::Rebuilding) => left.push(at),
                Reply::Failed(Fault::Panicked) if failures < MOST_FAILURES => {
                    failures += 1;
                    left.push(at);
                }
                Reply::Failed(fault) => results[at] = Err(fault),
                other => {
                    // A defect: lines are there, and there is room for what they are told.
                    let CartSettlement { cart, sku, order, .. } = &told[at];
                    tracing::error!(campaign, ?cart, %sku, ?order, ?other, "a line was told what became of its cart and did not accept it");
                    results[at] = Err(Fault::Panicked);
                }
            }
        }
        if left.is_empty() {
            return results;
        }
        tokio::time::sleep(RETRY).await;
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
