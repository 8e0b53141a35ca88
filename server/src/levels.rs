//! How the server stands, for `/status`, `/metrics` and `INFO`: asked of its parts when someone looks.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::LocalBoxFuture;
use parking_lot::Mutex;
use tidegate_actors::House;
use tidegate_persistence::Writer;

use crate::edge::{Clients, Information};
use crate::feed::Feed;
use crate::gauges::Gauges;
use crate::metrics::{
    ActorsStatus, ConnectionsStatus, FeedReading, JournalStatus, MailboxesStatus, Metrics, Percentiles,
    Readiness, Readings, Recovery, ReplayReading, StatusSnapshot, StatusSource, resident_bytes,
};
use crate::push::Hub;

/// The parts of a running server that can be asked, as far as they are there yet.
pub(crate) struct Levels {
    started: Instant,
    started_at_ms: i64,
    mailbox_capacity: usize,
    arbiters: usize,
    max_connections: usize,
    metrics: Arc<Metrics>,
    clients: Arc<Clients>,
    hub: Arc<Hub>,
    replayed: AtomicU64,
    draining: AtomicBool,
    tcp: OnceLock<SocketAddr>,
    /// The edge keeps it. Whoever serves the status may be the last to go, and must not keep the data directory.
    house: OnceLock<Weak<House>>,
    /// So does it the feed.
    feed: OnceLock<Weak<Feed>>,
    recovery: OnceLock<Recovery>,
    replay: OnceLock<ReplayReading>,
    gauges: OnceLock<Gauges>,
    /// Taken out when the server stops.
    journal: Mutex<Option<Writer>>,
}

impl Levels {
    pub(crate) fn new(
        mailbox_capacity: usize,
        arbiters: usize,
        max_connections: usize,
        metrics: Arc<Metrics>,
        clients: Arc<Clients>,
        hub: Arc<Hub>,
    ) -> Arc<Self> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Arc::new(Self {
            started: Instant::now(),
            started_at_ms: i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX),
            mailbox_capacity,
            arbiters,
            max_connections,
            metrics,
            clients,
            hub,
            replayed: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            tcp: OnceLock::new(),
            house: OnceLock::new(),
            feed: OnceLock::new(),
            recovery: OnceLock::new(),
            replay: OnceLock::new(),
            gauges: OnceLock::new(),
            journal: Mutex::new(None),
        })
    }

    pub(crate) fn replayed(&self, events: u64) {
        self.replayed.store(events, Ordering::Relaxed);
    }

    pub(crate) fn listening(&self, tcp: SocketAddr) {
        let _ = self.tcp.set(tcp);
    }

    /// What is to be looked at for `/metrics` alone.
    pub(crate) fn watch(&self, gauges: Gauges) {
        let _ = self.gauges.set(gauges);
    }

    /// The journal is replayed; there may be campaigns to load before anything is sold.
    pub(crate) fn replayed_all(&self, journal: Writer, recovery: Recovery, replay: ReplayReading) {
        *self.journal.lock() = Some(journal);
        let _ = self.recovery.set(recovery);
        let _ = self.replay.set(replay);
    }

    /// From now on the feed can be read.
    pub(crate) fn opened(&self, feed: &Arc<Feed>) {
        let _ = self.feed.set(Arc::downgrade(feed));
    }

    /// From now on the server sells.
    pub(crate) fn ready(&self, house: &Arc<House>) {
        let _ = self.house.set(Arc::downgrade(house));
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn house(&self) -> Option<Arc<House>> {
        self.house.get().and_then(Weak::upgrade)
    }

    /// The journal, to be stopped.
    pub(crate) fn take_journal(&self) -> Option<Writer> {
        self.journal.lock().take()
    }

    fn readiness(&self) -> Readiness {
        let failed = self.journal.lock().as_ref().and_then(|journal| journal.failed().map(str::to_owned));
        match failed {
            Some(reason) => Readiness::JournalFailed { reason },
            None if self.draining.load(Ordering::Relaxed) => Readiness::Draining,
            None if self.house.get().is_some() => Readiness::Ready,
            None => Readiness::Loading { replayed: self.replayed.load(Ordering::Relaxed) },
        }
    }

    fn journal_status(&self) -> JournalStatus {
        let Some(status) = self.journal.lock().as_ref().map(Writer::status) else {
            return JournalStatus::default();
        };
        JournalStatus {
            durable_sequence: status.durable_sequence,
            lag_bytes: status.bytes_in_flight,
            lag_groups: status.groups_in_flight,
            epoch: u64::from(status.epoch.0),
            epoch_bytes: status.epoch_bytes,
            snapshot_sequence: status.snapshot.map(|snapshot| snapshot.last_sequence),
            snapshot_running: status.snapshot_running,
            commits: status.commits,
            commit_bytes: percentiles(status.commit_bytes),
            commit_us: percentiles(status.commit_us),
            sync_us: percentiles(status.sync_us),
            trouble: status.trouble,
        }
    }
}

