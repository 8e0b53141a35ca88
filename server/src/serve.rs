//! Puts the parts together and runs them: `tidegate serve`, and the server inside the demo and the tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Arbiter;
use anyhow::{Context as _, anyhow};
use tidegate_actors::{Clock, DeskOptions, House, HouseOptions, NewsSink, Resident, SystemClock};
use tidegate_persistence::{
    DirLock, Lane, Options, Reader, Recovered, RecoveryReport, State, Wake, Writer, identity, recover,
};
use tokio::sync::{Notify, oneshot};

use crate::campaign;
use crate::config::Config;
use crate::edge::{self, Door, Edge, command_labels, outcome_labels};
use crate::feed::Feed;
use crate::gauges::Gauges;
use crate::http;
use crate::levels::Levels;
use crate::metrics::{Metrics, Recovery, ReplayReading};
use crate::push::{Hub, Pulse};
use crate::security::{Certificate, Security};
use crate::shutdown::Shutdown;
use crate::webhooks::Webhooks;
use crate::ws::Sockets;

/// How often a stopping server looks whether its connections have ended.
const DRAIN_LOOK: Duration = Duration::from_millis(5);

/// How long a stopped server waits for the threads of its HTTP door.
const LET_GO: Duration = Duration::from_secs(2);

/// How often to look whether the clock was set forward.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(1);

/// Accepted triggers that a campaign may remember for each coupon it may grant.
const TRIGGERS_PER_COUPON: u32 = 4;

/// Where a running server can be reached.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The Redis protocol.
    pub tcp: SocketAddr,
    /// Health, status, metrics and administration.
    pub http: SocketAddr,
}

/// Runs a server until it is asked to stop, then stops it in order: no new connections, what was received is
/// finished, a final commit. `on_ready` is called once it sells.
///
/// # Errors
/// What kept it from starting, or from ending with everything on disk.
pub fn run(config: &Config, shutdown: Shutdown, on_ready: impl FnOnce(Addresses)) -> anyhow::Result<()> {
    run_by(SystemClock, config, shutdown, on_ready)
}

/// The same by another clock than the machine's.
///
/// # Errors
/// As [`run`].
pub fn run_by(
    clock: impl Clock,
    config: &Config,
    shutdown: Shutdown,
    on_ready: impl FnOnce(Addresses),
) -> anyhow::Result<()> {
    actix::System::new().block_on(serve(clock, config, shutdown, on_ready))
}

async fn serve(
    clock: impl Clock,
    config: &Config,
    mut shutdown: Shutdown,
    on_ready: impl FnOnce(Addresses),
) -> anyhow::Result<()> {
    let security = Security::new(config)?;
    let webhooks = Webhooks::new(config)?;
    let certificate = Certificate::load(&config.tls)?;
    let encryption = certificate.as_ref().map(Certificate::encryption).transpose()?;
    if let Some(certificate) = certificate {
        certificate.reload_on_hangup()?;
    }
    // Before the doors: who is started twice is to hear of the directory, not of a port that is taken.
    let lock = DirLock::take(&config.data_dir)?;
    let arbiters: Vec<Arbiter> = (0..arbiter_count(config)).map(|_| Arbiter::new()).collect();
    let parts = Parts::new(config, security, webhooks, arbiters.len());
    parts.levels.watch(Gauges::new(config, &arbiters));
    let (levels, metrics) = (Arc::clone(&parts.levels), Arc::clone(&parts.metrics));
    let pulse = Pulse::new(
        Arc::clone(&parts.hub),
        Arc::clone(&levels) as _,
        Arc::clone(&metrics),
        Arc::clone(&parts.webhooks),
    );
    actix_rt::spawn(pulse.run());
    let (edge, sockets) = (Arc::clone(&parts.edge), Arc::clone(&parts.sockets));
    let webhooks = Arc::clone(&parts.webhooks);
    let http = http::start(&config.http, levels, metrics, edge, sockets, webhooks, encryption.clone())
        .with_context(|| format!("cannot listen on {} (http.listen)", config.http.listen))?;
    let http_handle = http.server.handle();
    actix_rt::spawn(http.server);
    let homes = arbiters.iter().map(Arbiter::handle).collect();
    let door = edge::listen(&config.tcp, Arc::clone(&parts.edge), homes, &parts.metrics, encryption)
        .with_context(|| format!("cannot listen on {} (tcp.listen)", config.tcp.listen))?;
    parts.levels.listening(door.address);
    let addresses = Addresses { tcp: door.address, http: http.address };
    tracing::info!(tcp = %addresses.tcp, http = %addresses.http, "listening");

    let begun = tokio::select! {
        begun = parts.begin(clock, config, lock, &arbiters) => begun,
        // A replay may take long; a stop need not wait for its end.
        _ = shutdown.asked() => Ok(()),
    };
    if begun.is_ok() {
        if !shutdown.is_asked() {
            tracing::info!("ready");
            on_ready(addresses);
        }
        let by = shutdown.asked().await;
        tracing::info!(by, "stopping");
    }
    let stopped = parts.stop(&door, config.shutdown.drain_ms).await;
    http_handle.stop(false).await;
    for arbiter in arbiters {
        arbiter.stop();
        // A thread that panicked has said so.
        let _ = arbiter.join();
    }
    drop(door);
    parts.let_go().await;
    begun.and(stopped)
}

