//! Traces as files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use csv::StringRecord;
use flate2::Compression;
use flate2::GzBuilder;
use flate2::read::MultiGzDecoder;

use super::{EventKind, Trace, TraceDay, TraceEvent, TraceSku};
use crate::error::LoadError;

/// The first record of every trace: the format and its version.
const FORMAT: [&str; 2] = ["tidegate-trace", "1"];
/// A trace is held in memory; one with more records than this is refused.
const MOST_RECORDS: u64 = 5_000_000;

impl Trace {
    /// Reads a trace file.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let file = File::open(path).map_err(LoadError::file(path))?;
        Self::read_compressed(BufReader::new(file), path)
    }

    /// Reads a trace from the bytes of a trace file; `path` is for error messages.
    pub fn read_compressed(bytes: impl BufRead, path: &Path) -> Result<Self, LoadError> {
        Self::read_from(MultiGzDecoder::new(bytes), path)
    }

    /// Reads a trace from uncompressed text; `path` is for error messages.
    pub fn read_from(text: impl Read, path: &Path) -> Result<Self, LoadError> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        let mut trace = Self::default();
        let mut record = StringRecord::new();
        let mut number = 0;
        loop {
            number += 1;
            let format = |reason: String| LoadError::Format { path: path.to_owned(), record: number, reason };
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(format(error.to_string())),
            }
            if number == 1 {
                if record.iter().ne(FORMAT) {
                    return Err(format(format!("a trace begins with '{}'", FORMAT.join(","))));
                }
                continue;
            }
            if number > MOST_RECORDS {
                return Err(format(format!("a trace has at most {MOST_RECORDS} records")));
            }
            trace.add(&Fields(&record)).map_err(format)?;
        }
        if number == 1 {
            return Err(LoadError::Format {
                path: path.to_owned(),
                record: 1,
                reason: "the file is empty".to_owned(),
            });
        }
        Ok(trace)
    }

    /// Writes a trace file. The same trace gives the same bytes.
    pub fn write(&self, path: &Path) -> Result<(), LoadError> {
        let file = File::create(path).map_err(LoadError::file(path))?;
        // No file name and no time in the header, so that the bytes depend on nothing else.
        let mut gzip = GzBuilder::new().mtime(0).write(file, Compression::best());
        self.write_to(&mut gzip).map_err(LoadError::file(path))?;
        gzip.finish().and_then(|file| file.sync_all()).map_err(LoadError::file(path))
    }

    /// Writes a trace as uncompressed text.
    pub fn write_to(&self, out: impl Write) -> io::Result<()> {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(out);
        writer.write_record(FORMAT)?;
        writer.write_record(["source", &self.source, &self.licence])?;
        writer.write_record(["stock", &self.stock_percent.to_string(), &self.currency])?;
        for day in &self.days {
            writer.write_record(["day", &day.date, &day.first_ms.to_string(), &day.at_ms.to_string()])?;
        }
        for sku in &self.skus {
            let (day, stock, price) = (sku.day.to_string(), sku.stock.to_string(), sku.price.to_string());
            writer.write_record(["sku", &sku.name, &day, &stock, &price, &sku.title])?;
        }
        for event in &self.events {
            let at = event.at_ms.to_string();
            match &event.kind {
                EventKind::Reserve { sku, buyer, qty, price } => {
                    let (sku, qty, price) = (sku.to_string(), qty.to_string(), price.to_string());
                    writer.write_record(["reserve", &at, &event.invoice, &sku, buyer, &qty, &price])?;
                }
                EventKind::Cancel { reserve } => {
                    writer.write_record(["cancel", &at, &event.invoice, &reserve.to_string()])?;
                }
            }
        }
        writer.flush()
    }

    /// Adds one record. The error says what is wrong with it.
    fn add(&mut self, fields: &Fields<'_>) -> Result<(), String> {
        match fields.text(0, "kind")? {
            "source" => {
                self.source = fields.text(1, "source")?.to_owned();
                self.licence = fields.text(2, "licence")?.to_owned();
            }
            "stock" => {
                self.stock_percent = fields.number(1, "percent")?;
                self.currency = fields.text(2, "currency")?.to_owned();
            }
            "day" => self.days.push(TraceDay {
                date: fields.text(1, "date")?.to_owned(),
                first_ms: fields.number(2, "first minute")?,
                at_ms: fields.number(3, "trace time")?,
            }),
            "sku" => {
                let day = fields.number(2, "day")?;
                known(day, self.days.len(), "day")?;
                self.skus.push(TraceSku {
                    name: fields.text(1, "name")?.to_owned(),
                    day,
                    stock: fields.number(3, "stock")?,
                    price: fields.number(4, "price")?,
                    title: fields.text(5, "title")?.to_owned(),
                });
            }
            "reserve" => {
                let sku = fields.number(3, "sku")?;
                known(sku, self.skus.len(), "sku")?;
                let kind = EventKind::Reserve {
                    sku,
                    buyer: fields.text(4, "buyer")?.to_owned(),
                    qty: fields.number(5, "quantity")?,
                    price: fields.number(6, "price")?,
                };
                self.add_event(fields, kind)?;
            }
            "cancel" => {
                let reserve: u32 = fields.number(3, "reservation")?;
                known(reserve, self.events.len(), "reservation")?;
                if !matches!(self.events[reserve as usize].kind, EventKind::Reserve { .. }) {
                    return Err(format!("event {reserve} is no reservation"));
                }
                self.add_event(fields, EventKind::Cancel { reserve })?;
            }
            kind => return Err(format!("unknown kind of record '{kind}'")),
        }
        Ok(())
    }

    fn add_event(&mut self, fields: &Fields<'_>, kind: EventKind) -> Result<(), String> {
        let at_ms = fields.number(1, "trace time")?;
        if at_ms < self.length_ms() {
            return Err("events must be in the order of their time".to_owned());
        }
        self.events.push(TraceEvent { at_ms, invoice: fields.text(2, "invoice")?.to_owned(), kind });
        Ok(())
    }
}

