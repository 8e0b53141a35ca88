//! One subscriber, as the doors use it.

use std::sync::Arc;

use tidegate_actors::{Condition, Fault};

use super::hub::Hub;
use super::inbox::{Inbox, Slot};
use super::message::Delivery;
use super::snapshot;
use super::{Channel, Cut, SubscribeError};

/// A channel and the number of the subscription to it.
type Place = (Arc<Channel>, Slot);

/// One who subscribes: a connection. Dropping it ends its subscriptions.
///
/// The first delivery of a channel is its snapshot, and what follows is all that happened after it: no gap, nothing
/// twice.
#[derive(Debug)]
pub struct Subscriber {
    hub: Arc<Hub>,
    inbox: Arc<Inbox>,
}

impl Subscriber {
    pub(super) fn new(hub: Arc<Hub>, inbox: Arc<Inbox>) -> Self {
        Self { hub, inbox }
    }

    /// How many channels it has subscribed to.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inbox.len()
    }

    /// The channels it has subscribed to, in no particular order.
    #[must_use]
    pub fn channels(&self) -> Vec<Arc<Channel>> {
        self.inbox.channels()
    }

    /// Subscribes to these channels, up to the first that can't be, and says of each how many there are now. The snapshots
    /// will be delivered first, in this order. Subscribing again begins anew with a snapshot.
    ///
    /// Must be called on a thread of an actix arbiter.
    pub fn subscribe(
        &self,
        channels: Vec<Channel>,
        mut said: impl FnMut(&Channel, Result<usize, SubscribeError>),
    ) {
        let mut entered = Vec::with_capacity(channels.len());
        for channel in channels {
            match self.enter(&channel) {
                Ok(place) => {
                    said(&channel, Ok(self.count()));
                    entered.push(place);
                }
                Err(error) => {
                    said(&channel, Err(error));
                    break;
                }
            }
        }
        if !entered.is_empty() {
            let (hub, inbox) = (Arc::clone(&self.hub), Arc::clone(&self.inbox));
            actix_rt::spawn(async move {
                // Without a snapshot the subscriber is cut off, and is told why when it asks for its next delivery.
                let _ = begin(&hub, &inbox, &entered, true).await;
            });
        }
    }

    /// Subscribes to several channels and waits for their snapshots, which are returned instead of being delivered.
    /// Whoever calls it hands them over before anything that is delivered later.
    ///
    /// Must be called on a thread of an actix arbiter.
    ///
    /// # Errors
    /// If that can't be for one of them. Then there is a subscription to none of them.
    pub async fn subscribe_with_snapshots(
        &self,
        channels: Vec<Channel>,
    ) -> Result<Vec<Delivery>, SubscribeError> {
        let entered: Result<Vec<_>, _> = channels.iter().map(|channel| self.enter(channel)).collect();
        let begun = match entered {
            Ok(entered) => begin(&self.hub, &self.inbox, &entered, false).await,
            Err(error) => Err(error),
        };
        if begun.is_err() {
            channels.iter().for_each(|channel| self.unsubscribe(channel));
        }
        begun
    }

    fn enter(&self, channel: &Channel) -> Result<Place, SubscribeError> {
        if let Some(fault) = self.fault(channel)? {
            return Err(SubscribeError::Unavailable(fault));
        }
        self.unsubscribe(channel);
        let limit = self.hub.settings.max_channels_per_connection;
        if self.count() >= limit {
            return Err(SubscribeError::TooManyHere { limit });
        }
        let channel = Arc::new(channel.clone());
        let slot = self.hub.enter(&channel, &self.inbox)?;
        Ok((channel, slot))
    }

    /// Why there will be no news of this channel, if so.
    fn fault(&self, channel: &Channel) -> Result<Option<Fault>, SubscribeError> {
        if !channel.needs_the_sale() {
            return Ok(None);
        }
        let house = self.hub.house()?;
        let is_out = |sku: &str| {
            house.find(sku).is_some_and(|seat| seat.shown().condition() == Condition::Quarantined)
        };
        Ok(match channel {
            _ if house.journal_failed() => Some(Fault::JournalFailed),
            Channel::Price(sku) | Channel::Stock(sku) | Channel::Room(sku, _) if is_out(sku) => {
                Some(Fault::Quarantined)
            }
            _ => None,
        })
    }

    /// Ends a subscription, if there is one.
    pub fn unsubscribe(&self, channel: &Channel) {
        if let Some(slot) = self.inbox.close(channel) {
            self.hub.leave(channel, slot);
        }
    }

    /// The next delivery, if one waits.
    ///
    /// # Errors
    /// If it is cut off: the connection is to be closed.
    pub fn try_next(&self) -> Result<Option<Delivery>, Cut> {
        self.inbox.take()
    }

    /// Waits for the next delivery.
    ///
    /// # Errors
    /// As [`Self::try_next`].
    pub async fn next(&self) -> Result<Delivery, Cut> {
        loop {
            self.inbox.ready().await;
            if let Some(delivery) = self.inbox.take()? {
                return Ok(delivery);
            }
        }
    }

    /// Waits until [`Self::try_next`] has something to say. Nothing is lost if the wait is given up.
    pub async fn ready(&self) {
        self.inbox.ready().await;
    }

    /// Waits until it is cut off: for whoever is writing to a client that does not read.
    pub async fn cut(&self) -> Cut {
        self.inbox.cut().await
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        for channel in self.inbox.channels() {
            self.unsubscribe(&channel);
        }
    }
}

/// Gets the snapshots, all at once, and begins with them in order.
async fn begin(
    hub: &Arc<Hub>,
    inbox: &Arc<Inbox>,
    places: &[Place],
    queued: bool,
) -> Result<Vec<Delivery>, SubscribeError> {
    let ask = |(channel, slot): &Place| {
        let (hub, inbox, channel, slot) = (Arc::clone(hub), Arc::clone(inbox), Arc::clone(channel), *slot);
        actix_rt::spawn(async move { snapshot::take(&hub, &channel, || inbox.has(slot)).await })
    };
    let asked: Vec<_> = places.iter().map(ask).collect();
    let mut deliveries = Vec::new();
    for ((channel, slot), asked) in places.iter().zip(asked) {
        // A task that panicked has said so.
        match asked.await.unwrap_or(Err(Fault::Panicked)) {
            Ok(snapshot) => {
                deliveries.extend(inbox.begin(*slot, snapshot.message, queued));
                hub.begun(channel, snapshot.view);
            }
            Err(fault) => {
                if queued {
                    inbox.lose(*slot, fault);
                }
                return Err(SubscribeError::Unavailable(fault));
            }
        }
    }
    Ok(deliveries)
}
