//! One way for a test to use any door: methods with parameters by name, and what came of them in JSON.

use serde_json::{Map, Value as Json};
use tidegate_protocol::json;

use super::{Client, Server, Socket};

/// A client of some door.
pub(crate) trait Door {
    fn call(&mut self, method: &str, params: &Json) -> Result<Json, Fault>;
}

/// An error: its code in the words of RESP, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// RESP3 over TCP.
pub(crate) struct Resp(Client);

impl Resp {
    pub(crate) fn connect(server: &Server) -> Self {
        let mut client = server.client();
        client.ask("HELLO 3");
        Self(client)
    }
}

impl Door for Resp {
    fn call(&mut self, method: &str, params: &Json) -> Result<Json, Fault> {
        let command = json::method(method).unwrap_or_else(|| panic!("no method {method}"));
        let params: &Map<String, Json> = params.as_object().unwrap();
        let mut bytes = Vec::new();
        json::command(command, params, &mut bytes).unwrap();
        self.0.write(&bytes).unwrap();
        json::reply(command, &self.0.reply())
            .map_err(|error| Fault { code: error.code.word().to_owned(), message: error.message })
    }
}

impl Door for Socket {
    fn call(&mut self, method: &str, params: &Json) -> Result<Json, Fault> {
        Socket::call(self, method, params.clone()).map_err(|error| Fault {
            code: error["data"]["code"].as_str().unwrap().to_owned(),
            message: error["message"].as_str().unwrap().to_owned(),
        })
    }
}
