//! Consumer groups of the feed: what is delivered, acknowledged, delivered again, and what a kill leaves of it.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

mod common;

#[path = "feed_groups/limits.rs"]
mod limits;
#[path = "feed_groups/waiting.rs"]
mod waiting;

use common::{Client, Entry, Process, Server, document, entries, run, show, streamed, until};

/// Reads for a consumer of the group `shop`.
fn read(client: &mut Client, consumer: &str, count: usize) -> Vec<Entry> {
    read_as(client, "shop", consumer, count)
}

fn read_as(client: &mut Client, group: &str, consumer: &str, count: usize) -> Vec<Entry> {
    streamed(&client.value(&format!("XREADGROUP GROUP {group} {consumer} COUNT {count} STREAMS orders >")))
}

fn ids(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| entry.id.clone()).collect()
}

/// A SKU and nine orders: ten entries.
fn sell(client: &mut Client) {
    client.says(&format!("SKU.PUT lamp {}", document(1000, 500, "")), "[CREATED]");
    for order in 1..10 {
        client.reserve("lamp", &format!("r{order}"), "ann", 1);
    }
}

#[test]
fn two_consumers_share_the_feed_and_what_is_not_acknowledged_comes_again() {
    let server = Server::start();
    let mut client = server.client();
    client.says("XGROUP CREATE orders shop 0", "OK");
    client.says("XGROUP CREATE orders shop $", "-BUSYGROUP Consumer Group name already exists");
    client.says("XREADGROUP GROUP shop a STREAMS orders >", "nil");
    sell(&mut client);
    let all = client.feed();
    let (first, second) = (read(&mut client, "a", 4), read(&mut client, "b", 4));
    assert_eq!((&first[..], &second[..]), (&all[..4], &all[4..8]));
    client.says("XPENDING orders shop", &format!("[8 {} {} [[a 4] [b 4]]]", all[0].id, all[7].id));
    client.says(&format!("XACK orders shop {} {} 999-0", all[0].id, all[1].id), "2");
    client.says(&format!("XACK orders shop {}", all[0].id), "0");
    // Its own history is what it has not acknowledged.
    let again = streamed(&client.value("XREADGROUP GROUP shop a STREAMS orders 0"));
    assert_eq!(again, all[2..4]);
    let pending = client.value("XPENDING orders shop - + 10 a");
    let deliveries: Vec<_> = pending.items().iter().map(|entry| entry.items()[3].as_int().unwrap()).collect();
    assert_eq!(deliveries, [2, 2]);
    client.says("XPENDING orders shop IDLE 1000000 - + 10", "[]");

    // Somebody else takes over.
    let claimed = client.value("XAUTOCLAIM orders shop b 0 0 COUNT 3");
    let [next, taken, gone] = claimed.items() else { panic!("{}", show(&claimed)) };
    assert_eq!((entries(taken), gone.items().len()), (all[2..5].to_vec(), 0));
    assert_eq!(next.as_str(), Some(all[5].id.as_str()));
    let rest = client.ask(&format!("XAUTOCLAIM orders shop c 0 {} JUSTID", all[5].id));
    assert_eq!(rest, format!("[0-0 [{}] []]", ids(&all[5..8]).join(" ")));
    assert_eq!(entries(&client.value(&format!("XCLAIM orders shop a 0 {}", all[2].id))), all[2..3]);
    // In the order that was asked for, and as often; each counts.
    let [third, fourth] = [&all[2], &all[3]].map(|entry| entry.id.as_str());
    let count = |client: &mut Client| {
        let row = client.value(&format!("XPENDING orders shop {third} {third} 1"));
        row.items()[0].items()[3].as_int().unwrap()
    };
    let before = count(&mut client);
    let taken = entries(&client.value(&format!("XCLAIM orders shop a 0 {fourth} 999-0 {third} {third}")));
    assert_eq!(ids(&taken), [fourth, third, third]);
    assert_eq!(count(&mut client), before + 2);
    client.says(&format!("XCLAIM orders shop a 1000000 {third} JUSTID"), "[]");
    client.says(&format!("XCLAIM orders shop b 0 {fourth} JUSTID"), &format!("[{fourth}]"));
    client.says("XGROUP DELCONSUMER orders shop c", "3");
    let last = read(&mut client, "a", 10);
    assert_eq!(last, all[8..]);
    let consumers = client.value("XINFO CONSUMERS orders shop");
    let shown: Vec<_> = consumers
        .items()
        .iter()
        .map(|c| format!("{} {}", show(&c.items()[1]), show(&c.items()[3])))
        .collect();
    assert_eq!(shown, ["a 3", "b 2"]);
    assert!(client.ask("HELLO 3").contains("proto=3"));
    assert_eq!(
        client.fields("XINFO STREAM orders", &["length", "entries-added", "groups"]),
        "length=10 entries-added=10 groups=1"
    );
    let groups = client.value("XINFO GROUPS orders");
    assert_eq!(show(groups.items()[0].get("lag").unwrap()), "0");
    client.says("XGROUP SETID orders shop 0", "OK");
    let groups = client.value("XINFO GROUPS orders");
    assert_eq!(show(groups.items()[0].get("lag").unwrap()), "10");
    assert_eq!(
        client
            .value("XREADGROUP GROUP shop z COUNT 1 NOACK STREAMS orders >")
            .get("orders")
            .unwrap()
            .items()
            .len(),
        1
    );
    client.says("XGROUP DESTROY orders shop", "1");
    client.says("XGROUP DESTROY orders shop", "0");
    client.says("XGROUP CREATE orders shop $ MKSTREAM", "OK");
}

