//! `tidegate-simulation`: runs many sales, or one again.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use tidegate_simulation::{Failure, Plan, run, shrink};

/// Runs simulated sales, each from a seed, until one goes wrong.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Run this one alone, twice, and show what happens in it.
    #[arg(long)]
    seed: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// Stop after so many seconds, however many are left.
    #[arg(long)]
    seconds: Option<u64>,
    /// Run each of them twice, and compare.
    #[arg(long)]
    twice: bool,
    /// Threads; 0: one for each core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

fn main() -> ExitCode {
    let options = Options::parse();
    // Panics are caught, and told with the seed.
    std::panic::set_hook(Box::new(|_| {}));
    match options.seed {
        Some(seed) => one(seed),
        None => many(&options),
    }
}

/// Runs one sale and shows it.
fn one(seed: u64) -> ExitCode {
    let plan = Plan::of(seed);
    match run(&plan) {
        Err(failure) => {
            report(seed, failure);
            ExitCode::FAILURE
        }
        Ok(finished) => {
            print!("{plan}");
            println!(
                "seed {seed}: {} requests, {} starts, state hash {:016x}",
                finished.requests, finished.starts, finished.hash
            );
            match run(&plan) {
                Ok(again) if again == finished => ExitCode::SUCCESS,
                again => {
                    println!("the second time it was not the same: {again:?}");
                    ExitCode::FAILURE
                }
            }
        }
    }
}

/// Says what went wrong, and the shortest way there.
fn report(seed: u64, failure: Failure) {
    println!("seed {seed} goes wrong after {} steps: {}", failure.step, failure.what);
    let (plan, failure) = shrink(&Plan::of(seed), failure);
    let way = if failure.is_stuck { "a" } else { "the shortest" };
    print!("{way} way there has {} steps: {plan}", plan.steps());
    println!("and then: {}", failure.what);
    println!("again: cargo run --release -p tidegate-simulation -- --seed {seed}");
}

/// Runs as many sales as wanted, on all cores.
fn many(options: &Options) -> ExitCode {
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, NonZero::get),
        threads => threads,
    };
    let began = Instant::now();
    let limit = options.seconds.map(Duration::from_secs);
    let (next, is_over) = (AtomicU64::new(options.from), AtomicBool::new(false));
    let (starts, requests, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let failed: Mutex<Option<(u64, Failure)>> = Mutex::new(None);
    let replies: Mutex<BTreeMap<String, u64>> = Mutex::default();
    let work = || {
        while !is_over.load(Ordering::Relaxed) && limit.is_none_or(|limit| began.elapsed() < limit) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed - options.from >= options.seeds {
                return;
            }
            let plan = Plan::of(seed);
            let ran = run(&plan).and_then(|first| match options.twice.then(|| run(&plan)) {
                Some(Ok(second)) if second != first => {
                    let what = format!("the second time it was not the same: {first:?}, {second:?}");
                    Err(Failure { what, step: plan.steps(), is_stuck: false })
                }
                Some(Err(failure)) => Err(failure),
                _ => Ok(first),
            });
            match ran {
                Ok(finished) => {
                    starts.fetch_add(finished.starts.into(), Ordering::Relaxed);
                    requests.fetch_add(finished.requests as u64, Ordering::Relaxed);
                    done.fetch_add(1, Ordering::Relaxed);
                    if let Ok(mut replies) = replies.lock() {
                        for (kind, count) in finished.replies {
                            *replies.entry(kind).or_default() += count;
                        }
                    }
                }
                Err(failure) => {
                    is_over.store(true, Ordering::Relaxed);
                    if let Ok(mut failed) = failed.lock() {
                        failed.get_or_insert((seed, failure));
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let (done, took) = (done.into_inner(), began.elapsed());
    println!(
        "{done} sales from seed {} on, {} requests, {} starts, in {:.1} s on {threads} threads: {:.0} a minute and core",
        options.from,
        requests.into_inner(),
        starts.into_inner(),
        took.as_secs_f64(),
        done as f64 * 60.0 / took.as_secs_f64() / threads as f64,
    );
    if let Ok(replies) = replies.into_inner() {
        let heard: Vec<_> = replies.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        println!("heard: {}", heard.join(", "));
    }
    match failed.into_inner() {
        Ok(Some((seed, failure))) => {
            report(seed, failure);
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
