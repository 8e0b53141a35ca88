//! SKU documents: what they say, and how it is said that they are wrong.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

use proptest::prelude::*;
use tidegate_protocol::document::{
    CampaignDocument, CampaignFile, Fulfilment, GroupBuy, LatePayment, Price, SkuDocument, Step, Store,
};
use tidegate_protocol::error::WireError;

const LEAST: &str = r#"{"title": "Phone", "stock": 10, "currency": "CNY", "price": {"fixed": 599900}}"#;

/// A small valid document with one field set to `json`, or taken away.
fn with(field: &str, json: Option<&str>) -> String {
    let mut fields = vec![
        ("title", r#""Phone""#),
        ("stock", "10"),
        ("currency", r#""CNY""#),
        ("price", r#"{"fixed": 1}"#),
    ];
    fields.retain(|(name, _)| *name != field);
    fields.extend(json.map(|json| (field, json)));
    let fields: Vec<String> = fields.iter().map(|(name, json)| format!("{name:?}: {json}")).collect();
    format!("{{{}}}", fields.join(", "))
}

fn error(json: &str) -> String {
    SkuDocument::from_json(json).unwrap_err().to_string()
}

#[test]
fn the_shortest_document_has_sensible_defaults() {
    let document = SkuDocument::from_json(LEAST).unwrap();
    assert_eq!(
        document,
        SkuDocument {
            title: "Phone".into(),
            stock: 10,
            currency: "CNY".into(),
            price: Price::Fixed(599_900),
            starts_at: None,
            ends_at: None,
            per_buyer_limit: None,
            per_order_limit: None,
            hold_s: 600,
            late_payment: LatePayment::Reacquire,
            max_lapses: None,
            allow: None,
            group_buy: None,
            fulfilment: None,
            campaign: None,
            stores: None,
            carbon_g: None,
        }
    );
}

#[test]
fn a_full_document_is_read_field_by_field() {
    let document = SkuDocument::from_json(
        r#"{"title": "手机 17", "stock": 0, "currency": "EUR", "price": {"fixed": 9007199254740991},
            "starts_at": "2026-11-11T00:00:00+08:00", "ends_at": 1794412800000, "per_buyer_limit": 2,
            "per_order_limit": 1, "hold_s": 2592000, "late_payment": "refund", "max_lapses": 3,
            "allow": ["u1", "u2"]}"#,
    )
    .unwrap();
    assert_eq!(document.starts_at, Some(1_794_326_400_000), "midnight in Shanghai is 16:00 in UTC");
    assert_eq!(document.ends_at, Some(1_794_412_800_000));
    assert_eq!(
        (document.per_buyer_limit, document.per_order_limit, document.max_lapses),
        (Some(2), Some(1), Some(3))
    );
    assert_eq!((document.hold_s, document.late_payment), (2_592_000, LatePayment::Refund));
    assert_eq!(document.allow, Some(vec!["u1".to_owned(), "u2".to_owned()]));
}

#[test]
fn a_ladder_may_be_said_in_percent_of_market_and_cost() {
    let json = r#"{"ladder": {"market": 10000, "start_percent": 120, "cost": 8001, "floor_percent": 110,
        "step_percent": 5, "every_s": 3600}}"#;
    let document = SkuDocument::from_json(&with("price", Some(json))).unwrap();
    // 88.011 is 88.01.
    let expected = Price::Ladder { start: 12_000, floor: 8_801, step: Step::Percent(5), every_s: 3600 };
    assert_eq!(document.price, expected);
    let json = r#"{"ladder": {"start": 12000, "floor": 8800, "step_amount": 600, "every_s": 60}}"#;
    let document = SkuDocument::from_json(&with("price", Some(json))).unwrap();
    let expected = Price::Ladder { start: 12_000, floor: 8_800, step: Step::Amount(600), every_s: 60 };
    assert_eq!(document.price, expected);
    let json = r#"{"dynamic": {"initial": 9900, "floor": 8000, "ceiling": 12000, "max_step_percent": 10}}"#;
    let document = SkuDocument::from_json(&with("price", Some(json))).unwrap();
    let expected = Price::Dynamic { initial: 9900, floor: 8000, ceiling: 12_000, max_step_percent: 10 };
    assert_eq!(document.price, expected);
}

