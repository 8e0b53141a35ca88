//! Campaign files: many SKU documents at once, loaded as by as many `SKU.PUT`s.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use tidegate_actors::{Body, House, Reply};
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
        let campaign = read(file).await.with_context(|| format!("campaign file {}", file.display()))?;
        let (mut created, mut updated, mut unchanged) = (0, 0, 0);
        for (name, document) in &campaign.skus {
            let put = convert::put_document(document).map_err(|error| {
                anyhow!("campaign file {}: skus.{name}.{}", file.display(), error.message())
            })?;
            let mut body = Body::default();
            body.push_command(&put);
            let outcome = house.find_or_create(name)?.send(body).map_err(|(_, fault)| fault)?.await?;
            match outcome.replies?.first() {
                Some(Reply::Accepted(Answer::Created)) => created += 1,
                Some(Reply::Accepted(Answer::Updated)) => updated += 1,
                Some(Reply::Accepted(_)) => unchanged += 1,
                Some(Reply::Refused(refusal)) => {
                    bail!("campaign file {}: skus.{name}.{refusal}", file.display())
                }
                other => bail!("campaign file {}: skus.{name}: {other:?}", file.display()),
            }
        }
        tracing::info!(file = %file.display(), created, updated, unchanged, "campaign loaded");
    }
    Ok(())
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
