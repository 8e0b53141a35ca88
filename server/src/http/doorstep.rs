//! From a socket to HTTP/1.1, with TLS in between if there is a certificate.
//!
//! HTTP/1.1 and nothing else: the HTTP/2 of the HTTP library bounds neither the streams of a connection nor what it keeps
//! for them, so one client could take all memory. Its own TLS door offers HTTP/2 whenever any part of the program is
//! built with it, and takes part in no more than so many handshakes at once, all silent ones included; hence this one.

use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::{HttpService, Request};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Extensions, Service, ServiceResponse};
use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::entrance::{Entrance, Visitor};
use crate::config::Http;
use crate::security::Encryption;

/// How long a client may take to close a connection that is over. Closing over bytes that nobody read would reset it, and
/// the client may never see why. The HTTP library's clock ticks twice a second, so it may be half a second less.
const LINGER: Duration = Duration::from_secs(1);

/// What clients are told that this door speaks.
const ALPN: &[u8] = b"http/1.1";

/// Makes connections of sockets.
#[derive(Clone)]
pub(super) struct Doorstep {
    settings: Http,
    entrance: Arc<Entrance>,
    handshake: Option<Handshake>,
}

/// How a connection becomes a secret one.
#[derive(Clone)]
struct Handshake {
    acceptor: TlsAcceptor,
    patience: Duration,
}

impl Doorstep {
    pub(super) fn new(settings: Http, entrance: Arc<Entrance>, encryption: Option<Encryption>) -> Self {
        let handshake = encryption.map(|Encryption { mut config, handshake_timeout }| {
            config.alpn_protocols = vec![ALPN.to_vec()];
            Handshake { acceptor: TlsAcceptor::from(Arc::new(config)), patience: handshake_timeout }
        });
        Self { settings, entrance, handshake }
    }

    /// What becomes of each socket, where `app` answers. Requests can ask their connection for its [`Visitor`].
    pub(super) fn open<I, S, B>(
        &self,
        app: I,
    ) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()> + use<I, S, B>
    where
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<
                Request,
                Config = AppConfig,
                Response = ServiceResponse<B>,
                Error = Error,
                InitError = (),
            > + 'static,
        <S::Service as Service<Request>>::Future: 'static,
        B: MessageBody + 'static,
    {
        let app = app.into_factory().map_err(|error| error.error_response());
        let http = HttpService::build()
            .keep_alive(self.settings.keep_alive_ms)
            .client_request_timeout(self.settings.request_timeout_ms)
            .client_disconnect_timeout(LINGER)
            .on_connect_ext(|wire: &Wire, kept: &mut Extensions| {
                kept.insert(Rc::clone(&wire.visitor));
            })
            // Where it listens, the library keeps to itself: who wants to know asks for `Local`.
            .h1(map_config(app, |()| AppConfig::default()))
            .map_err(|error| tracing::debug!(%error, "an HTTP connection ended"));
        let doorstep = self.clone();
        fn_service(move |stream: TcpStream| doorstep.clone().welcome(stream)).and_then(http)
    }

    /// A connection that HTTP can be spoken over, and whose it is.
    async fn welcome(self, stream: TcpStream) -> Result<(Wire, Option<SocketAddr>), ()> {
        let peer = stream.peer_addr().map_err(|_| ())?;
        let Some((visitor, mut sent_away)) = self.entrance.enter(peer.ip()) else {
            tracing::debug!(%peer, "closed: limits.max_connections_per_address");
            return Err(());
        };
        let stream: Pin<Box<dyn Stream>> = match self.handshake {
            None => Box::pin(stream),
            Some(handshake) => tokio::select! {
                shaken = handshake.shake(stream) => Box::pin(shaken?),
                Ok(()) = &mut sent_away => return Err(()),
            },
        };
        Ok((Wire { stream, visitor: Rc::new(visitor), sent_away: Some(sent_away) }, Some(peer)))
    }
}

impl Handshake {
    async fn shake(self, stream: TcpStream) -> Result<TlsStream<TcpStream>, ()> {
        let shaken = timeout(self.patience, self.acceptor.accept(stream)).await;
        let shaken = shaken
            .map_err(|_| tracing::debug!("a TLS handshake took too long (tls.handshake_timeout_ms)"))?;
        shaken.map_err(|error| tracing::debug!(%error, "a TLS handshake failed"))
    }
}

/// Bytes from and to one client, encrypted or not.
pub(super) struct Wire {
    stream: Pin<Box<dyn Stream>>,
    visitor: Rc<Visitor>,
    /// When it has to leave. Nobody can tell it any more once it has a place.
    sent_away: Option<oneshot::Receiver<()>>,
}

trait Stream: AsyncRead + AsyncWrite {}

impl<S: AsyncRead + AsyncWrite> Stream for S {}

impl Drop for Wire {
    fn drop(&mut self) {
        // Answers that are still under way may know the visitor for a while.
        self.visitor.leave();
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(sent_away) = &mut self.sent_away
            && let Poll::Ready(told) = Pin::new(sent_away).poll(context)
        {
            self.sent_away = None;
            if told.is_ok() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
        }
        self.stream.as_mut().poll_read(context, bytes)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }
}