#[test]
fn the_stock_of_a_sku_with_codes_is_their_number_and_they_are_not_shown() {
    let json = r#"{"title": "Game", "currency": "CNY", "price": {"fixed": 1}, "fulfilment": {"codes": ["K3Y", "K4Y"]}}"#;
    let document = SkuDocument::from_json(json).unwrap();
    assert_eq!(document.stock, 2);
    assert_eq!(document.fulfilment, Some(Fulfilment::Codes(vec!["K3Y".to_owned(), "K4Y".to_owned()])));
    assert!(!format!("{document:?}").contains("K3Y"), "{document:?}");
    let numbered = SkuDocument::from_json(&with("fulfilment", Some(r#"{"numbered": true}"#))).unwrap();
    assert_eq!(numbered.fulfilment, Some(Fulfilment::Numbered));
}

#[test]
fn stores_say_where_they_are_and_their_stock_is_the_skus() {
    let json = r#"{"title": "x", "currency": "CNY", "price": {"fixed": 1}, "stores": [
        {"id": "bund", "lat": 31.2304, "lon": 121.4737, "stock": 7}, {"id": "cape", "lat": -33.9, "lon": 18, "stock": 0}]}"#;
    let document = SkuDocument::from_json(json).unwrap();
    let store = |id: &str, lat_e6, lon_e6, stock| Store { id: id.to_owned(), lat_e6, lon_e6, stock };
    let stores = vec![store("bund", 31_230_400, 121_473_700, 7), store("cape", -33_900_000, 18_000_000, 0)];
    assert_eq!((document.stores, document.stock), (Some(stores), 7));
    let toml =
        "[skus.a]\ntitle='t'\ncurrency='CNY'\nprice.fixed=1\nstores=[{id='s', lat=-0.5, lon=10, stock=3}]";
    let file = CampaignFile::from_toml(toml).unwrap();
    assert_eq!(file.skus[0].1.stores, Some(vec![store("s", -500_000, 10_000_000, 3)]));
}

#[test]
fn tiers_ascend_and_rooms_are_open_for_a_day_unless_said_otherwise() {
    let tiers = r#"{"tiers": [{"members": 2, "percent_off": 10}, {"members": 10, "percent_off": 30}]}"#;
    let document = SkuDocument::from_json(&with("group_buy", Some(tiers))).unwrap();
    assert_eq!(document.group_buy, Some(GroupBuy { tiers: vec![(2, 10), (10, 30)], room_ttl_s: 86_400 }));
}

#[test]
fn null_is_as_good_as_leaving_an_optional_field_out() {
    assert!(SkuDocument::from_json(&with("ends_at", Some("null"))).is_ok());
    assert_eq!(error(&with("stock", Some("null"))), "stock: is missing");
}

#[test]
fn every_wrong_field_is_named() {
    let units = "must be a whole number of units from 0 to 1000000000";
    let money = "must be a whole number of minor units from 1 to 9007199254740991";
    let limit = "must be a whole number of units from 1 to 1000000";
    let hold = "must be a whole number of seconds from 1 to 2592000";
    let title = "must be a text of 1 to 200 characters without control characters";
    let long_title = format!("{:?}", "x".repeat(201));
    let table: &[(&str, Option<&str>, &str, &str)] = &[
        ("title", None, "title", "is missing"),
        ("stock", None, "stock", "is missing"),
        ("currency", None, "currency", "is missing"),
        ("price", None, "price", "is missing"),
        ("title", Some("7"), "title", title),
        ("title", Some(r#""""#), "title", title),
        ("title", Some(r#""a\nb""#), "title", title),
        ("title", Some(&long_title), "title", title),
        ("stock", Some("-1"), "stock", units),
        ("stock", Some("1.5"), "stock", units),
        ("stock", Some("1e3"), "stock", units),
        ("stock", Some(r#""10""#), "stock", units),
        ("stock", Some("1000000001"), "stock", units),
        ("stock", Some("99999999999999999999999"), "stock", units),
        ("stock", Some("true"), "stock", units),
        ("currency", Some(r#""cny""#), "currency", "must be three upper-case letters, such as CNY"),
        ("currency", Some(r#""EURO""#), "currency", "must be three upper-case letters, such as CNY"),
        ("price", Some("599900"), "price", "must be an object"),
        ("price", Some("{}"), "price", "must be one of fixed, ladder and dynamic"),
        ("price", Some(r#"{"fixed": 0}"#), "price.fixed", money),
        ("price", Some(r#"{"fixed": -5}"#), "price.fixed", money),
        ("price", Some(r#"{"fixed": 59.99}"#), "price.fixed", money),
        ("price", Some(r#"{"fixed": 9007199254740992}"#), "price.fixed", money),
        ("price", Some(r#"{"fixed": 1, "fixed": 2}"#), "price.fixed", "is given twice"),
        (
            "price",
            Some(r#"{"fixed": 1, "fix": 2}"#),
            "price.fix",
            "is not a field; there are fixed, ladder, dynamic",
        ),
        (
            "price",
            Some(r#"{"fixed": 1, "dynamic": {}}"#),
            "price",
            "must be one of fixed, ladder and dynamic",
        ),
        (
            "price",
            Some(r#"{"ladder": {}}"#),
            "price.ladder.start",
            "must be there, or else market and start_percent",
        ),
        ("price", Some(r#"{"ladder": {"market": 9}}"#), "price.ladder.start", "must be there, or else"),
        (
            "price",
            Some(r#"{"ladder": {"start": 9, "market": 9, "start_percent": 120}}"#),
            "price.ladder.start",
            "must be there, or else market and start_percent",
        ),
        (
            "price",
            Some(r#"{"ladder": {"start": 9}}"#),
            "price.ladder.floor",
            "must be there, or else cost and",
        ),
        (
            "price",
            Some(r#"{"ladder": {"start": 9, "floor": 5, "every_s": 1}}"#),
            "price.ladder.step_percent",
            "must be there, or else step_amount",
        ),
        (
            "price",
            Some(r#"{"ladder": {"start": 9, "floor": 5, "step_percent": 101, "every_s": 1}}"#),
            "price.ladder.step_percent",
            "must be a whole number of percent from 1 to 100",
        ),
        (
            "price",
            Some(r#"{"ladder": {"start": 9, "floor": 5, "step_amount": 0, "every_s": 1}}"#),
            "price.ladder.step_amount",
            money,
        ),
        (
            "price",
            Some(r#"{"ladder": {"start": 9, "floor": 5, "step_amount": 1, "every_s": 0}}"#),
            "price.ladder.every_s",
            "must be a whole number of seconds from 1 to 31536000",
        ),
        (
            "price",
            Some(r#"{"ladder": {"start": 9, "floor": 10, "step_amount": 1, "every_s": 1}}"#),
            "price.ladder.floor",
            "must not be above the start, 9",
        ),
        (
            "price",
            Some(
                r#"{"ladder": {"market": 9007199254740991, "start_percent": 120, "floor": 5, "step_amount": 1, "every_s": 1}}"#,
            ),
            "price.ladder.start",
            "market times start_percent must be from 1 to 9007199254740991",
        ),
        ("price", Some(r#"{"dynamic": {"initial": 9}}"#), "price.dynamic.floor", "is missing"),
        (
            "price",
            Some(r#"{"dynamic": {"initial": 9, "floor": 10, "ceiling": 12, "max_step_percent": 10}}"#),
            "price.dynamic.initial",
            "must be from floor, 10, to ceiling, 12",
        ),
        (
            "price",
            Some(r#"{"dynamic": {"initial": 9, "floor": 1, "ceiling": 12, "max_step_percent": 0}}"#),
            "price.dynamic.max_step_percent",
            "must be a whole number of percent from 1 to 100",
        ),
        ("starts_at", Some(r#""2026-11-11T00:00:00""#), "starts_at", "must be a time with an offset"),
        ("starts_at", Some(r#""tomorrow""#), "starts_at", "must be a time with an offset"),
        ("starts_at", Some("-1"), "starts_at", "must be a time with an offset"),
        ("ends_at", Some("1e12"), "ends_at", "must be a time with an offset"),
        ("per_buyer_limit", Some("0"), "per_buyer_limit", limit),
        ("per_order_limit", Some("1000001"), "per_order_limit", limit),
        ("hold_s", Some("0"), "hold_s", hold),
        ("hold_s", Some("2592001"), "hold_s", hold),
        ("late_payment", Some(r#""keep""#), "late_payment", r#"must be "reacquire" or "refund""#),
        ("max_lapses", Some("0"), "max_lapses", "must be a whole number from 1 to 65535"),
        ("allow", Some(r#""u1""#), "allow", "must be a list"),
        ("allow", Some("[]"), "allow", "must have 1 to 100000 entries"),
        ("allow", Some(r#"["u1", "u 2"]"#), "allow.1", "must be a buyer"),
        ("allow", Some("[7]"), "allow.0", "must be a buyer"),
        ("campaign", Some(r#""double 11""#), "campaign", "must be a campaign: 1 to 64 characters"),
        ("group_buy", Some("[]"), "group_buy", "must be an object"),
        ("group_buy", Some("{}"), "group_buy.tiers", "is missing"),
        ("group_buy", Some(r#"{"tiers": []}"#), "group_buy.tiers", "must have 1 to 10 entries"),
        ("group_buy", Some(r#"{"tiers": [2]}"#), "group_buy.tiers.0", "must be an object"),
        ("group_buy", Some(r#"{"tiers": [{"members": 2}]}"#), "group_buy.tiers.0.percent_off", "is missing"),
        (
            "group_buy",
            Some(r#"{"tiers": [{"members": 1, "percent_off": 5}]}"#),
            "group_buy.tiers.0.members",
            "must be a whole number of members from 2 to 1000",
        ),
        (
            "group_buy",
            Some(r#"{"tiers": [{"members": 2, "percent_off": 101}]}"#),
            "group_buy.tiers.0.percent_off",
            "must be a whole number of percent from 1 to 99",
        ),
        (
            "group_buy",
            Some(r#"{"tiers": [{"members": 5, "percent_off": 10}, {"members": 5, "percent_off": 20}]}"#),
            "group_buy.tiers.1.members",
            "must be above that of the tier before",
        ),
        (
            "group_buy",
            Some(r#"{"tiers": [{"members": 2, "percent_off": 20}, {"members": 5, "percent_off": 20}]}"#),
            "group_buy.tiers.1.percent_off",
            "must be above that of the tier before",
        ),
        (
            "group_buy",
            Some(r#"{"tiers": [{"members": 2, "percent_off": 20}], "room_ttl_s": 0}"#),
            "group_buy.room_ttl_s",
            "must be a whole number of seconds from 1 to 2592000",
        ),
        ("fulfilment", Some("{}"), "fulfilment", "must be one of codes and numbered"),
        ("fulfilment", Some(r#"{"numbered": false}"#), "fulfilment.numbered", "must be true, or left out"),
        ("fulfilment", Some(r#"{"numbered": true, "codes": ["a"]}"#), "fulfilment", "must be one of"),
        ("fulfilment", Some(r#"{"codes": []}"#), "fulfilment.codes", "must have 1 to 100000 entries"),
        ("fulfilment", Some(r#"{"codes": ["a b"]}"#), "fulfilment.codes.0", "must be a code"),
        ("fulfilment", Some(r#"{"codes": ["a", "b", "a"]}"#), "fulfilment.codes.2", "is there twice"),
        ("fulfilment", Some(r#"{"codes": ["a", "b"]}"#), "stock", "must be the number of codes, 2"),
        ("stores", Some("[]"), "stores", "must have 1 to 1000 entries"),
        (
            "stores",
            Some(r#"[{"id": "a/b", "lat": 1, "lon": 1, "stock": 1}]"#),
            "stores.0.id",
            "must be 1 to 64",
        ),
        (
            "stores",
            Some(r#"[{"id": "a", "lat": 90.1, "lon": 1, "stock": 1}]"#),
            "stores.0.lat",
            "must be degrees",
        ),
        (
            "stores",
            Some(r#"[{"id": "a", "lat": "1", "lon": 1, "stock": 1}]"#),
            "stores.0.lat",
            "must be degrees",
        ),
        (
            "stores",
            Some(r#"[{"id": "a", "lat": 1, "lon": -181, "stock": 1}]"#),
            "stores.0.lon",
            "must be degrees",
        ),
        (
            "stores",
            Some(r#"[{"id": "a", "lat": 1, "lon": 1, "stock": -1}]"#),
            "stores.0.stock",
            "must be a whole",
        ),
        (
            "stores",
            Some(r#"[{"id": "a", "lat": 1, "lon": 1, "stock": 1}]"#),
            "stock",
            "must be the sum of the stores', 1",
        ),
        (
            "stores",
            Some(
                r#"[{"id": "a", "lat": 1, "lon": 1, "stock": 1}, {"id": "a", "lat": 1, "lon": 1, "stock": 1}]"#,
            ),
            "stores.1.id",
            "is there twice",
        ),
        ("carbon_g", Some("-1"), "carbon_g", "must be a whole number of grams from 0 to 1000000000"),
        ("colour", Some(r#""red""#), "colour", "is not a field; there are title, fulfilment, starts_at,"),
        ("", Some("1"), "\"\"", "is not a field; there are title, fulfilment, starts_at,"),
        ("price", Some(r#"{"": 1}"#), "price.\"\"", "is not a field; there are fixed, ladder, dynamic"),
    ];
    for (field, json, path, reason) in table {
        let told = error(&with(field, *json));
        assert!(
            told.starts_with(&format!("{path}: {reason}")),
            "{field} = {json:?}\n told: {told}\n want: {reason}"
        );
    }
}

#[test]
fn a_sale_must_end_after_it_starts() {
    let json = |end: u64| {
        LEAST.replace("{\"title\"", &format!("{{\"starts_at\": 1000, \"ends_at\": {end}, \"title\""))
    };
    assert!(SkuDocument::from_json(&json(1001)).is_ok());
    assert_eq!(error(&json(1000)), "ends_at: must be after starts_at");
}

#[test]
fn what_is_no_document_is_told_so() {
    assert_eq!(error("[]"), "document: must be an object");
    assert!(error("{\"title\": ").starts_with("document: is not valid JSON: EOF while parsing"));
    assert!(error("").starts_with("document: is not valid JSON"));
    assert!(error(&"[".repeat(60_000)).starts_with("document: is not valid JSON: recursion limit"));
    assert_eq!(error(r#"{"title": "a", "title": "b"}"#), "title: is given twice");
}

#[test]
fn an_error_repeats_only_a_part_of_the_document() {
    let told = error(&with(&"k\u{7f}".repeat(20_000), Some("1")));
    assert!(told.len() < 400 && !told.contains(char::is_control), "{told}");
}

#[test]
fn a_document_error_is_a_wire_error() {
    let error =
        WireError::from(SkuDocument::from_json(&with("price", Some(r#"{"fixed": -1}"#))).unwrap_err());
    assert_eq!(
        error.to_string(),
        "ERR price.fixed: must be a whole number of minor units from 1 to 9007199254740991"
    );
}

proptest! {
    #[test]
    fn text_of_any_kind_is_refused_or_read_but_never_panics(text in r#"[\[\]{}":,a-z0-9.\-e ]{0,80}"#) {
        let _ = SkuDocument::from_json(&text);
    }
}

#[test]
fn a_document_is_no_larger_than_a_record() {
    let buyers = |count: usize| (0..count).map(|n| format!("{n:0>64}")).collect::<Vec<_>>();
    let codes: Vec<String> = (0..50_000).map(|n| format!("{n:0>128}")).collect();
    let document = |buyers: &[String]| {
        let lists = format!(r#""fulfilment": {{"codes": {codes:?}}}, "allow": {buyers:?}"#);
        SkuDocument::from_json(&format!(
            r#"{{"title": "x", "currency": "CNY", "price": {{"fixed": 1}}, {lists}}}"#
        ))
    };
    assert!(document(&buyers(30_000)).is_ok());
    let told = document(&buyers(32_000)).unwrap_err().to_string();
    assert_eq!(told, "allow: together with the codes has more than 8 MiB; sell in several SKUs");
    let skus = |count: usize| (0..count).map(|n| format!("sku-{n}")).collect::<Vec<_>>();
    let window = format!(r#"{{"event": "a", "percent_off": 1, "window_s": 1, "skus": {:?}}}"#, skus(60_000));
    let campaign = |count| {
        let names = skus(count);
        CampaignDocument::from_json(&format!(
            r#"{{"title": "x", "skus": {names:?}, "coupon_windows": [{window}]}}"#
        ))
    };
    assert!(campaign(40_000).is_ok());
    let told = campaign(40_001).unwrap_err().to_string();
    assert_eq!(told, "skus: together with those of coupon_windows are more than 100000");
}
