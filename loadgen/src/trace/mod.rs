//! A trace: purchases and cancellations of a real shop in the order in which they happened.
//!
//! The file format is described in `docs/LOADGEN.md`: gzip'd CSV, one record a line, the kind of record first.

mod file;

/// Purchases to be replayed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// Where the data come from.
    pub source: String,
    /// The licence of the data, as an SPDX id.
    pub licence: String,
    /// Currency of all prices.
    pub currency: String,
    /// The stock of each SKU in percent of what was asked for.
    pub stock_percent: u32,
    /// The days, in order.
    pub days: Vec<TraceDay>,
    /// The SKUs. Events refer to them by position.
    pub skus: Vec<TraceSku>,
    /// What happened, by time. Cancellations refer to reservations by position.
    pub events: Vec<TraceEvent>,
}

/// A day of the trace. The nights between the days are left out: the trace's clock goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceDay {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// The day's first minute, in epoch milliseconds.
    pub first_ms: i64,
    /// The same moment on the trace's clock, in milliseconds from its start.
    pub at_ms: u64,
}

/// A SKU: one stock code on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSku {
    /// Its name, `YYYYMMDD-CODE`.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Position of its day.
    pub day: u32,
    /// Units to be put.
    pub stock: u64,
    /// Its fixed price in minor units: the most frequent one of that day.
    pub price: u64,
}

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEvent {
    /// When, in milliseconds on the trace's clock.
    pub at_ms: u64,
    /// The invoice.
    pub invoice: String,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// Somebody bought.
    Reserve {
        /// Position of the SKU.
        sku: u32,
        /// Who.
        buyer: String,
        /// Units.
        qty: u32,
        /// What a unit cost on this line, in minor units.
        price: u64,
    },
    /// Somebody took a purchase back.
    Cancel {
        /// Position of the purchase in [`Trace::events`].
        reserve: u32,
    },
}

impl Trace {
    /// Length on the trace's clock in milliseconds.
    pub fn length_ms(&self) -> u64 {
        self.events.last().map_or(0, |event| event.at_ms)
    }

    /// The real moment of a time on the trace's clock, in epoch milliseconds.
    pub fn moment_ms(&self, at_ms: u64) -> Option<i64> {
        let day = self.days.iter().rev().find(|day| day.at_ms <= at_ms)?;
        day.first_ms.checked_add(i64::try_from(at_ms - day.at_ms).ok()?)
    }

    /// How many purchases it holds.
    pub fn reservations(&self) -> usize {
        self.events.iter().filter(|event| matches!(event.kind, EventKind::Reserve { .. })).count()
    }
}
