//! The requests of the messages that came together: carried out as one read of a TCP connection is, answered message by
//! message.

use serde_json::{Map, Value};
use tidegate_protocol::command::Command;
use tidegate_protocol::json;
use tidegate_protocol::resp::decode_reply;

use super::rpc::{self, Answer, Asked, Call, Method, RpcError, Work};
use crate::edge::Caller;
use crate::push::{Channel, Delivery};

/// What becomes of a request.
type Said = Result<Value, RpcError>;

/// What came together.
#[derive(Default)]
pub(super) struct Turn {
    calls: Vec<Call>,
    /// For each message where its calls end, and whether it is a batch.
    messages: Vec<(usize, bool)>,
}

impl Turn {
    pub(super) fn add(&mut self, asked: Asked) {
        self.calls.extend(asked.calls);
        self.messages.push((self.calls.len(), asked.is_batch));
    }

    /// How many requests there are.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Does all of it. The answers, each a message.
    pub(super) async fn run(self, caller: &mut Caller) -> Vec<String> {
        let (ids, works): (Vec<_>, Vec<_>) = self.calls.into_iter().map(|call| (call.id, call.work)).unzip();
        let said = carry_out(works, caller).await;
        let mut answers = ids.into_iter().zip(said);
        let mut begins = 0;
        let mut messages = Vec::with_capacity(self.messages.len());
        for (end, is_batch) in self.messages {
            let of_message = answers.by_ref().take(end - begins);
            let wanted: Vec<Answer> =
                of_message.filter_map(|(id, said)| Some(Answer::new(id?, said))).collect();
            messages.extend(rpc::write(is_batch, &wanted));
            begins = end;
        }
        messages
    }
}

/// What came of each, in order.
async fn carry_out(works: Vec<Result<Work, RpcError>>, caller: &mut Caller) -> Vec<Said> {
    let mut said = Vec::with_capacity(works.len());
    let mut waiting = Vec::new();
    let mut bytes = Vec::new();
    for work in works {
        let at = said.len();
        // Until the actors have answered.
        said.push(Err(RpcError::defect()));
        let done = match work {
            Ok(Work::Command(wanted, params)) => {
                bytes.clear();
                match take_in(wanted, &params, &mut bytes, caller) {
                    Ok(()) => {
                        waiting.push((at, wanted));
                        continue;
                    }
                    Err(error) => Err(error),
                }
            }
            Ok(Work::Connection(method, params)) => {
                // It may decide about what follows, and not about what came before.
                collect(&mut waiting, &mut said, caller).await;
                connection(method, &params, caller).await
            }
            Err(error) => Err(error),
        };
        said[at] = done;
    }
    collect(&mut waiting, &mut said, caller).await;
    said
}

/// Makes a command of a call and hands it over.
fn take_in(
    wanted: Command,
    params: &Map<String, Value>,
    bytes: &mut Vec<u8>,
    caller: &mut Caller,
) -> Result<(), RpcError> {
    json::command(wanted, params, bytes)?;
    caller.add(bytes).map_err(|error| RpcError::params(error.to_string()))
}

/// Waits for the replies to these commands.
async fn collect(waiting: &mut Vec<(usize, Command)>, said: &mut [Said], caller: &mut Caller) {
    if waiting.is_empty() {
        return;
    }
    let replies = caller.run().await;
    let mut rest = &replies[..];
    for (at, wanted) in waiting.drain(..) {
        // The server reads its own replies.
        let Ok(Some(reply)) = decode_reply(rest) else { continue };
        let Ok(value) = reply.value() else { continue };
        rest = &rest[reply.wire_len()..];
        said[at] = json::reply(wanted, &value).map_err(RpcError::from);
    }
}

/// Carries out what concerns the connection itself.
async fn connection(method: Method, params: &Map<String, Value>, caller: &mut Caller) -> Said {
    let known = match method {
        Method::Auth => "token",
        Method::Subscribe | Method::Unsubscribe => "channels",
    };
    if let Some(unknown) = params.keys().find(|name| *name != known) {
        let name = method.name();
        return Err(RpcError::params(format!("{unknown}: {name} has no such parameter; it takes {known}")));
    }
    match method {
        Method::Auth => {
            let token = params.get("token").and_then(Value::as_str);
            let token = token.ok_or_else(|| RpcError::params("token: has to be a string"))?;
            caller.authorize(&format!("Bearer {token}")).await?;
            Ok(serde_json::json!({ "status": "OK" }))
        }
        Method::Subscribe => {
            let channels = channels(params)?.ok_or_else(|| RpcError::params("channels: is missing"))?;
            let snapshots: Vec<Value> = caller.subscribe(channels).await?.iter().map(snapshot).collect();
            Ok(serde_json::json!({ "status": "SUBSCRIBED", "snapshots": snapshots }))
        }
        Method::Unsubscribe => {
            let left = caller.unsubscribe(channels(params)?);
            Ok(serde_json::json!({ "status": "UNSUBSCRIBED", "left": left }))
        }
    }
}

/// The channels that are named; `None` if there is no word of them.
fn channels(params: &Map<String, Value>) -> Result<Option<Vec<Channel>>, RpcError> {
    let channel = |(at, name): (usize, &Value)| {
        let name =
            name.as_str().ok_or_else(|| RpcError::params(format!("channels[{at}]: must be a string")))?;
        Channel::parse(name).map_err(|error| RpcError::params(format!("channels[{at}]: {error}")))
    };
    match params.get("channels") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(names)) if !names.is_empty() => {
            names.iter().enumerate().map(channel).collect::<Result<_, _>>().map(Some)
        }
        Some(_) => Err(RpcError::params("channels: must be a list of at least one")),
    }
}

fn snapshot(delivery: &Delivery) -> Value {
    // What the hub wrote is JSON.
    let data: Value = serde_json::from_str(delivery.data()).unwrap_or_default();
    serde_json::json!({ "channel": delivery.channel().to_string(), "seq": delivery.seq(), "data": data })
}
