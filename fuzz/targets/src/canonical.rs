//! Documents written as JSON, every field with its plainest meaning.

use serde_json::{Map, Value, json};
use tidegate_protocol::document::{
    CampaignDocument, CampaignFile, Fulfilment, LatePayment, Price, SkuDocument, Step,
};

/// A SKU document.
pub(crate) fn sku(document: &SkuDocument) -> Value {
    let price = match document.price {
        Price::Fixed(price) => json!({ "fixed": price }),
        Price::Ladder { start, floor, step, every_s } => {
            let (name, step) = match step {
                Step::Percent(percent) => ("step_percent", u64::from(percent)),
                Step::Amount(amount) => ("step_amount", amount),
            };
            json!({ "ladder": { "start": start, "floor": floor, name: step, "every_s": every_s } })
        }
        Price::Dynamic { initial, floor, ceiling, max_step_percent } => json!({ "dynamic": {
            "initial": initial, "floor": floor, "ceiling": ceiling, "max_step_percent": max_step_percent,
        } }),
    };
    let fulfilment = document.fulfilment.as_ref().map(|fulfilment| match fulfilment {
        Fulfilment::Codes(codes) => json!({ "codes": codes }),
        Fulfilment::Numbered => json!({ "numbered": true }),
    });
    let group_buy = document.group_buy.as_ref().map(|group_buy| {
        let tier = |(members, percent): &(u32, u8)| json!({ "members": members, "percent_off": percent });
        let tiers: Vec<Value> = group_buy.tiers.iter().map(tier).collect();
        json!({ "tiers": tiers, "room_ttl_s": group_buy.room_ttl_s })
    });
    let stores = document.stores.as_ref().map(|stores| {
        let degrees = |e6: i32| f64::from(e6) / 1e6;
        let store = |store: &tidegate_protocol::document::Store| {
            json!({ "id": store.id, "lat": degrees(store.lat_e6), "lon": degrees(store.lon_e6), "stock": store.stock })
        };
        stores.iter().map(store).collect::<Vec<Value>>()
    });
    json!({
        "title": document.title,
        "stock": document.stock,
        "currency": document.currency,
        "price": price,
        "starts_at": document.starts_at,
        "ends_at": document.ends_at,
        "per_buyer_limit": document.per_buyer_limit,
        "per_order_limit": document.per_order_limit,
        "hold_s": document.hold_s,
        "late_payment": match document.late_payment {
            LatePayment::Reacquire => "reacquire",
            LatePayment::Refund => "refund",
        },
        "max_lapses": document.max_lapses,
        "allow": document.allow,
        "group_buy": group_buy,
        "fulfilment": fulfilment,
        "campaign": document.campaign,
        "stores": stores,
        "carbon_g": document.carbon_g,
    })
}

/// A campaign document.
pub(crate) fn campaign(document: &CampaignDocument) -> Value {
    let threshold = |(spend, off): &(u64, u64)| json!({ "spend": spend, "off": off });
    let window = |window: &tidegate_protocol::document::CouponWindow| {
        json!({
            "event": window.event,
            "percent_off": window.percent_off,
            "window_s": window.window_s,
            "skus": window.skus,
        })
    };
    let green =
        document.green.map(|(grams, percent)| json!({ "max_carbon_g": grams, "percent_off": percent }));
    json!({
        "title": document.title,
        "starts_at": document.starts_at,
        "ends_at": document.ends_at,
        "skus": document.skus,
        "per_buyer_limit": document.per_buyer_limit,
        "thresholds": document.thresholds.iter().map(threshold).collect::<Vec<_>>(),
        "coupon_windows": document.coupon_windows.iter().map(window).collect::<Vec<_>>(),
        "green": green,
        "order_of_discounts": document.order_of_discounts.iter().map(|kind| kind.word()).collect::<Vec<_>>(),
    })
}

/// A campaign file.
pub(crate) fn file(file: &CampaignFile) -> Value {
    let skus: Map<String, Value> =
        file.skus.iter().map(|(name, document)| (name.clone(), sku(document))).collect();
    let mut whole = json!({ "skus": skus });
    if let Some((name, document)) = &file.campaign {
        let mut document = campaign(document);
        document["id"] = name.as_str().into();
        whole["campaign"] = document;
    }
    whole
}
