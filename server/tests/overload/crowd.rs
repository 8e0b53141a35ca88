//! A crowd: many connections that do the same until their time is over, on a thread of their own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tidegate_protocol::resp::{decode_reply, encode_command};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use crate::common::PATIENCE;

/// How often it is looked whether the crowd was told what it is to be told.
const LOOK: Duration = Duration::from_millis(10);

/// What a crowd was told, and how often.
pub(crate) type Told = BTreeMap<String, u64>;

/// How a member of a crowd reaches the server, and where it notes what it is told.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) tcp: SocketAddr,
    pub(crate) http: SocketAddr,
    /// Its number.
    pub(crate) number: usize,
    told: Rc<RefCell<Told>>,
    next: Rc<Cell<u64>>,
}

/// Has `count` members do the same over and over again, for so long and until one was told all of this: the beginnings of
/// what is noted. They stop all at once, and their connections with them. What they were told, and when they stopped.
pub(crate) fn gather<F: Future<Output = ()> + 'static>(
    (tcp, http): (SocketAddr, SocketAddr),
    count: usize,
    (duration, expected): (Duration, &[&str]),
    does: impl Fn(Member) -> F + Clone + 'static,
) -> (Told, Instant) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = Rc::<RefCell<Told>>::default();
    let next = Rc::<Cell<u64>>::default();
    let crowd = LocalSet::new();
    let mut members = JoinSet::new();
    for number in 0..count {
        let member = Member { tcp, http, number, told: Rc::clone(&told), next: Rc::clone(&next) };
        let does = does.clone();
        let task = async move {
            loop {
                does(member.clone()).await;
                // One that has nothing to wait for must not keep the others from their turn.
                tokio::task::yield_now().await;
            }
        };
        members.spawn_local_on(task, &crowd);
    }
    let began = Instant::now();
    let missing = || expected.iter().find(|beginning| !was_told(&told.borrow(), beginning));
    let storm = async {
        sleep(duration).await;
        while let Some(missing) = missing() {
            assert!(began.elapsed() < PATIENCE, "nobody was told {missing:?}: {:?}", told.borrow());
            sleep(LOOK).await;
        }
    };
    runtime.block_on(crowd.run_until(async {
        tokio::select! {
            () = storm => {}
            // None ends by itself, so it has panicked.
            Some(Err(ended)) = members.join_next() => std::panic::resume_unwind(ended.into_panic()),
        }
    }));
    let ended = Instant::now();
    drop((members, crowd));
    (Rc::into_inner(told).unwrap().into_inner(), ended)
}

impl Member {
    /// Notes something once more.
    pub(crate) fn note(&self, what: impl Into<String>) {
        *self.told.borrow_mut().entry(what.into()).or_default() += 1;
    }

    /// A number that nobody in the crowd had before.
    pub(crate) fn next_number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    /// A connection; `None`, and it is noted, if there is none to be had.
    pub(crate) async fn connect(&self, address: SocketAddr) -> Option<TcpStream> {
        match TcpStream::connect(address).await {
            Ok(stream) => Some(stream),
            Err(error) => {
                self.note(format!("not connected: {}", error.kind()));
                sleep(LOOK).await;
                None
            }
        }
    }

    /// A connection whose system takes little while its program does not read.
    pub(crate) async fn connect_narrow(&self, address: SocketAddr) -> Option<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        socket.connect(address).await.ok()
    }

    /// Reads to the end and notes, behind `what`, what the server said last: the first words of an error, or the status of
    /// HTTP.
    pub(crate) async fn listen(&self, what: &str, stream: &mut (impl AsyncRead + Unpin)) {
        let mut heard = Vec::new();
        let mut bytes = [0; 4 << 10];
        // However it ends, it is over.
        while let Ok(read @ 1..) = stream.read(&mut bytes).await {
            heard.extend_from_slice(&bytes[..read]);
            let kept = heard.len().saturating_sub(8 << 10);
            heard.drain(..kept);
        }
        self.note(format!("{what}{}", last_word(&heard)));
    }
    /// Sends these commands once, takes all the replies, and notes those that are errors.
    pub(crate) async fn ask_all(&self, mut stream: TcpStream, commands: &[u8], count: usize) {
        let (mut reader, mut writer) = stream.split();
        let asking = async {
            // When the connection ends, the reader is told.
            let _ = writer.write_all(commands).await;
            std::future::pending::<()>().await;
        };
        let hearing = async {
            let (mut heard, mut replies) = (Vec::new(), 0);
            while replies < count {
                while let Some(reply) = decode_reply(&heard).unwrap() {
                    let length = reply.wire_len();
                    if reply.error().is_some() {
                        self.note(last_word(&heard[..length]));
                    }
                    heard.drain(..length);
                    replies += 1;
                }
                match reader.read_buf(&mut heard).await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => return self.note("closed"),
                }
            }
        };
        tokio::select! {
            () = asking => {}
            () = hearing => {}
        }
    }

    /// Sends these commands over and over again, as fast as they are taken, until the server closes.
    pub(crate) async fn bombard(&self, stream: TcpStream, commands: &[u8]) {
        let (mut reader, mut writer) = stream.into_split();
        let sending = async {
            while writer.write_all(commands).await.is_ok() {}
            // What was said before the end may still be read.
            std::future::pending().await
        };
        tokio::select! {
            () = sending => {}
            () = self.listen("", &mut reader) => {}
        }
    }
}

/// What the server said last, without what differs from one to the next.
fn last_word(heard: &[u8]) -> String {
    let text = String::from_utf8_lossy(heard);
    let last = text.lines().rfind(|line| line.starts_with('-') || line.starts_with("HTTP/1.1 "));
    match last {
        Some(line) => line.chars().take(90).collect(),
        None => "closed".to_owned(),
    }
}

/// Whether something told begins so.
fn was_told(told: &Told, beginning: &str) -> bool {
    told.keys().any(|known| known.starts_with(beginning))
}

/// One command.
pub(crate) fn command(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_command(&mut bytes, &line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
    bytes
}

/// Writes as long as the server takes it; whether it took everything.
pub(crate) async fn write(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok()
}
