//! Accepts connections and spreads them over the arbiters.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::ArbiterHandle;
use socket2::TcpKeepalive;
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::resp::{Protocol, Writer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Edge;
use super::connection;
use crate::metrics::{Metrics, Recorder};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// How long a connection may be silent before the kernel asks whether its peer is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

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
    address: SocketAddr,
    edge: Arc<Edge>,
    arbiters: Vec<ArbiterHandle>,
    metrics: &Metrics,
) -> io::Result<Door> {
    let listener = bind(address)?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let homes: Vec<_> = arbiters.into_iter().map(|arbiter| (arbiter, metrics.recorder())).collect();
    actix_rt::spawn(accept(listener, edge, homes, stopped));
    Ok(Door { address, stop })
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

async fn accept(
    listener: TcpListener,
    edge: Arc<Edge>,
    homes: Vec<(ArbiterHandle, Arc<Recorder>)>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut turn = homes.iter().cycle();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some((arbiter, recorder)) = turn.next() {
                    welcome(stream, peer, &edge, arbiter, recorder, &stopped);
                }
            }
            Err(error) => {
                // Out of file descriptors, mostly: it passes when connections end.
                edge.clients.count_accept_error();
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

fn welcome(
    stream: TcpStream,
    peer: SocketAddr,
    edge: &Arc<Edge>,
    arbiter: &ArbiterHandle,
    recorder: &Arc<Recorder>,
    stopped: &watch::Receiver<bool>,
) {
    let local = stream.local_addr().unwrap_or(peer);
    let Some(guest) = edge.clients.admit(peer, local, edge.limits.max_connections) else {
        actix_rt::spawn(turn_away(stream));
        return;
    };
    // A socket belongs to the reactor of one thread; it is handed over as a plain one.
    let Ok(stream) = stream.into_std() else { return };
    let (edge, recorder, stopped) = (Arc::clone(edge), Arc::clone(recorder), stopped.clone());
    arbiter.spawn_fn(move || {
        actix_rt::spawn(async move {
            let stream = TcpStream::from_std(stream).and_then(|stream| {
                stream.set_nodelay(true)?;
                // A peer that is gone without a word must not hold a place for ever.
                socket2::SockRef::from(&stream)
                    .set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
                Ok(stream)
            });
            match stream {
                Ok(stream) => connection::serve(stream, guest, edge, recorder, stopped).await,
                Err(error) => tracing::debug!(%error, "a connection ended before it began"),
            }
        });
    });
}

async fn turn_away(mut stream: TcpStream) {
    let mut reply = Vec::new();
    WireError::new(ErrorCode::Err, "max number of clients reached (limits.max_connections)")
        .write(&mut Writer::new(&mut reply, Protocol::Resp2));
    // It is told if it can be; it is closed in any case.
    let _ = stream.write_all(&reply).await;
}
