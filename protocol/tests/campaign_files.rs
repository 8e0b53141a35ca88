//! Campaign files: what they say, and how it is said that they are wrong.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

use proptest::prelude::*;
use tidegate_protocol::document::CampaignFile;

#[test]
fn a_campaign_file_holds_skus_by_name() {
    let toml = CampaignFile::from_toml(
        r#"
        [skus.iphone]
        title = "Phone"
        stock = 10
        currency = "CNY"
        price.fixed = 599900
        starts_at = 2026-11-11T00:00:00+08:00

        [skus."case-1.0"]
        title = "Case"
        stock = 100
        currency = "CNY"
        price = { fixed = 9900 }
        starts_at = "2026-11-10T16:00:00Z"
        "#,
    )
    .unwrap();
    let mut names: Vec<_> = toml.skus.iter().map(|(name, sku)| (name.as_str(), sku.starts_at)).collect();
    names.sort_unstable();
    assert_eq!(names, [("case-1.0", Some(1_794_326_400_000)), ("iphone", Some(1_794_326_400_000))]);
    let json = CampaignFile::from_json(
        r#"{"skus": {"iphone": {"title": "Phone", "stock": 10, "currency": "CNY", "price": {"fixed": 599900}}}}"#,
    )
    .unwrap();
    assert_eq!(json.skus.len(), 1);
}

#[test]
fn a_campaign_file_names_the_field_that_is_wrong() {
    let toml = |text: &str| CampaignFile::from_toml(text).unwrap_err().to_string();
    assert_eq!(toml("[campaign]\ntitle = 'x'\n[skus]"), "campaign.id: is missing");
    assert_eq!(
        toml("[campaign]\nid = 'x y'\n[skus]"),
        "campaign.id: must be the campaign's name: 1 to 64 characters of A-Z a-z 0-9 . _ -"
    );
    assert_eq!(toml("[campaign]\nid = 'x'\n[skus]"), "campaign.title: is missing");
    assert!(
        toml("[campaign]\nid = 'x'\ntitle = 'x'\nsale = 1\n[skus]")
            .starts_with("campaign.sale: is not a field")
    );
    assert_eq!(toml(""), "skus: is missing");
    assert_eq!(toml("[skus.a]\nstock = 1"), "skus.a.title: is missing");
    assert_eq!(
        toml("[skus.a]\ntitle='t'\nstock=1\ncurrency='CNY'\nprice.fixed=0.5"),
        "skus.a.price.fixed: must be a whole number of minor units from 1 to 9007199254740991"
    );
    assert_eq!(
        toml("[skus.a]\ntitle='t'\nstock=1\ncurrency='CNY'\nprice.fixed=1\nstarts_at=5\nends_at=4"),
        "skus.a.ends_at: must be after starts_at"
    );
    assert!(toml("[skus.'a b']").starts_with("skus.a b: a SKU's name must be"));
    assert!(toml("[skus.'']").starts_with("skus.\"\": a SKU's name must be"));
    assert!(
        toml("[skus.a]\nstarts_at = 2026-11-11T00:00:00\ntitle='t'\nstock=1\ncurrency='CNY'\nprice.fixed=1")
            .starts_with("skus.a.starts_at: must be a time with an offset")
    );
    assert!(toml("skus = ").starts_with("document: is not valid TOML"));
    assert!(toml("[skus]\n[sku.a]").starts_with("sku: is not a field; there are campaign, skus"));
}

#[test]
fn the_campaign_of_a_file_is_that_of_its_skus_unless_it_says_otherwise() {
    let sku = "title='t'\nstock=1\ncurrency='CNY'\nprice.fixed=1";
    let file = |campaign: &str| {
        let text = format!(
            "[campaign]\nid = 'fair'\ntitle = 'Fair'\n{campaign}\n[skus.a]\n{sku}\n[skus.b]\n{sku}\ncampaign='other'"
        );
        let (id, document) = CampaignFile::from_toml(&text).unwrap().campaign.unwrap();
        (id, document.skus.unwrap())
    };
    assert_eq!(file(""), ("fair".to_owned(), vec!["a".to_owned()]));
    assert_eq!(file("skus = ['x']"), ("fair".to_owned(), vec!["x".to_owned()]));
}

#[test]
fn the_sample_campaign_is_one() {
    let campaign = CampaignFile::from_toml(include_str!("../../config/campaign.toml")).unwrap();
    let names: Vec<_> = campaign.skus.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "console-launch",
            "desk-lamp",
            "game-keys",
            "garden-chair",
            "kettle",
            "members-print",
            "night-flight",
            "tea-mug"
        ]
    );
}

proptest! {
    #[test]
    fn text_of_any_kind_is_refused_or_read_but_never_panics(text in r#"[\[\]{}":,a-z0-9.\-e ]{0,80}"#) {
        let _ = CampaignFile::from_toml(&text);
    }
}
