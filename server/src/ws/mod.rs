//! The WebSocket door: JSON-RPC 2.0 over `/ws`, the same commands as over TCP.
//!
//! * `reader.rs` and `writer.rs`: messages from and to one client, bounded both ways.
//! * `rpc.rs`: what a message asks and how it is answered.
//! * `wish.rs`: what a call about the connection itself wants.
//! * `turn.rs`: what came together is carried out together.
//! * `asyncapi.rs`: all that as a document.
//! * `conversation.rs`: one client from beginning to end.

mod asyncapi;
mod conversation;
mod reader;
mod rpc;
mod turn;
mod wish;
mod writer;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use actix_http::ws::{HandshakeError, handshake};
use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, SEC_WEBSOCKET_VERSION};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, rt, web};
use futures_util::Stream;
use socket2::SockRef;
use tokio::sync::watch;

use crate::config::{Origins, Ws};
use crate::edge::{Caller, Edge};
use crate::http::{Problem, is_foreign, local};
use crate::metrics::Recorder;
use crate::security::Principal;
pub(crate) use asyncapi::asyncapi;
use conversation::Conversation;
use reader::Reader;
use writer::Writer;

/// What all WebSocket connections share.
pub struct Sockets {
    settings: Ws,
    origins: Origins,
    edge: Arc<Edge>,
    counts: Counts,
    closing: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Counts {
    open: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
}

/// How many there are and were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketsStatus {
    /// Connections open now.
    pub open: usize,
    /// Connections accepted since the start.
    pub accepted: u64,
    /// Upgrades refused since the start.
    pub refused: u64,
    /// Messages received.
    pub received: u64,
    /// Messages sent.
    pub sent: u64,
}

impl Sockets {
    /// For pages of these origins, and for programs.
    #[must_use]
    pub fn new(settings: Ws, origins: Origins, edge: Arc<Edge>) -> Arc<Self> {
        let (closing, _) = watch::channel(false);
        Arc::new(Self { settings, origins, edge, counts: Counts::default(), closing })
    }

    /// Makes a listener's connections end when a client takes nothing any more. The HTTP library waits for ever to write
    /// what it has.
    ///
    /// # Errors
    /// If the system does not know it.
    pub(crate) fn prepare(&self, listener: &TcpListener) -> io::Result<()> {
        let socket = SockRef::from(listener);
        // Accepted connections have what their listener has.
        socket.set_tcp_nodelay(true)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(self.settings.write_timeout_ms))?;
        Ok(())
    }

    /// Connections that there may be.
    pub(crate) fn max_connections(&self) -> usize {
        self.settings.max_connections
    }

    /// Takes nobody in any more, and ends what there is when it has been answered.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// How many connections and messages there are and were.
    #[must_use]
    pub fn status(&self) -> SocketsStatus {
        let counts = &self.counts;
        SocketsStatus {
            open: counts.open.load(Ordering::Relaxed),
            accepted: counts.accepted.load(Ordering::Relaxed),
            refused: counts.refused.load(Ordering::Relaxed),
            received: counts.received.load(Ordering::Relaxed),
            sent: counts.sent.load(Ordering::Relaxed),
        }
    }

    /// A place for one more connection, if there is one.
    fn place(self: &Arc<Self>) -> Option<Place> {
        let most = self.settings.max_connections;
        let taken = self
            .counts
            .open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |open| (open < most).then_some(open + 1));
        taken.ok().map(|_| Place(Arc::clone(self)))
    }
}

impl std::fmt::Debug for Sockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sockets").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// The place that one connection takes until it ends.
struct Place(Arc<Sockets>);

impl Place {
    fn received(&self) {
        self.0.counts.received.fetch_add(1, Ordering::Relaxed);
    }

    fn sent(&self, messages: usize) {
        self.0.counts.sent.fetch_add(messages as u64, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.counts.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// `GET /ws`.
pub(crate) async fn upgrade(
    request: HttpRequest,
    payload: web::Payload,
    sockets: web::Data<Sockets>,
    recorder: web::Data<Recorder>,
) -> HttpResponse {
    begin(&request, payload, &sockets.into_inner(), &recorder.into_inner())
        .unwrap_or_else(|problem| problem.response())
}

fn begin(
    request: &HttpRequest,
    payload: web::Payload,
    sockets: &Arc<Sockets>,
    recorder: &Arc<Recorder>,
) -> Result<HttpResponse, Problem> {
    let local = local(request);
    if is_foreign(request.headers(), local, &sockets.origins) {
        return Err(sockets.refuse(Problem::new(
            StatusCode::FORBIDDEN,
            "NOPERM",
            "Pages of this origin may not use this server (http.allowed_origins).",
        )));
    }
    let mut response = handshake(request.head()).map_err(not_upgraded)?;
    if *sockets.closing.borrow() {
        let problem =
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "READONLY", "The server is stopping; try another.");
        return Err(sockets.refuse(problem));
    }
    let peer = request.peer_addr().unwrap_or(local);
    let principal = request.extensions().get::<Principal>().cloned();
    let Some(outgoing) = sockets.talk(payload, (peer, local), principal, recorder) else {
        return Err(sockets.refuse(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "OVERLOADED",
            "As many clients as may be are connected (ws.max_connections, limits.max_connections).",
        )));
    };
    response
        .message_body(outgoing.boxed())
        .map(HttpResponse::from)
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "ERR", "This can't be upgraded."))
}

impl Sockets {
    /// Talks to a client in frames: what it sends is read from `payload`, what it is sent is returned. `None` if as many
    /// as may be are connected.
    pub(crate) fn talk<P, E>(
        self: &Arc<Self>,
        payload: P,
        (peer, local): (SocketAddr, SocketAddr),
        principal: Option<Principal>,
        recorder: &Arc<Recorder>,
    ) -> Option<impl MessageBody<Error = Infallible> + use<P, E>>
    where
        P: Stream<Item = Result<web::Bytes, E>> + Unpin + 'static,
        E: 'static,
    {
        let place = self.place()?;
        let mut caller = Caller::admit(&self.edge, recorder, (peer, local))?;
        if let Some(principal) = principal {
            caller.authenticate(principal);
        }
        self.counts.accepted.fetch_add(1, Ordering::Relaxed);
        let settings = self.settings.clone();
        let (writer, outgoing) = Writer::new(settings.write_timeout_ms);
        let reader = Reader::new(payload, settings.max_frame_bytes);
        let closing = self.closing.subscribe();
        rt::spawn(Conversation { reader, writer, caller, place, settings, closing }.run());
        Some(outgoing)
    }

    fn refuse(&self, problem: Problem) -> Problem {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        problem
    }
}

fn not_upgraded(error: HandshakeError) -> Problem {
    let status = match error {
        HandshakeError::BadWebsocketKey => StatusCode::BAD_REQUEST,
        _ => StatusCode::UPGRADE_REQUIRED,
    };
    let detail = format!("This path is for WebSockets of version 13: {error}.");
    Problem::new(status, "ERR", detail).header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
}
