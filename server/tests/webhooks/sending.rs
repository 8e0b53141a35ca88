//! What is sent, in which order, and what a stop and a kill change about it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, mpsc};

use super::shop::{
    SECRET, all_told, sell, send_to, server, start_when_free, status, told, until_status, waits,
};
use rustls::{ServerConnection, StreamOwned};
use serde_json::Value as Json;
use tidegate_protocol::command::Role;
use tidegate_server::config::User;
use tidegate_server::security::SecretHash;

use crate::common::receiver::{Receiver, Webhook, answer};
use crate::common::{Ask, Entry, PATIENCE, Process, Server, document, until};

#[test]
fn each_entry_is_sent_signed_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|_| answer(204));
    let server = server(dir.path(), &receiver, |_| {});
    let mut client = server.client();
    sell(&mut client, 9);
    let webhooks = receiver.take(10);
    assert_eq!(all_told(&webhooks), told(9));
    let feed = client.feed();
    for (webhook, entry) in webhooks.iter().zip(&feed) {
        assert_eq!(webhook.event(), entry.event, "the body is the entry's event");
        assert_eq!(webhook.path, "/hooks?shop=1");
        let source = entry.event["source"].as_str().unwrap();
        assert_eq!(webhook.header("webhook-id"), format!("{source}/{}", entry.id));
        assert_eq!(webhook.header("content-type"), "application/cloudevents+json; charset=utf-8");
        assert!(webhook.header("user-agent").starts_with("Tidegate/"));
        assert!(webhook.is_signed_with(SECRET));
    }
    let shown = until_status(&server, "shop", "delivered", 10);
    assert_eq!(
        (&shown["attempts"], &shown["failures"], &shown["dead_letters"]),
        (&10.into(), &0.into(), &0.into())
    );
    let shown = until_status(&server, "shop", "lag", 0);
    assert_eq!((&shown["trouble"], shown["last_success_at"].is_string()), (&Json::Null, true));
    client.says("XPENDING orders webhook.shop", "[0 nil nil nil]");
    let metrics = Ask::new(server.http(), "GET", "/metrics").send().body;
    for line in [
        "tidegate_webhook_delivered_total{endpoint=\"shop\"} 10\n",
        "tidegate_webhook_state{endpoint=\"shop\",state=\"off\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let documented = include_str!("../../../docs/METRICS.md").lines();
    let documented: BTreeSet<_> = documented
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("tidegate_webhook_"))
        .collect();
    let families = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let families: BTreeSet<_> = families.filter(|name| name.starts_with("tidegate_webhook_")).collect();
    assert_eq!(families, documented);
}

#[test]
fn no_two_servers_name_an_entry_alike_and_a_restart_does() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let receiver = Receiver::start(|_| answer(200));
    let start = |dir: &Path, source: &str| {
        let server = server(dir, &receiver, |config| config.feed.source = source.to_owned());
        waits(&server, "shop");
        server
    };
    // The id of the only entry, and the end of its server once nothing will be sent again.
    let id_at_the_end = |server: Server| {
        let id = receiver.next().header("webhook-id").to_owned();
        until_status(&server, "shop", "delivered", 1);
        until_status(&server, "shop", "lag", 0);
        server.stop().unwrap();
        id
    };
    let sold = |dir: &Path, source: &str| {
        let server = start(dir, source);
        sell(&mut server.client(), 0);
        id_at_the_end(server)
    };
    let again = |dir: &Path, source: &str| {
        let server = start(dir, source);
        server.client().says("XGROUP SETID orders webhook.shop 0", "OK");
        id_at_the_end(server)
    };
    let id = sold(dir.path(), "");
    assert_eq!(again(dir.path(), ""), id, "after a restart");
    let other_id = sold(other.path(), "");
    // What stands before the entry's own id, which counts from the beginning in either.
    let source_of = |id: &str| id.rsplit_once('/').unwrap().0.to_owned();
    assert_ne!(source_of(&id), source_of(&other_id), "of another data directory");
    let source = "https://shop.example.com/eu";
    assert_eq!(source_of(&again(other.path(), source)), source);
}

