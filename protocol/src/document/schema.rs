//! The documents as JSON Schema (draft 2020-12), for whoever writes them with a tool's help. What several fields must be
//! together (a floor below the start, ascending tiers) only reading judges.

use serde_json::{Value, json};

use super::Discount;
use super::campaign::{MAX_CARBON_G, MAX_COUPON_WINDOWS, MAX_SKUS, MAX_THRESHOLDS, MAX_WINDOW_S};
use super::fulfilment::{MAX_CODE, MAX_CODES};
use super::group_buy::{DEFAULT_ROOM_TTL_S, MAX_MEMBERS, MAX_ROOM_TTL_S, MAX_TIERS};
use super::object::LAST_TIME;
use super::price::{MAX_EVERY_S, MAX_PERCENT};
use super::sku::{DEFAULT_HOLD_S, MAX_ALLOWED, MAX_HOLD_S, MAX_LAPSES, MAX_LIMIT, MAX_STOCK};
use super::stores::MAX_STORES;
use crate::command::MAX_SAFE_INTEGER;

/// The schema of a SKU document.
#[must_use]
pub fn sku_schema() -> Value {
    object(
        json!({
            "title": title(),
            "campaign": name(),
            "stock": about(whole(0, MAX_STOCK), "Only counts when the SKU is created. May be left out with codes or stores."),
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217."},
            "price": price(),
            "starts_at": time(),
            "ends_at": time(),
            "per_buyer_limit": whole(1, MAX_LIMIT),
            "per_order_limit": whole(1, MAX_LIMIT),
            "hold_s": with_default(whole(1, MAX_HOLD_S), DEFAULT_HOLD_S),
            "late_payment": {"enum": ["reacquire", "refund"], "default": "reacquire"},
            "max_lapses": whole(1, MAX_LAPSES),
            "allow": list(id(), 1, MAX_ALLOWED),
            "group_buy": group_buy(),
            "fulfilment": fulfilment(),
            "stores": list(store(), 1, MAX_STORES),
            "carbon_g": whole(0, MAX_CARBON_G),
        }),
        &["title", "currency", "price"],
    )
}

/// The schema of a campaign document.
#[must_use]
pub fn campaign_schema() -> Value {
    let money = || whole(1, MAX_SAFE_INTEGER);
    let threshold = object(json!({"spend": money(), "off": money()}), &["spend", "off"]);
    let coupon_window = object(
        json!({
            "event": id(),
            "percent_off": percent(),
            "window_s": whole(1, MAX_WINDOW_S),
            "skus": list(name(), 0, MAX_SKUS),
        }),
        &["event", "percent_off", "window_s"],
    );
    let green = json!({"max_carbon_g": whole(0, MAX_CARBON_G), "percent_off": percent()});
    object(
        json!({
            "title": title(),
            "starts_at": time(),
            "ends_at": time(),
            "skus": list(name(), 0, MAX_SKUS),
            "per_buyer_limit": whole(1, MAX_LIMIT),
            "thresholds": list(threshold, 0, MAX_THRESHOLDS),
            "coupon_windows": list(coupon_window, 0, MAX_COUPON_WINDOWS),
            "green": object(green, &["max_carbon_g", "percent_off"]),
            "order_of_discounts": list(json!({"enum": Discount::WORDS}), 0, Discount::WORDS.len()),
        }),
        &["title"],
    )
}

fn price() -> Value {
    let money = || whole(1, MAX_SAFE_INTEGER);
    let ladder = object(
        json!({
            "start": money(),
            "market": money(),
            "start_percent": whole(1, MAX_PERCENT),
            "floor": money(),
            "cost": money(),
            "floor_percent": whole(1, MAX_PERCENT),
            "step_percent": percent(),
            "step_amount": money(),
            "every_s": whole(1, MAX_EVERY_S),
        }),
        &["every_s"],
    );
    let dynamic = object(
        json!({"initial": money(), "floor": money(), "ceiling": money(), "max_step_percent": percent()}),
        &["initial", "floor", "ceiling", "max_step_percent"],
    );
    json!({"oneOf": [
        object(json!({"fixed": money()}), &["fixed"]),
        object(json!({"ladder": either_or(ladder)}), &["ladder"]),
        object(json!({"dynamic": dynamic}), &["dynamic"]),
    ]})
}

/// The three things of a ladder that can be said in one way or another.
fn either_or(mut ladder: Value) -> Value {
    ladder["allOf"] = json!([
        {"oneOf": [{"required": ["start"]}, {"required": ["market", "start_percent"]}]},
        {"oneOf": [{"required": ["floor"]}, {"required": ["cost", "floor_percent"]}]},
        {"oneOf": [{"required": ["step_percent"]}, {"required": ["step_amount"]}]},
    ]);
    ladder
}

fn group_buy() -> Value {
    let tier = json!({"members": whole(2, MAX_MEMBERS), "percent_off": whole(1, 99_u32)});
    let tiers = list(object(tier, &["members", "percent_off"]), 1, MAX_TIERS);
    let ttl = with_default(whole(1, MAX_ROOM_TTL_S), DEFAULT_ROOM_TTL_S);
    object(json!({"tiers": tiers, "room_ttl_s": ttl}), &["tiers"])
}

fn fulfilment() -> Value {
    let code = json!({"type": "string", "pattern": format!("^[!-~]{{1,{MAX_CODE}}}$")});
    json!({"oneOf": [
        object(json!({"codes": list(code, 1, MAX_CODES)}), &["codes"]),
        object(json!({"numbered": {"const": true}}), &["numbered"]),
    ]})
}

fn store() -> Value {
    let degrees = |most: i32| json!({"type": "number", "minimum": -most, "maximum": most});
    object(
        json!({"id": name(), "lat": degrees(90), "lon": degrees(180), "stock": whole(0, MAX_STOCK)}),
        &["id", "lat", "lon", "stock"],
    )
}

fn title() -> Value {
    json!({"type": "string", "pattern": r"^[^\u0000-\u001f\u007f-\u009f]{1,200}$"})
}

fn name() -> Value {
    json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"})
}

fn id() -> Value {
    json!({"type": "string", "pattern": "^[!-~]{1,64}$"})
}

fn time() -> Value {
    json!({"anyOf": [
        {"type": "string", "format": "date-time"},
        about(whole(0, u64::try_from(LAST_TIME).unwrap_or(u64::MAX)), "Epoch milliseconds."),
    ]})
}

fn percent() -> Value {
    whole(1, 100_u32)
}

fn whole(least: u64, most: impl Into<u64>) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most.into()})
}

fn list(item: Value, least: usize, most: usize) -> Value {
    json!({"type": "array", "items": item, "minItems": least, "maxItems": most})
}

fn object(mut properties: Value, required: &[&str]) -> Value {
    for (name, schema) in properties.as_object_mut().into_iter().flatten() {
        if !required.contains(&name.as_str()) {
            // Null counts as left out.
            *schema = json!({"anyOf": [schema.take(), {"type": "null"}]});
        }
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn with_default(mut schema: Value, default: u32) -> Value {
    schema["default"] = default.into();
    schema
}

fn about(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}
