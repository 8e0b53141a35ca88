//! What a live order or an open room costs: memory, and the longest turn while one SKU grows to millions of them.
//!
//! `memory [ORDERS]`, 5,000,000 by default, or `memory rooms [ROOMS]`, 1,000,000 by default; every order has another buyer, and all ids are 16 bytes. Bytes are
//! counted twice: as given out by the allocator, and as resident in memory. Turns are timed twice: by the wall's
//! clock, and by the thread's, which stands still while another process has the core. A turn that changes nothing is
//! timed too: its longest is what the machine does to any turn.
//!
//! With `MIMALLOC_ALLOW_THP=0` the allocator uses no huge pages. The kernel clears one in the middle of a turn, which
//! can take several milliseconds.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cap::Cap;
use hdrhistogram::Histogram;
use memory_stats::memory_stats;
use mimalloc::MiMalloc;
use rustix::time::{ClockId, clock_gettime};
use tidegate_benches::Sale;
use tidegate_engine::{Answer, NoChange};

#[global_allocator]
static ALLOCATOR: Cap<MiMalloc> = Cap::new(MiMalloc, usize::MAX);

/// One command about the order or the room of a number.
type Turn = fn(&mut Sale, u32) -> Result<Answer, NoChange>;

/// The longest turn that the sale allows.
const STALL: Duration = Duration::from_millis(1);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    let rooms = arguments.next_if(|word| word == "rooms").is_some();
    let given =
        arguments.next().map(|text| text.parse().context("ORDERS, ROOMS: a whole number")).transpose()?;
    if rooms {
        let phases: [(&str, Turn); 2] = [("open", Sale::open), ("join", Sale::join)];
        measure(Sale::in_rooms()?, "room", given.unwrap_or(1_000_000), &phases)
    } else {
        let phases: [(&str, Turn); 3] =
            [("reserve", Sale::reserve), ("reserve again", again), ("pay", Sale::pay)];
        measure(Sale::endless(0)?, "order", given.unwrap_or(5_000_000), &phases)
    }
}

/// Does each of these for every number, one after the other.
fn measure(mut sale: Sale, what: &str, count: u32, phases: &[(&str, Turn)]) -> Result<()> {
    for (name, turn) in phases {
        let mut turns = Turns::new()?;
        let before = Bytes::now()?;
        for number in 1..=count {
            turns.time(number, || turn(&mut sale, number))?;
        }
        println!("{name}: {count} {what}s");
        Bytes::now()?.print_growth(&before, count, what);
        turns.print();
    }
    Ok(())
}

/// A reservation that was accepted before: it changes nothing, so whatever takes long here is the machine.
fn again(sale: &mut Sale, buyer: u32) -> Result<Answer, NoChange> {
    match sale.reserve(buyer) {
        Err(NoChange::Repeated(answer)) => Ok(answer),
        other => other,
    }
}

/// Memory in use.
struct Bytes {
    allocated: usize,
    resident: usize,
}

impl Bytes {
    fn now() -> Result<Self> {
        let resident =
            memory_stats().context("this system does not say how much memory is in use")?.physical_mem;
        Ok(Self { allocated: ALLOCATOR.allocated(), resident })
    }

    fn print_growth(&self, before: &Self, count: u32, what: &str) {
        let each = |now: usize, then: usize| now.saturating_sub(then) as f64 / f64::from(count);
        println!("  {:6.1} bytes for each {what} allocated", each(self.allocated, before.allocated));
        println!("  {:6.1} bytes for each {what} resident", each(self.resident, before.resident));
    }
}

/// How long turns took, in nanoseconds.
struct Turns {
    wall: Histogram<u64>,
    thread: Histogram<u64>,
    longest: (Duration, u32),
    stalls: u32,
}

impl Turns {
    fn new() -> Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, 60_000_000_000, 3);
        let (wall, thread) = (histogram()?, histogram()?);
        Ok(Self { wall, thread, longest: (Duration::ZERO, 0), stalls: 0 })
    }

    fn time(&mut self, number: u32, turn: impl FnOnce() -> Result<Answer, NoChange>) -> Result<()> {
        let (thread, wall) = (thread_time(), Instant::now());
        let told = turn();
        let (wall, thread) = (wall.elapsed(), thread_time().saturating_sub(thread));
        told.map_err(|no| anyhow::anyhow!("turn {number}: {no:?}"))?;
        self.wall.saturating_record(u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX));
        self.thread.saturating_record(u64::try_from(thread.as_nanos()).unwrap_or(u64::MAX));
        self.longest = self.longest.max((thread, number));
        self.stalls += u32::from(thread > STALL);
        Ok(())
    }

    fn print(&self) {
        for (name, times) in [("wall", &self.wall), ("thread", &self.thread)] {
            let at = |percent| times.value_at_percentile(percent) as f64 / 1000.0;
            println!(
                "  {name:>6} clock: mean {:.2} us, p50 {:.2}, p99 {:.2}, p99.99 {:.2}, longest {:.1}",
                times.mean() / 1000.0,
                at(50.0),
                at(99.0),
                at(99.99),
                times.max() as f64 / 1000.0
            );
        }
        let (longest, number) = self.longest;
        println!("  longest turn {longest:?} at number {number}; {} turns above {STALL:?}", self.stalls);
    }
}

/// What this thread has computed so far.
fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), nanos)
}
