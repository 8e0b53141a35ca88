//! Sessions: a server from bytes to bytes, over stops and starts. Whatever it is asked, no turn panics, units add up, every
//! command has one reply, and what it says it still says after a restart.

use tidegate_persistence::Crash;
use tidegate_protocol::resp::{Limits, RequestDecoder};

use crate::stage::{self, Client, Stage, values};
use crate::{books, ws_frames};

/// More is not played: it takes long and shows nothing new.
const MOST_BYTES: usize = 16 << 10;
const MOST_STARTS: usize = 4;
const MOST_CLIENTS: usize = 8;

/// The longest time that passes at once: 30 days, in milliseconds.
const LONGEST: u32 = 30 * 86_400_000;

/// A script. Its lines are what a client sends, but for those that begin with `#`:
///
/// * `#settle`: what was sent is answered before the next line is sent; without it lines are sent together.
/// * `#pass 60000`: milliseconds pass.
/// * `#client`, `#websocket`: somebody else goes on; over a WebSocket each line is a message.
/// * `#snapshot`: the journal goes over to another epoch if it is time, and a snapshot is made.
/// * `#crash`: the machine stops and starts. `#kill`: the same before anybody has done what was asked.
///
/// # Panics
/// If something does not hold.
pub fn sessions(bytes: &[u8]) {
    if bytes.len() <= MOST_BYTES {
        stage::run(async || {
            let mut play = Play::open(Stage::open().await);
            play.run(bytes).await;
            books::restart(&mut play.stage).await;
            books::audit(&mut play.stage).await;
        });
    }
}

/// What a script leaves on the disk of this stage.
pub(crate) async fn left_by(script: &[u8], stage: Stage) -> Stage {
    let mut play = Play::open(stage);
    play.run(script).await;
    play.stage
}

struct Play {
    stage: Stage,
    client: Client,
    is_websocket: bool,
    /// What the client has sent.
    said: Vec<u8>,
    /// How many replies it has, if half a command was too late for the rest of it at one of these times.
    late: Vec<usize>,
    clients: usize,
    starts: usize,
}

impl Play {
    fn open(stage: Stage) -> Self {
        let client = stage.client();
        Self { stage, client, is_websocket: false, said: Vec::new(), late: Vec::new(), clients: 1, starts: 1 }
    }

    async fn run(&mut self, script: &[u8]) {
        let mut together = Vec::new();
        for line in script.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_prefix(b"#") {
                None if self.is_websocket => {
                    self.client.send(&ws_frames::text(line.trim_ascii_end())).await;
                }
                None => together.extend_from_slice(line),
                Some(direction) => {
                    self.send(std::mem::take(&mut together)).await;
                    self.direct(std::str::from_utf8(direction).unwrap_or_default().trim_end()).await;
                }
            }
        }
        self.send(together).await;
        self.leave().await;
        books::audit(&mut self.stage).await;
    }

    async fn send(&mut self, bytes: Vec<u8>) {
        self.client.send(&bytes).await;
        self.said.extend_from_slice(&bytes);
    }

    async fn direct(&mut self, direction: &str) {
        match direction.split_once(' ') {
            Some(("pass", ms)) => {
                self.stage.settle().await;
                if let Some((replies, true)) = replies_to(&self.said) {
                    // The last one says so.
                    self.late.push(replies + 1);
                }
                self.stage.pass(ms.parse().unwrap_or(0).min(LONGEST)).await;
            }
            None if direction == "settle" => self.stage.settle().await,
            None if direction == "client" || direction == "websocket" => self.change(direction).await,
            None if direction == "snapshot" => {
                self.stage.settle().await;
                let journal = self.stage.server.journal();
                journal.write_mark();
                journal.make_epoch();
                journal.make_snapshot();
            }
            None if direction == "crash" && self.starts < MOST_STARTS => {
                self.leave().await;
                books::audit(&mut self.stage).await;
                books::restart(&mut self.stage).await;
                self.begin();
            }
            None if direction == "kill" && self.starts < MOST_STARTS => {
                self.stage.disk.crash(Crash::Tear { keep: self.said.len() });
                self.stage.restart().await;
                self.stage.settle().await;
                books::audit(&mut self.stage).await;
                self.begin();
            }
            _ => {}
        }
    }

    /// After a start.
    fn begin(&mut self) {
        self.starts += 1;
        self.client = self.stage.client();
        self.is_websocket = false;
        self.said.clear();
        self.late.clear();
    }

    async fn change(&mut self, to: &str) {
        if self.clients < MOST_CLIENTS {
            self.leave().await;
            self.clients += 1;
            self.is_websocket = to == "websocket";
            self.client = if self.is_websocket { self.stage.websocket() } else { self.stage.client() };
            self.said.clear();
            self.late.clear();
        }
    }

    /// The client has said everything, and is answered.
    async fn leave(&mut self) {
        self.stage.settle().await;
        self.client.finish().await;
        self.stage.settle().await;
        assert!(self.client.is_over(), "the connection is not closed");
        let heard = self.client.heard();
        if self.is_websocket {
            ws_frames::answers(&heard);
            return;
        }
        let replies = values(&heard);
        if let Some((wanted, _)) = replies_to(&self.said) {
            let is_late = self.late.contains(&replies.len());
            assert!(is_late || replies.len() == wanted, "{wanted} replies are wanted: {replies:?}");
        }
    }
}

/// How many replies these commands have, and whether half of one is behind them; `None` if that is not one each.
fn replies_to(said: &[u8]) -> Option<(usize, bool)> {
    let mut decoder = RequestDecoder::new(Limits::default());
    let (mut replies, mut taken) = (0, 0);
    loop {
        match decoder.decode(&said[taken..]) {
            Ok(None) => return Some((replies, taken < said.len())),
            // The last one says what is wrong.
            Err(_) => return Some((replies + 1, false)),
            Ok(Some(request)) => {
                taken += request.consumed;
                let name = request.args.get(0).unwrap_or_default().to_ascii_uppercase();
                match &name[..] {
                    b"QUIT" if request.args.len() == 1 => return Some((replies + 1, false)),
                    // One for each channel, and what is pushed comes in between. Who waits for news leaves without.
                    b"SUBSCRIBE" | b"UNSUBSCRIBE" | b"XREAD" | b"XREADGROUP" => return None,
                    _ => replies += usize::from(!request.args.is_empty()),
                }
            }
        }
    }
}
