//! What is looked at before anything else, whatever is asked.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use tidegate_protocol::error::{ErrorCode, WireError};

use super::cors::Cors;
use super::entrance::Visitor;
use super::origin::is_meant_for_this_machine;
use super::{HEALTH, api};
use crate::config::Origins;
use crate::security::{Security, network, no_auth};

/// What the porter goes by.
pub(super) struct Porter {
    pub(super) security: Arc<Security>,
    /// Whether somebody who has not said who it is may do nothing.
    pub(super) has_users: bool,
    /// The sites whose pages may use the API.
    pub(super) allowed_origins: Origins,
    /// Milliseconds after which somebody who found no place may try again.
    pub(super) retry_ms: u32,
}

/// Middleware: sees to it that who asks has a place, counts the request for its address, whatever becomes of it, and that it
/// is meant for this server. Health is answered in any case, because that is asked when something is wrong; and a
/// WebSocket has another limit.
pub(super) async fn receive<B: MessageBody + 'static>(
    porter: web::Data<Porter>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let visitor = request.request().conn_data::<Rc<Visitor>>().cloned();
    let has_place = visitor.as_ref().is_none_or(|visitor| visitor.sit());
    let is_health = HEALTH.contains(&request.path());
    let admitted = if is_health {
        Ok(())
    } else if has_place || request.path() == "/ws" {
        porter.count(&request).and_then(|()| porter.expects(request.head()))
    } else {
        visitor.iter().for_each(|visitor| visitor.turned_away());
        Err(porter.full())
    };
    let cors = Cors::of(&request, &porter.allowed_origins);
    let mut answer = match (admitted, cors.preflight()) {
        (Ok(()), None) => next.call(request).await?.map_into_boxed_body(),
        (Ok(()), Some(preflight)) => request.into_response(preflight),
        (Err(refused), _) => request.into_response(api::error(refused.into()).response()),
    };
    cors.mark(answer.headers_mut());
    match visitor {
        Some(visitor) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => visitor.leave(),
        _ if !has_place => {
            answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        _ => {}
    }
    Ok(answer)
}

impl Porter {
    fn count(&self, request: &ServiceRequest) -> Result<(), WireError> {
        let from = request.peer_addr().ok_or_else(no_auth)?.ip();
        self.security.rates().newcomer();
        self.security.rates().charge_address(network(from))
    }

    /// Without users, everybody who can ask may do everything, so only who is on this machine may ask.
    fn expects(&self, request: &RequestHead) -> Result<(), WireError> {
        if self.has_users || is_meant_for_this_machine(request) {
            return Ok(());
        }
        let text = "as long as no users are configured, ask this server as 127.0.0.1, [::1] or localhost (the Host header)";
        Err(WireError::new(ErrorCode::NoPerm, text))
    }

    fn full(&self) -> WireError {
        let text = "as many HTTP connections as may be are open (http.max_connections); nothing was done";
        WireError::retry(ErrorCode::Overloaded, self.retry_ms, text)
    }
}
