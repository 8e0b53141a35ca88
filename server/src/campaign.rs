//! Campaign files: a campaign and its SKUs at once, loaded as by a `CAMPAIGN.PUT` and as many `SKU.PUT`s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use tidegate_actors::{Document, House, PutError, Reply};
use tidegate_engine::Answer;
use tidegate_protocol::document::CampaignFile;
use tokio::sync::oneshot;

use crate::convert;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// Loads these files, in order.
///
/// # Errors
/// A file that can't be read or a field that is wrong, by name. What was loaded before it stays.
pub(crate) async fn load(house: &House, files: &[PathBuf]) -> anyhow::Result<()> {
    for file in files {
        let path = format!("campaign file {}", file.display());
        let campaign = read(file).await.with_context(|| path.clone())?;
        let Loaded { created, updated, unchanged } = put_all(house, &path, &campaign).await?;
        let name = campaign.campaign.as_ref().map(|(name, _)| name.as_str());
        tracing::info!(file = %file.display(), campaign = name, created, updated, unchanged, "campaign loaded");
    }
    Ok(())
}

/// What became of the SKUs of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// So many are new.
    pub created: usize,
    /// So many have other terms than before.
    pub updated: usize,
    /// So many are as they were.
    pub unchanged: usize,
}

/// Puts everything that a file holds. `path` names the file.
///
/// # Errors
/// The field that is wrong, by name. What was put before it stays.
pub(crate) async fn put_all(house: &House, path: &str, file: &CampaignFile) -> anyhow::Result<Loaded> {
    if let Some((name, document)) = &file.campaign {
        let path = format!("{path}: campaign");
        let terms =
            convert::campaign_document(document).map_err(|error| anyhow!("{path}.{}", error.message()))?;
        put(house, &path, name, Document::Campaign(Arc::new(terms))).await?;
    }
    let mut loaded = Loaded::default();
    for (name, document) in &file.skus {
        let path = format!("{path}: skus.{name}");
        let document =
            convert::put_document(document).map_err(|error| anyhow!("{path}.{}", error.message()))?;
        match put(house, &path, name, document).await? {
            Answer::Created => loaded.created += 1,
            Answer::Updated => loaded.updated += 1,
            _ => loaded.unchanged += 1,
        }
    }
    Ok(loaded)
}

/// Puts one document. `path` is where it stands in the file.
async fn put(house: &House, path: &str, name: &str, document: Document) -> anyhow::Result<Answer> {
    match house.put(vec![(name.into(), document)]).await.pop() {
        Some(Ok(Reply::Accepted(answer))) => Ok(answer),
        Some(Ok(Reply::Refused(refusal))) => bail!("{path}.{refusal}"),
        Some(Err(PutError::Unfit(error))) => bail!("{path}.{error}"),
        Some(Err(error)) => bail!("{path}: {error}"),
        _ => bail!("{path}: it was not accepted, which is a defect; please report it"),
    }
}

/// Reads on a thread of its own: the file may be large, or a pipe, and the doors must answer meanwhile.
async fn read(file: &Path) -> anyhow::Result<CampaignFile> {
    let (done, read) = oneshot::channel();
    let file = file.to_owned();
    std::thread::Builder::new().name("campaign".to_owned()).spawn(move || {
        // Nobody is there to hear it if the server was stopped.
        let _ = done.send(read_here(&file));
    })?;
    read.await.map_err(|_| anyhow!("reading it panicked"))?
}

fn read_here(file: &Path) -> anyhow::Result<CampaignFile> {
    let size = std::fs::metadata(file)?.len();
    if size > MAX_FILE {
        bail!("it has {size} bytes, and at most {MAX_FILE} are read; split it");
    }
    let text = std::fs::read_to_string(file)?;
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    Ok(if is_json { CampaignFile::from_json(&text) } else { CampaignFile::from_toml(&text) }?)
}
