//! A server that sells lamps and tells an endpoint, `shop`.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tidegate_server::config::{self, Config};

use crate::common::receiver::{Receiver, Webhook};
use crate::common::{Ask, Client, PATIENCE, Server, document, until};

/// `seventeen-and-more-bytes-of-a-secret` in base64.
pub(crate) const SECRET: &str = "whsec_c2V2ZW50ZWVuLWFuZC1tb3JlLWJ5dGVzLW9mLWEtc2VjcmV0";

/// Adds an endpoint whose secret is in this directory, and lets nobody wait long for a second attempt.
pub(crate) fn send_to(config: &mut Config, dir: &Path, name: &str, url: String) {
    let secret_file = dir.join("webhook-secret");
    std::fs::write(&secret_file, SECRET).unwrap();
    config.webhooks.push(config::Webhook { name: name.to_owned(), url, secret_file, events: Vec::new() });
    config.deliveries.first_retry_ms = Duration::from_millis(10);
    config.deliveries.max_retry_ms = Duration::from_millis(20);
    // A stop need not wait for an endpoint that hangs.
    config.shutdown.drain_ms = Duration::from_millis(100);
}

/// A server with one endpoint, `shop`.
pub(crate) fn server(dir: &Path, receiver: &Receiver, adjust: impl Fn(&mut Config)) -> Server {
    start_when_free(&dir.join("data"), |config| {
        send_to(config, dir, "shop", receiver.url());
        adjust(config);
    })
}

/// Starts in a directory that another server of this process may have had: its last thread may not have ended yet.
pub(crate) fn start_when_free(dir: &Path, adjust: impl Fn(&mut Config)) -> Server {
    let began = Instant::now();
    loop {
        match Server::try_start_in(dir, &adjust) {
            Ok(server) => return server,
            Err(error) => assert!(
                error.to_string().contains("is in use") && began.elapsed() < PATIENCE,
                "the server does not start: {error:#}"
            ),
        }
    }
}

/// Waits until the endpoint's group is there again.
pub(crate) fn waits(server: &Server, name: &str) {
    let mut client = server.client();
    let line = format!("XPENDING orders webhook.{name}");
    until("the endpoint's group", || client.ask(&line), |told| !told.starts_with("-NOGROUP"));
}

/// A SKU and so many orders of it.
pub(crate) fn sell(client: &mut Client, orders: usize) {
    client.says(&format!("SKU.PUT lamp {}", document(1000, 500, "")), "[CREATED]");
    for order in 1..=orders {
        client.reserve("lamp", &format!("r{order}"), "ann", 1);
    }
}

/// What is told of a SKU and so many orders.
pub(crate) fn told(orders: usize) -> Vec<String> {
    let reserved = (1..=orders).map(|order| format!("order.reserved {{lamp}}:o:{order}"));
    std::iter::once("sku.created lamp".to_owned()).chain(reserved).collect()
}

pub(crate) fn all_told(webhooks: &[Webhook]) -> Vec<String> {
    webhooks.iter().map(Webhook::told).collect()
}

/// How the status shows an endpoint.
pub(crate) fn status(server: &Server, name: &str) -> Json {
    let mut status = Ask::new(server.http(), "GET", "/status").send().json();
    status["webhooks"][name].take()
}

/// Waits until the status shows this of an endpoint.
pub(crate) fn until_status(server: &Server, name: &str, field: &str, value: impl Into<Json>) -> Json {
    let value = value.into();
    until(&format!("{name}'s {field}"), || status(server, name), |shown| shown[field] == value)
}
