//! Campaign files: a campaign and its SKUs at once, loaded as by a `CAMPAIGN.PUT` and as many `SKU.PUT`s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use tidegate_actors::{Body, Fault, House, Outcome, Reply};
use tidegate_engine::{Answer, Command};
use tidegate_protocol::document::{CampaignDocument, CampaignFile};
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
        let campaign = read(file).await.with_context(|| format!("campaign file {}", file.display()))?;
        if let Some((name, document)) = &campaign.campaign {
            put_campaign(house, name, document, &format!("campaign file {}: campaign", file.display()))
                .await?;
        }
        let (mut created, mut updated, mut unchanged) = (0, 0, 0);
        for (name, document) in &campaign.skus {
            let (terms, stock) = convert::put_document(document).map_err(|error| {
                anyhow!("campaign file {}: skus.{name}.{}", file.display(), error.message())
            })?;
            house
                .check_sku(name, &terms)
                .map_err(|error| anyhow!("campaign file {}: skus.{name}.{error}", file.display()))?;
            let mut body = Body::default();
            body.push_command(&Command::Put { terms: Arc::new(terms), stock });
            let path = format!("campaign file {}: skus.{name}", file.display());
            match answer(&path, house.find_or_create(name)?.send(body)).await? {
                Answer::Created => created += 1,
                Answer::Updated => updated += 1,
                _ => unchanged += 1,
            }
            // One by one, so that each is compared with the currency of those before it.
            house.enrol(Some(name)).await?;
        }
        let name = campaign.campaign.as_ref().map(|(name, _)| name.as_str());
        tracing::info!(file = %file.display(), campaign = name, created, updated, unchanged, "campaign loaded");
    }
    Ok(())
}

async fn put_campaign(
    house: &House,
    name: &str,
    document: &CampaignDocument,
    path: &str,
) -> anyhow::Result<()> {
    let terms =
        convert::campaign_document(document).map_err(|error| anyhow!("{path}.{}", error.message()))?;
    house.check_campaign(name, &terms).map_err(|error| anyhow!("{path}.{error}"))?;
    let mut body = Body::default();
    body.push_campaign(&convert::put_campaign(terms));
    answer(path, house.find_or_create_campaign(name)?.send(body)).await?;
    house.enrol(None).await?;
    Ok(())
}

/// The answer to the one thing that was asked. `path` is where it stands in the file.
async fn answer(
    path: &str,
    sent: Result<oneshot::Receiver<Outcome>, (Body, Fault)>,
) -> anyhow::Result<Answer> {
    match sent.map_err(|(_, fault)| fault)?.await?.replies?.first() {
        Some(Reply::Accepted(answer)) => Ok(*answer),
        Some(Reply::Refused(refusal)) => bail!("{path}.{refusal}"),
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
