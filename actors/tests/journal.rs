//! Nothing is told before it is durable, nothing is told after the journal failed, and over a limit nothing is done.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::sync::Arc;

use common::{
    Gate, GatedJournal, Plan, SEED, accepted, ask, body, outcome, report, reserve, send, shown, story, until,
};
use tidegate_actors::{Clerk, CreateError, DeskOptions, Draft, Fault, Reply};
use tidegate_engine::{Command, GroupBuy, Millis, Rejection, SkuState, SkuTerms, Tier};
use tidegate_persistence::{ActorId, Crash, MemoryJournal, Options};
use tokio::sync::oneshot::error::TryRecvError;

#[test]
fn replies_wait_until_what_they_reflect_is_durable() {
    let journal = GatedJournal::default();
    let (disk, turns) = (journal.sync.clone(), Gate::default());
    let taken = turns.clone();
    story(Plan::on(journal).probe(move |_| taken.pass()), async move |shop| {
        let (iphone, other) = (shop.put("iphone", 1).await, shop.put("other", 1).await);
        let before = turns.passed();
        disk.close();
        let mut held = send(&iphone, body(&[reserve("r1", "u1", 1)]));
        until("the disk is asked", || disk.is_awaited()).await;
        // It changes nothing itself, but it tells what a crash could undo.
        let mut sold_out = send(&iphone, body(&[reserve("r2", "u2", 1)]));
        let mut behind = send(&iphone, body(&[reserve("r2", "u2", 1)]));
        until("the first three turns are over", || turns.passed() >= before + 3).await;
        // The turn after next can only begin when the second body's reply was held or sent.
        assert_eq!(held.try_recv().unwrap_err(), TryRecvError::Empty);
        assert_eq!(sold_out.try_recv().unwrap_err(), TryRecvError::Empty);
        assert_eq!(behind.try_recv().unwrap_err(), TryRecvError::Empty);
        assert_eq!(shown(&iphone), (0, 1, 0), "who only looks may see it earlier");
        let mut elsewhere = send(&other, body(&[reserve("r1", "u1", 1)]));
        until("the other SKU's turn is over", || turns.passed() >= before + 4).await;
        assert_eq!(elsewhere.try_recv().unwrap_err(), TryRecvError::Empty);

        disk.open();
        accepted(&outcome(held).await);
        let rejected = outcome(sold_out).await.unwrap();
        assert!(matches!(rejected[..], [Reply::Rejected(Rejection::SoldOut)]), "{rejected:?}");
        assert!(outcome(behind).await.is_ok());
        accepted(&outcome(elsewhere).await);
        shop.close();
    });
}

#[test]
fn a_journal_that_failed_acknowledges_nothing_more() {
    let journal = MemoryJournal::new();
    let faults = journal.clone();
    story(Plan { arbiters: 2, ..Plan::on(journal.clone()) }, async move |shop| {
        let seats = [shop.put("iphone", 10).await, shop.put("other", 10).await];
        for seat in &seats {
            accepted(&ask(seat, &[reserve("r1", "u1", 1)]).await);
        }
        faults.fail_sync_after(0);
        assert_eq!(ask(&seats[0], &[reserve("r2", "u2", 1)]).await.unwrap_err(), Fault::JournalFailed);
        assert!(shop.house.journal_failed());
        for seat in &seats {
            // Not even an old answer or a look: it could reflect what is lost.
            assert_eq!(ask(seat, &[reserve("r1", "u1", 1)]).await.unwrap_err(), Fault::JournalFailed);
            let mut look = tidegate_actors::Body::default();
            look.push(tidegate_actors::Ask::Report);
            assert_eq!(outcome(send(seat, look)).await.unwrap_err(), Fault::JournalFailed);
        }
        let refused = shop.house.find_or_create("new").unwrap_err();
        assert_eq!(refused, CreateError::Refused(Fault::JournalFailed));
        shop.close();
    });
    journal.crash(Crash::LoseUnsynced);
    story(Plan::on(journal), async |shop| {
        for sku in ["iphone", "other"] {
            let seat = shop.house.find(sku).unwrap();
            let books = report(&seat).await;
            assert_eq!(
                (books.stock.available(), books.stock.reserved()),
                (9, 1),
                "what was told, and only that"
            );
        }
        accepted(&ask(&shop.house.find("iphone").unwrap(), &[reserve("r2", "u2", 1)]).await);
        shop.close();
    });
}

#[test]
fn replies_that_wait_when_the_journal_fails_are_told_so() {
    let journal = GatedJournal::default();
    let (disk, faults) = (journal.sync.clone(), journal.memory.clone());
    story(Plan::on(journal), async move |shop| {
        let (iphone, other) = (shop.put("iphone", 10).await, shop.put("other", 10).await);
        disk.close();
        let first = send(&iphone, body(&[reserve("r1", "u1", 1)]));
        until("the disk is asked", || disk.is_awaited()).await;
        let second = send(&iphone, body(&[reserve("r2", "u2", 1)]));
        let third = send(&other, body(&[reserve("r1", "u1", 1)]));
        until("both turns are over", || shown(&iphone) == (8, 2, 0) && shown(&other) == (9, 1, 0)).await;
        faults.fail_sync_after(0);
        disk.open();
        for waiting in [first, second, third] {
            assert_eq!(outcome(waiting).await.unwrap_err(), Fault::JournalFailed);
        }
        shop.close();
    });
}

