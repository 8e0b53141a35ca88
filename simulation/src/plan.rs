//! What happens in a simulated sale, in which order: all of its chance, made from a seed.

use std::fmt;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use tidegate_persistence::{Crash, Mishap};

use crate::sale::SKUS;

/// Buyers of a sale. Few, so that they get in each other's way and reach their limits.
pub(crate) const BUYERS: u8 = 4;

const DAY_MS: i64 = 86_400_000;

/// A sale from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it was made from.
    pub seed: u64,
    /// What is sold, and how it is kept.
    pub(crate) setup: Setup,
    /// Whether the disk only says that it has synced.
    pub(crate) lying_disk: bool,
    /// What happens.
    pub(crate) steps: Vec<Step>,
}

/// What is sold in a sale, and how its journal is kept.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Units of each SKU.
    pub(crate) stock: [u32; SKUS.len()],
    /// Units of a SKU that one buyer may have.
    pub(crate) buyer_limit: u32,
    /// Units of all SKUs that one buyer may have.
    pub(crate) campaign_limit: Option<u32>,
    /// Whether the money of a payment that comes too late goes back in any case.
    pub(crate) late_refund: bool,
    /// Bytes of an epoch.
    pub(crate) epoch_bytes: u64,
    /// Closed epochs that are kept for readers.
    pub(crate) retention_epochs: u32,
    /// Events replayed in one pass of a snapshot.
    pub(crate) pass_events: u64,
    /// Bytes of a commit.
    pub(crate) commit_bytes: usize,
    /// Holds ended in one turn.
    pub(crate) expiries_per_turn: usize,
}

/// Something that happens. Numbers that stand for one of several are taken modulo how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A client asks, alone or together with the next one.
    Ask {
        /// What.
        question: Question,
        /// The next question comes in the same message.
        joined: bool,
    },
    /// A client sends again what was sent before: as it does that heard no answer in time.
    Repeat {
        /// What.
        of: u16,
    },
    /// A client is gone and hears no answer any more.
    Leave {
        /// Who: one of those that wait.
        who: u16,
    },
    /// The actors run.
    Run {
        /// For so many rounds.
        rounds: u8,
    },
    /// The journal commits what waits.
    Commit,
    /// The mark is written.
    Mark,
    /// An epoch is made, if one is wanted.
    MakeEpoch,
    /// A snapshot is made, if one is wanted.
    Snapshot,
    /// Time passes.
    Pass {
        /// Milliseconds.
        ms: u32,
    },
    /// The clock is set.
    SetClock {
        /// By so many milliseconds.
        by: i64,
    },
    /// Something will happen to the disk.
    Mishap {
        /// After so many of its operations.
        after: u16,
        /// What.
        mishap: Mishap,
    },
    /// A sync will fail.
    FailSync {
        /// After so many.
        after: u8,
    },
    /// The disk will be full.
    Fill {
        /// After so many bytes more.
        bytes: u32,
    },
    /// The newest snapshot is damaged: once in a sale, for the one before it and the journal make up for that.
    Damage {
        /// Where.
        at: u16,
    },
    /// The next turn of an actor ends in a panic, and the actor is rebuilt.
    Panic,
    /// The machine stops and starts.
    Crash {
        /// What is left of what was not synced.
        left: Crash,
    },
    /// The server is stopped in order and started again.
    Stop,
}

/// What a client wants. What it is about is one of what is known by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Units of a SKU.
    Reserve { sku: u8, buyer: u8, qty: u8, coupon: bool },
    /// Units, and a room for others.
    Open { sku: u8, buyer: u8 },
    /// Units, in a room that is there.
    Join { sku: u8, room: u8, buyer: u8 },
    /// To pay an order: what is due, or something else; with a payment of its own or one that others use too.
    Pay { order: u16, wrong: bool, shared_payment: bool },
    /// To give an order up.
    Cancel { order: u16 },
    /// The money back.
    Refund { order: u16, restock: bool },
    /// A coupon.
    Trigger { buyer: u8 },
    /// Several SKUs at once.
    Cart { buyer: u8, qty: [u8; SKUS.len()], coupon: bool },
    /// To pay a cart.
    PayCart { cart: u16, wrong: bool },
    /// To give a cart up.
    CancelCart { cart: u16 },
    /// More or fewer units.
    Restock { sku: u8, delta: i8 },
    /// No sale for a while.
    Pause { sku: u8 },
    /// The sale goes on.
    Resume { sku: u8 },
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#?}", self.setup)?;
        self.steps.iter().enumerate().try_for_each(|(at, step)| writeln!(f, "{:3} {step:?}", at + 1))
    }
}

