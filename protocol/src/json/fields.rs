//! The fields of replies in JSON: what each holds, declared once for whoever makes JSON and whoever describes it.

use crate::document::Discount;
use crate::status::{CampaignState, OrderState, RoomState, SkuState, Status};

/// One field of an object.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) presence: Presence,
}

/// Whether a field has a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    /// It is there, and may be null.
    Nullable,
    /// It may be missing.
    Sometimes,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// What people read.
    Text,
    /// The name of a SKU, a campaign or a store.
    Name,
    /// An id that a caller gave.
    Id,
    /// An id that the server gave.
    Key,
    /// A whole number, zero or more.
    Whole,
    /// RFC 3339 with milliseconds.
    Time,
    /// True or false. In RESP 1 or 0.
    Truth,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of such.
    List(&'static Shape),
    /// An object of these fields. In RESP an array of their values.
    Entry(&'static [Field]),
    /// A number for each of these words; for all of them, or for some.
    Numbers(&'static [&'static str], Coverage),
}

/// For how many of the words there is a number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coverage {
    All,
    Some,
}

const fn always(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, presence: Presence::Always }
}

const fn nullable(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, presence: Presence::Nullable }
}

const fn sometimes(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, presence: Presence::Sometimes }
}

const fn list_of(entry: &'static Shape) -> Shape {
    Shape::List(entry)
}

const SKU: &[Field] = &[
    always("sku", Shape::Name),
    always("title", Shape::Text),
    always("state", Shape::Word(SkuState::WORDS)),
    always("price", Shape::Whole),
    always("currency", Shape::Text),
    nullable("next_price", Shape::Whole),
    nullable("next_price_at", Shape::Time),
    always("total", Shape::Whole),
    always("available", Shape::Whole),
    always("reserved", Shape::Whole),
    always("sold", Shape::Whole),
    nullable("starts_at", Shape::Time),
    nullable("ends_at", Shape::Time),
    always("seq", Shape::Whole),
    sometimes("stores", list_of(&Shape::Entry(STORE))),
];

const STORE: &[Field] = &[always("id", Shape::Name), always("available", Shape::Whole)];

const ORDER: &[Field] = &[
    always("order", Shape::Key),
    always("state", Shape::Word(OrderState::WORDS)),
    always("sku", Shape::Name),
    always("buyer", Shape::Id),
    always("qty", Shape::Whole),
    always("unit_price", Shape::Whole),
    always("amount", Shape::Whole),
    always("currency", Shape::Text),
    always("discounts", list_of(&Shape::Entry(DISCOUNT))),
    always("reserved_at", Shape::Time),
    always("expires_at", Shape::Time),
    nullable("paid_at", Shape::Time),
    nullable("room", Shape::Key),
    nullable("cart", Shape::Key),
    nullable("store", Shape::Name),
];

const DISCOUNT: &[Field] = &[always("name", Shape::Text), always("amount", Shape::Whole)];

const ROOM: &[Field] = &[
    always("room", Shape::Key),
    always("sku", Shape::Name),
    always("state", Shape::Word(RoomState::WORDS)),
    nullable("leader", Shape::Id),
    always("members", list_of(&Shape::Entry(MEMBER))),
    always("paid_members", Shape::Whole),
    always("tier_members", Shape::Whole),
    always("unit_price", Shape::Whole),
    nullable("next_tier_members", Shape::Whole),
    nullable("next_unit_price", Shape::Whole),
    always("deadline", Shape::Time),
    nullable("settled_at", Shape::Time),
];

const MEMBER: &[Field] =
    &[always("buyer", Shape::Id), always("order", Shape::Key), always("paid", Shape::Truth)];

const CART: &[Field] = &[
    always("cart", Shape::Key),
    always("state", Shape::Word(OrderState::WORDS)),
    always("campaign", Shape::Name),
    always("buyer", Shape::Id),
    always("lines", list_of(&Shape::Entry(LINE))),
    always("amount", Shape::Whole),
    always("currency", Shape::Text),
    always("threshold_discount", Shape::Whole),
    always("reserved_at", Shape::Time),
    always("expires_at", Shape::Time),
    nullable("paid_at", Shape::Time),
];

