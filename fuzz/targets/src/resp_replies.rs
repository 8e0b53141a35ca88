//! Replies: their end is found within bounds, whatever a server announces, and they are read back as they were written.

use tidegate_protocol::resp::{Protocol, Value, Writer, decode_reply};

use crate::memory;

/// To find the end of a reply takes no memory.
const MOST_TO_FIND: usize = 0;

/// The bytes of one server.
///
/// # Panics
/// If memory is asked for that the bytes don't fill, half a reply is taken for a whole one, or a value that is written again
/// is read as another.
pub fn resp_replies(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Some(reply)) = memory::within(MOST_TO_FIND, "a reply", || decode_reply(rest)) {
        let length = reply.wire_len();
        assert!(length > 0 && length <= rest.len(), "a reply of {length} bytes in {}", rest.len());
        assert!(rest[..length].ends_with(b"\r\n"), "a reply that does not end with a line");
        for shorter in [length - 1, length / 2] {
            let half = decode_reply(&rest[..shorter]);
            assert!(matches!(half, Ok(None)), "{shorter} of its {length} bytes are {half:?}");
        }
        let fields: usize = reply.fields().count();
        assert!(fields <= length, "{fields} fields in {length} bytes");
        if reply.kind() == tidegate_protocol::resp::ReplyKind::Error {
            assert!(reply.error_code().is_some(), "an error without a code");
        }
        // Each of its values takes at least three bytes on the wire, and so much in a tree.
        let most = 4096 + 200 * length;
        if let Ok(value) = memory::within(most, "a tree", || reply.value()) {
            round(&value);
        }
        rest = &rest[length..];
    }
}

/// Writes a value and reads it again.
fn round(value: &Value) {
    let mut bytes = Vec::new();
    if !write(value, &mut Writer::new(&mut bytes, Protocol::Resp3)) {
        return;
    }
    let reply = decode_reply(&bytes).unwrap().expect("what was written is not whole");
    assert_eq!(reply.wire_len(), bytes.len());
    assert_eq!(sorted(reply.value().unwrap()), sorted(value.clone()));
}

/// False if there is something in it that the server never writes.
fn write(value: &Value, writer: &mut Writer<'_>) -> bool {
    match value {
        Value::Null => writer.null(),
        Value::Bool(truth) => writer.bool(*truth),
        Value::Integer(number) => writer.int(*number),
        Value::Text(text) => writer.bulk(text),
        Value::Array(items) => {
            writer.array(items.len());
            return items.iter().all(|item| write(item, writer));
        }
        // A number too large for an integer is read as text: it may be the key of another text.
        Value::Map(pairs)
            if (1..pairs.len()).any(|at| pairs[..at].iter().any(|(key, _)| *key == pairs[at].0)) =>
        {
            return false;
        }
        Value::Map(pairs) => {
            writer.map(pairs.len());
            return pairs.iter().all(|(key, value)| write(key, writer) && write(value, writer));
        }
        Value::Double(_) | Value::Error(_) => return false,
    }
    true
}

/// The same in one order: a map has none.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Map(pairs) => {
            let mut pairs: Vec<_> =
                pairs.into_iter().map(|(key, value)| (sorted(key), sorted(value))).collect();
            pairs.sort_by_key(|pair| format!("{pair:?}"));
            Value::Map(pairs)
        }
        other => other,
    }
}
