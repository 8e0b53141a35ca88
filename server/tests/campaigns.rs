//! Campaigns and their coupons over real sockets, and again after a kill.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use common::{Client, Process, Server, until};

/// 100.00 a unit.
fn put(client: &mut Client, sku: &str, more: &str) {
    let document =
        format!(r#"{{"title":"Coat","stock":100,"currency":"CNY","price":{{"fixed":10000}}{more}}}"#);
    client.says(&format!("SKU.PUT {sku} {document}"), "[CREATED]");
}

const FAIR: &str = r#"{"title":"11.11","skus":["coat","hat"],"per_buyer_limit":3,"thresholds":[{"spend":30000,"off":4000}],"coupon_windows":[{"event":"try_on","percent_off":20,"window_s":1800,"skus":["coat"]},{"event":"share","percent_off":5,"window_s":1}],"green":{"max_carbon_g":500,"percent_off":3}}"#;

/// The coupon that this trigger grants.
fn granted(client: &mut Client, line: &str) -> String {
    let told = client.value(line);
    let coupon = told.items().get(1).and_then(|coupon| coupon.as_str().map(str::to_owned));
    coupon.unwrap_or_else(|| panic!("{line}: {told:?}"))
}

#[test]
fn a_campaign_shows_itself_and_is_part_of_its_skus() {
    let server = Server::start();
    let mut client = server.client();
    client.says("CAMPAIGN.GET fair", "nil");
    client.says("REPORT fair", "nil");
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[CREATED]");
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[UNCHANGED]");
    put(&mut client, "coat", r#","carbon_g":500"#);
    put(&mut client, "sock", r#","campaign":"fair""#);
    let fields = ["campaign", "state", "currency", "skus", "per_buyer_limit", "thresholds", "green", "seq"];
    assert_eq!(
        client.fields("CAMPAIGN.GET fair", &fields),
        "campaign=fair state=OPEN currency=CNY skus=[coat hat sock] per_buyer_limit=3 thresholds=[[30000 4000]] \
         green=[500 3] seq=1"
    );
    assert_eq!(
        client.fields("CAMPAIGN.GET fair", &["coupon_windows", "order_of_discounts"]),
        "coupon_windows=[[try_on 20 1800 [coat]] [share 5 1 nil]] order_of_discounts=[tier coupon green threshold]"
    );
    // Three percent off for a small footprint.
    assert_eq!(client.reserve("coat", "r1", "ann", 1).amount, 9_700);
    assert_eq!(client.reserve("sock", "r1", "ann", 1).amount, 10_000);
    assert_eq!(
        client.fields("ORDER.GET {coat}:o:1", &["amount", "discounts"]),
        "amount=9700 discounts=[[green 300]]"
    );
    // A later document takes it away from later orders, and brings a time.
    let later = FAIR.replace(r#""per_buyer_limit":3"#, r#""starts_at":4000000000000"#);
    client.says(&format!("CAMPAIGN.PUT fair {}", later.replace("500", "499")), "[UPDATED]");
    client.says("ORDER.RESERVE coat r2 ann 1", "[NOT_OPEN 4000000000000]");
    assert_eq!(
        client.fields("SKU.GET coat", &["state", "starts_at"]),
        "state=SCHEDULED starts_at=4000000000000"
    );
    assert_eq!(client.fields("ORDER.GET {coat}:o:1", &["amount"]), "amount=9700");
    // Who is no longer named is on sale again.
    client.says("CAMPAIGN.PUT fair {\"title\":\"11.11\",\"starts_at\":4000000000000}", "[UPDATED]");
    assert_eq!(client.reserve("coat", "r2", "ann", 1).amount, 10_000);
    client.says("ORDER.RESERVE sock r2 ann 1", "[NOT_OPEN 4000000000000]");
}

#[test]
fn a_purchase_limit_of_a_campaign_counts_all_its_skus() {
    let server = Server::start();
    let mut client = server.client();
    put(&mut client, "coat", r#","per_buyer_limit":2"#);
    put(&mut client, "hat", r#","group_buy":{"tiers":[{"members":2,"percent_off":10}]}"#);
    // What was sold before the campaign counts too.
    client.reserve("hat", "r0", "ann", 1);
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[CREATED]");
    client.says("ORDER.RESERVE coat r1 ann 3", "[LIMIT 2]");
    client.reserve("coat", "r1", "ann", 1);
    client.says("ORDER.RESERVE hat r1 ann 2", "[LIMIT 1]");
    client.says("ROOM.OPEN hat r2 ann 2", "[LIMIT 1]");
    client.ask("ROOM.OPEN hat r2 ann 1");
    client.says("ORDER.RESERVE coat r2 ann 1", "[LIMIT 0]");
    client.reserve("coat", "r1", "bob", 2);
    // A rejection takes nothing up.
    for _ in 0..3 {
        client.says("ORDER.RESERVE hat r2 bob 1 MAXPRICE 9999", "[PRICE_CHANGED 10000]");
        client.says("ORDER.RESERVE hat r2 bob 1 COUPON 00000000000000000000000000000000", "[COUPON_INVALID]");
    }
    client.says("ORDER.RESERVE hat r2 bob 2", "[LIMIT 1]");
    client.reserve("hat", "r2", "bob", 1);
    // What ends unpaid, or is refunded, can be had again.
    client.says("ORDER.CANCEL {hat}:o:2 c", "[CANCELLED]");
    client.reserve("coat", "r2", "ann", 1);
    client.says("ORDER.RESERVE hat r3 ann 1", "[LIMIT 0]");
    client.says("ORDER.PAY {coat}:o:1 p 10000 pay-1", "[PAID {coat}:o:1]");
    client.says("ORDER.RESERVE hat r3 ann 1", "[LIMIT 0]");
    client.says("ORDER.REFUND {coat}:o:1 f", "[REFUNDED]");
    client.reserve("hat", "r3", "ann", 1);
    let books = client
        .fields("REPORT fair", &["campaign", "total", "reserved", "sold", "first_time_buyers", "balanced"]);
    assert_eq!(books, "campaign=fair total=200 reserved=6 sold=1 first_time_buyers=1 balanced=1");
}

#[test]
fn many_buyers_at_once_get_no_more_than_the_campaign_allows() {
    let server = Server::start();
    let mut client = server.client();
    for sku in ["coat", "hat"] {
        put(&mut client, sku, "");
    }
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[CREATED]");
    let held = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|thread| {
                let mut client = server.client();
                scope.spawn(move || {
                    let sku = if thread % 2 == 0 { "coat" } else { "hat" };
                    let ask = |n: u32| format!("ORDER.RESERVE {sku} t{thread}-{n} ann 1");
                    let told = client.pipeline(&(0..50).map(ask).collect::<Vec<_>>());
                    told.iter().filter(|told| told.starts_with("[RESERVED")).count()
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).sum::<usize>()
    });
    assert_eq!(held, 3);
    assert_eq!(client.fields("REPORT fair", &["reserved", "balanced"]), "reserved=3 balanced=1");
}

#[test]
fn a_coupon_window_opens_by_behaviour_and_its_coupon_works_once() {
    let server = Server::start();
    let mut client = server.client();
    client.says("COUPON.TRIGGER fair r1 ann try_on", "[NOT_FOUND]");
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[CREATED]");
    put(&mut client, "coat", r#","carbon_g":500"#);
    put(&mut client, "hat", "");
    client.says("COUPON.TRIGGER fair r1 ann shrug", "[NOT_ELIGIBLE]");
    let coupon = granted(&mut client, "COUPON.TRIGGER fair r1 ann try_on");
    assert_eq!(granted(&mut client, "COUPON.TRIGGER fair r1 ann try_on"), coupon);
    assert_eq!(granted(&mut client, "COUPON.TRIGGER fair r2 ann try_on"), coupon);
    assert!(client.ask("COUPON.TRIGGER fair r1 ann share").starts_with("-IDEMPREUSE "));
    assert_ne!(granted(&mut client, "COUPON.TRIGGER fair r1 bob try_on"), coupon);

    let with =
        |sku: &str, req: &str, buyer: &str| format!("ORDER.RESERVE {sku} {req} {buyer} 1 COUPON {coupon}");
    client.says(&with("coat", "r1", "bob"), "[COUPON_INVALID]");
    client.says(&with("hat", "r1", "ann"), "[COUPON_INVALID]");
    client.says("ORDER.RESERVE coat r1 ann 1 COUPON 00000000000000000000000000000000", "[COUPON_INVALID]");
    client.says("ORDER.RESERVE coat r1 ann 1 COUPON forged", "[COUPON_INVALID]");
    assert_eq!(client.books("coat"), "total=100 available=100 reserved=0 sold=0");
    // 8000, less 3 %.
    let first = client.ask(&with("coat", "r1", "ann"));
    assert!(first.starts_with("[RESERVED {coat}:o:1 7760 "), "{first}");
    client.says(&with("coat", "r1", "ann"), &first);
    client.says(&with("coat", "r2", "ann"), "[COUPON_INVALID]");
    assert_eq!(
        client.fields("ORDER.GET {coat}:o:1", &["unit_price", "amount", "discounts"]),
        "unit_price=10000 amount=7760 discounts=[[coupon 2000] [green 240]]"
    );
    // It comes back when its order ends unpaid, and not when it is refunded.
    client.says("ORDER.CANCEL {coat}:o:1 c", "[CANCELLED]");
    assert!(client.ask(&with("coat", "r2", "ann")).starts_with("[RESERVED {coat}:o:2 7760 "));
    client.says("ORDER.PAY {coat}:o:2 p 10000 pay-1", "[AMOUNT_MISMATCH 7760]");
    client.says("ORDER.PAY {coat}:o:2 p 7760 pay-1", "[PAID {coat}:o:2]");
    client.says("ORDER.REFUND {coat}:o:2 f RESTOCK", "[REFUNDED]");
    client.says(&with("coat", "r3", "ann"), "[COUPON_INVALID]");
    assert_eq!(
        client.fields("REPORT fair", &["first_time_buyers", "balanced"]),
        "first_time_buyers=1 balanced=1"
    );
}

#[test]
fn what_is_given_up_in_a_pipeline_can_be_had_again_in_it() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[CREATED]");
    put(&mut client, "coat", r#","hold_s":1"#);
    put(&mut client, "hat", "");
    let coupon = granted(&mut client, "COUPON.TRIGGER fair r1 ann try_on");
    let with = |req: &str, qty: u32| format!("ORDER.RESERVE coat {req} ann {qty} COUPON {coupon}");
    let told = client.pipeline(&[
        with("r1", 3),
        "ORDER.CANCEL {coat}:o:1 c".to_owned(),
        with("r2", 4),
        format!("{} MAXPRICE 1", with("r3", 1)),
        with("r4", 2),
        with("r5", 1),
        "ORDER.RESERVE coat r6 ann 2".to_owned(),
        "ORDER.RESERVE coat r7 ann 1".to_owned(),
    ]);
    let words: Vec<_> =
        told.iter().map(|told| told.split(' ').next().unwrap().trim_matches(['[', ']'])).collect();
    assert_eq!(
        words,
        [
            "RESERVED",
            "CANCELLED",
            "LIMIT",
            "PRICE_CHANGED",
            "RESERVED",
            "COUPON_INVALID",
            "LIMIT",
            "RESERVED"
        ],
        "{told:?}"
    );
    assert_eq!(client.fields("REPORT fair", &["reserved", "balanced"]), "reserved=3 balanced=1");
    client.says("ORDER.RESERVE hat r1 ann 1", "[LIMIT 0]");
    // An order that runs out just before its buyer comes again.
    let state = || server.client().fields("ORDER.GET {coat}:o:2", &["state"]);
    until("the hold to run out", state, |state| state == "state=EXPIRED");
    assert!(client.ask(&with("r8", 1)).starts_with("[RESERVED "));
}

#[test]
fn a_coupon_ends_with_its_window() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[CREATED]");
    put(&mut client, "hat", r#","hold_s":1"#);
    let coupon = granted(&mut client, "COUPON.TRIGGER fair r1 ann share");
    let used = client.ask(&format!("ORDER.RESERVE hat r1 ann 1 COUPON {coupon}"));
    assert!(used.starts_with("[RESERVED {hat}:o:1 9500 "), "{used}");
    let state = || server.client().fields("ORDER.GET {hat}:o:1", &["state"]);
    until("the hold to run out", state, |state| state == "state=EXPIRED");
    // The window has closed by then: nothing to come back, and too late to be paid.
    client.says(&format!("ORDER.RESERVE hat r2 ann 1 COUPON {coupon}"), "[COUPON_INVALID]");
    client.says("ORDER.PAY {hat}:o:1 p 9500 pay-1", "[REFUND_DUE {hat}:o:1]");
    client.says("COUPON.TRIGGER fair r2 ann share", "[NOT_ELIGIBLE]");
    assert_eq!(granted(&mut client, "COUPON.TRIGGER fair r1 ann share"), coupon, "the first answer stays");
    assert_eq!(client.books("hat"), "total=100 available=100 reserved=0 sold=0");
}

#[test]
fn coupons_limits_and_discounts_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let first = Process::start(dir.path());
    let mut client = first.client();
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[CREATED]");
    put(&mut client, "coat", r#","carbon_g":500"#);
    put(&mut client, "hat", "");
    let coupon = granted(&mut client, "COUPON.TRIGGER fair r1 ann try_on");
    let bobs = granted(&mut client, "COUPON.TRIGGER fair r1 bob try_on");
    let reserved = client.ask(&format!("ORDER.RESERVE coat r1 ann 1 COUPON {coupon}"));
    client.says("ORDER.PAY {coat}:o:1 p 7760 pay-1", "[PAID {coat}:o:1]");
    client.reserve("hat", "r1", "ann", 1);
    first.kill();

    let second = Process::start(dir.path());
    let mut client = second.client();
    client.says(&format!("ORDER.RESERVE coat r1 ann 1 COUPON {coupon}"), &reserved);
    client.says(&format!("ORDER.RESERVE coat r2 ann 1 COUPON {coupon}"), "[COUPON_INVALID]");
    client.says("ORDER.RESERVE hat r2 ann 2", "[LIMIT 1]");
    assert_eq!(granted(&mut client, "COUPON.TRIGGER fair r1 ann try_on"), coupon);
    let told = client.ask(&format!("ORDER.RESERVE coat r1 bob 1 COUPON {bobs}"));
    assert!(told.starts_with("[RESERVED {coat}:o:2 7760 "), "{told}");
    let books = client.fields("REPORT fair", &["reserved", "sold", "first_time_buyers", "balanced"]);
    assert_eq!(books, "reserved=2 sold=1 first_time_buyers=1 balanced=1");
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[UNCHANGED]");
}

#[test]
fn documents_that_do_not_fit_together_are_refused() {
    let server = Server::start();
    let mut client = server.client();
    put(&mut client, "coat", "");
    client.says(r#"SKU.PUT hat {"title":"Hat","stock":1,"currency":"EUR","price":{"fixed":1}}"#, "[CREATED]");
    let told = client.ask(&format!("CAMPAIGN.PUT fair {FAIR}"));
    assert_eq!(told, "-ERR skus: coat is sold in CNY and hat in EUR; a campaign has one currency");
    client.says("CAMPAIGN.GET fair", "nil");
    let one = r#"{"title":"11.11","skus":["coat"]}"#;
    client.says(&format!("CAMPAIGN.PUT fair {one}"), "[CREATED]");
    let told = client.ask(&format!("CAMPAIGN.PUT other {one}"));
    assert_eq!(told, "-ERR skus: coat is part of campaign fair; a SKU can be in one campaign");
    let sock = |currency: &str, campaign: &str| {
        format!(
            r#"{{"title":"Sock","stock":1,"currency":"{currency}","price":{{"fixed":1}},"campaign":"{campaign}"}}"#
        )
    };
    let told = client.ask(&format!("SKU.PUT sock {}", sock("EUR", "fair")));
    assert_eq!(told, "-ERR currency: campaign fair sells in CNY; a campaign has one currency");
    client.says("SKU.GET sock", "nil");
    let told = client.ask(&format!("SKU.PUT coat {}", sock("CNY", "other")));
    assert_eq!(told, "-ERR campaign: fair names this SKU; take it out of that campaign's skus first");
    client.says(&format!("SKU.PUT sock {}", sock("CNY", "fair")), "[CREATED]");
    let told = client.ask(r#"CAMPAIGN.PUT other {"title":"x","skus":["sock"]}"#);
    assert_eq!(told, "-ERR skus: sock is part of campaign fair; a SKU can be in one campaign");
    for (document, told) in [
        (r#"{"title":"x","green":{"max_carbon_g":1,"percent_off":101}}"#, "-ERR green.percent_off: must be"),
        (
            r#"{"title":"x","order_of_discounts":["threshold","tier"]}"#,
            "-ERR order_of_discounts: threshold must be",
        ),
        ("[]", "-ERR document: must be an object"),
    ] {
        let reply = client.ask(&format!("CAMPAIGN.PUT new {document}"));
        assert!(reply.starts_with(told), "{document}: {reply}");
    }
    client.says("CAMPAIGN.GET new", "nil");
}

#[test]
fn a_sku_and_a_campaign_may_have_the_same_name() {
    let server = Server::start();
    let mut client = server.client();
    client.says(r#"CAMPAIGN.PUT coat {"title":"x","skus":["coat"],"per_buyer_limit":1}"#, "[CREATED]");
    put(&mut client, "coat", "");
    let told = client.pipeline(&[
        "CAMPAIGN.GET coat",
        "COUPON.TRIGGER coat r1 ann try_on",
        "ORDER.RESERVE coat r1 ann 1",
        "ORDER.RESERVE coat r2 ann 1",
        "SKU.GET coat",
    ]);
    assert!(told[0].starts_with("[campaign coat "), "{told:?}");
    assert_eq!(told[1], "[NOT_ELIGIBLE]");
    assert!(told[2].starts_with("[RESERVED {coat}:o:1 "), "{told:?}");
    assert_eq!(told[3], "[LIMIT 0]");
    assert!(told[4].starts_with("[sku coat "), "{told:?}");
    assert_eq!(client.fields("REPORT coat", &["sku"]), "sku=coat", "the SKU's books");
}

#[test]
fn a_campaign_file_puts_its_campaign_and_skus() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("fair.toml");
    let sku = "title = 'Coat'\nstock = 10\ncurrency = 'CNY'\nprice.fixed = 10000\ncarbon_g = 100\n";
    let campaign =
        "[campaign]\nid = 'fair'\ntitle = '11.11'\ngreen = { max_carbon_g = 500, percent_off = 3 }\n";
    std::fs::write(&file, format!("{campaign}[skus.coat]\n{sku}[skus.hat]\n{sku}")).unwrap();
    let server = Server::start_with(|config| config.campaigns = vec![file]);
    let mut client = server.client();
    assert_eq!(client.fields("CAMPAIGN.GET fair", &["skus", "currency"]), "skus=[coat hat] currency=CNY");
    assert_eq!(client.reserve("coat", "r1", "ann", 1).amount, 9_700);
    assert_eq!(client.fields("REPORT fair", &["total", "reserved"]), "total=20 reserved=1");
}

#[test]
fn the_books_of_a_campaign_show_what_was_asked_in_front_of_them() {
    let server = Server::start();
    let mut client = server.client();
    client.says(&format!("CAMPAIGN.PUT fair {FAIR}"), "[CREATED]");
    put(&mut client, "coat", "");
    put(&mut client, "hat", "");
    for (number, buyer) in (1..).zip(["ann", "bob", "eve", "joe", "kim", "lea"]) {
        client.reserve("hat", "r", buyer, 1);
        // One read, and one more buyer of the campaign each time.
        let pay = format!("ORDER.PAY {{hat}}:o:{number} p 10000 pay-{number}");
        let told = client.pipeline(&[&*pay, "REPORT fair", "PING"]);
        assert_eq!((&*told[0], &*told[2]), (&*format!("[PAID {{hat}}:o:{number}]"), "PONG"));
        let fields =
            [format!(" sold {number} "), format!(" first_time_buyers {number} "), " balanced 1".to_owned()];
        for field in fields {
            assert!(told[1].contains(&field), "{field}: {}", told[1]);
        }
    }
}
