//! What happens to a campaign.

use std::sync::Arc;

use super::{CampaignTerms, CartPayment, NewCart};
use crate::{Answer, CartNumber, CouponCode, Millis, Request};

/// What happened to a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CampaignEvent<'a> {
    /// It came to be, or its terms were replaced.
    Put {
        /// The terms.
        terms: Arc<CampaignTerms>,
    },
    /// A buyer was granted a coupon.
    Granted(Granted<'a>),
    /// A request was accepted that found its coupon granted already.
    Noted {
        /// The request that asked for it.
        req: &'a str,
        /// Whose.
        buyer: &'a str,
        /// What the coupon was granted for.
        event: &'a str,
    },
    /// A cart came to be: all its lines are held. Until this, they are nobody's.
    CartReserved(Box<NewCart<&'a str>>),
    /// A line of the cart that just came to be stands with it. There is one for each.
    LineStands {
        /// The cart.
        cart: CartNumber,
        /// Its place among the lines, from 0.
        line: u32,
    },
    /// The cart that just came to be uses a coupon.
    CartCoupon {
        /// The cart.
        cart: CartNumber,
        /// The coupon.
        code: CouponCode,
    },
    /// A cart was paid.
    CartPaid(CartPayment<'a>),
    /// A payment for a cart came too late: its money is due back, to each line its part.
    CartRefundDue(CartPayment<'a>),
    /// A payment for a cart that was paid or ended otherwise: its money is due back, and no line hears of it.
    CartOverpaid(CartPayment<'a>),
    /// A cart was given up.
    CartCancelled {
        /// The cart.
        cart: CartNumber,
        /// The request that asked for it.
        request: Request<'a>,
    },
    /// A cart's hold ran out.
    CartExpired {
        /// The cart.
        cart: CartNumber,
    },
    /// A request was accepted that found its work already done.
    CartNoted {
        /// The cart.
        cart: CartNumber,
        /// The request.
        request: Request<'a>,
        /// The answer it got.
        answer: Answer,
    },
}

/// The grant of a coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted<'a> {
    /// The request that asked for it.
    pub req: &'a str,
    /// Who may use it.
    pub buyer: &'a str,
    /// The coupon.
    pub grant: Grant,
}

/// A coupon as it was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its code.
    pub code: CouponCode,
    /// What it was granted for.
    pub event: Box<str>,
    /// What it takes off, in percent.
    pub percent_off: u8,
    /// It can be used until just before this.
    pub expires_at: Millis,
}
