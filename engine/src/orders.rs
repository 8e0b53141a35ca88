//! The orders of a SKU, 32 bytes each, and the queues in which reservations wait for their end.

use std::ops::Deref;

use crate::buyers::BuyerNumber;
use crate::hashing::Hashing;
use crate::lines::HELD_BY_CART;
use crate::lots::{Lot, LotRef, Lots};
use crate::tables::{Chunks, Index, TextRef, Texts};
use crate::{Fingerprint, Millis, OrderNumber, RoomNumber};

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// Units are held until paid, cancelled or expired.
    Reserved,
    /// Paid.
    Paid,
    /// Given up by the buyer.
    Cancelled,
    /// The hold ran out.
    Expired,
    /// Money came that could not be applied, and is due back.
    RefundDue,
    /// Money went back.
    Refunded,
}

impl OrderState {
    /// All states, in the order of their counts in a report.
    pub const ALL: [Self; 6] =
        [Self::Reserved, Self::Paid, Self::Cancelled, Self::Expired, Self::RefundDue, Self::Refunded];
}

/// What is kept of one order. What it shares with those around it is in its [`Lot`].
#[derive(Clone, Debug)]
pub(crate) struct OrderRow {
    after_ms: u32,
    pub(crate) buyer: BuyerNumber,
    request: TextRef,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) qty: u32,
    /// Position of the payment that paid it, plus one; 0: none.
    payment: u32,
    /// The order before it in its buyer's chain; 0: none.
    before: u32,
    lot: u16,
    pub(crate) state: OrderState,
    /// Whether its units are reserved or sold, and not available.
    pub(crate) holds_units: bool,
}

// Half a cache line, for they are looked up in no order.
const _: () = assert!(std::mem::size_of::<OrderRow>() == 32);

impl OrderRow {
    pub(crate) fn request<'t>(&self, texts: &'t Texts) -> &'t str {
        texts.get(self.request)
    }

    /// Position of the payment that paid it.
    pub(crate) fn payment(&self) -> Option<u32> {
        self.payment.checked_sub(1)
    }

    pub(crate) fn set_payment(&mut self, position: u32) {
        self.payment = position.saturating_add(1);
    }
}

/// One order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a> {
    row: &'a OrderRow,
    lot: &'a Lot,
}

impl Deref for Order<'_> {
    type Target = OrderRow;

    fn deref(&self) -> &OrderRow {
        self.row
    }
}

/// Where an order stands among the rows.
fn position(order: OrderNumber) -> Option<usize> {
    (order.0 as usize).checked_sub(1)
}

impl<'a> Order<'a> {
    fn at(position: usize, rows: &'a Chunks<OrderRow>, lots: &'a Lots) -> Option<Self> {
        let row = rows.get(position)?;
        Some(Self { row, lot: lots.get(position, row.lot)? })
    }

    pub(crate) fn unit_price(&self) -> u64 {
        self.lot.unit_price
    }

    pub(crate) fn reserved_at(&self) -> Millis {
        self.lot.time(self.row.after_ms)
    }

    pub(crate) fn hold_ms(&self) -> u32 {
        self.lot.hold_ms
    }

    /// When its hold ends.
    pub(crate) fn expires_at(&self) -> Millis {
        self.reserved_at().plus(u64::from(self.hold_ms()))
    }

    /// Price times units, before discounts. Deciding the reservation made sure that this does not overflow.
    pub(crate) fn line_amount(&self) -> u64 {
        self.unit_price().saturating_mul(u64::from(self.qty))
    }
}

/// The orders of one buyer by which its requests are found: the first few are chained, the latest of them first. Most buyers
/// have one, so that no index need be read or written for it, a tenth of a reservation's time each. Of those who have more, the
/// rest are in the index.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chain {
    latest: u32,
}

/// The longest chain.
const FEW: usize = 4;

/// What a new order is made of.
pub(crate) struct NewOrder<'a> {
    pub(crate) buyer: BuyerNumber,
    pub(crate) request: &'a str,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) qty: u32,
    pub(crate) unit_price: u64,
    pub(crate) reserved_at: Millis,
    pub(crate) hold_ms: u32,
    pub(crate) state: OrderState,
    pub(crate) holds_units: bool,
}

/// Orders with the same length of hold run out in the order of their numbers.
#[derive(Debug)]
struct Queue {
    hold_ms: u32,
    /// No order before this one waits in this queue.
    first: u32,
}

/// The most lengths of hold that one SKU can have had.
pub(crate) const MAX_QUEUES: usize = 1024;

/// After every hold.
const NEVER: Millis = Millis(u64::MAX);

/// How many orders that no longer wait are passed over in one look at a queue.
const SKIPS: u32 = 10_000;

