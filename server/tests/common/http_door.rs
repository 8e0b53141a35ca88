//! The HTTP door, for whoever knows methods: which request one is, the server's own description says.

use serde_json::{Map, Value as Json};
use tidegate_protocol::status::Status;

use super::description::Description;
use super::door::{Door, Fault};
use super::{Ask, Server};

/// A client that holds every answer against the description.
pub(crate) struct Http {
    address: std::net::SocketAddr,
    description: Description,
}

impl Http {
    pub(crate) fn connect(server: &Server) -> Self {
        let document = Ask::new(server.http(), "GET", "/api/openapi.json").send();
        Self { address: server.http(), description: Description::new(document.json()) }
    }

    fn ask(&self, method: &str, params: &Json) -> Result<Json, Fault> {
        let (verb, template) = self.description.request(&method.replace('.', "_"));
        let mut members: Map<String, Json> = params.as_object().unwrap().clone();
        let mut path = String::new();
        for part in template.split('/').skip(1) {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let part = name.map_or(part.to_owned(), |name| encoded(&members.remove(name).unwrap()));
            path.push_str(&format!("/{part}"));
        }
        let mut ask = Ask::new(self.address, &verb, &path);
        if let Some(req) = members.remove("req") {
            ask = ask.key(req.as_str().unwrap());
        }
        if verb != "GET" {
            let body = members.remove("json").unwrap_or(Json::Object(members));
            ask = ask.body(&body.to_string());
        }
        let answer = ask.send();
        self.description.check(&verb, &path, &answer);
        match (answer.status, answer.json()) {
            (200 | 201, result) => Ok(result),
            (404, _) if verb == "GET" => Ok(Json::Null),
            (_, problem) => refused(problem),
        }
    }
}

/// A problem is an outcome that is not wished for, or an error.
fn refused(mut problem: Json) -> Result<Json, Fault> {
    let code = problem["code"].as_str().unwrap().to_owned();
    if Status::from_word(code.as_bytes()).is_none() {
        return Err(Fault { code, message: problem["detail"].as_str().unwrap().to_owned() });
    }
    let members = problem.as_object_mut().unwrap();
    members.retain(|name, _| !matches!(name.as_str(), "title" | "detail" | "code"));
    members.insert("status".to_owned(), code.into());
    Ok(problem)
}

fn encoded(id: &Json) -> String {
    id.as_str().unwrap().bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl Door for Http {
    fn call(&mut self, method: &str, params: &Json) -> Result<Json, Fault> {
        if method != "sku.mget" {
            return self.ask(method, params);
        }
        // One by one: there is no request for several.
        let skus = params["skus"].as_array().unwrap().iter();
        skus.map(|sku| self.ask("sku.get", &serde_json::json!({ "sku": sku }))).collect()
    }
}