#[test]
fn a_journal_without_room_refuses_and_nothing_is_done() {
    let journal = GatedJournal::default();
    let disk = journal.sync.clone();
    let options = Options { max_inflight_bytes: 4 << 10, max_commit_bytes: 4 << 10, ..Options::default() };
    story(Plan { options, ..Plan::on(journal) }, async move |shop| {
        let iphone = shop.put("iphone", 1_000_000).await;
        disk.close();
        let mut taken = Vec::new();
        // A refusal comes at once; what is taken shows, and waits for the disk.
        let refused = loop {
            let mut sent = send(&iphone, body(&[reserve(&format!("r{}", taken.len()), "u1", 1)]));
            let with_it = 1 + u32::try_from(taken.len()).unwrap();
            let refused = loop {
                if shown(&iphone).1 == with_it {
                    break None;
                }
                match sent.try_recv() {
                    Ok(refused) => break Some(refused.replies.unwrap_err()),
                    Err(_) => tokio::task::yield_now().await,
                }
            };
            match refused {
                Some(fault) => break fault,
                None => taken.push(sent),
            }
            assert!(taken.len() < 10_000, "the journal takes everything");
        };
        assert_eq!(refused, Fault::Overloaded);
        let refused = shop.house.find_or_create("new").unwrap_err();
        assert_eq!(refused, CreateError::Refused(Fault::Overloaded));
        assert!(Arc::ptr_eq(&shop.house.find_or_create("iphone").unwrap(), &iphone), "who is there stays");
        assert_eq!(shop.house.sku_count(), 1, "no empty seat counts");
        let count = u32::try_from(taken.len()).unwrap();
        disk.open();
        for waiting in taken {
            accepted(&outcome(waiting).await);
        }
        assert_eq!(report(&iphone).await.stock.reserved(), count);
        accepted(&ask(&iphone, &[reserve(&format!("r{count}"), "u1", 1)]).await);
        shop.put("new", 1).await;
        shop.close();
    });
}

#[test]
fn a_new_sku_has_its_whole_mailbox_before_it_has_started() {
    let turns = Gate::default();
    let taken = turns.clone();
    let plan = Plan { mailbox_capacity: 100, ..Plan::on(MemoryJournal::new()) }.probe(move |_| taken.pass());
    story(plan, async move |shop| {
        let iphone = shop.put("iphone", 10).await;
        turns.close();
        // This keeps the arbiter, so that the next actor can't start.
        let keeps = send(&iphone, body(&[reserve("r1", "u1", 1)]));
        until("the arbiter is kept", || turns.is_awaited()).await;
        let new = shop.house.find_or_create("new").unwrap();
        let waiting: Vec<_> = (0..100).map(|_| send(&new, body(&[reserve("r1", "u1", 1)]))).collect();
        turns.open();
        accepted(&outcome(keeps).await);
        for sent in waiting {
            let replies = outcome(sent).await.unwrap();
            assert!(matches!(replies[..], [Reply::Rejected(Rejection::NotFound)]), "{replies:?}");
        }
        shop.close();
    });
}

#[test]
fn a_full_mailbox_refuses_and_nothing_is_done() {
    let turns = Gate::default();
    let taken = turns.clone();
    let plan = Plan { mailbox_capacity: 16, ..Plan::on(MemoryJournal::new()) }.probe(move |_| taken.pass());
    story(plan, async move |shop| {
        let iphone = shop.put("iphone", 1_000_000).await;
        turns.close();
        let mut waiting = vec![send(&iphone, body(&[reserve("r0", "u1", 1)]))];
        until("the actor is busy", || turns.is_awaited()).await;
        let fault = loop {
            match iphone.send(body(&[reserve(&format!("r{}", waiting.len()), "u1", 1)])) {
                Ok(sent) => waiting.push(sent),
                Err((body, fault)) => {
                    assert_eq!(body.len(), 1, "the body comes back");
                    break fault;
                }
            }
            assert!(waiting.len() <= 64, "the mailbox takes everything");
        };
        assert_eq!(fault, Fault::Overloaded);
        assert!(waiting.len() > 16);
        assert_eq!(shop.house.status().waiting_most, waiting.len() - 1, "all but the one it is at");
        turns.open();
        let count = u32::try_from(waiting.len()).unwrap();
        for sent in waiting {
            accepted(&outcome(sent).await);
        }
        assert_eq!(report(&iphone).await.stock.reserved(), count);
        assert_eq!(shop.house.status().waiting, 0);
        shop.close();
    });
}

#[test]
fn what_one_command_does_is_in_one_group() {
    let mut clerk = Clerk::new(ActorId(0), "iphone", SkuState::new(SEED), Arc::default());
    let options = DeskOptions { expiries_per_turn: 1_000, ..DeskOptions::default() };
    let group_buy = GroupBuy { tiers: [Tier { members: 2, percent_off: 10 }].into(), ttl_ms: 1_000_000 };
    let terms = SkuTerms { group_buy: Some(group_buy), ..common::terms() };
    let put = Command::Put { terms: Arc::new(terms), stock: 10_000 };
    let (mut replies, mut draft) = (Vec::new(), Draft::default());
    clerk.turn(Millis(1), &body(&[put]), &options, &mut replies, &mut draft);
    draft.clear();
    let reqs: Vec<String> = (0..5_000).map(|n| format!("request-{n:0>40}")).collect();
    let rooms: Vec<_> =
        reqs.iter().map(|req| Command::OpenRoom { req: req.as_str(), buyer: req.as_str(), qty: 1 }).collect();
    clerk.turn(Millis(2), &body(&rooms), &options, &mut replies, &mut draft);
    let groups = draft.groups();
    assert!(groups.len() > 2, "{} groups", groups.len());
    // A room, its order and its seat.
    assert_eq!(groups.iter().map(|group| group.events()).sum::<u32>(), 15_000);
    assert!(groups.iter().all(|group| group.events() % 3 == 0));
}
