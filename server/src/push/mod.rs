//! Pushes: what happens is told to whoever subscribed to it, whatever door they came by.
//!
//! * `channel.rs`: what can be subscribed to.
//! * `hub.rs`: who subscribed to what. Actors hand their news to it when they are durable; changes of price and stock go
//!   round in its own task, which also knows what the clock will change.
//! * `topic.rs`: a SKU that somebody subscribed to.
//! * `snapshot.rs`: what a subscriber begins with.
//! * `inbox.rs`: what waits for one subscriber, and when it is cut off.
//! * `subscriber.rs`: what a door does with all this.
//! * `message.rs`: what is pushed.
//! * `pulse.rs`: how the server stands, once a second for the `watchers.rs`; `activity.rs`: which SKUs are the busiest.

mod activity;
mod channel;
mod hub;
mod inbox;
mod marks;
mod message;
mod pulse;
#[cfg(test)]
mod simulation;
mod snapshot;
mod subscriber;
#[cfg(test)]
mod tests;
mod topic;
mod watchers;

use std::sync::Arc;

use tidegate_actors::Fault;

pub use channel::{Channel, NoChannel};
pub use hub::Hub;
pub use message::Delivery;
pub use pulse::Pulse;
pub use subscriber::Subscriber;

/// Why a subscriber gets nothing more: its connection is to be closed, and it may come again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// It lets too much wait that can't be left out.
    #[error("reads too slowly: more than {most} messages wait, the last of {channel} (push.queue_length)")]
    Slow {
        /// The channel whose message was one too many.
        channel: Arc<Channel>,
        /// How many may wait.
        most: usize,
    },
    /// A channel can't be followed any more.
    #[error("{channel} can't be followed: {fault}")]
    Lost {
        /// The channel.
        channel: Arc<Channel>,
        /// Why.
        fault: Fault,
    },
}

/// Why a subscription was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// There is nothing to subscribe to yet.
    #[error("the journal is being replayed; retry in a moment")]
    Loading,
    /// What the channel is about can't be asked.
    #[error(transparent)]
    Unavailable(Fault),
    /// The connection has as many subscriptions as it may have.
    #[error(
        "a connection has at most {limit} subscriptions (push.max_channels_per_connection); unsubscribe or \
         use another connection"
    )]
    TooManyHere {
        /// How many.
        limit: usize,
    },
    /// There are as many channels as there may be.
    #[error("as many channels are subscribed to as the configuration admits ({limit}, push.max_channels)")]
    TooManyInAll {
        /// How many.
        limit: usize,
    },
}

/// How the hub stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubStatus {
    /// Channels with at least one subscriber.
    pub channels: usize,
    /// Messages handed to subscribers since the start.
    pub delivered: u64,
    /// Messages that were replaced by newer ones before their subscriber took them.
    pub coalesced: u64,
    /// Subscribers that were cut off.
    pub cut: u64,
}
