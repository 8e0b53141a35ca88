//! What calls about the connection itself want; `turn.rs` carries it out.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::rpc::{Method, RpcError};
use crate::push::Channel;

/// What a call about the connection itself wants.
pub(super) enum Wish {
    /// With this token.
    Auth(String),
    Subscribe(Names),
    /// `None`: all.
    Unsubscribe(Option<Names>),
}

/// Names of channels, each of which is one, with a space behind it: no name has one. As [`Channel`]s they would take four times as
/// much while they wait.
pub(super) struct Names(Box<str>);

impl Names {
    /// The channels, each once.
    pub(super) fn channels(&self) -> Vec<Channel> {
        let mut seen = HashSet::new();
        let names = self.0.split_terminator(' ').filter(|name| seen.insert(*name));
        names.filter_map(|name| Channel::parse(name).ok()).collect()
    }
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
fn channels(params: &Map<String, Value>) -> Result<Option<Names>, RpcError> {
    let names = match params.get("channels") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(names)) if !names.is_empty() => names,
        Some(_) => return Err(RpcError::params("channels: must be a list of at least one")),
    };
    let mut known = String::new();
    for (at, name) in names.iter().enumerate() {
        let name =
            name.as_str().ok_or_else(|| RpcError::params(format!("channels[{at}]: must be a string")))?;
        Channel::parse(name).map_err(|error| RpcError::params(format!("channels[{at}]: {error}")))?;
        known.push_str(name);
        known.push(' ');
    }
    Ok(Some(Names(known.into())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_channel_that_is_named_twice_is_meant_once() {
        let params = json!({"channels": ["status", "buyer:ann", "status"]});
        let wish = Wish::read(Method::Subscribe, params.as_object().unwrap());
        let Ok(Wish::Subscribe(names)) = wish else { panic!("it is a subscription") };
        let named = names.channels().iter().map(Channel::to_string).collect::<Vec<_>>();
        assert_eq!(named, ["status", "buyer:ann"]);
    }
}
