//! An endpoint that webhooks are sent to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::PATIENCE;

/// A webhook as it came.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Webhook {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Its event.
    #[track_caller]
    pub(crate) fn event(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The type of its event and the order that it is about.
    #[track_caller]
    pub(crate) fn told(&self) -> String {
        let event = self.event();
        format!("{} {}", event["type"].as_str().unwrap(), event["subject"].as_str().unwrap())
    }

    /// Whether it was signed with this secret, by the letter of the Standard Webhooks specification.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(self.header("webhook-id").as_bytes());
        mac.update(b".");
        mac.update(self.header("webhook-timestamp").as_bytes());
        mac.update(b".");
        mac.update(&self.body);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

/// What the endpoint does.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Answers with this status and these headers, each ended by CRLF.
    Answer(u16, String),
    /// Nothing, until the other side closes.
    Hang,
}

pub(crate) fn answer(status: u16) -> Does {
    Does::Answer(status, String::new())
}

type Decide = Arc<Mutex<dyn FnMut(&Webhook) -> Does + Send>>;

/// A listening endpoint. It ends with the test's process.
pub(crate) struct Receiver {
    address: SocketAddr,
    came: mpsc::Receiver<Webhook>,
}

impl Receiver {
    /// One that does with each webhook what is decided then.
    pub(crate) fn start(decide: impl FnMut(&Webhook) -> Does + Send + 'static) -> Self {
        Self::start_with(decide, Some)
    }

    /// The same, behind something that is done with each connection first.
    pub(crate) fn start_with<S: Read + Write>(
        decide: impl FnMut(&Webhook) -> Does + Send + 'static,
        wrap: impl Fn(TcpStream) -> Option<S> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, came) = mpsc::channel();
        let (decide, wrap): (Decide, _) = (Arc::new(Mutex::new(decide)), Arc::new(wrap));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (tell, decide, wrap) = (tell.clone(), Arc::clone(&decide), Arc::clone(&wrap));
                std::thread::spawn(move || wrap(stream).and_then(|stream| serve(stream, &tell, &decide)));
            }
        });
        Self { address, came }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks?shop=1", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The next webhook.
    #[track_caller]
    pub(crate) fn next(&self) -> Webhook {
        self.came.recv_timeout(PATIENCE).expect("no webhook came")
    }

    /// The next ones.
    #[track_caller]
    pub(crate) fn take(&self, count: usize) -> Vec<Webhook> {
        (0..count).map(|_| self.next()).collect()
    }

    /// Those that came already.
    pub(crate) fn so_far(&self) -> Vec<Webhook> {
        self.came.try_iter().collect()
    }
}

/// Serves one connection to its end.
fn serve(stream: impl Read + Write, tell: &mpsc::Sender<Webhook>, decide: &Decide) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let webhook = receive(&mut stream)?;
        let does = decide.lock().unwrap()(&webhook);
        // Who looks at it may have seen enough.
        let _ = tell.send(webhook);
        match does {
            Does::Answer(status, headers) => {
                let answer = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: 4\r\n{headers}\r\nwell");
                stream.get_mut().write_all(answer.as_bytes()).ok()?;
            }
            Does::Hang => drop(stream.read_to_end(&mut Vec::new())),
        }
    }
}

fn receive(stream: &mut impl BufRead) -> Option<Webhook> {
    let mut line = || {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    };
    let request = line()?;
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = line()?.split_once(": ") {
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let path = request.split(' ').nth(1)?.to_owned();
    assert!(request.starts_with("POST "), "{request}");
    let mut body = vec![0; headers["content-length"].parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    Some(Webhook { path, headers, body })
}
