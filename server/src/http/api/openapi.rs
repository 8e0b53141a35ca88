//! The OpenAPI document, made of the tables of operations and lists and of the command table's schemas.

use std::sync::LazyLock;

use actix_web::http::Method;
use serde_json::{Map, Value, json};
use tidegate_protocol::command::CommandSpec;
use tidegate_protocol::document;
use tidegate_protocol::json::{self, params_schema};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{
    Operation as Described, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, ObjectBuilder, OpenApiBuilder, PathItem,
    PathsBuilder, Ref, RefOr, Required, Schema, Tag,
};

use super::lists::{LISTS, List, MAX_LIMIT, USUAL_LIMIT};
use super::operations::{OPERATIONS, Operation, Places, REQUEST_ID_HEADER, ROOT, path_names};
use super::responses::{common_responses, item_name, list_responses, responses, result_forms};

/// The document as it is served. It is the same for all servers of a version.
pub(super) static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

const ABOUT: &str = "Everything that the Redis protocol can do with SKUs, orders, rooms, campaigns and carts. Money is \
in minor units of the currency, times are RFC 3339. What the rules refuse is a problem document (RFC 9457) whose `code` \
is the status word of the Redis protocol. Ids of orders, rooms and carts have braces: percent-encode them in paths.";

fn document() -> Value {
    let tags = ["sku", "order", "room", "cart", "campaign", "buyer", "report"];
    let info =
        InfoBuilder::new().title("Tidegate").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT));
    let open_api = OpenApiBuilder::new()
        .info(info)
        .paths(paths())
        .components(Some(components().build()))
        // Where no users are configured, nobody has to say who they are.
        .security(Some([SecurityRequirement::default(), SecurityRequirement::new("bearer", [""; 0])]))
        .tags(Some(tags.map(|name| -> Tag { TagBuilder::new().name(name).build() })))
        .build();
    // Plain data: there is nothing that JSON can't say. A value has its keys in one order.
    serde_json::to_value(open_api).unwrap_or_default()
}

fn paths() -> PathsBuilder {
    let mut paths = PathsBuilder::new();
    for list in LISTS {
        paths = paths.path(format!("{ROOT}{}", list.path), PathItem::new(HttpMethod::Get, listing(list)));
    }
    for operation in OPERATIONS {
        let Some(command) = operation.command() else { continue };
        let method = match operation.method {
            Method::PUT => HttpMethod::Put,
            Method::POST => HttpMethod::Post,
            _ => HttpMethod::Get,
        };
        let item = PathItem::new(method, described(operation, command.spec()));
        paths = paths.path(format!("{ROOT}{}", operation.path), item);
    }
    paths
}

fn described(operation: &Operation, spec: &'static CommandSpec) -> Described {
    let schema = params_schema(spec);
    let properties = &schema["properties"];
    let places = Places::of(spec, operation.path);
    let mut described = OperationBuilder::new()
        .operation_id(Some(operation.id()))
        .tag(spec.group.name())
        .summary(Some(spec.summary))
        .description(Some(format!("`{}`, for the role {}.", spec.name, spec.role.name())));
    for name in path_names(operation.path) {
        described = described.parameter(in_path(name, &properties[name]));
    }
    if places.has_request_id {
        let about = "Your own id of this request: asked again with the same one, it is done once.";
        described = described.parameter(
            ParameterBuilder::new()
                .name(REQUEST_ID_HEADER)
                .parameter_in(ParameterIn::Header)
                .required(Required::True)
                .description(Some(about))
                .schema(Some(schema_of(properties["req"].clone()))),
        );
    }
    if operation.method != Method::GET {
        let body = body(operation, &places, properties);
        let content = ContentBuilder::new().schema(Some(body)).build();
        let body =
            RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", content);
        described = described.request_body(Some(body.build()));
    }
    described.responses(responses(operation, spec)).build()
}

fn body(operation: &Operation, places: &Places, properties: &Value) -> RefOr<Schema> {
    if places.document.is_some() {
        return Ref::from_schema_name(document_name(operation)).into();
    }
    let members = places.members.iter().map(|(name, _)| (name.clone(), properties[name.as_str()].clone()));
    let required: Vec<&String> =
        places.members.iter().filter(|(_, optional)| !optional).map(|(name, _)| name).collect();
    schema_of(json!({
        "type": "object",
        "properties": Map::from_iter(members),
        "required": required,
        "additionalProperties": false,
    }))
}

fn document_name(operation: &Operation) -> &'static str {
    if operation.path.starts_with("/campaigns") { "CampaignDocument" } else { "SkuDocument" }
}

fn listing(list: &'static List) -> Described {
    let (method, _) = list.shown_by;
    let spec = json::method(method).map(|command| command.spec());
    let mut described = OperationBuilder::new()
        .operation_id(Some(list.id))
        .tag(spec.map_or("", |spec| spec.group.name()))
        .summary(Some(list.summary))
        .description(Some("What comes later is on later pages: whoever follows `next` misses nothing."));
    let sku = json::method("sku.get").map(|command| params_schema(command.spec())).unwrap_or_default();
    for name in path_names(list.path) {
        described = described.parameter(in_path(name, &sku["properties"][name]));
    }
    described
        .parameter(in_query(
            "limit",
            "Entries of a page at most.",
            json!({
                "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": USUAL_LIMIT,
            }),
        ))
        .parameter(in_query(
            "cursor",
            "Where to go on: `next` of the page before.",
            json!({"type": "string"}),
        ))
        .responses(list_responses(list))
        .build()
}

fn in_path(name: &str, schema: &Value) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(schema_of(schema.clone())))
        .build()
}

fn in_query(name: &str, about: &str, schema: Value) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema_of(schema)))
        .build()
}

fn components() -> ComponentsBuilder {
    let mut components = ComponentsBuilder::new()
        .schema("Problem", schema_of(problem_schema()))
        .schema("SkuDocument", schema_of(document::sku_schema()))
        .schema("CampaignDocument", schema_of(document::campaign_schema()))
        .security_scheme(
            "bearer",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        );
    for operation in OPERATIONS.iter().filter(|operation| operation.method == Method::GET) {
        let Some(command) = operation.command() else { continue };
        for map in result_forms(command.spec()).into_iter().filter(|form| form["type"] == "object") {
            components = components.schema(item_name(command.spec()), schema_of(map));
        }
    }
    for (name, response) in common_responses() {
        components = components.response(name, response);
    }
    components
}

/// What all problems have in common; there may be more members.
fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "An RFC 9457 problem document. `type` is left out, which means `about:blank`.",
        "properties": {
            "title": {"type": "string", "description": "The status in words."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "For people: what to do about it."},
            "code": {"type": "string", "description": "For programs: the status word or error code of the Redis protocol."},
            "field": {"type": "string", "description": "What the value that is wrong is called."},
            "retry_ms": {"type": "integer", "minimum": 1, "description": "When to try again, in milliseconds."},
        },
        "required": ["title", "status", "detail", "code"],
    })
}

/// A schema as it stands.
pub(super) fn schema_of(schema: Value) -> RefOr<Schema> {
    let Value::Object(keywords) = schema else { return Schema::default().into() };
    let keywords: Extensions = keywords.into_iter().collect();
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).extensions(Some(keywords)).build().into()
}
