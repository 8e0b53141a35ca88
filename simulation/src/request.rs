//! What a client sends: a question that was made concrete, and is sent again word for word.

use tidegate_actors::{Body, CartRequest};
use tidegate_engine::{CampaignCommand, CartNumber, Command, CouponCode, OrderNumber, RoomNumber, Trigger};

use crate::sale::{BEHAVIOUR, SKUS, STORES, before_store};

/// A request. The same each time it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) what: What,
}

/// What is wanted. SKUs go by their numbers.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Reserve {
        sku: usize,
        buyer: String,
        qty: u32,
        coupon: Option<String>,
        /// No unit for more than this.
        max_price: Option<u64>,
        /// At a store near this one; from no other, if that is said.
        near: Option<(usize, bool)>,
    },
    Open {
        sku: usize,
        buyer: String,
    },
    Join {
        sku: usize,
        room: u32,
        buyer: String,
    },
    Pay {
        sku: usize,
        order: u32,
        amount: u64,
        payment: String,
    },
    Cancel {
        sku: usize,
        order: u32,
    },
    Refund {
        sku: usize,
        order: u32,
        restock: bool,
    },
    Restock {
        sku: usize,
        delta: i64,
        store: Option<usize>,
    },
    Reprice {
        sku: usize,
        price: u64,
    },
    Pause {
        sku: usize,
    },
    Resume {
        sku: usize,
    },
    Block {
        sku: usize,
        buyer: String,
    },
    Unblock {
        sku: usize,
        buyer: String,
    },
    Trigger {
        buyer: String,
        code: u128,
    },
    Cart {
        buyer: String,
        lines: Vec<(usize, u32)>,
        coupon: Option<String>,
    },
    PayCart {
        cart: u32,
        amount: u64,
        payment: String,
    },
    CancelCart {
        cart: u32,
    },
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Sku(usize),
    Campaign,
    Group(usize),
}

impl Request {
    pub(crate) fn whom(&self) -> Whom {
        match &self.what {
            What::Reserve { sku, .. }
            | What::Open { sku, .. }
            | What::Join { sku, .. }
            | What::Pay { sku, .. }
            | What::Cancel { sku, .. }
            | What::Refund { sku, .. }
            | What::Restock { sku, .. }
            | What::Reprice { sku, .. }
            | What::Pause { sku }
            | What::Resume { sku }
            | What::Block { sku, .. }
            | What::Unblock { sku, .. } => Whom::Sku(*sku),
            What::Trigger { .. } | What::Cart { .. } | What::PayCart { .. } | What::CancelCart { .. } => {
                Whom::Campaign
            }
        }
    }

    /// Adds it to a message.
    pub(crate) fn push(&self, body: &mut Body) {
        let req = &*self.id;
        match &self.what {
            What::Reserve { buyer, qty, coupon, max_price, near, .. } => {
                let (qty, max_price, coupon) = (*qty, *max_price, coupon.as_deref());
                let at = near.map(|(store, within)| Box::new(before_store(store, within)));
                body.push_command(&Command::Reserve { req, buyer, qty, max_price, coupon, at });
            }
            What::Open { buyer, .. } => body.push_command(&Command::OpenRoom { req, buyer, qty: 1 }),
            What::Join { room, buyer, .. } => {
                body.push_command(&Command::JoinRoom { room: RoomNumber(*room), req, buyer, qty: 1 });
            }
            What::Pay { order, amount, payment, .. } => {
                let (order, amount) = (OrderNumber(*order), *amount);
                body.push_command(&Command::Pay { order, req, amount, payment });
            }
            What::Cancel { order, .. } => {
                body.push_command(&Command::Cancel { order: OrderNumber(*order), req, reason: None });
            }
            What::Refund { order, restock, .. } => {
                body.push_command(&Command::Refund { order: OrderNumber(*order), req, restock: *restock });
            }
            What::Restock { delta, store, .. } => {
                let store = store.map(|store| STORES[store]);
                body.push_command(&Command::Restock { req, delta: *delta, store });
            }
            What::Reprice { price, .. } => body.push_command(&Command::Reprice { req, price: *price }),
            What::Pause { .. } => body.push_command(&Command::Pause),
            What::Resume { .. } => body.push_command(&Command::Resume),
            What::Block { buyer, .. } => body.push_command(&Command::Block { buyer }),
            What::Unblock { buyer, .. } => body.push_command(&Command::Unblock { buyer }),
            What::Trigger { buyer, code } => {
                let code = CouponCode::new(*code);
                body.push_campaign(&CampaignCommand::Trigger(Trigger { req, buyer, event: BEHAVIOUR, code }));
            }
            What::Cart { buyer, lines, coupon } => body.push_cart(&CartRequest {
                req,
                buyer,
                lines: lines.iter().map(|(sku, qty)| (SKUS[*sku], *qty)).collect(),
                coupon: coupon.as_deref(),
            }),
            What::PayCart { cart, amount, payment } => {
                let (cart, amount) = (CartNumber(*cart), *amount);
                body.push_campaign(&CampaignCommand::PayCart { cart, req, amount, payment });
            }
            What::CancelCart { cart } => {
                body.push_campaign(&CampaignCommand::CancelCart { cart: CartNumber(*cart), req });
            }
        }
    }
}
