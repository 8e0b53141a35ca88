//! Running counts by order state: the second set of books, which must agree with the stock.

use crate::orders::OrderState;
use crate::stock::Stock;

/// Orders, units and money by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    orders: [u64; 6],
    units: [u64; 6],
    money: [u128; 6],
    /// Units of REFUNDED and REFUND_DUE orders that did not return.
    kept: u64,
}

impl Tally {
    /// How many orders are in this state.
    #[must_use]
    pub fn orders(&self, state: OrderState) -> u64 {
        self.orders[state as usize]
    }

    /// How many units the orders in this state were for.
    #[must_use]
    pub fn units(&self, state: OrderState) -> u64 {
        self.units[state as usize]
    }

    /// What the orders in this state amount to, in minor units.
    #[must_use]
    pub fn money(&self, state: OrderState) -> u128 {
        self.money[state as usize]
    }

    /// Whether the books agree: the stock adds up, `reserved` is the units of RESERVED orders, and `sold` those
    /// of PAID orders and of refunded ones whose units did not return.
    #[must_use]
    pub fn balances(&self, stock: &Stock) -> bool {
        let [available, reserved, sold] = [stock.available(), stock.reserved(), stock.sold()].map(u64::from);
        available + reserved + sold == u64::from(stock.total())
            && reserved == self.units(OrderState::Reserved)
            && sold == self.units(OrderState::Paid) + self.kept
    }

    pub(crate) fn enter(&mut self, state: OrderState, qty: u32, amount: u64) {
        self.orders[state as usize] += 1;
        self.units[state as usize] += u64::from(qty);
        self.money[state as usize] += u128::from(amount);
    }

    pub(crate) fn leave(&mut self, state: OrderState, qty: u32, amount: u64) {
        let at = state as usize;
        self.orders[at] = self.orders[at].saturating_sub(1);
        self.units[at] = self.units[at].saturating_sub(u64::from(qty));
        self.money[at] = self.money[at].saturating_sub(u128::from(amount));
    }

    pub(crate) fn keep_units(&mut self, qty: u32) {
        self.kept += u64::from(qty);
    }

    pub(crate) fn return_units(&mut self, qty: u32) {
        self.kept = self.kept.saturating_sub(u64::from(qty));
    }
}
