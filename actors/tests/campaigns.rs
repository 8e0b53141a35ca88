//! What a buyer has of one SKU of a campaign is told of another only when the disk has it, wherever in the house the two are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::sync::Arc;

use common::{
    Gate, GatedJournal, HOLD_MS, Plan, Shop, accepted, ask, body, outcome, pay, reserve, send, shown, story,
    until,
};
use tidegate_actors::{Ask, Body, Document, Fault, Outcome, Reply, Seat};
use tidegate_engine::{
    Answer, CampaignCommand, CampaignTerms, Command, CouponCode, CouponWindow, Rejection, Trigger,
};
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;

/// A campaign of coats and hats, of which each buyer may have so many together. The two are on different floors.
async fn fair(shop: &Shop, per_buyer_limit: u32) -> (Arc<Seat>, Arc<Seat>) {
    let window = CouponWindow { event: "try_on".into(), percent_off: 20, window_ms: 60_000, skus: None };
    let terms = CampaignTerms {
        skus: ["coat".into(), "hat".into()].into(),
        per_buyer_limit: Some(per_buyer_limit),
        coupon_windows: [window].into(),
        ..CampaignTerms::new("11.11")
    };
    let put = shop.house.put(vec![("fair".into(), Document::Campaign(Arc::new(terms)))]).await;
    assert!(matches!(put[..], [Ok(Reply::Accepted(Answer::Created))]), "{put:?}");
    (shop.put("coat", 10).await, shop.put("hat", 10).await)
}

/// Two floors, where every turn for the buyer "slow" and all that comes to its floor behind it waits at the first gate, and every
/// turn passes the second.
fn two_floors(journal: GatedJournal, slow: &Gate, turns: &Gate) -> Plan {
    let (slow, turns) = (slow.clone(), turns.clone());
    let plan = Plan { arbiters: 2, ..Plan::on(journal) };
    plan.probe(move |body| {
        let is_slow = |ask: &Ask| matches!(ask, Ask::Command(Command::Reserve { req, .. }) if body.text(*req) == "slow");
        if body.asks().iter().any(is_slow) {
            slow.pass();
        }
        turns.pass();
    })
}

/// Sends it, and something behind it that changes nothing: when that has its turn, the first has been told or is held.
async fn sent_and_judged(seat: &Arc<Seat>, body: Body, turns: &Gate) -> Receiver<Outcome> {
    let before = turns.passed();
    let sent = send(seat, body);
    drop(send(seat, look()));
    until("both had their turns", || turns.passed() >= before + 2).await;
    sent
}

fn look() -> Body {
    let mut body = Body::default();
    body.push(Ask::View);
    body
}

/// Whether nothing was told before the gate is opened now. It is opened first of all, so that a test that fails ends.
fn was_untold_before(gate: &Gate, sent: &mut Receiver<Outcome>) -> bool {
    let is_untold = is_untold(sent);
    gate.open();
    is_untold
}

fn is_untold(sent: &mut Receiver<Outcome>) -> bool {
    match sent.try_recv() {
        Err(TryRecvError::Empty) => true,
        told => {
            println!("told: {told:?}");
            false
        }
    }
}

