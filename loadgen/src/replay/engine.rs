//! Sockets and time around the player.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::LocalSet;

use super::player::{Clock, Fate, Player, buyer, purchase};
use super::result::{ReplayResult, SkuResult};
use crate::choice::Action;
use crate::client::Client;
use crate::error::LoadError;
use crate::ledger::{Finding, Ledger, OrderState, Report, Verdict};
use crate::link::{Driven, drive, elapsed_ns, open};
use crate::run::tidegate::{ExpectedOrder, NewSku, compare_reports, put_all, read_back};
use crate::run::{RequestCounts, TargetKind, Throughput, runtime};
use crate::trace::Trace;

/// How long a replay waits for a server that went away.
const GONE_WAIT: Duration = Duration::from_secs(60);
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
const TICK: Duration = Duration::from_millis(1);
/// Holds last this much longer than the replay, so that nothing expires under the ledger.
const HOLD_MARGIN_S: u64 = 3_600;

/// How fast a trace is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReplayPace {
    /// So many times as fast as it happened; latency counts from the scheduled time.
    Speed(f64),
    /// As fast as the server answers: connections x pipeline are always in flight.
    Closed,
}

/// A replay. [`ReplayConfig::new`] has the defaults of the command line.
#[derive(Debug, Clone)]
pub struct ReplayConfig {
    /// Address of the server, `host:port`.
    pub target: String,
    /// How fast.
    pub pace: ReplayPace,
    /// Connections. All lines of a SKU go over one of them.
    pub connections: u32,
    /// Most requests in flight on one connection.
    pub pipeline: u32,
    /// Put before the trace's SKU names, so that a trace can be played twice on one server.
    pub prefix: String,
    /// Whether every accepted order is read back one by one at the end.
    pub read_back: bool,
}

impl ReplayConfig {
    /// A closed-loop replay with the defaults of the command line.
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            pace: ReplayPace::Closed,
            connections: 16,
            pipeline: 16,
            prefix: String::new(),
            read_back: true,
        }
    }

    fn validate(&self) -> Result<(), LoadError> {
        let bad = |reason: &str| Err(LoadError::Config(reason.to_owned()));
        match self.pace {
            ReplayPace::Speed(speed) if !(0.001..=1e9).contains(&speed) => {
                return bad("--speed must be 0.001 to 1000000000");
            }
            _ => {}
        }
        if !(1..=1_000).contains(&self.connections) {
            return bad("--connections must be 1 to 1000");
        }
        if !(1..=10_000).contains(&self.pipeline) {
            return bad("--pipeline must be 1 to 10000");
        }
        Ok(())
    }
}

/// What is known while a replay is under way.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplayProgress {
    /// Time since the replay began.
    pub elapsed: Duration,
    /// The trace's clock, in milliseconds.
    pub trace_ms: u64,
    /// Length of the trace, in milliseconds.
    pub trace_total_ms: u64,
    /// Requests sent.
    pub sent: u64,
    /// Requests answered.
    pub answered: u64,
    /// Purchases accepted.
    pub accepted: u64,
    /// Purchases answered `SOLD_OUT`.
    pub sold_out_answers: u64,
    /// SKUs whose last unit is taken.
    pub skus_sold_out: u64,
    /// Units of paid orders.
    pub units_sold: u64,
    /// RESP errors.
    pub errors: u64,
    /// Worst 99th percentile of any command so far, in microseconds.
    pub p99_us: u64,
}

impl ReplayProgress {
    fn of(player: &Player, elapsed: Duration, trace_total_ms: u64) -> Self {
        let accounts = player.ledger.accounts();
        Self {
            elapsed,
            trace_ms: player.counters.trace_ms,
            trace_total_ms,
            sent: player.counters.sent,
            answered: player.counters.answered,
            accepted: accounts.iter().map(|account| account.accepted.orders).sum(),
            sold_out_answers: player.counters.sold_out_answers,
            skus_sold_out: player.shelves.iter().filter(|shelf| shelf.emptied_at_ms.is_some()).count() as u64,
            units_sold: accounts.iter().map(|account| account.paid.units).sum(),
            errors: player.counters.errors,
            p99_us: player.stats.iter().map(|stats| stats.latencies.p99_us()).max().unwrap_or(0),
        }
    }
}

