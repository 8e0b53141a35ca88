//! What can be subscribed to.

use std::fmt;

use tidegate_engine::{RoomId, RoomNumber};
use tidegate_protocol::command::{is_id, is_name};

const STATUS: &str = "status";

/// A channel: news of one subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// `price:{sku}`: what a unit costs, and whether it is for sale.
    Price(Box<str>),
    /// `stock:{sku}`: the four counts.
    Stock(Box<str>),
    /// `room:{sku}:r:1`: a group-buy room.
    Room(Box<str>, RoomNumber),
    /// `buyer:u42`: the orders and carts of a buyer.
    Buyer(Box<str>),
    /// `status`: how the server stands, for who watches over it.
    Status,
}

/// A text that names no channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such channel: use price:{{sku}}, stock:{{sku}}, room:{{sku}}:r:1 (a room's id), buyer:u42 or status"
)]
pub struct NoChannel;

impl Channel {
    /// Reads a channel's name.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, NoChannel> {
        if text == STATUS {
            return Ok(Self::Status);
        }
        let (kind, subject) = text.split_once(':').ok_or(NoChannel)?;
        match kind {
            "price" => sku(subject).map(Self::Price),
            "stock" => sku(subject).map(Self::Stock),
            "room" => {
                let id = RoomId::parse(subject).filter(|id| is_name(id.sku));
                id.map(|id| Self::Room(id.sku.into(), id.number))
            }
            "buyer" => is_id(subject).then(|| Self::Buyer(subject.into())),
            _ => None,
        }
        .ok_or(NoChannel)
    }

    /// Whether only the latest state counts: what a slow reader has not taken yet is replaced by what is newer.
    pub(super) fn is_state(&self) -> bool {
        matches!(self, Self::Price(_) | Self::Stock(_) | Self::Status)
    }

    /// Whether there is news of it only while the sale is on. The status is told while the journal is replayed, too, and
    /// when it has failed: that is when somebody looks.
    pub(super) fn needs_the_sale(&self) -> bool {
        !matches!(self, Self::Status)
    }
}

/// The name between braces.
fn sku(text: &str) -> Option<Box<str>> {
    let name = text.strip_prefix('{')?.strip_suffix('}')?;
    is_name(name).then(|| name.into())
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Price(sku) => write!(f, "price:{{{sku}}}"),
            Self::Stock(sku) => write!(f, "stock:{{{sku}}}"),
            Self::Room(sku, number) => write!(f, "room:{}", RoomId { sku, number: *number }),
            Self::Buyer(buyer) => write!(f, "buyer:{buyer}"),
            Self::Status => f.write_str(STATUS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_reads_back_as_it_was_written() {
        for text in
            ["price:{iphone}", "stock:{a.b-c_d}", "room:{iphone}:r:12", "buyer:u42", "buyer:a:{b}", "status"]
        {
            assert_eq!(Channel::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_no_channel() {
        let long = format!("buyer:{}", "u".repeat(65));
        for text in [
            "",
            "price",
            "price:",
            "price:iphone",
            "price:{}",
            "price:{a b}",
            "price:{a}x",
            "PRICE:{a}",
            "room:{a}",
            "room:{a}:r:0",
            "room:{a}:r:01",
            "room:{a}:o:1",
            "room:{a b}:r:1",
            "buyer:",
            "buyer:a b",
            "order:{a}:o:1",
            "Status",
            "status:",
            &long,
        ] {
            assert_eq!(Channel::parse(text), Err(NoChannel), "{text}");
        }
    }
}
