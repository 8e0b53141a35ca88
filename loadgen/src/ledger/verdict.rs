//! The verdict over a whole run.

use serde::Serialize;

use super::{Finding, FindingKind, Ledger, Tally};

/// No more findings than this are kept; all are counted.
const FINDINGS_KEPT: usize = 50;

/// Whether the sale adds up, and why not.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// Whether everything adds up.
    pub ok: bool,
    /// SKUs compared.
    pub skus: u64,
    /// All accepted reservations.
    pub accepted: Tally,
    /// All paid orders.
    pub paid: Tally,
    /// All cancelled orders.
    pub cancelled: Tally,
    /// Orders whose late payment is due back.
    pub refund_due: Tally,
    /// Writes whose answer never came, of every kind. They may have happened or not.
    pub unknown: Tally,
    /// Orders read back one by one and compared.
    pub read_back: u64,
    /// The first findings.
    pub findings: Vec<Finding>,
    /// How many findings there were.
    pub findings_total: u64,
    /// The verdict in words, one sentence an item.
    pub words: Vec<String>,
}

impl Verdict {
    /// Sums up what was found.
    pub fn new(ledger: &Ledger, read_back: u64, findings: Vec<Finding>) -> Self {
        let mut verdict = Self {
            ok: findings.is_empty(),
            skus: ledger.accounts().len() as u64,
            accepted: Tally::default(),
            paid: Tally::default(),
            cancelled: Tally::default(),
            refund_due: Tally::default(),
            unknown: Tally::default(),
            read_back,
            findings_total: findings.len() as u64,
            findings,
            words: Vec::new(),
        };
        for account in ledger.accounts() {
            verdict.accepted += account.accepted;
            verdict.paid += account.paid;
            verdict.cancelled += account.cancelled;
            verdict.refund_due += account.refund_due;
            for unknown in [account.unknown_reserves, account.unknown_pays, account.unknown_cancels] {
                verdict.unknown += unknown;
            }
        }
        verdict.words = verdict.say();
        verdict.findings.truncate(FINDINGS_KEPT);
        verdict
    }

    fn say(&self) -> Vec<String> {
        let mut words = vec![format!(
            "{} SKUs compared with the generator's own ledger of {} accepted orders ({} units, {} paid, {} cancelled).",
            self.skus, self.accepted.orders, self.accepted.units, self.paid.orders, self.cancelled.orders
        )];
        let any =
            |kinds: &[FindingKind]| self.findings.iter().filter(|one| kinds.contains(&one.kind)).count();
        for (kinds, good, bad) in [
            (
                &[
                    FindingKind::LostOrder,
                    FindingKind::NoReport,
                    FindingKind::Contradiction,
                    FindingKind::WrongOrder,
                ][..],
                "Nothing was lost.",
                "Orders were LOST",
            ),
            (
                &[FindingKind::ExtraOrder, FindingKind::DoubledOrder],
                "Nothing was sold twice.",
                "Something was sold TWICE",
            ),
            (
                &[FindingKind::Oversold, FindingKind::LimitBroken],
                "Nothing was oversold.",
                "Units were OVERSOLD",
            ),
            (
                &[
                    FindingKind::Unbalanced,
                    FindingKind::WrongStock,
                    FindingKind::WrongState,
                    FindingKind::WrongAmount,
                ],
                "Every SKU balances.",
                "The counts DO NOT BALANCE",
            ),
        ] {
            match any(kinds) {
                0 => words.push(good.to_owned()),
                count => words.push(format!("{bad}: {count} findings.")),
            }
        }
        if self.read_back > 0 {
            words.push(format!("{} orders were read back one by one.", self.read_back));
        }
        if self.unknown.orders > 0 {
            words.push(format!(
                "{} writes were never answered (connection lost, or still in flight at the end); they may have happened or not, and both are accepted.",
                self.unknown.orders
            ));
        }
        words.push(if self.ok { "The sale adds up." } else { "The sale DOES NOT ADD UP." }.to_owned());
        words
    }
}
