//! A server to play with: its disk, its clock and its clients, all in this thread.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tidegate_actors::ManualClock;
use tidegate_engine::Millis;
use tidegate_persistence::{Crash, MemoryJournal};
use tidegate_protocol::resp::{Value, decode_reply};
use tidegate_server::config::Config;
use tidegate_server::in_memory::MemoryServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, WriteHalf, split};

/// When every play begins.
const BEGIN: u64 = 1_700_000_000_000;

/// Small, so that epochs end.
const EPOCH_BYTES: u64 = 4 << 10;

/// After so many steps that brought nothing everybody has done what they can.
const IDLE: usize = 8;
/// So many steps are too many for what fits into an input.
const MOST_STEPS: usize = 20_000;

/// Plays on a runtime of its own, whose time stands still.
pub(crate) fn run<T>(play: impl AsyncFnOnce() -> T) -> T {
    let system = actix::System::with_tokio_rt(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime")
    });
    system.block_on(play())
}

/// A server and what is around it.
pub(crate) struct Stage {
    pub(crate) disk: MemoryJournal,
    pub(crate) server: MemoryServer,
    clock: Arc<ManualClock>,
    epoch_bytes: u64,
}

impl Stage {
    /// A server with an empty disk.
    pub(crate) async fn open() -> Self {
        Self::with_epochs_of(EPOCH_BYTES).await
    }

    /// The same with epochs of another size.
    pub(crate) async fn with_epochs_of(epoch_bytes: u64) -> Self {
        let (disk, clock) = (MemoryJournal::new(), Arc::new(ManualClock::new(Millis(BEGIN))));
        let server = start(&disk, &clock, epoch_bytes).await;
        Self { disk, server, clock, epoch_bytes }
    }

    /// The machine stops and starts: what was not synced is lost.
    pub(crate) async fn restart(&mut self) {
        self.disk.crash(Crash::LoseUnsynced);
        self.server = start(&self.disk, &self.clock, self.epoch_bytes).await;
    }

    /// Has everybody do what they can.
    pub(crate) async fn settle(&mut self) {
        let mut idle = 0;
        for _ in 0..MOST_STEPS {
            idle = if self.server.step().await { 0 } else { idle + 1 };
            if idle == IDLE {
                let status = self.server.house().status();
                assert!(
                    status.quarantined.is_empty() && status.rebuilding.is_empty(),
                    "a turn panicked: {status:?}"
                );
                assert_eq!(self.server.house().rebuilt(), 0, "a turn panicked");
                assert_eq!(self.server.journal().failed(), None);
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// Time passes.
    pub(crate) async fn pass(&mut self, ms: u32) {
        self.clock.advance(ms.into());
        tokio::time::advance(Duration::from_millis(ms.into())).await;
        self.server.house().wake();
        self.settle().await;
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.server.connect().expect("a connection"))
    }

    pub(crate) fn websocket(&self) -> Client {
        Client::new(self.server.connect_websocket().expect("a connection"))
    }

    /// Asks, by a connection of its own, and waits for the answers.
    pub(crate) async fn ask(&mut self, commands: &[u8]) -> Vec<Value> {
        let mut client = self.client();
        client.send(commands).await;
        self.settle().await;
        values(&client.heard())
    }
}

async fn start(disk: &MemoryJournal, clock: &Arc<ManualClock>, epoch_bytes: u64) -> MemoryServer {
    let started = MemoryServer::start(disk, clock, &Config::default(), epoch_bytes).await;
    started.unwrap_or_else(|error| panic!("the server does not start: {error:#}"))
}

/// A client that takes everything it is sent.
pub(crate) struct Client {
    to: WriteHalf<DuplexStream>,
    heard: Rc<RefCell<Vec<u8>>>,
    listening: actix_rt::task::JoinHandle<()>,
}

impl Client {
    fn new(stream: DuplexStream) -> Self {
        let (mut from, to) = split(stream);
        let heard = Rc::<RefCell<Vec<u8>>>::default();
        let into = Rc::clone(&heard);
        let listening = actix_rt::spawn(async move {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut bytes).await {
                into.borrow_mut().extend_from_slice(&bytes[..read]);
            }
        });
        Self { to, heard, listening }
    }

    /// Sends something; a server that has closed need not take it.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.to.write_all(bytes).await;
    }

    /// Sends no more.
    pub(crate) async fn finish(&mut self) {
        let _ = self.to.shutdown().await;
    }

    /// Everything that came so far.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.heard.borrow().clone()
    }

    /// Whether the server has closed.
    pub(crate) fn is_over(&self) -> bool {
        self.listening.is_finished()
    }
}

/// Replies, end to end.
pub(crate) fn values(bytes: &[u8]) -> Vec<Value> {
    let (mut values, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let reply = decode_reply(rest).expect("a reply that is none").expect("half a reply");
        values.push(reply.value().expect("a reply that is none"));
        rest = &rest[reply.wire_len()..];
    }
    values
}