#[test]
fn what_is_wrong_with_a_group_is_said_as_redis_says_it() {
    let server = Server::start_with(|config| {
        config.feed.max_consumers_per_group = 2;
        config.feed.max_pending_per_group = 5;
        config.feed.max_groups = 1;
    });
    let mut client = server.client();
    sell(&mut client);
    for (line, expected) in [
        (
            "XREADGROUP GROUP shop a STREAMS orders >",
            "-NOGROUP No such key 'orders' or consumer group 'shop' in XREADGROUP with GROUP option",
        ),
        (
            "XREADGROUP GROUP shop a STREAMS other >",
            "-NOGROUP No such key 'other' or consumer group 'shop' in XREADGROUP with GROUP option",
        ),
        ("XACK orders shop 1-0", "0"),
        ("XPENDING orders shop", "-NOGROUP No such key 'orders' or consumer group 'shop'"),
        ("XAUTOCLAIM orders shop a 0 0", "-NOGROUP No such key 'orders' or consumer group 'shop'"),
        ("XGROUP SETID orders shop 0", "-NOGROUP No such consumer group 'shop' for key name 'orders'"),
        (
            "XGROUP CREATECONSUMER orders shop a",
            "-NOGROUP No such consumer group 'shop' for key name 'orders'",
        ),
        ("XINFO CONSUMERS orders shop", "-NOGROUP No such consumer group 'shop' for key name 'orders'"),
        ("XINFO STREAM other", "-ERR no such key"),
        ("XINFO GROUPS orders", "[]"),
        ("XGROUP CREATE orders shop x", "-ERR Invalid stream ID specified as stream command argument"),
        ("XGROUP CREATE orders shop 0", "OK"),
        ("XPENDING orders shop", "[0 nil nil nil]"),
        ("XGROUP CREATECONSUMER orders shop a", "1"),
        ("XGROUP CREATECONSUMER orders shop a", "0"),
        ("XGROUP DELCONSUMER orders shop nobody", "0"),
        ("XREADGROUP GROUP shop b STREAMS orders 0", "[[orders []]]"),
        (
            "XREADGROUP GROUP shop b STREAMS orders orders >",
            "-ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
        ),
        ("XCLAIM orders shop b abc 1-0", "-ERR Invalid min-idle-time argument for XCLAIM"),
        ("XAUTOCLAIM orders shop b abc 0", "-ERR Invalid min-idle-time argument for XAUTOCLAIM"),
        ("XAUTOCLAIM orders shop b 0 0 COUNT abc", "-ERR COUNT must be > 0"),
        ("XCLAIM orders shop b 0 1-0 JUSTID 2-0", "-ERR Unrecognized XCLAIM option '2-0'"),
        ("XPENDING orders shop - (0-0 10", "-ERR invalid end ID for the interval"),
        ("XGROUP FOO orders shop", "-ERR unknown subcommand 'FOO'. Try XGROUP HELP."),
        (
            "XGROUP CREATE orders more 0 FOO",
            "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.",
        ),
        ("XGROUP SETID orders shop 0 ENTRIESREAD -5", "-ERR value for ENTRIESREAD must be positive or -1"),
    ] {
        client.says(line, expected);
    }
    assert!(
        client
            .ask("XGROUP CREATE other shop 0")
            .starts_with("-ERR The XGROUP subcommand requires the key to exist.")
    );
    assert!(client.ask("XGROUP CREATE orders more 0").contains("feed.max_groups"));
    assert!(client.ask("XGROUP CREATECONSUMER orders shop c").contains("feed.max_consumers_per_group"));
    let told = client.ask("XREADGROUP GROUP shop a COUNT 6 STREAMS orders >");
    assert!(
        told.starts_with("-OVERLOADED retry_ms=") && told.contains("feed.max_pending_per_group"),
        "{told}"
    );
    assert_eq!(read(&mut client, "a", 5).len(), 5);
}

