//! Documents: what is sold, as an administrator writes it, in JSON or TOML.
//!
//! Reading is strict. An unknown key, a key given twice, a value of another type or out of its range is
//! an error that names the field, so that a typing error can't become a sale at the wrong price.

mod campaign;
mod file;
mod fulfilment;
mod group_buy;
mod node;
mod object;
mod price;
mod schema;
mod sku;
mod stores;

pub use campaign::{CampaignDocument, CouponWindow, Discount};
pub use file::CampaignFile;
pub use fulfilment::Fulfilment;
pub use group_buy::GroupBuy;
pub use price::{Price, Step};
pub use schema::{campaign_schema, sku_schema};
pub use sku::{LatePayment, SkuDocument};
pub use stores::Store;

use thiserror::Error;

use crate::error::WireError;

/// What is wrong with a document: `price.fixed: must be a whole number ...`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {reason}")]
pub struct DocumentError {
    /// The path of the field, joined with dots; `document` if it can't be read at all.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

impl DocumentError {
    /// An error at the field of this path. What comes from the document is cut and made printable, because
    /// the text ends up in a RESP error.
    fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        DocumentError { field: field.into(), reason: reason.into() }
    }

    /// The text can't be read as JSON or TOML.
    fn unreadable(format: &str, error: impl std::fmt::Display) -> Self {
        DocumentError::new(
            "document",
            format!("is not valid {format}: {}", clip(error.to_string().trim(), 300)),
        )
    }
}

impl From<DocumentError> for WireError {
    fn from(error: DocumentError) -> Self {
        WireError::invalid(error.to_string())
    }
}

/// At most `most` characters of `text`, none of them a control character.
fn clip(text: &str, most: usize) -> String {
    let mut clipped: String =
        text.chars().take(most).map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if text.chars().nth(most).is_some() {
        clipped.push_str("...");
    }
    clipped
}
