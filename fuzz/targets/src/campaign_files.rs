//! Campaign files: one is loaded as it is written, and loading it once more changes nothing; or the field that is wrong is named.

use tidegate_protocol::document::CampaignFile;

use crate::stage::{self, Stage};
use crate::{books, canonical, documents};

/// More SKUs than this are not loaded: it takes long and shows nothing new.
const MOST_SKUS: usize = 16;

/// A file. If it begins with a brace it is JSON, else TOML.
///
/// # Panics
/// If it is another when it is written again, does not come to be on sale as it says, changes something when it is loaded
/// again, or is refused without a word of where.
pub fn campaign_files(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let is_json = text.trim_ascii_start().starts_with('{');
    let file = match if is_json { CampaignFile::from_json(text) } else { CampaignFile::from_toml(text) } {
        Ok(file) => file,
        Err(error) => return documents::told(&error),
    };
    let again = canonical::file(&file).to_string();
    let read = CampaignFile::from_json(&again).unwrap_or_else(|error| panic!("{error}: {again}"));
    assert_eq!(read.campaign, file.campaign, "{again}");
    assert_eq!(by_name(&read), by_name(&file), "{again}");
    if file.skus.len() <= MOST_SKUS {
        stage::run(async || load(file).await);
    }
}

fn by_name(file: &CampaignFile) -> Vec<&(String, tidegate_protocol::document::SkuDocument)> {
    let mut skus: Vec<_> = file.skus.iter().collect();
    skus.sort_by_key(|(name, _)| name);
    skus
}

async fn load(file: CampaignFile) {
    let mut stage = Stage::open().await;
    match stage.server.load(file.clone()).await {
        Ok(loaded) => {
            assert_eq!((loaded.created, loaded.updated, loaded.unchanged), (file.skus.len(), 0, 0));
            books::audit(&mut stage).await;
            for (name, document) in &file.skus {
                let total = books::field(&mut stage, &format!("SKU.GET {name}"), "total").await;
                assert_eq!(total, i64::try_from(document.stock).ok(), "{name}");
            }
            stage.restart().await;
            let loaded =
                stage.server.load(file.clone()).await.expect("it is refused when it is loaded again");
            assert_eq!((loaded.created, loaded.updated, loaded.unchanged), (0, 0, file.skus.len()));
        }
        Err(error) => {
            let text = format!("{error:#}");
            let (_, place) = text.split_once("campaign file: ").expect("an error that names no file");
            assert!(place.starts_with("skus.") || place.starts_with("campaign"), "{text:?} names no field");
        }
    }
}
