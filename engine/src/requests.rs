//! The accepted requests of a SKU other than reservations, with their answers. (A reservation's request id stands
//! in its order.)

use crate::answer::Answer;
use crate::hashing::Hashing;
use crate::tables::{Chunks, Index, TextRef, Texts};
use crate::{Fingerprint, OrderNumber, Request};

/// An accepted request.
#[derive(Clone, Debug)]
pub(crate) struct RequestRow {
    /// The order it was about; 0: the SKU.
    order: u32,
    id: TextRef,
    pub(crate) fingerprint: Fingerprint,
    answer: KeptAnswer,
}

/// An answer as it is kept: eight bytes. Stock counts fit 32 bits.
#[derive(Clone, Copy, Debug)]
enum KeptAnswer {
    Restocked(u32),
    /// The position of the price.
    Repriced(u32),
    Paid,
    RefundDue,
    Cancelled,
    Refunded,
}

const _: () = assert!(std::mem::size_of::<RequestRow>() == 20);

impl RequestRow {
    pub(crate) fn order(&self) -> Option<OrderNumber> {
        (self.order != 0).then_some(OrderNumber(self.order))
    }

    pub(crate) fn id<'t>(&self, texts: &'t Texts) -> &'t str {
        texts.get(self.id)
    }

    fn answer(&self, prices: &[u64]) -> Answer {
        match self.answer {
            KeptAnswer::Repriced(at) => {
                Answer::Repriced { price: prices.get(at as usize).copied().unwrap_or_default() }
            }
            KeptAnswer::Restocked(available) => Answer::Restocked { available: u64::from(available) },
            KeptAnswer::Paid => Answer::Paid,
            KeptAnswer::RefundDue => Answer::RefundDue,
            KeptAnswer::Cancelled => Answer::Cancelled,
            KeptAnswer::Refunded => Answer::Refunded,
        }
    }
}

impl KeptAnswer {
    fn from_answer(answer: Answer) -> Option<Self> {
        match answer {
            Answer::Restocked { available } => u32::try_from(available).ok().map(Self::Restocked),
            Answer::Paid => Some(Self::Paid),
            Answer::RefundDue => Some(Self::RefundDue),
            Answer::Cancelled => Some(Self::Cancelled),
            Answer::Refunded => Some(Self::Refunded),
            _ => None,
        }
    }
}

/// All accepted requests of a SKU but its reservations.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    rows: Chunks<RequestRow>,
    /// The prices that were moved to: few, and too large for a row.
    prices: Vec<u64>,
    by_id: Index,
}

impl Requests {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn find(
        &self,
        order: Option<OrderNumber>,
        id: &str,
        texts: &Texts,
        hashing: Hashing,
    ) -> Option<&RequestRow> {
        let row = |at: u32| self.rows.get(at as usize);
        let is_it = |at: u32| row(at).is_some_and(|r| r.order() == order && r.id(texts) == id);
        self.by_id.find(hashing.by_order(order, id), is_it).and_then(row)
    }

    /// Keeps a request. `None` when a table is full or such a request is never answered so: a contradiction.
    pub(crate) fn add(
        &mut self,
        order: Option<OrderNumber>,
        request: &Request<'_>,
        answer: Answer,
        texts: &mut Texts,
        hashing: Hashing,
    ) -> Option<()> {
        let position = u32::try_from(self.rows.len()).ok()?;
        let answer = match answer {
            Answer::Repriced { price } => {
                self.prices.push(price);
                KeptAnswer::Repriced(u32::try_from(self.prices.len() - 1).ok()?)
            }
            answer => KeptAnswer::from_answer(answer)?,
        };
        let id = texts.push(request.id)?;
        let fingerprint = request.fingerprint;
        self.rows.push(RequestRow { order: order.map_or(0, |o| o.0), id, fingerprint, answer });
        self.by_id.insert(hashing.by_order(order, request.id), position);
        Some(())
    }

    /// The answer that this request got.
    pub(crate) fn answer(&self, row: &RequestRow) -> Answer {
        row.answer(&self.prices)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &RequestRow> {
        self.rows.iter()
    }
}