/// Checks a reference to an earlier record.
fn known(position: u32, count: usize, what: &str) -> Result<(), String> {
    if (position as usize) < count {
        Ok(())
    } else {
        Err(format!("{what} {position} was not defined before"))
    }
}

struct Fields<'a>(&'a StringRecord);

impl<'a> Fields<'a> {
    fn text(&self, position: usize, name: &str) -> Result<&'a str, String> {
        self.0.get(position).ok_or_else(|| format!("field {} ({name}) is missing", position + 1))
    }

    fn number<N: std::str::FromStr>(&self, position: usize, name: &str) -> Result<N, String> {
        let text = self.text(position, name)?;
        text.parse()
            .map_err(|_| format!("field {} ({name}) is '{text}', not a number in range", position + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Trace, LoadError> {
        Trace::read_from(text.as_bytes(), Path::new("t.csv"))
    }

    const SMALL: &str = "\
tidegate-trace,1
source,A shop,CC0-1.0
stock,60,GBP
day,2011-12-05,1323073080000,0
day,2011-12-08,1323333120000,120000
sku,20111205-22086,0,4,255,\"KIT, PAPER\"
reserve,0,580538,0,c14075,6,255
reserve,500,580538,0,c14075,1,255
cancel,130000,C580600,0
";

    #[test]
    fn a_trace_survives_being_written_and_read() {
        let trace = read(SMALL).unwrap();
        assert_eq!(trace.reservations(), 2);
        assert_eq!(trace.skus[0].title, "KIT, PAPER");
        let mut text = Vec::new();
        trace.write_to(&mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), SMALL);

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.csv.gz");
        trace.write(&path).unwrap();
        assert_eq!(Trace::read(&path).unwrap(), trace);
    }

    #[test]
    fn the_clock_of_the_trace_leads_back_to_real_time() {
        let trace = read(SMALL).unwrap();
        assert_eq!(trace.moment_ms(60_000), Some(1_323_073_140_000));
        assert_eq!(trace.moment_ms(130_000), Some(1_323_333_130_000));
        assert_eq!(trace.length_ms(), 130_000);
    }

    #[test]
    fn a_bad_record_is_named() {
        for (line, part) in [
            ("sku,x,7,1,1,t", "day 7 was not defined before"),
            ("reserve,130000,5,9,c1,1,1", "sku 9 was not defined before"),
            ("reserve,130000,5,0,c1,-1,1", "field 6 (quantity) is '-1'"),
            ("reserve,130000,5,0,c1", "field 6 (quantity) is missing"),
            ("reserve,7,5,0,c1,1,1", "order of their time"),
            ("cancel,130000,C5,2", "event 2 is no reservation"),
            ("cancel,130000,C5,77", "reservation 77 was not defined before"),
            ("buy,1", "unknown kind of record 'buy'"),
        ] {
            let error = read(&format!("{SMALL}{line}\n")).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
            assert!(error.contains("record 10"), "{line}: {error}");
        }
        assert!(read("").unwrap_err().to_string().contains("empty"));
        assert!(read("sku,day\n").unwrap_err().to_string().contains("begins with 'tidegate-trace,1'"));
    }
}
