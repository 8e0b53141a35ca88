//! Who subscribed to what, and what becomes of news.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use parking_lot::Mutex;
use tidegate_actors::{Fault, House, Interest, News, NewsSink};
use tidegate_engine::{Millis, RoomNumber};

use super::inbox::{Counters, Inbox, Slot};
use super::marks::Marks;
use super::message::Message;
use super::topic::{Audience, Topic};
use super::watchers::Watchers;
use super::{Channel, HubStatus, SubscribeError, Subscriber};
use crate::config::Push;
use crate::convert;

/// However far away the next change by the clock is, the clock is looked at so often: it may be set.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(1);

/// All subscriptions of a server.
#[derive(Debug)]
pub struct Hub {
    pub(super) settings: Push,
    skus: DashMap<Box<str>, Arc<Topic>, foldhash::fast::RandomState>,
    buyers: DashMap<Box<str>, Audience, foldhash::fast::RandomState>,
    pub(super) watchers: Watchers,
    /// Channels with a subscriber, and those of them that are buyers'.
    channels: AtomicUsize,
    buyer_channels: AtomicUsize,
    next_slot: AtomicU64,
    /// SKUs that changed, or were subscribed to, since the last round.
    marks: Marks<Topic>,
    /// SKUs that the clock will change.
    timers: Mutex<BTreeMap<(Millis, u64), Weak<Topic>>>,
    counters: Arc<Counters>,
    house: OnceLock<Weak<House>>,
}

impl Hub {
    /// A hub without a house: nobody can subscribe yet.
    #[must_use]
    pub fn new(settings: Push) -> Arc<Self> {
        Arc::new(Self {
            settings,
            skus: DashMap::default(),
            buyers: DashMap::default(),
            watchers: Watchers::default(),
            channels: AtomicUsize::new(0),
            buyer_channels: AtomicUsize::new(0),
            next_slot: AtomicU64::new(0),
            marks: Marks::new(),
            timers: Mutex::default(),
            counters: Arc::default(),
            house: OnceLock::new(),
        })
    }

    /// From now on there is something to subscribe to.
    pub fn open(&self, house: &Arc<House>) {
        // Opened once, by the composition root.
        let _ = self.house.set(Arc::downgrade(house));
    }

    /// A new subscriber, who has subscribed to nothing yet.
    #[must_use]
    pub fn subscriber(self: &Arc<Self>) -> Subscriber {
        let inbox = Inbox::new(self.settings.queue_length, Arc::clone(&self.counters));
        Subscriber::new(Arc::clone(self), Arc::new(inbox))
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> HubStatus {
        HubStatus {
            channels: self.channels.load(Ordering::Relaxed),
            delivered: self.counters.delivered.load(Ordering::Relaxed),
            coalesced: self.counters.coalesced.load(Ordering::Relaxed),
            cut: self.counters.cut.load(Ordering::Relaxed),
        }
    }

    pub(super) fn house(&self) -> Result<Arc<House>, SubscribeError> {
        let house = self.house.get().ok_or(SubscribeError::Loading)?;
        house.upgrade().ok_or(SubscribeError::Unavailable(Fault::Stopping))
    }

    pub(super) fn now(&self) -> Millis {
        self.house().map_or(Millis(0), |house| house.now())
    }

    /// Enters a subscription. From now on actors note what this channel is about.
    pub(super) fn enter(&self, channel: &Arc<Channel>, inbox: &Arc<Inbox>) -> Result<Slot, SubscribeError> {
        let slot = self.next_slot.fetch_add(1, Ordering::Relaxed);
        // Before it is entered, so that nothing comes to an inbox that does not know it.
        inbox.open(slot, channel);
        let is_new = match &**channel {
            Channel::Price(sku) | Channel::Stock(sku) | Channel::Room(sku, _) => {
                // Entered while the table is locked: a topic without subscribers is removed by whoever left last.
                let topic = self.skus.entry(sku.clone()).or_insert_with(|| Arc::new(Topic::new(sku, slot)));
                topic.add(channel, slot, inbox)
            }
            Channel::Buyer(buyer) => {
                let mut audience = self.buyers.entry(buyer.clone()).or_default();
                audience.insert(slot, Arc::clone(inbox));
                let is_new = audience.len() == 1;
                self.buyer_channels.fetch_add(usize::from(is_new), Ordering::Relaxed);
                is_new
            }
            Channel::Status => self.watchers.add(slot, inbox),
        };
        let before = self.channels.fetch_add(usize::from(is_new), Ordering::Relaxed);
        let limit = self.settings.max_channels;
        if is_new && before >= limit {
            inbox.close(channel);
            self.leave(channel, slot);
            return Err(SubscribeError::TooManyInAll { limit });
        }
        Ok(slot)
    }

    /// Takes a subscription away.
    pub(super) fn leave(&self, channel: &Channel, slot: Slot) {
        let was_last = match channel {
            Channel::Price(sku) | Channel::Stock(sku) | Channel::Room(sku, _) => {
                let Entry::Occupied(topic) = self.skus.entry(sku.clone()) else { return };
                let was_last = topic.get().remove(channel, slot);
                if topic.get().is_idle() {
                    self.set_timer(topic.get(), None);
                    topic.remove();
                }
                was_last
            }
            Channel::Buyer(buyer) => {
                let Entry::Occupied(mut audience) = self.buyers.entry(buyer.clone()) else { return };
                let was_last = audience.get_mut().remove(&slot).is_some() && audience.get().is_empty();
                if was_last {
                    audience.remove();
                }
                self.buyer_channels.fetch_sub(usize::from(was_last), Ordering::Relaxed);
                was_last
            }
            Channel::Status => self.watchers.remove(slot),
        };
        self.channels.fetch_sub(usize::from(was_last), Ordering::Relaxed);
    }

    /// A subscriber of this channel has begun: what it may have missed while it waited for its snapshot is looked for.
    pub(super) fn begun(&self, channel: &Channel, view: Option<tidegate_engine::SkuView>) {
        let (Channel::Price(sku) | Channel::Stock(sku)) = channel else { return };
        if let Some(topic) = self.topic_of(sku) {
            view.into_iter().for_each(|view| topic.see(view));
            topic.forget_told(channel);
            self.marks.add(topic);
        }
    }

    fn topic_of(&self, sku: &str) -> Option<Arc<Topic>> {
        self.skus.get(sku).map(|topic| Arc::clone(&topic))
    }

    fn set_timer(&self, topic: &Arc<Topic>, next: Option<Millis>) {
        let mut set = topic.timer.lock();
        if *set == next {
            return;
        }
        let mut timers = self.timers.lock();
        if let Some(before) = set.take() {
            timers.remove(&(before, topic.id));
        }
        if let Some(at) = next {
            timers.insert((at, topic.id), Arc::downgrade(topic));
        }
        *set = next;
    }

    /// Tells price and stock to their subscribers, for as long as the server runs: at once when something changes, and
    /// then no more often than configured, because each round costs a message to every subscriber. In between only the
    /// latest counts.
    pub async fn run(self: Arc<Self>) {
        loop {
            let pause = self.until_next_timer();
            let slept = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.marks.added() => {}
                () = slept => {}
            }
            if self.round(self.now()) {
                tokio::time::sleep(self.settings.interval_ms).await;
            }
        }
    }