impl Plan {
    /// The same sale on a disk that only says that it has synced. No server can make up for that.
    #[must_use]
    pub fn on_a_lying_disk(self) -> Self {
        Self { lying_disk: true, ..self }
    }

    /// How much happens.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The sale of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let setup = Setup::of(&mut rng);
        let count = rng.random_range(20..120);
        // Some sales are quiet, some meet all that can go wrong.
        let trouble = rng.random_range(0..=3);
        let steps = (0..count).map(|_| Step::of(&mut rng, trouble)).collect();
        Self { seed, setup, lying_disk: false, steps }
    }
}

impl Setup {
    fn of(rng: &mut StdRng) -> Self {
        let one_of = |rng: &mut StdRng, from: &[u64]| from.choose(rng).copied().unwrap_or(1);
        Self {
            stock: [(); SKUS.len()].map(|()| rng.random_range(1..=6)),
            buyer_limit: rng.random_range(1..=4),
            campaign_limit: rng.random_bool(0.5).then(|| rng.random_range(1..=5)),
            late_refund: rng.random_bool(0.3),
            epoch_bytes: one_of(rng, &[300, 800, 2_000, 100_000]),
            retention_epochs: rng.random_range(0..=2),
            pass_events: one_of(rng, &[5, 50, 1_000_000]),
            commit_bytes: if rng.random_bool(0.3) { 200 } else { 64 << 10 },
            expiries_per_turn: if rng.random_bool(0.3) { 1 } else { 100 },
        }
    }
}

impl Step {
    fn of(rng: &mut StdRng, trouble: u32) -> Self {
        match rng.random_range(0..100 + 5 * trouble) {
            0..38 => Self::Ask { question: Question::of(rng), joined: rng.random_bool(0.3) },
            38..46 => Self::Repeat { of: rng.random() },
            46..48 => Self::Leave { who: rng.random() },
            48..66 => Self::Run { rounds: rng.random_range(1..12) },
            66..80 => Self::Commit,
            80..83 => Self::Mark,
            83..87 => Self::MakeEpoch,
            87..91 => Self::Snapshot,
            91..96 => Self::Pass { ms: [1, 999, 5_000, 25_000, 61_000][rng.random_range(0..5)] },
            96 => Self::SetClock { by: [DAY_MS, -DAY_MS, 61_000, -61_000][rng.random_range(0..4)] },
            97 => Self::Stop,
            98 | 99 => Self::crash(rng),
            _ => match rng.random_range(0..6) {
                5 => Self::Damage { at: rng.random() },
                4 => Self::Panic,
                0 => Self::FailSync { after: rng.random_range(0..4) },
                1 => Self::Fill { bytes: rng.random_range(0..3_000) },
                2 => Self::Mishap { after: rng.random_range(0..40), mishap: Mishap::Error },
                _ => {
                    let after = rng.random_range(0..60);
                    let mishap = if rng.random() { Mishap::PowerCutBefore } else { Mishap::PowerCutAfter };
                    Self::Mishap { after, mishap }
                }
            },
        }
    }

    fn crash(rng: &mut StdRng) -> Self {
        let keep = rng.random_range(0..200);
        let left = match rng.random_range(0..4) {
            0 => Crash::LoseUnsynced,
            1 => Crash::KeepUnsynced,
            2 => Crash::Tear { keep },
            _ => Crash::Blank { keep },
        };
        Self::Crash { left }
    }
}

impl Question {
    fn of(rng: &mut StdRng) -> Self {
        let (sku, buyer) = (rng.random_range(0..SKUS.len() as u8), rng.random_range(0..BUYERS));
        match rng.random_range(0..40) {
            0..11 => Self::Reserve { sku, buyer, qty: rng.random_range(1..=3), coupon: rng.random_bool(0.3) },
            11 | 12 => Self::Open { sku, buyer },
            13..16 => Self::Join { sku, room: rng.random_range(0..3), buyer },
            16..24 => Self::Pay {
                order: rng.random(),
                wrong: rng.random_bool(0.1),
                shared_payment: rng.random_bool(0.1),
            },
            24..27 => Self::Cancel { order: rng.random() },
            27 | 28 => Self::Refund { order: rng.random(), restock: rng.random() },
            29 | 30 => Self::Trigger { buyer },
            31..34 => {
                let qty = [(); SKUS.len()].map(|()| rng.random_range(0..3));
                Self::Cart { buyer, qty, coupon: rng.random_bool(0.3) }
            }
            34 | 35 => Self::PayCart { cart: rng.random(), wrong: rng.random_bool(0.1) },
            36 => Self::CancelCart { cart: rng.random() },
            37 => Self::Restock { sku, delta: rng.random_range(-2..=3) },
            38 => Self::Pause { sku },
            _ => Self::Resume { sku },
        }
    }
}
