//! What can be listed, page by page.
//!
//! Everything listed has a number that it keeps, and what comes later has a larger one. A cursor is the number to go on
//! from: whoever follows cursors meets each thing that was there at the beginning once, whatever comes meanwhile.

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use tidegate_engine::{OrderId, OrderNumber, RoomId, RoomNumber};
use tidegate_persistence::{ActorId, ActorKind};
use tidegate_protocol::command::Role;
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::json::{self, JsonError, JsonReply};
use tidegate_protocol::resp::Value as Reply;

use super::answer::{absent, error, wrong_value};
use super::request::{malformed, path, query};
use super::{Api, defect};
use crate::http::problem::Problem;
use crate::security::Principal;

/// Entries of a page that does not say how many it wants, and the most it may want.
pub(super) const USUAL_LIMIT: usize = 50;
pub(super) const MAX_LIMIT: usize = 200;

/// One list.
pub(super) struct List {
    pub(super) path: &'static str,
    /// What it is a list of.
    of: Of,
    /// The command that shows one of them, and its parameter.
    pub(super) shown_by: (&'static str, &'static str),
    /// What it is called in the document.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Skus,
    Campaigns,
    Orders,
    Rooms,
}

impl Of {
    /// Whether each of them is an actor, that can fail alone.
    fn is_of_actors(self) -> bool {
        matches!(self, Self::Skus | Self::Campaigns)
    }
}

impl List {
    /// Whether somebody may see it: whoever may see each of its entries. Other people's orders are none of a buyer's
    /// business.
    fn admit(&self, principal: &Principal) -> Result<(), WireError> {
        match principal.buyer() {
            Some(_) if self.of == Of::Orders => {
                Err(WireError::new(ErrorCode::NoPerm, "the list of orders is not for buyers"))
            }
            Some(_) => Ok(()),
            None => principal.needs_one_of(&[Role::Storefront]),
        }
    }

    /// The schema of what stands in the place of an entry that can't be shown; none where each can.
    pub(super) fn unshown_schema(&self) -> Option<Value> {
        let (_, param) = self.shown_by;
        self.of.is_of_actors().then(|| {
            json!({
                "type": "object",
                "description": "It is out of service.",
                "properties": {
                    param: {"type": "string"},
                    "error": {
                        "type": "object",
                        "properties": {"code": {"enum": ["ERR", "LOADING"]}, "detail": {"type": "string"}},
                        "required": ["code", "detail"],
                        "additionalProperties": false,
                    },
                },
                "required": [param, "error"],
                "additionalProperties": false,
            })
        })
    }
}

/// Every list, in the order of the document.
pub(super) static LISTS: &[List] = &[
    List {
        path: "/skus",
        of: Of::Skus,
        shown_by: ("sku.get", "sku"),
        id: "sku_list",
        summary: "Lists all SKUs, in the order in which they were created.",
    },
    List {
        path: "/skus/{sku}/orders",
        of: Of::Orders,
        shown_by: ("order.get", "order"),
        id: "order_list",
        summary: "Lists the orders of a SKU, in the order in which they were reserved.",
    },
    List {
        path: "/skus/{sku}/rooms",
        of: Of::Rooms,
        shown_by: ("room.get", "room"),
        id: "room_list",
        summary: "Lists the rooms of a SKU, in the order in which they were opened.",
    },
    List {
        path: "/campaigns",
        of: Of::Campaigns,
        shown_by: ("campaign.get", "campaign"),
        id: "campaign_list",
        summary: "Lists all campaigns, in the order in which they were created.",
    },
];

