//! Threads, sockets and time around the workers.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use super::config::{DRAIN, Pace, RunConfig, TargetKind, UNIT_PRICE};
use super::orders::{OwnOrder, Sample};
use super::result::{FORMAT, RequestCounts, RunResult, Throughput};
use super::templates::Templates;
use super::worker::{Counters, Window, Worker, WorkerParts};
use super::{redis_lua, tidegate};
use crate::choice::{Action, Chooser};
use crate::client::Client;
use crate::cpu::processor_time;
use crate::error::LoadError;
use crate::ledger::{Ledger, Verdict};
use crate::link::{Driven, drive, elapsed_ns, open};
use crate::outcome::CommandStats;
use crate::schedule::Schedule;

/// How often progress is reported, and how often workers refresh what it shows.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// A closed loop is driven by its replies; its tick only looks at the end and at full socket buffers.
const CLOSED_TICK: Duration = Duration::from_millis(5);
/// What is known while a run is under way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// Time since the load began.
    pub elapsed: Duration,
    /// Time it will take, warm-up included.
    pub planned: Duration,
    /// Requests sent.
    pub sent: u64,
    /// Requests answered.
    pub answered: u64,
    /// Reservations accepted.
    pub accepted: u64,
    /// RESP errors.
    pub errors: u64,
    /// Requests sent and not answered.
    pub in_flight: u64,
    /// Requests due and not sent.
    pub backlog: u64,
    /// Worst 99th percentile of any command so far, in microseconds.
    pub p99_us: u64,
}

/// What a worker publishes for [`Progress`].
#[derive(Debug, Default)]
struct Gauges {
    sent: AtomicU64,
    answered: AtomicU64,
    accepted: AtomicU64,
    errors: AtomicU64,
    in_flight: AtomicU64,
    backlog: AtomicU64,
    p99_us: AtomicU64,
}

impl Gauges {
    fn publish(&self, worker: &Worker, now_ns: u64) {
        let p99 = worker.stats.iter().map(|stats| stats.latencies.p99_us()).max().unwrap_or(0);
        for (gauge, value) in [
            (&self.sent, worker.counters.sent),
            (&self.answered, worker.counters.answered),
            (&self.accepted, worker.counters.accepted),
            (&self.errors, worker.counters.errors),
            (&self.in_flight, worker.in_flight()),
            (&self.backlog, worker.backlog(now_ns)),
            (&self.p99_us, p99),
        ] {
            gauge.store(value, Ordering::Relaxed);
        }
    }
}

/// What a worker thread leaves behind.
struct Finished {
    ledger: Ledger,
    stats: [CommandStats; 4],
    counters: Counters,
    unsent: u64,
    sample: Vec<OwnOrder>,
}

/// Puts the SKUs, drives the load, and verifies. Blocks the calling thread; `on_progress` is called on it about
/// five times a second. Must not be called from within an async runtime.
///
/// A sale that does not add up is `Ok` with [`Verdict::ok`] false; an error means that the run could not be done or
/// not be verified.
pub fn run(config: &RunConfig, mut on_progress: impl FnMut(&Progress)) -> Result<RunResult, LoadError> {
    config.validate()?;
    let runtime = runtime()?;
    let templates = Arc::new(runtime.block_on(prepare(config))?);
    let warmup_ns = config.warmup.as_nanos() as u64;
    let window = Window { start_ns: warmup_ns, end_ns: warmup_ns + config.duration.as_nanos() as u64 };

    let gauges: Vec<_> = (0..config.threads).map(|_| Arc::new(Gauges::default())).collect();
    let barrier = Arc::new(Barrier::new(config.threads as usize + 1));
    let mut threads = Vec::new();
    for (number, gauges) in (0..config.threads).zip(&gauges) {
        let parts = parts(config, number, window, Arc::clone(&templates))?;
        let (target, gauges, barrier) = (config.target.clone(), Arc::clone(gauges), Arc::clone(&barrier));
        let worker = move || worker_thread(&target, parts, &gauges, &barrier);
        let thread = thread::Builder::new().name(format!("load-{number}")).spawn(worker);
        threads.push(thread.map_err(|error| LoadError::Worker(error.to_string()))?);
    }
    barrier.wait();
    let (started, processor) = (Instant::now(), processor_time());
    watch(&threads, &gauges, started, config.warmup + config.duration, &mut on_progress);
    let cores = match (processor, processor_time()) {
        (Some(before), Some(after)) => {
            Some(after.saturating_sub(before).as_secs_f64() / started.elapsed().as_secs_f64())
        }
        _ => None,
    };

    let mut all = Vec::new();
    for thread in threads {
        let finished = thread.join().map_err(|_| LoadError::Worker("it panicked".to_owned()))?;
        all.push(finished?);
    }
    let (mut total, sample) = merge(all);
    let verdict = runtime.block_on(verify(config, &total.ledger, &sample))?;
    if config.requests.is_some() {
        total.counters.last_answer_ns = total.counters.last_answer_ns.min(window.end_ns);
    } else {
        total.counters.last_answer_ns = window.end_ns;
    }
    Ok(result(config, window, &total, verdict, cores))
}

