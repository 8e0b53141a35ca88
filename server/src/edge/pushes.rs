//! `SUBSCRIBE` and `UNSUBSCRIBE`, and messages as Redis pushes them.

use tidegate_protocol::command::Words;
use tidegate_protocol::error::WireError;
use tidegate_protocol::resp::{Protocol, Writer};

use super::Edge;
use crate::convert;
use crate::push::{Channel, Cut, Delivery, Subscriber};

/// What is pushed to one connection. Nothing, for most of them.
#[derive(Default)]
pub(super) struct Pushes(Option<Box<Subscriber>>);

/// The channels that these words name.
///
/// # Errors
/// If one of them is none.
pub(super) fn parse(words: Words<'_>) -> Result<Vec<Channel>, WireError> {
    let channel = |word| Channel::parse(word).map_err(|error| WireError::invalid(error.to_string()));
    words.texts().map(channel).collect()
}

impl Pushes {
    /// Whether the client has subscribed to nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Subscribes and confirms, channel by channel. The snapshots follow as messages.
    pub(super) fn subscribe(
        &mut self,
        channels: Vec<Channel>,
        edge: &Edge,
        writer: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        let subscriber = self.0.get_or_insert_with(|| Box::new(edge.hub.subscriber()));
        let mut refused = None;
        let mut is_first = true;
        subscriber.subscribe(channels, |channel, done| {
            match done.map_err(|error| convert::not_subscribed(error, edge.limits.retry_ms)) {
                Ok(count) => confirm("subscribe", Some(channel.to_string().as_bytes()), count, writer),
                // In its place: those before it are confirmed.
                Err(error) if !is_first => error.write(writer),
                Err(error) => refused = Some(error),
            }
            is_first = false;
        });
        self.forget_if_idle();
        refused.map_or(Ok(()), Err)
    }

    /// Unsubscribes and confirms, channel by channel; from all if none is named.
    pub(super) fn unsubscribe(&mut self, channels: Words<'_>, writer: &mut Writer<'_>) {
        let all = self.0.as_ref().filter(|_| channels.is_empty()).map(|subscriber| subscriber.channels());
        let names = all.iter().flatten().map(|channel| channel.to_string().into_bytes());
        let names: Vec<Vec<u8>> = channels.iter().map(<[u8]>::to_vec).chain(names).collect();
        for name in &names {
            let channel = std::str::from_utf8(name).ok().and_then(|name| Channel::parse(name).ok());
            if let (Some(subscriber), Some(channel)) = (&self.0, channel) {
                subscriber.unsubscribe(&channel);
            }
            confirm("unsubscribe", Some(name), self.count(), writer);
        }
        if names.is_empty() {
            confirm("unsubscribe", None, 0, writer);
        }
        self.forget_if_idle();
    }

    /// Subscribes to these channels and waits for their snapshots; whoever calls it hands them over first.
    pub(super) async fn subscribe_with_snapshots(
        &mut self,
        channels: Vec<Channel>,
        edge: &Edge,
    ) -> Result<Vec<Delivery>, WireError> {
        let subscriber = self.0.get_or_insert_with(|| Box::new(edge.hub.subscriber()));
        let begun = subscriber.subscribe_with_snapshots(channels).await;
        self.forget_if_idle();
        begun.map_err(|error| convert::not_subscribed(error, edge.limits.retry_ms))
    }

    /// Unsubscribes from these channels, or from all. How many there are still.
    pub(super) fn leave(&mut self, channels: Option<Vec<Channel>>) -> usize {
        match (&self.0, channels) {
            (Some(subscriber), Some(channels)) => {
                channels.iter().for_each(|channel| subscriber.unsubscribe(channel));
            }
            (_, None) => self.0 = None,
            (None, Some(_)) => {}
        }
        self.forget_if_idle();
        self.count()
    }

    /// The next message, if one waits.
    ///
    /// # Errors
    /// If the client is cut off.
    pub(super) fn try_next(&self) -> Result<Option<Delivery>, Cut> {
        self.0.as_ref().map_or(Ok(None), |subscriber| subscriber.try_next())
    }

    fn count(&self) -> usize {
        self.0.as_ref().map_or(0, |subscriber| subscriber.count())
    }

    fn forget_if_idle(&mut self) {
        if self.count() == 0 {
            self.0 = None;
        }
    }

    /// Waits until there is something to push; for ever, if nothing was subscribed to.
    pub(super) async fn ready(&self) {
        match &self.0 {
            Some(subscriber) => subscriber.ready().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until the client is cut off.
    pub(super) async fn cut(&self) -> Cut {
        match &self.0 {
            Some(subscriber) => subscriber.cut().await,
            None => std::future::pending().await,
        }
    }

    /// Writes messages that are there, until there are about `most` bytes.
    ///
    /// # Errors
    /// If the client is cut off.
    pub(super) fn fill(&self, most: usize, protocol: Protocol, output: &mut Vec<u8>) -> Result<(), Cut> {
        let Some(subscriber) = &self.0 else { return Ok(()) };
        while output.len() < most {
            let Some(delivery) = subscriber.try_next()? else { break };
            let mut writer = Writer::new(output, protocol);
            writer.push(3);
            writer.bulk("message");
            writer.bulk(delivery.channel().to_string());
            writer.bulk(delivery.data_with_seq());
        }
        Ok(())
    }
}

/// What Redis answers for each channel: which it was, and how many there are now.
fn confirm(what: &str, channel: Option<&[u8]>, count: usize, writer: &mut Writer<'_>) {
    writer.push(3);
    writer.bulk(what);
    writer.bulk_or_null(channel);
    writer.uint(u64::try_from(count).unwrap_or(u64::MAX));
}
