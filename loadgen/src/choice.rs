//! What the next request is: its kind, its SKU, its buyer. Seeded, so a run can be repeated.

use rand::distr::{Distribution, Uniform};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::error::LoadError;

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Action {
    /// Reserve one unit for a buyer.
    Reserve,
    /// Read a SKU.
    Get,
    /// Pay one of the generator's own open orders.
    Pay,
    /// Cancel one of the generator's own open orders.
    Cancel,
}

impl Action {
    /// Every action, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Reserve, Self::Get, Self::Pay, Self::Cancel];

    /// The word for it in `--mix`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Get => "get",
            Self::Pay => "pay",
            Self::Cancel => "cancel",
        }
    }
}

/// The shares of the actions, as `--mix reserve=20,get=80` says them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    shares: [u32; 4],
}

impl Mix {
    /// Reads `reserve=20,get=80`. Shares are relative; they need not add up to 100.
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        let bad = |reason: String| LoadError::Config(format!("--mix {text}: {reason}"));
        let mut shares = [0_u32; 4];
        for entry in text.split(',') {
            let (word, share) = entry
                .split_once('=')
                .ok_or_else(|| bad(format!("'{entry}' is not action=share, for example reserve=20")))?;
            let action = Action::ALL
                .into_iter()
                .find(|action| action.word() == word.trim())
                .ok_or_else(|| bad(format!("unknown action '{word}'; known: reserve, get, pay, cancel")))?;
            let share: u32 = share
                .trim()
                .parse()
                .ok()
                .filter(|share| *share <= 1_000_000)
                .ok_or_else(|| bad(format!("'{share}' is not a number from 0 to 1000000")))?;
            shares[action as usize] = share;
        }
        let mix = Self { shares };
        if mix.total() == 0 {
            return Err(bad("every share is 0".to_owned()));
        }
        if mix.acts_on_orders() && mix.share(Action::Reserve) == 0 {
            return Err(bad(
                "pay and cancel act on the run's own orders, so reserve must have a share".to_owned()
            ));
        }
        Ok(mix)
    }

    /// The share of an action.
    pub fn share(&self, action: Action) -> u32 {
        self.shares[action as usize]
    }

    /// Whether the mix pays or cancels orders.
    pub fn acts_on_orders(&self) -> bool {
        self.share(Action::Pay) + self.share(Action::Cancel) > 0
    }

    fn total(&self) -> u32 {
        self.shares.iter().sum()
    }

    fn pick(&self, point: u32) -> Action {
        let mut rest = point;
        for action in Action::ALL {
            if rest < self.share(action) {
                return action;
            }
            rest -= self.share(action);
        }
        Action::Get
    }
}

impl std::fmt::Display for Mix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = "";
        for action in Action::ALL.into_iter().filter(|action| self.share(*action) > 0) {
            write!(f, "{separator}{}={}", action.word(), self.share(action))?;
            separator = ",";
        }
        Ok(())
    }
}

/// Slots of the table that stands for a skewed distribution: 2^20, so a SKU's share is exact to a millionth.
const SKEW_SLOTS: usize = 1 << 20;

/// Which SKU a request is about.
#[derive(Debug, Clone)]
enum SkuChoice {
    Uniform(Uniform<u32>),
    /// One lookup a draw, where sampling zipf by rejection would cost a power and a logarithm.
    Table(Vec<u32>),
}

/// Draws requests.
#[derive(Debug, Clone)]
pub struct Chooser {
    rng: SmallRng,
    mix: Mix,
    mix_range: Uniform<u32>,
    skus: SkuChoice,
    buyers: Uniform<u32>,
}

impl Chooser {
    /// `zipf` is the exponent (`None`: uniform). The first SKU is the most wanted one.
    pub fn new(mix: Mix, skus: u32, zipf: Option<f64>, buyers: u32, seed: u64) -> Result<Self, LoadError> {
        let range = |high: u32, what: &str| {
            Uniform::new(0, high).map_err(|_| LoadError::Config(format!("{what} must be at least 1")))
        };
        let skus = match zipf {
            None => SkuChoice::Uniform(range(skus, "--skus")?),
            Some(exponent) => SkuChoice::Table(zipf_table(skus, exponent)?),
        };
        Ok(Self {
            rng: SmallRng::seed_from_u64(seed),
            mix_range: range(mix.total(), "the sum of --mix")?,
            mix,
            skus,
            buyers: range(buyers, "--buyers")?,
        })
    }

