//! The requests of the messages that came together: carried out as one read of a TCP connection is, answered message by
//! message.

use serde_json::Value;
use tidegate_protocol::command::Command;
use tidegate_protocol::json;
use tidegate_protocol::resp::decode_reply;

use super::rpc::{self, Answer, Asked, Call, Method, RpcError, Work};
use crate::edge::Caller;

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
        said.push(Ok(Value::Null));
        let error = match work {
            Ok(Work::Command(command, params)) => {
                bytes.clear();
                let added = json::command(command, &params, &mut bytes).map_err(RpcError::from);
                match added
                    .and_then(|()| caller.add(&bytes).map_err(|error| RpcError::params(error.to_string())))
                {
                    Ok(()) => {
                        waiting.push((at, command));
                        continue;
                    }
                    Err(error) => Err(error),
                }
            }
            Ok(Work::Connection(method, params)) => {
                // It may decide about what follows, and not about what came before.
                collect(&mut waiting, &mut said, caller).await;
                connection(method, &params, caller)
            }
            Err(error) => Err(error),
        };
        said[at] = error;
    }
    collect(&mut waiting, &mut said, caller).await;
    said
}

/// Waits for the replies to these commands.
async fn collect(waiting: &mut Vec<(usize, Command)>, said: &mut [Said], caller: &mut Caller) {
    if waiting.is_empty() {
        return;
    }
    let replies = caller.run().await;
    let mut rest = &replies[..];
    for (at, command) in waiting.drain(..) {
        // The server reads its own replies.
        let Ok(Some(reply)) = decode_reply(rest) else { continue };
        let Ok(value) = reply.value() else { continue };
        rest = &rest[reply.wire_len()..];
        said[at] = json::reply(command, &value).map_err(RpcError::from);
    }
}

fn connection(method: Method, params: &serde_json::Map<String, Value>, caller: &mut Caller) -> Said {
    match method {
        Method::Auth => {
            let Some(token) = params.get("token").and_then(Value::as_str) else {
                return Err(RpcError::params("token: has to be a string"));
            };
            match caller.authenticate(token) {
                Ok(()) => Ok(serde_json::json!({ "status": "OK" })),
                Err(error) => Err(RpcError::from(json::JsonError::from(error))),
            }
        }
    }
}
