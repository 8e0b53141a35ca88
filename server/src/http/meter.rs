//! What the HTTP door counts about itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use parking_lot::Mutex;
use tidegate_persistence::Powers;

use super::doorstep::Wire;
use super::exposition::{Page, Unit};
use crate::metrics::{OTHER, families as f};

/// Requests and connections of the HTTP door.
#[derive(Debug, Default)]
pub(super) struct Meter {
    max_connections: u64,
    accepted: AtomicU64,
    open: AtomicU64,
    in_flight: AtomicU64,
    /// By path as it was registered, so that there are only so many.
    paths: Mutex<BTreeMap<String, Served>>,
}

#[derive(Debug, Default)]
struct Served {
    nanos: Powers,
    by_status: BTreeMap<u16, u64>,
}

impl Meter {
    pub(super) fn new(max_connections: usize) -> Arc<Self> {
        Arc::new(Self { max_connections: max_connections as u64, ..Self::default() })
    }

    /// A connection was accepted. It is open as long as what is kept with it.
    pub(super) fn connected(self: &Arc<Self>, kept: &mut Extensions) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        kept.insert(Counted::enter(Arc::clone(self), |meter| &meter.open));
    }

    fn served(&self, path: Option<String>, status: u16, nanos: u64) {
        let mut paths = self.paths.lock();
        let served = paths.entry(path.unwrap_or_else(|| OTHER.to_owned())).or_default();
        served.nanos.record_n(nanos, 1);
        *served.by_status.entry(status).or_default() += 1;
    }

    pub(super) fn write(&self, page: &mut Page) {
        let paths = self.paths.lock();
        let requests = paths.iter().flat_map(|(path, served)| {
            served.by_status.iter().map(|(status, count)| ([path.clone(), status.to_string()], *count as f64))
        });
        page.samples(&f::HTTP_REQUESTS, requests);
        page.powers(
            &f::HTTP_SECONDS,
            Unit::Nanos,
            paths.iter().map(|(path, served)| ([path], &served.nanos)),
        );
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        page.gauge(&f::HTTP_IN_FLIGHT, read(&self.in_flight) as f64);
        page.gauge(&f::HTTP_CONNECTIONS, read(&self.open) as f64);
        page.gauge(&f::HTTP_CONNECTIONS_LIMIT, self.max_connections as f64);
        page.counter(&f::HTTP_ACCEPTED, read(&self.accepted));
    }
}

/// One more, as long as it lives.
struct Counted {
    meter: Arc<Meter>,
    what: fn(&Meter) -> &AtomicU64,
}

impl Counted {
    fn enter(meter: Arc<Meter>, what: fn(&Meter) -> &AtomicU64) -> Self {
        what(&meter).fetch_add(1, Ordering::Relaxed);
        Self { meter, what }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.what)(&self.meter).fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a request and its answer.
pub(super) async fn count(
    meter: web::Data<Meter>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    let path = request.match_pattern();
    let in_flight = Counted::enter(meter.clone().into_inner(), |meter| &meter.in_flight);
    let answer = next.call(request).await;
    drop(in_flight);
    let status = match &answer {
        Ok(answer) => answer.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    meter.served(path, status.as_u16(), u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
    answer
}

/// For the HTTP library, which tells of every connection it accepts.
pub(super) fn on_connect(meter: Arc<Meter>) -> impl Fn(&Wire, &mut Extensions) + Send + Clone + 'static {
    move |_, kept| meter.connected(kept)
}
