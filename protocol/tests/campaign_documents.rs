//! Campaign documents: what they say, and how it is said that they are wrong.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

use tidegate_protocol::document::{CampaignDocument, CouponWindow, Discount};

/// A campaign with one field in place of another value, or without it.
fn campaign_with(field: &str, json: &str) -> String {
    format!(r#"{{"title": "Singles' Day", "skus": ["a", "b"], "{field}": {json}}}"#)
}

#[test]
fn a_campaign_says_when_what_and_how_much_off() {
    let document = CampaignDocument::from_json(
        r#"{"title": "Singles' Day", "starts_at": 1000, "ends_at": "1970-01-01T00:00:02Z", "skus": ["b", "a"],
            "per_buyer_limit": 5, "thresholds": [{"spend": 30000, "off": 4000}, {"spend": 50000, "off": 8000}],
            "coupon_windows": [{"event": "try_on", "percent_off": 20, "window_s": 1800, "skus": ["a"]},
                               {"event": "share", "percent_off": 100, "window_s": 1}],
            "green": {"max_carbon_g": 500, "percent_off": 3}, "order_of_discounts": ["green", "tier"]}"#,
    )
    .unwrap();
    let window = |event: &str, percent_off, window_s, skus: Option<&[&str]>| CouponWindow {
        event: event.to_owned(),
        percent_off,
        window_s,
        skus: skus.map(|skus| skus.iter().map(|sku| (*sku).to_owned()).collect()),
    };
    assert_eq!(
        document,
        CampaignDocument {
            title: "Singles' Day".to_owned(),
            starts_at: Some(1000),
            ends_at: Some(2000),
            skus: Some(vec!["b".to_owned(), "a".to_owned()]),
            per_buyer_limit: Some(5),
            thresholds: vec![(30_000, 4_000), (50_000, 8_000)],
            coupon_windows: vec![window("try_on", 20, 1800, Some(&["a"])), window("share", 100, 1, None)],
            green: Some((500, 3)),
            order_of_discounts: vec![Discount::Green, Discount::Tier],
        }
    );
    let least = CampaignDocument::from_json(r#"{"title": "x"}"#).unwrap();
    assert_eq!((least.skus, least.thresholds, least.green), (None, Vec::new(), None));
}

#[test]
fn every_wrong_field_of_a_campaign_is_named() {
    let percent = "must be a whole number of percent from 1 to 100";
    let table = [
        ("title", "7", "title", "is given twice"),
        ("ends_at", r#""never""#, "ends_at", "must be a time with an offset"),
        ("skus", "[]", "skus", "is given twice"),
        ("per_buyer_limit", "0", "per_buyer_limit", "must be a whole number of units from 1 to 1000000"),
        ("thresholds", r#"[{"spend": 100}]"#, "thresholds.0.off", "is missing"),
        ("thresholds", r#"[{"spend": 100, "off": 101}]"#, "thresholds.0.off", "must be at most spend"),
        (
            "thresholds",
            r#"[{"spend": 100, "off": 1}, {"spend": 100, "off": 2}]"#,
            "thresholds.1.spend",
            "must be above that of the threshold before",
        ),
        (
            "thresholds",
            r#"[{"spend": 0, "off": 0}]"#,
            "thresholds.0.spend",
            "must be a whole number of minor units",
        ),
        ("coupon_windows", r#"[{"event": "a"}]"#, "coupon_windows.0.percent_off", "is missing"),
        (
            "coupon_windows",
            r#"[{"event": "a b", "percent_off": 1, "window_s": 1}]"#,
            "coupon_windows.0.event",
            "must be 1 to 64 printable",
        ),
        (
            "coupon_windows",
            r#"[{"event": "a", "percent_off": 101, "window_s": 1}]"#,
            "coupon_windows.0.percent_off",
            percent,
        ),
        (
            "coupon_windows",
            r#"[{"event": "a", "percent_off": 0, "window_s": 1}]"#,
            "coupon_windows.0.percent_off",
            percent,
        ),
        (
            "coupon_windows",
            r#"[{"event": "a", "percent_off": 1, "window_s": 0}]"#,
            "coupon_windows.0.window_s",
            "must be a whole number of seconds from 1 to 2592000",
        ),
        (
            "coupon_windows",
            r#"[{"event": "a", "percent_off": 1, "window_s": 1}, {"event": "a", "percent_off": 2, "window_s": 1}]"#,
            "coupon_windows.1.event",
            "has a window already",
        ),
        (
            "coupon_windows",
            r#"[{"event": "a", "percent_off": 1, "window_s": 1, "skus": ["x", "y", "x"]}]"#,
            "coupon_windows.0.skus.2",
            "is named twice",
        ),
        ("green", r#"{"max_carbon_g": 1, "percent_off": 101}"#, "green.percent_off", percent),
        ("green", r#"{"percent_off": 1}"#, "green.max_carbon_g", "is missing"),
        ("order_of_discounts", r#"["tier", "tier"]"#, "order_of_discounts.1", "is named twice"),
        ("order_of_discounts", r#"["rebate"]"#, "order_of_discounts.0", "must be \"tier\""),
        (
            "order_of_discounts",
            r#"["threshold", "tier"]"#,
            "order_of_discounts",
            "threshold must be the last",
        ),
        ("colour", "1", "colour", "is not a field; there are starts_at, ends_at, title, skus,"),
    ];
    for (field, json, path, reason) in table {
        let told = CampaignDocument::from_json(&campaign_with(field, json)).unwrap_err().to_string();
        assert!(
            told.starts_with(&format!("{path}: {reason}")),
            "{field} = {json}\n told: {told}\n want: {reason}"
        );
    }
    let backwards = r#"{"title": "x", "starts_at": 2, "ends_at": 2}"#;
    let told = CampaignDocument::from_json(backwards).unwrap_err().to_string();
    assert_eq!(told, "ends_at: must be after starts_at");
}
