//! Carts over several actors: what becomes of them when one of those fails, or everything stops in the middle.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{HOLD_MS, Plan, Shop, accepted, ask, outcome, report, reserve, send, shown, story, until};
use tidegate_actors::{Ask, Body, CartRequest, Condition, Document, Fault, Inner, Reply, Seat};
use tidegate_engine::{
    Answer, CampaignCommand, CampaignTerms, CartLine, CartNumber, Command, LineState, Millis, OrderNumber,
    OrderState, Refusal, Rejection, Threshold,
};
use tidegate_persistence::MemoryJournal;

/// A campaign of coats and hats, 5.00 each, with a discount from 10.00 on.
async fn fair(shop: &Shop) -> (Arc<Seat>, Arc<Seat>, Arc<Seat>) {
    fair_among(shop, 0).await
}

/// The same, and so many other SKUs between the campaign and its own.
async fn fair_among(shop: &Shop, others: usize) -> (Arc<Seat>, Arc<Seat>, Arc<Seat>) {
    fair_of(shop, others, 5).await
}

/// The same, and so many coats and hats.
async fn fair_of(shop: &Shop, others: usize, stock: u32) -> (Arc<Seat>, Arc<Seat>, Arc<Seat>) {
    let terms = CampaignTerms {
        skus: ["coat".into(), "hat".into()].into(),
        thresholds: [Threshold { spend: 1_000, off: 101 }].into(),
        ..CampaignTerms::new("11.11")
    };
    let put = shop.house.put(vec![("fair".into(), Document::Campaign(Arc::new(terms)))]).await;
    assert!(matches!(put[..], [Ok(Reply::Accepted(Answer::Created))]), "{put:?}");
    for other in 0..others {
        shop.put(&format!("other-{other}"), 1).await;
    }
    let (coat, hat) = (shop.put("coat", stock).await, shop.put("hat", stock).await);
    (shop.house.find_campaign("fair").unwrap(), coat, hat)
}

fn seats(shop: &Shop) -> (Arc<Seat>, Arc<Seat>, Arc<Seat>) {
    let find = |sku| shop.house.find(sku).unwrap();
    (shop.house.find_campaign("fair").unwrap(), find("coat"), find("hat"))
}

/// Asks for carts of a coat and a hat, one for each of these requests.
async fn carts(shop: &Shop, fair: &Arc<Seat>, reqs: &[&str]) -> Vec<Reply> {
    let mut body = Body::default();
    for req in reqs {
        body.push_cart(&CartRequest {
            req,
            buyer: "ann",
            lines: vec![("coat", 1), ("hat", 1)],
            coupon: None,
        });
    }
    let sent = shop.house.send(fair, body).map_err(|(_, fault)| fault).unwrap();
    outcome(sent).await.unwrap()
}

/// The number of a cart that was reserved.
#[track_caller]
fn number(reply: &Reply) -> CartNumber {
    let Reply::Accepted(Answer::CartReserved { cart, amount: 899, off: 101, .. }) = reply else {
        panic!("{reply:?} is no cart")
    };
    *cart
}

async fn command(shop: &Shop, fair: &Arc<Seat>, command: CampaignCommand<&str>) -> Reply {
    let mut body = Body::default();
    body.push_campaign(&command);
    let sent = shop.house.send(fair, body).map_err(|(_, fault)| fault).unwrap();
    outcome(sent).await.unwrap().remove(0)
}

async fn state(fair: &Seat, cart: CartNumber) -> OrderState {
    let mut body = Body::default();
    body.push(Ask::Cart(cart));
    let replies = outcome(send(fair, body)).await.unwrap();
    let [Reply::Cart(Some(cart))] = &replies[..] else { panic!("{replies:?}") };
    cart.state
}

fn pay(cart: CartNumber) -> CampaignCommand<&'static str> {
    CampaignCommand::PayCart { cart, req: "p1", amount: 899, payment: "pay-1" }
}

