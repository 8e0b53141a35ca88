//! Who asks over HTTP, and whether it may: the same users, tokens and limits as at the other doors.
//!
//! `identify` finds out who it is and leaves a [`Principal`] with the request, for whoever answers it. Here the request is
//! counted for that somebody, once, whatever it takes to answer it; its address was charged at the door. Nothing is taken
//! from cookies, and browsers are never told to ask for a password: what another site makes a browser send carries no
//! credentials.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse, web};
use tidegate_protocol::command::Role;
use tidegate_protocol::error::{ErrorCode, WireError};

use super::api;
use crate::security::{Principal, Security, no_auth};

/// Middleware: whoever can't prove what the request claims is refused; who claims nothing is a stranger.
pub(super) async fn identify<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match principal(request.request()).await {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Err(error) => Ok(request.into_response(refusal(&error))),
    }
}

/// Middleware for pages that tell how the server is doing, inside [`identify`]: for observers and admins.
pub(super) async fn observers<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match may_observe(request.request()) {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(error) => Ok(request.into_response(refusal(&error))),
    }
}

async fn principal(request: &HttpRequest) -> Result<Principal, WireError> {
    let Some(security) = request.app_data::<web::Data<Security>>() else { return Err(no_auth()) };
    let Some(header) = request.headers().get(AUTHORIZATION) else { return Ok(security.stranger()) };
    let from = request.peer_addr().ok_or_else(no_auth)?.ip();
    let header = header
        .to_str()
        .map_err(|_| WireError::new(ErrorCode::WrongPass, "the Authorization header is no ASCII text"))?;
    let principal = security.authorize(header, from).await?;
    security.rates().charge_asker(&principal)?;
    Ok(principal)
}

fn may_observe(request: &HttpRequest) -> Result<(), WireError> {
    let principal = request.extensions().get::<Principal>().cloned().unwrap_or(Principal::Nobody);
    principal.needs_one_of(&[Role::Observer, Role::Admin])
}

/// An error of the wire as an HTTP answer.
fn refusal(error: &WireError) -> HttpResponse {
    api::error(error.clone().into()).response()
}
