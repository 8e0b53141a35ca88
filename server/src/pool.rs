//! Memory that connections share for replies that their clients have not taken yet.
//!
//! Each connection has a little of its own. More than that would be bounded for one connection, but not for thousands of them
//! whose clients never read. So it is lent by a pool; while that is empty, a connection writes a little at a time, and only
//! who wants one reply that is larger than that is refused.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::sync::{AtomicU64, AtomicUsize, Mutex};

/// Bytes of replies that a connection may hold by itself.
pub(crate) const OWN_BYTES: usize = 64 << 10;

/// What is lent at once, or what is missing to all that one may have.
pub(crate) const STEP: usize = 256 << 10;

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
    pub(crate) fn lend(self: &Arc<Self>, bytes: usize) -> Option<Share> {
        let lent = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .is_ok();
        if !lent {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        lent.then(|| Share { pool: Arc::clone(self), bytes })
    }

    /// A step more than before, up to `most`. Whether it is more.
    fn lend_more(self: &Arc<Self>, share: &mut Option<Share>, most: usize) -> bool {
        let before = share.as_ref().map_or(0, |share| share.bytes);
        let step = STEP.min(most.saturating_sub(before));
        if step == 0 {
            return false;
        }
        let Some(more) = self.lend(step) else { return false };
        match share {
            Some(share) => share.join(more),
            None => *share = Some(more),
        }
        true
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

impl Share {
    /// Both as one.
    fn join(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
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
    /// `None`: it need not borrow.
    pool: Option<Arc<Pool>>,
    /// With what is lent.
    most: usize,
    share: Option<Share>,
}

impl Allowance {
    /// Up to `most` bytes, if the pool has them.
    pub(crate) fn new(pool: &Arc<Pool>, most: usize) -> Self {
        Self { pool: Some(Arc::clone(pool)), most: most.max(OWN_BYTES), share: None }
    }

    /// For who comes with one request by a door that bounds how many there are.
    pub(crate) fn of_one_request(most: usize) -> Self {
        Self { pool: None, most: most.max(OWN_BYTES), share: None }
    }

    /// Bytes that it may hold at the moment, and a reply more.
    pub(crate) fn bytes(&self) -> usize {
        match self.pool {
            Some(_) => OWN_BYTES + self.share.as_ref().map_or(0, |share| share.bytes),
            None => self.most,
        }
    }

    /// Whether it may hold more than before from now on.
    pub(crate) fn grow(&mut self) -> bool {
        let Some(pool) = &self.pool else { return false };
        pool.lend_more(&mut self.share, self.most - OWN_BYTES)
    }

    /// Whether it may hold so many bytes and a reply more, if need be with what it is lent now.
    pub(crate) fn admits(&mut self, bytes: usize) -> bool {
        while bytes >= self.bytes() {
            if !self.grow() {
                return false;
            }
        }
        true
    }

    /// Whether more can be lent at all, now or later.
    pub(crate) fn can_grow(&self) -> bool {
        self.pool.as_ref().is_some_and(|pool| pool.bytes > 0)
    }

    /// The replies at hand are written, or with whoever gets what it was lent.
    pub(crate) fn end(&mut self) -> Option<Share> {
        self.share.take()
    }

    /// For a reply that is put together elsewhere, and may turn out to be long.
    pub(crate) fn loan(&self) -> Arc<Loan> {
        let most = self.most - OWN_BYTES;
        Arc::new(Loan { pool: self.pool.clone(), most, share: Mutex::default() })
    }

    /// That reply is here.
    pub(crate) fn take_over(&mut self, loan: &Loan) {
        if let Some(mut share) = loan.end() {
            // It may hold others beside it.
            if let Some(before) = self.share.take() {
                share.join(before);
            }
            self.share = Some(share);
        }
    }
}

/// More than a little, for one reply: lent when it turns out to be needed.
#[derive(Debug)]
pub(crate) struct Loan {
    pool: Option<Arc<Pool>>,
    most: usize,
    share: Mutex<Option<Share>>,
}

impl Loan {
    /// How many bytes more than [`OWN_BYTES`] the reply may have, if it has `now` of them: as many if there are no more.
    /// Whoever asks for what was lent before is lent nothing again.
    pub(crate) fn beyond(&self, now: usize) -> usize {
        let Some(pool) = &self.pool else { return self.most };
        let mut share = self.share.lock();
        let lent = |share: &Option<Share>| share.as_ref().map_or(0, |share| share.bytes);
        if lent(&share) <= now {
            pool.lend_more(&mut share, self.most);
        }
        lent(&share)
    }

    /// There is no such reply, or it is with whoever gets what was lent.
    pub(crate) fn end(&self) -> Option<Share> {
        self.share.lock().take()
    }
}
