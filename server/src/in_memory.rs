//! A server without a machine, for fuzzing: its disk is in memory, its doors are streams of bytes, its clock stands still until
//! it is moved, and nothing happens but in the thread that drives it.
//!
//! What is between the doors and the disk is what `serve` puts together. It is no feature of the crate, for a feature that tests
//! switch on is on in every build of the workspace. It needs an actix system, on a runtime whose
//! time is paused: then [`MemoryServer::step`] returns as soon as nobody has anything left to do.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix::Arbiter;
use actix_web::body::MessageBody;
use actix_web::web::{Bytes, BytesMut};
use anyhow::{Context as _, anyhow};
use futures_util::{Stream, stream};
use tidegate_actors::{House, ManualClock, Resident};
use tidegate_persistence::{MemoryJournal, Options, Recovered, State, SteppedWriter, Wake, recover_from};
use tidegate_protocol::document::CampaignFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, duplex, split};
use tokio::sync::{Notify, watch};

pub use crate::campaign::Loaded;
use crate::campaign::put_all;
use crate::config::Config;
use crate::edge::{Edge, Information, command_labels, outcome_labels, serve_stream};
use crate::feed::Feed;
use crate::metrics::{Metrics, Recorder};
use crate::push::Hub;
use crate::security::Security;
use crate::serve::{house_options, journal_options};
use crate::ws::Sockets;

/// The key of all hash tables: the same input does the same each time.
const SEED: u64 = 7;

/// Bytes that a door holds before whoever writes to it waits.
const DOOR: usize = 64 << 10;

/// How much time passes at each step.
const STEP: Duration = Duration::from_millis(1);

/// So many steps may bring nothing before a start is given up.
const PATIENCE: usize = 10_000;

/// A server from its start to its end.
pub struct MemoryServer {
    house: Arc<House>,
    edge: Arc<Edge>,
    sockets: Arc<Sockets>,
    recorder: Arc<Recorder>,
    writer: SteppedWriter,
    /// Connections end when it is gone.
    stop: watch::Sender<bool>,
}

struct Silent;

impl Information for Silent {}

impl MemoryServer {
    /// Recovers what is on the disk and opens. Epochs of the journal have `epoch_bytes`.
    ///
    /// # Errors
    /// Why it does not start.
    pub async fn start(
        disk: &MemoryJournal,
        clock: &Arc<ManualClock>,
        config: &Config,
        epoch_bytes: u64,
    ) -> anyhow::Result<Self> {
        let security = Security::new(config)?;
        let metrics = Metrics::new(&command_labels(), &outcome_labels());
        let hub = Hub::new(config.push.clone());
        let limits = config.limits.clone();
        let edge = Edge::new(limits, security, Arc::default(), Arc::new(Silent), Arc::clone(&hub));
        let sockets = Sockets::new(config.ws.clone(), config.http.allowed_origins.clone(), Arc::clone(&edge));
        let snapshots = Arc::new(disk.snapshots());
        let recovered = recover_from(Arc::new(disk.clone()), Some(snapshots), 1, SEED, &|_| {})?;
        let options = Options { epoch_bytes, ..journal_options(config) };
        let (house, writer) = open(recovered, clock, config, &options, &hub);
        let mut server = Self {
            house: Arc::clone(&house),
            edge: Arc::clone(&edge),
            sockets,
            recorder: metrics.recorder(),
            writer,
            stop: watch::channel(false).0,
        };
        let settled = Arc::clone(&house);
        server
            .drive(async move {
                settled.settle_carts().await;
                settled.enrol().await
            })
            .await??;
        hub.open(&house);
        actix_rt::spawn(hub.run());
        let reply = (config.limits.output_buffer_bytes, config.limits.retry_ms);
        let feed = Feed::new(
            server.writer.reader(),
            Arc::clone(&house),
            config.feed.clone(),
            "/memory".into(),
            reply,
        );
        edge.open_feed(feed);
        edge.open(house);
        Ok(server)
    }

    /// A client of the Redis protocol.
    ///
    /// # Errors
    /// As many as may be are connected.
    pub fn connect(&self) -> anyhow::Result<DuplexStream> {
        let (here, there) = duplex(DOOR);
        let served = serve_stream(there, addresses(), &self.edge, &self.recorder, self.stop.subscribe());
        actix_rt::spawn(served.context("as many clients as may be are connected")?);
        Ok(here)
    }

