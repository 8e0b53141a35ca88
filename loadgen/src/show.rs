//! Results as tables and sentences for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Table, presets};

use crate::convert::ConvertCounts;
use crate::ledger::Verdict;
use crate::outcome::CommandResult;
use crate::replay::{ReplayResult, SkuResult};
use crate::run::RunResult;

/// Best sellers and sold-out SKUs shown.
const SHOWN: usize = 8;
/// Findings shown.
const FINDINGS_SHOWN: usize = 10;

/// The result of a run, as it is printed at its end.
pub fn run_result(result: &RunResult) -> String {
    let mut out = String::new();
    let config = &result.config;
    // Writing to a string can't fail.
    let _ = writeln!(
        out,
        "{} ({}), {} loop, {} connections x {} in flight, {} over {} SKUs ({}), {} buyers, seed {}",
        config.target,
        config.target_kind,
        config.loop_kind,
        config.connections,
        config.pipeline,
        config.mix,
        config.skus,
        config.zipf.map_or_else(|| "uniform".to_owned(), |exponent| format!("zipf {exponent}")),
        config.buyers,
        config.seed
    );
    let throughput = &result.throughput;
    let _ = match (throughput.asked_per_s, throughput.held) {
        (Some(asked), Some(held)) => writeln!(
            out,
            "asked {} requests/s, achieved {} requests/s over {:.1} s: {}",
            thousands(asked),
            thousands(throughput.achieved_per_s.round() as u64),
            throughput.window_s,
            if held { "the rate was held" } else { "the rate was NOT held" }
        ),
        _ => writeln!(
            out,
            "{} requests/s over {:.1} s",
            thousands(throughput.achieved_per_s.round() as u64),
            throughput.window_s
        ),
    };
    if let Some(cores) = throughput.generator_cores {
        let _ = writeln!(out, "the generator used {cores:.2} cores");
    }
    let requests = &result.requests;
    let _ = writeln!(
        out,
        "{} requests sent, {} answered, {} never answered, {} due and not sent, {} errors, {} connections lost",
        thousands(requests.sent),
        thousands(requests.answered),
        thousands(requests.unanswered),
        thousands(requests.unsent),
        thousands(requests.errors),
        requests.lost_connections
    );
    let _ = writeln!(out, "{}\n{}", latency_table(&result.commands), outcome_table(&result.commands));
    out.push_str(&verdict(&result.verdict));
    out
}

/// The result of a replay, as it is printed at its end.
pub fn replay_result(result: &ReplayResult) -> String {
    let mut out = String::new();
    let accepted = result.verdict.accepted.orders;
    let _ = writeln!(
        out,
        "{} purchases from {}: {} accepted, {} sold out; {} requests in {:.2} s, {} requests/s",
        thousands(result.purchases),
        result.source,
        thousands(accepted),
        thousands(result.answers("SOLD_OUT")),
        thousands(result.requests.answered),
        result.throughput.window_s,
        thousands(result.throughput.achieved_per_s.round() as u64)
    );
    let _ = writeln!(out, "{}\n{}", latency_table(&result.commands), outcome_table(&result.commands));
    let _ = writeln!(
        out,
        "best sellers by units\n{}",
        seller_table(&result.best_by_units(SHOWN), &result.currency)
    );
    let _ = writeln!(
        out,
        "best sellers by money\n{}",
        seller_table(&result.best_by_money(SHOWN), &result.currency)
    );
    let sold_out = result.sold_out();
    let _ = writeln!(
        out,
        "{} of {} SKUs sold out; the first {}\n{}",
        thousands(sold_out.len() as u64),
        thousands(result.skus.len() as u64),
        SHOWN.min(sold_out.len()),
        sold_out_table(&sold_out[..SHOWN.min(sold_out.len())])
    );
    out.push_str(&verdict(&result.verdict));
    out
}

/// What a conversion took and skipped.
pub fn convert_counts(counts: &ConvertCounts) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} rows read, {} of other days; {} purchases and {} cancellations converted",
        thousands(counts.rows),
        thousands(counts.other_days),
        thousands(counts.purchases),
        thousands(counts.cancellations)
    );
    for (reason, count) in &counts.skipped {
        let _ = writeln!(out, "skipped {}: {}", thousands(*count), reason.words());
    }
    out
}

/// Percentiles per command.
pub fn latency_table(commands: &BTreeMap<String, CommandResult>) -> Table {
    let mut table = table(&["command", "count", "p50", "p90", "p99", "p99.9", "max"]);
    for (command, result) in commands {
        let latency = &result.latency;
        let mut row = vec![Cell::new(command), number(thousands(latency.count))];
        let times = [latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us];
        row.extend(times.map(|time| number(milliseconds(time))));
        table.add_row(row);
    }
    table
}

/// Answers per command.
pub fn outcome_table(commands: &BTreeMap<String, CommandResult>) -> Table {
    let mut table = table(&["command", "answer", "times"]);
    for (command, result) in commands {
        for (word, count) in &result.outcomes {
            table.add_row([Cell::new(command), Cell::new(word), number(thousands(*count))]);
        }
    }
    table
}

/// SKUs with what they sold.
pub fn seller_table(skus: &[&SkuResult], currency: &str) -> Table {
    let mut table = table(&["SKU", "title", "price", "units", "of", "money"]);
    for sku in skus {
        table.add_row([
            Cell::new(&sku.sku),
            Cell::new(&sku.title),
            number(money(sku.price, currency)),
            number(thousands(sku.sold_units)),
            number(thousands(sku.total)),
            number(money(sku.sold_money, currency)),
        ]);
    }
    table
}

/// SKUs with when their last unit went.
pub fn sold_out_table(skus: &[&SkuResult]) -> Table {
    let mut table = table(&["sold out at", "SKU", "title", "units", "refused purchases"]);
    for sku in skus {
        table.add_row([
            Cell::new(sku.sold_out_at.as_deref().unwrap_or("-")),
            Cell::new(&sku.sku),
            Cell::new(&sku.title),
            number(thousands(sku.total)),
            number(thousands(sku.refused_lines)),
        ]);
    }
    table
}

/// The verdict in words, with the first findings.
pub fn verdict(verdict: &Verdict) -> String {
    let mut out = verdict.words.join("\n");
    out.push('\n');
    for finding in verdict.findings.iter().take(FINDINGS_SHOWN) {
        let _ = writeln!(out, "  {}: {}", finding.sku, finding.text);
    }
    let hidden = verdict.findings_total.saturating_sub(FINDINGS_SHOWN as u64);
    if hidden > 0 {
        let _ = writeln!(out, "  and {hidden} more");
    }
    out
}

/// `1234567` as `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Microseconds as milliseconds with as many digits as are worth reading.
pub fn milliseconds(microseconds: u64) -> String {
    let (whole, part) = (microseconds / 1_000, microseconds % 1_000);
    match whole {
        0..=9 => format!("{whole}.{part:03} ms"),
        10..=99 => format!("{whole}.{} ms", part / 100),
        _ => format!("{} ms", thousands(whole)),
    }
}

/// Minor units as an amount with two decimals.
pub fn money(minor: u64, currency: &str) -> String {
    format!("{}.{:02} {currency}", thousands(minor / 100), minor % 100)
}

fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header(headers);
    table
}

fn number(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(value), text);
        }
        assert_eq!(money(123_405, "GBP"), "1,234.05 GBP");
        assert_eq!(milliseconds(42), "0.042 ms");
        assert_eq!(milliseconds(12_345), "12.3 ms");
        assert_eq!(milliseconds(1_234_567), "1,234 ms");
    }
}