/// A line of a cart that is never committed: as a server leaves it that is killed at that moment.
fn half_made(cart: u32) -> Command<&'static str> {
    let expires_at = Millis(1_000_000 + u64::from(HOLD_MS));
    let line = CartLine { campaign: "fair", cart: CartNumber(cart), expires_at, shares_coupon: false };
    Command::HoldLine { line, buyer: "ann", qty: 2, coupon: None }
}

#[test]
fn a_half_made_cart_holds_nothing_after_the_next_start_and_a_paid_one_is_paid_whole() {
    for arbiters in [1, 2] {
        let journal = MemoryJournal::new();
        let plan = || Plan { arbiters, ..Plan::on(journal.clone()) };
        story(plan(), async |shop| {
            let (fair, coat, hat) = fair(&shop).await;
            let cart = number(&carts(&shop, &fair, &["r1"]).await[0]);
            // The lines of this one are held, and then the server stops.
            for sku in [&coat, &hat] {
                accepted(&ask(sku, &[half_made(9)]).await);
            }
            // This one is paid, and the server stops before its lines hear of it.
            let mut body = Body::default();
            body.push_campaign(&pay(cart));
            let replies = outcome(send(&fair, body)).await.unwrap();
            assert!(matches!(&replies[..], [Reply::Inner(Inner::Settle(Answer::Paid, _))]), "{replies:?}");
            assert_eq!((shown(&coat), shown(&hat)), ((2, 3, 0), (2, 3, 0)));
            shop.close();
        });
        story(plan(), async |shop| {
            let (fair, coat, hat) = seats(&shop);
            shop.house.settle_carts().await;
            assert_eq!((shown(&coat), shown(&hat)), ((4, 0, 1), (4, 0, 1)));
            for (sku, amount) in [(&coat, 449), (&hat, 450)] {
                assert_eq!(report(sku).await.tally.money(OrderState::Paid), amount);
            }
            // A number that a line once had is not given again.
            assert_eq!(number(&carts(&shop, &fair, &["r2"]).await[0]), CartNumber(10));
            shop.close();
        });
    }
}

#[test]
fn a_cart_that_ran_out_while_the_house_was_closed_is_ended_with_all_its_lines() {
    let journal = MemoryJournal::new();
    story(Plan { arbiters: 2, ..Plan::on(journal.clone()) }, async |shop| {
        let (fair, ..) = fair_among(&shop, 900).await;
        number(&carts(&shop, &fair, &["r1"]).await[0]);
        shop.close();
    });
    let later = 1_000_000 + u64::from(HOLD_MS);
    story(Plan { arbiters: 2, now: later, ..Plan::on(journal) }, async |shop| {
        let (_, coat, hat) = seats(&shop);
        until("the lines have ended", || (shown(&coat), shown(&hat)) == ((5, 0, 0), (5, 0, 0))).await;
        shop.close();
    });
}

#[test]
fn a_campaign_that_panics_at_the_commit_leaves_no_line_held() {
    let armed = Arc::new(AtomicBool::new(true));
    let trap = Arc::clone(&armed);
    let is_commit = |ask: &Ask| matches!(ask, Ask::Campaign(CampaignCommand::CommitCart { .. }));
    let plan = Plan::on(MemoryJournal::new()).probe(move |body| {
        assert!(!(body.asks().iter().any(is_commit) && trap.swap(false, Ordering::Relaxed)), "boom");
    });
    story(plan, async |shop| {
        let (fair, coat, hat) = fair(&shop).await;
        let replies = carts(&shop, &fair, &["r1", "r2"]).await;
        assert!(replies.iter().all(|reply| matches!(reply, Reply::Failed(Fault::Panicked))), "{replies:?}");
        until("lines are given back", || shown(&coat).1 == 0 && shown(&hat).1 == 0).await;
        until("it is back", || fair.shown().condition() == Condition::Live).await;
        // The same requests may come again.
        let replies = carts(&shop, &fair, &["r1", "r2"]).await;
        assert_eq!(replies.iter().map(number).collect::<Vec<_>>(), [CartNumber(3), CartNumber(4)]);
        assert_eq!((shown(&coat), shown(&hat)), ((3, 2, 0), (3, 2, 0)));
        shop.close();
    });
}

