//! What can be asked of a SKU.

use std::sync::Arc;

use crate::{At, CartLine, CartNumber, Enrolment, LineState, OrderNumber, RoomNumber, SkuTerms};

/// A command to one SKU. `S` is how its texts are held: `&str` where it is judged, offsets into a shared
/// buffer while it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<S> {
    /// Create the SKU, or replace its terms. The stock counts only on creation.
    Put {
        /// The new terms.
        terms: Arc<SkuTerms>,
        /// Units for sale, if the SKU is new.
        stock: u32,
    },
    /// Be part of this campaign, with these rules of it; `None`: of none. Nobody outside asks this: it follows from
    /// the documents of campaign and SKU.
    Enrol {
        /// The part.
        enrolment: Option<Arc<Enrolment>>,
    },
    /// Add units, or take unsold ones away.
    Restock {
        /// Request id.
        req: S,
        /// Units to add; negative to take away.
        delta: i64,
        /// The store they are at, if the SKU has stores.
        store: Option<S>,
    },
    /// Move a dynamic price.
    Reprice {
        /// Request id.
        req: S,
        /// The new price of one unit, in minor units.
        price: u64,
    },
    /// Stop selling until resumed.
    Pause,
    /// Sell again.
    Resume,
    /// Hold units for a buyer.
    Reserve {
        /// Request id, per buyer.
        req: S,
        /// Who buys.
        buyer: S,
        /// Units, at least 1.
        qty: u32,
        /// The highest unit price the buyer agrees to, in minor units.
        max_price: Option<u64>,
        /// The coupon to be used.
        coupon: Option<S>,
        /// Where the buyer is, who wants a store nearby. In a box: few commands say so.
        at: Option<Box<At>>,
    },
    /// Hold units for a buyer, who opens a room for others to join.
    OpenRoom {
        /// Request id, per buyer.
        req: S,
        /// Who buys.
        buyer: S,
        /// Units, at least 1.
        qty: u32,
    },
    /// Hold units for a buyer, who joins a room.
    JoinRoom {
        /// The room.
        room: RoomNumber,
        /// Request id, per room and buyer.
        req: S,
        /// Who buys.
        buyer: S,
        /// Units, at least 1.
        qty: u32,
    },
    /// Hold units for a buyer, as a line of a cart. Nobody outside asks this: carts do, once for each line.
    HoldLine {
        /// The cart.
        line: CartLine<S>,
        /// Who buys.
        buyer: S,
        /// Units, at least 1.
        qty: u32,
        /// The coupon to be used.
        coupon: Option<S>,
    },
    /// What became of a line's cart. Nobody outside asks this either.
    SettleLine {
        /// The order.
        order: OrderNumber,
        /// The campaign that the cart is of.
        campaign: S,
        /// The cart.
        cart: CartNumber,
        /// This line's part of the threshold discount, in minor units.
        off: u64,
        /// What became of it.
        state: LineState<S>,
    },
    /// The buyer paid.
    Pay {
        /// The order.
        order: OrderNumber,
        /// Request id, per order.
        req: S,
        /// What was paid, in minor units.
        amount: u64,
        /// The payment's id at whoever took the money.
        payment: S,
    },
    /// The buyer gives the reservation up.
    Cancel {
        /// The order.
        order: OrderNumber,
        /// Request id, per order.
        req: S,
        /// Why, for the record.
        reason: Option<S>,
    },
    /// The money of a paid order goes back.
    Refund {
        /// The order.
        order: OrderNumber,
        /// Request id, per order.
        req: S,
        /// Whether the units are for sale again.
        restock: bool,
    },
    /// Refuse this buyer's reservations.
    Block {
        /// The buyer.
        buyer: S,
    },
    /// Admit the buyer again, with a clean record of lapses.
    Unblock {
        /// The buyer.
        buyer: S,
    },
}

impl<S> Command<S> {
    /// The same command with its texts held another way.
    pub fn map<T>(&self, mut text: impl FnMut(&S) -> T) -> Command<T> {
        match self {
            Self::Put { terms, stock } => Command::Put { terms: Arc::clone(terms), stock: *stock },
            Self::Restock { req, delta, store } => {
                Command::Restock { req: text(req), delta: *delta, store: store.as_ref().map(text) }
            }
            Self::Reprice { req, price } => Command::Reprice { req: text(req), price: *price },
            Self::Pause => Command::Pause,
            Self::Resume => Command::Resume,
            Self::Enrol { enrolment } => Command::Enrol { enrolment: enrolment.clone() },
            Self::Reserve { req, buyer, qty, max_price, coupon, at } => Command::Reserve {
                req: text(req),
                buyer: text(buyer),
                qty: *qty,
                max_price: *max_price,
                coupon: coupon.as_ref().map(text),
                at: at.clone(),
            },
            Self::OpenRoom { req, buyer, qty } => {
                Command::OpenRoom { req: text(req), buyer: text(buyer), qty: *qty }
            }
            Self::JoinRoom { room, req, buyer, qty } => {
                Command::JoinRoom { room: *room, req: text(req), buyer: text(buyer), qty: *qty }
            }
            Self::HoldLine { line, buyer, qty, coupon } => {
                let CartLine { ref campaign, cart, expires_at, shares_coupon } = *line;
                let line = CartLine { campaign: text(campaign), cart, expires_at, shares_coupon };
                let coupon = coupon.as_ref().map(&mut text);
                Command::HoldLine { line, buyer: text(buyer), qty: *qty, coupon }
            }
            Self::SettleLine { order, campaign, cart, off, state } => Command::SettleLine {
                order: *order,
                campaign: text(campaign),
                cart: *cart,
                off: *off,
                state: state.map(text),
            },
            Self::Pay { order, req, amount, payment } => {
                Command::Pay { order: *order, req: text(req), amount: *amount, payment: text(payment) }
            }
            Self::Cancel { order, req, reason } => {
                Command::Cancel { order: *order, req: text(req), reason: reason.as_ref().map(text) }
            }
            Self::Refund { order, req, restock } => {
                Command::Refund { order: *order, req: text(req), restock: *restock }
            }
            Self::Block { buyer } => Command::Block { buyer: text(buyer) },
            Self::Unblock { buyer } => Command::Unblock { buyer: text(buyer) },
        }
    }
}
