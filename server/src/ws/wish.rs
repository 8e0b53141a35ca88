//! Calls about the connection itself.

use serde_json::{Map, Value};

use super::rpc::{Method, RpcError};
use crate::push::Channel;

/// What a call about the connection itself wants.
#[derive(Debug, PartialEq)]
pub(super) enum Wish {
    Auth(String),
    Subscribe(Vec<Channel>),
    Unsubscribe(Option<Vec<Channel>>),
}

impl Wish {
    /// What is wanted with these parameters.
    ///
    /// # Errors
    /// Names the first parameter that is missing, unknown, or not what it may be.
    pub(super) fn read(method: Method, params: &Map<String, Value>) -> Result<Self, RpcError> {
        let known = match method {
            Method::Auth => "token",
            Method::Subscribe | Method::Unsubscribe => "channels",
        };
        if let Some(unknown) = params.keys().find(|name| *name != known) {
            let name = method.name();
            let text = format!("{unknown}: {name} has no such parameter; it takes {known}");
            return Err(RpcError::params(text));
        }
        Ok(match method {
            Method::Auth => {
                let token = params.get("token").and_then(Value::as_str);
                Self::Auth(token.ok_or_else(|| RpcError::params("token: has to be a string"))?.to_owned())
            }
            Method::Subscribe => {
                Self::Subscribe(channels(params)?.ok_or_else(|| RpcError::params("channels: is missing"))?)
            }
            Method::Unsubscribe => Self::Unsubscribe(channels(params)?),
        })
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
