//! How the tables of a SKU hash their keys.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::buyers::BuyerNumber;
use crate::{Fingerprint, OrderNumber};

/// A keyed hash for the indexes of one SKU. The key comes from outside, fresh in every process, so that nobody
/// can choose ids that collide. Nothing that is stored depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashing(u64);

impl Hashing {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn of(self, scope: u64, text: &str) -> u64 {
        let mut hasher = FixedState::with_seed(self.0).build_hasher();
        hasher.write_u64(scope);
        hasher.write(text.as_bytes());
        hasher.finish()
    }

    /// Of a text that is a key by itself.
    pub(crate) fn text(self, text: &str) -> u64 {
        self.of(u64::MAX, text)
    }

    /// Of a request id in the scope of a buyer.
    pub(crate) fn by_buyer(self, buyer: BuyerNumber, request: &str) -> u64 {
        self.of(u64::from(buyer.0), request)
    }

    /// Of two texts that are a key together.
    pub(crate) fn pair(self, scope: &str, text: &str) -> u64 {
        self.of(self.text(scope), text)
    }

    /// Of a request id in the scope of an order, or of the SKU.
    pub(crate) fn by_order(self, order: Option<OrderNumber>, request: &str) -> u64 {
        self.of(u64::from(order.map_or(0, |order| order.0)), request)
    }
}

/// The fingerprint of a command: its code and its arguments. The same in every process and release, for it is
/// journaled.
pub(crate) fn fingerprint(command: u8, numbers: [u64; 2], text: &str) -> Fingerprint {
    let mut head = [0u8; 17];
    head[0] = command;
    head[1..9].copy_from_slice(&numbers[0].to_le_bytes());
    head[9..].copy_from_slice(&numbers[1].to_le_bytes());
    let hash = xxh3_64_with_seed(text.as_bytes(), xxh3_64(&head));
    // The lower half is as good as any.
    #[allow(clippy::cast_possible_truncation)]
    Fingerprint(hash as u32)
}
