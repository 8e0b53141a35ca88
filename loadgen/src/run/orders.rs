//! The generator's own orders: those that can still be paid or cancelled, and the sample that is read back.

use crate::choice::Chooser;

/// Longest order id of the protocol.
const LONGEST_ID: usize = 128;
/// Open orders kept for paying and cancelling: 10 MB. Orders accepted while that many are open stay reserved.
const MOST_OPEN: usize = 65_536;

/// An accepted order, without a heap allocation of its own.
#[derive(Debug, Clone)]
pub(crate) struct OwnOrder {
    pub(crate) sku: u32,
    pub(crate) buyer: u32,
    pub(crate) amount: u64,
    len: u8,
    id: [u8; LONGEST_ID],
}

impl OwnOrder {
    /// `None` if the id is longer than the protocol allows.
    pub(crate) fn new(sku: u32, buyer: u32, amount: u64, id: &[u8]) -> Option<Self> {
        let mut order = Self { sku, buyer, amount, len: u8::try_from(id.len()).ok()?, id: [0; LONGEST_ID] };
        order.id.get_mut(..id.len())?.copy_from_slice(id);
        Some(order)
    }

    pub(crate) fn id(&self) -> &[u8] {
        &self.id[..usize::from(self.len)]
    }
}

/// Orders that were reserved and neither paid nor cancelled.
#[derive(Debug, Default)]
pub(crate) struct OpenOrders {
    orders: Vec<OwnOrder>,
}

impl OpenOrders {
    pub(crate) fn add(&mut self, order: OwnOrder) {
        if self.orders.len() < MOST_OPEN {
            self.orders.push(order);
        }
    }

    /// Takes any one of them out.
    pub(crate) fn take(&mut self, chooser: &mut Chooser) -> Option<OwnOrder> {
        if self.orders.is_empty() {
            return None;
        }
        let position = chooser.below(self.orders.len());
        Some(self.orders.swap_remove(position))
    }
}

/// An even sample of all accepted orders (reservoir sampling: each order has the same chance).
#[derive(Debug)]
pub(crate) struct Sample {
    size: usize,
    seen: usize,
    orders: Vec<OwnOrder>,
}

impl Sample {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, seen: 0, orders: Vec::with_capacity(size) }
    }

    pub(crate) fn offer(&mut self, chooser: &mut Chooser, order: impl FnOnce() -> Option<OwnOrder>) {
        self.seen += 1;
        if self.orders.len() < self.size {
            self.orders.extend(order());
            return;
        }
        let place = chooser.below(self.seen);
        if let Some(slot) = self.orders.get_mut(place)
            && let Some(order) = order()
        {
            *slot = order;
        }
    }

    pub(crate) fn into_orders(self) -> Vec<OwnOrder> {
        self.orders
    }
}