/// Puts the trace's SKUs, plays it, and verifies. Every accepted purchase is paid at once, except those that the
/// trace cancels later: these stay open until they are cancelled.
///
/// Blocks the calling thread; `on_progress` is called on it about ten times a second and once at the end. Must not
/// be called from within an async runtime.
///
/// A sale that does not add up is `Ok` with [`Verdict::ok`] false; an error means that the replay could not be done
/// or not be verified.
pub fn replay(
    config: &ReplayConfig,
    trace: &Arc<Trace>,
    mut on_progress: impl FnMut(&ReplayProgress),
) -> Result<ReplayResult, LoadError> {
    config.validate()?;
    let runtime = runtime()?;
    let names: Vec<String> = trace.skus.iter().map(|sku| format!("{}{}", config.prefix, sku.name)).collect();
    runtime.block_on(async {
        let mut client = Client::connect_ready(&config.target).await?;
        put_skus(&mut client, config, trace, &names).await?;
        let accounts = names.iter().zip(&trace.skus).map(|(name, sku)| (name.clone(), sku.stock, sku.price));
        let clock = match config.pace {
            ReplayPace::Closed => Clock::Closed,
            ReplayPace::Speed(speed) => Clock::Paced { ns_per_ms: 1e6 / speed },
        };
        let (connections, pipeline) = (config.connections as usize, config.pipeline as usize);
        let player =
            Player::new(Arc::clone(trace), Ledger::new(accounts, false), clock, connections, pipeline);
        let trace_ms = trace.length_ms();
        let (player, took) = play(config, player, trace_ms, &mut on_progress).await?;
        let mut client = Client::connect_ready(&config.target).await?;
        verify(&mut client, config, trace, &player, took).await
    })
}

async fn put_skus(
    client: &mut Client,
    config: &ReplayConfig,
    trace: &Trace,
    names: &[String],
) -> Result<(), LoadError> {
    let playing_s = match config.pace {
        ReplayPace::Speed(speed) => (trace.length_ms() as f64 / 1e3 / speed) as u64,
        ReplayPace::Closed => 0,
    };
    let puts: Vec<_> = names
        .iter()
        .zip(&trace.skus)
        .map(|(name, sku)| {
            NewSku {
                name,
                title: &sku.title,
                stock: sku.stock,
                currency: &trace.currency,
                price: sku.price,
                hold_s: playing_s + HOLD_MARGIN_S,
                per_buyer_limit: 0,
            }
            .put()
        })
        .collect();
    put_all(client, &puts).await
}

/// Plays the whole trace and returns the player with the time it took.
async fn play(
    config: &ReplayConfig,
    player: Player,
    trace_ms: u64,
    on_progress: &mut impl FnMut(&ReplayProgress),
) -> Result<(Player, Duration), LoadError> {
    let halves = open(&config.target, config.connections as usize).await?;
    let started = Instant::now();
    let player = Rc::new(RefCell::new(player));
    let tasks = LocalSet::new();
    for (line, (reader, writer)) in halves.into_iter().enumerate() {
        player.borrow_mut().connected(line, writer, elapsed_ns(started));
        tasks.spawn_local(drive(config.target.clone(), Rc::clone(&player), line, reader, started));
    }
    let played = tasks.run_until(tick(&config.target, &player, started, trace_ms, on_progress)).await;
    let took = started.elapsed();
    // Ends the tasks, and with them their hold on the player.
    drop(tasks);
    played?;
    let player = Rc::into_inner(player).map(RefCell::into_inner);
    let player = player.ok_or_else(|| LoadError::Worker("a connection is still at work".to_owned()))?;
    on_progress(&ReplayProgress::of(&player, took, trace_ms));
    Ok((player, took))
}

