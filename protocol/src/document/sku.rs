//! The SKU document.

use super::DocumentError;
use super::campaign::MAX_CARBON_G;
use super::fulfilment::{self, Fulfilment};
use super::group_buy::{self, GroupBuy};
use super::node::Node;
use super::object::{Field, Object};
use super::price::{self, Price};
use super::stores::{self, Store};
use crate::command::{is_id, is_name};

/// The most units a SKU may have.
pub(super) const MAX_STOCK: u64 = 1_000_000_000;

/// The highest purchase limit that can be set.
pub(super) const MAX_LIMIT: u32 = 1_000_000;

/// The most lapses that can be set: what a SKU counts for each buyer.
pub(super) const MAX_LAPSES: u32 = 65_535;

/// The longest hold: 30 days, in seconds.
pub(super) const MAX_HOLD_S: u32 = 30 * 86_400;

/// The hold of a document that says nothing of it, in seconds.
pub(super) const DEFAULT_HOLD_S: u32 = 600;

/// The most buyers an allow list may have.
pub(super) const MAX_ALLOWED: usize = 100_000;

/// The most bytes of codes and allowed buyers together: a document is kept in one record.
const MAX_LIST_BYTES: usize = 8 << 20;

/// What is sold, to whom, when and at what price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkuDocument {
    /// What buyers see: 1 to 200 characters.
    pub title: String,
    /// Units to sell, 0 to 1,000,000,000. Only counts when the SKU is created.
    pub stock: u64,
    /// ISO 4217 code: three upper-case letters.
    pub currency: String,
    /// What a unit costs. Only counts when the SKU is created: a later document never resets it.
    pub price: Price,
    /// When the sale begins, in epoch milliseconds; none is at once.
    pub starts_at: Option<u64>,
    /// When the sale ends, in epoch milliseconds; none is never. After `starts_at`.
    pub ends_at: Option<u64>,
    /// Units one buyer may hold in reserved and paid orders, 1 to 1,000,000; none is any number.
    pub per_buyer_limit: Option<u32>,
    /// Units one order may ask for, 1 to 1,000,000; none is any number.
    pub per_order_limit: Option<u32>,
    /// How long units are held for a payment, in seconds: 1 to 2,592,000 (30 days).
    pub hold_s: u32,
    /// What becomes of a payment after the hold ran out.
    pub late_payment: LatePayment,
    /// After so many reservations that ended unpaid a buyer is blocked, 1 to 65,535; none is never.
    pub max_lapses: Option<u32>,
    /// The only buyers who may buy; none is everyone.
    pub allow: Option<Vec<String>>,
    /// How it is sold to groups; none is not at all.
    pub group_buy: Option<GroupBuy>,
    /// What each paid unit comes with; none is nothing. Only counts when the SKU is created.
    pub fulfilment: Option<Fulfilment>,
    /// The campaign that it is part of. A campaign may name it instead.
    pub campaign: Option<String>,
    /// Where its units are; none is nowhere in particular.
    pub stores: Option<Vec<Store>>,
    /// Grams of carbon dioxide that a unit stands for, 0 to 1,000,000,000.
    pub carbon_g: Option<u32>,
}

/// What becomes of a payment after the hold ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatePayment {
    /// The order is paid if its units can be had again; otherwise the money is due back.
    Reacquire,
    /// The money is due back.
    Refund,
}

