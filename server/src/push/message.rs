//! What is pushed: rendered once, however many subscribers it goes to.

use std::sync::Arc;

use serde_json::{Map, Value};
use tidegate_engine::Millis;
use tidegate_protocol::json::time;

use super::Channel;

/// One message of a channel, without what differs between subscribers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The change of the SKU that it shows, and when it was looked at: later ones are newer.
    pub(super) version: (u64, Millis),
    /// A JSON object.
    json: Box<str>,
    /// Where in it the content begins: the time of rendering stands before it.
    content_from: usize,
}

impl Message {
    pub(super) fn new(version: (u64, Millis), fields: Map<String, Value>) -> Self {
        let mut json = format!(r#"{{"server_time":{}"#, time(i64::try_from(version.1.0).unwrap_or(i64::MAX)));
        let content_from = json.len();
        for (name, value) in fields {
            json.push_str(&format!(",{}:{value}", Value::String(name)));
        }
        json.push('}');
        Self { version, json: json.into(), content_from }
    }

    /// Whether a subscriber who has the other learns nothing from this one.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.json[self.content_from..] == other.json[other.content_from..]
    }
}

/// A message on its way to one subscriber.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub(super) channel: Arc<Channel>,
    pub(super) seq: u64,
    pub(super) message: Arc<Message>,
}

impl Delivery {
    /// The channel it is of.
    #[must_use]
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The number of this delivery among those of the channel to this subscriber since it subscribed. The first is the
    /// snapshot.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The payload: a JSON object.
    #[must_use]
    pub fn data(&self) -> &str {
        &self.message.json
    }

    /// The payload with `seq` among its fields.
    #[must_use]
    pub fn data_with_seq(&self) -> String {
        // The object has at least its time.
        format!(r#"{{"seq":{},{}"#, self.seq, &self.message.json[1..])
    }
}
