//! What a buyer may: purchase limits, and who is blocked.

use tidegate_engine::OrderState;

use super::Model;
use super::orders::ModelOrder;

/// What a buyer did, as far as blocking goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Lapsed,
    /// Too many lapses.
    LapsedOut,
    /// A late payment undid a lapse, under terms with this limit.
    MadeGood {
        max_lapses: Option<u32>,
    },
    /// By an admin.
    Blocked,
    Unblocked,
}

impl Model {
    pub(super) fn left_for(&self, buyer: &str, except: Option<usize>) -> i64 {
        let counts = |order: &&ModelOrder| {
            order.buyer == buyer && matches!(order.state, OrderState::Reserved | OrderState::Paid)
        };
        let others = self.orders.iter().enumerate().filter(|(at, _)| Some(*at) != except).map(|(_, o)| o);
        let held: i64 = others.filter(counts).map(|order| i64::from(order.qty)).sum();
        let by_buyer =
            self.terms.per_buyer_limit.map_or(i64::from(u32::MAX), |l| (i64::from(l) - held).max(0));
        by_buyer.min(self.terms.per_order_limit.map_or(i64::from(u32::MAX), i64::from))
    }

    pub(super) fn deeds_since_unblocked(&self, buyer: &str) -> Vec<Deed> {
        let all = self.deeds.iter().filter(|(who, _)| *who == buyer).map(|(_, deed)| *deed);
        all.fold(Vec::new(), |mut since, deed| {
            match deed {
                Deed::Unblocked => since.clear(),
                // One lapse less, if one is on the record, and no block if that leaves fewer than too many.
                Deed::MadeGood { max_lapses } => {
                    if let Some(at) = since.iter().position(|deed| *deed == Deed::Lapsed) {
                        since.remove(at);
                    }
                    let left = since.iter().filter(|deed| **deed == Deed::Lapsed).count();
                    if max_lapses.is_none_or(|max| left < max as usize) {
                        since.retain(|deed| *deed != Deed::LapsedOut);
                    }
                }
                _ => since.push(deed),
            }
            since
        })
    }

    pub(super) fn is_blocked(&self, buyer: &str) -> bool {
        let deeds = self.deeds_since_unblocked(buyer);
        let lapses = deeds.iter().filter(|deed| **deed == Deed::Lapsed).count();
        deeds.contains(&Deed::Blocked)
            || deeds.contains(&Deed::LapsedOut)
            || self.terms.max_lapses.is_some_and(|max| lapses >= max as usize)
    }

    pub(super) fn lapsed(&mut self, buyer: &'static str) {
        self.deeds.push((buyer, Deed::Lapsed));
        let lapses = self.deeds_since_unblocked(buyer).iter().filter(|deed| **deed == Deed::Lapsed).count();
        if self.terms.max_lapses.is_some_and(|max| lapses >= max as usize) {
            self.deeds.push((buyer, Deed::LapsedOut));
        }
    }
}