/// All orders of a SKU.
#[derive(Debug)]
pub(crate) struct Orders {
    rows: Chunks<OrderRow>,
    lots: Lots,
    /// Those that are in nobody's chain.
    by_request: Index,
    queues: Vec<Queue>,
    /// No hold ends before; the largest number if none waits for its end.
    quiet_until: Millis,
}

impl Default for Orders {
    fn default() -> Self {
        Self {
            rows: Chunks::default(),
            lots: Lots::default(),
            by_request: Index::default(),
            queues: Vec::new(),
            quiet_until: NEVER,
        }
    }
}

impl Orders {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn get(&self, order: OrderNumber) -> Option<Order<'_>> {
        Order::at(position(order)?, &self.rows, &self.lots)
    }

    pub(crate) fn get_mut(&mut self, order: OrderNumber) -> Option<&mut OrderRow> {
        self.rows.get_mut(position(order)?)
    }

    /// The number that the next order gets, or `None` when all are used up.
    pub(crate) fn next_number(&self) -> Option<OrderNumber> {
        u32::try_from(self.rows.len()).ok()?.checked_add(1).map(OrderNumber)
    }

    /// The order of this buyer with this request id, of those that are `in_scope`.
    pub(crate) fn find_request(
        &self,
        (buyer, chain): (BuyerNumber, Chain),
        request: &str,
        texts: &Texts,
        hashing: Hashing,
        in_scope: impl Fn(OrderNumber) -> bool,
    ) -> Option<OrderNumber> {
        let is_it = |number: OrderNumber, row: &OrderRow| row.request(texts) == request && in_scope(number);
        let mut chained = 0;
        for (number, row) in self.chained(chain) {
            if is_it(number, row) {
                return Some(number);
            }
            chained += 1;
        }
        if chained < FEW {
            return None;
        }
        let is_it = |number: u32| {
            let number = OrderNumber(number);
            self.row(number).is_some_and(|row| row.buyer == buyer && is_it(number, row))
        };
        self.by_request.find(hashing.by_buyer(buyer, request), is_it).map(OrderNumber)
    }

    /// Reads what a search in this chain reads first, so that it is in the cache when the search comes.
    pub(crate) fn touch(&self, chain: Chain) -> u64 {
        self.row(OrderNumber(chain.latest)).map_or(0, |row| u64::from(row.before))
    }

    /// Reads behind what the next order will stand.
    pub(crate) fn touch_end(&self) -> usize {
        self.rows.last().map_or(0, |row| row.qty as usize) ^ self.lots.touch_end()
    }

    fn row(&self, order: OrderNumber) -> Option<&OrderRow> {
        self.rows.get(position(order)?)
    }

    /// The orders of a chain, the latest first.
    fn chained(&self, chain: Chain) -> impl Iterator<Item = (OrderNumber, &OrderRow)> {
        let link = |number: u32| self.row(OrderNumber(number)).map(|row| (OrderNumber(number), row));
        std::iter::successors(link(chain.latest), move |(_, row)| link(row.before))
    }

    /// Whether a reservation with this hold has a queue or can get one.
    pub(crate) fn has_queue_for(&self, hold_ms: u32) -> bool {
        self.queues.len() < MAX_QUEUES || self.queues.iter().any(|queue| queue.hold_ms == hold_ms)
    }

    /// Adds an order. `None` when a table is full, which deciding rules out.
    pub(crate) fn add(
        &mut self,
        new: &NewOrder<'_>,
        chain: &mut Chain,
        texts: &mut Texts,
        hashing: Hashing,
    ) -> Option<OrderNumber> {
        let number = self.next_number()?;
        let request = texts.push(new.request)?;
        let queue = self.queue_for(new.hold_ms, number)?;
        let shared = (new.unit_price, new.hold_ms, queue);
        let LotRef { after_ms, lot } = self.lots.enter(self.rows.len(), shared, new.reserved_at)?;
        // Lines of carts have no request of their own.
        let is_found = !new.request.is_empty();
        let is_chained = is_found && self.chained(*chain).count() < FEW;
        self.rows.push(OrderRow {
            after_ms,
            buyer: new.buyer,
            request,
            fingerprint: new.fingerprint,
            qty: new.qty,
            payment: 0,
            before: if is_chained { std::mem::replace(&mut chain.latest, number.0) } else { 0 },
            lot,
            state: new.state,
            holds_units: new.holds_units,
        });
        if new.hold_ms != HELD_BY_CART {
            let ends = new.reserved_at.plus(u64::from(new.hold_ms));
            self.quiet_until = self.quiet_until.min(ends);
        }
        if is_found && !is_chained {
            self.by_request.insert(hashing.by_buyer(new.buyer, new.request), number.0);
        }
        Some(number)
    }

    /// The position of the queue for this hold, a new one if need be.
    fn queue_for(&mut self, hold_ms: u32, number: OrderNumber) -> Option<u16> {
        let position = match self.queues.iter().position(|queue| queue.hold_ms == hold_ms) {
            Some(position) => position,
            None => {
                self.queues.push(Queue { hold_ms, first: number.0 });
                self.queues.len() - 1
            }
        };
        u16::try_from(position).ok()
    }

    /// A time before which no reservation runs out, for whoever does not want to look at any; `None` if none ever does. It
    /// is what [`Self::next_expiry`] said last, and early when the order whose that was no longer waits.
    pub(crate) fn quiet_until(&self) -> Option<Millis> {
        Some(self.quiet_until).filter(|until| *until != NEVER)
    }

    /// The reservation that runs out first, and when. Orders that no longer wait are passed over for good; when there
    /// are very many of those, the answer is an early one and the next look goes on.
    pub(crate) fn next_expiry(&mut self) -> Option<Expiry> {
        let mut soonest: Option<Expiry> = None;
        for (at, queue) in
            self.queues.iter_mut().enumerate().filter(|(_, queue)| queue.hold_ms != HELD_BY_CART)
        {
            let row = |number: u32| Order::at(position(OrderNumber(number))?, &self.rows, &self.lots);
            let waits =
                |order: Order<'_>| order.state == OrderState::Reserved && usize::from(order.lot.queue) == at;
            let last = queue.first.saturating_add(SKIPS);
            while queue.first < last && row(queue.first).is_some_and(|order| !waits(order)) {
                queue.first += 1;
            }
            let Some(order) = row(queue.first) else { continue };
            let expiry = Expiry {
                order: waits(order).then_some(OrderNumber(queue.first)),
                room: None,
                // The same for an order that waits here. One that was only come to says that no order behind it ends
                // before this; when it ends itself says nothing of them.
                at: order.reserved_at().plus(u64::from(queue.hold_ms)),
            };
            if soonest.as_ref().is_none_or(|s| expiry.at < s.at) {
                soonest = Some(expiry);
            }
        }
        self.quiet_until = soonest.as_ref().map_or(NEVER, |expiry| expiry.at);
        soonest
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Order<'_>> {
        (0..self.rows.len()).filter_map(|position| Order::at(position, &self.rows, &self.lots))
    }
}

