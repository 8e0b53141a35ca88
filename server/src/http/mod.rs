//! The HTTP door: health, status and metrics, and administration. It keeps answering while the journal is replayed and
//! while the server drains, because that is when someone looks.
//!
//! * `api/`: the commands of the sale under `/api/v1`.
//! * `health.rs`: `/livez`, `/readyz`, `/healthz`, for programs that decide by a status code.
//! * `status.rs`: `/status`, the same numbers for people and scripts, as JSON.
//! * `exposition/`: `/metrics`, for Prometheus.
//! * `guard.rs`: who asks, and whether it may.
//! * `meter.rs`: what is counted about this door itself.
//! * `origin.rs`: which web pages may change something.
//! * `problem.rs`: every error, as an RFC 9457 document.

mod api;
mod exposition;
mod guard;
mod health;
mod meter;
mod origin;
mod problem;
mod status;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::guard::{Any, Get, Head};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::{App, FromRequest, Handler, HttpServer, Resource, Responder, web};

use self::meter::Meter;
use crate::config::Http;
use crate::edge::Edge;
use crate::metrics::{Metrics, StatusSource};
use crate::pages;
use crate::security::Encryption;
use crate::webhooks::Webhooks;
use crate::ws::{self, Sockets};
use api::Api;
pub(crate) use origin::is_foreign;
pub(crate) use problem::{Problem, not_found};
pub(crate) use status::status_document;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// What every handler reads from.
struct Sources {
    status: Arc<dyn StatusSource>,
    metrics: Arc<Metrics>,
    webhooks: Arc<Webhooks>,
}

/// A server that listens, and where.
pub struct Running {
    /// The bound address; it names the port when the settings asked for any.
    pub address: SocketAddr,
    /// To be awaited or spawned inside an actix system. It installs no signal handlers:
    /// `server.handle().stop(true)` ends it.
    pub server: Server,
}

/// Binds `settings.listen` and starts the threads that answer.
///
/// # Errors
/// The address can't be bound (in use, or not this machine's), or a thread can't be started.
pub fn start(
    settings: &Http,
    status: Arc<dyn StatusSource>,
    metrics: Arc<Metrics>,
    edge: Arc<Edge>,
    sockets: Arc<Sockets>,
    webhooks: Arc<Webhooks>,
    encryption: Option<Encryption>,
) -> io::Result<Running> {
    let listener = TcpListener::bind(settings.listen)?;
    sockets.prepare(&listener)?;
    let address = listener.local_addr()?;
    let max_connections = settings.max_connections.saturating_add(sockets.max_connections());
    let sources = web::Data::new(Sources { status, metrics, webhooks });
    let own_settings = settings.clone();
    let security = web::Data::from(Arc::clone(edge.security()));
    let meter = Meter::new(settings.max_connections);
    let on_connect = meter::on_connect(Arc::clone(&meter));
    let meter = web::Data::from(meter);
    let server = HttpServer::new(move || {
        // This runs once for each worker.
        let recorder = sources.metrics.recorder();
        let api = Api::new(Arc::clone(&edge), Arc::clone(&recorder), &own_settings);
        App::new()
            .app_data(sources.clone())
            .app_data(web::Data::from(Arc::clone(&sockets)))
            .app_data(web::Data::from(recorder))
            .app_data(security.clone())
            .app_data(meter.clone())
            // Every answer is about this very moment.
            .wrap(
                DefaultHeaders::new()
                    .add(("cache-control", "no-store"))
                    .add(("x-content-type-options", "nosniff")),
            )
            // The outermost: what others refuse is counted too.
            .wrap(from_fn(meter::count))
            .configure(routes)
            .configure(|app| api::routes(app, api))
            .configure(pages::routes)
            .default_service(web::to(problem::not_found))
    })
    .on_connect(on_connect)
    .workers(settings.workers)
    .backlog(BACKLOG)
    .max_connections(max_connections)
    .client_request_timeout(settings.request_timeout_ms)
    .client_disconnect_timeout(settings.request_timeout_ms)
    .keep_alive(settings.keep_alive_ms)
    .disable_signals();
    let server = match encryption {
        None => server.listen(listener)?,
        Some(Encryption { config, handshake_timeout }) => {
            server.tls_handshake_timeout(handshake_timeout).listen_rustls_0_23(listener, config)?
        }
    };
    Ok(Running { address, server: server.run() })
}

fn routes(app: &mut web::ServiceConfig) {
    let observed = |page: Resource| page.wrap(from_fn(guard::observers)).wrap(from_fn(guard::identify));
    app.service(page("/livez", health::livez))
        .service(page("/readyz", health::readyz))
        .service(page("/healthz", health::healthz))
        .service(observed(page("/status", status::status)))
        .service(observed(page("/metrics", exposition::metrics)))
        .service(page("/asyncapi.json", ws::asyncapi))
        .service(read_only("/ws").route(web::get().to(ws::upgrade)).wrap(from_fn(guard::identify)));
}

/// A path that is only read, by GET and HEAD.
pub(crate) fn page<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args, Output: Responder + 'static>,
    Args: FromRequest + 'static,
{
    read_only(path).route(web::route().guard(Any(Get()).or(Head())).to(handler))
}

/// A path that is only read: any other method is told so.
fn read_only(path: &str) -> Resource {
    web::resource(path).default_service(web::to(problem::read_only))
}
