//! What is lent and given back, one after the other. What threads do to each other is tried in `interleavings/`.

use crate::pool::{Allowance, OWN_BYTES, Pool, PoolStatus, STEP};

#[test]
fn what_is_lent_is_not_there_until_it_is_given_back() {
    let pool = Pool::new(10);
    let (one, other) = (pool.lend(6).unwrap(), pool.lend(4).unwrap());
    assert!(pool.lend(1).is_none());
    assert_eq!(pool.status(), PoolStatus { lent: 10, limit: 10, refused: 1 });
    drop(one);
    assert!(pool.lend(7).is_none() && pool.lend(6).is_some());
    drop(other);
    assert_eq!(pool.status(), PoolStatus { lent: 0, limit: 10, refused: 2 });
}

#[test]
fn a_connection_holds_a_little_by_itself_and_more_while_there_is_some() {
    let pool = Pool::new(STEP + 100);
    let [mut one, mut other] = [(); 2].map(|()| Allowance::new(&pool, OWN_BYTES + STEP + 60));
    assert!(one.admits(OWN_BYTES - 1) && pool.status().lent == 0);
    assert!(one.admits(OWN_BYTES) && pool.status().lent == STEP);
    assert!(one.admits(OWN_BYTES + STEP + 59) && !one.admits(OWN_BYTES + STEP + 60));
    assert_eq!(pool.status().lent, STEP + 60);
    assert!(!other.admits(OWN_BYTES));
    let share = one.end();
    assert_eq!((one.bytes(), pool.status().lent), (OWN_BYTES, STEP + 60));
    drop(share);
    assert!(other.admits(OWN_BYTES));
}

#[test]
fn a_loan_is_lent_once_and_taken_over_by_who_has_the_reply() {
    let pool = Pool::new(3 * STEP);
    let mut allowance = Allowance::new(&pool, OWN_BYTES + STEP + 60);
    let loan = allowance.loan();
    assert_eq!(pool.status().lent, 0);
    assert_eq!((loan.beyond(0), loan.beyond(0), pool.status().lent), (STEP, STEP, STEP));
    assert_eq!((loan.beyond(STEP), loan.beyond(STEP + 60)), (STEP + 60, STEP + 60));
    assert!(allowance.grow());
    allowance.take_over(&loan);
    drop(loan);
    assert_eq!(pool.status().lent, 2 * STEP + 60);
    drop(allowance.end());
    assert_eq!(pool.status().lent, 0);
}

#[test]
fn who_has_one_request_need_not_borrow() {
    let mut one = Allowance::of_one_request(OWN_BYTES + STEP);
    assert!(one.admits(OWN_BYTES + STEP - 1) && !one.admits(OWN_BYTES + STEP));
    assert_eq!(one.loan().beyond(0), STEP);
}
