//! What an operation can be answered, for the OpenAPI document: from the replies that the command table names, by the same
//! rules as answers are made.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use serde_json::{Value, json};
use tidegate_protocol::command::CommandSpec;
use tidegate_protocol::error::ErrorCode;
use tidegate_protocol::json::{self, result_schema};
use tidegate_protocol::status::Status;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::link::{Link, LinkBuilder};
use utoipa::openapi::response::{Response, ResponseBuilder, Responses, ResponsesBuilder};
use utoipa::openapi::{ContentBuilder, Header, Ref, RefOr};

use super::answer::{status_of_error, status_of_rejection};
use super::lists::List;
use super::openapi::schema_of;
use super::operations::{Made, OPERATIONS, Operation, path_names};

/// Every form that a result can have.
pub(super) fn result_forms(spec: &CommandSpec) -> Vec<Value> {
    let mut schema = result_schema(spec);
    match schema.get_mut("oneOf").map(Value::take) {
        Some(Value::Array(forms)) => forms,
        _ => vec![schema],
    }
}

/// What the map that a command shows is called in the document: `Sku`, `Order`.
pub(super) fn item_name(spec: &CommandSpec) -> String {
    let name = spec.group.name();
    name.chars().take(1).map(|first| first.to_ascii_uppercase()).chain(name.chars().skip(1)).collect()
}

/// All responses of an operation.
pub(super) fn responses(operation: &Operation, spec: &'static CommandSpec) -> Responses {
    let mut done: BTreeMap<u16, Vec<Value>> = BTreeMap::new();
    let mut refused: BTreeMap<u16, Vec<Value>> = BTreeMap::new();
    for form in result_forms(spec) {
        let word = form["properties"]["status"]["const"].as_str().map(str::to_owned);
        match word {
            Some(word) => match (operation.done(&word), Status::from_word(word.as_bytes())) {
                (Some(outcome), _) => {
                    done.entry(if outcome.made.is_new() { 201 } else { 200 }).or_default().push(form)
                }
                (None, Some(status)) => {
                    refused
                        .entry(status_of_rejection(status).as_u16())
                        .or_default()
                        .push(rejection(form, &word));
                }
                (None, None) => {}
            },
            None if form["type"] == "object" => {
                done.entry(200)
                    .or_default()
                    .push(json!({"$ref": format!("#/components/schemas/{}", item_name(spec))}));
            }
            None => {}
        }
    }
    let not_found = json!({"properties": {"code": {"const": Status::NotFound.word()}}});
    refused.entry(404).or_default().push(not_found);
    let mut responses = ResponsesBuilder::new();
    for (code, forms) in done {
        responses = responses.response(code.to_string(), success(operation, code, forms));
    }
    for (code, forms) in refused {
        let about =
            if code == 404 { "There is nothing of this name or id." } else { "The rules don't allow it." };
        responses = responses.response(code.to_string(), problem(about, code, &forms).build());
    }
    let is_read = operation.done.is_empty();
    with_common(responses, is_read).build()
}

/// All responses of a list.
pub(super) fn list_responses(list: &List) -> Responses {
    let (method, _) = list.shown_by;
    let item = json::method(method).map(|command| item_name(command.spec())).unwrap_or_default();
    let shown = json!({"$ref": format!("#/components/schemas/{item}")});
    let entry = match list.unshown_schema() {
        Some(unshown) => json!({"oneOf": [shown, unshown]}),
        None => shown,
    };
    let schema = json!({
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": entry},
            "next": {"type": ["string", "null"], "description": "The cursor of the next page; null on the last."},
        },
        "required": ["items", "next"],
        "additionalProperties": false,
    });
    let content = ContentBuilder::new().schema(Some(schema_of(schema))).build();
    let page = ResponseBuilder::new().description("One page.").content("application/json", content);
    let not_found = json!({"properties": {"code": {"const": Status::NotFound.word()}}});
    let responses = ResponsesBuilder::new()
        .response("200", page)
        .response("404", problem("There is no such SKU.", 404, &[not_found]).build());
    with_common(responses, true).build()
}