    /// The next request's action.
    pub fn action(&mut self) -> Action {
        self.mix.pick(self.mix_range.sample(&mut self.rng))
    }

    /// The next request's SKU, counted from 0.
    pub fn sku(&mut self) -> u32 {
        match &self.skus {
            SkuChoice::Uniform(range) => range.sample(&mut self.rng),
            SkuChoice::Table(table) => table[(self.rng.random::<u32>() as usize) & (SKEW_SLOTS - 1)],
        }
    }

    /// The next request's buyer, counted from 0.
    pub fn buyer(&mut self) -> u32 {
        self.buyers.sample(&mut self.rng)
    }

    /// A draw below `bound` (0 if `bound` is 0).
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.rng.random_range(0..bound) }
    }
}

/// Each SKU gets the slots from its cumulated share to the next one's.
fn zipf_table(skus: u32, exponent: f64) -> Result<Vec<u32>, LoadError> {
    if skus == 0 || skus as usize > SKEW_SLOTS {
        return Err(LoadError::Config(format!("--skus must be 1 to {SKEW_SLOTS} with --zipf")));
    }
    if !(0.0..=10.0).contains(&exponent) {
        return Err(LoadError::Config("--zipf must be 0 to 10".to_owned()));
    }
    let weights: Vec<f64> = (1..=skus).map(|rank| f64::from(rank).powf(-exponent)).collect();
    let sum: f64 = weights.iter().sum();
    let mut table = vec![skus - 1; SKEW_SLOTS];
    let mut cumulated = 0.0;
    let mut slot = 0;
    for (sku, weight) in (0_u32..).zip(&weights) {
        cumulated += weight / sum;
        let end = ((cumulated * SKEW_SLOTS as f64) as usize).min(SKEW_SLOTS);
        if end > slot {
            table[slot..end].fill(sku);
            slot = end;
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_read_and_said_back() {
        let mix = Mix::parse("reserve=20,get=80").unwrap();
        assert_eq!(mix.to_string(), "reserve=20,get=80");
        assert!(!mix.acts_on_orders());
        assert!(Mix::parse("reserve=1,pay=1").unwrap().acts_on_orders());
    }

    #[test]
    fn a_bad_mix_says_what_to_write() {
        for (text, part) in [
            ("reserve", "not action=share"),
            ("buy=20", "known: reserve, get, pay, cancel"),
            ("get=x", "not a number"),
            ("get=0", "every share is 0"),
            ("pay=5,get=5", "reserve must have a share"),
        ] {
            let error = Mix::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    fn chooser(mix: &str, zipf: Option<f64>, seed: u64) -> Chooser {
        Chooser::new(Mix::parse(mix).unwrap(), 100, zipf, 50, seed).unwrap()
    }

    #[test]
    fn the_shares_are_kept() {
        let mut chooser = chooser("reserve=20,get=80", None, 1);
        let reserves = (0..100_000).filter(|_| chooser.action() == Action::Reserve).count();
        assert!((19_000..21_000).contains(&reserves), "{reserves}");
    }

    #[test]
    fn zipf_prefers_the_first_sku_and_reaches_the_last() {
        let mut chooser = chooser("get=1", Some(1.0), 2);
        let mut counts = [0_u32; 100];
        for _ in 0..200_000 {
            counts[chooser.sku() as usize] += 1;
        }
        // The harmonic number of 100 is 5.187: shares 19.3 %, 9.6 %, and 0.19 % for the last.
        assert!((37_500..39_600).contains(&counts[0]), "{}", counts[0]);
        assert!((18_500..20_100).contains(&counts[1]), "{}", counts[1]);
        assert!((250..550).contains(&counts[99]), "{}", counts[99]);
    }

    #[test]
    fn the_same_seed_draws_the_same_requests() {
        let draw = |seed| {
            let mut chooser = chooser("reserve=50,get=50", None, seed);
            (0..100).map(|_| (chooser.action(), chooser.sku(), chooser.buyer())).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
