//! How much one reply holds, and that nothing is delivered without being shown.

use tidegate_protocol::resp::Value;

use crate::common::{Client, Entry, Server, document, entries, show, streamed};
use crate::{ids, read, sell};

/// How long the texts in a reply are together.
fn bytes(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Array(items) => items.iter().map(bytes).sum(),
        _ => panic!("{}", show(value)),
    }
}

/// `orders` so often, and so often an id.
fn many(id: &str) -> String {
    let (keys, ids) = (["orders"; 400].join(" "), vec![id; 400].join(" "));
    format!("STREAMS {keys} {ids}")
}

#[test]
fn one_reply_holds_no_more_than_it_may_over_all_its_keys_and_by_whatever_command() {
    const MOST: usize = 64 << 10;
    let server = Server::start_with(|config| config.limits.output_buffer_bytes = MOST);
    let mut client = server.client();
    client.says(&format!("SKU.PUT lamp {}", document(1000, 500, "")), "[CREATED]");
    let lines: Vec<_> = (1..400).map(|order| format!("ORDER.RESERVE lamp r{order} ann 1")).collect();
    client.pipeline(&lines);
    client.says("XGROUP CREATE orders shop 0", "OK");
    let all = client.feed();
    assert_eq!(all.len(), 400);
    let full = |reply: &Value| assert!((MOST / 2..MOST).contains(&bytes(reply)), "{} bytes", bytes(reply));
    full(&client.value(&format!("XREAD {}", many("0"))));
    full(&client.value("XRANGE orders - +"));
    full(&client.value("XREVRANGE orders + -"));

    // Read to the end, each entry is delivered once.
    let mut got = Vec::new();
    while got.len() < all.len() {
        let reply = client.value(&format!("XREADGROUP GROUP shop a {}", many(">")));
        assert!(bytes(&reply) < MOST);
        got.extend(streamed(&reply));
    }
    assert_eq!(got, all);

    // What was delivered comes again in pieces; what is not shown does not count as delivered.
    let reply = client.value(&format!("XREADGROUP GROUP shop a {}", many("0")));
    full(&reply);
    let shown = streamed(&reply);
    let deliveries = |client: &mut Client, entry: &Entry| {
        let row = client.value(&format!("XPENDING orders shop {0} {0} 1", entry.id));
        row.items()[0].items()[3].as_int().unwrap()
    };
    assert_eq!(shown, all[..shown.len()]);
    assert_eq!(deliveries(&mut client, &all[shown.len() - 1]), 2);
    assert_eq!(deliveries(&mut client, &all[shown.len()]), 1);
    let last = &shown[shown.len() - 1].id;
    let more = streamed(&client.value(&format!("XREADGROUP GROUP shop a STREAMS orders {last}")));
    assert_eq!(more, all[shown.len()..shown.len() + more.len()]);

    // Whoever takes over gets as much as is shown, and can go on.
    let ids = ids(&all).join(" ");
    let reply = client.value(&format!("XCLAIM orders shop b 0 {ids}"));
    full(&reply);
    let taken = entries(&reply);
    assert_eq!(taken, all[..taken.len()]);
    client.says("XPENDING orders shop - + 1000 c", "[]");
    let own = client.value("XPENDING orders shop - + 1000 b");
    assert_eq!(own.items().len(), taken.len().min(MOST / 356));
    let (mut next, mut taken) = ("0-0".to_owned(), Vec::new());
    while taken.len() < all.len() {
        let reply = client.value(&format!("XAUTOCLAIM orders shop c 0 {next} COUNT 1000"));
        assert!(bytes(&reply) < MOST);
        next = reply.items()[0].as_str().unwrap().to_owned();
        taken.extend(entries(&reply.items()[1]));
    }
    assert_eq!((taken, next.as_str()), (all, "0-0"));
}

#[test]
fn nothing_is_delivered_by_a_reply_that_does_not_show_it() {
    let server = Server::start();
    let mut client = server.client();
    client.says("XGROUP CREATE orders shop 0", "OK");
    sell(&mut client);
    let told = client.ask("XREADGROUP GROUP shop a NOACK STREAMS orders other > >");
    assert!(told.starts_with("-NOGROUP No such key 'other'"), "{told}");
    assert_eq!(read(&mut client, "a", 100), client.feed());

    // If the fault comes later, what was delivered before it is shown.
    let server = Server::start_with(|config| config.feed.max_pending_per_group = 4);
    let mut client = server.client();
    client.says("XGROUP CREATE orders shop 0", "OK");
    sell(&mut client);
    let all = client.feed();
    let line = "XREADGROUP GROUP shop a COUNT 3 STREAMS orders orders > >";
    assert_eq!(streamed(&client.value(line)), all[..3]);
    assert!(client.ask(line).starts_with("-OVERLOADED"), "now it is the first");
    client.says("XPENDING orders shop", &format!("[3 {} {} [[a 3]]]", all[0].id, all[2].id));
}