fn success(operation: &Operation, code: u16, mut forms: Vec<Value>) -> Response {
    let schema = if forms.len() == 1 { forms.remove(0) } else { json!({"oneOf": forms}) };
    let content = ContentBuilder::new().schema(Some(schema_of(schema))).build();
    let about = match code {
        201 => "Done: something is new.",
        _ if operation.done.is_empty() => "As it stands.",
        _ => "Done.",
    };
    let mut response = ResponseBuilder::new().description(about).content("application/json", content);
    for done in operation.done {
        let Made::At { field, below } = done.made else { continue };
        response = response.header("location", Header::default());
        for next in OPERATIONS.iter().filter(|next| next.path.starts_with(&format!("{below}/{{"))) {
            response = response.link(next.id(), RefOr::T(link(next, field)));
        }
    }
    response.build()
}

/// Where to go on with what this field names.
fn link(next: &Operation, field: &str) -> Link {
    // The library would call the keyword `operation_id`.
    let id = Extensions::from_iter([("operationId", next.id())]);
    let link = LinkBuilder::new().extensions(Some(id));
    path_names(next.path)
        .fold(link, |link, name| link.parameter(name, format!("$response.body#/{field}")))
        .build()
}

/// The problem document of an outcome that this form describes.
fn rejection(mut form: Value, word: &str) -> Value {
    let mut properties = form["properties"].take();
    if let Some(properties) = properties.as_object_mut() {
        properties.remove("status");
        properties.insert("code".to_owned(), json!({ "const": word }));
    }
    let required: Vec<String> =
        properties.as_object().map(|properties| properties.keys().cloned().collect()).unwrap_or_default();
    json!({ "properties": properties, "required": required })
}

fn problem(about: &str, code: u16, forms: &[Value]) -> ResponseBuilder {
    let schema = json!({
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"properties": {"status": {"const": code}}},
            {"anyOf": forms},
        ],
    });
    let content = ContentBuilder::new().schema(Some(schema_of(schema))).build();
    ResponseBuilder::new().description(about).content("application/problem+json", content)
}

/// What any operation may be answered besides, by status; and whether only one with a body may.
const COMMON: &[(StatusCode, &str, bool, &str)] = &[
    (
        StatusCode::BAD_REQUEST,
        "Malformed",
        false,
        "The request can't be read: its query, a header or the JSON of its body.",
    ),
    (StatusCode::UNAUTHORIZED, "Unauthorized", false, "Say who you are."),
    (StatusCode::FORBIDDEN, "Forbidden", false, "Not for your role, or sent by a page of another site."),
    (StatusCode::REQUEST_TIMEOUT, "TooSlow", true, "The body did not come in time."),
    (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", true, "The body has too many bytes."),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "NotJson", true, "The body is not called JSON."),
    (StatusCode::MISDIRECTED_REQUEST, "Misdirected", false, "Another server has this key."),
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        "WrongValue",
        false,
        "A value is not one that can be; or an Idempotency-Key was used before for something else.",
    ),
    (StatusCode::TOO_MANY_REQUESTS, "TooFast", false, "Too many requests from you."),
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "Defect",
        false,
        "The server failed. The outcome is unknown: ask again with the same Idempotency-Key.",
    ),
    (StatusCode::SERVICE_UNAVAILABLE, "Unavailable", false, "Not now: `code` says why."),
];

/// The responses that operations have in common, by name.
pub(super) fn common_responses() -> impl Iterator<Item = (&'static str, Response)> {
    COMMON.iter().map(|(status, name, _, about)| {
        let mut codes: Vec<&str> = ErrorCode::ALL
            .iter()
            .filter(|code| status_of_error(**code) == *status)
            .map(|code| code.word())
            .collect();
        if codes.is_empty() {
            codes.push(ErrorCode::Err.word());
        }
        let form = json!({"properties": {"code": {"enum": codes}}});
        let mut response = problem(about, status.as_u16(), &[form]);
        if matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response = response.header("retry-after", Header::default());
        }
        (*name, response.build())
    })
}

fn with_common(mut responses: ResponsesBuilder, is_read: bool) -> ResponsesBuilder {
    for (status, name, for_bodies, _) in COMMON {
        if !(is_read && *for_bodies) {
            responses = responses.response(status.as_str(), RefOr::Ref(Ref::from_response_name(*name)));
        }
    }
    responses
}
