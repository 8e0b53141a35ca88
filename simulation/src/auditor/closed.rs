//! What was closed to somebody: nothing is sold there to whoever asks after that was told, until it may be open again.

use std::collections::{BTreeMap, BTreeSet};

use super::Audited;
use crate::request::{Request, What};
use crate::sale::SKUS;

/// What is closed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Door {
    /// A SKU that is paused, to everybody.
    Sku(usize),
    /// A SKU on which a buyer is blocked.
    Buyer(usize, String),
}

/// What is known to be closed. What is sent to one SKU is done in the order in which it was sent.
#[derive(Debug, Default)]
pub(super) struct Closed {
    /// How much was ever sent.
    moment: u64,
    /// When each request was first sent.
    first_sent: BTreeMap<String, u64>,
    /// When somebody last asked for a door to be opened.
    opened: BTreeMap<Door, u64>,
    /// When a door was known to be closed.
    closed: BTreeMap<Door, u64>,
    /// When it was first asked that an order be cancelled.
    cancelled: BTreeMap<(usize, u32), u64>,
    /// Orders of a buyer that were cancelled, since that was last forgiven.
    lapses: BTreeMap<(usize, String), BTreeSet<u32>>,
}

impl Closed {
    pub(super) fn sent(&mut self, request: &Request) {
        self.moment += 1;
        self.first_sent.entry(request.id.clone()).or_insert(self.moment);
        let door = match &request.what {
            What::Resume { sku } => Door::Sku(*sku),
            What::Unblock { sku, buyer } => {
                self.lapses.remove(&(*sku, buyer.clone()));
                Door::Buyer(*sku, buyer.clone())
            }
            What::Cancel { sku, order } => {
                self.cancelled.entry((*sku, *order)).or_insert(self.moment);
                return;
            }
            _ => return,
        };
        self.closed.remove(&door);
        self.opened.insert(door, self.moment);
    }

    /// A pause or a block was done.
    pub(super) fn shut(&mut self, request: &Request) {
        let door = match &request.what {
            What::Pause { sku } => Door::Sku(*sku),
            What::Block { sku, buyer } => Door::Buyer(*sku, buyer.clone()),
            _ => return,
        };
        let asked = self.first_sent.get(&request.id).copied().unwrap_or(0);
        self.shut_if_open_since(door, asked);
    }

    /// A buyer's order was cancelled. So many of those close the SKU to him.
    pub(super) fn lapsed(&mut self, (sku, order): (usize, u32), buyer: &str, most: Option<u32>) {
        let door = Door::Buyer(sku, buyer.to_owned());
        let asked = self.cancelled.get(&(sku, order)).copied().unwrap_or(0);
        // Perhaps it was cancelled before that was forgiven.
        if self.opened.get(&door).is_some_and(|opened| *opened > asked) {
            return;
        }
        let lapses = self.lapses.entry((sku, buyer.to_owned())).or_default();
        lapses.insert(order);
        if most.is_some_and(|most| lapses.len() >= most as usize) {
            self.shut_if_open_since(door, asked);
        }
    }

    fn shut_if_open_since(&mut self, door: Door, asked: u64) {
        if self.opened.get(&door).is_none_or(|opened| *opened < asked) {
            self.closed.entry(door).or_insert(self.moment);
        }
    }

    /// Units of a SKU were sold to a buyer who was not told so before.
    pub(super) fn sold(&self, request: &Request, sku: usize, buyer: &str) -> Audited {
        let asked = self.first_sent.get(&request.id).copied().unwrap_or(0);
        for door in [Door::Sku(sku), Door::Buyer(sku, buyer.to_owned())] {
            if self.closed.get(&door).is_some_and(|closed| *closed < asked) {
                return Err(format!("{} was sold by {request:?}, and is closed: {door:?}", SKUS[sku]));
            }
        }
        Ok(())
    }
}