/// What the clock ends next: a reservation or a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The order.
    pub order: Option<OrderNumber>,
    /// The room; if there is neither, the queue was not yet looked through and should be asked again.
    pub room: Option<RoomNumber>,
    /// When its hold ends, or when it closes.
    pub at: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds orders of one buyer, made at `at`.
    fn add(orders: &mut Orders, texts: &mut Texts, (count, at, hold_ms): (u32, u64, u32), state: OrderState) {
        for _ in 0..count {
            let new = NewOrder {
                buyer: BuyerNumber(0),
                request: "",
                fingerprint: Fingerprint(0),
                qty: 1,
                unit_price: 5,
                reserved_at: Millis(at),
                hold_ms,
                state,
                holds_units: true,
            };
            orders.add(&new, &mut Chain::default(), texts, Hashing::new(7)).unwrap();
        }
    }

    #[test]
    fn a_hold_is_not_told_too_late_however_many_orders_are_passed_over() {
        // In its way: what is held by carts, what is held longer, and what has ended long ago.
        for (hold_ms, state) in [
            (HELD_BY_CART, OrderState::Reserved),
            (3_600_000, OrderState::Reserved),
            (60_000, OrderState::Cancelled),
        ] {
            let (mut orders, mut texts) = (Orders::default(), Texts::default());
            add(&mut orders, &mut texts, (1, 1_000, 60_000), OrderState::Paid);
            add(&mut orders, &mut texts, (3 * SKIPS + 5, 2_000, hold_ms), state);
            add(&mut orders, &mut texts, (1, 3_000, 60_000), OrderState::Reserved);
            let (last, ends) = (OrderNumber(3 * SKIPS + 7), Millis(63_000));
            assert_eq!(orders.quiet_until(), Some(Millis(61_000)));
            let looks = (1..10).find(|_| {
                let expiry = orders.next_expiry().unwrap();
                assert!(expiry.at <= ends, "{hold_ms}: {expiry:?}");
                assert_eq!(orders.quiet_until(), Some(expiry.at));
                expiry.order == Some(last) && expiry.at == ends
            });
            assert_eq!(looks, Some(4), "{hold_ms}");
        }
    }
}