impl StatusSource for Levels {
    fn snapshot(&self) -> StatusSnapshot {
        let house = self.house().map(|house| house.status()).unwrap_or_default();
        StatusSnapshot {
            started_at_ms: self.started_at_ms,
            uptime: self.started.elapsed(),
            readiness: self.readiness(),
            actors: ActorsStatus {
                arbiters: self.arbiters,
                skus: house.skus,
                campaigns: house.campaigns,
                rebuilding: house.rebuilding,
                quarantined: house.quarantined,
            },
            connections: ConnectionsStatus {
                open: self.clients.open(),
                accepted: self.clients.accepted(),
                refused: self.clients.refused(),
            },
            journal: self.journal_status(),
            mailboxes: MailboxesStatus {
                capacity: self.mailbox_capacity,
                deepest: house.waiting_most,
                waiting: house.waiting,
            },
            pushes: self.hub.status(),
            recovery: self.recovery.get().cloned(),
        }
    }

    fn readings(&self) -> Readings {
        let house = self.house();
        let gauged = self.gauges.get().map(|gauges| gauges.read(house.as_deref())).unwrap_or_default();
        Readings {
            journal: self.journal.lock().as_ref().map(Writer::measures),
            replay: self.replay.get().copied(),
            closed: self.clients.ended().collect(),
            accept_errors: self.clients.accept_errors(),
            ..gauged
        }
    }

    fn feed(&self) -> LocalBoxFuture<'static, Option<FeedReading>> {
        let feed = self.feed.get().and_then(Weak::upgrade);
        Box::pin(async move { Some(feed?.look().await) })
    }
}

fn percentiles(of: tidegate_persistence::Percentiles) -> Percentiles {
    let tidegate_persistence::Percentiles { p50, p90, p99, p999, max, .. } = of;
    Percentiles { p50, p90, p99, p999, max }
}

/// The version of Redis whose commands client libraries may expect to be answered as it does.
const REDIS_VERSION: &str = "7.2.0";

impl Information for Levels {
    fn sections(&self) -> &'static [&'static str] {
        &["server", "clients", "memory", "persistence", "stats", "replication", "cluster", "keyspace"]
    }

    fn section(&self, name: &str) -> Option<String> {
        let mut text = String::new();
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            // Writing to a String can't fail.
            let _ = write!(text, "{name}:{value}\r\n");
        };
        let title = match name {
            "server" => {
                line("redis_version", &REDIS_VERSION);
                line("redis_mode", &"standalone");
                line("tidegate_version", &env!("CARGO_PKG_VERSION"));
                line("os", &std::env::consts::OS);
                line("process_id", &std::process::id());
                line("tcp_port", &self.tcp.get().map_or(0, SocketAddr::port));
                line("uptime_in_seconds", &self.started.elapsed().as_secs());
                "Server"
            }
            "clients" => {
                line("connected_clients", &self.clients.open());
                line("maxclients", &self.max_connections);
                "Clients"
            }
            "memory" => {
                line("used_memory_rss", &resident_bytes().unwrap_or(0));
                "Memory"
            }
            "persistence" => {
                let journal = self.journal_status();
                line("loading", &u8::from(self.house.get().is_none()));
                line("aof_enabled", &1);
                line("journal_durable_sequence", &journal.durable_sequence);
                line("journal_lag_bytes", &journal.lag_bytes);
                "Persistence"
            }
            "stats" => {
                line("total_connections_received", &self.clients.accepted());
                line("rejected_connections", &self.clients.refused());
                let answered: u64 =
                    self.metrics.commands().iter().flat_map(|c| &c.outcomes).map(|(_, count)| count).sum();
                line("total_commands_processed", &answered);
                "Stats"
            }
            "replication" => {
                line("role", &"master");
                line("connected_slaves", &0);
                "Replication"
            }
            "cluster" => {
                line("cluster_enabled", &0);
                "Cluster"
            }
            "keyspace" => {
                let skus = self.house().map_or(0, |house| house.sku_count());
                if skus > 0 {
                    line("db0", &format_args!("keys={skus},expires=0,avg_ttl=0"));
                }
                "Keyspace"
            }
            _ => return None,
        };
        Some(format!("# {title}\r\n{text}"))
    }
}
