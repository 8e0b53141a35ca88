//! Memory that connections share for replies that their clients have not taken yet.
//!
//! Each connection has a little of its own. More than that would be bounded for one connection, but not for thousands of them
//! whose clients never read. So it is lent by a pool; while that is empty, a connection writes a little at a time, and
//! nobody is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of replies that a connection may hold by itself.
pub(super) const OWN_BYTES: usize = 64 << 10;

/// What can be lent.
#[derive(Debug)]
pub(super) struct Pool {
    left: AtomicUsize,
}

/// What was lent. It goes back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    pool: Arc<Pool>,
    bytes: usize,
}

impl Pool {
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    /// So many bytes, if there are as many.
    pub(super) fn lend(self: &Arc<Self>, bytes: usize) -> Option<Share> {
        let lent = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .is_ok();
        lent.then(|| Share { pool: Arc::clone(self), bytes })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.left.fetch_add(self.bytes, Ordering::Relaxed);
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
        drop(one);
        assert!(pool.lend(7).is_none() && pool.lend(6).is_some());
        drop(other);
        assert!(pool.lend(10).is_some());
    }
}
