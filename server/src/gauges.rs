//! What is looked at for `/metrics` alone: threads, the disk, and the sale as a whole.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix::Arbiter;
use parking_lot::Mutex;
use tidegate_actors::{Census, House};

use crate::config::Config;
use crate::metrics::{ArbiterReading, CensusReading, LimitReadings, Readings, process};

/// A census is taken at most so often.
const CENSUS_EVERY: Duration = Duration::from_secs(1);

/// What a census took must be at most this part of the time until the next: with a million SKUs it takes a good part of
/// a second, and the thread that takes it also answers health checks.
const CENSUS_SHARE: u32 = 20;

/// Where to look.
pub(crate) struct Gauges {
    data_dir: PathBuf,
    limits: LimitReadings,
    /// The threads of the arbiters, as far as the system tells their numbers.
    threads: Vec<Arc<OnceLock<u32>>>,
    census: Mutex<Option<Taken>>,
}

/// The last census.
struct Taken {
    census: Arc<Census>,
    at: Instant,
    took: Duration,
}

impl Gauges {
    /// Has each arbiter say which thread it is.
    pub(crate) fn new(config: &Config, arbiters: &[Arbiter]) -> Self {
        let introduce = |arbiter: &Arbiter| {
            let thread = Arc::new(OnceLock::new());
            let place = Arc::clone(&thread);
            // One that is gone stays unknown.
            let _ = arbiter.spawn_fn(move || {
                if let Some(number) = process::this_thread() {
                    let _ = place.set(number);
                }
            });
            thread
        };
        Self {
            data_dir: config.data_dir.clone(),
            limits: LimitReadings {
                connections: config.limits.max_connections as u64,
                skus: config.limits.max_skus as u64,
                inflight_bytes: config.journal.max_inflight_bytes as u64,
                epoch_bytes: config.journal.epoch_bytes,
            },
            threads: arbiters.iter().map(introduce).collect(),
            census: Mutex::default(),
        }
    }

    /// Looks at everything, as far as it is there.
    pub(crate) fn read(&self, house: Option<&House>) -> Readings {
        let loads = house.map(House::loads).unwrap_or_default();
        let arbiter = |(load, thread): (_, &Arc<OnceLock<u32>>)| ArbiterReading {
            load,
            thread: thread.get().and_then(|number| process::thread(*number)),
        };
        let numbers: Vec<u32> = self.threads.iter().filter_map(|thread| thread.get().copied()).collect();
        Readings {
            limits: self.limits,
            arbiters: loads.into_iter().zip(&self.threads).map(arbiter).collect(),
            threads: process::threads(&numbers),
            census: house.map(|house| self.census(house)),
            rebuilt: house.map_or(0, House::rebuilt),
            clock_leaps: house.map_or(0, House::clock_leaps),
            disk: process::disk(&self.data_dir),
            ..Readings::default()
        }
    }

    fn census(&self, house: &House) -> CensusReading {
        let mut last = self.census.lock();
        let now = Instant::now();
        let fresh = last
            .take()
            .filter(|taken| now - taken.at < CENSUS_EVERY.max(taken.took.saturating_mul(CENSUS_SHARE)));
        let taken = last.insert(fresh.unwrap_or_else(|| {
            let census = Arc::new(house.census());
            Taken { census, at: now, took: now.elapsed() }
        }));
        CensusReading { census: Arc::clone(&taken.census), age: taken.at.elapsed(), took: taken.took }
    }
}
