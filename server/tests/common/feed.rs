//! Entries of the feed as a test looks at them.

use serde_json::Value as Json;
use tidegate_protocol::resp::Value;

use super::{Client, show};

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) event: Json,
}

impl Entry {
    #[track_caller]
    fn new(entry: &Value) -> Self {
        let [id, fields] = entry.items() else { panic!("no entry: {}", show(entry)) };
        let fields: Vec<&str> = fields.items().iter().map(|field| field.as_str().unwrap()).collect();
        let ["type", kind, "key", key, "data", data] = fields[..] else { panic!("{fields:?}") };
        let event: Json = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"));
        let id = id.as_str().unwrap();
        assert_eq!((&event["id"], &event["type"]), (&Json::from(id), &Json::from(kind)));
        assert_eq!((&event["specversion"], &event["source"]), (&Json::from("1.0"), &Json::from("/tidegate")));
        Self { id: id.to_owned(), kind: kind.to_owned(), key: key.to_owned(), event }
    }

    /// The sequence of its event.
    pub(crate) fn sequence(&self) -> u64 {
        self.id.strip_suffix("-0").unwrap().parse().unwrap()
    }

    /// The data without quotes and braces: `order:{lamp}:o:1,buyer:ann,...`; fields that are there only.
    pub(crate) fn data(&self, fields: &[&str]) -> String {
        let field = |name: &&str| match &self.event["data"][*name] {
            Json::Null => None,
            Json::String(text) => Some(format!("{name}={text}")),
            other => Some(format!("{name}={other}")),
        };
        let fields: Vec<_> = fields.iter().filter_map(field).collect();
        format!("{} {}", self.kind, fields.join(" ")).trim_end().to_owned()
    }

    /// A text of the data.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.event["data"][name].as_str().unwrap_or_default()
    }
}

/// The entries of an array.
#[track_caller]
pub(crate) fn entries(array: &Value) -> Vec<Entry> {
    assert!(!matches!(array, Value::Error(_)), "{}", show(array));
    array.items().iter().map(Entry::new).collect()
}

/// The entries of a reply to `XREAD` or `XREADGROUP` on one stream, in RESP2; none if it is nil.
#[track_caller]
pub(crate) fn streamed(reply: &Value) -> Vec<Entry> {
    assert!(!matches!(reply, Value::Error(_)), "{}", show(reply));
    match reply.items() {
        [] => Vec::new(),
        [stream] => {
            assert_eq!(stream.items()[0].as_str(), Some("orders"));
            entries(&stream.items()[1])
        }
        _ => panic!("{}", show(reply)),
    }
}

impl Client {
    /// All entries that there are, read a few at a time.
    #[track_caller]
    pub(crate) fn feed(&mut self) -> Vec<Entry> {
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let from = all.last().map_or("0", |entry| &entry.id);
            let read = streamed(&self.value(&format!("XREAD COUNT 700 STREAMS orders {from}")));
            if read.is_empty() {
                return all;
            }
            all.extend(read);
        }
    }
}
