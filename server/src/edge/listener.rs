//! Accepts connections and spreads them over the arbiters.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::ArbiterHandle;
use socket2::TcpKeepalive;
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::resp::{Protocol, Writer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::Edge;
use super::client::Guest;
use super::connection;
use crate::config::Tcp;
use crate::metrics::{Metrics, Recorder};
use crate::security::Encryption;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// A peer that was asked whether it is still there is asked again after this part of the time that it was silent, and so
/// often.
const ASK_AGAIN_AFTER: u32 = 6;
const ASK_AGAIN: u32 = 3;

/// A peer has at least so long to confirm what it was sent: what is lost on the way is sent again a few times first.
#[cfg(target_os = "linux")]
const CONFIRM: Duration = Duration::from_secs(3);

/// A listening TCP door.
#[derive(Debug)]
pub struct Door {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
}

impl Door {
    /// Accepts no more; connections end after what they have already sent is answered.
    pub fn close(&self) {
        // Nobody listening means that all connections have ended.
        let _ = self.stop.send(true);
    }
}

/// Opens the door. Connection `n` lives on arbiter `n` modulo their number.
///
/// # Errors
/// If the address can't be listened on.
pub fn listen(
    settings: &Tcp,
    edge: Arc<Edge>,
    arbiters: Vec<ArbiterHandle>,
    metrics: &Metrics,
    encryption: Option<Encryption>,
) -> io::Result<Door> {
    let listener = bind(settings.listen)?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let homes: Vec<_> = arbiters.into_iter().map(|arbiter| (arbiter, metrics.recorder())).collect();
    let encryption = encryption.map(|encryption| Handshake {
        acceptor: TlsAcceptor::from(Arc::new(encryption.config)),
        patience: encryption.handshake_timeout,
    });
    let lobby = Lobby { edge, keepalive: settings.keepalive_ms, encryption, stopped };
    actix_rt::spawn(accept(listener, lobby, homes));
    Ok(Door { address, stop })
}

/// What each new connection is given.
#[derive(Clone)]
struct Lobby {
    edge: Arc<Edge>,
    /// How long a connection may be silent before its peer is asked whether it is still there.
    keepalive: Duration,
    encryption: Option<Handshake>,
    stopped: watch::Receiver<bool>,
}

/// How a connection becomes a secret one.
#[derive(Clone)]
struct Handshake {
    acceptor: TlsAcceptor,
    patience: Duration,
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    // A restart must not wait for the connections of the last run to time out.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept(listener: TcpListener, lobby: Lobby, homes: Vec<(ArbiterHandle, Arc<Recorder>)>) {
    let mut stopped = lobby.stopped.clone();
    let mut turn = homes.iter().cycle();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some((arbiter, recorder)) = turn.next() {
                    welcome(stream, peer, &lobby, arbiter, recorder);
                }
            }
            Err(error) => {
                // Out of file descriptors, mostly: it passes when connections end.
                lobby.edge.clients.count_accept_error();
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

fn welcome(
    stream: TcpStream,
    peer: SocketAddr,
    lobby: &Lobby,
    arbiter: &ArbiterHandle,
    recorder: &Arc<Recorder>,
) {
    let local = stream.local_addr().unwrap_or(peer);
    let guest = match lobby.edge.clients.admit(peer, local, &lobby.edge.limits) {
        Ok(guest) => guest,
        Err(setting) => {
            // Who expects TLS could not read a word of it.
            if lobby.encryption.is_none() {
                actix_rt::spawn(turn_away(stream, setting));
            }
            return;
        }
    };
    // A socket belongs to the reactor of one thread; it is handed over as a plain one.
    let Ok(stream) = stream.into_std() else { return };
    let (lobby, recorder) = (lobby.clone(), Arc::clone(recorder));
    arbiter.spawn_fn(move || {
        actix_rt::spawn(async move {
            let Lobby { edge, keepalive, encryption, stopped } = lobby;
            let stream = TcpStream::from_std(stream).and_then(|stream| {
                stream.set_nodelay(true)?;
                miss(&stream, keepalive, edge.limits.partial_command_timeout_ms)?;
                Ok(stream)
            });
            match (stream, encryption) {
                (Ok(stream), None) => connection::serve(stream, guest, edge, recorder, stopped).await,
                // Larger, and in a box so that a connection without TLS does not pay for it.
                (Ok(stream), Some(handshake)) => {
                    Box::pin(serve_secretly(stream, handshake, guest, edge, recorder, stopped)).await;
                }
                (Err(error), _) => tracing::debug!(%error, "a connection ended before it began"),
            }
        });
    });
}

/// Serves one client whose bytes come by another way than a socket; `None` if as many as may be are connected.
pub(crate) fn serve_stream<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    (peer, local): (SocketAddr, SocketAddr),
    edge: &Arc<Edge>,
    recorder: &Arc<Recorder>,
    stopped: watch::Receiver<bool>,
) -> Option<impl Future<Output = ()> + use<S>> {
    let guest = edge.clients.admit(peer, local, &edge.limits).ok()?;
    Some(connection::serve(stream, guest, Arc::clone(edge), Arc::clone(recorder), stopped))
}

/// A peer that is gone without a word must not hold a place for ever. The system ends the connection of one that does not
/// answer when it is asked after a silence, again and again; and of one that does not confirm in time what it was sent,
/// because it is not asked as long as something is under way.
fn miss(stream: &TcpStream, silence: Duration, patience: Duration) -> io::Result<()> {
    let socket = socket2::SockRef::from(stream);
    let again = (silence / ASK_AGAIN_AFTER).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new().with_time(silence).with_interval(again).with_retries(ASK_AGAIN);
    socket.set_tcp_keepalive(&keepalive)?;
    // Linux counts this time from the beginning of the silence too, and does not ask again when it is over.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(patience.max(CONFIRM).max(silence + again * ASK_AGAIN)))?;
    #[cfg(not(target_os = "linux"))]
    let _ = patience;
    Ok(())
}

async fn serve_secretly(
    stream: TcpStream,
    handshake: Handshake,
    guest: Guest,
    edge: Arc<Edge>,
    recorder: Arc<Recorder>,
    stopped: watch::Receiver<bool>,
) {
    match tokio::time::timeout(handshake.patience, handshake.acceptor.accept(stream)).await {
        Ok(Ok(stream)) => connection::serve(stream, guest, edge, recorder, stopped).await,
        Ok(Err(error)) => tracing::debug!(client = guest.id, %error, "a TLS handshake failed"),
        Err(_) => {
            tracing::debug!(client = guest.id, "a TLS handshake took too long (tls.handshake_timeout_ms)")
        }
    }
}

async fn turn_away(mut stream: TcpStream, setting: &str) {
    let mut reply = Vec::new();
    WireError::new(ErrorCode::Err, format!("max number of clients reached ({setting})"))
        .write(&mut Writer::new(&mut reply, Protocol::Resp2));
    // It is told if it can be; it is closed in any case.
    let _ = stream.write_all(&reply).await;
}
