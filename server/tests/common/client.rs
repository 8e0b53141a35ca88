//! A client of the Redis protocol that waits for each reply and shows it as a line of text.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use tidegate_protocol::resp::{Value, decode_reply, encode_command};

use super::PATIENCE;

/// One connection.
pub(crate) struct Client {
    socket: TcpStream,
    input: Vec<u8>,
}

/// What `ORDER.RESERVE` answered, when it held units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reserved {
    pub(crate) order: String,
    pub(crate) amount: i64,
    pub(crate) expires_at: u64,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, input: Vec::new() }
    }

    /// Sends a command, its words separated by spaces, and shows the reply.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        show(&self.value(line))
    }

    /// The same, as a value.
    pub(crate) fn value(&mut self, line: &str) -> Value {
        self.send(line);
        self.reply()
    }

    /// Asks and compares.
    #[track_caller]
    pub(crate) fn says(&mut self, line: &str, expected: &str) {
        assert_eq!(self.ask(line), expected, "{line}");
    }

    /// Sends one command and does not wait.
    pub(crate) fn send(&mut self, line: &str) {
        self.write(&encode(&[line])).unwrap();
    }

    /// The same, to a server that may be gone.
    pub(crate) fn try_send(&mut self, line: &str) -> io::Result<()> {
        self.write(&encode(&[line]))
    }

    /// Sends these commands in one write and shows their replies.
    pub(crate) fn pipeline<S: AsRef<str>>(&mut self, lines: &[S]) -> Vec<String> {
        self.write(&encode(lines)).unwrap();
        lines.iter().map(|_| show(&self.reply())).collect()
    }

    /// Sends bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// The same connection once more, to read while this one writes.
    pub(crate) fn twin(&self) -> Self {
        Self { socket: self.socket.try_clone().unwrap(), input: Vec::new() }
    }

    /// The socket below.
    pub(crate) fn stream(&self) -> TcpStream {
        self.socket.try_clone().unwrap()
    }

    /// No more will be sent; replies can still be read.
    pub(crate) fn finish(&self) {
        // A server that has closed already leaves nothing to shut down.
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }

    /// The next reply.
    #[track_caller]
    pub(crate) fn reply(&mut self) -> Value {
        self.next().expect("the connection broke").expect("the server closed the connection")
    }

    /// The next reply; `None` when the server has closed.
    pub(crate) fn next(&mut self) -> io::Result<Option<Value>> {
        loop {
            if let Some(reply) = decode_reply(&self.input).expect("a reply that is none") {
                let (value, length) = (reply.value().expect("a reply that is none"), reply.wire_len());
                self.input.drain(..length);
                return Ok(Some(value));
            }
            let mut chunk = [0; 64 << 10];
            match self.socket.read(&mut chunk) {
                Ok(0) if self.input.is_empty() => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.input.extend_from_slice(&chunk[..read]),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads until the server closes, however it does, and shows the replies that came before.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        let mut replies = Vec::new();
        loop {
            match self.next() {
                Ok(Some(value)) => replies.push(show(&value)),
                Ok(None) => return replies,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    panic!("the server neither answers nor closes; before that it said {replies:?}")
                }
                Err(_) => return replies,
            }
        }
    }

    /// What the server says to a PING, or at once instead of waiting for it.
    pub(crate) fn rest_or_pong(&mut self) -> String {
        // A server that has no place closes without reading.
        let _ = self.write(&encode(&["PING"]));
        match self.next() {
            Ok(Some(value)) => show(&value),
            Ok(None) => "closed".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Reserves and expects units to be held.
    #[track_caller]
    pub(crate) fn reserve(&mut self, sku: &str, req: &str, buyer: &str, qty: u32) -> Reserved {
        let line = format!("ORDER.RESERVE {sku} {req} {buyer} {qty}");
        let value = self.value(&line);
        match value.items() {
            [word, order, amount, expires_at] if word.as_str() == Some("RESERVED") => Reserved {
                order: order.as_str().unwrap().to_owned(),
                amount: amount.as_int().unwrap(),
                expires_at: u64::try_from(expires_at.as_int().unwrap()).unwrap(),
            },
            _ => panic!("{line}: {}", show(&value)),
        }
    }

    /// Some fields of a map, in this order, as `state=OPEN price=1250`.
    #[track_caller]
    pub(crate) fn fields(&mut self, line: &str, names: &[&str]) -> String {
        let map = self.value(line);
        let field = |name: &&str| match map.get(name) {
            Some(value) => format!("{name}={}", show(value)),
            None => panic!("{line} has no {name}: {}", show(&map)),
        };
        names.iter().map(field).collect::<Vec<_>>().join(" ")
    }

    /// How a SKU's stock stands and whether its books balance, as the report says.
    #[track_caller]
    pub(crate) fn books(&mut self, sku: &str) -> String {
        let names = ["total", "available", "reserved", "sold", "balanced"];
        let line = self.fields(&format!("REPORT {sku}"), &names);
        assert!(line.ends_with("balanced=1"), "{sku}: {line}");
        line.trim_end_matches(" balanced=1").to_owned()
    }
}

fn encode<S: AsRef<str>>(lines: &[S]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        let words: Vec<&[u8]> = line.as_ref().split(' ').map(str::as_bytes).collect();
        encode_command(&mut bytes, &words);
    }
    bytes
}

/// A reply as a line: `[RESERVED {iphone}:o:1 599900 1767225600000]`, `-ERR what`, `nil`, `7`, `{key=value}`.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Text(bytes) => bytes.escape_ascii().to_string(),
        Value::Error(text) => format!("-{text}"),
        Value::Array(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Value::Map(pairs) => {
            let mut pairs: Vec<_> =
                pairs.iter().map(|(key, value)| format!("{}={}", show(key), show(value))).collect();
            pairs.sort();
            format!("{{{}}}", pairs.join(" "))
        }
    }
}