fn arbiter_count(config: &Config) -> usize {
    match config.actors.arbiters {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        count => count,
    }
}

/// What there is from the beginning.
struct Parts {
    metrics: Arc<Metrics>,
    levels: Arc<Levels>,
    edge: Arc<Edge>,
    sockets: Arc<Sockets>,
    hub: Arc<Hub>,
    webhooks: Arc<Webhooks>,
}

impl Parts {
    fn new(config: &Config, security: Arc<Security>, webhooks: Arc<Webhooks>, arbiters: usize) -> Self {
        let metrics = Metrics::new(&command_labels(), &outcome_labels());
        let clients = Arc::default();
        let hub = Hub::new(config.push.clone());
        let levels = Levels::new(
            config.limits.mailbox_capacity,
            arbiters,
            config.limits.max_connections,
            Arc::clone(&metrics),
            Arc::clone(&clients),
            Arc::clone(&hub),
        );
        let information = Arc::clone(&levels) as _;
        let edge = Edge::new(config.limits.clone(), security, clients, information, Arc::clone(&hub));
        let origins = config.http.allowed_origins.clone();
        let sockets = Sockets::new(config.ws.clone(), origins, Arc::clone(&edge));
        Self { metrics, levels, edge, sockets, hub, webhooks }
    }

    /// Replays the journal, starts the actors, loads the campaigns, and then sells.
    async fn begin(
        &self,
        clock: impl Clock,
        config: &Config,
        lock: DirLock,
        arbiters: &[Arbiter],
    ) -> anyhow::Result<()> {
        let lock = Arc::new(lock);
        let (house, reader) = self.open(clock, config, Arc::clone(&lock), arbiters).await?;
        let source = source(config, &lock)?;
        // What a kill left untold.
        house.settle_carts().await;
        house.enrol().await?;
        campaign::load(&house, &config.campaigns).await?;
        self.hub.open(&house);
        actix_rt::spawn(Arc::clone(&self.hub).run());
        // In this order: whoever is told that it is ready must not meet LOADING.
        let reply = (config.limits.output_buffer_bytes, config.limits.retry_ms);
        let feed = Feed::new(reader, Arc::clone(&house), config.feed.clone(), source, reply);
        self.edge.open_feed(Arc::clone(&feed));
        self.levels.opened(&feed);
        self.edge.open(Arc::clone(&house));
        // Who is told that it is ready may sell at once, and webhooks are to tell of that.
        self.webhooks.start(&feed, &self.edge, &self.metrics).await;
        self.levels.ready(&house);
        Ok(())
    }

    /// Replays the journal and starts the actors.
    async fn open(
        &self,
        clock: impl Clock,
        config: &Config,
        lock: Arc<DirLock>,
        arbiters: &[Arbiter],
    ) -> anyhow::Result<(Arc<House>, Reader)> {
        let options = journal_options(config);
        let seed = random_seed();
        let Recovered { workers, next_actor, journal, report, .. } =
            self.recover(lock, &options, arbiters.len(), seed).await?;
        let notifies: Vec<Arc<Notify>> = arbiters.iter().map(|_| Arc::default()).collect();
        let wakes = notifies.iter().map(Arc::clone).map(waker).collect();
        let (writer, lanes) = journal.start(&options, wakes)?;
        let (campaigns, skus): (Vec<_>, Vec<_>) =
            workers.into_iter().flatten().partition(|actor| matches!(actor.state, State::Campaign(_)));
        let house = Arc::new(House::open(
            seats(arbiters, lanes, notifies),
            // Coupons are known before the orders that used them.
            campaigns.into_iter().chain(skus).map(|actor| Resident {
                id: actor.id,
                name: actor.name,
                state: actor.state,
            }),
            next_actor,
            clock,
            writer.reader(),
            house_options(config, seed, Arc::clone(&self.hub) as _),
        ));
        let reader = writer.reader();
        let replay = ReplayReading { blocks: report.blocks, bytes: report.bytes };
        self.levels.replayed_all(writer, recovery(&report), replay);
        Ok((house, reader))
    }

    async fn recover(
        &self,
        lock: Arc<DirLock>,
        options: &Options,
        workers: usize,
        seed: u64,
    ) -> anyhow::Result<Recovered> {
        let began = Instant::now();
        let (directory, options) = (lock.dir().to_owned(), options.clone());
        let levels = Arc::clone(&self.levels);
        // On a thread of its own: the doors answer LOADING meanwhile.
        let (done, recovered) = oneshot::channel();
        std::thread::Builder::new().name("recovery".to_owned()).spawn(move || {
            let _ = done.send(recover(lock, &options, workers, seed, &|events| levels.replayed(events)));
        })?;
        let recovered = recovered.await.map_err(|_| anyhow!("the replay of the journal panicked"))?;
        let recovered =
            recovered.with_context(|| format!("cannot open the data directory {}", directory.display()))?;
        for warning in &recovered.report.warnings {
            tracing::warn!("{warning}");
        }
        tracing::info!(
            events = recovered.report.events,
            snapshot = recovered.report.snapshot.as_ref().map(|snapshot| snapshot.last_sequence),
            actors = recovered.workers.iter().map(Vec::len).sum::<usize>(),
            took_ms = began.elapsed().as_millis(),
            "journal replayed"
        );
        Ok(recovered)
    }

