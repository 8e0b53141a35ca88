//! News go to whoever wants them, in order, and not before they are durable.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::sync::Arc;

use common::{
    GatedJournal, HOLD_MS, Plan, Shop, accepted, ask, body, is_by, outcome, pay, report, reserve, send,
    story, until,
};
use parking_lot::Mutex;
use tidegate_actors::{
    Body, CartNews, CartRequest, Fault, Interest, News, NewsSink, OrderNews, RefundReason, Seat,
};
use tidegate_engine::{
    CampaignCommand, CampaignTerms, CartNumber, Command, GroupBuy, OrderNumber, RoomNumber, Tier,
};
use tidegate_persistence::MemoryJournal;

/// Wants everything, and writes it down as lines.
#[derive(Default)]
struct Paper {
    lines: Mutex<Vec<String>>,
}

impl Paper {
    fn read(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock())
    }
}

impl NewsSink for Paper {
    fn interest(&self, _: &str) -> Interest {
        Interest { sku: true, rooms: true, buyers: true }
    }

    fn wants_room(&self, _: &str, _: RoomNumber) -> bool {
        true
    }

    fn wants_buyer(&self, buyer: &str) -> bool {
        buyer != "hermit"
    }

    fn publish(&self, name: &str, news: Vec<News>) {
        let line = |news| match news {
            News::Sku(view) => format!("{name}: {} left", view.stock.available()),
            News::Room { what, room, .. } => {
                let (members, paid) = (room.members.len(), room.paid_members);
                format!("{name} room {}: {what:?}, {members} in, {paid} paid", room.number.0)
            }
            News::Order { what, order } => {
                format!("{name} order {}: {what:?}, {} {:?}", order.number.0, order.buyer, order.state)
            }
            News::Cart { what, cart } => format!("{name} cart {}: {what:?}, {}", cart.number.0, cart.buyer),
        };
        self.lines.lock().extend(news.into_iter().map(line));
    }

    fn end(&self, name: Option<&str>, why: Fault) {
        self.lines.lock().push(format!("{}: {why:?}", name.unwrap_or("all")));
    }
}

/// A plan with a paper to read.
fn subscribed(plan: Plan) -> (Plan, Arc<Paper>) {
    let paper = Arc::new(Paper::default());
    (Plan { news: Some(Arc::clone(&paper) as _), ..plan }, paper)
}

#[test]
fn news_wait_until_they_are_durable() {
    let journal = GatedJournal::default();
    let disk = journal.sync.clone();
    let (plan, paper) = subscribed(Plan::on(journal));
    story(plan, async move |shop| {
        let (iphone, other) = (shop.put("iphone", 2).await, shop.put("other", 1).await);
        assert_eq!(paper.read(), ["iphone: 2 left", "other: 1 left"]);
        disk.close();
        let first = send(&iphone, body(&[reserve("r1", "ann", 1)]));
        until("the disk is asked", || disk.is_awaited()).await;
        let second = send(&iphone, body(&[reserve("r1", "bob", 1), reserve("r2", "bob", 1)]));
        let elsewhere = send(&other, body(&[reserve("r1", "hermit", 1)]));
        until("the last turn is over", || other.shown().view().as_ref().unwrap().stock.available() == 0)
            .await;
        assert_eq!(paper.read(), [""; 0], "nothing is told of what a crash could undo");

        disk.open();
        for sent in [first, second, elsewhere] {
            outcome(sent).await.unwrap();
        }
        let expected = [
            "iphone order 1: Reserved, ann Reserved",
            "iphone: 1 left",
            "iphone order 2: Reserved, bob Reserved",
            "iphone: 0 left",
            "other: 0 left",
        ];
        assert_eq!(paper.read(), expected, "in the order of the turns, once a turn, and none of the hermit");
        shop.close();
    });
}

