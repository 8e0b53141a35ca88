//! What the server writes, byte by byte, and what a client reads of it.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

use proptest::prelude::*;
use tidegate_protocol::resp::{
    CommandWriter, Field, Limits, Protocol, ReplyError, ReplyKind, RequestDecoder, Value, Writer,
    decode_reply,
};

fn written(protocol: Protocol, write: impl FnOnce(&mut Writer<'_>)) -> String {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out, protocol));
    String::from_utf8(out).unwrap()
}

#[test]
fn every_type_has_its_bytes_in_both_versions() {
    type Write = fn(&mut Writer<'_>);
    let table: &[(Write, &str, &str)] = &[
        (|w| w.array(0), "*0\r\n", "*0\r\n"),
        (|w| w.array(12), "*12\r\n", "*12\r\n"),
        (|w| w.map(7), "*14\r\n", "%7\r\n"),
        (|w| w.set(2), "*2\r\n", "~2\r\n"),
        (|w| w.push(3), "*3\r\n", ">3\r\n"),
        (|w| w.bulk("SOLD_OUT"), "$8\r\nSOLD_OUT\r\n", "$8\r\nSOLD_OUT\r\n"),
        (|w| w.bulk(""), "$0\r\n\r\n", "$0\r\n\r\n"),
        (|w| w.bulk("a\r\nlong one"), "$11\r\na\r\nlong one\r\n", "$11\r\na\r\nlong one\r\n"),
        (|w| w.bulk_or_null(None::<&str>), "$-1\r\n", "_\r\n"),
        (|w| w.simple("OK"), "+OK\r\n", "+OK\r\n"),
        (|w| w.simple("two\r\nlines"), "+two  lines\r\n", "+two  lines\r\n"),
        (|w| w.int(-42), ":-42\r\n", ":-42\r\n"),
        (|w| w.uint(599900), ":599900\r\n", ":599900\r\n"),
        (|w| w.uint(u64::MAX), ":9223372036854775807\r\n", ":9223372036854775807\r\n"),
        (|w| w.uint_or_null(None), "$-1\r\n", "_\r\n"),
        (|w| w.bool(true), ":1\r\n", "#t\r\n"),
        (|w| w.bool(false), ":0\r\n", "#f\r\n"),
        (|w| w.null(), "$-1\r\n", "_\r\n"),
        (|w| w.error("ERR", &["no\r\n", "+OK\r\n"]), "-ERR no  +OK  \r\n", "-ERR no  +OK  \r\n"),
    ];
    for (write, resp2, resp3) in table {
        assert_eq!(written(Protocol::Resp2, write), *resp2);
        assert_eq!(written(Protocol::Resp3, write), *resp3);
    }
}

#[test]
fn an_accepted_reservation_is_read_field_by_field() {
    let bytes = written(Protocol::Resp2, |w| {
        w.array(4);
        w.bulk("RESERVED");
        w.bulk("{iphone}:o:1");
        w.uint(599900);
        w.null();
    });
    let reply = decode_reply(bytes.as_bytes()).unwrap().unwrap();
    assert_eq!(reply.kind(), ReplyKind::Array);
    assert_eq!(reply.wire_len(), bytes.len());
    assert_eq!(reply.status(), Some(b"RESERVED".as_slice()));
    let fields: Vec<_> = reply.fields().skip(1).collect();
    assert_eq!(fields, [Field::Text(b"{iphone}:o:1"), Field::Integer(599900), Field::Null]);
}

#[test]
fn an_error_is_told_apart_from_an_outcome() {
    let reply = decode_reply(b"-OVERLOADED retry_ms=20 too many orders waiting\r\n+OK\r\n").unwrap().unwrap();
    assert_eq!(reply.kind(), ReplyKind::Error);
    assert_eq!(reply.error_code(), Some(b"OVERLOADED".as_slice()));
    assert_eq!(reply.error(), Some(b"OVERLOADED retry_ms=20 too many orders waiting".as_slice()));
    assert_eq!(reply.status(), None);
    assert_eq!(decode_reply(b"$-1\r\n").unwrap().unwrap().kind(), ReplyKind::Null);
    assert_eq!(decode_reply(b"_\r\n").unwrap().unwrap().kind(), ReplyKind::Null);
}

#[test]
fn a_map_reads_the_same_in_both_versions() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let bytes = written(protocol, |w| {
            w.map(3);
            w.bulk("sku");
            w.bulk("iphone");
            w.bulk("orders");
            w.map(1);
            w.bulk("PAID");
            w.uint(3);
            w.bulk("ends_at");
            w.null();
        });
        let reply = decode_reply(bytes.as_bytes()).unwrap().unwrap();
        assert_eq!(reply.wire_len(), bytes.len());
        assert_eq!(reply.fields().count(), 6, "nested fields are one field");
        let value = reply.value().unwrap();
        assert_eq!(value.get("sku").and_then(Value::as_str), Some("iphone"));
        assert_eq!(
            value.get("orders").and_then(|orders| orders.get("PAID")).and_then(Value::as_int),
            Some(3)
        );
        assert_eq!(value.get("ends_at"), Some(&Value::Null));
        assert_eq!(value.get("room"), None);
        assert_eq!(value.pairs().len(), 3);
    }
}

