//! Entries of the feed as a test looks at them.

use std::collections::BTreeMap;

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
        assert_eq!(event["specversion"], "1.0");
        let source = event["source"].as_str().unwrap();
        assert!(source.starts_with("/tidegate/") && source.len() == "/tidegate/".len() + 32, "{source}");
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

/// What the feed and the orders of these SKUs disagree about; nothing, if all is well and nothing moves meanwhile.
pub(crate) fn disagreements(client: &mut Client, skus: &[&str]) -> Vec<String> {
    let feed = client.feed();
    let mut wrong = Vec::new();
    if !feed.windows(2).all(|pair| pair[0].sequence() < pair[1].sequence()) {
        wrong.push("the ids don't ascend".to_owned());
    }
    let length = client.value("XLEN orders").as_int().unwrap();
    if usize::try_from(length) != Ok(feed.len()) {
        wrong.push(format!("XLEN says {length}, and {} were read", feed.len()));
    }
    let mut by_order: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in
        feed.iter().filter(|entry| entry.kind.starts_with("order.") && !entry.text("order").is_empty())
    {
        by_order.entry(entry.text("order")).or_default().push(entry);
    }
    for sku in skus {
        let orders = client.value(&format!("REPORT {sku}"));
        let orders: i64 =
            orders.get("orders").unwrap().pairs().iter().filter_map(|(_, count)| count.as_int()).sum();
        for number in 1..=orders {
            let id = format!("{{{sku}}}:o:{number}");
            let order = client.value(&format!("ORDER.GET {id}"));
            let entries = by_order.remove(id.as_str()).unwrap_or_default();
            if let Some(complaint) = disagreement(client, &order, &entries) {
                let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.as_str()).collect();
                wrong.push(format!("{id}: {complaint}: {kinds:?}, {}", show(&order)));
            }
        }
    }
    wrong.extend(by_order.into_keys().map(|order| format!("{order} is nobody's order")));
    wrong
}

/// What the entries of an order and the order disagree about.
fn disagreement(client: &mut Client, order: &Value, entries: &[&Entry]) -> Option<&'static str> {
    let text = |name: &str| order.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let count = |kind: &str| entries.iter().filter(|entry| entry.kind == kind).count();
    let cart = text("cart");
    if !cart.is_empty() && client.value(&format!("CART.GET {cart}")) == Value::Null {
        return (!entries.is_empty()).then_some("a line of no cart is told of");
    }
    if entries.first().is_none_or(|entry| entry.kind != "order.reserved") || count("order.reserved") != 1 {
        return Some("it is not reserved first and once");
    }
    let buyers = entries.iter().all(|entry| entry.text("buyer") == text("buyer"));
    let places = entries.iter().all(|entry| entry.text("cart") == cart && entry.text("room") == text("room"));
    if !buyers || !places {
        return Some("the entries say another buyer, room or cart");
    }
    let [paid, cancelled, expired, due, refunded] =
        ["paid", "cancelled", "expired", "refund_due", "refunded"]
            .map(|kind| count(&format!("order.{kind}")));
    let fits = match text("state").as_str() {
        "RESERVED" => entries.len() == 1,
        // Paid late, it expired before.
        "PAID" => paid == 1 && cancelled == 0 && expired <= 1 && refunded == 0,
        "CANCELLED" => (paid, cancelled, expired, refunded) == (0, 1, 0, 0),
        "EXPIRED" => (paid, cancelled, expired, due, refunded) == (0, 0, 1, 0, 0),
        "REFUND_DUE" => due > 0 && (paid == 1 || expired == 1),
        _ => refunded > 0,
    };
    let amount = |entry: &&Entry| entry.event["data"]["amount"].as_i64();
    let off = |entry: &&Entry| {
        let discounts = entry.event["data"]["discounts"].as_array().cloned().unwrap_or_default();
        discounts.iter().filter_map(|one| one["amount"].as_i64()).sum::<i64>()
    };
    let priced = entries.iter().filter(|entry| entry.kind != "order.refund_due").all(|entry| {
        let data = &entry.event["data"];
        let line = data["unit_price"].as_i64().unwrap() * data["qty"].as_i64().unwrap();
        amount(entry).unwrap() + off(entry) == line
    });
    if !priced {
        return Some("an amount is not the price less discounts");
    }
    let back: i64 = entries.iter().filter(|entry| entry.text("reason") == "tier").filter_map(amount).sum();
    let mut last =
        entries.iter().rev().filter(|entry| ["order.reserved", "order.paid"].contains(&entry.kind.as_str()));
    if last.next().and_then(amount).map(|paid| paid - back) != order.get("amount").and_then(Value::as_int) {
        return Some("the amount is another one");
    }
    (!fits).then_some("the entries don't lead to its state")
}
