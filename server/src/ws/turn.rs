//! The requests of the messages that came together: carried out as one read of a TCP connection is, answered message by
//! message.

use std::collections::VecDeque;

use serde_json::Value;
use tidegate_protocol::command::Command;
use tidegate_protocol::json;
use tidegate_protocol::resp::decode_reply;

use super::rpc::{self, Answer, Asked, Call, RpcError, Work};
use super::wish::Wish;
use crate::edge::Caller;
use crate::push::Delivery;

/// What becomes of a request.
type Said = Result<Value, RpcError>;

/// Replies of so many bytes take a moment to be put into JSON, and some twenty times their length on the way: others of this
/// thread must not wait for it, and only a few are at it.
const LONG: usize = 128 << 10;

/// What came together.
#[derive(Default)]
pub(super) struct Turn {
    calls: VecDeque<Call>,
    messages: VecDeque<Message>,
    /// Calls of these messages that were taken in, in order.
    places: VecDeque<Place>,
    /// Bytes of the first message's answers, as far as they are there.
    answered: usize,
}

struct Message {
    calls: usize,
    is_batch: bool,
}

/// Where the answer to a call will be.
enum Place {
    /// It is there; `None` if none is wanted.
    Answered(Option<String>),
    /// The actors are to be asked.
    Waiting(Waiting),
}

struct Waiting {
    id: Option<Value>,
    wanted: Command,
}

impl Turn {
    pub(super) fn add(&mut self, asked: Asked) {
        self.messages.push_back(Message { calls: asked.calls.len(), is_batch: asked.is_batch });
        self.calls.extend(asked.calls);
    }

    /// How many requests are not taken in yet.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Does some of it: the answers, each a message, about as many as may be held at once. `None`: all is done.
    pub(super) async fn run(&mut self, caller: &mut Caller) -> Option<Vec<String>> {
        let (mut texts, mut bytes) = (Vec::new(), 0);
        while !self.messages.is_empty() {
            if let Some(text) = self.complete() {
                bytes += text.as_ref().map_or(0, String::len);
                texts.extend(text);
                if !caller.may_hold(bytes) {
                    return Some(texts);
                }
            } else if self.waiting().next().is_some() && (self.calls.is_empty() || self.has_barrier()) {
                self.collect(caller).await;
            } else {
                self.take_in(caller).await;
            }
        }
        (!texts.is_empty()).then_some(texts)
    }

    /// The first message, if all of it is answered; the inner `None` if it wants no answer.
    fn complete(&mut self) -> Option<Option<String>> {
        let Message { calls, is_batch } = self.messages.front()?;
        let is_answered = |place: &Place| matches!(place, Place::Answered(_));
        if self.places.len() < *calls || !self.places.iter().take(*calls).all(is_answered) {
            return None;
        }
        let answers: Vec<String> = (self.places.drain(..*calls))
            .filter_map(|place| match place {
                Place::Answered(answer) => answer,
                Place::Waiting(_) => None,
            })
            .collect();
        let text = rpc::message(*is_batch, answers);
        self.messages.pop_front();
        // Some of the next one's may be there already.
        let next = self.messages.front().map_or(0, |message| message.calls);
        let lengths = self.places.iter().take(next).filter_map(|place| match place {
            Place::Answered(answer) => answer.as_ref().map(String::len),
            Place::Waiting(_) => None,
        });
        self.answered = lengths.sum();
        Some(text)
    }

    /// Whether the next call is about the connection: it may decide about what follows, and not about what came before.
    fn has_barrier(&self) -> bool {
        matches!(self.calls.front(), Some(Call { work: Ok(Work::Connection(..)), .. }))
    }

    fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.places.iter().filter_map(|place| match place {
            Place::Waiting(waiting) => Some(waiting),
            Place::Answered(_) => None,
        })
    }

    /// Takes the next call in.
    async fn take_in(&mut self, caller: &mut Caller) {
        let Some(Call { id, work }) = self.calls.pop_front() else { return };
        let said = match work {
            _ if self.is_too_long(caller) => Err(too_long()),
            Ok(Work::Command(wanted, bytes)) => match caller.add(&bytes) {
                Ok(()) => return self.places.push_back(Place::Waiting(Waiting { id, wanted })),
                Err(error) => Err(charged(RpcError::params(error.to_string()), caller)),
            },
            Ok(Work::Connection(wish)) => connection(wish, caller).await,
            Err(error) => Err(charged(error, caller)),
        };
        self.places.push_back(Place::Answered(answer(id, said)));
    }

    /// Whether the call that is next is of a message whose answer is as long as it may get.
    fn is_too_long(&self, caller: &mut Caller) -> bool {
        let of_first = self.messages.front().is_some_and(|message| self.places.len() < message.calls);
        of_first && !caller.may_hold(self.answered)
    }

    /// Has some of the commands carried out, and answers them.
    async fn collect(&mut self, caller: &mut Caller) {
        if !caller.may_hold(self.answered) {
            return self.refuse_the_rest(caller);
        }
        let replies = caller.run(self.answered).await;
        let waiting: Vec<Waiting> = self
            .waiting()
            .map(|Waiting { id, wanted }| Waiting { id: id.clone(), wanted: *wanted })
            .collect();
        let answers = if replies.len() < LONG {
            translate(&replies, waiting)
        } else {
            let _turn = caller.translating().await;
            let translated = tokio::task::spawn_blocking(move || translate(&replies, waiting));
            translated.await.unwrap_or_default()
        };
        if answers.is_empty() {
            // A defect: whoever waits is told so, and nothing of it is carried out later.
            caller.forget(usize::MAX);
        }
        self.fill(answers);
    }

    /// Puts answers to the commands that waited first, in order.
    fn fill(&mut self, answers: Vec<Option<String>>) {
        let is_none = answers.is_empty();
        let mut answers = answers.into_iter();
        let first = self.messages.front().map_or(0, |message| message.calls);
        for (at, place) in self.places.iter_mut().enumerate() {
            let Place::Waiting(waiting) = place else { continue };
            let given = match answers.next() {
                None if is_none => answer(waiting.id.take(), Err(RpcError::defect())),
                None => return,
                Some(given) => given,
            };
            if at < first {
                self.answered += given.as_ref().map_or(0, String::len);
            }
            *place = Place::Answered(given);
        }
    }

    /// The first message's answer is as long as it may get: what of it was not carried out never is.
    fn refuse_the_rest(&mut self, caller: &mut Caller) {
        let first = self.messages.front().map_or(0, |message| message.calls);
        let mut refused = 0;
        for place in self.places.iter_mut().take(first) {
            if let Place::Waiting(waiting) = place {
                refused += 1;
                *place = Place::Answered(answer(waiting.id.take(), Err(too_long())));
            }
        }
        caller.forget(refused);
    }
}

fn answer(id: Option<Value>, said: Said) -> Option<String> {
    id.map(|id| Answer::new(id, said).text())
}

fn too_long() -> RpcError {
    RpcError::no_request(
        "the answers to this batch are as long as one message may be (limits.output_buffer_bytes, and less while \
         limits.output_pool_bytes are held for others), so this request was not carried out; send it again, in a smaller \
         batch",
    )
}

/// The answers to the commands whose replies are there, which wait in this order.
fn translate(replies: &[u8], waiting: Vec<Waiting>) -> Vec<Option<String>> {
    let mut rest = replies;
    let mut answers = Vec::new();
    for Waiting { id, wanted } in waiting {
        // The server reads its own replies.
        let Ok(Some(reply)) = decode_reply(rest) else { break };
        rest = &rest[reply.wire_len()..];
        let said = match reply.value() {
            Ok(value) => json::reply(wanted, &value).map_err(RpcError::from),
            Err(_) => Err(RpcError::defect()),
        };
        answers.push(answer(id, said));
    }
    answers
}

/// Asking what can't be done costs as much as asking what can.
fn charged(error: RpcError, caller: &Caller) -> RpcError {
    caller.charge().err().map_or(error, RpcError::from)
}

/// Carries out what concerns the connection itself.
async fn connection(wish: Wish, caller: &mut Caller) -> Said {
    match wish {
        Wish::Auth(token) => {
            caller.charge()?;
            caller.authorize(&format!("Bearer {token}")).await?;
            Ok(serde_json::json!({ "status": "OK" }))
        }
        // The session counts this itself.
        Wish::Subscribe(names) => {
            let snapshots: Vec<Value> =
                caller.subscribe(names.channels()).await?.iter().map(snapshot).collect();
            Ok(serde_json::json!({ "status": "SUBSCRIBED", "snapshots": snapshots }))
        }
        Wish::Unsubscribe(names) => {
            caller.charge()?;
            let left = caller.unsubscribe(names.map(|names| names.channels()));
            Ok(serde_json::json!({ "status": "UNSUBSCRIBED", "left": left }))
        }
    }
}

fn snapshot(delivery: &Delivery) -> Value {
    // What the hub wrote is JSON.
    let data: Value = serde_json::from_str(delivery.data()).unwrap_or_default();
    serde_json::json!({ "channel": delivery.channel().to_string(), "seq": delivery.seq(), "data": data })
}
