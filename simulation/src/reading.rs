//! What a reader of a plan wants of a consumer group, before it is known which entries there are.

use rand::Rng;
use rand::rngs::StdRng;

use crate::sale::CONSUMERS;

/// What a reader wants of a consumer group. Numbers that stand for one of several are taken modulo how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Which group.
    pub(crate) group: u8,
    /// For which consumer, if for one.
    pub(crate) consumer: u8,
    /// What.
    pub(crate) wish: Wish,
    /// Nothing is to happen: only what would be.
    pub(crate) only_judged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A group: from the beginning, or from now on.
    Create { from_now: bool },
    /// No group any more.
    Destroy,
    /// To go on so many entries before the last that is durable.
    Move { back: u8 },
    /// Another consumer.
    AddConsumer,
    /// One fewer.
    RemoveConsumer,
    /// The next entries.
    Deliver { most: u8, no_ack: bool },
    /// Again what was not acknowledged.
    Repeat { most: u8 },
    /// No more of so many that were delivered, from this one on.
    Acknowledge { from: u8, most: u8 },
    /// What others were delivered: so many from this one on, or whatever comes first; even if it was just delivered, or only
    /// if it was long ago; as a delivery or not.
    Claim { from: u8, most: u8, by_place: bool, long_ago: bool, counts: bool },
}

impl Reading {
    pub(crate) fn of(rng: &mut StdRng) -> Self {
        // The first group is the one that most is asked of.
        let group = [0, 0, 0, 1, 1, 2][rng.random_range(0..6)];
        let consumer = rng.random_range(0..CONSUMERS.len() as u8);
        let (from, most) = (rng.random_range(0..4), rng.random_range(1..4));
        let wish = match rng.random_range(0..32) {
            0..6 => Wish::Create { from_now: rng.random_bool(0.2) },
            6..9 => Wish::Destroy,
            9 => Wish::Move { back: rng.random_range(0..12) },
            10 => Wish::AddConsumer,
            11 => Wish::RemoveConsumer,
            12..20 => Wish::Deliver { most, no_ack: rng.random_bool(0.1) },
            20..22 => Wish::Repeat { most },
            22..28 => Wish::Acknowledge { from, most },
            _ => Wish::Claim {
                from,
                most,
                by_place: rng.random(),
                long_ago: rng.random_bool(0.1),
                counts: rng.random_bool(0.7),
            },
        };
        Self { group, consumer, wish, only_judged: rng.random_bool(0.1) }
    }

    /// Of a group that there is not, mostly another wish: for one.
    pub(crate) fn instead(&self, is_there: bool) -> Wish {
        match self.wish {
            Wish::Deliver { .. } | Wish::Repeat { .. } | Wish::Acknowledge { .. } | Wish::Claim { .. }
                if !is_there && self.consumer > 0 =>
            {
                Wish::Create { from_now: false }
            }
            wish => wish,
        }
    }
}
