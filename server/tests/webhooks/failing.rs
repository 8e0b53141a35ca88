//! Endpoints that fail, hang or are gone.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::shop::{SECRET, all_told, sell, send_to, server, told, until_status, waits};
use crate::common::receiver::{Does, Receiver, answer};
use crate::common::{PATIENCE, until};

#[test]
fn an_entry_is_tried_again_under_the_same_id_and_the_next_ones_wait() {
    let dir = tempfile::tempdir().unwrap();
    let mut attempts: HashMap<String, u32> = HashMap::new();
    let receiver = Receiver::start(move |webhook| {
        let attempt = attempts.entry(webhook.header("webhook-id").to_owned()).or_default();
        *attempt += 1;
        // Each entry fails in another way, twice.
        match (*attempt, webhook.told().len() % 3) {
            (3, _) => answer(200),
            (_, 0) => answer(500),
            (_, 1) => Does::Answer(503, "retry-after: 0\r\n".to_owned()),
            // A redirect leads nowhere.
            _ => Does::Answer(307, "location: /elsewhere\r\n".to_owned()),
        }
    });
    let server = server(dir.path(), &receiver, |_| {});
    sell(&mut server.client(), 10);
    let webhooks = receiver.take(33);
    let thrice = told(10).into_iter().flat_map(|told| vec![told; 3]).collect::<Vec<_>>();
    assert_eq!(all_told(&webhooks), thrice);
    assert!(webhooks.iter().all(|webhook| webhook.path == "/hooks?shop=1" && webhook.is_signed_with(SECRET)));
    let ids: BTreeSet<_> = webhooks.iter().map(|webhook| webhook.header("webhook-id")).collect();
    assert_eq!(ids.len(), 11);
    let shown = until_status(&server, "shop", "delivered", 11);
    assert_eq!((&shown["attempts"], &shown["failures"]), (&33.into(), &22.into()));
}

#[test]
fn what_is_given_up_is_a_dead_letter_that_can_be_claimed_back() {
    let dir = tempfile::tempdir().unwrap();
    let repaired = Arc::new(AtomicBool::new(false));
    let is_repaired = Arc::clone(&repaired);
    let receiver = Receiver::start(move |webhook| {
        let is_well = is_repaired.load(Ordering::SeqCst);
        let is_bad = webhook.told().ends_with(":o:2");
        answer(if is_bad && !is_well { 500 } else { 200 })
    });
    let server = server(dir.path(), &receiver, |config| config.deliveries.max_attempts = 3);
    let mut client = server.client();
    sell(&mut client, 3);
    let bad = "order.reserved {lamp}:o:2".to_owned();
    let mut expected = told(3);
    expected.splice(2..2, [bad.clone(), bad.clone()]);
    assert_eq!(all_told(&receiver.take(6)), expected, "it is tried three times, and then the next one");
    let shown = until_status(&server, "shop", "delivered", 3);
    assert_eq!((&shown["dead_letters"], &shown["given_up"]), (&1.into(), &1.into()));

    // It is durable, and the group shows it.
    let id = client.feed()[2].id.clone();
    let pending = client.value("XPENDING orders webhook.shop - + 10 dead-letters");
    assert_eq!(pending.items().len(), 1);
    assert_eq!(pending.items()[0].items()[0].as_str(), Some(id.as_str()));

    repaired.store(true, Ordering::SeqCst);
    client.value(&format!("XCLAIM orders webhook.shop sender 0 {id}"));
    assert_eq!(receiver.next().told(), bad);
    until_status(&server, "shop", "dead_letters", 0);
    until(
        "the acknowledgement",
        || client.ask("XPENDING orders webhook.shop"),
        |told| told.starts_with("[0 "),
    );
}

#[test]
fn an_endpoint_that_hangs_delays_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (hangs, well) = (Receiver::start(|_| Does::Hang), Receiver::start(|_| answer(200)));
    let server = server(dir.path(), &hangs, |config| {
        send_to(config, dir.path(), "well", well.url());
        config.deliveries.timeout_ms = PATIENCE;
    });
    let mut client = server.client();
    sell(&mut client, 1);
    // It has the first entry, and will not say so.
    assert_eq!(hangs.next().told(), "sku.created lamp");
    for order in 2..200 {
        client.reserve("lamp", &format!("r{order}"), "ann", 1);
    }
    assert_eq!(all_told(&well.take(200)), told(199));
    until_status(&server, "well", "lag", 0);
    let shown = until_status(&server, "shop", "lag", 200);
    assert_eq!((&shown["state"], &shown["delivered"]), (&"sending".into(), &0.into()));
    assert_eq!(hangs.so_far().len(), 0, "the entries behind it wait");
}

