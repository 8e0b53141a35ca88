//! What `/metrics` says of a sale, and that docs/METRICS.md, the alerts and the dashboard speak of the same families.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use common::{Ask, Exposition, Server, document, streamed, until};
use tidegate_server::metrics::families::{SECTIONS, markdown};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Scrapes once, as Prometheus does.
fn scrape(http: SocketAddr) -> Exposition {
    let answer = Ask::new(http, "GET", "/metrics").send();
    assert_eq!(answer.status, 200, "{answer:?}");
    Exposition::parse(&answer.body)
}

#[test]
fn the_page_about_metrics_is_the_one_in_the_code() {
    let path = repository().join("docs/METRICS.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, markdown()).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(page == markdown(), "run UPDATE_DOCS=1 cargo test -p tidegate --test metrics");
}

#[test]
fn a_small_sale_shows_in_every_documented_family_and_in_no_other() {
    let server = Server::start();
    let mut shop = server.client();
    shop.ask(&format!("SKU.PUT lamp {}", document(3, 1_000, "")));
    let group_buy = r#","group_buy":{"tiers":[{"members":2,"percent_off":10}],"room_ttl_s":600}"#;
    shop.ask(&format!("SKU.PUT vase {}", document(5, 2_000, group_buy)));
    let order = shop.reserve("lamp", "r1", "ann", 2).order;
    shop.says(&format!("ORDER.PAY {order} p1 2000 money-1"), &format!("[PAID {order}]"));
    shop.reserve("lamp", "r1", "bob", 1);
    shop.ask("ORDER.RESERVE lamp r1 cid 1");
    shop.ask("ROOM.OPEN vase r1 dan 1");
    shop.ask("SKU.GET lamp");
    shop.says("XGROUP CREATE orders books 0", "OK");
    shop.ask("XREADGROUP GROUP books ann COUNT 2 STREAMS orders >");
    shop.ask("NO.SUCH command");
    shop.ask("QUIT");
    // A request is counted when it is answered, so it is the next one that shows it.
    scrape(server.http());

    let page = until(
        "the sale to show",
        || scrape(server.http()),
        // The sums are a second old at most, and connections end when they end.
        |page| {
            page.samples.get("tidegate_rooms{state=\"forming\"}") == Some(&1.0)
                && page.samples.get("tidegate_connections_closed_total{reason=\"quit\"}") == Some(&1.0)
        },
    );

    let stock = ["total", "available", "reserved", "sold"]
        .map(|count| page.sample(&format!("tidegate_units{{count=\"{count}\"}}")));
    assert_eq!(stock, [8.0, 4.0, 2.0, 2.0]);
    assert_eq!(page.sample("tidegate_orders{state=\"paid\"}"), 1.0);
    assert_eq!(page.sample("tidegate_money_minor_units{currency=\"GBP\",state=\"paid\"}"), 2_000.0);
    assert_eq!(page.sample("tidegate_skus_by_state{state=\"sold_out\"}"), 1.0);
    assert_eq!(page.sample("tidegate_commands_total{command=\"ORDER.RESERVE\",outcome=\"SOLD_OUT\"}"), 1.0);
    assert_eq!(page.sample("tidegate_commands_total{command=\"other\",outcome=\"ERR\"}"), 1.0);
    assert!(page.sample("tidegate_http_requests_total{path=\"/metrics\",status=\"200\"}") >= 1.0);
    for invariant in ["unbalanced_skus", "unbalanced_stores", "oversold_units"] {
        assert_eq!(page.sample(&format!("tidegate_invariant_{invariant}")), 0.0);
    }

    // Three were reserved or refused; only those that changed something waited for the disk.
    let times = |stage: &str| {
        let labels = format!("command=\"ORDER.RESERVE\",stage=\"{stage}\"");
        page.sample(&format!("tidegate_command_stage_duration_seconds_count{{{labels}}}"))
    };
    assert_eq!(["decode", "mailbox", "turn", "reply"].map(times), [3.0; 4]);
    assert_eq!(["journal", "sync"].map(times), [2.0; 2]);
    let commits = page.sample("tidegate_journal_commits_total");
    assert_eq!(page.sample("tidegate_journal_sync_duration_seconds_count"), commits);
    assert!(page.sample("tidegate_journal_events_total") >= commits);

    // Those of webhooks are there where there are webhooks (tests/webhooks/sending.rs).
    let families = || {
        let all = SECTIONS.iter().flat_map(|section| section.families);
        all.filter(|family| !family.name.starts_with("tidegate_webhook_"))
    };
    let documented: BTreeSet<String> = families().map(|family| family.name.to_owned()).collect();
    assert!(documented.len() >= 60);
    let there: BTreeSet<String> = page.families.keys().cloned().collect();
    assert_eq!(there.symmetric_difference(&documented).collect::<Vec<_>>(), Vec::<&String>::new());
    for family in families() {
        assert_eq!(page.families[family.name], family.kind.word(), "{}", family.name);
    }
}

#[test]
fn readers_of_the_feed_and_its_groups_show_and_looking_takes_no_readers_place() {
    let server = Server::start_with(|config| config.feed.reads_at_once = 1);
    let mut shop = server.client();
    shop.ask(&format!("SKU.PUT lamp {}", document(9, 1_000, "")));
    for order in 1..=4 {
        shop.reserve("lamp", &format!("r{order}"), "ann", 1);
    }
    let all = shop.feed();
    shop.says("XGROUP CREATE orders books 0", "OK");
    shop.says("XGROUP CREATE orders gone 0", "OK");
    shop.says("XGROUP DESTROY orders gone", "1");
    shop.value("XREADGROUP GROUP books ann COUNT 3 STREAMS orders >");
    shop.says(&format!("XACK orders books {}", all[0].id), "1");
    shop.ask("XRANGE orders 0 + COUNT 5");
    let mut waits = server.client();
    waits.send("XREAD BLOCK 0 STREAMS orders $");

    // The groups are a second old at most.
    let of_books = |name: &str| format!("tidegate_feed_group_{name}{{group=\"books\"}}");
    let page = until(
        "the feed to show",
        || scrape(server.http()),
        |page| {
            page.sample("tidegate_feed_waiting_readers") == 1.0
                && page.samples.get(&of_books("lag_entries")) == Some(&2.0)
        },
    );
    assert_eq!(page.sample(&of_books("pending_entries")), 2.0);
    assert_eq!(page.sample(&of_books("consumers")), 1.0);
    assert!(page.sample(&of_books("oldest_pending_seconds")) >= 0.0);
    assert!(!page.samples.contains_key("tidegate_feed_group_lag_entries{group=\"gone\"}"));
    assert_eq!(page.sample("tidegate_feed_groups"), 1.0, "one is destroyed");
    assert_eq!(page.sample("tidegate_feed_groups_limit"), 1_000.0);
    assert_eq!(page.sample("tidegate_feed_reads_limit"), 1.0);
    assert_eq!(page.sample("tidegate_feed_entries_delivered_total"), 3.0);
    let read = page.sample("tidegate_feed_entries_read_total");
    assert!(read >= 13.0, "five for everybody, three for the group, five again: {read}");

    let status = Ask::new(server.http(), "GET", "/status").send().json();
    let books = &status["feed"]["groups"]["by_name"]["books"];
    assert_eq!((&books["lag"], &books["pending"], &books["consumers"]), (&2.into(), &2.into(), &1.into()));
    assert_eq!(status["feed"]["waiting_readers"], 1);

    // Somebody who asks for what there is not.
    shop.ask("XREAD STREAMS orders 0-1");
    let reads = |page: &Exposition| page.sample("tidegate_feed_read_duration_seconds_count");
    let before = reads(&scrape(server.http()));
    shop.reserve("lamp", "r5", "ann", 1);
    assert_eq!(streamed(&waits.reply()).len(), 1);
    until("it to be counted", || scrape(server.http()), |page| page.samples[&of_books("lag_entries")] == 3.0);
    let after = scrape(server.http());
    assert_eq!(after.sample("tidegate_feed_waiting_readers"), 0.0);
    // The reader that waited has read once or twice; those who looked have not.
    assert!(reads(&after) - before <= 2.0, "{before} {}", reads(&after));
}

#[test]
fn money_that_is_due_back_shows_how_long_it_has_been() {
    let server = Server::start();
    let mut shop = server.client();
    let group_buy = r#","group_buy":{"tiers":[{"members":2,"percent_off":10}],"room_ttl_s":1}"#;
    shop.ask(&format!("SKU.PUT vase {}", document(5, 2_000, group_buy)));
    shop.ask("ROOM.OPEN vase r1 dan 1");
    shop.says("ORDER.PAY {vase}:o:1 p 1800 pay-1", "[PAID {vase}:o:1]");
    let oldest = || scrape(server.http()).samples.get("tidegate_oldest_refund_due_seconds").copied();
    until("a scrape of the sale", oldest, |oldest| *oldest == Some(0.0));
    // Nobody else comes.
    let state = || shop.fields("ORDER.GET {vase}:o:1", &["state"]);
    until("the room to fail", state, |state| state == "state=REFUND_DUE");
    let waited = until("the age", oldest, |oldest| *oldest > Some(0.0));
    until("it to grow", oldest, |oldest| *oldest > waited);
    shop.says("ORDER.REFUND {vase}:o:1 f1", "[REFUNDED]");
    until("it to be done", oldest, |oldest| *oldest == Some(0.0));
}

#[test]
fn no_more_groups_are_told_of_than_fifty_and_none_hides_another() {
    let server = Server::start();
    let mut shop = server.client();
    for group in (1..=60).rev() {
        shop.says(&format!("XGROUP CREATE orders group-{group:02} 0"), "OK");
    }
    shop.says("XGROUP DESTROY orders group-60", "1");
    let told = |page: &Exposition| -> Vec<String> {
        let series =
            page.samples.keys().filter_map(|key| key.strip_prefix("tidegate_feed_group_lag_entries"));
        series.map(str::to_owned).collect()
    };
    let page = until(
        "the groups to show",
        || scrape(server.http()),
        |page| told(page).first().is_some_and(|name| name.contains("group-10")),
    );
    assert_eq!(told(&page).len(), 50);
    assert!(told(&page)[49].contains("group-59"));
    assert_eq!(page.sample("tidegate_feed_groups"), 59.0);
}

#[test]
fn the_alerts_and_the_dashboard_speak_of_documented_families_and_of_runbooks_that_are_there() {
    let documented: BTreeSet<&str> =
        SECTIONS.iter().flat_map(|section| section.families).map(|family| family.name).collect();
    let read = |path: &str| fs::read_to_string(repository().join(path)).unwrap();
    let (alerts, dashboard) = (read("config/prometheus/alerts.yml"), read("config/grafana/tidegate.json"));
    for text in [&alerts, &dashboard] {
        let mut named = 0;
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        for word in words.filter(|word| word.starts_with("tidegate_") || word.starts_with("process_")) {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| word.strip_suffix(suffix));
            let known = documented.contains(word) || base.is_some_and(|base| documented.contains(base));
            assert!(known, "{word} is not in docs/METRICS.md");
            named += 1;
        }
        assert!(named > 0, "no family is named");
    }

    let headings: BTreeSet<String> = read("docs/OPERATIONS.md")
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    let mut runbooks = 0;
    for line in alerts.lines().filter(|line| line.trim_start().starts_with("runbook_url:")) {
        let (_, anchor) = line.rsplit_once('#').unwrap();
        let anchor = anchor.trim_end_matches('"');
        assert!(headings.contains(anchor), "docs/OPERATIONS.md has no ### heading for #{anchor}");
        runbooks += 1;
    }
    assert_eq!(runbooks, alerts.matches("- alert:").count(), "each alert has a runbook");
}
