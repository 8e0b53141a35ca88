//! `tidegate demo`: a whole sale on this machine, on real purchases, over real TCP.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tidegate_actors::SystemClock;
use tidegate_loadgen::Bar;
use tidegate_loadgen::replay::{ReplayConfig, ReplayPace, ReplayResult, replay};
use tidegate_loadgen::show::{self, thousands};
use tidegate_loadgen::trace::Trace;

use crate::cli::DemoArgs;
use crate::config::{Log, LogFormat};
use crate::inside::Server;
use crate::logging;
use crate::serve::Addresses;
use crate::shutdown::Shutdown;
use crate::tour;

/// The purchases, in the binary, so that the demo runs wherever it is copied to.
const TRACE: &[u8] = include_bytes!("../../config/trace/online-retail-two-days.csv.gz");
/// The exit code of a program that a signal ended, as shells have it for SIGINT.
const INTERRUPTED: i32 = 130;

/// What the trace is called in messages.
const TRACE_NAME: &str = "config/trace/online-retail-two-days.csv.gz";

/// Sells two days of a real shop, prints what happened and whether it adds up, and fails if it does not.
///
/// # Errors
/// If the sale can't be held: no port, no disk, a defect.
pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    logging::init(&Log { filter: "warn".to_owned(), format: LogFormat::Human })?;
    if args.tour {
        return tour::run(args);
    }
    let trace = Arc::new(Trace::read_compressed(TRACE, Path::new(TRACE_NAME))?);
    let directory = tempfile::Builder::new().prefix("tidegate-demo-").tempdir()?;
    announce(&trace, directory.path());

    let interruption = Interruption::watch(directory.path())?;
    let server = Server::start(SystemClock, directory.path(), |_| {})?;
    let result = sell(args, &trace, server.addresses.tcp)?;
    print!("{}", show::replay_result(&result));
    print_journal(&server)?;
    let adds_up = result.verdict.ok;
    if args.keep {
        print_addresses(server.addresses, directory.path());
        interruption.wait();
        server.stop()?;
    } else {
        server.stop()?;
        print_inspection(directory.path())?;
    }
    Ok(if adds_up { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn announce(trace: &Trace, directory: &Path) {
    let days: Vec<&str> = trace.days.iter().map(|day| day.date.as_str()).collect();
    println!("Two days of a real shop: {} ({}, {}).", days.join(" and "), trace.source, trace.licence);
    println!(
        "{} SKUs, each with {} % of the units that were asked for, so that many sell out; {} purchases.",
        thousands(trace.skus.len() as u64),
        trace.stock_percent,
        thousands(trace.reservations() as u64),
    );
    println!("The journal is in {}; every answer waits until it is on disk.\n", directory.display());
}

fn sell(args: &DemoArgs, trace: &Arc<Trace>, tcp: SocketAddr) -> anyhow::Result<ReplayResult> {
    let config = ReplayConfig {
        pace: args.speed.map_or(ReplayPace::Closed, ReplayPace::Speed),
        ..ReplayConfig::new(tcp.to_string())
    };
    let mut bar = Bar::new(args.no_progress);
    let result = replay(&config, trace, |progress| bar.replay(progress));
    bar.finish();
    Ok(result?)
}

/// Waits for a signal: one that comes in the middle of the sale ends the demo and leaves nothing behind.
pub(crate) struct Interruption {
    /// Whether a signal ends the demo there and then.
    at_once: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Interruption {
    pub(crate) fn watch(directory: &Path) -> anyhow::Result<Self> {
        let at_once = Arc::new(AtomicBool::new(true));
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut signals = Shutdown::on_signals()?;
        let (directory, is_selling) = (directory.to_owned(), Arc::clone(&at_once));
        let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(signals.asked());
            if is_selling.load(Ordering::SeqCst) {
                // What can't be removed is the system's to tidy up: it is in the directory for temporary files.
                let _ = std::fs::remove_dir_all(&directory);
                std::process::exit(INTERRUPTED);
            }
        })?;
        Ok(Self { at_once, thread })
    }

    /// Waits for a signal and lets the caller end in order.
    pub(crate) fn wait(self) {
        self.at_once.store(false, Ordering::SeqCst);
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

/// Says what the sale cost the disk, as the status page tells it.
fn print_journal(server: &Server) -> anyhow::Result<()> {
    let status = get_status(server.addresses.http).context("cannot read the status page")?;
    let number = |path: &str| status.pointer(path).and_then(serde_json::Value::as_u64).unwrap_or(0);
    println!(
        "\njournal: {} events in {} commits; half of them took at most {} µs, 99 of 100 at most {} µs",
        thousands(number("/journal/durable_sequence")),
        thousands(number("/journal/commits/count")),
        thousands(number("/journal/commits/duration_us/p50")),
        thousands(number("/journal/commits/duration_us/p99")),
    );
    Ok(())
}

fn get_status(http: SocketAddr) -> anyhow::Result<serde_json::Value> {
    let mut stream = TcpStream::connect(http)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET /status HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no body")?;
    Ok(serde_json::from_str(body)?)
}

pub(crate) fn print_addresses(addresses: Addresses, directory: &Path) {
    println!("\nThe server goes on until you press Ctrl-C:");
    println!("  redis-cli -p {} SKU.GET <sku>        (REPORT <sku> for its books)", addresses.tcp.port());
    println!("  http://{}/status and /metrics", addresses.http);
    println!("  {} holds its journal; it is removed at the end", directory.display());
}

/// Reads the closed journal once more from the disk.
fn print_inspection(directory: &Path) -> anyhow::Result<()> {
    let inspection = tidegate_persistence::inspect(directory)?;
    if !inspection.is_sound() {
        bail!("the journal is damaged:\n{inspection}");
    }
    println!(
        "read back from disk: every block is sound, and {} SKUs are as they were.",
        thousands(inspection.skus.len() as u64)
    );
    println!(
        "\nNext: `cargo run --release -- demo --keep` leaves it running; the README shows a sale by hand."
    );
    Ok(())
}
