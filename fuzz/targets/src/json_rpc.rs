//! JSON-RPC: whatever is sent is answered by what JSON-RPC 2.0 calls an answer, and the next request is answered too.

use serde_json::{Value, json};

use crate::stage::{self, Stage};
use crate::{books, ws_frames};

/// More is not sent.
const MOST_BYTES: usize = 32 << 10;

/// Requests that one batch may have, as configured.
const MOST_CALLS: usize = 256;

/// What is on sale.
const SALE: &[u8] = br#"
CAMPAIGN.PUT fair '{"title":"Fair","skus":["hat","coat"],"coupon_windows":[{"event":"look","percent_off":20,"window_s":60}]}'
SKU.PUT hat '{"title":"Hat","stock":5,"currency":"EUR","price":{"fixed":100}}'
SKU.PUT coat '{"title":"Coat","stock":5,"currency":"EUR","price":{"fixed":900},"group_buy":{"tiers":[{"members":2,"percent_off":10}]}}'
"#;

/// Messages, one a line.
///
/// # Panics
/// If an answer is none, belongs to nothing that was asked, or does not come.
pub fn json_rpc(bytes: &[u8]) {
    if bytes.len() <= MOST_BYTES {
        stage::run(async || talk(bytes).await);
    }
}

async fn talk(bytes: &[u8]) {
    let mut stage = Stage::open().await;
    let put = stage.ask(SALE).await;
    assert!(put.iter().all(|reply| !reply.items().is_empty()), "{put:?}");
    let mut client = stage.websocket();
    let (mut ids, mut most) = (Vec::new(), 0);
    for line in bytes.split(|byte| *byte == b'\n') {
        // What is no UTF-8 ends a connection, and is tried elsewhere.
        let line = String::from_utf8_lossy(line);
        client.send(&ws_frames::text(line.as_bytes())).await;
        most += calls(&line, &mut ids);
    }
    let last = json!({ "jsonrpc": "2.0", "id": "the last", "method": "sku.get", "params": { "sku": "hat" } });
    client.send(&ws_frames::text(last.to_string().as_bytes())).await;
    stage.settle().await;
    let messages = ws_frames::answers(&client.heard());
    let answers: Vec<&Value> =
        messages.iter().flat_map(each).filter(|answer| answer.get("id").is_some()).collect();
    let is_answered =
        answers.last().is_some_and(|answer| answer["id"] == "the last" && answer.get("result").is_some());
    assert!(is_answered, "the last request is not answered: {:?}", messages.last());
    assert!(answers.len() <= most + 1, "{} answers to {most} requests", answers.len());
    for answer in answers {
        let id = &answer["id"];
        assert!(id.is_null() || *id == "the last" || ids.contains(id), "nobody has asked with the id {id}");
    }
    client.finish().await;
    stage.settle().await;
    books::audit(&mut stage).await;
}

/// The most answers that a message can have; notes the ids that it has.
fn calls(line: &str, ids: &mut Vec<Value>) -> usize {
    let Ok(message) = serde_json::from_str::<Value>(line) else { return 1 };
    let calls: Vec<&Value> = each(&message).collect();
    ids.extend(calls.iter().filter_map(|call| call.get("id")).cloned());
    if calls.len() > MOST_CALLS { 1 } else { calls.len().max(1) }
}

/// What a message holds: itself, or the items of a batch.
fn each(message: &Value) -> impl Iterator<Item = &Value> {
    match message {
        Value::Array(items) => items.iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

/// A message of a server.
///
/// # Panics
/// If it is none.
pub(crate) fn checked(payload: &[u8]) -> Value {
    let message: Value = serde_json::from_slice(payload).expect("an answer that is no JSON");
    let answers = each(&message).count();
    assert!((1..=MOST_CALLS).contains(&answers), "{answers} answers in one message");
    for answer in each(&message) {
        assert_eq!(answer["jsonrpc"], "2.0", "{answer}");
        if let Some(method) = answer.get("method") {
            assert_eq!(method, "subscription", "{answer}");
            assert!(answer.get("id").is_none() && answer["params"]["seq"].is_u64(), "{answer}");
            continue;
        }
        let id = answer.get("id").expect("an answer without an id");
        assert!(id.is_null() || id.is_string() || id.is_number(), "{answer}");
        match (answer.get("result"), answer.get("error")) {
            (Some(_), None) => {}
            (None, Some(error)) => {
                let is_whole = error["code"].is_i64()
                    && error["message"].is_string()
                    && error["data"]["code"].is_string();
                assert!(is_whole, "{answer}");
            }
            _ => panic!("{answer} has not one of result and error"),
        }
    }
    message
}
