//! A WebSocket client that waits for each answer.

use std::net::{SocketAddr, TcpStream};

use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::HandshakeError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocket};
use tokio_tungstenite::tungstenite::{Error, Message, client};

use super::PATIENCE;

/// One connection to `/ws`.
pub(crate) struct Socket {
    socket: WebSocket<TcpStream>,
    last_id: u64,
}

impl Socket {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address, &[]).unwrap()
    }

    /// Of a client whose system takes little for it while it does not read.
    pub(crate) fn connect_narrow(address: SocketAddr) -> Self {
        Self::upgrade(narrow(address), address, &[]).unwrap()
    }

    /// With these headers; the status of the answer if it is no upgrade.
    pub(crate) fn try_connect(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        Self::upgrade(TcpStream::connect(address).unwrap(), address, headers)
    }

    fn upgrade(
        stream: TcpStream,
        address: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        match client(request, stream) {
            Ok((socket, _)) => Ok(Self { socket, last_id: 0 }),
            Err(HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
            Err(other) => panic!("no handshake: {other}"),
        }
    }

    /// Calls a method: its result, or the error object.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, params: Json) -> Result<Json, Json> {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let answer = self.receive();
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(id)), "{answer}");
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["result"].clone()),
        }
    }

    pub(crate) fn send(&mut self, message: &Json) {
        self.send_text(&message.to_string());
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text));
    }

    pub(crate) fn send_message(&mut self, message: Message) {
        self.socket.send(message).unwrap();
    }

    /// Sends these so that they come together.
    pub(crate) fn send_together(&mut self, messages: &[Json]) {
        messages.iter().for_each(|message| self.socket.write(Message::text(message.to_string())).unwrap());
        self.socket.flush().unwrap();
    }

    /// The next text message.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Json {
        match self.read() {
            Ok(text) => serde_json::from_str(&text).unwrap(),
            Err(close) => panic!("closed: {close:?}"),
        }
    }

    /// Reads until the server closes: the messages before, and the code and reason of the close.
    pub(crate) fn rest(&mut self) -> (Vec<Json>, Option<(u16, String)>) {
        let mut messages = Vec::new();
        loop {
            match self.read() {
                Ok(text) => messages.push(serde_json::from_str(&text).unwrap()),
                Err(close) => {
                    let close = close.map(|frame| (frame.code.into(), frame.reason.to_string()));
                    return (messages, close);
                }
            }
        }
    }

    fn read(&mut self) -> Result<String, Option<CloseFrame>> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Ok(text.to_string()),
                Ok(Message::Close(frame)) => return Err(frame),
                // Pings are answered by the library when it is used the next time.
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("the server neither answers nor closes")
                }
                Err(_) => return Err(None),
            }
        }
    }

    /// The socket below.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        self.socket.get_mut()
    }
}

/// A connection whose system takes little for it while nobody reads.
pub(crate) fn narrow(address: SocketAddr) -> TcpStream {
    let socket =
        socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}
