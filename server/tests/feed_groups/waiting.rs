//! Consumers that wait, and many at once.

use crate::common::{Process, Server, document, show, streamed, until};
use crate::{ids, read, read_as, sell};

#[test]
fn a_consumer_that_waits_is_woken_and_two_never_get_the_same() {
    let server = Server::start();
    let mut client = server.client();
    client.says("XGROUP CREATE orders shop $", "OK");
    let consumers: Vec<_> = ["a", "b", "c"]
        .map(|name| {
            let mut consumer = server.client();
            std::thread::spawn(move || {
                let mut got = Vec::new();
                loop {
                    let line = format!("XREADGROUP GROUP shop {name} COUNT 3 BLOCK 60000 STREAMS orders >");
                    let read = streamed(&consumer.value(&line));
                    consumer.ask(&format!("XACK orders shop {}", ids(&read).join(" ")));
                    let is_last = read.iter().any(|entry| entry.kind == "sku.paused");
                    got.extend(read);
                    if is_last {
                        return got;
                    }
                }
            })
        })
        .into();
    sell(&mut client);
    // One for each of them, that ends it.
    for _ in 0..3 {
        client.says("SKU.PAUSE lamp", "[PAUSED]");
        client.says("SKU.RESUME lamp", "[RESUMED]");
    }
    // Whoever got two has left one waiting.
    while consumers.iter().any(|consumer| !consumer.is_finished()) {
        client.says("SKU.PAUSE lamp", "[PAUSED]");
        client.says("SKU.RESUME lamp", "[RESUMED]");
    }
    let mut got: Vec<_> = consumers.into_iter().flat_map(|consumer| ids(&consumer.join().unwrap())).collect();
    got.sort();
    let count = got.len();
    got.dedup();
    assert_eq!(got.len(), count, "delivered twice");
    client.says("XPENDING orders shop", "[0 nil nil nil]");
}

#[test]
fn whoever_waits_is_told_of_what_it_waits_for_and_of_nothing_else() {
    let server = Server::start();
    let mut client = server.client();
    sell(&mut client);
    client.says("XGROUP CREATE orders shop $", "OK");
    client.says("XGROUP CREATE orders other 0", "OK");
    let last = client.feed().pop().unwrap().id;
    let [mut reader, mut far, mut consumer, mut nobody] = [(); 4].map(|()| server.client());
    reader.send(&format!("XREAD BLOCK 0 STREAMS nope orders {last} {last}"));
    far.send("XREAD BLOCK 0 STREAMS orders 1000000-0");
    consumer.send("XREADGROUP GROUP shop a BLOCK 0 STREAMS orders >");
    nobody.send("XREAD BLOCK 0 STREAMS nope 0");
    // Commits without an entry, and then one with one.
    for _ in 0..20 {
        for entry in read_as(&mut client, "other", "b", 1) {
            client.says(&format!("XACK orders other {}", entry.id), "1");
        }
        client.says("XGROUP CREATECONSUMER orders other c", "1");
        client.says("XGROUP DELCONSUMER orders other c", "0");
    }
    client.says("SKU.PAUSE lamp", "[PAUSED]");
    let paused = client.feed().pop().unwrap();
    assert_eq!(streamed(&reader.reply()), std::slice::from_ref(&paused));
    assert_eq!(streamed(&consumer.reply()), std::slice::from_ref(&paused));

    // A group that is moved back has something for who waits.
    consumer.send("XREADGROUP GROUP shop a NOACK BLOCK 0 STREAMS orders >");
    client.says(&format!("XGROUP SETID orders shop {last}"), "OK");
    assert_eq!(streamed(&consumer.reply()), [paused]);

    // Of one that is destroyed, it is told.
    consumer.send("XREADGROUP GROUP shop a BLOCK 0 STREAMS orders >");
    until("a consumer", || client.ask("XINFO CONSUMERS orders shop"), |told| told.contains("a pending"));
    client.says("XGROUP DESTROY orders shop", "1");
    let told = show(&consumer.reply());
    let expected = [
        "-NOGROUP the consumer group this client was blocked on no longer exists",
        "-NOGROUP No such key 'orders' or consumer group 'shop' in XREADGROUP with GROUP option",
    ];
    // It may not have begun to wait.
    assert!(expected.contains(&told.as_str()), "{told}");
    let help = client.ask("XGROUP HELP");
    assert!(help.contains("SETID key group id") && help.ends_with("HELP     Prints this help.]"), "{help}");

    // The others still wait, and go when the server does.
    server.stop().unwrap();
    for waiting in [&mut far, &mut nobody] {
        assert!(matches!(&waiting.rest()[..], [] | [_]));
    }
}

#[test]
fn consumers_at_once_get_each_entry_once_also_over_a_kill() {
    const CONSUMERS: usize = 8;
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path());
    let mut client = server.client();
    client.says("XGROUP CREATE orders shop 0", "OK");
    client.says(&format!("SKU.PUT lamp {}", document(10_000, 500, "")), "[CREATED]");
    let lines: Vec<_> = (1..2_000).map(|order| format!("ORDER.RESERVE lamp r{order} ann 1")).collect();
    client.pipeline(&lines);
    let (told, hears) = std::sync::mpsc::channel();
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|name| {
            let (mut consumer, told) = (server.client(), told.clone());
            std::thread::spawn(move || {
                let line = format!("XREADGROUP GROUP shop c{name} COUNT 1 STREAMS orders >");
                let mut got = Vec::new();
                // Until the kill.
                while consumer.try_send(&line).is_ok() {
                    let Ok(Some(reply)) = consumer.next() else { break };
                    got.extend(streamed(&reply));
                    let _ = told.send(());
                }
                got
            })
        })
        .collect();
    // Most of it is still to be delivered.
    hears.iter().take(500).for_each(drop);
    server.kill();
    let mut got: Vec<_> = consumers.into_iter().flat_map(|consumer| ids(&consumer.join().unwrap())).collect();
    let server = Process::start(dir.path());
    let mut client = server.client();
    let all = ids(&client.feed());
    assert!(got.len() < all.len(), "the kill came too late");
    // What somebody was shown is waited for: the kill has forgotten no delivery.
    let mut pending = Vec::new();
    for name in 0..CONSUMERS {
        pending.extend(ids(&streamed(
            &client.value(&format!("XREADGROUP GROUP shop c{name} STREAMS orders 0")),
        )));
    }
    assert!(got.iter().all(|id| pending.contains(id)));
    // The rest is new, and follows on it.
    pending.sort_by_key(|id| sequence(id));
    assert_eq!(pending, all[..pending.len()]);
    let rest = ids(&read(&mut client, "late", 10_000));
    assert_eq!(rest, all[pending.len()..]);
    got.extend(rest);
    got.sort();
    let count = got.len();
    got.dedup();
    assert_eq!(got.len(), count, "delivered twice");
}

fn sequence(id: &str) -> u64 {
    id.strip_suffix("-0").unwrap().parse().unwrap()
}
