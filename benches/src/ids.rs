//! Ids as storefronts make them: 16 bytes that nobody can compress.

/// Length of every id.
pub const ID_BYTES: usize = 16;

/// A 16-byte id on the stack. The same kind and number give the same id; different ones give different ids.
#[derive(Clone, Copy, Debug)]
pub struct Id([u8; ID_BYTES]);

impl Id {
    /// The id of this kind (buyer, request, payment) and number.
    #[must_use]
    pub fn new(kind: u8, number: u64) -> Self {
        // SplitMix64's finisher is a bijection: no two numbers below 2^56 share an id of one kind.
        let mut x = number << 8 | u64::from(kind);
        x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        Self(std::array::from_fn(|digit| b"0123456789abcdef"[(x >> (digit * 4)) as usize & 15]))
    }

    /// The id as text.
    #[must_use]
    pub fn text(&self) -> &str {
        // Always succeeds: hexadecimal digits are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_by_kind_and_number() {
        let ids = (0..3).flat_map(|kind| (0..1000).map(move |n| Id::new(kind, n).text().to_owned()));
        let distinct: std::collections::HashSet<_> = ids.collect();
        assert_eq!(distinct.len(), 3000);
    }
}
