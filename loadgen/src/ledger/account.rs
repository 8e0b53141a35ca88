//! What was accepted, per SKU.

use std::collections::HashMap;

use super::OrderIds;

/// Orders, their units and their money in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Number of orders.
    pub orders: u64,
    /// Units of those orders.
    pub units: u64,
    /// Money of those orders, in minor units.
    pub money: u64,
}

impl Tally {
    /// Counts one order.
    pub fn add(&mut self, units: u64, money: u64) {
        *self += Self { orders: 1, units, money };
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.orders = self.orders.saturating_add(other.orders);
        self.units = self.units.saturating_add(other.units);
        self.money = self.money.saturating_add(other.money);
    }
}

/// What can be asked about an order, so what can stay unanswered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `ORDER.RESERVE`.
    Reserve,
    /// `ORDER.PAY`.
    Pay,
    /// `ORDER.CANCEL`.
    Cancel,
}

/// An answer that can't be true, given what the server had said before. Only counted, with one example.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contradiction {
    /// How many of this kind there were.
    pub count: u64,
    /// The first of them, in words.
    pub example: String,
}

impl Contradiction {
    fn note(&mut self, example: impl FnOnce() -> String) {
        if self.count == 0 {
            self.example = example();
        }
        self.count += 1;
    }

    fn absorb(&mut self, other: Self) {
        if self.count == 0 {
            self.example = other.example;
        }
        self.count += other.count;
    }
}

/// The account of one SKU.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// The SKU.
    pub sku: String,
    /// The stock that was put.
    pub stock: u64,
    /// The price of a unit, in minor units.
    pub price: u64,
    /// Every reservation that was answered `RESERVED`.
    pub accepted: Tally,
    /// Orders answered `PAID`.
    pub paid: Tally,
    /// Orders answered `CANCELLED` when asked to cancel.
    pub cancelled: Tally,
    /// Orders answered `REFUND_DUE`.
    pub refund_due: Tally,
    /// Reservations whose answer never came: they may or may not exist.
    pub unknown_reserves: Tally,
    /// Payments whose answer never came.
    pub unknown_pays: Tally,
    /// Cancellations whose answer never came.
    pub unknown_cancels: Tally,
    /// Order ids that were given out more than once.
    pub doubled: Contradiction,
    /// Amounts that are not price x quantity.
    pub wrong_amounts: Contradiction,
    /// Answers about the generator's own orders that contradict earlier answers.
    pub contradictions: Contradiction,
    ids: OrderIds,
    /// Units held per buyer; kept only where a limit has to be proven.
    held: Option<HashMap<u32, i64>>,
}

impl Account {
    /// Units that any buyer holds most of, if the account counts by buyer.
    pub fn most_held(&self) -> Option<(u32, i64)> {
        let held = self.held.as_ref()?;
        held.iter().max_by_key(|(buyer, units)| (**units, **buyer)).map(|(buyer, units)| (*buyer, *units))
    }

    /// How many buyers were accepted, if the account counts by buyer.
    pub fn buyers(&self) -> Option<u64> {
        self.held.as_ref().map(|held| held.len() as u64)
    }

    fn hold(&mut self, buyer: u32, units: i64) {
        if let Some(held) = &mut self.held {
            *held.entry(buyer).or_default() += units;
        }
    }
}

/// The accounts of all SKUs of a run, by position.
///
/// Memory: about a bit for each accepted order (see [`OrderIds`]) and, with `by_buyer`, about 24 bytes for each pair
/// of SKU and buyer.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    accounts: Vec<Account>,
}

impl Ledger {
    /// Opens an account for each SKU, given as name, stock and unit price.
    pub fn new(skus: impl IntoIterator<Item = (String, u64, u64)>, by_buyer: bool) -> Self {
        let open = |(sku, stock, price)| Account {
            sku,
            stock,
            price,
            held: by_buyer.then(HashMap::new),
            ..Account::default()
        };
        Self { accounts: skus.into_iter().map(open).collect() }
    }

    /// The accounts, in the order in which they were opened.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Takes down a reservation that was answered `RESERVED`.
    pub fn reserved(&mut self, sku: u32, order: &[u8], buyer: u32, units: u64, amount: u64) {
        let Some(account) = self.accounts.get_mut(sku as usize) else { return };
        if !account.ids.insert(&account.sku, order) {
            account.doubled.note(|| format!("order {} was given out twice", String::from_utf8_lossy(order)));
        }
        let due = account.price.saturating_mul(units);
        if amount != due {
            account
                .wrong_amounts
                .note(|| format!("order {} costs {amount} instead of {due}", String::from_utf8_lossy(order)));
        }
        account.accepted.add(units, amount);
        account.hold(buyer, units as i64);
    }

    /// Takes down a payment that was answered `PAID`.
    pub fn paid(&mut self, sku: u32, units: u64, amount: u64) {
        if let Some(account) = self.accounts.get_mut(sku as usize) {
            account.paid.add(units, amount);
        }
    }

    /// Takes down a payment that was answered `REFUND_DUE`.
    pub fn refund_due(&mut self, sku: u32, units: u64, amount: u64) {
        if let Some(account) = self.accounts.get_mut(sku as usize) {
            account.refund_due.add(units, amount);
        }
    }

    /// Takes down a cancellation that was answered `CANCELLED`.
    pub fn cancelled(&mut self, sku: u32, buyer: u32, units: u64, amount: u64) {
        if let Some(account) = self.accounts.get_mut(sku as usize) {
            account.cancelled.add(units, amount);
            account.hold(buyer, -(units as i64));
        }
    }

    /// Takes down a write whose answer never came, so that may have happened or not.
    pub fn unknown(&mut self, sku: u32, step: Step, buyer: u32, units: u64, amount: u64) {
        let Some(account) = self.accounts.get_mut(sku as usize) else { return };
        match step {
            Step::Reserve => account.unknown_reserves.add(units, amount),
            Step::Pay => account.unknown_pays.add(units, amount),
            Step::Cancel => {
                account.unknown_cancels.add(units, amount);
                // In the buyer's favour: the units may have been given back.
                account.hold(buyer, -(units as i64));
            }
        }
    }

    /// Takes down an answer that can't be true after what was answered before.
    pub fn contradicted(&mut self, sku: u32, example: impl FnOnce() -> String) {
        if let Some(account) = self.accounts.get_mut(sku as usize) {
            account.contradictions.note(example);
        }
    }

    /// Adds the books of another worker on the same SKUs.
    pub fn merge(&mut self, other: Self) {
        for (ours, theirs) in self.accounts.iter_mut().zip(other.accounts) {
            ours.accepted += theirs.accepted;
            ours.paid += theirs.paid;
            ours.cancelled += theirs.cancelled;
            ours.refund_due += theirs.refund_due;
            ours.unknown_reserves += theirs.unknown_reserves;
            ours.unknown_pays += theirs.unknown_pays;
            ours.unknown_cancels += theirs.unknown_cancels;
            ours.wrong_amounts.absorb(theirs.wrong_amounts);
            ours.contradictions.absorb(theirs.contradictions);
            ours.doubled.absorb(theirs.doubled);
            for _ in 0..ours.ids.absorb(&theirs.ids) {
                ours.doubled.note(|| "an order was given out on two connections".to_owned());
            }
            for (buyer, units) in theirs.held.into_iter().flatten() {
                ours.hold(buyer, units);
            }
        }
    }
}
