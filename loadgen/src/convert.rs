//! `convert`: from the invoice lines of the UCI Online Retail data set to a trace.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::error::LoadError;
use crate::trace::{EventKind, Trace, TraceDay, TraceEvent, TraceSku};

const MINUTE_MS: u64 = 60_000;
const SOURCE: &str = "UCI Online Retail (Chen, Sain and Guo 2012)";
const LICENCE: &str = "CC0-1.0";
const CURRENCY: &str = "GBP";

/// Stock codes that stand for a service, a fee or a correction and not for something that can be sold out: carriage,
/// postage, manual entries, discounts, samples, bad debt, marketplace fees, charity.
const SERVICES: [&str; 10] = ["POST", "DOT", "M", "m", "C2", "D", "S", "B", "AMAZONFEE", "CRUK"];

/// What to convert.
#[derive(Debug, Clone)]
pub struct ConvertConfig {
    /// Only these days; all if empty.
    pub days: Vec<Date>,
    /// Stock per SKU in percent of what the day sold, 1 to 1000.
    pub stock_percent: u32,
}

/// What became of the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ConvertCounts {
    /// Rows read.
    pub rows: u64,
    /// Rows of days that were not asked for.
    pub other_days: u64,
    /// Purchases in the trace.
    pub purchases: u64,
    /// Cancellations in the trace.
    pub cancellations: u64,
    /// Rows skipped, by reason.
    pub skipped: BTreeMap<Skipped, u64>,
}

/// Why a row is not in the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Skipped {
    /// The stock code can't be a SKU's name, for example `BANK CHARGES`.
    BadCode,
    /// The stock code is a service or a fee.
    Service,
    /// The quantity is zero or less without being a cancellation: a stock correction.
    Correction,
    /// The price is zero or less.
    NoPrice,
    /// A cancellation of something that was not bought in the trace, or was cancelled before.
    NothingToCancel,
}

impl Skipped {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::BadCode => "stock code is no SKU name",
            Self::Service => "service or fee, no product",
            Self::Correction => "stock correction, no sale",
            Self::NoPrice => "price of zero or less",
            Self::NothingToCancel => "cancellation without a purchase in the trace",
        }
    }
}

/// A line of an invoice, as the source has it.
#[derive(Debug, Deserialize)]
struct Row {
    invoice: String,
    sku: String,
    description: String,
    quantity: i64,
    invoiced_at: Timestamp,
    unit_price_pence: i64,
    customer: String,
}

/// Converts the CSV file at `path`, gzip'd or not.
pub fn convert(path: &Path, config: &ConvertConfig) -> Result<(Trace, ConvertCounts), LoadError> {
    let file = File::open(path).map_err(LoadError::file(path))?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    let start = file.fill_buf().map_err(LoadError::file(path))?;
    if start.starts_with(&[0x1f, 0x8b]) {
        convert_from(MultiGzDecoder::new(file), path, config)
    } else {
        convert_from(file, path, config)
    }
}

/// Converts CSV text; `path` is for error messages.
pub fn convert_from(
    text: impl Read,
    path: &Path,
    config: &ConvertConfig,
) -> Result<(Trace, ConvertCounts), LoadError> {
    if !(1..=1_000).contains(&config.stock_percent) {
        return Err(LoadError::Config(format!(
            "--stock-percent is {}, it must be 1 to 1000",
            config.stock_percent
        )));
    }
    let wanted: BTreeSet<Date> = config.days.iter().copied().collect();
    let mut counts = ConvertCounts::default();
    let mut sales = Vec::new();
    for (row, number) in csv::Reader::from_reader(text).into_deserialize::<Row>().zip(1..) {
        let bad = |reason: String| LoadError::Format { path: path.to_owned(), record: number, reason };
        let row = row.map_err(|error| bad(error.to_string()))?;
        counts.rows += 1;
        let date = row.invoiced_at.to_zoned(TimeZone::UTC).date();
        if !wanted.is_empty() && !wanted.contains(&date) {
            counts.other_days += 1;
            continue;
        }
        match kind_of(&row) {
            Ok(sale) => sales.push((date, row, sale)),
            Err(reason) => *counts.skipped.entry(reason).or_default() += 1,
        }
    }
    // The source is in this order; a sorted copy of it need not be.
    sales.sort_by_key(|(_, row, _)| row.invoiced_at);
    let mut builder = Builder::new(config.stock_percent);
    for minute in sales.chunk_by(|one, next| one.1.invoiced_at == next.1.invoiced_at) {
        let lines = minute.len() as u64;
        for ((date, row, sale), line) in minute.iter().zip(0..) {
            let at_ms = builder.clock(*date, row.invoiced_at) + line * MINUTE_MS / lines;
            match sale {
                Sale::Purchase { qty, price } => builder.purchase(at_ms, row, *qty, *price),
                Sale::Cancellation { qty } => {
                    if !builder.cancel(at_ms, row, *qty) {
                        *counts.skipped.entry(Skipped::NothingToCancel).or_default() += 1;
                    }
                }
            }
        }
    }
    let trace = builder.finish();
    counts.purchases = trace.reservations() as u64;
    counts.cancellations = trace.events.len() as u64 - counts.purchases;
    Ok((trace, counts))
}

#[derive(Debug, Clone, Copy)]
enum Sale {
    Purchase { qty: u32, price: u64 },
    Cancellation { qty: u32 },
}