#[test]
fn a_kill_forgets_no_acknowledgement_and_delivers_the_rest_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path());
    let mut client = server.client();
    client.says("XGROUP CREATE orders shop 0", "OK");
    sell(&mut client);
    let all = client.feed();
    read(&mut client, "a", 6);
    client.says(&format!("XACK orders shop {} {}", all[0].id, all[3].id), "2");
    server.kill();
    let server = Process::start(dir.path());
    let mut client = server.client();
    assert_eq!(client.feed(), all, "the feed is what it was");
    client.says("XGROUP CREATE orders shop 0", "-BUSYGROUP Consumer Group name already exists");
    let again = streamed(&client.value("XREADGROUP GROUP shop a STREAMS orders 0"));
    assert_eq!(ids(&again), ids(&[&all[1..3], &all[4..6]].concat()));
    assert_eq!(read(&mut client, "b", 100), all[6..]);
    client.says("XGROUP DESTROY orders shop", "1");
    drop(server);
    let server = Process::start(dir.path());
    let mut client = server.client();
    assert!(client.ask("XPENDING orders shop").starts_with("-NOGROUP"));
    until("the end", || client.ask("PING"), |told| told == "PONG");
}

#[test]
fn a_new_group_takes_the_place_of_one_that_was_destroyed_also_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Server::start_in(dir.path(), |config| config.feed.max_groups = 2);
    let server = start();
    let mut client = server.client();
    sell(&mut client);
    let all = client.feed();
    client.says("XGROUP CREATE orders keeps 0", "OK");
    assert_eq!(read_as(&mut client, "keeps", "a", 3), all[..3]);
    for group in 0..20 {
        client.says(&format!("XGROUP CREATE orders g{group} 0"), "OK");
        assert_eq!(read_as(&mut client, &format!("g{group}"), "a", 2), all[..2]);
        assert!(client.ask("XGROUP CREATE orders more 0").contains("feed.max_groups"));
        client.says(&format!("XGROUP DESTROY orders g{group}"), "1");
        assert!(client.ask(&format!("XPENDING orders g{group}")).starts_with("-NOGROUP"));
    }
    client.says("XGROUP CREATE orders g20 0", "OK");
    assert_eq!(read_as(&mut client, "g20", "b", 4), all[..4]);
    server.stop().unwrap();
    let names = |client: &mut Client| {
        let groups = client.value("XINFO GROUPS orders");
        groups.items().iter().map(|group| show(&group.items()[1])).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        let server = start();
        let mut client = server.client();
        assert_eq!(names(&mut client), ["g20", "keeps"]);
        client.says("XPENDING orders g20", &format!("[4 {} {} [[b 4]]]", all[0].id, all[3].id));
        client.says("XPENDING orders keeps", &format!("[3 {} {} [[a 3]]]", all[0].id, all[2].id));
        assert!(client.ask("XGROUP CREATE orders more 0").contains("feed.max_groups"));
        server.stop().unwrap();
    }
    let server = start();
    let mut client = server.client();
    client.says("XGROUP DESTROY orders keeps", "1");
    client.says("XGROUP CREATE orders next $", "OK");
    client.says("XGROUP DESTROY orders g20", "1");
    client.says("XGROUP CREATE orders keeps $", "OK");
    assert_eq!(names(&mut client), ["keeps", "next"]);
    assert_eq!(client.feed(), all, "the feed is what it was");
    drop(server);
    let (code, told, _) = run(&["inspect", dir.path().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{told}");
    let groups = told.split("Consumer groups: ").nth(1).unwrap();
    let groups: Vec<_> = groups.lines().take(3).map(|line| line.split(';').next().unwrap()).collect();
    // Behind the ten entries lie the events of the groups themselves.
    assert_eq!(groups[0], "2");
    assert!(
        groups[1].starts_with("  keeps: delivered up to ") && groups[1].ends_with(", 0 pending, 0 consumers")
    );
    assert!(groups[2].starts_with("  next: "), "{told}");
}