#[test]
fn what_is_no_entry_at_all_is_passed_over_too() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|_| answer(200));
    let server = server(dir.path(), &receiver, |config| {
        config.webhooks[0].events = vec!["order.paid".to_owned()];
    });
    let mut client = server.client();
    client.says(&format!("SKU.PUT lamp {}", document(5_000, 500, "")), "[CREATED]");
    let orders: Vec<String> = (1..=4_000).map(|n| format!("ORDER.RESERVE lamp r{n} b{n} 1")).collect();
    client.pipeline(&orders);
    // A reader that claims what it has again and again writes megabytes in which there is no entry.
    client.says("XGROUP CREATE orders slow 0", "OK");
    client.value("XREADGROUP GROUP slow c COUNT 5000 STREAMS orders >");
    let journaled = |server: &Server| {
        let status = Ask::new(server.http(), "GET", "/status").send().json();
        status["journal"]["epoch_bytes"].as_u64().unwrap()
    };
    let before = journaled(&server);
    while journaled(&server) < before + (5 << 20) {
        client.pipeline(&["XAUTOCLAIM orders slow c 0 0 COUNT 5000 JUSTID"; 20]);
    }
    client.says("ORDER.PAY {lamp}:o:7 p 500 pay", "[PAID {lamp}:o:7]");
    assert_eq!(receiver.next().told(), "order.paid {lamp}:o:7");
    until_status(&server, "shop", "lag", 0);
}

#[test]
fn a_kill_loses_no_entry() {
    kill_in_the_middle("");
}

#[test]
fn a_kill_loses_none_of_those_that_are_wanted() {
    kill_in_the_middle("\nevents = ['sku.created', 'order.reserved']");
}

fn kill_in_the_middle(more: &str) {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|_| answer(200));
    let file = dir.path().join("tidegate.toml");
    std::fs::write(dir.path().join("secret"), SECRET).unwrap();
    let text = format!(
        "[[webhooks]]\nname = 'shop'\nurl = '{}'\nsecret_file = '{}'{more}",
        receiver.url(),
        dir.path().join("secret").display()
    );
    std::fs::write(&file, text).unwrap();
    let start = || {
        let more = ["--config", file.to_str().unwrap()];
        let mut process = Process::start_listening(&dir.path().join("data"), &more);
        process.wait_for("ready");
        process
    };
    let mut process = start();
    let mut client = process.client();
    client.says(&format!("SKU.PUT lamp {}", document(1000, 500, "")), "[CREATED]");
    let mut came = Vec::new();
    for round in 0..4 {
        for order in 1..=50 {
            client.reserve("lamp", &format!("r{round}-{order}"), "ann", 1);
        }
        // In the middle of it.
        came.extend(receiver.take(10));
        process.kill();
        process = start();
        client = process.client();
    }
    let all: Vec<u64> = client.feed().iter().map(Entry::sequence).collect();
    assert_eq!(all.len(), 201);
    let mut ids = Vec::new();
    let mut look = || {
        ids.extend(receiver.so_far().iter().map(sequence));
        ids.last().copied()
    };
    until("the last entry", &mut look, |last| *last == all.last().copied());
    let ids: Vec<u64> = came.iter().map(sequence).chain(ids).collect();
    let once: BTreeSet<u64> = ids.iter().copied().collect();
    assert_eq!(once.into_iter().collect::<Vec<_>>(), all);
    // A new one comes behind all that came before it; only what was not acknowledged comes again.
    let mut seen = BTreeSet::new();
    for id in ids {
        assert!(!seen.insert(id) || seen.last() == Some(&id), "{id} comes late");
    }
}

/// The sequence of its event.
fn sequence(webhook: &Webhook) -> u64 {
    let event = webhook.event();
    event["id"].as_str().unwrap().strip_suffix("-0").unwrap().parse().unwrap()
}

#[test]
fn only_the_types_that_an_endpoint_wants_are_sent() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|_| answer(202));
    let server = server(dir.path(), &receiver, |config| {
        config.webhooks[0].events = vec!["order.paid".to_owned(), "sku.paused".to_owned()];
    });
    let mut client = server.client();
    sell(&mut client, 100);
    client.says("ORDER.PAY {lamp}:o:7 p-1 500 pay-1", "[PAID {lamp}:o:7]");
    client.says("SKU.PAUSE lamp", "[PAUSED]");
    assert_eq!(all_told(&receiver.take(2)), ["order.paid {lamp}:o:7", "sku.paused lamp"]);
    let shown = until_status(&server, "shop", "delivered", 2);
    assert_eq!((&shown["skipped"], &shown["lag"]), (&101.into(), &0.into()));
    client.says("XPENDING orders webhook.shop", "[0 nil nil nil]");
}

