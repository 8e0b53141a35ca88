//! What is looked at before anything else, whatever is asked.

use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use tidegate_protocol::error::{ErrorCode, WireError};

use super::entrance::Visitor;
use super::{HEALTH, api};

/// What the porter goes by.
pub(super) struct Porter {
    /// Milliseconds after which somebody who found no place may try again.
    pub(super) retry_ms: u32,
}

/// Middleware: sees to it that who asks has a place. Health is answered without one, because that is asked when
/// something is wrong; and a WebSocket has another limit.
pub(super) async fn receive<B: MessageBody + 'static>(
    porter: web::Data<Porter>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let visitor = request.request().conn_data::<Rc<Visitor>>().cloned();
    let has_place = visitor.as_ref().is_none_or(|visitor| visitor.sit());
    let needs_none = HEALTH.contains(&request.path()) || request.path() == "/ws";
    let mut answer = if has_place || needs_none {
        next.call(request).await?.map_into_boxed_body()
    } else {
        let refused = api::error(porter.full().into());
        request.into_response(refused.response())
    };
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
    fn full(&self) -> WireError {
        let text = "as many HTTP connections as may be are open (http.max_connections); nothing was done";
        WireError::retry(ErrorCode::Overloaded, self.retry_ms, text)
    }
}
