//! Memory that connections share for replies that their clients have not taken yet.
//!
//! Each connection has a little of its own. More than that would be bounded for one connection, but not for thousands of them
//! whose clients never read. So it is lent by a pool; while that is empty, a connection writes a little at a time, and only
//! who wants one reply that is larger than that is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

/// Bytes of replies that a connection may hold by itself.
pub(crate) const OWN_BYTES: usize = 64 << 10;

/// What can be lent.
#[derive(Debug)]
pub(crate) struct Pool {
    bytes: usize,
    left: AtomicUsize,
    refused: AtomicU64,
}

/// How much is lent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Bytes that connections hold of it now.
    pub lent: usize,
    /// Bytes that there are.
    pub limit: usize,
    /// How often somebody wanted some and there was not enough left.
    pub refused: u64,
}

/// What was lent. It goes back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    pool: Arc<Pool>,
    bytes: usize,
}

impl Pool {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { bytes, left: AtomicUsize::new(bytes), refused: AtomicU64::new(0) })
    }

    /// So many bytes, if there are as many.
    fn lend(self: &Arc<Self>, bytes: usize) -> Option<Share> {
        let lent = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .is_ok();
        if !lent {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        lent.then(|| Share { pool: Arc::clone(self), bytes })
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let left = self.left.load(Ordering::Relaxed);
        PoolStatus {
            lent: self.bytes - left,
            limit: self.bytes,
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// What one connection may hold of replies, until all that are at hand are written.
#[derive(Debug)]
pub(crate) struct Allowance {
    pool: Arc<Pool>,
    /// With what is lent.
    most: usize,
    share: Option<Share>,
}

impl Allowance {
    /// Up to `most` bytes, if the pool has them.
    pub(crate) fn new(pool: &Arc<Pool>, most: usize) -> Self {
        Self { pool: Arc::clone(pool), most, share: None }
    }

    /// Bytes that it may hold at the moment, and a reply more.
    pub(crate) fn bytes(&self) -> usize {
        if self.share.is_some() { self.most } else { OWN_BYTES }
    }

    /// Whether it may hold more than before from now on.
    pub(crate) fn grow(&mut self) -> bool {
        if self.share.is_some() || self.most <= OWN_BYTES {
            return false;
        }
        self.share = self.pool.lend(self.most - OWN_BYTES);
        self.share.is_some()
    }

    /// Whether it may hold so many bytes and a reply more, if need be with what it is lent now.
    pub(crate) fn admits(&mut self, bytes: usize) -> bool {
        bytes < self.bytes() || (self.grow() && bytes < self.bytes())
    }

    /// The replies at hand are written, or with whoever gets what it was lent.
    pub(crate) fn end(&mut self) -> Option<Share> {
        self.share.take()
    }

    /// For a reply that is put together elsewhere, and may turn out to be long.
    pub(crate) fn loan(&self) -> Arc<Loan> {
        let bytes = self.most.saturating_sub(OWN_BYTES);
        Arc::new(Loan { pool: Arc::clone(&self.pool), bytes, share: Mutex::default() })
    }

    /// That reply is here.
    pub(crate) fn take_over(&mut self, loan: &Loan) {
        // It may hold others beside it. More than one share nobody has.
        if let Some(share) = loan.end() {
            self.share = Some(share);
        }
    }
}

/// More than a little, for one reply: lent when it turns out to be needed.
#[derive(Debug)]
pub(crate) struct Loan {
    pool: Arc<Pool>,
    bytes: usize,
    share: Mutex<Option<Share>>,
}

impl Loan {
    /// How many bytes more than [`OWN_BYTES`] the reply may have. They are lent once, however often it is asked.
    pub(crate) fn more(&self) -> usize {
        let mut share = self.share.lock();
        if share.is_none() && self.bytes > 0 {
            *share = self.pool.lend(self.bytes);
        }
        if share.is_some() { self.bytes } else { 0 }
    }

    /// There is no such reply, or it is with whoever gets what was lent.
    pub(crate) fn end(&self) -> Option<Share> {
        self.share.lock().take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let pool = Pool::new(100);
        let [mut one, mut other] = [(); 2].map(|()| Allowance::new(&pool, OWN_BYTES + 60));
        assert!(one.admits(OWN_BYTES - 1) && pool.status().lent == 0);
        assert!(one.admits(OWN_BYTES + 59) && !one.admits(OWN_BYTES + 60));
        assert_eq!(pool.status().lent, 60);
        assert!(!other.admits(OWN_BYTES));
        let share = one.end();
        assert_eq!((one.bytes(), pool.status().lent), (OWN_BYTES, 60));
        drop(share);
        assert!(other.admits(OWN_BYTES));
    }

    #[test]
    fn a_loan_is_lent_once_and_taken_over_by_who_has_the_reply() {
        let pool = Pool::new(100);
        let mut allowance = Allowance::new(&pool, OWN_BYTES + 60);
        let loan = allowance.loan();
        assert_eq!(pool.status().lent, 0);
        assert_eq!((loan.more(), loan.more(), pool.status().lent), (60, 60, 60));
        assert_eq!(allowance.loan().more(), 0);
        allowance.take_over(&loan);
        drop(loan);
        assert_eq!((allowance.bytes(), pool.status().lent), (OWN_BYTES + 60, 60));
        drop(allowance.end());
        assert_eq!(pool.status().lent, 0);
    }
}