impl SkuDocument {
    /// Reads a JSON text.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        let node: Node =
            serde_json::from_str(text).map_err(|error| DocumentError::unreadable("JSON", error))?;
        SkuDocument::read(Object::root(node)?)
    }

    pub(super) fn read(mut object: Object) -> Result<Self, DocumentError> {
        let title = title(object.required("title")?)?;
        let fulfilment = object.optional("fulfilment").map(fulfilment::read).transpose()?;
        let (starts_at, ends_at) = window(&mut object)?;
        let stores = object.optional("stores").map(stores::read).transpose()?;
        let document = SkuDocument {
            title,
            stock: stock(&mut object, fulfilment.as_ref(), stores.as_deref())?,
            currency: object
                .required("currency")?
                .text("must be three upper-case letters, such as CNY", |text| {
                    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
                })?,
            price: price::read(object.required("price")?.object()?)?,
            starts_at,
            ends_at,
            per_buyer_limit: limit(object.optional("per_buyer_limit"))?,
            per_order_limit: limit(object.optional("per_order_limit"))?,
            hold_s: object
                .optional("hold_s")
                .map_or(Ok(DEFAULT_HOLD_S), |field| field.whole_u32(1, MAX_HOLD_S, " of seconds"))?,
            late_payment: object.optional("late_payment").map_or(Ok(LatePayment::Reacquire), late_payment)?,
            max_lapses: object
                .optional("max_lapses")
                .map(|field| field.whole_u32(1, MAX_LAPSES, ""))
                .transpose()?,
            allow: object.optional("allow").map(allow).transpose()?,
            group_buy: object.optional("group_buy").map(group_buy::read).transpose()?,
            fulfilment,
            campaign: object
                .optional("campaign")
                .map(|field| {
                    field.text("must be a campaign: 1 to 64 characters of A-Z a-z 0-9 . _ -", is_name)
                })
                .transpose()?,
            stores,
            carbon_g: object
                .optional("carbon_g")
                .map(|field| field.whole_u32(0, MAX_CARBON_G, " of grams"))
                .transpose()?,
        };
        let path_of_allow = object.path_of("allow");
        object.finish()?;
        if document.bytes_of_lists() > MAX_LIST_BYTES {
            let most = MAX_LIST_BYTES >> 20;
            let what = format!("together with the codes has more than {most} MiB; sell in several SKUs");
            return Err(DocumentError::new(path_of_allow, what));
        }
        Ok(document)
    }

    /// Bytes of all codes and allowed buyers.
    fn bytes_of_lists(&self) -> usize {
        let codes = match &self.fulfilment {
            Some(Fulfilment::Codes(codes)) => codes.iter().map(String::len).sum(),
            Some(Fulfilment::Numbered) | None => 0,
        };
        codes + self.allow.iter().flatten().map(String::len).sum::<usize>()
    }
}

/// `starts_at` and `ends_at`, in their order.
pub(super) fn window(object: &mut Object) -> Result<(Option<u64>, Option<u64>), DocumentError> {
    let starts_at = object.optional("starts_at").map(Field::time).transpose()?;
    let ends_at = object.optional("ends_at").map(Field::time).transpose()?;
    match (starts_at, ends_at) {
        (Some(start), Some(end)) if end <= start => {
            Err(DocumentError::new(object.path_of("ends_at"), "must be after starts_at"))
        }
        window => Ok(window),
    }
}

/// The number of codes or the sum of the stores, where there are any; it may be left out then.
fn stock(
    object: &mut Object,
    fulfilment: Option<&Fulfilment>,
    stores: Option<&[Store]>,
) -> Result<u64, DocumentError> {
    let path = object.path_of("stock");
    let codes = match fulfilment {
        Some(Fulfilment::Codes(codes)) => Some((codes.len() as u64, "the number of codes")),
        Some(Fulfilment::Numbered) | None => None,
    };
    let in_stores =
        stores.map(|stores| (stores.iter().map(|store| store.stock).sum(), "the sum of the stores'"));
    if let Some((sum, _)) = in_stores.filter(|(sum, _): &(u64, _)| *sum > MAX_STOCK) {
        return Err(DocumentError::new(
            object.path_of("stores"),
            format!("have {sum} units; {MAX_STOCK} is the most"),
        ));
    }
    let known: Vec<(u64, &str)> = codes.into_iter().chain(in_stores).collect();
    let Some((number, _)) = known.first().copied() else {
        return object.required("stock")?.whole(0, MAX_STOCK, " of units");
    };
    let given = object.optional("stock").map(|stock| stock.whole(0, MAX_STOCK, " of units")).transpose()?;
    let stock = given.unwrap_or(number);
    match known.into_iter().find(|(known, _)| *known != stock) {
        Some((known, what)) => Err(DocumentError::new(path, format!("must be {what}, {known}"))),
        None => Ok(stock),
    }
}

pub(super) fn title(field: Field) -> Result<String, DocumentError> {
    field.text("must be a text of 1 to 200 characters without control characters", |text| {
        !text.is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control)
    })
}

fn limit(field: Option<Field>) -> Result<Option<u32>, DocumentError> {
    field.map(|field| field.whole_u32(1, MAX_LIMIT, " of units")).transpose()
}

fn late_payment(field: Field) -> Result<LatePayment, DocumentError> {
    let text =
        field.text("must be \"reacquire\" or \"refund\"", |text| matches!(text, "reacquire" | "refund"))?;
    Ok(if text == "refund" { LatePayment::Refund } else { LatePayment::Reacquire })
}

fn allow(field: Field) -> Result<Vec<String>, DocumentError> {
    field.texts(MAX_ALLOWED, "must be a buyer: 1 to 64 printable ASCII characters without spaces", is_id)
}
