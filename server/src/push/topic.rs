//! A SKU that somebody subscribed to: to its price, its stock or its rooms.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tidegate_actors::Fault;
use tidegate_engine::{Millis, RoomNumber, SkuView};

use super::Channel;
use super::inbox::{Inbox, Slot};
use super::marks::Mark;
use super::message::Message;
use crate::convert;

/// The subscribers of one channel.
pub(super) type Audience = HashMap<Slot, Arc<Inbox>, foldhash::fast::RandomState>;

/// A message and whom it is for.
type Round = (Arc<Message>, Vec<(Slot, Arc<Inbox>)>);

/// What is known of a SKU for its subscribers.
///
/// Actors ask what is watched and leave the latest view; the hub's own task tells the subscribers of price and stock.
/// The locks are apart, so that no turn waits for a message to go round.
#[derive(Debug)]
pub(super) struct Topic {
    /// A number of its own: of one name there may be several, one after the other.
    pub(super) id: u64,
    pub(super) name: Box<str>,
    /// Subscriptions to price or stock, and to rooms.
    watching: AtomicUsize,
    watching_rooms: AtomicUsize,
    latest: Mutex<Option<SkuView>>,
    /// Whether it is on the list of those that are to be looked at.
    mark: Mark,
    state: Mutex<StateAudience>,
    rooms: Mutex<HashMap<RoomNumber, Audience, foldhash::fast::RandomState>>,
    /// When the clock changes something.
    pub(super) timer: Mutex<Option<Millis>>,
}

/// The subscribers of price and stock, and what all of them were told last.
#[derive(Debug, Default)]
struct StateAudience {
    price: Side,
    stock: Side,
}

#[derive(Debug, Default)]
struct Side {
    audience: Audience,
    told: Option<Arc<Message>>,
}

impl Topic {
    pub(super) fn new(name: &str, id: u64) -> Self {
        Self {
            id,
            name: name.into(),
            watching: AtomicUsize::new(0),
            watching_rooms: AtomicUsize::new(0),
            latest: Mutex::default(),
            mark: Mark::new(),
            state: Mutex::default(),
            rooms: Mutex::default(),
            timer: Mutex::default(),
        }
    }

    /// Whether price or stock is watched, and whether a room is.
    pub(super) fn watched(&self) -> (bool, bool) {
        let is_some = |count: &AtomicUsize| count.load(Ordering::Relaxed) > 0;
        (is_some(&self.watching), is_some(&self.watching_rooms))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.watched() == (false, false)
    }

    /// Adds a subscriber of one of this SKU's channels, and says whether the channel had none.
    pub(super) fn add(&self, channel: &Channel, slot: Slot, inbox: &Arc<Inbox>) -> bool {
        let count = if channel.is_state() { &self.watching } else { &self.watching_rooms };
        count.fetch_add(1, Ordering::Relaxed);
        self.with_audience(channel, |audience| {
            audience.insert(slot, Arc::clone(inbox));
            audience.len() == 1
        })
    }

    /// Takes a subscriber away, and says whether the channel has none any more.
    pub(super) fn remove(&self, channel: &Channel, slot: Slot) -> bool {
        let (found, is_last) =
            self.with_audience(channel, |audience| (audience.remove(&slot).is_some(), audience.is_empty()));
        if found {
            let count = if channel.is_state() { &self.watching } else { &self.watching_rooms };
            count.fetch_sub(1, Ordering::Relaxed);
        }
        if let (true, Channel::Room(_, number)) = (is_last, channel) {
            self.rooms.lock().remove(number);
        }
        found && is_last
    }

    fn with_audience<T>(&self, channel: &Channel, act: impl FnOnce(&mut Audience) -> T) -> T {
        match channel {
            Channel::Price(_) => act(&mut self.state.lock().price.audience),
            Channel::Stock(_) => act(&mut self.state.lock().stock.audience),
            Channel::Room(_, number) => act(self.rooms.lock().entry(*number).or_default()),
            // Of no SKU: the hub keeps those.
            Channel::Buyer(_) | Channel::Status => act(&mut Audience::default()),
        }
    }

    pub(super) fn has_room(&self, number: RoomNumber) -> bool {
        self.rooms.lock().contains_key(&number)
    }

    /// Offers a message to everybody who subscribed to this room.
    pub(super) fn tell_room(&self, number: RoomNumber, message: &Arc<Message>) {
        for (slot, inbox) in self.rooms.lock().get(&number).into_iter().flatten() {
            inbox.offer(*slot, message);
        }
    }

    /// There will be no more news of this SKU: all its subscribers are cut off.
    pub(super) fn lose(&self, why: Fault) {
        let lose = |audience: &Audience| audience.iter().for_each(|(slot, inbox)| inbox.lose(*slot, why));
        let state = self.state.lock();
        lose(&state.price.audience);
        lose(&state.stock.audience);
        self.rooms.lock().values().for_each(lose);
    }

    /// Takes in how the SKU stands, unless something newer is known.
    pub(super) fn see(&self, view: SkuView) {
        let mut latest = self.latest.lock();
        if latest.as_ref().is_none_or(|known| known.changes < view.changes) {
            *latest = Some(view);
        }
    }

    /// A subscriber begins with a snapshot of this channel: the next look must not leave anything out because the
    /// others know it.
    pub(super) fn forget_told(&self, channel: &Channel) {
        let mut state = self.state.lock();
        match channel {
            Channel::Price(_) => state.price.told = None,
            Channel::Stock(_) => state.stock.told = None,
            Channel::Room(..) | Channel::Buyer(_) | Channel::Status => {}
        }
    }

    /// Tells the subscribers of price and stock how it stands now, and says when the clock will change it.
    pub(super) fn tell_state(&self, now: Millis) -> Option<Millis> {
        let view = self.latest.lock().clone()?;
        let mut state = self.state.lock();
        let StateAudience { price, stock } = &mut *state;
        let version = (view.changes, now);
        let news = [
            price.news(|| convert::price_news(&self.name, Some(&view), now), version),
            stock.news(|| convert::stock_news(&self.name, Some(&view), now), version),
        ];
        let is_watched = !price.audience.is_empty() || !stock.audience.is_empty();
        // Whoever subscribes meanwhile need not wait until thousands have been told: its snapshot is newer.
        drop(state);
        for (message, audience) in news.into_iter().flatten() {
            audience.into_iter().for_each(|(slot, inbox)| inbox.offer_state(slot, &message));
        }
        next_change(&view, now).filter(|_| is_watched)
    }
}

impl AsRef<Mark> for Topic {
    fn as_ref(&self) -> &Mark {
        &self.mark
    }
}

impl Side {
    /// What is to be told to whom, if it is another thing than before.
    fn news(&mut self, render: impl FnOnce() -> convert::Fields, version: (u64, Millis)) -> Option<Round> {
        if self.audience.is_empty() {
            self.told = None;
            return None;
        }
        let message = Arc::new(Message::new(version, render()));
        if self.told.as_ref().is_some_and(|told| message.says_the_same(told)) {
            return None;
        }
        self.told = Some(Arc::clone(&message));
        Some((message, self.audience.iter().map(|(slot, inbox)| (*slot, Arc::clone(inbox))).collect()))
    }
}

/// When the clock alone will change the price or the state of a SKU.
fn next_change(view: &SkuView, now: Millis) -> Option<Millis> {
    let window = view.window();
    let price = view.next_price(now).map(|(_, at)| at);
    let moments = price.into_iter().chain(window.starts_at).chain(window.ends_at);
    moments.filter(|at| *at > now).min()
}