    /// A client of the WebSocket door, after its upgrade: both ways are frames.
    ///
    /// # Errors
    /// As many as may be are connected.
    pub fn connect_websocket(&self) -> anyhow::Result<DuplexStream> {
        let (here, there) = duplex(DOOR);
        let (from, mut to) = split(there);
        let payload = Box::pin(bytes_of(from));
        let outgoing = self.sockets.talk(payload, addresses(), None, &self.recorder);
        let outgoing = outgoing.context("as many clients as may be are connected")?;
        actix_rt::spawn(async move {
            let mut outgoing = pin!(outgoing);
            while let Some(Ok(frames)) =
                std::future::poll_fn(|context| outgoing.as_mut().poll_next(context)).await
            {
                if to.write_all(&frames).await.is_err() {
                    break;
                }
            }
            // The client may be gone already.
            let _ = to.shutdown().await;
        });
        Ok(here)
    }

    /// Loads a campaign file, as `serve --campaign` does.
    ///
    /// # Errors
    /// The field that is wrong, by name.
    pub async fn load(&mut self, file: CampaignFile) -> anyhow::Result<Loaded> {
        let house = Arc::clone(&self.house);
        self.drive(async move { put_all(&house, "campaign file", &file).await }).await?
    }

    /// Has everybody do what they can until they wait for something, and commits what came of it. False if that was
    /// nothing.
    pub async fn step(&mut self) -> bool {
        tokio::time::sleep(STEP).await;
        self.writer.commit()
    }

    /// The journal: its high-water mark, epochs and snapshots are written when it is told to.
    pub fn journal(&mut self) -> &mut SteppedWriter {
        &mut self.writer
    }

    /// All actors.
    #[must_use]
    pub fn house(&self) -> &House {
        &self.house
    }

    async fn drive<T: 'static>(&mut self, what: impl Future<Output = T> + 'static) -> anyhow::Result<T> {
        let mut done = actix_rt::spawn(what);
        for _ in 0..PATIENCE {
            self.step().await;
            if done.is_finished() {
                return Ok((&mut done).await?);
            }
        }
        done.abort();
        Err(anyhow!("it does not come to an end"))
    }
}

impl std::fmt::Debug for MemoryServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryServer").field("house", &self.house.status()).finish_non_exhaustive()
    }
}

fn open(
    recovered: Recovered,
    clock: &Arc<ManualClock>,
    config: &Config,
    options: &Options,
    hub: &Arc<Hub>,
) -> (Arc<House>, SteppedWriter) {
    let Recovered { workers, next_actor, journal, .. } = recovered;
    let notify: Arc<Notify> = Arc::default();
    let wake = Arc::clone(&notify);
    let (writer, lanes) = journal.start_stepped(options, vec![Arc::new(move || wake.notify_one()) as Wake]);
    // Coupons are known before the orders that used them.
    let (campaigns, skus): (Vec<_>, Vec<_>) =
        workers.into_iter().flatten().partition(|actor| matches!(actor.state, State::Campaign(_)));
    let house = House::open(
        lanes.into_iter().map(|lane| (Arbiter::current(), lane, Arc::clone(&notify))).collect(),
        campaigns.into_iter().chain(skus).map(|actor| Resident {
            id: actor.id,
            name: actor.name,
            state: actor.state,
        }),
        next_actor,
        Arc::clone(clock),
        writer.reader(),
        house_options(config, SEED, Arc::clone(hub) as _),
    );
    (Arc::new(house), writer)
}

/// Of the client and of the door: the same machine.
fn addresses() -> (SocketAddr, SocketAddr) {
    let here = SocketAddr::from(([127, 0, 0, 1], 1));
    (here, here)
}

/// What is read, piece by piece.
fn bytes_of(from: ReadHalf<DuplexStream>) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream::try_unfold(from, |mut from| async move {
        let mut bytes = BytesMut::new();
        let read = from.read_buf(&mut bytes).await?;
        Ok((read > 0).then(|| (bytes.freeze(), from)))
    })
}