#[test]
fn a_sku_that_panics_over_its_line_ends_that_cart_and_no_other_sku_holds_its_lines() {
    let trap = AtomicUsize::new(0);
    let plan = Plan::on(MemoryJournal::new()).probe(move |body| {
        // The second of the two SKUs.
        let is_line = |ask: &Ask| matches!(ask, Ask::Command(Command::HoldLine { .. }));
        assert!(!body.asks().iter().any(is_line) || trap.fetch_add(1, Ordering::Relaxed) != 1, "boom");
    });
    story(plan, async |shop| {
        let (fair, coat, hat) = fair(&shop).await;
        let replies = carts(&shop, &fair, &["r1"]).await;
        assert!(matches!(replies[..], [Reply::Failed(Fault::Panicked)]), "{replies:?}");
        assert_eq!((shown(&coat).1, shown(&hat).1), (0, 0));
        until("it is back", || hat.shown().condition() == Condition::Live).await;
        number(&carts(&shop, &fair, &["r1"]).await[0]);
        assert_eq!((shown(&coat).1, shown(&hat).1), (1, 1));
        shop.close();
    });
}

#[test]
fn a_line_is_told_of_its_payment_when_its_sku_is_back() {
    let armed = Arc::new(AtomicBool::new(true));
    let trap = Arc::clone(&armed);
    let plan = Plan::on(MemoryJournal::new()).probe(move |body| {
        let is_paid = |ask: &Ask| {
            matches!(ask, Ask::Command(Command::SettleLine { state: LineState::Paid { .. }, .. }))
        };
        assert!(!(body.asks().iter().any(is_paid) && trap.swap(false, Ordering::Relaxed)), "boom");
    });
    story(plan, async |shop| {
        let (fair, coat, hat) = fair(&shop).await;
        let cart = number(&carts(&shop, &fair, &["r1"]).await[0]);
        let paid = command(&shop, &fair, pay(cart)).await;
        assert!(matches!(paid, Reply::Accepted(Answer::Paid)), "{paid:?}");
        assert_eq!((shown(&coat), shown(&hat)), ((4, 0, 1), (4, 0, 1)));
        assert!(!armed.load(Ordering::Relaxed));
        shop.close();
    });
}

/// How many lines a body tells what became of their carts.
fn settled(body: &Body) -> usize {
    let is_told = |ask: &&Ask| matches!(ask, Ask::Command(Command::SettleLine { .. }));
    body.asks().iter().filter(is_told).count()
}

const MANY: usize = 40;

/// Asks for many carts at once.
async fn many_carts(shop: &Shop, fair: &Arc<Seat>) -> Vec<CartNumber> {
    let reqs: Vec<String> = (0..MANY).map(|n| format!("r{n}")).collect();
    let reqs: Vec<&str> = reqs.iter().map(|req| &**req).collect();
    carts(shop, fair, &reqs).await.iter().map(number).collect()
}

/// Has them all run out.
fn run_out(shop: &Shop) {
    shop.clock.advance(u64::from(HOLD_MS));
    shop.house.wake();
}

#[test]
fn all_lines_that_are_told_in_one_turn_are_let_go_though_it_panics_once() {
    let trap = Arc::new(AtomicBool::new(false));
    let armed = Arc::clone(&trap);
    let plan = Plan::on(MemoryJournal::new()).probe(move |body| {
        assert!(settled(body) != MANY || !armed.swap(false, Ordering::Relaxed), "boom");
    });
    story(plan, async |shop| {
        let (fair, coat, hat) = fair_of(&shop, 0, MANY as u32).await;
        many_carts(&shop, &fair).await;
        assert_eq!((shown(&coat).1, shown(&hat).1), (MANY as u32, MANY as u32));
        trap.store(true, Ordering::Relaxed);
        run_out(&shop);
        until("all lines have ended", || shown(&coat).1 == 0 && shown(&hat).1 == 0).await;
        assert!(!trap.load(Ordering::Relaxed));
        shop.close();
    });
}

