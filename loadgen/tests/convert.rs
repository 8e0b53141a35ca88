//! From invoice lines to a trace.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use jiff::civil::date;
use tidegate_loadgen::LoadError;
use tidegate_loadgen::convert::{ConvertConfig, ConvertCounts, Skipped, convert, convert_from};
use tidegate_loadgen::trace::{EventKind, Trace};

const INVOICES: &str = "\
invoice,sku,description,quantity,invoiced_at,unit_price_pence,customer,country
1,85123A,HEART HOLDER ,6,2011-12-05T08:38:00Z,255,17850,United Kingdom
1,71053,\"LANTERN, WHITE\",10,2011-12-05T08:38:00Z,339,17850,United Kingdom
2,85123A,HEART HOLDER,3,2011-12-05T08:40:00Z,295,,France
3,85123A,HEART HOLDER,1,2011-12-05T08:40:00Z,255,17851,France
4,POST,POSTAGE,1,2011-12-05T08:41:00Z,1800,17851,France
5,BANK CHARGES,Bank Charges,1,2011-12-05T08:41:00Z,1500,,France
6,71053,damaged,-4,2011-12-05T08:41:00Z,0,,United Kingdom
7,71053,LANTERN,4,2011-12-05T08:41:00Z,0,,United Kingdom
C8,85123A,HEART HOLDER,-6,2011-12-05T09:00:00Z,255,17850,United Kingdom
C8,85123A,HEART HOLDER,-6,2011-12-05T09:00:00Z,255,17850,United Kingdom
C9,85123A,HEART HOLDER,-6,2011-12-05T09:01:00Z,255,,United Kingdom
10,85123A,HEART HOLDER,1,2011-12-06T10:00:00Z,255,17850,United Kingdom
11,85123A,HEART HOLDER,2,2011-12-08T07:12:00Z,999,17850,United Kingdom
C12,71053,LANTERN,-10,2011-12-08T07:13:00Z,339,17850,United Kingdom
";

fn two_days() -> ConvertConfig {
    ConvertConfig { days: vec![date(2011, 12, 5), date(2011, 12, 8)], stock_percent: 60 }
}

fn from(text: &str, config: &ConvertConfig) -> Result<(Trace, ConvertCounts), LoadError> {
    convert_from(text.as_bytes(), Path::new("retail.csv"), config)
}

#[test]
fn every_row_is_converted_or_counted() {
    let (trace, counts) = from(INVOICES, &two_days()).unwrap();
    assert_eq!(counts.rows, 14);
    assert_eq!(counts.other_days, 1);
    assert_eq!(counts.purchases, 5);
    assert_eq!(counts.cancellations, 2);
    for (reason, count) in [
        (Skipped::Service, 1),
        (Skipped::BadCode, 1),
        (Skipped::Correction, 1),
        (Skipped::NoPrice, 1),
        (Skipped::NothingToCancel, 2),
    ] {
        assert_eq!(counts.skipped[&reason], count, "{reason:?}");
    }
    let skipped: u64 = counts.skipped.values().sum();
    assert_eq!(counts.other_days + counts.purchases + counts.cancellations + skipped, counts.rows);
    assert_eq!(trace.licence, "CC0-1.0");
}

#[test]
fn a_sku_is_a_code_on_a_day_with_a_share_of_its_demand_and_its_usual_price() {
    let (trace, _) = from(INVOICES, &two_days()).unwrap();
    let skus: Vec<_> = trace.skus.iter().map(|sku| (sku.name.as_str(), sku.stock, sku.price)).collect();
    // 60 % of 10 is 6, of 10 is 6, of 2 is 1.2.
    assert_eq!(skus, [("20111205-85123A", 6, 255), ("20111205-71053", 6, 339), ("20111208-85123A", 1, 999)]);
    assert_eq!(trace.skus[0].title, "HEART HOLDER");
    let (trace, _) = from(INVOICES, &ConvertConfig { stock_percent: 1, ..two_days() }).unwrap();
    assert!(trace.skus.iter().all(|sku| sku.stock == 1), "there is always one to sell");
    let (trace, _) = from(INVOICES, &ConvertConfig { stock_percent: 75, ..two_days() }).unwrap();
    let stocks: Vec<_> = trace.skus.iter().map(|sku| sku.stock).collect();
    assert_eq!(stocks, [8, 8, 2], "7.5 and 1.5 are rounded up");
}

#[test]
fn the_lines_of_a_minute_are_spread_over_it_and_the_nights_are_left_out() {
    let (trace, _) = from(INVOICES, &two_days()).unwrap();
    let times: Vec<_> = trace.events.iter().map(|event| event.at_ms).collect();
    let nine = 22 * 60_000;
    // The second cancellation of invoice C8 and C9 have nothing to cancel; the next day begins a minute after them.
    assert_eq!(times, [0, 30_000, 120_000, 150_000, nine, nine + 120_000, nine + 180_000]);
    assert_eq!(trace.days[1].date, "2011-12-08");
    assert_eq!(trace.moment_ms(nine + 120_000), Some(trace.days[1].first_ms));
}

#[test]
fn a_cancellation_takes_back_the_same_customers_purchase() {
    let (trace, _) = from(INVOICES, &two_days()).unwrap();
    let cancelled: Vec<_> = trace
        .events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Cancel { reserve } => Some((event.invoice.as_str(), reserve)),
            EventKind::Reserve { .. } => None,
        })
        .collect();
    assert_eq!(cancelled, [("C8", 0), ("C12", 1)]);
    let buyers: Vec<_> = trace
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Reserve { buyer, .. } => Some(buyer.as_str()),
            EventKind::Cancel { .. } => None,
        })
        .collect();
    assert_eq!(buyers, ["c17850", "c17850", "i2", "c17851", "c17850"], "without a customer the invoice buys");
}

#[test]
fn without_days_everything_is_taken() {
    let (trace, counts) = from(INVOICES, &ConvertConfig { days: Vec::new(), stock_percent: 60 }).unwrap();
    assert_eq!(counts.other_days, 0);
    assert_eq!(trace.days.len(), 3);
}

#[test]
fn a_file_is_read_plain_or_compressed() {
    use std::io::Write;

    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("retail.csv");
    std::fs::write(&plain, INVOICES).unwrap();
    let packed = directory.path().join("retail.csv.gz");
    let file = std::fs::File::create(&packed).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gzip.write_all(INVOICES.as_bytes()).unwrap();
    gzip.finish().unwrap();
    assert_eq!(convert(&plain, &two_days()).unwrap(), convert(&packed, &two_days()).unwrap());
}

#[test]
fn a_bad_row_is_named() {
    let header = INVOICES.lines().next().unwrap();
    let text = format!("{header}\n1,A,B,many,2011-12-05T08:38:00Z,255,1,UK\n");
    let error = from(&text, &two_days()).unwrap_err().to_string();
    assert!(error.contains("retail.csv, record 1") && error.contains("line: 2"), "{error}");
    let error = convert(Path::new("nowhere.csv"), &two_days()).unwrap_err().to_string();
    assert!(error.contains("nowhere.csv"), "{error}");
    let error = from(INVOICES, &ConvertConfig { stock_percent: 0, ..two_days() }).unwrap_err().to_string();
    assert!(error.contains("--stock-percent"), "{error}");
}
