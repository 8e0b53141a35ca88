//! Where the feed is known to have nothing.

use parking_lot::Mutex;

/// Where there is known to be no entry, so that of all who wait at the end only one has to look.
#[derive(Debug, Default)]
pub(super) struct Tail(Mutex<Empty>);

/// From the first of these places to just before the second.
#[derive(Clone, Copy, Debug, Default)]
struct Empty {
    from: u64,
    next: u64,
}

impl Tail {
    /// Somebody looked here, and found nothing.
    pub(super) fn note(&self, from: u64, next: u64) {
        let mut empty = self.0.lock();
        if (empty.from..=empty.next).contains(&from) {
            empty.next = empty.next.max(next);
        } else if next > empty.next {
            *empty = Empty { from, next };
        }
    }

    /// Where to look instead of here.
    pub(super) fn skip(&self, place: u64) -> u64 {
        let empty = *self.0.lock();
        if (empty.from..empty.next).contains(&place) { empty.next } else { place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_is_not_looked_at_again() {
        let tail = Tail::default();
        tail.note(10, 20);
        assert_eq!([9, 10, 19, 20].map(|place| tail.skip(place)), [9, 20, 20, 20]);
        tail.note(20, 30);
        assert_eq!(tail.skip(10), 30);
        // Who is behind does not make the others forget.
        tail.note(2, 5);
        assert_eq!([3, 12].map(|place| tail.skip(place)), [3, 30]);
        tail.note(50, 60);
        assert_eq!([12, 55].map(|place| tail.skip(place)), [12, 60]);
    }
}
