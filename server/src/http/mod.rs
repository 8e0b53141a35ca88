//! The HTTP door: health, status and metrics, and administration. It keeps answering while the journal is replayed and
//! while the server drains, because that is when someone looks.
//!
//! * `api/`: the commands of the sale under `/api/v1`.
//! * `health.rs`: `/livez`, `/readyz`, `/healthz`, for programs that decide by a status code.
//! * `status.rs`: `/status`, the same numbers for people and scripts, as JSON.
//! * `entrance.rs`: how many connections there may be.
//! * `exposition/`: `/metrics`, for Prometheus.
//! * `cors.rs`: what browsers are told about pages of other sites.
//! * `doorstep.rs`: from a socket to HTTP/1.1.
//! * `guard.rs`: who asks, and whether it may.
//! * `meter.rs`: what is counted about this door itself.
//! * `origin.rs`: which web pages may change something.
//! * `porter.rs`: what is looked at before anything else.
//! * `problem.rs`: every error, as an RFC 9457 document.

mod api;
mod cors;
mod doorstep;
mod entrance;
mod exposition;
mod guard;
mod health;
mod meter;
mod origin;
mod porter;
mod problem;
mod status;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::guard::{Any, Get, Head};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::{App, FromRequest, Handler, HttpRequest, Resource, Responder, web};

use self::meter::Meter;
use crate::config::Http;
use crate::edge::Edge;
use crate::metrics::{Metrics, StatusSource};
use crate::pages;
use crate::security::{Encryption, Principal, retry_ms};
use crate::webhooks::Webhooks;
use crate::ws::{self, Sockets};
use api::Api;
use doorstep::Doorstep;
use entrance::Entrance;
pub(crate) use origin::is_foreign;
use porter::Porter;
pub(crate) use problem::{Problem, not_found};
pub(crate) use status::status_document;

/// What programs ask to know whether all is well. Nothing keeps them from an answer.
const HEALTH: [&str; 3] = ["/livez", "/readyz", "/healthz"];
/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// What every handler reads from.
struct Sources {
    status: Arc<dyn StatusSource>,
    metrics: Arc<Metrics>,
    webhooks: Arc<Webhooks>,
    edge: Arc<Edge>,
}

/// Where this door listens.
#[derive(Clone, Copy)]
struct Local(SocketAddr);

/// Where the door that a request came by listens.
pub(crate) fn local(request: &HttpRequest) -> SocketAddr {
    // It is there: `start` put it there.
    request.app_data().map_or_else(|| request.app_config().local_addr(), |Local(address)| *address)
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
    let entrance = Entrance::new(settings.max_connections, edge.limits().max_connections_per_address);
    // The entrance and the WebSockets bound them: what this one bounds is not accepted, and so can't be told.
    let max_connections = entrance.most().saturating_add(sockets.max_connections()).saturating_mul(2);
    let sources = web::Data::new(Sources { status, metrics, webhooks, edge: Arc::clone(&edge) });
    let own_settings = settings.clone();
    let security = web::Data::from(Arc::clone(edge.security()));
    let meter = web::Data::new(Meter::new(Arc::clone(&entrance)));
    let porter = web::Data::new(Porter {
        security: Arc::clone(edge.security()),
        has_users: matches!(edge.security().stranger(), Principal::Nobody),
        allowed_origins: settings.allowed_origins.clone(),
        retry_ms: retry_ms(edge.limits().retry_ms),
    });
    let doorstep = Doorstep::new(settings.clone(), entrance, encryption);
    let connections = move || {
        // This runs once for each worker.
        let recorder = sources.metrics.recorder();
        let api = Api::new(Arc::clone(&edge), Arc::clone(&recorder), &own_settings);
        let app = App::new()
            .app_data(Local(address))
            .app_data(sources.clone())
            .app_data(web::Data::from(Arc::clone(&sockets)))
            .app_data(web::Data::from(recorder))
            .app_data(security.clone())
            .app_data(meter.clone())
            .app_data(porter.clone())
            // Every answer is about this very moment.
            .wrap(
                DefaultHeaders::new()
                    .add(("cache-control", "no-store"))
                    .add(("x-content-type-options", "nosniff")),
            )
            .wrap(from_fn(porter::receive))
            // The outermost: what others refuse is counted too.
            .wrap(from_fn(meter::count))
            .configure(routes)
            .configure(|app| api::routes(app, api))
            .configure(pages::routes)
            .default_service(web::to(problem::not_found));
        doorstep.open(app)
    };
    let server = Server::build()
        .workers(settings.workers)
        .backlog(BACKLOG)
        .max_concurrent_connections(max_connections)
        .disable_signals()
        .listen("http", listener, connections)?;
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
