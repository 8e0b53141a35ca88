//! Lines of carts: orders of a SKU that only their cart may pay or end.

use crate::orders::{Order, OrderState};
use crate::sku::Sku;
use crate::tables::ByOrder;
use crate::{CartNumber, Contradiction, Millis, OrderNumber};

/// How long the queues say that a line is held: its cart ends it, not the SKU's clock. No document can ask for as
/// long.
pub(crate) const HELD_BY_CART: u32 = u32::MAX;

/// What makes an order a line of a cart. `S` is how its text is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CartLine<S> {
    /// The campaign that the cart is of.
    pub campaign: S,
    /// The cart.
    pub cart: CartNumber,
    /// When the cart's hold ends.
    pub expires_at: Millis,
    /// The coupon that it uses is taken up by another line of the same cart.
    pub shares_coupon: bool,
}

/// What became of a cart, told to one of its lines. A line is told as often as need be: being told again changes
/// nothing, and neither does being told what was true before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState<S> {
    /// The cart stands.
    Reserved,
    /// It was paid.
    Paid {
        /// The payment's id.
        payment: S,
    },
    /// It did not come to be: another line could not be held.
    Withdrawn,
    /// It was given up.
    Cancelled,
    /// Its hold ran out.
    Expired,
    /// Its hold ran out, and money came after that.
    RefundDue {
        /// The payment's id.
        payment: S,
    },
}

/// How a line ended unpaid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// Its cart did not come to be. That is no lapse of the buyer.
    Withdrawn,
    /// The cart was given up.
    Cancelled,
    /// The cart's hold ran out.
    Expired,
}

impl LineEnd {
    pub(crate) fn state(self) -> OrderState {
        match self {
            Self::Withdrawn | Self::Cancelled => OrderState::Cancelled,
            Self::Expired => OrderState::Expired,
        }
    }
}

impl<S> LineState<S> {
    /// The same with its texts held another way.
    pub fn map<'s, T>(&'s self, text: impl FnOnce(&'s S) -> T) -> LineState<T> {
        match self {
            Self::Reserved => LineState::Reserved,
            Self::Paid { payment } => LineState::Paid { payment: text(payment) },
            Self::Withdrawn => LineState::Withdrawn,
            Self::Cancelled => LineState::Cancelled,
            Self::Expired => LineState::Expired,
            Self::RefundDue { payment } => LineState::RefundDue { payment: text(payment) },
        }
    }
}

/// A line as its SKU knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkuLine<'a> {
    /// The order.
    pub order: OrderNumber,
    /// What became of it.
    pub state: OrderState,
    /// The campaign that the cart is of.
    pub campaign: &'a str,
    /// The cart.
    pub cart: CartNumber,
    /// This line's part of the threshold discount, in minor units.
    pub off: u64,
}

impl SkuLine<'_> {
    /// Whether being told this may change anything about it.
    #[must_use]
    pub fn is_news<S>(&self, state: &LineState<S>, off: u64) -> bool {
        match (self.state, state) {
            (OrderState::Reserved, LineState::Reserved) => self.off != off,
            (OrderState::Reserved, _) | (OrderState::Expired, LineState::RefundDue { .. }) => true,
            _ => false,
        }
    }
}

/// A line as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineRow {
    /// Position of the campaign's name.
    campaign: u16,
    pub(crate) shares_coupon: bool,
    pub(crate) cart: CartNumber,
    pub(crate) expires_at: Millis,
    /// This line's part of the threshold discount, in minor units.
    pub(crate) off: u64,
}

/// All lines of a SKU.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    rows: ByOrder<LineRow>,
    /// Names of campaigns: few.
    campaigns: Vec<Box<str>>,
}

impl Lines {
    pub(crate) fn get(&self, order: OrderNumber) -> Option<&LineRow> {
        self.rows.get(order)
    }

    pub(crate) fn get_mut(&mut self, order: OrderNumber) -> Option<&mut LineRow> {
        self.rows.get_mut(order)
    }

    pub(crate) fn campaign(&self, row: &LineRow) -> &str {
        self.campaigns.get(usize::from(row.campaign)).map_or("", |name| name)
    }

    /// Adds a line, or `None` if it is not of the latest order or of one campaign too many.
    pub(crate) fn add(&mut self, order: OrderNumber, line: &CartLine<&str>) -> Option<()> {
        let known = self.campaigns.iter().position(|name| &**name == line.campaign);
        let campaign = u16::try_from(known.unwrap_or(self.campaigns.len())).ok()?;
        if known.is_none() {
            self.campaigns.push(line.campaign.into());
        }
        let CartLine { cart, expires_at, shares_coupon, .. } = *line;
        self.rows.add(order, LineRow { campaign, shares_coupon, cart, expires_at, off: 0 })
    }

    /// Each line with the part of the threshold discount that it has.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (OrderNumber, CartLine<&str>, u64)> {
        self.rows.iter().map(|(order, row)| {
            let LineRow { shares_coupon, cart, expires_at, off, .. } = *row;
            (*order, CartLine { campaign: self.campaign(row), cart, expires_at, shares_coupon }, off)
        })
    }
}

impl Sku {
    /// Each line of a cart, in the order of reservation. Walks all of them.
    pub fn lines(&self) -> impl Iterator<Item = SkuLine<'_>> {
        self.lines.iter().filter_map(|(order, line, off)| {
            let state = self.orders.get(order)?.state;
            Some(SkuLine { order, state, campaign: line.campaign, cart: line.cart, off })
        })
    }

    pub(crate) fn is_line(&self, order: Order<'_>) -> bool {
        order.hold_ms() == HELD_BY_CART
    }

    /// Gives a line its part of the threshold discount, in the books too.
    pub(crate) fn set_line_off(&mut self, number: OrderNumber, off: u64) -> Result<(), Contradiction> {
        let wrong = Contradiction::Order(number);
        let order = self.orders.get(number).ok_or(wrong)?;
        let (state, qty, before) = (order.state, order.qty, self.due(number, order));
        self.lines.get_mut(number).ok_or(wrong)?.off = off;
        let after = self.due(number, self.orders.get(number).ok_or(wrong)?);
        self.tally.leave(state, qty, before);
        self.tally.enter(state, qty, after);
        Ok(())
    }
}
