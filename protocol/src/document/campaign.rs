//! The campaign file: everything that is on sale, in one file.

use super::DocumentError;
use super::node::Node;
use super::object::{Field, Object};
use super::sku::SkuDocument;
use crate::command::is_name;

/// A file that stands for a `SKU.PUT` of each SKU in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignFile {
    /// The SKUs by name, in no particular order.
    pub skus: Vec<(String, SkuDocument)>,
}

impl CampaignFile {
    /// Reads a TOML text. A date may be written as TOML's own, with an offset.
    pub fn from_toml(text: &str) -> Result<Self, DocumentError> {
        let node: Node = toml::from_str(text).map_err(|error| DocumentError::unreadable("TOML", error))?;
        CampaignFile::read(Object::root(node)?)
    }

    /// Reads a JSON text.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        let node: Node =
            serde_json::from_str(text).map_err(|error| DocumentError::unreadable("JSON", error))?;
        CampaignFile::read(Object::root(node)?)
    }

    fn read(mut object: Object) -> Result<Self, DocumentError> {
        object.later(&["campaign"])?;
        let skus = object.required("skus")?.object()?;
        object.finish()?;
        let skus = skus.into_fields().map(|(name, field)| sku(name, field)).collect::<Result<_, _>>()?;
        Ok(CampaignFile { skus })
    }
}

fn sku(name: String, field: Field) -> Result<(String, SkuDocument), DocumentError> {
    if !is_name(&name) {
        return Err(field.wrong("a SKU's name must be 1 to 64 characters of A-Z a-z 0-9 . _ -"));
    }
    Ok((name, SkuDocument::read(field.object()?)?))
}
