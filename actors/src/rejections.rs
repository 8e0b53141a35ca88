//! Rejections counted by reason, since the start. They are never journaled: a sale is mostly rejections.

use tidegate_engine::Rejection;

/// How often each rejection was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RejectionCounts([u64; RejectionCounts::KINDS]);

impl RejectionCounts {
    const KINDS: usize = 20;

    /// One of each kind, in the order of the counts.
    const ALL: [Rejection; Self::KINDS] = [
        Rejection::NotFound,
        Rejection::Blocked,
        Rejection::NotEligible,
        Rejection::NotOpen { starts_at: tidegate_engine::Millis(0) },
        Rejection::Ended,
        Rejection::Paused,
        Rejection::SoldOut,
        Rejection::Limit { left: 0 },
        Rejection::PriceChanged { price: 0 },
        Rejection::AmountMismatch { due: 0 },
        Rejection::AlreadyPaid,
        Rejection::Expired,
        Rejection::NotPaid,
        Rejection::Insufficient { available: 0 },
        Rejection::RoomFull,
        Rejection::RoomClosed,
        Rejection::AlreadyMember,
        Rejection::OutOfBounds { floor: 0, ceiling: 0 },
        Rejection::CouponInvalid,
        Rejection::NoStore,
    ];

    fn position(rejection: Rejection) -> usize {
        match rejection {
            Rejection::NotFound => 0,
            Rejection::Blocked => 1,
            Rejection::NotEligible => 2,
            Rejection::NotOpen { .. } => 3,
            Rejection::Ended => 4,
            Rejection::Paused => 5,
            Rejection::SoldOut => 6,
            Rejection::Limit { .. } => 7,
            Rejection::PriceChanged { .. } => 8,
            Rejection::AmountMismatch { .. } => 9,
            Rejection::AlreadyPaid => 10,
            Rejection::Expired => 11,
            Rejection::NotPaid => 12,
            Rejection::Insufficient { .. } => 13,
            Rejection::RoomFull => 14,
            Rejection::RoomClosed => 15,
            Rejection::AlreadyMember => 16,
            Rejection::OutOfBounds { .. } => 17,
            Rejection::CouponInvalid => 18,
            Rejection::NoStore => 19,
        }
    }

    /// Counts one.
    pub fn count(&mut self, rejection: Rejection) {
        self.0[Self::position(rejection)] += 1;
    }

    /// Each kind that was given at least once, with how often. What a rejection carries beside its kind is zero.
    pub fn iter(&self) -> impl Iterator<Item = (Rejection, u64)> {
        Self::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        let mut counts = RejectionCounts::default();
        for (at, kind) in RejectionCounts::ALL.into_iter().enumerate() {
            assert_eq!(RejectionCounts::position(kind), at);
            counts.count(kind);
        }
        assert!(counts.iter().eq(RejectionCounts::ALL.map(|kind| (kind, 1))));
    }
}
