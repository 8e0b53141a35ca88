//! Commands that come by another door than TCP: whole, and answered in RESP3.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tidegate_protocol::resp::{FramingError, Limits, Protocol, RequestDecoder};

use super::Edge;
use super::batch::{Added, Batch};
use super::session::Session;
use crate::metrics::Recorder;
use crate::security::Principal;

/// One client of another door, with a session as a TCP connection has one.
pub(crate) struct Caller {
    edge: Arc<Edge>,
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
        let guest = edge.clients.admit(address, local, &edge.limits).ok()?;
        let limits = Limits {
            max_command_bytes: edge.limits.max_command_bytes,
            max_arguments: edge.limits.max_arguments,
        };
        Some(Self {
            batch: Batch::new(Arc::clone(edge), Arc::clone(recorder)),
            session: Session::speaking(guest, edge, Protocol::Resp3),
            edge: Arc::clone(edge),
            decoder: RequestDecoder::new(limits),
        })
    }

    /// Says who it is, where the door found that out by itself. Without, it is a stranger, and may use `AUTH`.
    pub(crate) fn authenticate(&mut self, principal: Principal) {
        self.session.authenticate(principal, &self.edge);
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
        loop {
            let mut more = false;
            while let Some(request) = self.decoder.decode(&commands[taken..])? {
                let added = self.batch.add(request.args, &mut self.session);
                if added != Added::Again {
                    taken += request.consumed;
                }
                if added != Added::Taken {
                    more = true;
                    break;
                }
            }
            self.batch.visit(&mut self.session).await;
            let mut replies = Vec::new();
            self.batch.put_together(since, usize::MAX, &mut replies);
            output.append(&mut replies);
            if !more {
                break;
            }
        }
        Ok(output)
    }
}