pub(crate) fn runtime() -> Result<Runtime, LoadError> {
    Builder::new_current_thread().enable_all().build().map_err(|error| LoadError::Worker(error.to_string()))
}

async fn prepare(config: &RunConfig) -> Result<Templates, LoadError> {
    let mut client = Client::connect_ready(&config.target).await?;
    match config.kind {
        TargetKind::Tidegate => tidegate::prepare(&mut client, config).await,
        TargetKind::RedisLua => redis_lua::prepare(&mut client, config).await,
    }
}

async fn verify(config: &RunConfig, ledger: &Ledger, sample: &[OwnOrder]) -> Result<Verdict, LoadError> {
    let mut client = Client::connect_ready(&config.target).await?;
    match config.kind {
        TargetKind::Tidegate => tidegate::verify(&mut client, config, ledger, sample).await,
        TargetKind::RedisLua => redis_lua::verify(&mut client, config, ledger).await,
    }
}

/// One thread's share of the load.
fn parts(
    config: &RunConfig,
    number: u32,
    window: Window,
    templates: Arc<Templates>,
) -> Result<WorkerParts, LoadError> {
    let share = |whole: u64| {
        let threads = u64::from(config.threads);
        whole / threads + u64::from(u64::from(number) < whole % threads)
    };
    let by_buyer = config.per_buyer_limit > 0 || config.kind == TargetKind::RedisLua;
    let skus = (0..config.skus).map(|sku| (config.sku_name(sku), config.stock, UNIT_PRICE));
    Ok(WorkerParts {
        number: number as u8,
        chooser: Chooser::new(
            config.mix.clone(),
            config.skus,
            config.zipf,
            config.buyers,
            config.seed.wrapping_add(u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        )?,
        templates,
        pace: match config.pace {
            Pace::Open { rate } => Pace::Open { rate: share(rate) },
            Pace::Closed => Pace::Closed,
        },
        window,
        pipeline: config.pipeline as usize,
        allowance: config.requests.map_or(u64::MAX, share),
        connections: share(config.connections.into()) as usize,
        acts_on_orders: config.mix.acts_on_orders(),
        sample: share(config.read_back.into()) as usize,
        ledger: Ledger::new(skus, by_buyer),
    })
}

fn watch(
    threads: &[JoinHandle<Result<Finished, LoadError>>],
    gauges: &[Arc<Gauges>],
    started: Instant,
    planned: Duration,
    on_progress: &mut impl FnMut(&Progress),
) {
    while threads.iter().any(|thread| !thread.is_finished()) {
        let sum = |gauge: fn(&Gauges) -> &AtomicU64| {
            gauges.iter().map(|gauges| gauge(gauges).load(Ordering::Relaxed)).sum::<u64>()
        };
        on_progress(&Progress {
            elapsed: started.elapsed(),
            planned,
            sent: sum(|gauges| &gauges.sent),
            answered: sum(|gauges| &gauges.answered),
            accepted: sum(|gauges| &gauges.accepted),
            errors: sum(|gauges| &gauges.errors),
            in_flight: sum(|gauges| &gauges.in_flight),
            backlog: sum(|gauges| &gauges.backlog),
            p99_us: gauges.iter().map(|gauges| gauges.p99_us.load(Ordering::Relaxed)).max().unwrap_or(0),
        });
        thread::sleep(PROGRESS_EVERY.min(planned / 20).max(Duration::from_millis(1)));
    }
}

fn worker_thread(
    target: &str,
    parts: WorkerParts,
    gauges: &Gauges,
    barrier: &Barrier,
) -> Result<Finished, LoadError> {
    let connected = runtime().and_then(|runtime| {
        let streams = runtime.block_on(open(target, parts.connections))?;
        Ok((runtime, streams))
    });
    // Everybody waits here, also who failed: the others must not wait for him for ever.
    barrier.wait();
    let (runtime, streams) = connected?;
    let started = Instant::now();
    let end_ns = parts.window.end_ns;
    let open_loop = matches!(parts.pace, Pace::Open { .. });
    let worker = Rc::new(RefCell::new(Worker::new(parts)));
    let tasks = LocalSet::new();
    let mut readers = Vec::new();
    for (line, (reader, writer)) in streams.into_iter().enumerate() {
        worker.borrow_mut().connected(line, writer, elapsed_ns(started));
        readers.push((line, reader));
    }
    for (line, reader) in readers {
        tasks.spawn_local(drive(target.to_owned(), Rc::clone(&worker), line, reader, started));
    }
    runtime.block_on(tasks.run_until(tick(Rc::clone(&worker), gauges, started, end_ns, open_loop)));
    // Ends the tasks, and with them their hold on the worker.
    drop(tasks);
    let mut worker = worker.borrow_mut();
    let unsent = worker.backlog(end_ns);
    for line in 0..worker.lines() {
        worker.give_up_on(line);
    }
    let nothing = Ledger::new([], false);
    Ok(Finished {
        ledger: std::mem::replace(&mut worker.ledger, nothing),
        stats: std::mem::take(&mut worker.stats),
        counters: worker.counters.clone(),
        unsent,
        sample: std::mem::replace(&mut worker.sample, Sample::new(0)).into_orders(),
    })
}

/// The worker's clock: sends what is due, publishes the gauges, and returns when all is answered or [`DRAIN`] after
/// the end.
async fn tick(worker: Rc<RefCell<Worker>>, gauges: &Gauges, started: Instant, end_ns: u64, open_loop: bool) {
    let mut publish_at = 0;
    loop {
        let now_ns = elapsed_ns(started);
        {
            let mut worker = worker.borrow_mut();
            worker.tick(now_ns);
            let done = worker.is_done(now_ns) || now_ns > end_ns.saturating_add(DRAIN.as_nanos() as u64);
            if done || now_ns >= publish_at {
                gauges.publish(&worker, now_ns);
                publish_at = now_ns + PROGRESS_EVERY.as_nanos() as u64;
            }
            if done {
                return;
            }
        }
        let pause =
            if open_loop { Duration::from_nanos(Schedule::next_tick(now_ns) - now_ns) } else { CLOSED_TICK };
        tokio::time::sleep(pause).await;
    }
}

fn merge(all: Vec<Finished>) -> (Finished, Vec<OwnOrder>) {
    let mut all = all.into_iter();
    let mut total = all.next().unwrap_or_else(|| Finished {
        ledger: Ledger::new([], false),
        stats: Default::default(),
        counters: Counters::default(),
        unsent: 0,
        sample: Vec::new(),
    });
    for other in all {
        total.ledger.merge(other.ledger);
        for (ours, theirs) in total.stats.iter_mut().zip(&other.stats) {
            ours.merge(theirs);
        }
        total.counters.merge(&other.counters);
        total.unsent += other.unsent;
        total.sample.extend(other.sample);
    }
    let sample = std::mem::take(&mut total.sample);
    (total, sample)
}

fn result(
    config: &RunConfig,
    window: Window,
    total: &Finished,
    verdict: Verdict,
    cores: Option<f64>,
) -> RunResult {
    let asked = match config.pace {
        Pace::Open { rate } => Some(rate),
        Pace::Closed => None,
    };
    let window_s = total.counters.last_answer_ns.saturating_sub(window.start_ns) as f64 / 1e9;
    let mut throughput = Throughput::new(asked, total.counters.answered_in_window, window_s);
    throughput.generator_cores = cores;
    let commands = Action::ALL
        .into_iter()
        .zip(&total.stats)
        .filter(|(_, stats)| stats.is_used())
        .map(|(action, stats)| (config.kind.command(action).to_owned(), stats.result()))
        .collect();
    RunResult {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        config: config.into(),
        throughput,
        requests: RequestCounts {
            sent: total.counters.sent,
            answered: total.counters.answered,
            unanswered: total.counters.unanswered,
            unsent: total.unsent,
            lost_connections: total.counters.lost_connections,
            errors: total.counters.errors,
        },
        commands,
        verdict,
    }
}
