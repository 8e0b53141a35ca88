//! What threads ask of a house without waiting for an actor, on threads of the machine: tables, published views and
//! arbiters as they are. The orders of their steps are chance here; `interleavings/` chooses them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{Plan, accepted, ask, is_by, reserve, story, until};
use tidegate_actors::{Condition, Fault};
use tidegate_persistence::MemoryJournal;

#[test]
fn those_who_make_the_same_skus_at_once_get_the_same_seats_and_no_more_than_the_house_has_room_for() {
    const ROOM: usize = 100;
    let plan = Plan { max_skus: ROOM, arbiters: 2, ..Plan::on(MemoryJournal::new()) };
    story(plan, async move |shop| {
        let names: Vec<_> = (0..2 * ROOM).map(|at| format!("sku-{at}")).collect();
        let make = || -> Vec<_> {
            names.iter().map(|name| shop.house.find_or_create(name).ok().map(|seat| seat.id())).collect()
        };
        let made: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut seats = BTreeMap::new();
        for (name, id) in made.iter().flat_map(|ids| names.iter().zip(ids)) {
            if let Some(id) = id {
                assert_eq!(seats.insert(name, *id).unwrap_or(*id), *id, "two seats for {name}");
            }
        }
        assert_eq!((seats.len(), shop.house.status().skus), (ROOM, ROOM));
        shop.close();
    });
}

/// Ends the readers, also when the story fails.
#[derive(Default)]
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_view_never_goes_back_for_who_reads_it_even_when_its_actor_is_made_anew() {
    const TURNS: u32 = 200;
    let plan = Plan::on(MemoryJournal::new()).probe(|body| assert!(!is_by(body, "boom"), "boom was here"));
    story(plan, async move |shop| {
        let mug = shop.put("mug", TURNS + 1).await;
        let over = Over::default();
        let readers = [(); 2].map(|()| {
            let (mug, is_over) = (Arc::clone(&mug), Arc::clone(&over.0));
            thread::spawn(move || {
                let (mut last, mut views) = (0, 0_u64);
                while !is_over.load(Ordering::Relaxed) {
                    let changes = mug.shown().view().as_ref().unwrap().changes;
                    assert!(changes >= last, "change {changes} after {last}");
                    views += u64::from(changes > last);
                    last = changes;
                    // There may be fewer cores than threads.
                    thread::yield_now();
                }
                (last, views)
            })
        });
        for turn in 0..TURNS {
            let (req, buyer) = (format!("r{turn}"), format!("u{turn}"));
            accepted(&ask(&mug, &[reserve(&req, &buyer, 1)]).await);
            if turn % 100 == 50 {
                let bad = [reserve("bad-1", "u-bad", 1), reserve("bad-2", "boom", 1)];
                assert_eq!(ask(&mug, &bad).await.unwrap_err(), Fault::Panicked);
                until("it is back", || mug.shown().condition() == Condition::Live).await;
            }
        }
        let shown = mug.shown().view().as_ref().unwrap().changes;
        assert_eq!(shown, 1 + u64::from(TURNS), "what was not decided is shown, or what was is not");
        drop(over);
        for (last, views) in readers.map(|reader| reader.join().unwrap()) {
            assert!(last <= shown && views > 0);
        }
        shop.close();
    });
}
