//! The campaign file: everything that is on sale, in one file.

use super::DocumentError;
use super::campaign::CampaignDocument;
use super::node::Node;
use super::object::{Field, Object};
use super::sku::SkuDocument;
use crate::command::is_name;

/// A file that stands for a `CAMPAIGN.PUT`, if it holds a campaign, and a `SKU.PUT` of each SKU in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignFile {
    /// The campaign with its name. If it names no SKUs, it is that of all SKUs of the file which name no campaign.
    pub campaign: Option<(String, CampaignDocument)>,
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
        let mut campaign = object.optional("campaign").map(campaign).transpose()?;
        let skus = object.required("skus")?.object()?;
        object.finish()?;
        let skus: Vec<_> =
            skus.into_fields().map(|(name, field)| sku(name, field)).collect::<Result<_, _>>()?;
        if let Some((_, document)) = &mut campaign {
            let silent = skus.iter().filter(|(_, sku): &&(String, SkuDocument)| sku.campaign.is_none());
            document.skus.get_or_insert_with(|| silent.map(|(name, _)| name.clone()).collect());
        }
        Ok(CampaignFile { campaign, skus })
    }
}

fn campaign(field: Field) -> Result<(String, CampaignDocument), DocumentError> {
    let mut object = field.object()?;
    let id = object
        .required("id")?
        .text("must be the campaign's name: 1 to 64 characters of A-Z a-z 0-9 . _ -", is_name)?;
    let document = CampaignDocument::read(&mut object)?;
    object.finish()?;
    Ok((id, document))
}

fn sku(name: String, field: Field) -> Result<(String, SkuDocument), DocumentError> {
    if !is_name(&name) {
        return Err(field.wrong("a SKU's name must be 1 to 64 characters of A-Z a-z 0-9 . _ -"));
    }
    Ok((name, SkuDocument::read(field.object()?)?))
}