/// A journal with many lines of carts that were never finished.
fn with_half_made_carts() -> MemoryJournal {
    let journal = MemoryJournal::new();
    story(Plan::on(journal.clone()), async |shop| {
        let (_, coat, _) = fair_of(&shop, 0, 2 * MANY as u32).await;
        let lines: Vec<_> = (1..=MANY as u32).map(half_made).collect();
        accepted(&ask(&coat, &lines).await);
        shop.close();
    });
    journal
}

#[test]
fn all_lines_of_half_made_carts_are_let_go_at_a_start_though_a_turn_panics_once() {
    let journal = with_half_made_carts();
    let armed = AtomicBool::new(true);
    let plan = Plan::on(journal).probe(move |body| {
        assert!(settled(body) != MANY || !armed.swap(false, Ordering::Relaxed), "boom");
    });
    story(plan, async |shop| {
        let (_, coat, _) = seats(&shop);
        assert_eq!(shown(&coat).1, 2 * MANY as u32);
        shop.house.settle_carts().await;
        assert_eq!(shown(&coat).1, 0);
        assert_eq!(shop.house.status().rebuilt, 1);
        shop.close();
    });
}

#[test]
fn all_payments_of_one_message_are_answered_though_a_turn_panics_once() {
    let armed = AtomicBool::new(true);
    let plan = Plan::on(MemoryJournal::new()).probe(move |body| {
        let is_paid = |ask: &Ask| {
            matches!(ask, Ask::Command(Command::SettleLine { state: LineState::Paid { .. }, .. }))
        };
        assert!(!(body.asks().iter().any(is_paid) && armed.swap(false, Ordering::Relaxed)), "boom");
    });
    story(plan, async |shop| {
        let (fair, coat, hat) = fair_of(&shop, 0, MANY as u32).await;
        let ids: Vec<_> = many_carts(&shop, &fair)
            .await
            .into_iter()
            .map(|cart| (cart, format!("pay-{}", cart.0)))
            .collect();
        let mut body = Body::default();
        for (cart, id) in &ids {
            let pay = CampaignCommand::PayCart { cart: *cart, req: &**id, amount: 899, payment: &**id };
            body.push_campaign(&pay);
        }
        let sent = shop.house.send(&fair, body).map_err(|(_, fault)| fault).unwrap();
        let replies = outcome(sent).await.unwrap();
        assert!(
            replies.iter().all(|reply| matches!(reply, Reply::Accepted(Answer::Paid))),
            "not all are paid: {replies:?}"
        );
        assert_eq!((shown(&coat), shown(&hat)), ((0, 0, MANY as u32), (0, 0, MANY as u32)));
        shop.close();
    });
}

#[test]
fn a_line_over_which_its_sku_always_panics_keeps_no_other_held() {
    let journal = MemoryJournal::new();
    let told_alone = Arc::new(AtomicUsize::new(0));
    let alone = Arc::clone(&told_alone);
    let plan = Plan::on(journal.clone()).probe(move |body| {
        let is_bad = |ask: &Ask| {
            matches!(
                ask,
                Ask::Command(Command::SettleLine { order: OrderNumber(7), state: LineState::Expired, .. })
            )
        };
        if body.asks().iter().any(is_bad) {
            alone.fetch_add(usize::from(settled(body) == 1), Ordering::Relaxed);
            panic!("boom");
        }
    });
    story(plan, async |shop| {
        let (fair, coat, hat) = fair_of(&shop, 0, MANY as u32).await;
        many_carts(&shop, &fair).await;
        run_out(&shop);
        until("all other lines have ended", || shown(&coat).1 == 1 && shown(&hat).1 == 1).await;
        // At first, and three times again: of the coats, and of the hats.
        until("it is given up", || told_alone.load(Ordering::Relaxed) == 8).await;
        until("the SKUs are back", || shop.house.status().rebuilding.is_empty()).await;
        assert_eq!(shop.house.status().quarantined, Vec::<String>::new());
        assert_eq!((shown(&coat).1, shown(&hat).1), (1, 1));
        shop.close();
    });
    story(Plan::on(journal), async |shop| {
        let (_, coat, hat) = seats(&shop);
        shop.house.settle_carts().await;
        assert_eq!((shown(&coat).1, shown(&hat).1), (0, 0));
        shop.close();
    });
}

