//! The payments that came in for a SKU's orders, each once.

use crate::answer::Answer;
use crate::hashing::Hashing;
use crate::tables::{Chunks, Index, TextRef, Texts};
use crate::{Millis, OrderNumber};

/// A payment that came in.
#[derive(Clone, Debug)]
pub(crate) struct PaymentRow {
    id: TextRef,
    pub(crate) order: OrderNumber,
    pub(crate) amount: u64,
    pub(crate) at: Millis,
    /// The answer it got, and gets again under any request id.
    pub(crate) answer: PaymentAnswer,
}

/// What a payment can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PaymentAnswer {
    Paid,
    RefundDue,
    /// The order was given up before; the money is due back.
    Cancelled,
}

impl From<PaymentAnswer> for Answer {
    fn from(answer: PaymentAnswer) -> Self {
        match answer {
            PaymentAnswer::Paid => Self::Paid,
            PaymentAnswer::RefundDue => Self::RefundDue,
            PaymentAnswer::Cancelled => Self::Cancelled,
        }
    }
}

impl PaymentAnswer {
    pub(crate) fn from_answer(answer: Answer) -> Option<Self> {
        match answer {
            Answer::Paid => Some(Self::Paid),
            Answer::RefundDue => Some(Self::RefundDue),
            Answer::Cancelled => Some(Self::Cancelled),
            _ => None,
        }
    }
}

/// All payments of a SKU.
#[derive(Debug, Default)]
pub(crate) struct Payments {
    rows: Chunks<PaymentRow>,
    by_id: Index,
}

impl Payments {
    pub(crate) fn find(&self, id: &str, texts: &Texts, hashing: Hashing) -> Option<&PaymentRow> {
        let row = |at: u32| self.rows.get(at as usize);
        let found = self.by_id.find(hashing.text(id), |at| row(at).is_some_and(|p| texts.get(p.id) == id));
        found.and_then(row)
    }

    /// The payment of this id for this order. Lines of one cart share theirs.
    pub(crate) fn find_of(
        &self,
        (id, order): (&str, OrderNumber),
        texts: &Texts,
        hashing: Hashing,
    ) -> Option<&PaymentRow> {
        let row = |at: u32| self.rows.get(at as usize);
        let is_it = |at| row(at).is_some_and(|p| p.order == order && texts.get(p.id) == id);
        self.by_id.find(hashing.text(id), is_it).and_then(row)
    }

    pub(crate) fn get(&self, position: u32) -> Option<&PaymentRow> {
        self.rows.get(position as usize)
    }

    /// Adds a payment and gives its position. `None` when a table is full, which deciding rules out.
    pub(crate) fn add(
        &mut self,
        id: &str,
        (order, amount, at): (OrderNumber, u64, Millis),
        answer: PaymentAnswer,
        texts: &mut Texts,
        hashing: Hashing,
    ) -> Option<u32> {
        let position = u32::try_from(self.rows.len()).ok()?;
        let place = texts.push(id)?;
        self.rows.push(PaymentRow { id: place, order, amount, at, answer });
        self.by_id.insert(hashing.text(id), position);
        Some(position)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &PaymentRow> {
        self.rows.iter()
    }
}

impl PaymentRow {
    pub(crate) fn id<'t>(&self, texts: &'t Texts) -> &'t str {
        texts.get(self.id)
    }
}
