//! An endpoint as a consumer of the feed: the commands that any Redis client would send.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use actix_web::web::Bytes;
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::resp::{Value, decode_reply, encode_command};

use crate::edge::{Caller, Edge};
use crate::feed::{Feed, STREAM};
use crate::metrics::Recorder;
use crate::security::Principal;

/// The consumer whose entries are being sent.
pub(super) const SENDER: &str = "sender";

/// The consumer that has the entries which were given up.
const DEAD_LETTERS: &str = "dead-letters";

/// An entry of the feed.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) kind: String,
    /// The event in JSON.
    pub(super) event: Bytes,
}

impl Entry {
    /// The same at each attempt: the event's source and id, which together are its name wherever it goes.
    pub(super) fn webhook_id(&self, source: &str) -> String {
        format!("{source}/{}", self.id)
    }
}

/// What was delivered: an entry, or the id of one that is not kept any more.
pub(super) type Delivered = Result<Entry, String>;

/// What a group has delivered and nobody has acknowledged.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pending {
    pub(super) all: u64,
    pub(super) sender: u64,
    pub(super) dead_letters: u64,
}

/// What was delivered of some types.
pub(super) struct Wanted {
    pub(super) page: Vec<Delivered>,
    /// Entries of other types that were passed over.
    pub(super) skipped: u64,
    /// Whether nothing is known to come behind them.
    pub(super) is_all: bool,
}

/// Why the feed does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The group is gone: somebody destroyed it.
    #[error("its consumer group is gone")]
    NoGroup,
    /// What the feed said.
    #[error("{0}")]
    Refused(String),
    /// Not what was asked for.
    #[error("the feed answered what can't be understood; please report this as a defect")]
    Unclear,
}

impl From<WireError> for Trouble {
    fn from(error: WireError) -> Self {
        if error.code() == ErrorCode::NoGroup { Self::NoGroup } else { Self::Refused(error.to_string()) }
    }
}

/// The consumer group of an endpoint.
pub(super) struct Consumer {
    edge: Arc<Edge>,
    recorder: Arc<Recorder>,
    feed: Arc<Feed>,
    group: String,
}

impl Consumer {
    pub(super) fn new(edge: Arc<Edge>, recorder: Arc<Recorder>, feed: Arc<Feed>, group: String) -> Self {
        Self { edge, recorder, feed, group }
    }

    /// Makes the group, unless there is one. A new one begins with what comes next.
    pub(super) async fn join(&self) -> Result<(), Trouble> {
        match self.ask(&["XGROUP", "CREATE", STREAM, &self.group, "$", "MKSTREAM"]).await {
            Err(Trouble::Refused(text)) if text.starts_with(ErrorCode::BusyGroup.word()) => Ok(()),
            other => other.map(drop),
        }
    }

    pub(super) async fn pending(&self) -> Result<Pending, Trouble> {
        let reply = self.ask(&["XPENDING", STREAM, &self.group]).await?;
        let [all, _, _, consumers] = reply.items() else { return Err(Trouble::Unclear) };
        let mut pending = Pending { all: number(all)?, ..Pending::default() };
        for consumer in consumers.items() {
            let [name, count] = consumer.items() else { return Err(Trouble::Unclear) };
            match name.as_str() {
                Some(SENDER) => pending.sender = number(count)?,
                Some(DEAD_LETTERS) => pending.dead_letters = number(count)?,
                _ => {}
            }
        }
        Ok(pending)
    }

    /// What was delivered before and has not been acknowledged (`0`), or what is new (`>`).
    pub(super) async fn read(&self, from: &str, most: u64) -> Result<Vec<Delivered>, Trouble> {
        let most = most.to_string();
        let words = ["XREADGROUP", "GROUP", &self.group, SENDER, "COUNT", &most, "STREAMS", STREAM, from];
        match self.ask(&words).await? {
            Value::Null => Ok(Vec::new()),
            reply => reply.get(STREAM).ok_or(Trouble::Unclear)?.items().iter().map(delivered).collect(),
        }
    }

    /// What is new of these types. The rest is passed over: during a sale it may be thousands of entries a second, too many
    /// to be delivered and acknowledged.
    pub(super) async fn read_wanted(&self, types: &Arc<[String]>, most: u64) -> Result<Wanted, Trouble> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let delivery = self.feed.deliver_wanted((&self.group, SENDER), types, most).await?;
        let entry = |bytes: &Vec<u8>| {
            let reply = decode_reply(bytes).ok().flatten().and_then(|reply| reply.value().ok());
            delivered(&reply.ok_or(Trouble::Unclear)?)
        };
        let page = delivery.entries.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Wanted { page, skipped: delivery.skipped, is_all: delivery.is_all })
    }

    /// These will not be delivered again.
    pub(super) async fn acknowledge(&self, ids: &[String]) -> Result<(), Trouble> {
        let mut words = vec!["XACK", STREAM, &self.group];
        words.extend(ids.iter().map(String::as_str));
        if ids.is_empty() { Ok(()) } else { self.ask(&words).await.map(drop) }
    }

    /// Gives an entry up: it stays, under another consumer.
    pub(super) async fn set_aside(&self, id: &str) -> Result<(), Trouble> {
        self.ask(&["XCLAIM", STREAM, &self.group, DEAD_LETTERS, "0", id, "JUSTID"]).await.map(drop)
    }

    async fn ask(&self, words: &[&str]) -> Result<Value, Trouble> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let mut command = Vec::new();
        encode_command(&mut command, &words);
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // One for each command: what stays would be a connection that a stop waits for.
        let mut caller = Caller::for_one_request(&self.edge, &self.recorder, (here, here));
        caller.authenticate(Principal::Itself);
        let reply = caller.call(&command).await.map_err(|error| Trouble::Refused(error.to_string()))?;
        let reply = decode_reply(&reply).ok().flatten().and_then(|reply| reply.value().ok());
        match reply.ok_or(Trouble::Unclear)? {
            Value::Error(text) if text.starts_with(ErrorCode::NoGroup.word()) => Err(Trouble::NoGroup),
            Value::Error(text) => Err(Trouble::Refused(text)),
            value => Ok(value),
        }
    }
}

/// A count, which the one version of the protocol tells as a number and the other as text.
fn number(value: &Value) -> Result<u64, Trouble> {
    let number = match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        other => other.as_str().and_then(|text| text.parse().ok()),
    };
    number.ok_or(Trouble::Unclear)
}

fn delivered(entry: &Value) -> Result<Delivered, Trouble> {
    let [id, fields] = entry.items() else { return Err(Trouble::Unclear) };
    let id = id.as_str().ok_or(Trouble::Unclear)?.to_owned();
    if fields.items().is_empty() {
        return Ok(Err(id));
    }
    match (fields.get("type").and_then(Value::as_str), fields.get("data")) {
        (Some(kind), Some(Value::Text(event))) => {
            Ok(Ok(Entry { id, kind: kind.to_owned(), event: event.clone().into() }))
        }
        _ => Err(Trouble::Unclear),
    }
}
