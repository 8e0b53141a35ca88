//! A sale through redis-rs, whose handshake and types are its own.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::collections::HashMap;

use common::{Server, document};
use redis::{Client, Connection, ErrorKind, Value, cmd, pipe};

fn sell(mut client: Connection, sku: &str) {
    let order = format!("{{{sku}}}:o:1");
    let put: Vec<String> = cmd("SKU.PUT").arg(sku).arg(document(10, 500, "")).query(&mut client).unwrap();
    assert_eq!(put, ["CREATED"]);
    let reserve = |client: &mut Connection, req: &str, qty: u32| {
        cmd("ORDER.RESERVE").arg(sku).arg(req).arg("u1").arg(qty).query::<Vec<Value>>(client)
    };
    let held = reserve(&mut client, "r1", 2).unwrap();
    let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
    assert_eq!(held[..3], [text("RESERVED"), text(&order), Value::Int(1_000)]);
    assert_eq!(reserve(&mut client, "r1", 2).unwrap(), held);
    assert_eq!(reserve(&mut client, "r2", 9).unwrap(), [text("SOLD_OUT")]);
    let reused = reserve(&mut client, "r1", 3).unwrap_err();
    assert_eq!((reused.code(), reused.kind()), (Some("IDEMPREUSE"), ErrorKind::Extension));
    let (paid, shown): (Vec<String>, HashMap<String, Value>) = pipe()
        .cmd("ORDER.PAY")
        .arg(&order)
        .arg("p1")
        .arg(1_000)
        .arg("pay-1")
        .cmd("SKU.GET")
        .arg(sku)
        .query(&mut client)
        .unwrap();
    assert_eq!(paid, ["PAID", &order]);
    assert_eq!(
        (&shown["sold"], &shown["available"], &shown["ends_at"]),
        (&Value::Int(2), &Value::Int(8), &Value::Nil)
    );
    let nothing: Option<HashMap<String, Value>> = cmd("SKU.GET").arg("nothing").query(&mut client).unwrap();
    assert_eq!(nothing, None);
}

#[test]
fn redis_rs_sells_in_either_protocol() {
    let server = Server::start();
    for (sku, protocol) in [("iphone", ""), ("other", "?protocol=resp3")] {
        let client = Client::open(format!("redis://{}/{protocol}", server.tcp())).unwrap();
        sell(client.get_connection().unwrap(), sku);
    }
    assert_eq!(server.client().books("other"), "total=10 available=8 reserved=0 sold=2");
}
