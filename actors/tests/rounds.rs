//! What one connection asks of several SKUs at once: each has a turn of its own, and they go to the disk together.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use common::{Gate, GatedJournal, Plan, accepted, ask, body, is_by, reserve, shown, story, until};
use tidegate_actors::{Body, Condition, Document, Fault, Reply, Seat};
use tidegate_engine::{Answer, CampaignTerms, Command, OrderNumber, Rejection};
use tidegate_persistence::MemoryJournal;

/// What each body came to, in their order.
type Told = Vec<Result<Vec<Reply>, Fault>>;

/// A body of one reservation for each seat, by this buyer.
fn bodies<'a>(
    seats: impl IntoIterator<Item = &'a Arc<Seat>>,
    req: &str,
    buyer: &str,
) -> Vec<(Arc<Seat>, Body)> {
    seats.into_iter().map(|seat| (Arc::clone(seat), body(&[reserve(req, buyer, 1)]))).collect()
}

async fn told_of(shop: &common::Shop, bodies: Vec<(Arc<Seat>, Body)>) -> Told {
    shop.house.send_all(bodies).outcomes().await.into_iter().map(|(_, outcome)| outcome.replies).collect()
}

fn order(replies: &Result<Vec<Reply>, Fault>) -> OrderNumber {
    match accepted(replies)[..] {
        [Answer::Reserved { order, .. }] => order,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn all_are_answered_in_the_order_in_which_they_were_asked_and_not_before_the_disk_has_all_of_it() {
    let journal = GatedJournal::default();
    let disk = journal.sync.clone();
    story(Plan { arbiters: 2, ..Plan::on(journal) }, async move |shop| {
        let mut seats = Vec::new();
        for (at, name) in ["a", "b", "c", "d", "e"].iter().enumerate() {
            let seat = shop.put(name, if at == 3 { 0 } else { 10 }).await;
            // So many orders that each can be told from the others by its number.
            for n in 0..at {
                let _ = ask(&seat, &[reserve(&format!("r{n}"), "early", 1)]).await;
            }
            seats.push(seat);
        }
        disk.close();
        let sent = shop.house.send_all(bodies(&seats, "r", "ann"));
        let mut outcomes = Box::pin(sent.outcomes());
        until("the disk is asked", || disk.is_awaited()).await;
        until("the last turn is over", || shown(&seats[4]).1 == 5).await;
        let early = outcomes.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        // First of all, so that a test that fails ends.
        disk.open();
        let told = match early {
            Poll::Pending => outcomes.await,
            Poll::Ready(_) => panic!("told before the disk had it"),
        };
        assert!(told.iter().map(|(seat, _)| seat.name()).eq(["a", "b", "c", "d", "e"]));
        for (at, (_, outcome)) in told.iter().enumerate() {
            match (at, &outcome.replies) {
                (3, Ok(replies)) => {
                    assert!(matches!(replies[..], [Reply::Rejected(Rejection::SoldOut)]), "{replies:?}");
                }
                (_, replies) => assert_eq!(order(replies), OrderNumber(u32::try_from(at + 1).unwrap())),
            }
        }
        shop.close();
    });
}

#[test]
fn one_that_panics_costs_the_others_nothing_not_even_after_a_restart() {
    let journal = MemoryJournal::new();
    let plan = || Plan::on(journal.clone()).probe(|body| assert!(!is_by(body, "boom"), "boom was here"));
    story(plan(), async |shop| {
        let seats = [shop.put("a", 10).await, shop.put("b", 10).await, shop.put("c", 10).await];
        let mut asked = bodies(&seats, "r1", "ann");
        asked[1].1 = body(&[reserve("r1", "ann", 1), reserve("r2", "boom", 1)]);
        let told = told_of(&shop, asked).await;
        assert_eq!((order(&told[0]), order(&told[2])), (OrderNumber(1), OrderNumber(1)));
        assert_eq!(told[1].as_ref().unwrap_err(), &Fault::Panicked);
        until("it is back", || seats[1].shown().condition() == Condition::Live).await;
        shop.close();
    });
    story(plan(), async |shop| {
        let seats = ["a", "b", "c"].map(|name| shop.house.find(name).unwrap());
        assert_eq!(seats.each_ref().map(|seat| shown(seat)), [(9, 1, 0), (10, 0, 0), (9, 1, 0)]);
        shop.close();
    });
}

#[test]
fn a_sku_that_is_asked_twice_keeps_what_it_did_first_when_it_panics_then() {
    let journal = GatedJournal::default();
    let disk = journal.sync.clone();
    let plan = Plan::on(journal).probe(|body| assert!(!is_by(body, "boom"), "boom was here"));
    story(plan, async move |shop| {
        let (mug, cup, jug) =
            (shop.put("mug", 10).await, shop.put("cup", 10).await, shop.put("jug", 10).await);
        disk.close();
        let mut asked = bodies([&mug, &cup, &mug, &jug], "r1", "ann");
        asked[2].1 = body(&[reserve("r2", "boom", 1)]);
        asked[3].1 = body(&[reserve("r2", "boom", 1)]);
        let sent = shop.house.send_all(asked);
        // Nothing keeps the jug from being made anew. The mug, which comes before it, waits for what it did first.
        until("the jug is back", || shop.house.rebuilt() > 0).await;
        until("the jug is in service", || jug.shown().condition() == Condition::Live).await;
        disk.open();
        let told: Told = sent.outcomes().await.into_iter().map(|(_, outcome)| outcome.replies).collect();
        assert_eq!((order(&told[0]), order(&told[1])), (OrderNumber(1), OrderNumber(1)));
        assert_eq!([&told[2], &told[3]].map(|told| told.as_ref().unwrap_err()), [&Fault::Panicked; 2]);
        until("it is back", || mug.shown().condition() == Condition::Live).await;
        assert_eq!(shown(&mug), (9, 1, 0), "made anew with the order that was told");
        // The same request, the same order.
        assert_eq!(order(&ask(&mug, &[reserve("r1", "ann", 1)]).await), OrderNumber(1));
        shop.close();
    });
}

#[test]
fn one_that_can_take_no_more_is_left_out_and_the_others_are_visited() {
    let turns = Gate::default();
    let taken = turns.clone();
    let plan = Plan { mailbox_capacity: 16, ..Plan::on(MemoryJournal::new()) }.probe(move |_| taken.pass());
    story(plan, async move |shop| {
        let (mug, cup) = (shop.put("mug", 100).await, shop.put("cup", 100).await);
        turns.close();
        let keeps = common::send(&mug, body(&[reserve("r0", "ann", 1)]));
        until("the arbiter is kept", || turns.is_awaited()).await;
        let waiting: Vec<_> =
            (1..=16).map(|n| common::send(&mug, body(&[reserve(&format!("r{n}"), "ann", 1)]))).collect();
        let asked = bodies([&cup, &mug, &cup], "late", "bob");
        let sent = shop.house.send_all(asked);
        turns.open();
        let told: Vec<_> = sent.outcomes().await.into_iter().map(|(_, outcome)| outcome).collect();
        assert_eq!(order(&told[0].replies), OrderNumber(1));
        assert_eq!(told[1].replies.as_ref().unwrap_err(), &Fault::Overloaded);
        assert_eq!(told[1].body.len(), 1, "the body comes back");
        assert_eq!(order(&told[2].replies), OrderNumber(1), "the same request");
        accepted(&common::outcome(keeps).await);
        for sent in waiting {
            accepted(&common::outcome(sent).await);
        }
        assert_eq!((shown(&mug).1, shop.house.status().waiting), (17, 0));
        shop.close();
    });
}

#[test]
fn a_round_that_is_handed_over_in_parts_waits_for_the_last_of_them() {
    let journal = GatedJournal::default();
    let disk = journal.sync.clone();
    story(Plan::on(journal), async move |shop| {
        let (mug, cup) = (shop.put("mug", 10).await, shop.put("cup", 10_000).await);
        disk.close();
        // What the second does is so much that it is handed over before the round ends, with nothing behind it.
        let reqs: Vec<String> = (0..3_000).map(|n| format!("request-{n:0>50}")).collect();
        let many: Vec<_> = reqs.iter().map(|req| reserve(req, req, 1)).collect();
        let mut asked = bodies([&mug, &cup], "r1", "ann");
        asked[1].1 = body(&many);
        let sent = shop.house.send_all(asked);
        let mut outcomes = Box::pin(sent.outcomes());
        until("the disk is asked", || disk.is_awaited()).await;
        until("the last turn is over", || shown(&cup).1 == 3_000).await;
        // Whatever is sent before the disk has it, is sent by the end of that delivery: the next one is behind it.
        let behind = common::send(&mug, body(&[reserve("r2", "bob", 1)]));
        until("the next turn is over", || shown(&mug).1 == 2).await;
        let early = outcomes.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        // First of all, so that a test that fails ends.
        disk.open();
        let told = match early {
            Poll::Pending => outcomes.await,
            Poll::Ready(_) => panic!("told before the disk had it"),
        };
        assert_eq!(accepted(&told[1].1.replies).len(), 3_000);
        accepted(&common::outcome(behind).await);
        shop.close();
    });
}

#[test]
fn what_one_sku_gives_up_another_can_have_in_the_same_round() {
    story(Plan::on(MemoryJournal::new()), async |shop| {
        let terms = CampaignTerms {
            skus: ["coat".into(), "hat".into()].into(),
            per_buyer_limit: Some(1),
            ..CampaignTerms::new("11.11")
        };
        let put = shop.house.put(vec![("fair".into(), Document::Campaign(Arc::new(terms)))]).await;
        assert!(matches!(put[..], [Ok(Reply::Accepted(Answer::Created))]), "{put:?}");
        let (coat, hat) = (shop.put("coat", 10).await, shop.put("hat", 10).await);
        accepted(&ask(&coat, &[reserve("r1", "ann", 1)]).await);
        let cancel = Command::Cancel { order: OrderNumber(1), req: "c1", reason: None };
        let asked =
            vec![(Arc::clone(&coat), body(&[cancel])), (Arc::clone(&hat), body(&[reserve("r2", "ann", 1)]))];
        let told = told_of(&shop, asked).await;
        accepted(&told[0]);
        assert_eq!(order(&told[1]), OrderNumber(1));
        // And no more than that.
        let again = ask(&coat, &[reserve("r3", "ann", 1)]).await.unwrap();
        assert!(matches!(again[..], [Reply::Rejected(_)]), "{again:?}");
        shop.close();
    });
}
