//! Commands that come by another door than TCP: whole, and answered in RESP3.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tidegate_protocol::error::WireError;
use tidegate_protocol::resp::{FramingError, Limits, Protocol, RequestDecoder};

use super::Edge;
use super::batch::Batch;
use super::client::Guest;
use super::session::Session;
use crate::metrics::Recorder;
use crate::push::{Channel, Cut, Delivery};

/// One client of another door, with a session as a TCP connection has one.
pub(crate) struct Caller {
    edge: Arc<Edge>,
    batch: Batch,
    session: Session,
    decoder: RequestDecoder,
    /// Whole commands that wait to be carried out, end to end.
    waiting: Vec<u8>,
}

impl Caller {
    /// Takes a client in; `None` if as many as the configuration admits are connected.
    pub(crate) fn admit(
        edge: &Arc<Edge>,
        recorder: &Arc<Recorder>,
        (address, local): (SocketAddr, SocketAddr),
    ) -> Option<Self> {
        let guest = edge.clients.admit(address, local, edge.limits.max_connections)?;
        Some(Self::of(guest, edge, recorder))
    }

    /// Takes in who has one request and leaves after it.
    pub(crate) fn for_one_request(
        edge: &Arc<Edge>,
        recorder: &Arc<Recorder>,
        (address, local): (SocketAddr, SocketAddr),
    ) -> Self {
        Self::of(edge.clients.let_in(address, local), edge, recorder)
    }

    fn of(guest: Guest, edge: &Arc<Edge>, recorder: &Arc<Recorder>) -> Self {
        let limits = Limits {
            max_command_bytes: edge.limits.max_command_bytes,
            max_arguments: edge.limits.max_arguments,
        };
        Self {
            edge: Arc::clone(edge),
            batch: Batch::new(Arc::clone(edge), Arc::clone(recorder)),
            session: Session::speaking(guest, Protocol::Resp3),
            decoder: RequestDecoder::new(limits),
            waiting: Vec::new(),
        }
    }

    /// Takes in one whole command.
    ///
    /// # Errors
    /// If it is larger than the configuration admits. It is not taken in then.
    pub(crate) fn add(&mut self, command: &[u8]) -> Result<(), FramingError> {
        self.decoder.decode(command)?;
        self.waiting.extend_from_slice(command);
        Ok(())
    }

    /// Carries out whole commands, end to end in `commands`: takes them all in, or none, and runs.
    ///
    /// # Errors
    /// If one is larger than the configuration admits. Nothing was done then.
    pub(crate) async fn call(&mut self, commands: &[u8]) -> Result<Vec<u8>, FramingError> {
        let mut begins = 0;
        while let Some(request) = self.decoder.decode(&commands[begins..])? {
            begins += request.consumed;
        }
        self.waiting.extend_from_slice(&commands[..begins]);
        Ok(self.run().await)
    }

    /// Carries out what was taken in: grouped by actor, as a read of a connection is. The replies are in its order.
    pub(crate) async fn run(&mut self) -> Vec<u8> {
        let waiting = std::mem::take(&mut self.waiting);
        let (mut taken, mut output) = (0, Vec::new());
        while taken < waiting.len() {
            let since = Instant::now();
            // Each was decoded when it was taken in.
            while let Ok(Some(request)) = self.decoder.decode(&waiting[taken..]) {
                let added = self.batch.add(request.args, &mut self.session);
                if added != Added::Again {
                    taken += request.consumed;
                }
                if added != Added::Taken {
                    break;
                }
            }
            self.batch.visit(&mut self.session).await;
            let mut replies = Vec::new();
            self.batch.put_together(since, usize::MAX, &mut replies);
            output.append(&mut replies);
        }
        output
    }

    /// Subscribes to these channels and waits for how each of them stands; whoever calls it hands that over before
    /// anything that is pushed.
    ///
    /// # Errors
    /// If that can't be for one of them. Then there is a subscription to none of them.
    pub(crate) async fn subscribe(&mut self, channels: Vec<Channel>) -> Result<Vec<Delivery>, WireError> {
        self.session.subscribe(channels, &self.edge).await
    }

    /// Unsubscribes from these channels, or from all. How many there are still.
    pub(crate) fn unsubscribe(&mut self, channels: Option<Vec<Channel>>) -> usize {
        self.session.unsubscribe(channels)
    }

    /// Waits until something is to be pushed; for ever, if nothing was subscribed to.
    pub(crate) async fn pushed(&self) {
        self.session.pushes().ready().await;
    }

    /// What is to be pushed next, if it is there.
    ///
    /// # Errors
    /// If this client is cut off.
    pub(crate) fn next_push(&self) -> Result<Option<Delivery>, Cut> {
        self.session.pushes().try_next()
    }

    /// Waits until this client is cut off: for whoever is writing to one that does not read.
    pub(crate) async fn cut(&self) -> Cut {
        self.session.pushes().cut().await
    }

    /// Makes it somebody's session.
    ///
    /// # Errors
    /// If the token is nobody's.
    pub(crate) fn authenticate(&mut self, token: &str) -> Result<(), WireError> {
        self.session.authenticate(token)
    }
}
