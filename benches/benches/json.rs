//! What a request costs more when it comes and goes in JSON: into the command that a Redis client would send, and its
//! reply back.

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Map, Value};
use tidegate_protocol::command::{Command, find};
use tidegate_protocol::json;
use tidegate_protocol::reply::Outcome;
use tidegate_protocol::resp::{Limits, Protocol, RequestDecoder, Writer, decode_reply};

const RESERVE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"order.reserve","params":{"sku":"lamp","req":"r-000001","buyer":"u-000001","qty":1}}"#;

fn reserve() -> Option<Command> {
    find(b"ORDER.RESERVE")
}

/// The command of a message, as the WebSocket door makes it.
fn command(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let mut request: Map<String, Value> = serde_json::from_str(text).ok()?;
    let Some(Value::Object(params)) = request.remove("params") else { return None };
    let command = json::method(request.get("method")?.as_str()?)?;
    json::command(command, &params, out).ok()
}

fn requests(criterion: &mut Criterion) {
    let mut bytes = Vec::new();
    assert!(command(RESERVE, &mut bytes).is_some());
    criterion.bench_function("order.reserve from JSON to RESP", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            command(RESERVE, &mut out)
        });
    });
    criterion.bench_function("ORDER.RESERVE decoded and checked", |bencher| {
        let mut decoder = RequestDecoder::new(Limits::default());
        bencher.iter(|| {
            let request = decoder.decode(&bytes).ok().flatten();
            request.and_then(|request| reserve()?.parse(request.args).map(|_| ()).ok())
        });
    });
}

fn replies(criterion: &mut Criterion) {
    let mut bytes = Vec::new();
    let reserved =
        Outcome::Reserved { order: "{lamp}:o:1000000", amount: 129_900, expires_at: 1_795_346_976_561 };
    reserved.write(&mut Writer::new(&mut bytes, Protocol::Resp3));
    criterion.bench_function("RESERVED from RESP to JSON", |bencher| {
        bencher.iter(|| {
            let reply = decode_reply(&bytes).ok().flatten()?.value().ok()?;
            json::reply(reserve()?, &reply).ok().map(|result| result.to_string())
        });
    });
}

criterion_group!(benches, requests, replies);
criterion_main!(benches);
