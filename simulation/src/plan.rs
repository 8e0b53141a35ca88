//! What happens in a simulated sale, in which order: all of its chance, made from a seed.

use std::fmt;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidegate_persistence::{Crash, Mishap};

use crate::question::Question;
use crate::reading::Reading;
use crate::setup::{SMALL_EPOCH, Setup};

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
    /// A reader of the feed asks a consumer group.
    Read {
        /// What.
        reading: Reading,
    },
    /// All documents are put again.
    Put {
        /// With titles of this edition.
        edition: u8,
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
    Panic {
        /// The disk fails so many operations after the rebuild has begun.
        fails: Option<u16>,
    },
    /// The machine stops and starts.
    Crash {
        /// What is left of what was not synced.
        left: Crash,
    },
    /// The server is stopped in order and started again.
    Stop,
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
        // Some are read along, by few or by many.
        let reads = [0, 15, 60][rng.random_range(0..3)];
        // Where epochs are small, they end all the time, and snapshots let them go.
        let (upkeep, more) = if setup.epoch_bytes == SMALL_EPOCH { (70, 60) } else { (0, 0) };
        let mix = Mix { trouble: 5 * trouble, upkeep, reads };
        let mut steps: Vec<Step> = (0..count + more).map(|_| Step::of(&mut rng, &mix)).collect();
        // Drawn apart: what else happens in the sale of a seed does not depend on it.
        let mut rng = StdRng::seed_from_u64(!seed);
        for step in &mut steps {
            if let Step::Panic { fails } = step {
                *fails = rng.random_bool(0.5).then(|| rng.random_range(0..12));
            }
        }
        Self { seed, setup, lying_disk: false, steps }
    }
}

/// How often something happens besides the sale itself, which comes a hundred times.
struct Mix {
    trouble: u32,
    upkeep: u32,
    reads: u32,
}

impl Step {
    fn of(rng: &mut StdRng, mix: &Mix) -> Self {
        let Mix { trouble, upkeep, reads } = *mix;
        match rng.random_range(0..100 + trouble + upkeep + reads) {
            0..38 => Self::Ask { question: Question::of(rng), joined: rng.random_bool(0.3) },
            38..46 => Self::Repeat { of: rng.random() },
            46..48 => Self::Leave { who: rng.random() },
            48..66 => Self::Run { rounds: rng.random_range(1..12) },
            66..80 => Self::Commit,
            80..83 => Self::Mark,
            83..87 => Self::MakeEpoch,
            87..91 => Self::Snapshot,
            91..95 => Self::Pass { ms: [1, 999, 5_000, 25_000, 61_000][rng.random_range(0..5)] },
            95 => Self::Put { edition: rng.random_range(0..3) },
            96 => Self::SetClock { by: [DAY_MS, -DAY_MS, 61_000, -61_000][rng.random_range(0..4)] },
            97 => Self::Stop,
            98 | 99 => Self::crash(rng),
            at if at < 100 + trouble => Self::trouble(rng),
            at if at < 100 + trouble + upkeep => Self::upkeep(rng),
            _ => Self::Read { reading: Reading::of(rng) },
        }
    }

    fn trouble(rng: &mut StdRng) -> Self {
        match rng.random_range(0..6) {
            5 => Self::Damage { at: rng.random() },
            4 => Self::Panic { fails: None },
            0 => Self::FailSync { after: rng.random_range(0..4) },
            1 => Self::Fill { bytes: rng.random_range(0..3_000) },
            2 => Self::Mishap { after: rng.random_range(0..40), mishap: Mishap::Error },
            _ => {
                let after = rng.random_range(0..60);
                let mishap = if rng.random() { Mishap::PowerCutBefore } else { Mishap::PowerCutAfter };
                Self::Mishap { after, mishap }
            }
        }
    }

    fn upkeep(rng: &mut StdRng) -> Self {
        match rng.random_range(0..3) {
            0 => Self::Commit,
            1 => Self::MakeEpoch,
            _ => Self::Snapshot,
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
