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
    /// Since when commands wait to be carried out.
    since: Option<Instant>,
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
            since: None,
        }
    }

    /// Takes in one whole command.
    ///
    /// # Errors
    /// If it is larger than the configuration admits. It is not taken in then.
    pub(crate) fn add(&mut self, command: &[u8]) -> Result<(), FramingError> {
        if let Some(request) = self.decoder.decode(command)? {
            self.since.get_or_insert_with(Instant::now);
            self.batch.add(request.args, &mut self.session);
        }
        Ok(())
    }

    /// Carries out whole commands, end to end in `commands`: takes them all in, or none, and runs.
    ///
    /// # Errors
    /// If one is larger than the configuration admits. Nothing was done then.
    pub(crate) async fn call(&mut self, commands: &[u8]) -> Result<Vec<u8>, FramingError> {
        let mut ends = vec![0];
        let mut begins = 0;
        while let Some(request) = self.decoder.decode(&commands[begins..])? {
            begins += request.consumed;
            ends.push(begins);
        }
        for command in ends.windows(2) {
            self.add(&commands[command[0]..command[1]])?;
        }
        Ok(self.run().await)
    }

    /// Carries out what was taken in: grouped by actor, as a read of a connection is. The replies are in its order.
    pub(crate) async fn run(&mut self) -> Vec<u8> {
        let since = self.since.take().unwrap_or_else(Instant::now);
        self.batch.visit().await;
        let mut output = Vec::new();
        self.batch.put_together(since, usize::MAX, &mut output);
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