const LINE: &[Field] = &[
    always("order", Shape::Key),
    always("sku", Shape::Name),
    always("qty", Shape::Whole),
    always("amount", Shape::Whole),
];

const CAMPAIGN: &[Field] = &[
    always("campaign", Shape::Name),
    always("title", Shape::Text),
    always("state", Shape::Word(CampaignState::WORDS)),
    nullable("currency", Shape::Text),
    nullable("starts_at", Shape::Time),
    nullable("ends_at", Shape::Time),
    always("skus", list_of(&Shape::Name)),
    nullable("per_buyer_limit", Shape::Whole),
    always("thresholds", list_of(&Shape::Entry(THRESHOLD))),
    always("coupon_windows", list_of(&Shape::Entry(COUPON_WINDOW))),
    nullable("green", Shape::Entry(GREEN)),
    always("order_of_discounts", list_of(&Shape::Word(Discount::WORDS))),
    always("seq", Shape::Whole),
];

const THRESHOLD: &[Field] = &[always("spend", Shape::Whole), always("off", Shape::Whole)];

const COUPON_WINDOW: &[Field] = &[
    always("event", Shape::Id),
    always("percent_off", Shape::Whole),
    always("window_s", Shape::Whole),
    nullable("skus", list_of(&Shape::Name)),
];

const GREEN: &[Field] = &[always("max_carbon_g", Shape::Whole), always("percent_off", Shape::Whole)];

/// A report names a SKU or a campaign; the rest is the same.
const REPORT: &[Field] = &[
    sometimes("sku", Shape::Name),
    sometimes("campaign", Shape::Name),
    always("total", Shape::Whole),
    always("available", Shape::Whole),
    always("reserved", Shape::Whole),
    always("sold", Shape::Whole),
    always("orders", Shape::Numbers(OrderState::WORDS, Coverage::All)),
    always("units", Shape::Numbers(OrderState::WORDS, Coverage::All)),
    always("money", Shape::Numbers(OrderState::WORDS, Coverage::All)),
    nullable("currency", Shape::Text),
    always("rejections", Shape::Numbers(Status::WORDS, Coverage::Some)),
    nullable("first_sale_at", Shape::Time),
    nullable("last_sale_at", Shape::Time),
    always("first_time_buyers", Shape::Whole),
    always("balanced", Shape::Truth),
    sometimes("stores", list_of(&Shape::Entry(STORE_BOOKS))),
];

const STORE_BOOKS: &[Field] = &[
    always("id", Shape::Name),
    always("total", Shape::Whole),
    always("available", Shape::Whole),
    always("reserved", Shape::Whole),
    always("sold", Shape::Whole),
];

/// The fields behind status words.
pub(super) const OUTCOME: &[Field] = &[
    always("order", Shape::Key),
    always("room", Shape::Key),
    always("cart", Shape::Key),
    always("sku", Shape::Name),
    always("store", Shape::Name),
    always("coupon", Shape::Id),
    always("amount", Shape::Whole),
    always("available", Shape::Whole),
    always("ceiling", Shape::Whole),
    always("due", Shape::Whole),
    always("floor", Shape::Whole),
    always("left", Shape::Whole),
    always("members", Shape::Whole),
    always("percent_off", Shape::Whole),
    always("price", Shape::Whole),
    always("threshold_discount", Shape::Whole),
    always("expires_at", Shape::Time),
    always("starts_at", Shape::Time),
];

/// What a reply of this name holds: `order map`, `array of SKU maps and nils`.
pub(super) fn shape(reply: &str) -> Option<&'static Shape> {
    SHAPES.iter().find(|(name, _)| *name == reply).map(|(_, shape)| shape)
}

const SHAPES: &[(&str, Shape)] = &[
    ("SKU map", Shape::Entry(SKU)),
    ("array of SKU maps and nils", Shape::List(&Shape::Entry(SKU))),
    ("order map", Shape::Entry(ORDER)),
    ("room map", Shape::Entry(ROOM)),
    ("cart map", Shape::Entry(CART)),
    ("campaign map", Shape::Entry(CAMPAIGN)),
    ("report map", Shape::Entry(REPORT)),
];

/// The field of this name.
pub(super) fn find(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.name == name)
}
