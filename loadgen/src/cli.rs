//! The command line, and how it becomes configurations.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use tidegate_loadgen::LoadError;
use tidegate_loadgen::choice::Mix;
use tidegate_loadgen::convert::ConvertConfig;
use tidegate_loadgen::replay::{ReplayConfig, ReplayPace};
use tidegate_loadgen::run::{Pace, RunConfig, TargetKind, fresh_prefix};

/// A load generator that checks that the sale adds up.
///
/// Exit code 0: done, and everything adds up. 1: the sale does not add up. 2: it could not be done or not be checked.
#[derive(Debug, Parser)]
#[command(name = "tidegate-loadgen", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Drive an even load of reservations and reads, then compare every accepted order with REPORT.
    Run(Box<RunArgs>),
    /// Play a trace of real purchases, then compare every accepted order with REPORT.
    Replay(ReplayArgs),
    /// Convert the UCI Online Retail data set to a trace.
    Convert(ConvertArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Address of the server.
    #[arg(long, value_name = "ADDR")]
    target: String,
    /// What is behind the address.
    #[arg(long, value_enum, default_value_t = KindArg::Tidegate)]
    target_kind: KindArg,
    /// Open loop: requests a second, whether or not the server keeps up.
    #[arg(long, value_name = "N", conflicts_with = "closed")]
    rate: Option<u64>,
    /// Closed loop: connections x pipeline always in flight. The default without --rate.
    #[arg(long)]
    closed: bool,
    /// Measured seconds, after the warm-up.
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    duration: f64,
    /// Seconds at the start that are loaded but not measured.
    #[arg(long, value_name = "S", default_value_t = 0.0)]
    warmup: f64,
    /// End after this many requests, if that is before the time is over.
    #[arg(long, value_name = "N")]
    requests: Option<u64>,
    /// Connections, over all threads.
    #[arg(long, value_name = "N", default_value_t = 50)]
    connections: u32,
    /// Most requests in flight on one connection.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pipeline: u32,
    /// Shares of reserve, get, pay and cancel.
    #[arg(long, value_name = "MIX", default_value = "reserve=20,get=80")]
    mix: String,
    /// Number of SKUs.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    skus: u32,
    /// Choose SKUs by zipf with this exponent; uniform without it.
    #[arg(long, value_name = "S")]
    zipf: Option<f64>,
    /// Number of buyers.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    buyers: u32,
    /// Units of each SKU.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    stock: u64,
    /// Units per buyer and SKU; 0 for no limit.
    #[arg(long, value_name = "N", default_value_t = 0)]
    per_buyer_limit: u32,
    /// What the names of the SKUs begin with; new for each run unless given.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Seed of every random choice.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Worker threads.
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: u32,
    /// Accepted orders that are read back one by one at the end.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    read_back: u32,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Write the result as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Do not show progress.
    #[arg(long)]
    pub(crate) no_progress: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindArg {
    Tidegate,
    RedisLua,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Address of the server.
    #[arg(long, value_name = "ADDR")]
    target: String,
    /// The trace.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: PathBuf,
    /// Play so many times as fast as it happened.
    #[arg(long, value_name = "X", conflicts_with = "closed")]
    speed: Option<f64>,
    /// Play as fast as the server answers. The default without --speed.
    #[arg(long)]
    closed: bool,
    /// Connections. All lines of a SKU go over one of them.
    #[arg(long, value_name = "N", default_value_t = 16)]
    connections: u32,
    /// Most requests in flight on one connection.
    #[arg(long, value_name = "N", default_value_t = 16)]
    pipeline: u32,
    /// Put before the SKU names of the trace, to play it again on the same server.
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// The data set, CSV or gzip'd CSV.
    #[arg(long = "in", value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// The trace to write, gzip'd CSV.
    #[arg(long = "out", value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Only this day; may be repeated. All days without it.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Vec<Date>,
    /// Stock per SKU in percent of what its day sold.
    #[arg(long, value_name = "N", default_value_t = 60)]
    stock_percent: u32,
}

impl RunArgs {
    pub(crate) fn config(&self) -> Result<RunConfig, LoadError> {
        Ok(RunConfig {
            target: self.target.clone(),
            kind: match self.target_kind {
                KindArg::Tidegate => TargetKind::Tidegate,
                KindArg::RedisLua => TargetKind::RedisLua,
            },
            pace: self.rate.map_or(Pace::Closed, |rate| Pace::Open { rate }),
            duration: seconds("--duration", self.duration)?,
            warmup: seconds("--warmup", self.warmup)?,
            requests: self.requests,
            connections: self.connections,
            pipeline: self.pipeline,
            mix: Mix::parse(&self.mix)?,
            skus: self.skus,
            zipf: self.zipf,
            buyers: self.buyers,
            stock: self.stock,
            per_buyer_limit: self.per_buyer_limit,
            prefix: self.prefix.clone().unwrap_or_else(fresh_prefix),
            seed: self.seed,
            threads: self.threads,
            read_back: self.read_back,
        })
    }
}

impl ReplayArgs {
    pub(crate) fn config(&self) -> ReplayConfig {
        ReplayConfig {
            pace: self.speed.map_or(ReplayPace::Closed, ReplayPace::Speed),
            connections: self.connections,
            pipeline: self.pipeline,
            prefix: self.prefix.clone(),
            ..ReplayConfig::new(&self.target)
        }
    }
}

impl ConvertArgs {
    pub(crate) fn config(&self) -> ConvertConfig {
        ConvertConfig { days: self.day.clone(), stock_percent: self.stock_percent }
    }
}

fn seconds(option: &str, seconds: f64) -> Result<Duration, LoadError> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        LoadError::Config(format!("{option} is {seconds}, it must be a number of seconds, 0 or more"))
    })
}