    /// Stops in order. What a connection has sent is answered, within the time that the configuration gives.
    async fn stop(&self, door: &Door, patience: Duration) -> anyhow::Result<()> {
        self.levels.drain();
        let began = Instant::now();
        // They acknowledge what they have sent, which is a write. Connections get the rest of the time.
        self.webhooks.stop(patience / 2).await;
        self.edge.drain();
        door.close();
        self.sockets.close();
        while self.edge.clients().open() > 0 {
            if began.elapsed() > patience {
                tracing::warn!(
                    open = self.edge.clients().open(),
                    "connections did not end in time (shutdown.drain_ms)"
                );
                break;
            }
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        // Without one, it was asked to stop before it began.
        let Some(journal) = self.levels.take_journal() else { return Ok(()) };
        // The final commit.
        let stopped = stop_journal(journal).await;
        if stopped.is_ok() {
            tracing::info!("stopped; everything is on disk");
        }
        stopped
    }

    /// Waits until nobody else has the edge. The HTTP door's threads end by themselves, and nothing tells when; until
    /// then they have the house, and so the data directory, which another server may be about to use.
    async fn let_go(self) {
        let edge = Arc::downgrade(&self.edge);
        drop(self);
        let began = Instant::now();
        while edge.strong_count() > 0 && began.elapsed() < LET_GO {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }
}

/// What the feed's entries name as their source. The identity is made in any case, and not before there is a journal:
/// a later start knows by it that there was one.
fn source(config: &Config, lock: &DirLock) -> anyhow::Result<Arc<str>> {
    let mut fresh = [0; 16];
    getrandom::fill(&mut fresh).context("the system gives no random numbers")?;
    let identity = identity(lock, fresh)?;
    Ok(match config.feed.source.as_str() {
        "" => format!("/tidegate/{identity}").into(),
        configured => configured.into(),
    })
}

async fn stop_journal(journal: Writer) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(move || journal.stop()).await??;
    Ok(())
}

fn waker(notify: Arc<Notify>) -> Wake {
    Arc::new(move || notify.notify_one())
}

fn seats(
    arbiters: &[Arbiter],
    lanes: Vec<Lane>,
    notifies: Vec<Arc<Notify>>,
) -> Vec<(actix::ArbiterHandle, Lane, Arc<Notify>)> {
    let lanes = lanes.into_iter().zip(notifies);
    arbiters.iter().zip(lanes).map(|(arbiter, (lane, notify))| (arbiter.handle(), lane, notify)).collect()
}

/// A number that nobody outside can guess, from the standard library's source of them.
fn random_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

pub(crate) fn journal_options(config: &Config) -> Options {
    let journal = &config.journal;
    Options {
        max_commit_bytes: journal.max_commit_bytes,
        max_inflight_bytes: journal.max_inflight_bytes,
        epoch_bytes: journal.epoch_bytes,
        retention_epochs: journal.retention_epochs,
        cache_bytes: journal.cache_bytes,
        ..Options::default()
    }
}

pub(crate) fn house_options(config: &Config, seed: u64, news: Arc<dyn NewsSink>) -> HouseOptions {
    let limits = &config.limits;
    HouseOptions {
        mailbox_capacity: limits.mailbox_capacity,
        max_skus: limits.max_skus,
        max_campaigns: limits.max_campaigns,
        max_consumer_groups: config.feed.max_groups,
        desk: DeskOptions {
            limits: tidegate_engine::Limits {
                max_orders: limits.max_orders_per_sku,
                max_requests: limits.max_requests_per_sku,
                max_buyers: limits.max_buyers_per_sku,
                max_rooms: limits.max_rooms_per_sku,
            },
            campaign: tidegate_engine::CampaignLimits {
                max_grants: limits.max_coupons_per_campaign,
                max_requests: limits.max_coupons_per_campaign.saturating_mul(TRIGGERS_PER_COUPON),
                max_carts: limits.max_carts_per_campaign,
            },
            consumer_group: tidegate_engine::ConsumerGroupLimits {
                max_consumers: config.feed.max_consumers_per_group,
                max_pending: config.feed.max_pending_per_group,
            },
            expiries_per_turn: config.actors.expiries_per_turn,
        },
        look_at_clock: LOOK_AT_CLOCK,
        seed,
        probe: None,
        news: Some(news),
    }
}

fn recovery(report: &RecoveryReport) -> Recovery {
    Recovery {
        snapshot_sequence: report.snapshot.as_ref().map(|snapshot| snapshot.last_sequence),
        replayed: report.events,
        warnings: report.warnings.clone(),
        took: report.took,
    }
}