/// Shows one page.
pub(super) async fn page(
    list: &'static List,
    request: HttpRequest,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    let asker = api.asker(&request)?;
    list.admit(&asker.principal).map_err(|refused| error(refused.into()))?;
    let query = query(&request, &["cursor", "limit"])?;
    let limit = limit(query.get("limit"))?;
    let from = query.get("cursor").map_or(Ok(0), |cursor| from_cursor(list.of, cursor))?;

    // One more than is shown: whether there is a next page.
    let sku = path(list.path, &request)?.remove("sku");
    let entries = entries(list.of, sku.as_ref().and_then(Value::as_str), from, limit + 1, &api)?;
    let mut words = Vec::new();
    if let Some(sku) = &sku {
        put("sku.get", "sku", sku.clone(), &mut words)?;
    }
    let (command, param) = list.shown_by;
    for (_, name) in &entries {
        put(command, param, Value::from(name.as_str()), &mut words)?;
    }
    if entries.is_empty() {
        // Whoever may not look is not told that there is nothing to see.
        put(command, param, Value::from("-"), &mut words)?;
    }
    let mut replies = api.call(asker, words).await?.into_iter();
    if sku.is_some() && shown("sku.get", replies.next()).map_err(error)?.is_null() {
        return Err(absent());
    }
    if entries.is_empty() {
        shown(command, replies.next()).map_err(error)?;
    }
    let mut items = Vec::new();
    let mut next = None;
    for ((number, name), reply) in entries.iter().zip(replies) {
        let item = match shown(command, Some(reply)) {
            Err(error) if list.of.is_of_actors() && is_its_own(&error) => unshown(param, name, &error),
            item => item.map_err(error)?,
        };
        if item.is_null() {
            // The first number that no order has yet.
            break;
        }
        if items.len() == limit {
            next = Some(cursor(list.of, *number));
            break;
        }
        items.push(item);
    }
    Ok(HttpResponse::Ok().json(json!({ "items": items, "next": next })))
}

/// Whether this is the trouble of one SKU: it failed, or is being rebuilt. The others of the page are shown.
fn is_its_own(error: &JsonError) -> bool {
    matches!(error.code, ErrorCode::Err | ErrorCode::Loading)
}

/// What stands in the place of a SKU that can't be shown.
fn unshown(param: &str, name: &str, error: &JsonError) -> Value {
    json!({param: name, "error": {"code": error.code.word(), "detail": error.message}})
}

/// Numbers and names of what may be on a page.
fn entries(
    of: Of,
    sku: Option<&str>,
    from: u32,
    most: usize,
    api: &Api,
) -> Result<Vec<(u32, String)>, Problem> {
    let kind = match of {
        Of::Skus => ActorKind::Sku,
        Of::Campaigns => ActorKind::Campaign,
        Of::Orders | Of::Rooms => {
            let sku = sku.unwrap_or_default();
            let id = |number| match of {
                Of::Rooms => RoomId { sku, number: RoomNumber(number) }.to_string(),
                _ => OrderId { sku, number: OrderNumber(number) }.to_string(),
            };
            return Ok((from.max(1)..).take(most).map(|number| (number, id(number))).collect());
        }
    };
    let seats = api.edge.page(kind, ActorId(from), most).map_err(|refused| error(refused.into()))?;
    Ok(seats.into_iter().map(|(id, name)| (id.0, name)).collect())
}

fn put(method: &str, param: &str, value: Value, words: &mut Vec<u8>) -> Result<(), Problem> {
    let given = Map::from_iter([(param.to_owned(), value)]);
    let command = json::method(method).ok_or_else(defect)?;
    json::command(command, &given, words).map_err(|error| wrong_value(&error.to_string()))
}

fn shown(method: &str, reply: Option<Reply>) -> JsonReply {
    match (json::method(method), reply) {
        (Some(command), Some(reply)) => json::reply(command, &reply),
        // There is a reply to each command, and each is one of the table's: tests look them up.
        _ => Ok(Value::Null),
    }
}

fn limit(given: Option<&String>) -> Result<usize, Problem> {
    let Some(given) = given else { return Ok(USUAL_LIMIT) };
    let limit = given.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| {
        malformed(format!("limit: must be a whole number from 1 to {MAX_LIMIT}")).with("field", "limit")
    })
}

fn cursor(of: Of, number: u32) -> String {
    let mut bytes = vec![of as u8];
    bytes.extend(number.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn from_cursor(of: Of, cursor: &str) -> Result<u32, Problem> {
    let number = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| {
        let (kind, number) = bytes.split_first()?;
        (*kind == of as u8).then_some(())?;
        Some(u32::from_be_bytes(number.try_into().ok()?))
    });
    number.ok_or_else(|| {
        malformed("cursor: must be what `next` said on the page before, of the same list")
            .with("field", "cursor")
    })
}
