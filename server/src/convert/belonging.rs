//! What a call is about that belongs to somebody.

use tidegate_engine::{CartId, CartNumber, OrderId, OrderNumber};
use tidegate_protocol::command::Call;

use super::Absent;

/// Something that belongs to a buyer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Belonging {
    /// An order of this SKU.
    Order { sku: Box<str>, number: OrderNumber },
    /// A cart of this campaign.
    Cart { campaign: Box<str>, number: CartNumber },
}

/// The order or cart that a call is about; `None` if it is about none, or the id is none.
pub(crate) fn belonging(call: &Call<'_>) -> Option<Belonging> {
    match call {
        Call::OrderPay { order, .. } | Call::OrderCancel { order, .. } | Call::OrderGet { order } => {
            OrderId::parse(order).map(|id| Belonging::Order { sku: id.sku.into(), number: id.number })
        }
        Call::CartPay { cart, .. } | Call::CartCancel { cart, .. } | Call::CartGet { cart } => {
            CartId::parse(cart).map(|id| Belonging::Cart { campaign: id.campaign.into(), number: id.number })
        }
        _ => None,
    }
}

/// How a call is answered when what it is about is not there.
pub(crate) fn absent(call: &Call<'_>) -> Absent {
    match call {
        Call::OrderGet { .. } | Call::CartGet { .. } => Absent::Nil,
        _ => Absent::NotFound,
    }
}
