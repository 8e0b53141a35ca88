//! Memory that connections are lent for replies, given back by whoever has the reply at the end.

use std::sync::Arc;

use shuttle::thread;

use crate::explore;
use crate::pool::{Allowance, OWN_BYTES, Pool, STEP};
use crate::sync::Mutex;

/// Bytes that connections know to be theirs.
#[derive(Debug)]
struct Held {
    limit: usize,
    bytes: Mutex<usize>,
}

impl Held {
    fn more(&self, bytes: usize) {
        let mut held = self.bytes.lock();
        *held += bytes;
        assert!(*held <= self.limit, "{held} bytes are held, and there are {}", self.limit);
    }

    fn less(&self, bytes: usize) {
        *self.bytes.lock() -= bytes;
    }
}

#[test]
fn no_more_is_lent_than_there_is_and_all_of_it_comes_back() {
    const STEPS: usize = 3;
    explore(|| {
        let pool = Pool::new(STEPS * STEP);
        let held = Arc::new(Held { limit: STEPS * STEP, bytes: Mutex::default() });
        let connections = [(); 3].map(|()| {
            let (pool, held) = (Arc::clone(&pool), Arc::clone(&held));
            thread::spawn(move || {
                let mut allowance = Allowance::new(&pool, OWN_BYTES + 2 * STEP);
                let mut writers = Vec::new();
                for _ in 0..2 {
                    while allowance.grow() {
                        held.more(STEP);
                    }
                    let bytes = allowance.bytes() - OWN_BYTES;
                    let (share, held) = (allowance.end(), Arc::clone(&held));
                    // Whoever writes the replies has what was lent for them.
                    writers.push(thread::spawn(move || {
                        held.less(bytes);
                        drop(share);
                    }));
                }
                writers.into_iter().for_each(|writer| writer.join().unwrap());
            })
        });
        connections.into_iter().for_each(|connection| connection.join().unwrap());
        assert_eq!(pool.status().lent, 0);
        assert!(pool.lend(STEPS * STEP).is_some());
    });
}

#[test]
fn a_reply_that_is_made_elsewhere_is_lent_for_once_and_its_share_comes_back_however_it_ends() {
    explore(|| {
        let pool = Pool::new(4 * STEP);
        let mut allowance = Allowance::new(&pool, OWN_BYTES + 2 * STEP);
        let (taken, given_up) = (allowance.loan(), allowance.loan());
        let makers = [&taken, &taken, &given_up].map(|loan| {
            let loan = Arc::clone(loan);
            thread::spawn(move || {
                // At the moment it is made the connection may have given it up already, and what it had.
                assert!(loan.beyond(0) >= STEP);
            })
        });
        drop(given_up.end());
        let [one, other, late] = makers;
        one.join().unwrap();
        other.join().unwrap();
        assert_eq!(taken.beyond(0), STEP, "lent again for what was lent before");
        allowance.take_over(&taken);
        assert_eq!(allowance.bytes(), OWN_BYTES + STEP);
        drop(allowance.end());
        late.join().unwrap();
        drop(given_up);
        assert_eq!(pool.status().lent, 0);
    });
}
