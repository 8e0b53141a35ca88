//! A client of the HTTP door.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::PATIENCE;

/// A request that is being put together.
#[derive(Clone)]
pub(crate) struct Ask {
    address: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Ask {
    /// A request as programs make it: a body is called JSON.
    pub(crate) fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        let ask = Self {
            address,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: String::new(),
        };
        if matches!(method, "GET" | "HEAD") { ask } else { ask.header("content-type", "application/json") }
    }

    /// With this header, in place of one of the same name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without the header of this name.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// With an id of its own.
    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// Sends it and waits for the answer.
    pub(crate) fn send(&self) -> Answer {
        let mut request = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            request.push_str(&format!("host: {}\r\n", self.address));
        }
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{}", self.body.len(), self.body));
        exchange(self.address, request.as_bytes())
    }
}

/// Sends these bytes and reads until the server closes.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server that has refused already may not take the rest.
    let _ = socket.write_all(request);
    let mut bytes = Vec::new();
    let ended = socket.read_to_end(&mut bytes);
    assert!(ended.is_ok() || !bytes.is_empty(), "no answer: {ended:?}");
    // A picture is no text, but its head is.
    Answer::parse(&String::from_utf8_lossy(&bytes))
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: body.to_owned() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The status word of an outcome, the code of a problem, or the state of what is shown.
    pub(crate) fn word(&self) -> String {
        let json = self.json();
        let word = if self.status < 400 {
            json.get("status").or_else(|| json.get("state"))
        } else {
            json.get("code")
        };
        word.and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}