#[test]
fn with_too_many_dead_letters_it_stops_and_goes_on_when_there_are_fewer() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|webhook| answer(if webhook.told().contains(":o:") { 500 } else { 200 }));
    let server = server(dir.path(), &receiver, |config| {
        config.deliveries.max_attempts = 1;
        config.feed.max_pending_per_group = 3;
    });
    let mut client = server.client();
    sell(&mut client, 5);
    assert_eq!(all_told(&receiver.take(4)), told(3));
    let shown = until_status(&server, "shop", "state", "full");
    assert_eq!((&shown["dead_letters"], &shown["lag"]), (&3.into(), &2.into()));
    assert!(shown["trouble"].as_str().unwrap().contains("feed.max_pending_per_group"));
    assert_eq!(receiver.so_far().len(), 0);
    // One is forgotten, so there is room for one.
    let forgotten = client.feed()[1].id.clone();
    client.says(&format!("XACK orders webhook.shop {forgotten}"), "1");
    assert_eq!(receiver.next().told(), told(4)[4]);
    until_status(&server, "shop", "lag", 1);
}

#[test]
fn an_endpoint_that_is_gone_is_left_alone_until_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let is_back = Arc::new(AtomicBool::new(false));
    let back = Arc::clone(&is_back);
    let receiver = Receiver::start(move |_| answer(if back.load(Ordering::SeqCst) { 200 } else { 410 }));
    let first = server(dir.path(), &receiver, |_| {});
    sell(&mut first.client(), 3);
    assert_eq!(receiver.next().told(), "sku.created lamp");
    let shown = until_status(&first, "shop", "state", "off");
    assert_eq!(shown["attempts"], 1);
    until_status(&first, "shop", "lag", 4);
    first.stop().unwrap();
    assert_eq!(receiver.so_far().len(), 0);
    is_back.store(true, Ordering::SeqCst);
    let _second = server(dir.path(), &receiver, |_| {});
    assert_eq!(all_told(&receiver.take(4)), told(3));
}

#[test]
fn what_the_operator_does_to_the_group_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|_| answer(200));
    let server = server(dir.path(), &receiver, |_| {});
    let mut client = server.client();
    sell(&mut client, 2);
    assert_eq!(all_told(&receiver.take(3)), told(2));
    until_status(&server, "shop", "lag", 0);
    client.says("XGROUP SETID orders webhook.shop 0", "OK");
    client.says("SKU.PAUSE lamp", "[PAUSED]");
    assert_eq!(all_told(&receiver.take(3)), told(2), "all again");
    assert_eq!(receiver.next().told(), "sku.paused lamp");
    until_status(&server, "shop", "lag", 0);
    client.says("XGROUP DESTROY orders webhook.shop", "1");
    // It makes itself a new one, which begins with what comes next.
    waits(&server, "shop");
    client.says("SKU.RESUME lamp", "[RESUMED]");
    assert_eq!(receiver.next().told(), "sku.resumed lamp");
}

#[test]
fn what_is_not_kept_long_enough_is_counted_as_lost_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let repaired = Arc::new(AtomicBool::new(false));
    let is_repaired = Arc::clone(&repaired);
    let receiver =
        Receiver::start(move |_| answer(if is_repaired.load(Ordering::SeqCst) { 200 } else { 500 }));
    let start = || {
        server(dir.path(), &receiver, |config| {
            config.webhooks[0].events = vec!["order.paid".to_owned()];
            config.deliveries.max_attempts = 1_000;
            config.deliveries.max_retry_ms = PATIENCE;
            config.journal.epoch_bytes = 1 << 20;
            config.journal.retention_epochs = 1;
        })
    };
    let first = start();
    let mut client = first.client();
    sell(&mut client, 1);
    client.says("ORDER.PAY {lamp}:o:1 p 500 pay-1", "[PAID {lamp}:o:1]");
    assert_eq!(receiver.next().told(), "order.paid {lamp}:o:1");
    // While it is tried again, the journal goes on until it is not kept any more.
    let id = client.feed()[2].id.clone();
    let mut order = 1;
    until(
        "the end of an epoch",
        || {
            let reason = "x".repeat(250);
            let lines = (order + 1..=order + 250).flat_map(|n| {
                let cancel = format!("ORDER.CANCEL {{lamp}}:o:{n} c1 REASON {reason}");
                [format!("ORDER.RESERVE lamp r{n} ann 1"), cancel]
            });
            client.pipeline(&lines.collect::<Vec<_>>());
            order += 250;
            client.ask(&format!("XREAD COUNT 1 STREAMS orders {id}"))
        },
        |told| told.contains("are not kept any more"),
    );
    first.stop().unwrap();

    repaired.store(true, Ordering::SeqCst);
    receiver.so_far();
    let second = start();
    let shown = until_status(&second, "shop", "lost", 1);
    assert_eq!(shown["delivered"], 0);
    let shown = until_status(&second, "shop", "state", "stuck");
    assert!(shown["trouble"].as_str().unwrap().contains("XGROUP SETID orders webhook.shop 0"), "{shown}");
    let mut client = second.client();
    client.says("XPENDING orders webhook.shop", "[0 nil nil nil]");
    // Not to the oldest: after the start one more epoch may go, and what it stood at with it.
    client.says("XGROUP SETID orders webhook.shop $", "OK");
    let last = client.reserve("lamp", "last", "bob", 1).order;
    client.says(&format!("ORDER.PAY {last} p 500 pay-2"), &format!("[PAID {last}]"));
    assert_eq!(receiver.next().told(), format!("order.paid {last}"));
    let shown = until_status(&second, "shop", "delivered", 1);
    assert_eq!((&shown["lost"], &shown["trouble"]), (&1.into(), &serde_json::Value::Null));
}
