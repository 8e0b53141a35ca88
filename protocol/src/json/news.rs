//! What pushes show and how they call what happened, for whoever writes them and whoever describes them.

/// The fields of a SKU that are told when its price changes.
pub const PRICE_FIELDS: [&str; 6] = ["sku", "state", "price", "currency", "next_price", "next_price_at"];

/// The fields of a SKU that are told when its stock changes.
pub const STOCK_FIELDS: [&str; 6] = ["sku", "state", "total", "available", "reserved", "sold"];

/// What happens to a room.
pub const ROOM_EVENTS: [&str; 6] =
    ["room.opened", "room.joined", "room.paid", "room.left", "room.succeeded", "room.failed"];

/// What happens to an order.
pub const ORDER_EVENTS: [&str; 6] = [
    "order.reserved",
    "order.paid",
    "order.cancelled",
    "order.expired",
    "order.refund_due",
    "order.refunded",
];

/// What happens to a cart.
pub const CART_EVENTS: [&str; 4] = ["cart.reserved", "cart.paid", "cart.cancelled", "cart.expired"];

/// Why money of an order is due back: its payment could not be applied, its room came to a cheaper tier, or to nothing.
pub const REFUND_REASONS: [&str; 3] = ["payment", "tier", "room"];
