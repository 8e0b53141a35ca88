//! An OpenAPI document that answers are held against.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Answer;

/// The document of a server.
pub(crate) struct Description(Value);

impl Description {
    pub(crate) fn new(document: Value) -> Self {
        assert_eq!(document["openapi"], "3.1.0");
        Self(document)
    }

    /// Every operation by its id.
    pub(crate) fn operations(&self) -> BTreeSet<String> {
        let paths = self.0["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|path| path.as_object().unwrap().values());
        operations.map(|operation| operation["operationId"].as_str().unwrap().to_owned()).collect()
    }

    /// The id of the operation of a path.
    pub(crate) fn operation(&self, method: &str, path: &str) -> String {
        self.find(method, path)["operationId"].as_str().unwrap().to_owned()
    }

    /// Method and path of the operation of this id.
    pub(crate) fn request(&self, id: &str) -> (String, String) {
        for (path, item) in self.0["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if operation["operationId"] == id {
                    return (method.to_uppercase(), path.clone());
                }
            }
        }
        panic!("{id} is not described")
    }

    /// The answer must be one that is described: its status, kind, and body.
    #[track_caller]
    pub(crate) fn check(&self, method: &str, path: &str, answer: &Answer) {
        let responses = &self.find(method, path)["responses"];
        let mut response = &responses[answer.status.to_string()];
        if let Some(place) = response["$ref"].as_str() {
            response = self.0.pointer(place.trim_start_matches('#')).unwrap();
        }
        let content = response["content"].as_object();
        let content =
            content.unwrap_or_else(|| panic!("{method} {path}: {} is not described", answer.status));
        let kind = answer.headers["content-type"].as_str();
        let schema = content.get(kind).unwrap_or_else(|| panic!("{method} {path}: {kind} is not described"));
        let faults = self.faults(&schema["schema"], &answer.json());
        assert!(faults.is_empty(), "{method} {path}: {faults:#?} in {}", answer.body);
    }

    /// What is wrong with a value by this schema.
    pub(crate) fn faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        // References begin at the document's root.
        let schema = json!({"allOf": [schema], "components": self.0["components"]});
        let validator =
            jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
        validator.iter_errors(value).map(|error| error.to_string()).collect()
    }

    /// A schema that has a name.
    pub(crate) fn schema(&self, name: &str) -> &Value {
        &self.0["components"]["schemas"][name]
    }

    fn find(&self, method: &str, path: &str) -> &Value {
        let path = path.split('?').next().unwrap();
        let paths = self.0["paths"].as_object().unwrap();
        let (_, item) = paths
            .iter()
            .find(|(template, item)| fits(template, path) && item.get(method.to_lowercase()).is_some())
            .unwrap_or_else(|| panic!("{method} {path} is not described"));
        &item[method.to_lowercase()]
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(path).all(|(expected, part)| expected.starts_with('{') || *expected == part)
}
