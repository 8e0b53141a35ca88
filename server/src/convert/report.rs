//! The books of a SKU, or of a campaign: the sums over its SKUs.

use tidegate_actors::RejectionCounts;
use tidegate_engine::{OrderState, Report};
use tidegate_protocol::reply::{ByOrderState, ReportMap, ReportOf};
use tidegate_protocol::resp::Writer;
use tidegate_protocol::status::{self, Status};

use super::reply::{order_state, rejected};

/// Sums of reports.
#[derive(Debug)]
pub(crate) struct Books {
    total: u64,
    available: u64,
    reserved: u64,
    sold: u64,
    orders: ByOrderState,
    units: ByOrderState,
    money: ByOrderState,
    currency: Option<String>,
    /// By status.
    rejections: [u64; Status::ALL.len()],
    first_sale_at: Option<u64>,
    last_sale_at: Option<u64>,
    first_time_buyers: u64,
    balanced: bool,
    /// Of a SKU: ids and the four counts of its stores.
    stores: Vec<(Box<str>, [u64; 4])>,
}

impl Default for Books {
    fn default() -> Self {
        Self {
            total: 0,
            available: 0,
            reserved: 0,
            sold: 0,
            orders: ByOrderState::default(),
            units: ByOrderState::default(),
            money: ByOrderState::default(),
            currency: None,
            rejections: [0; Status::ALL.len()],
            first_sale_at: None,
            last_sale_at: None,
            first_time_buyers: 0,
            balanced: true,
            stores: Vec::new(),
        }
    }
}

impl Books {
    /// Adds a SKU's report and its rejections since the start.
    pub(crate) fn add(&mut self, report: &Report, rejections: &RejectionCounts) {
        let stock = report.stock;
        self.total += u64::from(stock.total());
        self.available += u64::from(stock.available());
        self.reserved += u64::from(stock.reserved());
        self.sold += u64::from(stock.sold());
        for state in OrderState::ALL {
            let at = order_state(state).index();
            self.orders[at] += report.tally.orders(state);
            self.units[at] += report.tally.units(state);
            // The largest integer of the wire stands for sums beyond it.
            let money = u64::try_from(report.tally.money(state)).unwrap_or(u64::MAX);
            self.money[at] = self.money[at].saturating_add(money);
        }
        self.currency.get_or_insert_with(|| report.currency.code().to_owned());
        for (rejection, count) in rejections.iter() {
            self.rejections[rejected(rejection).status().index()] += count;
        }
        self.first_sale_at = self.first_sale_at.into_iter().chain(report.first_sale_at.map(|at| at.0)).min();
        self.last_sale_at = self.last_sale_at.into_iter().chain(report.last_sale_at.map(|at| at.0)).max();
        self.first_time_buyers += report.first_time_buyers;
        self.balanced &= report.balanced;
    }

    /// Adds the counts of a SKU's stores.
    pub(crate) fn add_stores(&mut self, report: &Report) {
        self.stores.extend(report.stores.iter().map(|store| {
            let stock = store.stock;
            let counts = [stock.total(), stock.available(), stock.reserved(), stock.sold()];
            (store.id.clone(), counts.map(u64::from))
        }));
    }

    /// Buyers over all SKUs: whoever bought several is one.
    pub(crate) fn set_buyers(&mut self, buyers: u64) {
        self.first_time_buyers = buyers;
    }

    pub(crate) fn write(&self, of: ReportOf<'_>, writer: &mut Writer<'_>) {
        let counts = status::Status::ALL.iter().copied().zip(self.rejections);
        let rejections: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
        let stores: Vec<(&str, [u64; 4])> = self.stores.iter().map(|(id, counts)| (&**id, *counts)).collect();
        let map = ReportMap {
            of,
            total: self.total,
            available: self.available,
            reserved: self.reserved,
            sold: self.sold,
            orders: self.orders,
            units: self.units,
            money: self.money,
            currency: self.currency.as_deref(),
            rejections: &rejections,
            first_sale_at: self.first_sale_at,
            last_sale_at: self.last_sale_at,
            first_time_buyers: self.first_time_buyers,
            balanced: self.balanced,
            stores: &stores,
        };
        map.write(writer);
    }
}
