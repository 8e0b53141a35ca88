//! One client from its first message to its last.

use std::convert::Infallible;
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason};
use actix_web::web::Bytes;
use futures_util::Stream;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::Place;
use super::reader::{Broken, Incoming, Reader};
use super::rpc::{self, Answer, RpcError};
use super::turn::Turn;
use super::writer::{Frames, Unsent, Writer};
use crate::config::Ws;
use crate::edge::Caller;
use crate::push::Cut;

/// How long a client that was told goodbye may take to say it too. Closing over bytes that nobody read would reset the
/// connection, and the client may never see why.
const LINGER: Duration = Duration::from_millis(500);

/// Bytes of pushes that are handed over together. What waits beyond can still be replaced by what is newer.
const MOST_PUSHED_BYTES: usize = 16 << 10;

/// One client.
pub(super) struct Conversation<P> {
    pub(super) reader: Reader<P>,
    pub(super) writer: Writer,
    pub(super) caller: Caller,
    pub(super) place: Place,
    pub(super) settings: Ws,
    pub(super) closing: watch::Receiver<bool>,
}

/// Why a conversation ends.
enum End {
    /// The client said goodbye.
    Farewell(Option<CloseReason>),
    /// The client is told why.
    Close(CloseCode, String),
    /// What it sends can't be read any further.
    Broken(Broken),
    /// There is nobody to tell.
    Gone,
}

impl From<Cut> for End {
    fn from(cut: Cut) -> Self {
        tracing::info!("a WebSocket client is cut off: {cut}");
        Self::Close(CloseCode::Again, cut.to_string())
    }
}

impl From<Unsent> for End {
    fn from(unsent: Unsent) -> Self {
        if unsent == Unsent::Late {
            tracing::info!("a WebSocket client does not take what it is sent (ws.write_timeout_ms); closed");
        }
        Self::Gone
    }
}

/// Whether the client has been asked for a sign of life.
#[derive(Clone, Copy)]
enum Pulse {
    Quiet,
    Asked(Instant),
}

impl<P: Stream<Item = Result<Bytes, E>> + Unpin, E> Conversation<P> {
    pub(super) async fn run(mut self) {
        let Err(end) = self.talk().await;
        // Whether it can still be told or not, it is over.
        let _ = self.part(end).await;
    }

    async fn talk(&mut self) -> Result<Infallible, End> {
        let mut pulse = Pulse::Quiet;
        let mut heard = Instant::now();
        let mut login = std::pin::pin!(sleep(self.caller.time_to_log_in().unwrap_or_default()));
        let mut alarm = std::pin::pin!(sleep(self.settings.ping_ms));
        loop {
            tokio::select! {
                biased;
                _ = self.closing.changed() => {
                    return Err(End::Close(CloseCode::Away, "the server is stopping".to_owned()));
                }
                () = login.as_mut(), if self.caller.time_to_log_in().is_some() => {
                    return Err(End::Close(
                        CloseCode::Policy,
                        "authenticate in time, by a header or the method auth (logins.timeout_ms)".to_owned(),
                    ));
                }
                () = alarm.as_mut() => {
                    let patience = self.feel(&mut pulse, heard).await?;
                    alarm.as_mut().reset(Instant::now() + patience);
                }
                message = self.reader.next() => {
                    heard = Instant::now();
                    self.hear(message).await?;
                }
                () = self.caller.pushed() => self.push().await?,
            }
        }
    }

    /// Asks for a sign of life, or sees whether there was one. Says how long to wait until the next time.
    async fn feel(&mut self, pulse: &mut Pulse, heard: Instant) -> Result<Duration, End> {
        let Ws { ping_ms, pong_timeout_ms, .. } = self.settings;
        match *pulse {
            Pulse::Quiet => {
                *pulse = Pulse::Asked(Instant::now());
                self.write(Frames::ping()).await?;
                Ok(pong_timeout_ms)
            }
            Pulse::Asked(at) if heard < at => Err(End::Close(
                CloseCode::Policy,
                "a ping was not answered in time (ws.pong_timeout_ms)".to_owned(),
            )),
            Pulse::Asked(_) => {
                *pulse = Pulse::Quiet;
                Ok(ping_ms.saturating_sub(pong_timeout_ms))
            }
        }
    }