#[test]
fn nothing_is_told_after_the_journal_failed() {
    let journal = MemoryJournal::new();
    let (plan, paper) = subscribed(Plan::on(journal.clone()));
    story(plan, async move |shop| {
        let iphone = shop.put("iphone", 2).await;
        paper.read();
        journal.fail_sync_after(0);
        let lost = ask(&iphone, &[reserve("r1", "ann", 1)]).await;
        assert_eq!(lost.unwrap_err(), Fault::JournalFailed);
        until("it is said", || !paper.lines.lock().is_empty()).await;
        assert_eq!(paper.read(), ["all: JournalFailed"]);
        shop.close();
    });
}

#[test]
fn a_turn_that_is_discarded_makes_no_news() {
    let plan = Plan::on(MemoryJournal::new()).probe(|body| assert!(!is_by(body, "boom")));
    let (plan, paper) = subscribed(plan);
    story(plan, async move |shop| {
        let iphone = shop.put("iphone", 2).await;
        paper.read();
        let failed = ask(&iphone, &[reserve("r1", "boom", 1)]).await;
        assert_eq!(failed.unwrap_err(), Fault::Panicked);
        until("it is back", || iphone.shown().condition() == tidegate_actors::Condition::Live).await;
        accepted(&ask(&iphone, &[reserve("r1", "ann", 1)]).await);
        assert_eq!(paper.read(), ["iphone order 1: Reserved, ann Reserved", "iphone: 1 left"]);
        shop.close();
    });
}

#[test]
fn a_room_is_told_of_from_its_opening_to_its_end() {
    let (plan, paper) = subscribed(Plan::on(MemoryJournal::new()));
    story(plan, async move |shop| {
        let tier = |members, percent_off| Tier { members, percent_off };
        let group_buy = GroupBuy { tiers: [tier(1, 10), tier(2, 20)].into(), ttl_ms: 86_400_000 };
        let lamp = shop.put_with("lamp", 9, |terms| terms.group_buy = Some(group_buy)).await;
        let join = |req, buyer| Command::JoinRoom { room: RoomNumber(1), req, buyer, qty: 1 };
        let pay =
            |order, amount, payment| Command::Pay { order: OrderNumber(order), req: "p", amount, payment };
        let cancel = Command::Cancel { order: OrderNumber(2), req: "c", reason: None };
        paper.read();
        accepted(&ask(&lamp, &[Command::OpenRoom { req: "r", buyer: "ann", qty: 1 }]).await);
        accepted(&ask(&lamp, &[pay(1, 450, "m1"), join("r", "bob"), cancel]).await);
        accepted(&ask(&lamp, &[join("r", "cyd"), pay(3, 400, "m2")]).await);
        let expected = [
            "lamp room 1: Opened, 1 in, 0 paid",
            "lamp order 1: Reserved, ann Reserved",
            "lamp: 8 left",
            "lamp room 1: Paid, 1 in, 1 paid",
            "lamp order 1: Paid, ann Paid",
            "lamp room 1: Joined, 2 in, 1 paid",
            "lamp order 2: Reserved, bob Reserved",
            "lamp room 1: Left, 1 in, 1 paid",
            "lamp order 2: Cancelled, bob Cancelled",
            "lamp: 8 left",
            "lamp room 1: Joined, 2 in, 1 paid",
            "lamp order 3: Reserved, cyd Reserved",
            "lamp room 1: Paid, 2 in, 2 paid",
            "lamp room 1: Succeeded, 2 in, 2 paid",
            "lamp order 3: Paid, cyd Paid",
            "lamp order 1: RefundDue { amount: 50, why: Tier }, ann Paid",
            "lamp: 7 left",
        ];
        assert_eq!(paper.read(), expected);
        shop.close();
    });
}

#[test]
fn what_the_clock_ends_is_told_too() {
    let (plan, paper) = subscribed(Plan::on(MemoryJournal::new()));
    story(plan, async move |shop| {
        let lamp =
            shop.put_with("lamp", 9, |terms| terms.late_payment = tidegate_engine::LatePayment::Refund);
        let lamp = lamp.await;
        accepted(&ask(&lamp, &[reserve("r1", "ann", 2)]).await);
        paper.read();
        shop.clock.advance(u64::from(HOLD_MS));
        report(&lamp).await;
        assert_eq!(paper.read(), ["lamp order 1: Expired, ann Expired", "lamp: 9 left"]);
        let late = Command::Pay { order: OrderNumber(1), req: "p", amount: 1_000, payment: "m" };
        accepted(&ask(&lamp, &[late]).await);
        let why = RefundReason::Payment;
        let expected =
            format!("lamp order 1: {:?}, ann RefundDue", OrderNews::RefundDue { amount: 1_000, why });
        assert_eq!(paper.read(), [expected, "lamp: 9 left".to_owned()]);
        shop.close();
    });
}

