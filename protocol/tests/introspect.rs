//! What `COMMAND` tells of the table.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

mod common;

use common::with_args;
use tidegate_protocol::command::{COMMANDS, Call, introspect, parse};
use tidegate_protocol::resp::{Protocol, Value, Writer, decode_reply};

fn written(protocol: Protocol, write: impl FnOnce(&mut Writer<'_>)) -> Value {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out, protocol));
    let reply = decode_reply(&out).unwrap().unwrap();
    assert_eq!(reply.wire_len(), out.len(), "counts agree with what follows them");
    reply.value().unwrap()
}

#[test]
fn a_command_entry_has_ten_elements() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let entries = written(protocol, introspect::write_entries);
        assert_eq!(entries.items().len(), COMMANDS.len());
        for entry in entries.items() {
            assert_eq!(entry.items().len(), 10, "{entry:?}");
            for sub in entry.items()[9].items() {
                assert_eq!(sub.items().len(), 10);
            }
        }
        let reserve = with_args(&[b"COMMAND", b"INFO", b"order.reserve", b"no.such", b"client|id"], |args| {
            let Ok(Call::CommandInfo { names }) = parse(args) else { panic!() };
            written(protocol, |writer| introspect::write_info(writer, names))
        });
        let [entry, missing, subcommand] = reserve.items() else { panic!("{reserve:?}") };
        assert_eq!(entry.items()[0].as_str(), Some("order.reserve"));
        assert_eq!(entry.items()[1..6].iter().filter_map(Value::as_int).collect::<Vec<_>>(), [-5, 1, 1, 1]);
        assert_eq!(*missing, Value::Null);
        assert_eq!(subcommand.items()[0].as_str(), Some("client|id"));
    }
}

#[test]
fn command_docs_describes_arguments_and_subcommands() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let docs = with_args(&[b"COMMAND", b"DOCS"], |args| {
            let Ok(Call::CommandDocs { names }) = parse(args) else { panic!() };
            written(protocol, |writer| introspect::write_docs(writer, names))
        });
        assert_eq!(docs.pairs().len(), COMMANDS.len());
        let arguments = docs.get("order.reserve").and_then(|doc| doc.get("arguments")).unwrap().items();
        assert_eq!(arguments[0].get("type").and_then(Value::as_str), Some("key"));
        assert_eq!(arguments[4].get("token").and_then(Value::as_str), Some("MAXPRICE"));
        let client = docs.get("client").and_then(|doc| doc.get("subcommands")).unwrap();
        assert!(client.get("client|setname").is_some());
        let some = with_args(&[b"COMMAND", b"DOCS", b"no.such", b"ping"], |args| {
            let Ok(Call::CommandDocs { names }) = parse(args) else { panic!() };
            written(protocol, |writer| introspect::write_docs(writer, names))
        });
        assert_eq!(some.pairs().len(), 1);
    }
}

#[test]
fn command_getkeys_finds_the_keys() {
    let keys = |line: &str| {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        with_args(&words, |args| {
            let Ok(Call::CommandGetKeys { command }) = parse(args) else { panic!() };
            let mut out = Vec::new();
            let outcome = introspect::write_getkeys(&mut Writer::new(&mut out, Protocol::Resp2), command);
            outcome.map(|()| String::from_utf8(out).unwrap()).map_err(|error| error.to_string())
        })
    };
    assert_eq!(keys("COMMAND GETKEYS SKU.GET a").unwrap(), "*1\r\n$1\r\na\r\n");
    assert_eq!(keys("COMMAND GETKEYS sku.mget a b").unwrap(), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_eq!(keys("COMMAND GETKEYS XLEN orders").unwrap(), "*1\r\n$6\r\norders\r\n");
    assert_eq!(
        keys("COMMAND GETKEYS XREAD COUNT 1 STREAMS a b 0 0").unwrap(),
        "*2\r\n$1\r\na\r\n$1\r\nb\r\n"
    );
    assert_eq!(keys("COMMAND GETKEYS XREADGROUP GROUP STREAMS c streams a >").unwrap(), "*1\r\n$1\r\na\r\n");
    assert_eq!(keys("COMMAND GETKEYS XGROUP CREATE orders g 0").unwrap(), "*1\r\n$6\r\norders\r\n");
    assert_eq!(
        keys("COMMAND GETKEYS XREAD COUNT 1 COUNT 1").unwrap_err(),
        "ERR Invalid arguments specified for command"
    );
    assert_eq!(keys("COMMAND GETKEYS PING").unwrap_err(), "ERR The command has no key arguments");
    assert_eq!(keys("COMMAND GETKEYS NOPE").unwrap_err(), "ERR Invalid command specified");
    assert_eq!(
        keys("COMMAND GETKEYS SKU.GET").unwrap_err(),
        "ERR Invalid number of arguments specified for command"
    );
}