    fn until_next_timer(&self) -> Option<Duration> {
        let (at, _) = *self.timers.lock().first_key_value()?.0;
        Some(self.house().map_or(LOOK_AT_CLOCK, |house| house.time_until(at)).min(LOOK_AT_CLOCK))
    }

    /// One round, at this time. Returns whether there was anything to do.
    pub(super) fn round(&self, now: Millis) -> bool {
        let mut topics = self.marks.take();
        let mut timers = self.timers.lock();
        while let Some(first) = timers.first_entry().filter(|first| first.key().0 <= now) {
            topics.extend(first.remove().upgrade());
        }
        drop(timers);
        for topic in &topics {
            let next = topic.tell_state(now);
            self.set_timer(topic, next);
        }
        !topics.is_empty()
    }

    fn tell_buyer(&self, buyer: &str, fields: impl FnOnce() -> convert::Fields) {
        if let Some(audience) = self.buyers.get(buyer) {
            // All that comes after a subscription is newer than it.
            let message = Arc::new(Message::new((1, self.now()), fields()));
            audience.iter().for_each(|(slot, inbox)| inbox.offer(*slot, &message));
        }
    }
}

impl NewsSink for Hub {
    fn interest(&self, name: &str) -> Interest {
        // Who subscribes counts itself before it asks the actor for a snapshot: the way to its floor makes the count seen.
        if self.channels.load(Ordering::Relaxed) == 0 {
            return Interest::NONE;
        }
        let watched = self.skus.get(name).map(|topic| topic.watched());
        let (sku, rooms) = watched.unwrap_or_default();
        Interest { sku, rooms, buyers: self.buyer_channels.load(Ordering::Relaxed) > 0 }
    }

    fn wants_room(&self, sku: &str, room: RoomNumber) -> bool {
        self.topic_of(sku).is_some_and(|topic| topic.has_room(room))
    }

    fn wants_buyer(&self, buyer: &str) -> bool {
        self.buyers.contains_key(buyer)
    }

    fn publish(&self, name: &str, news: Vec<News>) {
        for news in news {
            match news {
                News::Sku(view) => {
                    if let Some(topic) = self.topic_of(name) {
                        topic.see(view);
                        self.marks.add(topic);
                    }
                }
                News::Room { what, room, change } => {
                    if let Some(topic) = self.topic_of(name) {
                        let now = self.now();
                        let fields = convert::room_news(name, &room, Some(what));
                        topic.tell_room(room.number, &Arc::new(Message::new((change, now), fields)));
                    }
                }
                News::Order { what, order } => {
                    self.tell_buyer(&order.buyer, || convert::order_news(name, &order, what));
                }
                News::Cart { what, cart } => {
                    self.tell_buyer(&cart.buyer, || convert::cart_news(name, &cart, what));
                }
            }
        }
    }

    fn end(&self, name: Option<&str>, why: Fault) {
        for topic in self.skus.iter().filter(|topic| name.is_none_or(|name| name == &*topic.name)) {
            topic.lose(why);
        }
        if name.is_none() {
            for audience in &self.buyers {
                audience.iter().for_each(|(slot, inbox)| inbox.lose(*slot, why));
            }
        }
    }
}
