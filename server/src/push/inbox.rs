//! What waits for one subscriber.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tidegate_actors::Fault;
use tokio::sync::Notify;

use super::message::{Delivery, Message};
use super::{Channel, Cut};

/// A subscription's number, given once in the hub.
pub(super) type Slot = u64;

/// What is counted over all subscribers.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) delivered: AtomicU64,
    pub(super) coalesced: AtomicU64,
    pub(super) cut: AtomicU64,
}

/// The queue of one subscriber. Bounded: of a state only the latest waits, and whoever lets too many others wait is
/// cut off.
#[derive(Debug)]
pub(super) struct Inbox {
    most: usize,
    counters: Arc<Counters>,
    inner: Mutex<Inner>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    slots: HashMap<Slot, Subscription, foldhash::fast::RandomState>,
    by_channel: HashMap<Arc<Channel>, Slot, foldhash::fast::RandomState>,
    queue: VecDeque<(Slot, Waiting)>,
    /// Messages that wait and can't be replaced.
    unreplaceable: usize,
    cut: Option<Cut>,
}

#[derive(Debug)]
struct Subscription {
    channel: Arc<Channel>,
    seq: u64,
    stage: Stage,
}

/// How far a subscription is.
#[derive(Debug)]
enum Stage {
    /// The snapshot is not here yet: what may come after it is kept.
    Asked { kept: Vec<Arc<Message>> },
    /// Only what is newer than `last` is news; `waits` is whether `last` is still to be delivered, and `told` what was
    /// delivered before it.
    State { last: Arc<Message>, waits: bool, told: Option<Arc<Message>> },
    /// Every message that is newer than the snapshot is news.
    Story { since: u64 },
}

#[derive(Debug)]
enum Waiting {
    /// The latest of its channel.
    Latest,
    This(Arc<Message>),
}

impl Inbox {
    pub(super) fn new(most: usize, counters: Arc<Counters>) -> Self {
        Self { most, counters, inner: Mutex::default(), wake: Notify::new() }
    }

    /// A place for what comes of this channel. There must be none.
    pub(super) fn open(&self, slot: Slot, channel: &Arc<Channel>) {
        let mut inner = self.inner.lock();
        let stage = Stage::Asked { kept: Vec::new() };
        inner.slots.insert(slot, Subscription { channel: Arc::clone(channel), seq: 0, stage });
        inner.by_channel.insert(Arc::clone(channel), slot);
    }

    /// Takes a place away, and what waits in it.
    pub(super) fn close(&self, channel: &Channel) -> Option<Slot> {
        let mut inner = self.inner.lock();
        let slot = inner.by_channel.remove(channel)?;
        let kept = match inner.slots.remove(&slot).map(|subscription| subscription.stage) {
            Some(Stage::Asked { kept }) => kept.len(),
            _ => 0,
        };
        let before = inner.queue.iter().filter(|(of, what)| *of == slot && what.is_unreplaceable()).count();
        inner.unreplaceable -= before + kept;
        inner.queue.retain(|(of, _)| *of != slot);
        Some(slot)
    }

    pub(super) fn has(&self, slot: Slot) -> bool {
        self.inner.lock().slots.contains_key(&slot)
    }

    pub(super) fn channels(&self) -> Vec<Arc<Channel>> {
        self.inner.lock().by_channel.keys().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.inner.lock().by_channel.len()
    }

    /// The snapshot is here: it is the first delivery of its channel. It is queued, or given back if the caller wants
    /// to hand it over itself; what was kept and is newer follows.
    pub(super) fn begin(&self, slot: Slot, snapshot: Arc<Message>, queued: bool) -> Option<Delivery> {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let subscription = inner.slots.get_mut(&slot)?;
        let stage = if subscription.channel.is_state() {
            Stage::State {
                last: Arc::clone(&snapshot),
                waits: queued,
                told: (!queued).then(|| Arc::clone(&snapshot)),
            }
        } else {
            Stage::Story { since: snapshot.version.0 }
        };
        let Stage::Asked { kept } = std::mem::replace(&mut subscription.stage, stage) else { return None };
        let first = if queued {
            let what = if subscription.channel.is_state() {
                Waiting::Latest
            } else {
                Waiting::This(Arc::clone(&snapshot))
            };
            inner.unreplaceable += usize::from(what.is_unreplaceable());
            inner.queue.push_back((slot, what));
            None
        } else {
            subscription.seq = 1;
            self.counters.delivered.fetch_add(1, Ordering::Relaxed);
            Some(Delivery {
                channel: Arc::clone(&subscription.channel),
                seq: 1,
                message: Arc::clone(&snapshot),
            })
        };
        inner.unreplaceable -= kept.len();
        for message in kept.into_iter().filter(|message| message.version.0 > snapshot.version.0) {
            inner.unreplaceable += 1;
            inner.queue.push_back((slot, Waiting::This(message)));
        }
        self.wake.notify_one();
        first
    }