fn kind_of(row: &Row) -> Result<Sale, Skipped> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    // The day stands before the code in a SKU's name, which has at most 64 characters.
    if !(1..=55).contains(&row.sku.len()) || !row.sku.bytes().all(allowed) {
        return Err(Skipped::BadCode);
    }
    if SERVICES.contains(&row.sku.as_str()) {
        return Err(Skipped::Service);
    }
    if row.invoice.starts_with('C') {
        let qty = row.quantity.checked_neg().and_then(|qty| u32::try_from(qty).ok()).filter(|qty| *qty > 0);
        return qty.map(|qty| Sale::Cancellation { qty }).ok_or(Skipped::Correction);
    }
    let qty = u32::try_from(row.quantity).ok().filter(|qty| *qty > 0).ok_or(Skipped::Correction)?;
    let price =
        u64::try_from(row.unit_price_pence).ok().filter(|price| *price > 0).ok_or(Skipped::NoPrice)?;
    Ok(Sale::Purchase { qty, price })
}

/// What a SKU's lines add up to.
#[derive(Debug, Default)]
struct Demand {
    units: u64,
    lines_by_price: BTreeMap<u64, u64>,
}

struct Builder {
    trace: Trace,
    demand: Vec<Demand>,
    positions: HashMap<(u32, String), u32>,
    /// Purchases by customer and stock code that were not cancelled: position of the event and units.
    cancellable: HashMap<(String, String), Vec<(u32, u32)>>,
    /// The last minute of the trace's clock.
    last_minute: u64,
}

impl Builder {
    fn new(stock_percent: u32) -> Self {
        let trace = Trace {
            source: SOURCE.to_owned(),
            licence: LICENCE.to_owned(),
            currency: CURRENCY.to_owned(),
            stock_percent,
            ..Trace::default()
        };
        Self {
            trace,
            demand: Vec::new(),
            positions: HashMap::new(),
            cancellable: HashMap::new(),
            last_minute: 0,
        }
    }

    /// The trace's clock at a minute. A new day begins a minute after the last one of the day before.
    fn clock(&mut self, date: Date, at: Timestamp) -> u64 {
        let date = date.to_string();
        let now_ms = at.as_millisecond();
        if self.trace.days.last().is_none_or(|day| day.date != date) {
            let at_ms = if self.trace.days.is_empty() { 0 } else { self.last_minute + MINUTE_MS };
            self.trace.days.push(TraceDay { date, first_ms: now_ms, at_ms });
        }
        let minute =
            self.trace.days.last().map_or(0, |day| day.at_ms + (now_ms - day.first_ms).unsigned_abs());
        self.last_minute = minute;
        minute
    }

    fn purchase(&mut self, at_ms: u64, row: &Row, qty: u32, price: u64) {
        let sku = self.sku(row);
        let demand = &mut self.demand[sku as usize];
        demand.units += u64::from(qty);
        *demand.lines_by_price.entry(price).or_default() += 1;
        let position = self.trace.events.len() as u32;
        let buyer = if row.customer.is_empty() {
            format!("i{}", row.invoice)
        } else {
            let key = (row.customer.clone(), row.sku.clone());
            self.cancellable.entry(key).or_default().push((position, qty));
            format!("c{}", row.customer)
        };
        let kind = EventKind::Reserve { sku, buyer, qty, price };
        self.trace.events.push(TraceEvent { at_ms, invoice: row.invoice.clone(), kind });
    }

    /// Cancels the customer's last purchase of the same quantity, or else the last one. False if there is none.
    fn cancel(&mut self, at_ms: u64, row: &Row, qty: u32) -> bool {
        let Some(purchases) = self.cancellable.get_mut(&(row.customer.clone(), row.sku.clone())) else {
            return false;
        };
        let same = purchases.iter().rposition(|(_, units)| *units == qty);
        let Some(position) = same.or(purchases.len().checked_sub(1)) else { return false };
        let (reserve, _) = purchases.remove(position);
        let kind = EventKind::Cancel { reserve };
        self.trace.events.push(TraceEvent { at_ms, invoice: row.invoice.clone(), kind });
        true
    }

    fn sku(&mut self, row: &Row) -> u32 {
        let day = self.trace.days.len().saturating_sub(1) as u32;
        if let Some(position) = self.positions.get(&(day, row.sku.clone())) {
            return *position;
        }
        let date = self.trace.days.last().map_or_else(String::new, |day| day.date.replace('-', ""));
        let position = self.trace.skus.len() as u32;
        self.trace.skus.push(TraceSku {
            name: format!("{date}-{}", row.sku),
            title: row.description.trim().to_owned(),
            day,
            stock: 0,
            price: 0,
        });
        self.demand.push(Demand::default());
        self.positions.insert((day, row.sku.clone()), position);
        position
    }

    fn finish(mut self) -> Trace {
        for (sku, demand) in self.trace.skus.iter_mut().zip(&self.demand) {
            sku.stock = ((demand.units * u64::from(self.trace.stock_percent) + 50) / 100).max(1);
            // The most frequent price; of several, the lowest.
            let price = demand.lines_by_price.iter().rev().max_by_key(|(_, lines)| **lines);
            sku.price = price.map_or(0, |(price, _)| *price);
        }
        self.trace
    }
}
