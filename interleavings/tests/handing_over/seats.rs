//! Seats that several threads ask for at once, and what they show.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use shuttle::sync::atomic::{AtomicU32, AtomicUsize};
use shuttle::thread;
use tidegate_persistence::ActorId;

use crate::directory::{CreateError, Directory};
use crate::explore;
use crate::seat::Seat;
use crate::shown::Shown;

const THREADS: usize = 3;

fn directory(max: usize) -> Arc<Directory> {
    Arc::new(Directory::new(Arc::new(AtomicU32::new(1)), max, "limits.max_skus"))
}

#[test]
fn a_seat_is_made_once_however_many_ask_for_it_at_once() {
    explore(|| {
        let (directory, made) = (directory(5), Arc::new(AtomicUsize::new(0)));
        let asked: [_; THREADS] = std::array::from_fn(|_| {
            let (directory, made) = (Arc::clone(&directory), Arc::clone(&made));
            thread::spawn(move || {
                let make = |id| {
                    made.fetch_add(1, SeqCst);
                    Seat::new(id, "mug")
                };
                directory.find_or_add("mug", make).unwrap()
            })
        });
        let seats = asked.map(|asked| asked.join().unwrap());
        assert_eq!((made.load(SeqCst), directory.len()), (1, 1), "seats made, and there");
        assert!(seats.iter().all(|seat| Arc::ptr_eq(seat, &seats[0])));
    });
}

#[test]
fn there_are_never_more_seats_than_the_limit_says() {
    explore(|| {
        let directory = directory(THREADS - 1);
        let asked: [_; THREADS] = std::array::from_fn(|at| {
            let directory = Arc::clone(&directory);
            thread::spawn(move || directory.find_or_add(&format!("sku-{at}"), |id| Seat::new(id, "sku")))
        });
        let refused: Vec<_> = asked.into_iter().filter_map(|asked| asked.join().unwrap().err()).collect();
        assert_eq!(refused, [CreateError::Full { limit: "limits.max_skus" }], "one must be refused");
        assert_eq!(directory.len(), THREADS - 1);
    });
}

#[test]
fn whoever_has_seen_a_number_has_seen_all_that_are_smaller() {
    explore(|| {
        let directory = directory(THREADS);
        let asked: [_; THREADS] = std::array::from_fn(|at| {
            let (directory, name) = (Arc::clone(&directory), format!("sku-{at}"));
            thread::spawn(move || {
                directory.find_or_add(&name, |id| Seat::new(id, &name)).unwrap();
                assert!(directory.find(&name).is_some(), "made, and not found");
            })
        });
        // A list of all, read on from the last number that was seen.
        let mut last = ActorId(0);
        let mut seen = 0;
        while seen < THREADS {
            let mut numbers = Vec::new();
            directory.for_each(|seat| numbers.push(seat.id()));
            let new: Vec<_> = numbers.iter().filter(|id| **id > last).collect();
            seen += new.len();
            assert_eq!(seen, numbers.len(), "a seat with a smaller number came later: {numbers:?}");
            last = numbers.last().copied().unwrap_or(last);
            thread::yield_now();
        }
        asked.into_iter().for_each(|asked| asked.join().unwrap());
    });
}

#[test]
fn the_bodies_that_wait_for_an_actor_are_counted_rightly_whoever_sends_and_begins() {
    explore(|| {
        let shown = Arc::<Shown>::default();
        let sent: [_; THREADS] = std::array::from_fn(|_| {
            let shown = Arc::clone(&shown);
            thread::spawn(move || {
                shown.sent();
                assert!((1..=THREADS).contains(&shown.waiting()));
                shown.begun();
            })
        });
        sent.into_iter().for_each(|sent| sent.join().unwrap());
        assert_eq!(shown.waiting(), 0, "bodies wait, and all were begun");
    });
}
