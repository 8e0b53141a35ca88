//! Commands that come by another door than TCP: whole, and answered in RESP3.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

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
        })
    }

    /// Carries out whole commands, end to end in `commands`: groups them by actor as a read of a connection is. The
    /// replies are in their order.
    ///
    /// # Errors
    /// If one is larger than the configuration admits. Nothing was done then.
    pub(crate) async fn call(&mut self, commands: &[u8]) -> Result<Vec<u8>, FramingError> {
        let mut begins = 0;
        // Looked through first: either all of it is done, or nothing.
        while let Some(request) = self.decoder.decode(&commands[begins..])? {
            begins += request.consumed;
        }
        let since = Instant::now();
        let (mut taken, mut output) = (0, Vec::new());
        while let Some(request) = self.decoder.decode(&commands[taken..])? {
            if !self.batch.add(request.args, &mut self.session) {
                // It wants a batch of its own.
                flush(&mut self.batch, since, &mut output).await;
                continue;
            }
            taken += request.consumed;
            if self.batch.is_closed() {
                flush(&mut self.batch, since, &mut output).await;
            }
        }
        flush(&mut self.batch, since, &mut output).await;
        Ok(output)
    }
}

/// Answers what is in the batch. Nothing is waited for at such a door.
async fn flush(batch: &mut Batch, since: Instant, output: &mut Vec<u8>) {
    batch.visit().await;
    while let Some(call) = batch.read_feed().await {
        call.give_up();
    }
    let mut replies = Vec::new();
    batch.put_together(since, usize::MAX, &mut replies);
    output.append(&mut replies);
}
