//! The type of an entry.

use super::Entry;

impl Entry<'_> {
    /// Its type, one of [`super::TYPES`].
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Reserved(_) | Self::LineReserved { .. } => "order.reserved",
            Self::Paid { .. } => "order.paid",
            Self::RefundDue { .. } | Self::CartOverpaid(_) => "order.refund_due",
            Self::Cancelled { .. } => "order.cancelled",
            Self::Expired { .. } => "order.expired",
            Self::Refunded { .. } => "order.refunded",
            Self::RoomOpened { .. } => "room.opened",
            Self::RoomJoined { .. } => "room.joined",
            Self::RoomSettled { tier: Some(_), .. } => "room.succeeded",
            Self::RoomSettled { tier: None, .. } => "room.failed",
            Self::CouponUsed { .. } | Self::CouponMoved { back: false, .. } | Self::CartCoupon { .. } => {
                "coupon.used"
            }
            Self::CouponMoved { back: true, .. } => "coupon.returned",
            Self::BuyerBlocked(_) | Self::BuyerLapsedOut(_) => "buyer.blocked",
            Self::SkuCreated { .. } => "sku.created",
            Self::Restocked { .. } => "sku.restocked",
            Self::Repriced(_) => "sku.repriced",
            Self::Paused => "sku.paused",
            Self::Resumed => "sku.resumed",
            Self::CampaignPut => "campaign.put",
            Self::Granted(_) => "coupon.granted",
            Self::CartReserved(_) => "cart.reserved",
            Self::CartPaid(_) => "cart.paid",
            Self::CartCancelled(_) => "cart.cancelled",
            Self::CartExpired(_) => "cart.expired",
        }
    }
}
