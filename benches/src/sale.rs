//! One SKU on sale, and turns of one command each.

use std::sync::Arc;

use anyhow::{Context, Result};
use tidegate_engine::{
    Answer, Command, Currency, GroupBuy, Limits, MAX_STOCK, Millis, NoChange, OrderNumber, Price, RoomNumber,
    SkuState, SkuTerms, Tier,
};

use crate::Id;

/// The price of a unit.
pub const PRICE: u64 = 599_900;

const BUYER: u8 = 0;
const REQUEST: u8 = 1;
const PAYMENT: u8 = 2;

/// Buyers beyond this number join rooms.
const JOINERS: u64 = 1_000_000_000;

/// A SKU of which every order is one unit of another buyer's.
#[derive(Debug)]
pub struct Sale {
    state: SkuState,
    now: Millis,
    limits: Limits,
}

impl Sale {
    /// A SKU with this stock, reserved down by so many orders. Buyers are numbered as their orders are, from 1.
    ///
    /// # Errors
    /// When the engine does not sell, which is a defect.
    pub fn with_orders(stock: u32, orders: u32) -> Result<Self> {
        Self::with_terms(stock, orders, |_| {})
    }

    /// A SKU with as much stock as there can be, sold to groups of up to ten too.
    ///
    /// # Errors
    /// As [`Sale::with_orders`].
    pub fn in_rooms() -> Result<Self> {
        Self::with_terms(MAX_STOCK, 0, |terms| {
            let tier = |members, percent_off| Tier { members, percent_off };
            let tiers = [tier(2, 10), tier(5, 20), tier(10, 30)].into();
            terms.group_buy = Some(GroupBuy { tiers, ttl_ms: 86_400_000 });
        })
    }

    fn with_terms(stock: u32, orders: u32, adjust: impl FnOnce(&mut SkuTerms)) -> Result<Self> {
        let currency = Currency::new("GBP").context("a currency")?;
        let mut terms = SkuTerms {
            per_buyer_limit: Some(2),
            per_order_limit: Some(2),
            ..SkuTerms::new("Phone", currency, Price::Fixed(PRICE))
        };
        adjust(&mut terms);
        let terms = Arc::new(terms);
        let now = Millis(1_700_000_000_000);
        let mut sale = Self { state: SkuState::new(42), now, limits: Limits::default() };
        sale.turn(&Command::Put { terms, stock }).map_err(refusal)?;
        for order in 1..=orders {
            sale.reserve(order).map_err(refusal)?;
        }
        Ok(sale)
    }

    /// A SKU with as much stock as there can be.
    ///
    /// # Errors
    /// As [`Sale::with_orders`].
    pub fn endless(orders: u32) -> Result<Self> {
        Self::with_orders(MAX_STOCK, orders)
    }

    /// One turn: decide, and apply what was decided.
    ///
    /// # Errors
    /// What the engine says when nothing changes.
    pub fn turn(&mut self, command: &Command<&str>) -> Result<Answer, NoChange> {
        let change = self.state.decide(command, self.now, &self.limits)?;
        for event in &change.events {
            let applied = self.state.apply(event, self.now);
            debug_assert_eq!(applied, Ok(()));
        }
        Ok(change.answer)
    }

    /// The buyer of this number reserves a unit.
    ///
    /// # Errors
    /// As [`Sale::turn`].
    pub fn reserve(&mut self, buyer: u32) -> Result<Answer, NoChange> {
        let number = u64::from(buyer);
        let (req, buyer) = (Id::new(REQUEST, number), Id::new(BUYER, number));
        self.turn(&Command::Reserve {
            req: req.text(),
            buyer: buyer.text(),
            qty: 1,
            max_price: None,
            coupon: None,
            at: None,
        })
    }

    /// The buyer of this number opens a room, which gets the same number.
    ///
    /// # Errors
    /// As [`Sale::turn`].
    pub fn open(&mut self, buyer: u32) -> Result<Answer, NoChange> {
        let number = u64::from(buyer);
        let (req, buyer) = (Id::new(REQUEST, number), Id::new(BUYER, number));
        self.turn(&Command::OpenRoom { req: req.text(), buyer: buyer.text(), qty: 1 })
    }

    /// A buyer that was not there before joins the room of this number.
    ///
    /// # Errors
    /// As [`Sale::turn`].
    pub fn join(&mut self, room: u32) -> Result<Answer, NoChange> {
        let number = JOINERS + u64::from(room);
        let (req, buyer) = (Id::new(REQUEST, number), Id::new(BUYER, number));
        let room = RoomNumber(room);
        self.turn(&Command::JoinRoom { room, req: req.text(), buyer: buyer.text(), qty: 1 })
    }

    /// The order of this number is paid.
    ///
    /// # Errors
    /// As [`Sale::turn`].
    pub fn pay(&mut self, order: u32) -> Result<Answer, NoChange> {
        let (req, payment) = (Id::new(REQUEST, u64::from(order)), Id::new(PAYMENT, u64::from(order)));
        let (req, payment) = (req.text(), payment.text());
        self.turn(&Command::Pay { order: OrderNumber(order), req, amount: PRICE, payment })
    }

    /// The order of this number is given up.
    ///
    /// # Errors
    /// As [`Sale::turn`].
    pub fn cancel(&mut self, order: u32) -> Result<Answer, NoChange> {
        let req = Id::new(REQUEST, u64::from(order));
        self.turn(&Command::Cancel { order: OrderNumber(order), req: req.text(), reason: None })
    }
}

fn refusal(no: NoChange) -> anyhow::Error {
    anyhow::anyhow!("the engine does not sell: {no:?}")
}
