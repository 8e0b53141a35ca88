//! Names of things: order numbers and the ids made of them, and fingerprints of requests.

use std::fmt;

use crate::RoomNumber;

/// The number of an order within its SKU, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderNumber(pub u32);

/// What a request asked for, shortened to 32 bits: enough to tell a repeat from a mistaken reuse of its id.
///
/// Two different requests under one id look alike once in four thousand million such mistakes; the caller then
/// gets the first answer instead of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub u32);

/// An order's id as callers see it: `{sku}:o:17`. The braces make the SKU its hash tag, so that an id finds its
/// way in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderId<'a> {
    /// The SKU's name.
    pub sku: &'a str,
    /// The number within the SKU.
    pub number: OrderNumber,
}

impl<'a> OrderId<'a> {
    /// Reads an id, or `None` if no engine can have made it.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (sku, number) = parse(text, "}:o:")?;
        Some(Self { sku, number: OrderNumber(number) })
    }

    /// What stands before the number, in parts.
    #[must_use]
    pub fn before_number(&self) -> [&'a str; 3] {
        ["{", self.sku, "}:o:"]
    }
}

impl fmt::Display for OrderId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, self.before_number(), self.number.0)
    }
}

/// A room's id as callers see it: `{sku}:r:17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomId<'a> {
    /// The SKU's name.
    pub sku: &'a str,
    /// The number within the SKU.
    pub number: RoomNumber,
}

impl<'a> RoomId<'a> {
    /// Reads an id, or `None` if no engine can have made it.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (sku, number) = parse(text, "}:r:")?;
        Some(Self { sku, number: RoomNumber(number) })
    }

    /// What stands before the number, in parts.
    #[must_use]
    pub fn before_number(&self) -> [&'a str; 3] {
        ["{", self.sku, "}:r:"]
    }
}

impl fmt::Display for RoomId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, self.before_number(), self.number.0)
    }
}

/// The number of a cart within its campaign, counted from 1. Not every number is a cart's: one that could not be held
/// uses its number up.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CartNumber(pub u32);

/// A cart's id as callers see it: `{campaign}:c:17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CartId<'a> {
    /// The campaign's name.
    pub campaign: &'a str,
    /// The number within the campaign.
    pub number: CartNumber,
}

impl<'a> CartId<'a> {
    /// Reads an id, or `None` if no engine can have made it.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (campaign, number) = parse(text, "}:c:")?;
        Some(Self { campaign, number: CartNumber(number) })
    }

    /// What stands before the number, in parts.
    #[must_use]
    pub fn before_number(&self) -> [&'a str; 3] {
        ["{", self.campaign, "}:c:"]
    }
}

impl fmt::Display for CartId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, self.before_number(), self.number.0)
    }
}

fn write_id(f: &mut fmt::Formatter<'_>, before_number: [&str; 3], number: u32) -> fmt::Result {
    before_number.into_iter().try_for_each(|part| f.write_str(part))?;
    write!(f, "{number}")
}

/// The SKU and the number of an id with this between them.
fn parse<'a>(text: &'a str, between: &str) -> Option<(&'a str, u32)> {
    let (sku, digits) = text.strip_prefix('{')?.split_once(between)?;
    let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    let number = digits.parse().ok().filter(|_| canonical)?;
    (!sku.is_empty()).then_some((sku, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_reads_back_as_it_was_written() {
        let id = OrderId { sku: "iphone-15", number: OrderNumber(17) };
        assert_eq!(id.to_string(), "{iphone-15}:o:17");
        assert_eq!(OrderId::parse("{iphone-15}:o:17"), Some(id));
        let id = RoomId { sku: "iphone-15", number: RoomNumber(3) };
        assert_eq!(id.to_string(), "{iphone-15}:r:3");
        assert_eq!(RoomId::parse("{iphone-15}:r:3"), Some(id));
        assert_eq!(RoomId::parse("{iphone-15}:o:3"), None);
    }

    #[test]
    fn what_no_engine_made_is_no_order_id() {
        for bad in
            ["", "17", "{a}:o:", "{a}:o:0", "{a}:o:017", "{a}:o:+1", "{a}:r:1", "{}:o:1", "{a}:o:4294967296"]
        {
            assert_eq!(OrderId::parse(bad), None, "{bad}");
        }
    }
}
