//! When something is for sale.

use crate::Millis;

/// When something is for sale, half-open: `[starts_at, ends_at)`. `None` is from ever or for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// From here on.
    pub starts_at: Option<Millis>,
    /// Until just before this.
    pub ends_at: Option<Millis>,
}

impl Window {
    /// Where `now` falls.
    #[must_use]
    pub fn phase(&self, now: Millis) -> Phase {
        match (self.starts_at, self.ends_at) {
            (Some(start), _) if now < start => Phase::Scheduled(start),
            (_, Some(end)) if now >= end => Phase::Ended,
            _ => Phase::Open,
        }
    }

    /// What both have in common.
    #[must_use]
    pub fn intersected(&self, other: &Self) -> Self {
        let both = |a: Option<Millis>, b: Option<Millis>, pick: fn(Millis, Millis) -> Millis| match (a, b) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (a, b) => a.or(b),
        };
        Self {
            starts_at: both(self.starts_at, other.starts_at, Millis::max),
            ends_at: both(self.ends_at, other.ends_at, Millis::min),
        }
    }
}

/// Where `now` falls in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the start.
    Scheduled(Millis),
    /// In the window.
    Open,
    /// At or after the end.
    Ended,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_for_sale_while_its_campaign_is_too() {
        let window = |start: Option<u64>, end: Option<u64>| Window {
            starts_at: start.map(Millis),
            ends_at: end.map(Millis),
        };
        let both = |a: Window, b: Window| (a.intersected(&b), b.intersected(&a));
        let open = window(None, None);
        assert_eq!(both(open, window(Some(5), None)), (window(Some(5), None), window(Some(5), None)));
        let common = window(Some(5), Some(8));
        assert_eq!(both(window(Some(5), Some(9)), window(Some(2), Some(8))), (common, common));
        assert_eq!(
            [4, 5, 7, 8].map(|now| common.phase(Millis(now))),
            [Phase::Scheduled(Millis(5)), Phase::Open, Phase::Open, Phase::Ended]
        );
        let never = window(Some(5), Some(6)).intersected(&window(Some(7), None));
        assert_eq!([6, 7].map(|now| never.phase(Millis(now))), [Phase::Scheduled(Millis(7)), Phase::Ended]);
    }
}
