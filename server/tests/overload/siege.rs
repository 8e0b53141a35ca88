//! A server with its seller, before, under and after a crowd.

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::crowd::{self, Member, Told};
use super::seller::{Seller, Served};
use crate::common::{Ask, Client, Exposition, Process, Socket, until};

/// Limits as most sieges have them: low, so that what goes beyond them shows.
const LIMITS: &str = "
[limits]
partial_command_timeout_ms = 1000
read_buffer_bytes = 65536
output_buffer_bytes = 65536
max_batch_commands = 64
[http]
request_timeout_ms = 1000
[ws]
write_timeout_ms = 1000
[journal]
max_commit_bytes = 262144
max_inflight_bytes = 1048576
cache_bytes = 1048576
";

/// What one connection may cost with these limits, in bytes: what was read and is not decoded, replies that are being
/// written, those that are ready beside them and one reply more.
pub(crate) const PER_CONNECTION: u64 = 4 * (64 << 10);

/// What one WebSocket may cost with them, in bytes: what the HTTP library has read, which may be 256 KiB in its buffer, 32 more on its
/// way, and with us, behind a message of 128 KiB that is not whole, as much again; twice a turn's requests, whose text is up to twice
/// `ws.max_frame_bytes` (128 KiB); replies and one reply more, three times (waiting, next, being written), and the HTTP library's
/// own 64 KiB.
pub(crate) const PER_WEBSOCKET: u64 =
    ((256 + 288 + 128 + 256) << 10) + 2 * 2 * (128 << 10) + 3 * (2 * (64 << 10)) + (64 << 10);

/// What an order costs the whole process, in bytes: with its part of the journal's buffers and of what the allocator keeps.
const PER_ORDER: u64 = 160;

/// Bytes that a server may take besides what its limits admit and its orders: what the allocator keeps, and the journal's buffers.
const BESIDES: u64 = 48 << 20;
/// So many steps in a row that take no longer than before are service as usual.
const USUAL: usize = 50;
/// A step of this length is usual, however short they were before.
const SHORT: Duration = Duration::from_millis(20);

/// A server that is about to be besieged.
pub(crate) struct Siege {
    name: &'static str,
    seller: Seller,
    process: Process,
    /// Bytes resident before the crowd came.
    before: u64,
    calm: Vec<Served>,
    storm: Option<(Instant, Instant)>,
    told: Told,
    _directory: TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// Sieges beside each other would measure each other's crowds.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How large a siege is: one of the tests, or one by hand.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) duration: Duration,
    /// How many times as many connections as in the tests.
    pub(crate) times: usize,
    /// Steps of the seller that are looked at before the crowd comes, and at least when it has gone.
    steps: usize,
}

/// How soon service is as usual again after a crowd.
const BACK: Duration = Duration::from_secs(1);

impl Size {
    fn is_by_hand(self) -> bool {
        self.times > 1
    }

    pub(crate) fn of_this_run() -> Self {
        match std::env::var("TIDEGATE_OVERLOAD_SECONDS") {
            Ok(seconds) => {
                let duration = Duration::from_secs(seconds.parse().expect("a number of seconds"));
                Self { duration, times: 10, steps: 2_000 }
            }
            Err(_) => Self { duration: Duration::from_millis(2_500), times: 1, steps: 200 },
        }
    }
}

impl Siege {
    /// Starts a server with these settings besides (or instead of) the usual ones, and its seller.
    pub(crate) fn begin(name: &'static str, settings: &str) -> Self {
        // One that failed is over too.
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("tidegate.toml");
        std::fs::write(&config, merged(settings)).unwrap();
        let data = directory.path().join("data");
        let mut process = Process::start_listening(&data, &["--config", config.to_str().unwrap()]);
        process.wait_for("ready");
        let mut seller = Seller::begin(process.tcp());
        let steps = Size::of_this_run().steps;
        let calm = seller.wait(|served| (served.len() >= steps).then(|| served.to_vec()));
        let before = memory(&process, "VmRSS");
        Self {
            name,
            process,
            seller,
            before,
            calm,
            storm: None,
            told: Told::new(),
            _directory: directory,
            _alone: alone,
        }
    }

    pub(crate) fn doors(&self) -> (SocketAddr, SocketAddr) {
        (self.process.tcp(), self.process.http())
    }

    pub(crate) fn client(&self) -> Client {
        self.process.client()
    }