#[test]
fn a_sku_that_panics_over_every_line_is_not_rebuilt_for_each_of_them() {
    let journal = with_half_made_carts();
    story(Plan::on(journal).probe(|body| assert!(settled(body) == 0, "boom")), async |shop| {
        let (_, coat, _) = seats(&shop);
        shop.house.settle_carts().await;
        until("it is back", || coat.shown().condition() == Condition::Live).await;
        // Eight of them four times, the others at most three times, and twice before they were told alone.
        let rebuilt = shop.house.status().rebuilt;
        assert!((34..=130).contains(&rebuilt), "rebuilt {rebuilt} times");
        assert_eq!(shown(&coat).1, 2 * MANY as u32);
        shop.close();
    });
}

#[test]
fn a_cart_is_held_for_its_time_though_the_clock_was_set_back() {
    story(Plan::on(MemoryJournal::new()), async |shop| {
        let (fair, ..) = fair(&shop).await;
        number(&carts(&shop, &fair, &["r1"]).await[0]);
        // Time does not run backwards for who has had a turn: a hold that began by the clock would be over at once.
        shop.clock.set(Millis(1_000_000 - u64::from(HOLD_MS)));
        let reserved = carts(&shop, &fair, &["r2"]).await;
        let cart = number(&reserved[0]);
        assert_eq!(state(&fair, cart).await, OrderState::Reserved);
        let Reply::Accepted(Answer::CartReserved { expires_at, .. }) = reserved[0] else {
            panic!("{reserved:?}")
        };
        assert_eq!(expires_at, Millis(1_000_000 + u64::from(HOLD_MS)));
        shop.close();
    });
}

#[test]
fn carts_end_when_the_clock_is_set_forward() {
    let plan =
        Plan { look_at_clock: Duration::from_millis(1), arbiters: 2, ..Plan::on(MemoryJournal::new()) };
    story(plan, async |shop| {
        let (fair, coat, hat) = fair(&shop).await;
        let cart = number(&carts(&shop, &fair, &["r1"]).await[0]);
        shop.clock.advance(u64::from(HOLD_MS));
        until("the lines have ended", || shown(&coat).1 == 0 && shown(&hat).1 == 0).await;
        assert_eq!(state(&fair, cart).await, OrderState::Expired);
        let late = command(&shop, &fair, pay(cart)).await;
        assert!(matches!(late, Reply::Accepted(Answer::RefundDue)), "{late:?}");
        for sku in [&coat, &hat] {
            assert_eq!(report(sku).await.tally.orders(OrderState::RefundDue), 1);
        }
        shop.close();
    });
}

#[test]
fn a_cart_that_nobody_waits_for_any_more_is_made_all_the_same() {
    story(Plan { arbiters: 2, ..Plan::on(MemoryJournal::new()) }, async |shop| {
        let (fair, coat, hat) = fair(&shop).await;
        let mut body = Body::default();
        let lines = vec![("coat", 1), ("hat", 1)];
        body.push_cart(&CartRequest { req: "r1", buyer: "ann", lines, coupon: None });
        drop(shop.house.send(&fair, body).map_err(|(_, fault)| fault).unwrap());
        until("both lines are held", || shown(&coat).1 == 1 && shown(&hat).1 == 1).await;
        accepted(&ask(&coat, &[reserve("r1", "bob", 4)]).await);
        let replies = carts(&shop, &fair, &["r2"]).await;
        assert!(
            matches!(&replies[..], [Reply::LineRejected(Rejection::SoldOut, sku)] if **sku == *"coat"),
            "{replies:?}"
        );
        assert_eq!(state(&fair, CartNumber(1)).await, OrderState::Reserved);
        let refused =
            ask(&coat, &[Command::Pay { order: OrderNumber(1), req: "p", amount: 449, payment: "x" }]).await;
        assert!(matches!(refused.unwrap()[..], [Reply::Refused(Refusal::InCart)]));
        shop.close();
    });
}