/// A campaign of coats and hats, and what a body to it came to.
async fn fair(shop: &Shop) -> Arc<Seat> {
    let fair = shop.house.find_or_create_campaign("fair").unwrap();
    let skus = ["coat".into(), "hat".into()].into();
    let mut body = Body::default();
    let terms = Arc::new(CampaignTerms { skus, ..CampaignTerms::new("11.11") });
    body.push_campaign(&CampaignCommand::Put { terms });
    accepted(&outcome(send(&fair, body)).await);
    shop.put("coat", 5).await;
    shop.put("hat", 1).await;
    shop.house.enrol().await.unwrap();
    fair
}

async fn cart(shop: &Shop, fair: &Arc<Seat>, req: &str) -> usize {
    let mut body = Body::default();
    let lines = vec![("coat", 1), ("hat", 1)];
    body.push_cart(&CartRequest { req, buyer: "ann", lines, coupon: None });
    let sent = shop.house.send(fair, body).map_err(|(_, fault)| fault).unwrap();
    outcome(sent)
        .await
        .unwrap()
        .iter()
        .filter(|reply| matches!(reply, tidegate_actors::Reply::Accepted(_)))
        .count()
}

#[test]
fn lines_are_told_of_with_their_cart_and_never_without() {
    let (plan, paper) = subscribed(Plan::on(MemoryJournal::new()));
    story(plan, async move |shop| {
        let fair = fair(&shop).await;
        paper.read();
        // The hat is gone before the second cart is held, or the second is found out by a look: both are withdrawn.
        assert_eq!(cart(&shop, &fair, "r1").await, 1);
        assert_eq!(cart(&shop, &fair, "r2").await, 0);
        let orders = |lines: Vec<String>| -> Vec<String> {
            lines.into_iter().filter(|line| !line.contains("left")).collect()
        };
        assert_eq!(orders(paper.read()), [format!("fair cart 1: {:?}, ann", CartNews::Reserved)]);
        let mut body = Body::default();
        let (cart, req, payment) = (CartNumber(1), "p", "m");
        body.push_campaign(&CampaignCommand::PayCart { cart, req, amount: 1_000, payment });
        let sent = shop.house.send(&fair, body).map_err(|(_, fault)| fault).unwrap();
        outcome(sent).await.unwrap();
        let mut told = orders(paper.read());
        told[1..].sort();
        let expected =
            ["fair cart 1: Paid, ann", "coat order 1: Paid, ann Paid", "hat order 1: Paid, ann Paid"];
        assert_eq!(told, expected);
        shop.close();
    });
}

#[test]
fn who_wants_nothing_hears_nothing() {
    struct Deaf;
    impl NewsSink for Deaf {
        fn interest(&self, _: &str) -> Interest {
            Interest::NONE
        }
        fn wants_room(&self, _: &str, _: RoomNumber) -> bool {
            panic!("nothing is of interest")
        }
        fn wants_buyer(&self, _: &str) -> bool {
            panic!("nothing is of interest")
        }
        fn publish(&self, _: &str, _: Vec<News>) {
            panic!("nothing is of interest")
        }
        fn end(&self, _: Option<&str>, _: Fault) {
            panic!("nothing fails")
        }
    }
    story(Plan { news: Some(Arc::new(Deaf)), ..Plan::on(MemoryJournal::new()) }, async |shop| {
        let lamp = shop.put("lamp", 1).await;
        accepted(&ask(&lamp, &[reserve("r1", "ann", 1), pay(1, "p1", "m1")]).await);
        assert_eq!(report(&lamp).await.stock.sold(), 1);
        shop.close();
    });
}
