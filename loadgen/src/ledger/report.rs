//! What the server says about a SKU: its `REPORT`.

use tidegate_protocol::resp::Value;

use super::Tally;

/// The states of an order, as `REPORT` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderState {
    /// Units are held.
    Reserved,
    /// Paid.
    Paid,
    /// Cancelled before it was paid.
    Cancelled,
    /// Not paid in time.
    Expired,
    /// Paid, but the money has to go back.
    RefundDue,
    /// The money went back.
    Refunded,
}

impl OrderState {
    /// Every state, in the order of their discriminants.
    pub const ALL: [Self; 6] =
        [Self::Reserved, Self::Paid, Self::Cancelled, Self::Expired, Self::RefundDue, Self::Refunded];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reserved => "RESERVED",
            Self::Paid => "PAID",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
            Self::RefundDue => "REFUND_DUE",
            Self::Refunded => "REFUNDED",
        }
    }
}

/// A SKU's `REPORT`, as far as the ledger compares it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Units put and restocked.
    pub total: u64,
    /// Units free.
    pub available: u64,
    /// Units held.
    pub reserved: u64,
    /// Units sold.
    pub sold: u64,
    /// Orders, units and money by [`OrderState`].
    pub states: [Tally; 6],
    /// Whether the server itself finds that the counts add up.
    pub balanced: bool,
}

impl Report {
    /// Reads the reply of `REPORT sku`. The error names the field that is missing or has the wrong type.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        let count = |map: &Value, field: &str| {
            map.get(field)
                .and_then(Value::as_int)
                .and_then(|number| u64::try_from(number).ok())
                .ok_or_else(|| format!("the report has no count '{field}'"))
        };
        let mut report = Self {
            total: count(value, "total")?,
            available: count(value, "available")?,
            reserved: count(value, "reserved")?,
            sold: count(value, "sold")?,
            balanced: matches!(value.get("balanced"), Some(Value::Integer(1) | Value::Bool(true))),
            states: [Tally::default(); 6],
        };
        let part = |field: &str| value.get(field).ok_or_else(|| format!("the report has no map '{field}'"));
        let (orders, units, money) = (part("orders")?, part("units")?, part("money")?);
        for state in OrderState::ALL {
            report.states[state as usize] = Tally {
                orders: count(orders, state.word())?,
                units: count(units, state.word())?,
                money: count(money, state.word())?,
            };
        }
        Ok(report)
    }

    /// The tally of one state.
    pub fn state(&self, state: OrderState) -> Tally {
        self.states[state as usize]
    }

    /// All orders, whatever became of them.
    pub fn all_orders(&self) -> Tally {
        let mut all = Tally::default();
        for tally in self.states {
            all += tally;
        }
        all
    }
}
