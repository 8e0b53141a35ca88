//! Commands that come by another door than TCP: whole, and answered in RESP3.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tidegate_protocol::error::WireError;
use tidegate_protocol::resp::{FramingError, Limits, Protocol, RequestDecoder};

use super::Edge;
use super::batch::Batch;
use super::session::Session;
use crate::metrics::Recorder;

/// One client of another door, with a session as a TCP connection has one.
pub(crate) struct Caller {
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
        let limits = Limits {
            max_command_bytes: edge.limits.max_command_bytes,
            max_arguments: edge.limits.max_arguments,
        };
        Some(Self {
            batch: Batch::new(Arc::clone(edge), Arc::clone(recorder)),
            session: Session::speaking(guest, Protocol::Resp3),
            decoder: RequestDecoder::new(limits),
            since: None,
        })
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

    /// Carries out what was taken in: grouped by actor, as a read of a connection is. The replies are in its order.
    pub(crate) async fn run(&mut self) -> Vec<u8> {
        let since = self.since.take().unwrap_or_else(Instant::now);
        self.batch.visit().await;
        let mut output = Vec::new();
        self.batch.put_together(since, usize::MAX, &mut output);
        output
    }

    /// Makes it somebody's session.
    ///
    /// # Errors
    /// If the token is nobody's.
    pub(crate) fn authenticate(&mut self, token: &str) -> Result<(), WireError> {
        self.session.authenticate(token)
    }
}
