//! Something on a disk: as it is now, as it was when it was last synced, and what was done in between.

use rand::Rng;
use rand::rngs::StdRng;

/// A change that a disk may or may not have kept.
pub(crate) trait Change: Clone {
    /// What is changed.
    type Of: Clone + Default;

    fn apply(&self, to: &mut Self::Of);

    /// What is left of it if the power goes while it is written.
    fn tear(&self, random: &mut StdRng) -> Vec<Self>;
}

#[derive(Debug)]
pub(crate) struct Stored<C: Change> {
    now: C::Of,
    synced: C::Of,
    unsynced: Vec<C>,
}

/// What a power cut took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    /// Changes that were not synced.
    pub(crate) unsynced: usize,
    /// Those that are gone, or torn.
    pub(crate) lost: usize,
}

impl std::ops::AddAssign for Losses {
    fn add_assign(&mut self, more: Self) {
        self.unsynced += more.unsynced;
        self.lost += more.lost;
    }
}

impl<C: Change> Default for Stored<C> {
    fn default() -> Self {
        Self { now: C::Of::default(), synced: C::Of::default(), unsynced: Vec::new() }
    }
}

impl<C: Change> Stored<C> {
    pub(crate) fn now(&self) -> &C::Of {
        &self.now
    }

    pub(crate) fn change(&mut self, change: C) {
        change.apply(&mut self.now);
        self.unsynced.push(change);
    }

    pub(crate) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.synced);
        }
    }

    /// What was not synced is lost, or some of it is not, if there is something to choose it by.
    pub(crate) fn lose(&mut self, random: Option<&mut StdRng>) -> Losses {
        let unsynced = std::mem::take(&mut self.unsynced);
        let (kept, lost) = match random {
            Some(random) => survivors(random, &unsynced),
            None => (Vec::new(), unsynced.len()),
        };
        for change in kept {
            change.apply(&mut self.synced);
        }
        self.now = self.synced.clone();
        Losses { unsynced: unsynced.len(), lost }
    }
}

/// A disk writes in any order what it was not told to sync: this is what it had written of these changes, in the order in
/// which they count, and how many of them are not or not wholly there.
fn survivors<C: Change>(random: &mut StdRng, changes: &[C]) -> (Vec<C>, usize) {
    let count = changes.len();
    match random.random_range(0..4) {
        0 => (Vec::new(), count),
        1 => (changes.to_vec(), 0),
        // The first ones, and a part of the next.
        2 => {
            let first = random.random_range(0..=count);
            let torn = changes.get(first).map(|next| next.tear(random)).unwrap_or_default();
            (changes[..first].iter().cloned().chain(torn).collect(), count - first)
        }
        // Any.
        _ => {
            let (mut kept, mut lost) = (Vec::new(), 0);
            for change in changes {
                match random.random_range(0..3) {
                    0 => kept.push(change.clone()),
                    1 => lost += 1,
                    _ => {
                        kept.extend(change.tear(random));
                        lost += 1;
                    }
                }
            }
            (kept, lost)
        }
    }
}
