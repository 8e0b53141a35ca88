//! Comparing an account with the server's report: pure, and suspicious.

use serde::Serialize;

use super::{Account, OrderState, Report, Tally};

/// What kind of wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The server gave no usable report of a SKU.
    NoReport,
    /// The server knows fewer orders than it accepted.
    LostOrder,
    /// The server knows more orders than anybody asked for.
    ExtraOrder,
    /// An order id was given out twice.
    DoubledOrder,
    /// More units were promised than there are.
    Oversold,
    /// The four stock counts, or counts and orders, do not add up.
    Unbalanced,
    /// The stock is not the one that was put.
    WrongStock,
    /// An order is in a state that no answer led to.
    WrongState,
    /// An amount is not price x quantity.
    WrongAmount,
    /// An answer contradicts an earlier one.
    Contradiction,
    /// A buyer got more than the purchase limit.
    LimitBroken,
    /// An order read back differs from the answer that created it.
    WrongOrder,
}

/// One thing that does not add up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The SKU.
    pub sku: String,
    /// What kind of wrong.
    pub kind: FindingKind,
    /// What was expected and what was found, in words.
    pub text: String,
}

/// Everything that does not add up between what the generator was told and what the server reports.
///
/// Requests whose answer never came widen what is allowed: `unknown` reservations may exist or not.
/// `limit` is the purchase limit, 0 for none.
pub fn check(account: &Account, report: &Report, limit: u64) -> Vec<Finding> {
    let mut check = Check { account, findings: Vec::new() };
    check.stock(report);
    check.orders(report);
    check.states(report);
    check.answers(limit);
    check.findings
}

struct Check<'a> {
    account: &'a Account,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn found(&mut self, kind: FindingKind, text: String) {
        self.findings.push(Finding { sku: self.account.sku.clone(), kind, text });
    }

    fn stock(&mut self, report: &Report) {
        let Report { total, available, reserved, sold, .. } = *report;
        if total != self.account.stock {
            self.found(
                FindingKind::WrongStock,
                format!("{} units were put, total is {total}", self.account.stock),
            );
        }
        if u128::from(available) + u128::from(reserved) + u128::from(sold) != u128::from(total) {
            self.found(
                FindingKind::Unbalanced,
                format!("available {available} + reserved {reserved} + sold {sold} is not total {total}"),
            );
        }
        if !report.balanced {
            self.found(
                FindingKind::Unbalanced,
                "the server itself reports that it is not balanced".to_owned(),
            );
        }
        let held = report.state(OrderState::Reserved).units;
        if held != reserved {
            self.found(
                FindingKind::Unbalanced,
                format!("reserved is {reserved}, but the RESERVED orders hold {held} units"),
            );
        }
        let paid = report.state(OrderState::Paid).units;
        if paid != sold {
            // Nothing is refunded by the generator, so only PAID orders can have sold units.
            self.found(
                FindingKind::Unbalanced,
                format!("sold is {sold}, but the PAID orders have {paid} units"),
            );
        }
        if reserved.saturating_add(sold) > total {
            self.found(
                FindingKind::Oversold,
                format!("reserved {reserved} + sold {sold} is more than total {total}"),
            );
        }
        let account = self.account;
        let given_back = account.cancelled.units + account.refund_due.units + account.unknown_cancels.units;
        let promised = account.accepted.units.saturating_sub(given_back);
        if promised > account.stock {
            self.found(
                FindingKind::Oversold,
                format!("{promised} units were promised to buyers, only {} exist", account.stock),
            );
        }
    }

    fn orders(&mut self, report: &Report) {
        let all = report.all_orders();
        let least = self.account.accepted;
        let mut most = least;
        most += self.account.unknown_reserves;
        for (what, found, least, most) in [
            ("orders", all.orders, least.orders, most.orders),
            ("units", all.units, least.units, most.units),
            ("minor units of money", all.money, least.money, most.money),
        ] {
            if found < least {
                let text =
                    format!("{least} {what} were accepted, the server knows {found}: {} lost", least - found);
                self.found(FindingKind::LostOrder, text);
            } else if found > most {
                let text = format!(
                    "at most {most} {what} can exist, the server has {found}: {} too many",
                    found - most
                );
                self.found(FindingKind::ExtraOrder, text);
            }
        }
    }

    fn states(&mut self, report: &Report) {
        let account = self.account;
        let none = Tally::default();
        let mut still_open = account.accepted;
        for gone in [account.paid, account.cancelled, account.refund_due] {
            subtract(&mut still_open, gone);
        }
        let mut fewest_open = still_open;
        subtract(&mut fewest_open, account.unknown_pays);
        subtract(&mut fewest_open, account.unknown_cancels);
        for (state, least, more) in [
            (OrderState::Reserved, fewest_open, spread(still_open, fewest_open, account.unknown_reserves)),
            (OrderState::Paid, account.paid, account.unknown_pays),
            (OrderState::Cancelled, account.cancelled, account.unknown_cancels),
            (OrderState::Expired, none, none),
            (OrderState::RefundDue, account.refund_due, account.unknown_pays),
            (OrderState::Refunded, none, none),
        ] {
            let found = report.state(state);
            for (what, found, least, more) in [
                ("orders", found.orders, least.orders, more.orders),
                ("units", found.units, least.units, more.units),
                ("minor units of money", found.money, least.money, more.money),
            ] {
                let most = least.saturating_add(more);
                if found < least || found > most {
                    let range = if more == 0 { least.to_string() } else { format!("{least} to {most}") };
                    let text = format!("{range} {what} must be {}, the server has {found}", state.word());
                    self.found(FindingKind::WrongState, text);
                }
            }
        }
    }

    fn answers(&mut self, limit: u64) {
        let account = self.account;
        for (kind, contradiction) in [
            (FindingKind::DoubledOrder, &account.doubled),
            (FindingKind::WrongAmount, &account.wrong_amounts),
            (FindingKind::Contradiction, &account.contradictions),
        ] {
            if contradiction.count > 0 {
                self.found(kind, format!("{} times, first: {}", contradiction.count, contradiction.example));
            }
        }
        if let Some((buyer, units)) = account.most_held()
            && limit > 0
            && units > i64::try_from(limit).unwrap_or(i64::MAX)
        {
            self.found(
                FindingKind::LimitBroken,
                format!("buyer {buyer} holds {units} units, the limit is {limit}"),
            );
        }
    }
}

fn subtract(from: &mut Tally, other: Tally) {
    from.orders = from.orders.saturating_sub(other.orders);
    from.units = from.units.saturating_sub(other.units);
    from.money = from.money.saturating_sub(other.money);
}

/// How far the open orders may exceed the fewest: what is open unless an unknown payment or cancellation happened,
/// and the unknown reservations.
fn spread(still_open: Tally, fewest_open: Tally, unknown_reserves: Tally) -> Tally {
    let mut more = still_open;
    subtract(&mut more, fewest_open);
    more += unknown_reserves;
    more
}
