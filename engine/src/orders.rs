//! The orders of a SKU, 40 bytes each, and the queues in which reservations wait for their end.

use crate::buyers::BuyerNumber;
use crate::hashing::Hashing;
use crate::lines::HELD_BY_CART;
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

/// One order. Eight-byte numbers stand in halves, so that a row is aligned to four bytes and wastes none.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    unit_price: Halves,
    reserved_at: Halves,
    pub(crate) buyer: BuyerNumber,
    request: TextRef,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) qty: u32,
    /// Position of the payment that paid it, plus one; 0: none.
    payment: u32,
    /// Which queue it is in.
    queue: u16,
    pub(crate) state: OrderState,
    /// Whether its units are reserved or sold, and not available.
    pub(crate) holds_units: bool,
}

const _: () = assert!(std::mem::size_of::<Order>() == 40);

/// A u64 in two halves, aligned to four bytes.
#[derive(Clone, Copy, Debug)]
struct Halves([u32; 2]);

impl Halves {
    #[allow(clippy::cast_possible_truncation)]
    const fn new(value: u64) -> Self {
        Self([value as u32, (value >> 32) as u32])
    }

    const fn get(self) -> u64 {
        self.0[0] as u64 | (self.0[1] as u64) << 32
    }
}

impl Order {
    pub(crate) fn unit_price(&self) -> u64 {
        self.unit_price.get()
    }

    pub(crate) fn reserved_at(&self) -> Millis {
        Millis(self.reserved_at.get())
    }

    /// Price times units, before discounts. Deciding the reservation made sure that this does not overflow.
    pub(crate) fn line_amount(&self) -> u64 {
        self.unit_price().saturating_mul(u64::from(self.qty))
    }

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

/// How many orders that no longer wait are passed over in one look at a queue.
const SKIPS: u32 = 10_000;

/// All orders of a SKU.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    rows: Chunks<Order>,
    by_request: Index,
    queues: Vec<Queue>,
}

impl Orders {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn get(&self, order: OrderNumber) -> Option<&Order> {
        self.rows.get((order.0 as usize).checked_sub(1)?)
    }

    pub(crate) fn get_mut(&mut self, order: OrderNumber) -> Option<&mut Order> {
        self.rows.get_mut((order.0 as usize).checked_sub(1)?)
    }

    /// The number that the next order gets, or `None` when all are used up.
    pub(crate) fn next_number(&self) -> Option<OrderNumber> {
        u32::try_from(self.rows.len()).ok()?.checked_add(1).map(OrderNumber)
    }

    /// The order of this buyer with this request id, of those that are `in_scope`.
    pub(crate) fn find_request(
        &self,
        buyer: BuyerNumber,
        request: &str,
        texts: &Texts,
        hashing: Hashing,
        in_scope: impl Fn(OrderNumber) -> bool,
    ) -> Option<OrderNumber> {
        let is_it = |number: u32| {
            let number = OrderNumber(number);
            self.get(number).is_some_and(|o| o.buyer == buyer && o.request(texts) == request)
                && in_scope(number)
        };
        self.by_request.find(hashing.by_buyer(buyer, request), is_it).map(OrderNumber)
    }

    /// See [`Index::touch`].
    pub(crate) fn touch(&self, buyer: BuyerNumber, request: &str, hashing: Hashing) -> u64 {
        self.by_request.touch(hashing.by_buyer(buyer, request))
    }

    /// Whether a reservation with this hold has a queue or can get one.
    pub(crate) fn has_queue_for(&self, hold_ms: u32) -> bool {
        self.queues.len() < MAX_QUEUES || self.queues.iter().any(|queue| queue.hold_ms == hold_ms)
    }

    /// When the hold of an order ends.
    pub(crate) fn expires_at(&self, order: &Order) -> Millis {
        let hold = self.queues.get(usize::from(order.queue)).map_or(0, |queue| queue.hold_ms);
        order.reserved_at().plus(u64::from(hold))
    }

    pub(crate) fn hold_ms(&self, order: &Order) -> u32 {
        self.queues.get(usize::from(order.queue)).map_or(0, |queue| queue.hold_ms)
    }

    /// Adds an order. `None` when a table is full, which deciding rules out.
    pub(crate) fn add(
        &mut self,
        new: &NewOrder<'_>,
        texts: &mut Texts,
        hashing: Hashing,
    ) -> Option<OrderNumber> {
        let number = self.next_number()?;
        let request = texts.push(new.request)?;
        let queue = self.queue_for(new.hold_ms, number)?;
        self.rows.push(Order {
            unit_price: Halves::new(new.unit_price),
            reserved_at: Halves::new(new.reserved_at.0),
            buyer: new.buyer,
            request,
            fingerprint: new.fingerprint,
            qty: new.qty,
            payment: 0,
            queue,
            state: new.state,
            holds_units: new.holds_units,
        });
        // Lines of carts have no request of their own.
        if !new.request.is_empty() {
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

    /// The reservation that runs out first, and when. Orders that no longer wait are passed over for good; when there
    /// are very many of those, the answer is an early one and the next look goes on.
    pub(crate) fn next_expiry(&mut self) -> Option<Expiry> {
        let mut soonest: Option<Expiry> = None;
        for (at, queue) in
            self.queues.iter_mut().enumerate().filter(|(_, queue)| queue.hold_ms != HELD_BY_CART)
        {
            let row = |number: u32| self.rows.get((number as usize).wrapping_sub(1));
            let waits = |order: &Order| order.state == OrderState::Reserved && usize::from(order.queue) == at;
            let last = queue.first.saturating_add(SKIPS);
            while queue.first < last && row(queue.first).is_some_and(|order| !waits(order)) {
                queue.first += 1;
            }
            let Some(order) = row(queue.first) else { continue };
            let expiry = Expiry {
                order: waits(order).then_some(OrderNumber(queue.first)),
                room: None,
                at: order.reserved_at().plus(u64::from(queue.hold_ms)),
            };
            if soonest.as_ref().is_none_or(|s| expiry.at < s.at) {
                soonest = Some(expiry);
            }
        }
        soonest
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Order> {
        self.rows.iter()
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