    /// A crowd of so many comes, each of whom does this over and over again, and goes: not before each of these was told to
    /// somebody, as far as it begins.
    pub(crate) fn storm<F: Future<Output = ()> + 'static>(
        &mut self,
        count: usize,
        expected: &'static [&'static str],
        does: impl Fn(Member) -> F + Clone + Send + 'static,
    ) {
        let (doors, size) = (self.doors(), Size::of_this_run());
        let began = Instant::now();
        let crowd = std::thread::spawn(move || crowd::gather(doors, count, (size.duration, expected), does));
        let (told, ended) = crowd.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.told = told;
        self.storm = Some((began, ended));
    }

    /// Something else happens, and ends when it says.
    pub(crate) fn weather(&mut self, happens: impl FnOnce() -> Instant) {
        let began = Instant::now();
        self.storm = Some((began, happens()));
    }

    /// Adds something to the report.
    pub(crate) fn note(&mut self, what: &str, count: u64) {
        self.told.insert(what.to_owned(), count);
    }

    /// The crowd has gone: everybody is served again, every order is there, and the server took no more memory than
    /// `most` bytes besides what it had and what its orders cost.
    pub(crate) fn lift(mut self, most: u64) {
        let (began, ended) = self.storm.expect("there was a storm");
        let usual = SHORT.max(4 * quantile(&self.calm, 0.99));
        let from = self.calm.len();
        let doors = self.newcomers().saturating_duration_since(ended);
        let back = self.seller.wait(|served| since_when(&served[from..], ended, usual));
        let wanted = Size::of_this_run().steps;
        let (steps, after) = self.seller.wait(|served| {
            let begins = served.partition_point(|step| step.since < back);
            (served.len() >= begins + wanted).then(|| (served.to_vec(), served[begins..].to_vec()))
        });
        let lent = || self.metrics().sample("tidegate_output_pool_bytes");
        until("what was lent for replies to come back", lent, |bytes| *bytes == 0.0);
        let sales = self.seller.end();
        let mut client = self.client();
        sales.are_all_there(&mut client);
        let peak = memory(&self.process, "VmHWM");
        let most = most + self.orders() * PER_ORDER;
        let storm: Vec<Served> =
            steps[from..].iter().filter(|step| (began..ended).contains(&step.since)).copied().collect();
        report(&json!({
            "crowd": self.name,
            "seconds": (ended - began).as_secs_f64(),
            "orders": sales.len(),
            "put_off": sales.put_off,
            "before_ms": figures(&self.calm),
            "during_ms": figures(&storm),
            "after_ms": figures(&after),
            "back_ms": millis(back - ended),
            "doors_ms": millis(doors),
            "memory_before_mib": mib(self.before),
            "memory_peak_mib": mib(peak),
            "memory_bound_mib": mib(self.before + most + BESIDES),
            "told": self.told,
        }));
        assert!(!storm.is_empty(), "{}: the seller was not served once", self.name);
        if Size::of_this_run().is_by_hand() {
            // Nobody else is on the machine then.
            assert!(back - ended <= BACK, "{}: service was back after {:?}", self.name, back - ended);
        }
        let grown = peak.saturating_sub(self.before);
        assert!(
            grown <= most + BESIDES,
            "{}: {} MiB more than before the crowd came; its limits admit {} MiB",
            self.name,
            mib(grown),
            mib(most + BESIDES)
        );
    }

    /// What the server says of itself. Whoever asks while a crowd is still being dealt with may be told to come again: a head
    /// that was there in time, but could not be read in time, is answered 408.
    pub(crate) fn metrics(&self) -> Exposition {
        let ask = Ask::new(self.doors().1, "GET", "/metrics");
        Exposition::parse(&until("its metrics", || ask.send(), |answer| answer.status == 200).body)
    }

    /// How many orders there are, the crowd's and the seller's.
    fn orders(&self) -> u64 {
        let metrics = self.metrics();
        let by_state = metrics.samples.iter().filter(|(series, _)| series.starts_with("tidegate_orders{"));
        by_state.map(|(_, count)| *count as u64).sum()
    }

    /// When somebody new was served at every door.
    fn newcomers(&self) -> Instant {
        let (tcp, http) = self.doors();
        until("a newcomer over TCP", || Client::connect(tcp).rest_or_pong(), |said| said == "PONG");
        until("a newcomer over HTTP", || page(http), |answer| answer.starts_with("HTTP/1.1 200"));
        until("a newcomer over WebSocket", || Socket::try_connect(http, &[]).is_ok(), |served| *served);
        Instant::now()
    }
}

/// The answer to somebody who asks for a page; nothing, if there is no place.
fn page(address: SocketAddr) -> String {
    let asked = std::net::TcpStream::connect(address).and_then(|mut socket| {
        socket.write_all(b"GET /status HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    });
    asked.unwrap_or_default()
}

/// The usual limits, and these: a section is one text with both.
fn merged(settings: &str) -> String {
    let mut merged: toml::Table = LIMITS.parse().unwrap();
    for (section, more) in settings.parse::<toml::Table>().unwrap() {
        let known = merged.entry(section).or_insert(toml::Table::new().into());
        known.as_table_mut().unwrap().extend(more.as_table().unwrap().clone());
    }
    merged.to_string()
}

/// Since when steps are usual again, if they are: the first of the earliest row of usual ones that began after the end.
fn since_when(steps: &[Served], ended: Instant, usual: Duration) -> Option<Instant> {
    let after = steps.iter().position(|step| step.since + step.took > ended)?;
    let row = steps[after..].windows(USUAL).find(|row| row.iter().all(|step| step.took <= usual))?;
    Some(row[0].since.max(ended))
}

/// A figure of the process from `/proc`, in bytes.
fn memory(process: &Process, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib << 10
}

fn quantile(steps: &[Served], quantile: f64) -> Duration {
    let mut took: Vec<Duration> = steps.iter().map(|step| step.took).collect();
    took.sort();
    let at = (took.len() as f64 * quantile) as usize;
    took.get(at.min(took.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn figures(steps: &[Served]) -> serde_json::Value {
    let at = |share| millis(quantile(steps, share));
    json!({"steps": steps.len(), "p50": at(0.5), "p99": at(0.99), "max": at(1.0)})
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}

fn mib(bytes: u64) -> u64 {
    bytes >> 20
}

/// Shows the figures, and adds them to the report if one is wanted.
fn report(figures: &serde_json::Value) {
    println!("{figures}");
    if let Some(path) = std::env::var_os("TIDEGATE_OVERLOAD_REPORT") {
        let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
        writeln!(file, "{figures}").unwrap();
    }
}
