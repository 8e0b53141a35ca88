//! Administration: the commands of the sale as resources under `/api/v1`.
//!
//! A request becomes the command that a Redis client would send, and goes the same way; its reply becomes JSON. No other
//! way leads from here into the engine.
//!
//! * `operations.rs`: what can be done, and by which command. Routes and the document are made of it.
//! * `lists.rs`: what can be listed, page by page.
//! * `request.rs`: from a request to a command.
//! * `answer.rs`: from a reply to an answer; the table of statuses.
//! * `openapi.rs`, `responses.rs`: the document that describes it; `docs.rs`: the page that shows the document.

mod answer;
mod docs;
mod lists;
mod openapi;
mod operations;
mod request;
mod responses;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, Resource, Route, web};
use tidegate_protocol::json;
use tidegate_protocol::resp::{FramingError, Value, decode_reply};

use super::guard;
use super::local;
use super::origin;
use super::problem::{Problem, not_allowed, not_found};
use crate::config::{Http, Origins};
use crate::edge::{Caller, Edge};
use crate::metrics::Recorder;
use crate::security::Principal;
pub(super) use answer::error;
use lists::LISTS;
pub(super) use operations::ROOT;
use operations::{OPERATIONS, Operation};
use request::malformed;

/// What the handlers of one thread share.
pub(super) struct Api {
    edge: Arc<Edge>,
    recorder: Arc<Recorder>,
    allowed_origins: Origins,
    /// How long a body may take.
    patience: Duration,
}

impl Api {
    pub(super) fn new(edge: Arc<Edge>, recorder: Arc<Recorder>, settings: &Http) -> Self {
        let (allowed_origins, patience) = (settings.allowed_origins.clone(), settings.request_timeout_ms);
        Self { edge, recorder, allowed_origins, patience }
    }

    /// Finds out who asks. Here, and nowhere else, it is decided who that is.
    fn asker(&self, request: &HttpRequest) -> Result<Asker, Problem> {
        let local = local(request);
        if request.method() != Method::GET
            && request.method() != Method::HEAD
            && origin::is_foreign(request.headers(), local, &self.allowed_origins)
        {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "NOPERM",
                "The page that sent this is another site's; http.allowed_origins says whose pages may.",
            ));
        }
        let principal = request.extensions().get::<Principal>().cloned().unwrap_or(Principal::Nobody);
        Ok(Asker { address: request.peer_addr().unwrap_or(local), local, principal })
    }

    /// Carries out commands, and gives a reply to each.
    async fn call(&self, asker: Asker, commands: Vec<u8>) -> Result<Vec<Value>, Problem> {
        let mut caller = Caller::for_one_request(&self.edge, &self.recorder, (asker.address, asker.local));
        caller.authenticate(asker.principal);
        // On its own: what was begun is brought to its end, also when the client does not wait for it.
        let called = actix_web::rt::spawn(async move { caller.call(&commands).await });
        let replies = called.await.map_err(|_| defect())?.map_err(|error| match error {
            FramingError::TooLarge { limit } => request::too_large(limit),
            other => malformed(other.to_string()),
        })?;
        let mut values = Vec::new();
        let mut taken = 0;
        while let Ok(Some(reply)) = decode_reply(&replies[taken..]) {
            values.push(reply.value().map_err(|_| defect())?);
            taken += reply.wire_len();
        }
        Ok(values)
    }
}

/// Who asks. It becomes a client of the server only when all of its request is there: a server that stops waits for its
/// clients.
struct Asker {
    address: SocketAddr,
    local: SocketAddr,
    principal: Principal,
}

/// What can't be, as far as anybody knows.
fn defect() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "ERR",
        "Outcome unknown: a defect of the server; please report it. Asked again with the same Idempotency-Key, it is \
         done once.",
    )
}

/// Everything under [`ROOT`].
pub(super) fn routes(app: &mut web::ServiceConfig, api: Api) {
    let mut paths: Vec<Path> = Vec::new();
    for operation in OPERATIONS {
        let route = web::to(move |request, body, api| finish(operate(operation, request, body, api)));
        add(&mut paths, operation.path, &operation.method, route);
        if operation.method == Method::GET {
            let route = web::to(move |request, body, api| finish(operate(operation, request, body, api)));
            add(&mut paths, operation.path, &Method::HEAD, route);
        }
    }
    for list in LISTS {
        for method in [Method::GET, Method::HEAD] {
            let route = web::to(move |request, api| finish(lists::page(list, request, api)));
            add(&mut paths, list.path, &method, route);
        }
    }
    let mut scope = web::scope(ROOT).app_data(web::Data::new(api));
    for Path { resource, methods, .. } in paths {
        let methods = methods.join(", ");
        scope = scope.service(resource.default_service(web::to(move || {
            let answer = not_allowed(&methods);
            async move { answer }
        })));
    }
    app.service(scope.default_service(web::to(not_found)).wrap(from_fn(guard::identify)))
        .configure(docs::routes);
}

/// One path and the methods that it takes.
struct Path {
    path: &'static str,
    resource: Resource,
    methods: Vec<String>,
}

fn add(paths: &mut Vec<Path>, path: &'static str, method: &Method, route: Route) {
    let at = paths.iter().position(|known| known.path == path).unwrap_or_else(|| {
        paths.push(Path { path, resource: web::resource(path), methods: Vec::new() });
        paths.len() - 1
    });
    let Path { resource, methods, .. } = &mut paths[at];
    let so_far = std::mem::replace(resource, web::resource(path));
    *resource = so_far.route(route.method(method.clone()));
    methods.push(method.to_string());
}

async fn finish(answer: impl Future<Output = Result<HttpResponse, Problem>>) -> HttpResponse {
    answer.await.unwrap_or_else(|problem| problem.response())
}

async fn operate(
    operation: &'static Operation,
    request: HttpRequest,
    body: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    let asker = api.asker(&request)?;
    request::query(&request, &[])?;
    let is_read = operation.method == Method::GET;
    let body = if is_read {
        Default::default()
    } else {
        request::check_content_type(&request)?;
        request::read_body(body, api.edge.limits().max_command_bytes, api.patience).await?
    };
    let command = operation.command().ok_or_else(defect)?;
    let mut words = Vec::new();
    request::command(operation, command, &request, &body, &mut words)?;
    let replies = api.call(asker, words).await?;
    let reply = replies.first().ok_or_else(defect)?;
    answer::answer(operation, json::reply(command, reply))
}