#[test]
fn what_is_not_wanted_is_passed_over_without_being_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|_| answer(200));
    let start = |events: &[&str]| {
        server(dir.path(), &receiver, |config| {
            config.webhooks[0].events = events.iter().map(|event| (*event).to_owned()).collect();
        })
    };
    // The group is there, and nobody wants what happens.
    let first = start(&["campaign.put"]);
    waits(&first, "shop");
    let mut client = first.client();
    sell(&mut client, 300);
    for order in (2..=300).step_by(2) {
        client.says(
            &format!("ORDER.PAY {{lamp}}:o:{order} p-{order} 500 m-{order}"),
            &format!("[PAID {{lamp}}:o:{order}]"),
        );
    }
    let shown = until_status(&first, "shop", "skipped", 451);
    assert_eq!((&shown["lag"], &shown["delivered"]), (&0.into(), &0.into()));
    // Once more, now that all is there: one note of the place stands for all of it.
    let durable = || {
        let status = Ask::new(first.http(), "GET", "/status").send().json();
        status["journal"]["durable_sequence"].as_u64().unwrap()
    };
    let before = durable();
    client.says("XGROUP SETID orders webhook.shop 0", "OK");
    until_status(&first, "shop", "skipped", 902);
    assert_eq!(durable() - before, 2, "that it was moved, and that it is at the end again");
    client.says("XPENDING orders webhook.shop", "[0 nil nil nil]");
    first.stop().unwrap();

    // Some are wanted now: in order, and none is left out, over more than one page.
    let second = start(&["order.paid", "sku.created"]);
    second.client().says("XGROUP SETID orders webhook.shop 0", "OK");
    second.client().says("SKU.PAUSE lamp", "[PAUSED]");
    let mut expected = vec!["sku.created lamp".to_owned()];
    expected.extend((2..=300).step_by(2).map(|order| format!("order.paid {{lamp}}:o:{order}")));
    assert_eq!(all_told(&receiver.take(151)), expected);
    let mut client = second.client();
    let shown = until_status(&second, "shop", "skipped", 301);
    assert_eq!((&shown["lag"], &shown["delivered"]), (&0.into(), &151.into()));
    // Who moves the group is followed.
    client.says("XGROUP SETID orders webhook.shop 0", "OK");
    client.says("SKU.RESUME lamp", "[RESUMED]");
    assert_eq!(all_told(&receiver.take(151)), expected);
}

#[test]
fn a_stop_lets_the_attempt_finish_and_nothing_comes_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let receiver = Receiver::start(move |_| {
        begun.send(()).unwrap();
        // Until the test says so; later ones at once.
        let _ = may_go_on.recv();
        answer(200)
    });
    let first = server(dir.path(), &receiver, |config| config.shutdown.drain_ms = PATIENCE);
    sell(&mut first.client(), 2);
    has_begun.recv().unwrap();
    first.ask_to_stop();
    until("the stop", || Ask::new(first.http(), "GET", "/readyz").send().status, |status| *status == 503);
    drop(go_on);
    first.stop().unwrap();
    assert_eq!(all_told(&receiver.take(1)), told(0));
    let _second = server(dir.path(), &receiver, |_| {});
    assert_eq!(all_told(&receiver.take(2)), told(2)[1..]);
}

#[test]
fn endpoints_are_reached_over_tls_by_a_server_with_users_and_limits() {
    let dir = tempfile::tempdir().unwrap();
    let names = vec!["localhost".to_owned()];
    let certified = rcgen::generate_simple_self_signed(names).unwrap();
    let authority = dir.path().join("authority.pem");
    std::fs::write(&authority, certified.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let tls = Arc::new(tls);
    let receiver = Receiver::start_with(
        |_| answer(200),
        move |stream| Some(StreamOwned::new(ServerConnection::new(Arc::clone(&tls)).unwrap(), stream)),
    );
    let url = format!("https://localhost:{}/", receiver.port());
    let start = |trusts: bool| {
        start_when_free(&dir.path().join("data"), |config| {
            send_to(config, dir.path(), "shop", url.clone());
            if trusts {
                config.deliveries.ca_file = Some(authority.clone());
                // What others may do does not concern it.
                let (name, secret_hash) = ("shop".to_owned(), SecretHash::of("secret").unwrap());
                config.users = vec![User { name, secret_hash, roles: vec![Role::Storefront] }];
                config.limits.requests_per_second_per_address = 1;
            }
        })
    };
    let server = start(false);
    sell(&mut server.client(), 3);
    let shown = until("a failure", || status(&server, "shop"), |shown| shown["trouble"].is_string());
    assert!(shown["trouble"].as_str().unwrap().contains("certificate"), "{shown}");
    assert_eq!(receiver.so_far().len(), 0);
    server.stop().unwrap();
    let _server = start(true);
    let webhooks = receiver.take(4);
    assert_eq!(all_told(&webhooks), told(3));
    assert!(webhooks.iter().all(|webhook| webhook.is_signed_with(SECRET)));
}