#[test]
fn replies_that_are_none_are_refused() {
    let deep = b"*1\r\n".repeat(100_000);
    let table: &[(&[u8], ReplyError)] = &[
        (b"HTTP/1.1 400 Bad Request\r\n", ReplyError::UnknownType(b'H')),
        (b"$x\r\n", ReplyError::InvalidLength),
        (b"$-2\r\n", ReplyError::InvalidLength),
        (b"*-7\r\n", ReplyError::InvalidLength),
        (b"$?\r\n", ReplyError::InvalidLength),
        (b"$3\r\nabcde", ReplyError::MissingTerminator),
        (b"$999999999999\r\n", ReplyError::TooLarge),
        (b"%99999999999999999\r\n", ReplyError::TooLarge),
        (&deep, ReplyError::TooDeep),
    ];
    for (bytes, expected) in table {
        assert_eq!(decode_reply(bytes).unwrap_err(), *expected);
    }
    assert_eq!(decode_reply(b":12x\r\n").unwrap().unwrap().value(), Err(ReplyError::InvalidValue));
}

#[test]
fn a_reply_is_complete_with_its_last_byte() {
    for whole in ["+OK\r\n", "$2\r\nOK\r\n", "*2\r\n$1\r\na\r\n:1\r\n", "%1\r\n+a\r\n*1\r\n_\r\n", "$-1\r\n"]
    {
        for end in 0..whole.len() {
            assert!(decode_reply(&whole.as_bytes()[..end]).unwrap().is_none(), "{whole:?} cut at {end}");
        }
        assert_eq!(decode_reply(whole.as_bytes()).unwrap().unwrap().wire_len(), whole.len());
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Text),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| prop::collection::vec(inner, 0..6).prop_map(Value::Array))
}

fn write_value(writer: &mut Writer<'_>, value: &Value) {
    match value {
        Value::Null => writer.null(),
        Value::Integer(number) => writer.int(*number),
        Value::Text(text) => writer.bulk(text),
        Value::Array(items) => {
            writer.array(items.len());
            items.iter().for_each(|item| write_value(writer, item));
        }
        other => panic!("{other:?} is not generated"),
    }
}

proptest! {
    #[test]
    fn what_the_writer_writes_the_client_reads(sent in value(), resp3: bool) {
        let mut bytes = Vec::new();
        let protocol = if resp3 { Protocol::Resp3 } else { Protocol::Resp2 };
        write_value(&mut Writer::new(&mut bytes, protocol), &sent);
        let length = bytes.len();
        bytes.extend_from_slice(b"+next\r\n");
        let reply = decode_reply(&bytes).unwrap().unwrap();
        prop_assert_eq!(reply.wire_len(), length);
        prop_assert_eq!(reply.value().unwrap(), sent);
    }

    #[test]
    fn reading_any_bytes_never_panics(bytes in prop::collection::vec(prop_oneof![
        3 => prop::sample::select(b"*$:%~>_#,(=!|+-?\r\n0123456789".to_vec()),
        1 => any::<u8>(),
    ], 0..200)) {
        if let Ok(Some(reply)) = decode_reply(&bytes) {
            prop_assert!(reply.wire_len() <= bytes.len());
            let _ = (reply.fields().count(), reply.status(), reply.error(), reply.value());
        }
    }

    #[test]
    fn numbers_written_as_arguments_arrive_as_digits(unsigned: u64, signed: i64) {
        let mut bytes = Vec::new();
        CommandWriter::new(&mut bytes, 3).arg("ECHO").arg_uint(unsigned).arg_int(signed);
        let mut decoder = RequestDecoder::new(Limits::default());
        let request = decoder.decode(&bytes).unwrap().unwrap();
        prop_assert_eq!(request.consumed, bytes.len());
        let (unsigned, signed) = (unsigned.to_string(), signed.to_string());
        let expected = [b"ECHO".as_slice(), unsigned.as_bytes(), signed.as_bytes()];
        prop_assert_eq!(request.args.iter().collect::<Vec<_>>(), expected);
    }
}
