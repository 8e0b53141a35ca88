//! What the HTTP door counts about itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use parking_lot::Mutex;
use tidegate_persistence::Powers;

use super::entrance::Entrance;
use super::exposition::{Page, Unit};
use crate::metrics::{OTHER, families as f};

/// Requests and connections of the HTTP door.
#[derive(Debug)]
pub(super) struct Meter {
    entrance: Arc<Entrance>,
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
    pub(super) fn new(entrance: Arc<Entrance>) -> Self {
        Self { entrance, in_flight: AtomicU64::new(0), paths: Mutex::default() }
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
        page.gauge(&f::HTTP_IN_FLIGHT, self.in_flight.load(Ordering::Relaxed) as f64);
        page.gauge(&f::HTTP_CONNECTIONS, self.entrance.open() as f64);
        page.gauge(&f::HTTP_CONNECTIONS_LIMIT, self.entrance.max_connections() as f64);
        page.counter(&f::HTTP_ACCEPTED, self.entrance.accepted());
        page.counter(&f::HTTP_REFUSED, self.entrance.refused());
    }
}

/// A request that is being answered, as long as it lives.
struct InFlight(Arc<Meter>);

impl InFlight {
    fn enter(meter: Arc<Meter>) -> Self {
        meter.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(meter)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
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
    let in_flight = InFlight::enter(meter.clone().into_inner());
    let answer = next.call(request).await;
    drop(in_flight);
    let status = match &answer {
        Ok(answer) => answer.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    meter.served(path, status.as_u16(), u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
    answer
}