async fn rejection(sent: Receiver<Outcome>) -> Rejection {
    match outcome(sent).await.unwrap()[..] {
        [Reply::Rejected(rejection)] => rejection,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_is_refused_for_an_order_of_another_sku_hears_so_when_that_order_is_durable() {
    let (journal, turns) = (GatedJournal::default(), Gate::default());
    let disk = journal.sync.clone();
    story(two_floors(journal, &Gate::default(), &turns), async |shop| {
        let (coat, hat) = fair(&shop, 1).await;
        disk.close();
        let held = send(&coat, body(&[reserve("r1", "ann", 1)]));
        until("the coat is held", || shown(&coat) == (9, 1, 0)).await;
        let mut refused = sent_and_judged(&hat, body(&[reserve("r1", "ann", 1)]), &turns).await;
        assert!(was_untold_before(&disk, &mut refused), "told before the disk had it");
        accepted(&outcome(held).await);
        assert_eq!(rejection(refused).await, Rejection::Limit { left: 0 });
        shop.close();
    });
}

#[test]
fn nor_is_it_told_before_the_order_is_on_its_way_to_the_disk() {
    let (slow, turns) = (Gate::default(), Gate::default());
    story(two_floors(GatedJournal::default(), &slow, &turns), async |shop| {
        let (coat, hat) = fair(&shop, 1).await;
        slow.close();
        let held = send(&coat, body(&[reserve("slow", "ann", 1)]));
        until("it was judged", || slow.is_awaited()).await;
        let mut refused = send(&hat, body(&[reserve("r1", "ann", 1)]));
        // The disk has all of this floor.
        accepted(&ask(&hat, &[reserve("r1", "bob", 1)]).await);
        assert!(was_untold_before(&slow, &mut refused), "told before anybody else could know");
        accepted(&outcome(held).await);
        assert_eq!(rejection(refused).await, Rejection::Limit { left: 0 });
        shop.close();
    });
}

#[test]
fn a_coupon_is_used_for_others_when_that_is_durable() {
    let (journal, turns) = (GatedJournal::default(), Gate::default());
    let disk = journal.sync.clone();
    story(two_floors(journal, &Gate::default(), &turns), async |shop| {
        let (coat, hat) = fair(&shop, 9).await;
        let code = CouponCode::new(7);
        let mut trigger = Body::default();
        trigger.push_campaign(&CampaignCommand::Trigger(Trigger {
            req: "t",
            buyer: "ann",
            event: "try_on",
            code,
        }));
        let granted = outcome(send(&shop.house.find_campaign("fair").unwrap(), trigger)).await.unwrap();
        assert!(matches!(granted[..], [Reply::Accepted(Answer::Granted { .. })]), "{granted:?}");
        let code = code.to_string();
        let with_coupon = [Command::Reserve {
            req: "r1",
            buyer: "ann",
            qty: 1,
            max_price: None,
            coupon: Some(&*code),
            at: None,
        }];
        disk.close();
        let held = send(&coat, body(&with_coupon));
        until("the coat is held", || shown(&coat) == (9, 1, 0)).await;
        let mut refused = sent_and_judged(&hat, body(&with_coupon), &turns).await;
        assert!(was_untold_before(&disk, &mut refused), "told before the disk had it");
        accepted(&outcome(held).await);
        assert_eq!(rejection(refused).await, Rejection::CouponInvalid);
        shop.close();
    });
}

#[test]
fn what_comes_too_late_for_an_order_of_another_sku_is_due_back_when_that_order_is_durable() {
    let (slow, turns) = (Gate::default(), Gate::default());
    story(two_floors(GatedJournal::default(), &slow, &turns), async |shop| {
        let (coat, hat) = fair(&shop, 1).await;
        accepted(&ask(&hat, &[reserve("r1", "ann", 1)]).await);
        shop.clock.advance(u64::from(HOLD_MS) + 1);
        shop.house.wake();
        until("the hat is free again", || shown(&hat) == (10, 0, 0)).await;
        slow.close();
        let held = send(&coat, body(&[reserve("slow", "ann", 1)]));
        until("it was judged", || slow.is_awaited()).await;
        let mut late = send(&hat, body(&[pay(1, "p1", "pay-1")]));
        accepted(&ask(&hat, &[reserve("r1", "bob", 1)]).await);
        assert!(was_untold_before(&slow, &mut late), "told before anybody else could know");
        accepted(&outcome(held).await);
        assert_eq!(accepted(&outcome(late).await), [Answer::RefundDue]);
        shop.close();
    });
}

#[test]
fn books_beside_which_the_buyers_of_the_campaign_stand_wait_for_the_payments_of_its_other_skus() {
    let (journal, turns) = (GatedJournal::default(), Gate::default());
    let disk = journal.sync.clone();
    story(two_floors(journal, &Gate::default(), &turns), async |shop| {
        let (coat, hat) = fair(&shop, 1).await;
        accepted(&ask(&coat, &[reserve("r1", "ann", 1)]).await);
        disk.close();
        let paid = send(&coat, body(&[pay(1, "p1", "pay-1")]));
        until("ann is a buyer", || shop.house.ledger("fair").buyers() == 1).await;
        let mut books = Body::default();
        books.push(Ask::Report);
        let mut books = sent_and_judged(&hat, books, &turns).await;
        assert!(was_untold_before(&disk, &mut books), "told before the disk had it");
        accepted(&outcome(paid).await);
        assert!(matches!(outcome(books).await.unwrap()[..], [Reply::Report(Some(_))]));
        shop.close();
    });
}

#[test]
fn what_has_nothing_to_do_with_other_skus_does_not_wait_for_them() {
    let (journal, turns) = (GatedJournal::default(), Gate::default());
    let disk = journal.sync.clone();
    story(two_floors(journal, &Gate::default(), &turns), async |shop| {
        let (coat, hat) = fair(&shop, 100).await;
        disk.close();
        let held = send(&coat, body(&[reserve("r1", "ann", 1)]));
        until("the coat is held", || shown(&coat) == (9, 1, 0)).await;
        let sold_out = rejection(send(&hat, body(&[reserve("r1", "ann", 11)]))).await;
        disk.open();
        assert_eq!(sold_out, Rejection::SoldOut);
        accepted(&outcome(held).await);
        shop.close();
    });
}

#[test]
fn whoever_waits_for_another_floor_when_the_journal_fails_is_told_so() {
    let (journal, turns) = (GatedJournal::default(), Gate::default());
    let (disk, faults) = (journal.sync.clone(), journal.memory.clone());
    story(two_floors(journal, &Gate::default(), &turns), async |shop| {
        let (coat, hat) = fair(&shop, 1).await;
        disk.close();
        let held = send(&coat, body(&[reserve("r1", "ann", 1)]));
        until("the coat is held", || shown(&coat) == (9, 1, 0)).await;
        let refused = sent_and_judged(&hat, body(&[reserve("r1", "ann", 1)]), &turns).await;
        faults.fail_sync_after(0);
        disk.open();
        for waiting in [held, refused] {
            assert_eq!(outcome(waiting).await.unwrap_err(), Fault::JournalFailed);
        }
        shop.close();
    });
}

#[test]
fn what_the_clock_gave_back_on_the_same_floor_is_told_when_that_is_durable() {
    let (journal, turns) = (GatedJournal::default(), Gate::default());
    let disk = journal.sync.clone();
    let plan = Plan { arbiters: 1, ..two_floors(journal, &Gate::default(), &turns) };
    story(plan, async |shop| {
        let (coat, hat) = fair(&shop, 2).await;
        accepted(&ask(&coat, &[reserve("r1", "ann", 2)]).await);
        disk.close();
        shop.clock.advance(u64::from(HOLD_MS) + 1);
        shop.house.wake();
        until("the coats are free again", || shown(&coat) == (10, 0, 0)).await;
        // That she may have two again is news that no reply waits for.
        let mut refused = sent_and_judged(&hat, body(&[reserve("r1", "ann", 3)]), &turns).await;
        assert!(was_untold_before(&disk, &mut refused), "told before the disk had it");
        assert_eq!(rejection(refused).await, Rejection::Limit { left: 2 });
        shop.close();
    });
}