/// The player's clock. Returns when everything is played and answered, or when the server stays away.
async fn tick(
    target: &str,
    player: &Rc<RefCell<Player>>,
    started: Instant,
    trace_ms: u64,
    on_progress: &mut impl FnMut(&ReplayProgress),
) -> Result<(), LoadError> {
    let mut progress_at = Duration::ZERO;
    let mut connected_at = Duration::ZERO;
    loop {
        let elapsed = started.elapsed();
        {
            let mut player = player.borrow_mut();
            player.tick(elapsed_ns(started));
            if player.is_done() {
                return Ok(());
            }
            if player.is_connected() {
                connected_at = elapsed;
            } else if elapsed - connected_at > GONE_WAIT {
                let source = std::io::ErrorKind::NotConnected.into();
                return Err(LoadError::Lost { target: target.to_owned(), doing: "replaying", source });
            }
            if elapsed >= progress_at {
                progress_at = elapsed + PROGRESS_EVERY;
                on_progress(&ReplayProgress::of(&player, elapsed, trace_ms));
            }
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn verify(
    client: &mut Client,
    config: &ReplayConfig,
    trace: &Trace,
    player: &Player,
    took: Duration,
) -> Result<ReplayResult, LoadError> {
    let mut skus = sku_results(trace, player);
    let mut findings = compare_reports(client, &player.ledger, 0, |position, report, balanced| {
        let sku = &mut skus[position];
        let Report { total, available, reserved, sold, .. } = *report;
        (sku.total, sku.available, sku.reserved, sku.sold) = (total, available, reserved, sold);
        sku.balanced = balanced;
    })
    .await?;
    let orders = if config.read_back { expected_orders(trace, player) } else { Vec::new() };
    let wrong = read_back(client, &orders).await?;
    for Finding { sku, .. } in &wrong {
        for result in skus.iter_mut().filter(|result| result.sku == *sku) {
            result.balanced = false;
        }
    }
    findings.extend(wrong);
    let counters = player.counters;
    let commands = Action::ALL
        .into_iter()
        .zip(&player.stats)
        .filter(|(_, stats)| stats.is_used())
        .map(|(action, stats)| (TargetKind::Tidegate.command(action).to_owned(), stats.result()))
        .collect();
    Ok(ReplayResult {
        format: "tidegate-loadgen.replay.v1",
        version: env!("CARGO_PKG_VERSION"),
        source: format!("{}, {}", trace.source, trace.licence),
        currency: trace.currency.clone(),
        trace_ms: trace.length_ms(),
        throughput: Throughput::new(None, counters.answered, took.as_secs_f64()),
        requests: RequestCounts {
            sent: counters.sent,
            answered: counters.answered,
            // Whatever was not answered was sent again.
            unanswered: counters.sent - counters.answered,
            unsent: 0,
            lost_connections: counters.lost_connections,
            errors: counters.errors,
        },
        commands,
        purchases: trace.reservations() as u64,
        nothing_to_cancel: counters.nothing_to_cancel,
        skus,
        verdict: Verdict::new(&player.ledger, orders.len() as u64, findings),
    })
}

/// What the answers say about each SKU; the server's own counts come later.
fn sku_results(trace: &Trace, player: &Player) -> Vec<SkuResult> {
    trace
        .skus
        .iter()
        .zip(player.ledger.accounts())
        .zip(&player.shelves)
        .map(|((sku, account), shelf)| SkuResult {
            sku: account.sku.clone(),
            title: sku.title.clone(),
            day: trace.days.get(sku.day as usize).map_or_else(String::new, |day| day.date.clone()),
            price: sku.price,
            asked_units: shelf.asked_units,
            refused_lines: shelf.refused_lines,
            refused_units: shelf.refused_units,
            sold_units: account.paid.units,
            sold_money: account.paid.money,
            sold_out_at_ms: shelf.emptied_at_ms,
            sold_out_at: shelf.emptied_at_ms.and_then(|at_ms| moment(trace, at_ms)),
            first_refused_at_ms: shelf.first_refused_at_ms,
            ..SkuResult::default()
        })
        .collect()
}

fn moment(trace: &Trace, at_ms: u64) -> Option<String> {
    Timestamp::from_millisecond(trace.moment_ms(at_ms)?).ok().map(|moment| moment.to_string())
}

/// Every accepted order, with the state it must be in.
fn expected_orders<'a>(trace: &'a Trace, player: &'a Player) -> Vec<ExpectedOrder<'a>> {
    let doubtful = |position: u32| {
        let account = &player.ledger.accounts()[purchase(trace, position).sku as usize];
        account.unknown_pays.orders + account.unknown_cancels.orders > 0
    };
    (0..)
        .zip(&player.fates)
        .filter_map(|(position, fate)| {
            let (order, amount, state) = match fate {
                Fate::Held { order, amount } => (order, amount, OrderState::Reserved),
                Fate::Paid { order, amount } => (order, amount, OrderState::Paid),
                Fate::Cancelled { order, amount } => (order, amount, OrderState::Cancelled),
                Fate::RefundDue { order, amount } => (order, amount, OrderState::RefundDue),
                Fate::Waiting | Fate::Gone => return None,
            };
            let bought = purchase(trace, position);
            Some(ExpectedOrder {
                id: order,
                sku: &player.ledger.accounts()[bought.sku as usize].sku,
                buyer: buyer(trace, position).as_bytes(),
                qty: bought.qty,
                amount: *amount,
                state: (!doubtful(position)).then_some(state.word()),
            })
        })
        .collect()
}