    /// Takes in what has come, as much as may be done together, and answers it.
    async fn hear(&mut self, first: Result<Incoming, Broken>) -> Result<(), End> {
        let mut turn = Turn::default();
        let mut bytes = 0;
        let mut message = first;
        let end = loop {
            self.place.received();
            match message {
                Ok(Incoming::Text(text)) => {
                    bytes += text.len();
                    turn.add(rpc::read(&text, self.settings.max_requests));
                }
                Ok(Incoming::Ping(payload)) => self.write(Frames::pong(&payload)).await?,
                Ok(Incoming::Pong) => {}
                Ok(Incoming::Close(reason)) => break Some(End::Farewell(reason)),
                Err(broken) => break Some(End::Broken(broken)),
            }
            if turn.len() >= self.settings.max_requests || bytes >= self.settings.max_frame_bytes {
                break None;
            }
            message = match self.reader.received() {
                Ok(None) => break None,
                Ok(Some(message)) => Ok(message),
                Err(broken) => Err(broken),
            };
        };
        if turn.len() > 0 {
            while let Some(answers) = turn.run(&mut self.caller).await {
                let frames = Frames::of(answers, self.caller.end_loan());
                self.write(frames).await?;
            }
            // Replies that nobody wanted to be told of may have needed it.
            self.caller.end_loan();
            // Whoever never stops asking is told what happened nevertheless.
            self.push().await?;
        }
        end.map_or(Ok(()), Err)
    }

    /// Hands over what is pushed, as much as goes at once.
    async fn push(&mut self) -> Result<(), End> {
        let mut frames = Frames::default();
        while frames.len() < MOST_PUSHED_BYTES {
            match self.caller.next_push() {
                Ok(Some(delivery)) => {
                    let heard = self.caller.may_hear();
                    heard.map_err(|error| End::Close(CloseCode::Policy, error.message().to_owned()))?;
                    frames.text(&rpc::push(&delivery));
                }
                Ok(None) => break,
                Err(cut) => return Err(End::from(cut)),
            }
        }
        self.write(frames).await
    }

    /// Hands frames over as soon as the client takes them. One that does not is cut off when too much is to be pushed to
    /// it, or when its time is up.
    async fn write(&mut self, frames: Frames) -> Result<(), End> {
        self.place.sent(frames.texts());
        tokio::select! {
            biased;
            sent = self.writer.send(frames) => Ok(sent?),
            cut = self.caller.cut() => Err(End::from(cut)),
        }
    }

    /// Says goodbye.
    async fn part(&mut self, end: End) -> Result<(), Unsent> {
        let (code, reason) = match end {
            End::Gone => return Ok(()),
            End::Farewell(reason) => {
                let code = reason.map_or(CloseCode::Normal, |reason| reason.code);
                return self.writer.send(Frames::close(code, "")).await;
            }
            End::Close(code, reason) => (code, reason),
            End::Broken(broken) => {
                let code = match &broken {
                    Broken::Lost => return Ok(()),
                    Broken::TooLarge(_) => CloseCode::Size,
                    Broken::Binary => CloseCode::Unsupported,
                    Broken::NotUtf8 => CloseCode::Invalid,
                    Broken::Framing(_) => CloseCode::Protocol,
                };
                let reason = broken.to_string();
                let answer = Answer::new(Value::Null, Err(RpcError::no_request(reason.as_str())));
                self.writer.send(Frames::of(vec![answer.text()], None)).await?;
                (code, reason)
            }
        };
        self.writer.send(Frames::close(code, &reason)).await?;
        // In time or not: it is closed now.
        let _ = timeout(LINGER, self.reader.farewell()).await;
        Ok(())
    }
}
