//! Who may do what: users, tokens, TLS and limits, over real sockets.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

#[path = "security/api.rs"]
mod api;
#[path = "security/buyers.rs"]
mod buyers;
#[path = "security/limits.rs"]
mod limits;
#[path = "security/people.rs"]
mod people;
#[path = "security/roles.rs"]
mod roles;
#[path = "security/silence.rs"]
mod silence;
#[path = "security/tls.rs"]
mod tls;
#[path = "security/tokens.rs"]
mod tokens;
#[path = "security/users.rs"]
mod users;
#[path = "security/websocket.rs"]
mod websocket;