    /// Offers how a state stands now. It replaces what waits of the same channel.
    pub(super) fn offer_state(&self, slot: Slot, message: &Arc<Message>) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let Some(Subscription { stage: Stage::State { last, waits, .. }, .. }) = inner.slots.get_mut(&slot)
        else {
            // Gone; or the snapshot is still to come, and whoever begins with it looks once more.
            return;
        };
        if message.version <= last.version || message.says_the_same(last) {
            return;
        }
        *last = Arc::clone(message);
        if std::mem::replace(waits, true) {
            self.counters.coalesced.fetch_add(1, Ordering::Relaxed);
            return;
        }
        inner.queue.push_back((slot, Waiting::Latest));
        self.wake.notify_one();
    }

    /// Offers a message that must not be left out.
    pub(super) fn offer(&self, slot: Slot, message: &Arc<Message>) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let Some(subscription) = inner.slots.get_mut(&slot) else { return };
        match &mut subscription.stage {
            Stage::Asked { kept } => kept.push(Arc::clone(message)),
            Stage::Story { since } if message.version.0 > *since => {
                inner.queue.push_back((slot, Waiting::This(Arc::clone(message))));
            }
            Stage::Story { .. } | Stage::State { .. } => return,
        }
        inner.unreplaceable += 1;
        if inner.unreplaceable > self.most {
            let channel = Arc::clone(&subscription.channel);
            self.cut_off(inner, Cut::Slow { channel, most: self.most });
        } else {
            self.wake.notify_one();
        }
    }

    /// A snapshot can't be had.
    pub(super) fn lose(&self, slot: Slot, fault: Fault) {
        let mut inner = self.inner.lock();
        if let Some(subscription) = inner.slots.get(&slot) {
            let channel = Arc::clone(&subscription.channel);
            self.cut_off(&mut inner, Cut::Lost { channel, fault });
        }
    }

    fn cut_off(&self, inner: &mut Inner, why: Cut) {
        if inner.cut.is_none() {
            self.counters.cut.fetch_add(1, Ordering::Relaxed);
            inner.cut = Some(why);
        }
        // Nothing of it will be read any more, and nothing more is to be kept.
        inner.queue = VecDeque::new();
        inner.slots.clear();
        inner.unreplaceable = 0;
        self.wake.notify_one();
    }

    /// The next message, if one waits.
    ///
    /// # Errors
    /// If this subscriber is cut off.
    pub(super) fn take(&self) -> Result<Option<Delivery>, Cut> {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        if let Some(cut) = &inner.cut {
            return Err(cut.clone());
        }
        while let Some((slot, what)) = inner.queue.pop_front() {
            inner.unreplaceable -= usize::from(what.is_unreplaceable());
            // What waits goes with its slot.
            let Some(subscription) = inner.slots.get_mut(&slot) else { continue };
            if let Some(message) = subscription.take(what) {
                subscription.seq += 1;
                self.counters.delivered.fetch_add(1, Ordering::Relaxed);
                let channel = Arc::clone(&subscription.channel);
                return Ok(Some(Delivery { channel, seq: subscription.seq, message }));
            }
        }
        Ok(None)
    }

    /// Waits until there is something to take, or this subscriber is cut off.
    pub(super) async fn ready(&self) {
        loop {
            {
                let inner = self.inner.lock();
                if !inner.queue.is_empty() || inner.cut.is_some() {
                    return;
                }
            }
            self.wake.notified().await;
        }
    }

    /// Waits until this subscriber is cut off.
    pub(super) async fn cut(&self) -> Cut {
        loop {
            if let Some(cut) = &self.inner.lock().cut {
                return cut.clone();
            }
            self.wake.notified().await;
        }
    }
}

impl Subscription {
    /// What is to be delivered now; nothing, if a state that changed is what it was when it was last told.
    fn take(&mut self, what: Waiting) -> Option<Arc<Message>> {
        match (what, &mut self.stage) {
            (Waiting::This(message), _) => Some(message),
            (Waiting::Latest, Stage::State { last, waits, told }) => {
                *waits = false;
                let is_news = told.as_ref().is_none_or(|told| !last.says_the_same(told));
                *told = Some(Arc::clone(last));
                is_news.then(|| Arc::clone(last))
            }
            (Waiting::Latest, Stage::Asked { .. } | Stage::Story { .. }) => None,
        }
    }
}

impl Waiting {
    fn is_unreplaceable(&self) -> bool {
        matches!(self, Self::This(_))
    }
}
