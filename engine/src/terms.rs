//! The terms a SKU is sold on: what the admin's document says, apart from the stock.

use crate::{Currency, Fulfilment, GroupBuy, Millis, Price, Store, Window};

/// The terms of one SKU. Replaced as a whole by a later document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkuTerms {
    /// What buyers see.
    pub title: Box<str>,
    /// The currency of every price and amount of this SKU.
    pub currency: Currency,
    /// How the price is found.
    pub price: Price,
    /// Reserving is possible from here on. `None`: at once.
    pub starts_at: Option<Millis>,
    /// Reserving is possible until just before this. `None`: no end.
    pub ends_at: Option<Millis>,
    /// Units that one buyer may hold or have bought, over all orders.
    pub per_buyer_limit: Option<u32>,
    /// Units in one order.
    pub per_order_limit: Option<u32>,
    /// How long a reservation is held for its buyer, in milliseconds.
    pub hold_ms: u32,
    /// What happens to a payment that arrives after the hold.
    pub late_payment: LatePayment,
    /// After this many reservations that ended unpaid, the buyer is blocked.
    pub max_lapses: Option<u32>,
    /// Who may buy, sorted; `None`: everybody.
    pub allow: Option<Box<[Box<str>]>>,
    /// How it is sold to groups, if it is.
    pub group_buy: Option<GroupBuy>,
    /// What each paid unit comes with. Fixed when the SKU is created: in later terms, `None` stands for what it was.
    pub fulfilment: Option<Fulfilment>,
    /// The campaign that it is part of, if it says so itself: a campaign may name it instead.
    pub campaign: Option<Box<str>>,
    /// The stores that its units are at; `None`: it is sold from nowhere in particular. Whether there are any is fixed
    /// when the SKU is created.
    pub stores: Option<Box<[Store]>>,
    /// Grams of carbon dioxide that a unit stands for, if that is known.
    pub carbon_g: Option<u32>,
}

/// What happens to a payment that arrives after the reservation expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LatePayment {
    /// The units are claimed again if they are still there; otherwise the money is due back.
    #[default]
    Reacquire,
    /// The money is due back.
    Refund,
}

impl SkuTerms {
    /// Terms with nothing but what every SKU has: for sale at any time, to anybody, in any number, held for ten
    /// minutes.
    #[must_use]
    pub fn new(title: &str, currency: Currency, price: Price) -> Self {
        Self {
            title: title.into(),
            currency,
            price,
            starts_at: None,
            ends_at: None,
            per_buyer_limit: None,
            per_order_limit: None,
            hold_ms: 600_000,
            late_payment: LatePayment::default(),
            max_lapses: None,
            allow: None,
            group_buy: None,
            fulfilment: None,
            campaign: None,
            stores: None,
            carbon_g: None,
        }
    }

    /// When the SKU is for sale, as far as it says itself.
    #[must_use]
    pub fn window(&self) -> Window {
        Window { starts_at: self.starts_at, ends_at: self.ends_at }
    }

    /// Whether the allow list, if there is one, names this buyer.
    #[must_use]
    pub fn admits(&self, buyer: &str) -> bool {
        self.allow.as_ref().is_none_or(|list| list.binary_search_by(|b| (**b).cmp(buyer)).is_ok())
    }
}
