//! Documents: what is taken fits the schema that is published and says the same when it is written again; what is not is
//! refused by the name of a field.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;
use tidegate_protocol::document::{
    CampaignDocument, DocumentError, SkuDocument, campaign_schema, sku_schema,
};

use crate::{canonical, memory};

static SKU: LazyLock<Validator> = LazyLock::new(|| jsonschema::validator_for(&sku_schema()).unwrap());
static CAMPAIGN: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::validator_for(&campaign_schema()).unwrap());

/// The longest text of an error, in bytes.
const MOST_TOLD: usize = 1024;

/// What a document may ask for, besides what each of its bytes may: `[[[...` makes a list of each.
const MEMORY: usize = 16 << 10;
const MEMORY_OF_A_BYTE: usize = 256;

/// A document, which is tried as that of a SKU and as that of a campaign.
///
/// # Panics
/// If one is taken that the schema refuses or that is another when it is written again, too much memory is asked for, or
/// what is wrong is not told.
pub fn documents(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let most = MEMORY + MEMORY_OF_A_BYTE * text.len();
    match memory::within(most, "a SKU document", || SkuDocument::from_json(text)) {
        Ok(document) => {
            fits(&SKU, text);
            let again = canonical::sku(&document).to_string();
            assert_eq!(SkuDocument::from_json(&again), Ok(document), "{again}");
            fits(&SKU, &again);
        }
        Err(error) => told(&error),
    }
    match memory::within(most, "a campaign document", || CampaignDocument::from_json(text)) {
        Ok(document) => {
            fits(&CAMPAIGN, text);
            let again = canonical::campaign(&document).to_string();
            assert_eq!(CampaignDocument::from_json(&again), Ok(document), "{again}");
            fits(&CAMPAIGN, &again);
        }
        Err(error) => told(&error),
    }
}

fn fits(schema: &Validator, text: &str) {
    let value: Value = serde_json::from_str(text).expect("a document that was taken is JSON");
    if let Err(error) = schema.validate(&value) {
        panic!("the schema refuses {text}: {error} at {}", error.instance_path());
    }
}

/// Whether somebody can find the mistake.
pub(crate) fn told(error: &DocumentError) {
    let text = error.to_string();
    assert!(!error.field.is_empty() && !error.reason.is_empty(), "{text:?} names no field");
    assert!(!text.chars().any(char::is_control), "{text:?} is no line");
    assert!(text.len() <= MOST_TOLD, "an error of {} bytes: {text}", text.len());
}
